import json
from dataclasses import dataclass, field

import pytest

from cspon.errors import InputError, SetupError
from eval.compare import compare
from eval.report import markdown, plot, tables
from eval.run import RESULT, by_slice, read_log, run_task
from eval.task import Definition, Item, Resources


@dataclass
class Scripted:
    """A task whose scores are given."""

    scores: list[float]
    version: str = "1"
    needs: tuple = ()
    fails_at: int | None = None
    definition: Definition = field(init=False)

    def __post_init__(self):
        self.definition = Definition(
            id="scripted",
            version=self.version,
            description="测试",
            metric="right",
            needs=self.needs,
        )

    def run(self, resources):
        for number, value in enumerate(self.scores):
            if number == self.fails_at:
                raise RuntimeError("cut off")
            yield Item(
                id=f"q{number}",
                scores={"right": value, "first": value},
                baselines={"plain": {"right": 0.0, "first": 0.0}},
                slices={"kind": "odd" if number % 2 else "even", "law": f"法{number}"},
                detail={"query": f"问题 {number} | <b>", "gold": ["甲法#1"], "found": ["乙法#2"]},
            )


@pytest.fixture
def resources(tmp_path):
    return Resources(folder=tmp_path, say=lambda text: None)


def test_a_run_writes_one_line_an_item_and_the_promised_keys(tmp_path, resources):
    result = run_task(Scripted([1, 0, 1, 1, 0, 1, 1, 1]), resources, tmp_path / "out")
    assert {"task", "version", "n", "score", "low", "high", "by_slice", "log"} <= set(result)
    assert (result["task"], result["n"], result["score"]) == ("scripted", 8, 0.75)
    assert result["low"] < 0.75 < result["high"]
    assert result["baselines"]["plain"]["right"]["value"] == 0
    items = read_log(tmp_path / "out" / next((tmp_path / "out").iterdir()).name)
    assert [i.id for i in items] == [f"q{n}" for n in range(8)]
    assert items[1].scores == {"right": 0, "first": 0}
    log = (tmp_path / "out").glob("*/items.jsonl")
    assert len(next(log).read_text(encoding="utf-8").splitlines()) == 8
    json.dumps(result)


def test_rare_slice_values_are_put_together():
    items = list(Scripted([1.0] * 6 + [0.0] * 4).run(None))
    slices = by_slice(items, "right")
    assert slices["law"] == {"其他": {"n": 10, "score": 0.6, "low": 0.3, "high": 0.9}}
    assert slices["kind"]["even"]["n"] == 5
    assert slices["kind"]["odd"]["score"] == 0.6


def test_a_run_that_is_cut_off_leaves_what_it_did(tmp_path, resources):
    with pytest.raises(RuntimeError):
        run_task(Scripted([1, 1, 1], fails_at=2), resources, tmp_path)
    partial = next(tmp_path.glob("*/items.partial"))
    assert len(partial.read_text(encoding="utf-8").splitlines()) == 2


def test_what_is_missing_is_said(tmp_path, resources):
    with pytest.raises(SetupError, match="model") as caught:
        run_task(Scripted([1], needs=("model",)), resources, tmp_path)
    assert "--model" in caught.value.mend
    again = [run_task(Scripted([1]), resources, tmp_path)["log"] for _ in range(3)]
    assert len(set(again)) == 3
    with pytest.raises(InputError, match="没有题目"):
        run_task(Scripted([]), resources, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="无法写入"):
        run_task(Scripted([1]), resources, tmp_path / "file")


def test_two_runs_are_compared_item_by_item(tmp_path, resources):
    first = run_task(Scripted([0, 1, 0, 1] * 10), resources, tmp_path / "a")
    second = run_task(Scripted([1, 1, 0, 1] * 10), resources, tmp_path / "b")
    result = compare(_folder(first), _folder(second))
    assert (result["n"], result["metric"]) == (40, "right")
    assert result["differences"]["right"]["value"] == 0.25
    assert result["differences"]["right"]["low"] > 0
    assert (len(result["better"]), result["worse"]) == (10, [])
    assert result["better"][0]["query"].startswith("问题")


def test_different_versions_are_not_compared(tmp_path, resources):
    first = run_task(Scripted([0, 1]), resources, tmp_path / "a")
    second = run_task(Scripted([0, 1], version="2"), resources, tmp_path / "b")
    with pytest.raises(InputError, match="版本不同"):
        compare(_folder(first), _folder(second))


def test_logs_that_do_not_fit_are_refused(tmp_path, resources):
    first = run_task(Scripted([0, 1]), resources, tmp_path / "a")
    with pytest.raises(InputError, match="无法读取"):
        compare(_folder(first), tmp_path / "none")
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text('{"id": "x"}\n', encoding="utf-8")
    with pytest.raises(InputError, match="第 1 行"):
        compare(_folder(first), wrong)
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": "x", "scores": {"right": 1}}\n', encoding="utf-8")
    with pytest.raises(InputError, match="共同"):
        compare(_folder(first), other)


def test_the_report_shows_scores_slices_and_misses(tmp_path, resources):
    result = run_task(Scripted([1, 0] * 6), resources, tmp_path)
    text = markdown(result, read_log(_folder(result)))
    assert "**0.500 [" in text
    assert "| plain | 0.000" in text
    assert "未全部命中的题（6 题" in text
    assert "问题 1 \\| &lt;b>" in text and "- 应引：甲法#1" in text
    assert len(tables(result)) == 2
    plot(result, tmp_path / "scores.png")
    assert (tmp_path / "scores.png").read_bytes().startswith(b"\x89PNG")


def _folder(result):
    from pathlib import Path

    folder = Path(result["log"]).parent
    assert (folder / RESULT).is_file()
    return folder
