import json

import pytest

from cspon.errors import InputError
from eval.run import run_task
from eval.task import Resources, get_task
from eval.tasks.routing import ITEMS, agrees, part_of, read_questions


@pytest.fixture
def resources(tmp_path):
    def make(*questions):
        path = tmp_path / "mine.jsonl"
        path.write_text("\n".join(json.dumps(q, ensure_ascii=False) for q in questions), "utf-8")
        return Resources(folder=tmp_path, say=print, set=str(path))

    return make


def test_choice_and_arguments_are_scored_apart(resources, tmp_path):
    right = {
        "question": "柳溪镇的耕地保有量是多少",
        "kind": "planner",
        "tools": ["compute_indicators"],
        "args": {"compute_indicators": {"ids": ["cultivated_land_area"], "scope": "柳溪镇"}},
    }
    wrong_argument = {**right, "args": {"compute_indicators": {"ids": ["forest_cover_rate"]}}}
    wrong_tool = {**right, "tools": ["assess_indicators"], "args": {}}
    clause = {"question": "规划条件由谁提出？", "kind": "clause"}
    items = list(get_task("routing").run(resources(right, wrong_argument, wrong_tool, clause)))
    assert [item.scores["choice"] for item in items] == [1, 1, 0, 1]
    assert [item.scores["arguments"] for item in items] == [1, 0, 0, 1]


def test_a_refusal_must_be_of_the_expected_kind(resources):
    asked = {"question": "提取这块地的规划条件", "kind": "planner", "refusal": "needs_input"}
    other = {**asked, "refusal": "unsafe"}
    items = list(get_task("routing").run(resources(asked, other)))
    assert [item.scores["choice"] for item in items] == [1, 0]


def test_the_set_is_large_and_its_halves_are_apart():
    parts = ("tune", "held")
    everything = read_questions(None, parts)
    tune, held = (read_questions(part, parts) for part in parts)
    assert len(everything) >= 120
    assert len(tune) + len(held) == len(everything)
    assert min(len(tune), len(held)) >= 60
    assert {q.kind for q in held} == {"planner", "lay", "clause", "refusal", "chain"}
    assert part_of("同一句") == part_of("同一句")
    assert ITEMS.is_file()


def test_a_wrong_line_is_named(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"question": 1}', "utf-8")
    with pytest.raises(InputError, match="第 1 行"):
        read_questions(str(path), ())
    with pytest.raises(InputError, match="读不了"):
        read_questions("没有", ())


def test_what_is_expected_may_be_part_of_what_is_found():
    assert agrees({"a": [1]}, {"a": [2, 1.0], "b": 3})
    assert not agrees({"a": 1}, {"b": 1})
    assert agrees(20, 20.0001)
    assert not agrees([1], "1")


def test_intervals_are_wilsons(resources, tmp_path, monkeypatch):
    from dataclasses import replace

    task = get_task("routing")
    plain = replace(task, definition=task.definition.model_copy(update={"needs": ()}))
    asked = {"question": "提取这块地的规划条件", "kind": "planner", "refusal": "needs_input"}
    result = run_task(plain, resources(asked), tmp_path / "out")
    assert result["interval"] == "95 %, Wilson score"
    assert (result["score"], result["low"]) == (1.0, 0.2065)
