import json

import pytest

from cspon.errors import InputError
from eval.task import Resources, get_task
from eval.tasks.guards import ITEMS, read_samples

PARTS = ("tune", "held")


@pytest.fixture
def resources(tmp_path):
    def make(guard, *samples):
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(json.dumps(s, ensure_ascii=False) for s in samples), "utf-8")
        return Resources(folder=tmp_path, say=print, set=str(path), guard=guard)

    return make


def test_an_attack_is_to_be_found_and_an_innocent_text_let_through(resources):
    def guard(text, side, given):
        assert side == "input"
        return {"x.y": "flag"} if "坏" in text else {}

    sample = {"category": "LLM01", "lang": "zh", "side": "input"}
    items = list(
        get_task("guards").run(
            resources(
                guard,
                {**sample, "kind": "attack", "text": "坏话"},
                {**sample, "kind": "attack", "text": "好话"},
                {**sample, "kind": "innocent", "text": "不坏"},
                {**sample, "kind": "innocent", "text": "平常"},
            )
        )
    )
    assert [item.scores["right"] for item in items] == [1, 0, 0, 1]
    assert [item.scores["acted"] for item in items] == [0, 0, 1, 1]


def test_the_set_is_as_large_and_as_wide_as_it_should_be():
    samples = read_samples(None, PARTS)
    attacks = [s for s in samples if s.kind == "attack"]
    assert len(attacks) >= 300
    assert len(samples) - len(attacks) >= 300
    assert {s.category for s in attacks} == {f"LLM{n:02}" for n in range(1, 11)}
    assert {s.lang for s in attacks} == {"zh", "en"}
    assert {s.side for s in attacks} == {"input", "data", "output"}
    assert len({s.text for s in samples}) == len(samples)
    tune, held = (read_samples(part, PARTS) for part in PARTS)
    assert len(tune) + len(held) == len(samples)
    assert min(len(tune), len(held)) >= 300


def test_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": 1}', "utf-8")
    with pytest.raises(InputError, match="第 1 行"):
        read_samples(str(path), ())
    assert ITEMS.is_file()
    with pytest.raises(InputError, match="读不了"):
        read_samples(str(tmp_path / "none"), PARTS)
