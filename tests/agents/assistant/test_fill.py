import pytest

from agents.assistant.fill import fill, gaps_for_model
from agents.assistant.steps import Asked
from agents.assistant.understand import plan_for
from llm.scripted import ScriptedModel, Step
from tools.catalogue import load_tools

ASKED = Asked("用模型库里筛地的那个算一下")


@pytest.fixture
def plan():
    return plan_for("run_model", ASKED, "rules")


async def test_the_model_chooses_among_what_is_known(plan):
    assert gaps_for_model(plan)
    model = ScriptedModel([Step('{"model": "construction_suitability"}', expect="适宜性")])
    filled, replies = await fill(plan, ASKED, load_tools(), model)
    assert filled.refusal is None
    assert filled.steps[0].args["model"] == "construction_suitability"
    assert filled.decided_by == "model"
    assert len(replies) == 1


async def test_what_does_not_fit_goes_back_with_the_reason_at_most_twice(plan):
    model = ScriptedModel([Step('{"model": "magic"}'), Step('{"model": "other"}', expect="只能是")])
    unfilled, replies = await fill(plan, ASKED, load_tools(), model)
    assert unfilled.refusal is not None
    assert len(replies) == 2
    model.assert_consumed()


async def test_a_model_that_does_not_know_leaves_the_question_to_the_user(plan):
    model = ScriptedModel([Step('{"model": null}')])
    unfilled, _ = await fill(plan, ASKED, load_tools(), model)
    assert "哪个模型" in unfilled.refusal.mend


def test_a_missing_file_is_no_gap_for_a_model():
    asked = Asked("检查规划成果数据库质量")
    assert not gaps_for_model(plan_for("check_plan_database", asked, "rules"))
    assert not gaps_for_model(None)
