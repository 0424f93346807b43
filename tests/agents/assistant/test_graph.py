import re
from datetime import date

import pytest

from agents.assistant import Assistant
from cspon.schemas.agent import RefusalKind
from cspon.schemas.knowledge import Basis
from llm.scripted import ScriptedModel, Step

QUESTION = "拟建产业园项目（边界见文件）选址是否可行？占用了哪些控制线？"
ON = date(2026, 11, 22)
GOOD = "项目占用永久基本农田12.3456公顷，结论不符合。任何单位和个人不得擅自占用永久基本农田〔1〕。"


@pytest.fixture
def build(knowledge_base, layers, compliance_tool, tmp_path):
    def make(model=None, *, base=knowledge_base, embedder=None):
        assistant = Assistant(model, base, layers, tmp_path / "runs.sqlite", embedder=embedder)
        assistant.tools = {"check_compliance": compliance_tool}
        return assistant

    return make


async def run(assistant, question, **arguments):
    events = [e async for e in assistant.stream(question, asked_on=ON, **arguments)]
    return events, events[-1].answer


async def test_a_site_is_checked_explained_and_cited(build, boundary):
    model = ScriptedModel([Step(GOOD, expect="占用永久基本农田12.3456公顷")])
    events, answer = await run(build(model), QUESTION, boundary=boundary)
    assert answer.refusal is None
    assert answer.verdict == "不符合"
    assert answer.usage.model_calls == 1
    assert "不得擅自占用永久基本农田〔1〕" in answer.text
    assert "依据未入库，未核验" in answer.text
    assert [c.verification for c in answer.citations] == ["verified", "not_in_base"]
    assert answer.unknowns == ("未核实土地权属。",)
    deltas = "".join(e.text for e in events if e.kind == "delta")
    assert re.sub(r"\s", "", deltas) == re.sub(r"\s", "", answer.text)
    assert [e.text for e in events if e.kind == "progress"] == [
        "理解问题",
        "检查计划",
        "运行工具",
        "检索条文",
        "撰写",
        "核验",
    ]
    assert str(boundary) not in answer.model_dump_json()
    model.assert_consumed()


async def test_without_a_model_the_same_graph_gives_verdict_tables_and_clauses(build, boundary):
    _, answer = await run(build(), QUESTION, boundary=boundary)
    assert answer.model == "none"
    assert answer.usage.model_calls == 0
    assert "| 永久基本农田 | 12.3456 |" in answer.text
    assert "综合说明" not in answer.text
    assert any("未使用大模型" in notice for notice in answer.notices)


async def test_a_dead_model_degrades_with_a_notice(build, boundary):
    model = ScriptedModel(
        [Step("项目占用永久基本农田12.3456公顷，结论不符合。任何", error="连接中断")]
    )
    _, answer = await run(build(model), QUESTION, boundary=boundary)
    assert answer.refusal is None
    assert any("连接中断" in notice for notice in answer.notices)
    assert "12.3456" in answer.text


async def test_an_unsupported_sentence_is_rewritten_once(build, boundary):
    model = ScriptedModel(
        [
            Step("项目占用永久基本农田99公顷。项目面积52.3187公顷，结论不符合。"),
            Step("项目占用永久基本农田12.3456公顷，结论不符合。", expect="数字 99 不在工具结果"),
        ]
    )
    _, answer = await run(build(model), QUESTION, boundary=boundary)
    assert "99" not in answer.text
    assert answer.usage.model_calls == 2
    assert "请勿引用" not in answer.text


async def test_what_stays_unsupported_is_marked_and_never_dropped_silently(build, boundary):
    said = "永久基本农田须经论证后调整。"
    model = ScriptedModel([Step(said), Step(said)])
    _, answer = await run(build(model), QUESTION, boundary=boundary)
    assert f"{said}（此句未获所列事实与条文支持，请勿引用）" in answer.text
    assert any("1 句话未获支持" in notice for notice in answer.notices)
    assert answer.unsupported == 1


@pytest.mark.parametrize(
    ("said", "invented"),
    [
        ("占用永久基本农田99公顷。", "99公顷"),
        ("占用永久基本农田12.3456公顷，须缴纳九十九万元。", "九十九"),
        ("《土地管理法》第九百条规定不得占用永久基本农田。", "第九百条"),
        ("《国土空间开发法》第三十五条规定不得占用永久基本农田〔1〕。", "开发法"),
        ("占用永久基本农田12.3456公顷，依《国土空间开发法》不符合。", "开发法"),
        ("任何单位和个人不得擅自占用永久基本农田〔9〕。", "〔9〕"),
    ],
)
async def test_an_invented_figure_or_clause_is_left_out_of_text_and_stream_and_told(
    build, boundary, said, invented
):
    model = ScriptedModel([Step(said), Step(said)])
    events, answer = await run(build(model), QUESTION, boundary=boundary)
    deltas = "".join(e.text for e in events if e.kind == "delta")
    assert invented not in deltas
    assert invented not in answer.model_dump_json()
    assert any("1 句话含有工具结果和条文中没有的" in notice for notice in answer.notices)
    assert (answer.refusal, answer.verdict, answer.unsupported) == (None, "不符合", 1)
    assert answer.usage.model_calls == 2


async def test_a_regulation_question_is_answered_from_clauses(build):
    model = ScriptedModel(
        [
            Step(
                "征收永久基本农田以外的耕地超过三十五公顷的，由国务院批准〔1〕。",
                expect="第四十六条",
            )
        ]
    )
    _, answer = await run(build(model), "征收耕地超过多少公顷由国务院批准？")
    assert answer.refusal is None
    assert "三十五公顷" in answer.text
    assert answer.citations[0].article == "第四十六条"
    assert "自 2020-01-01 起施行" in answer.text


async def test_a_regulation_question_without_model_is_answered_word_for_word(build):
    _, answer = await run(build(), "征收耕地超过多少公顷由国务院批准？")
    assert "耕地超过三十五公顷的" in answer.text
    assert answer.model == "none"


async def test_a_model_that_finds_no_rule_gives_the_nearest_clauses(build):
    model = ScriptedModel(["所给条文没有规定。"])
    _, answer = await run(build(model), "征收耕地多少公顷可以不公告？")
    assert "检索到的条文没有直接规定" in answer.text
    assert "请勿引用" not in answer.text
    assert "耕地超过三十五公顷的" in answer.text


async def test_a_regulation_answer_without_support_gives_way_to_the_clauses(build):
    wrong = "征收永久基本农田超过三十五公顷的，由国务院批准〔1〕。"
    model = ScriptedModel([wrong, wrong])
    _, answer = await run(build(model), "征收耕地超过多少公顷由国务院批准？")
    assert "没有采用" in answer.text
    assert "耕地超过三十五公顷的" in answer.text
    assert "征收永久基本农田超过" not in answer.text
    assert any("征收永久基本农田超过三十五公顷的" in notice for notice in answer.notices)
    assert answer.model == "none"


async def test_what_the_base_does_not_hold_is_refused_by_kind(build):
    _, answer = await run(build(), "海底电缆的铺设许可由哪个机关核发？")
    assert answer.refusal.kind is RefusalKind.NOT_IN_KNOWLEDGE_BASE
    assert answer.text == ""


async def test_a_missing_boundary_is_asked_for(build):
    _, answer = await run(build(), QUESTION)
    assert answer.refusal.kind is RefusalKind.NEEDS_INPUT


async def test_a_boundary_in_degrees_is_refused_before_anything_runs(build, tmp_path):
    path = tmp_path / "degrees.geojson"
    path.write_text(
        '{"type":"Polygon","coordinates":[[[114,30],[114.01,30],[114.01,30.01],[114,30]]]}'
    )
    events, answer = await run(build(), QUESTION, boundary=path)
    assert answer.refusal.kind is RefusalKind.NEEDS_INPUT
    assert "运行工具" not in [e.text for e in events]


async def test_missing_layers_are_told(build, boundary):
    _, answer = await run(build(), QUESTION, boundary=boundary)
    assert any("数据缺失" in notice for notice in answer.notices)


async def test_a_clause_that_the_base_contradicts_fails_the_answer(
    build, boundary, make_compliance_tool
):
    wrong = Basis(title="土地管理法", article="第九百条", point="不得占用")
    assistant = build()
    assistant.tools = {"check_compliance": make_compliance_tool(wrong)}
    _, answer = await run(assistant, QUESTION, boundary=boundary)
    assert answer.refusal is not None
    assert "第九百条" in answer.refusal.message
    assert answer.text == ""


async def test_a_run_can_be_replayed_from_its_record(build, boundary):
    assistant = build()
    _, answer = await run(assistant, QUESTION, boundary=boundary, run_id="run-1")
    assert await build().replay("run-1") == answer
    assert await build().replay("unknown") is None


async def test_no_knowledge_base_leaves_clauses_unverified(build, boundary):
    _, answer = await run(build(base=None), QUESTION, boundary=boundary)
    assert {c.verification for c in answer.citations} == {"not_in_base"}
    assert any("尚未建立法规库" in notice for notice in answer.notices)


async def test_the_model_chooses_only_when_rules_do_not(build):
    model = ScriptedModel([Step('{"choice": "out_of_scope"}')])
    _, answer = await run(build(model), "嗯嗯")
    assert answer.refusal.kind is RefusalKind.UNSOLVABLE
    assert answer.usage.model_calls == 1


async def test_a_question_about_a_clause_that_does_not_exist_is_told_so(build):
    _, answer = await run(build(), "《土地管理法》第九百条怎么规定？")
    assert answer.refusal.kind is RefusalKind.NOT_IN_KNOWLEDGE_BASE
    assert "第九百条" in answer.refusal.message


async def test_every_sentence_of_a_regulation_answer_carries_its_clause(build):
    said = "征收永久基本农田以外的耕地超过三十五公顷的，由国务院批准。土地利用要节约集约。"
    model = ScriptedModel([Step(said), Step("土地利用要节约集约。", expect="没有标注依据")])
    _, answer = await run(build(model), "征收耕地超过多少公顷由国务院批准？")
    assert "由国务院批准〔1〕。" in answer.text
    assert "土地利用要节约集约。（此句未获所列事实与条文支持，请勿引用）" in answer.text


async def test_what_others_may_read_is_refused_as_no_permission_and_not_named(
    build, knowledge_base
):
    knowledge_base.withheld = True
    _, answer = await run(build(), "量子计算机的纠错码怎么设计？")
    assert answer.refusal.kind is RefusalKind.NO_PERMISSION
    assert "您无权查看" in answer.refusal.message
    assert "《" not in answer.refusal.message
    assert answer.citations == ()


async def test_an_answer_that_is_there_is_given_though_more_is_withheld(build, knowledge_base):
    knowledge_base.withheld = True
    _, answer = await run(build(), "征收耕地超过多少公顷由国务院批准？")
    assert answer.refusal is None
    assert any("您无权查看" in notice for notice in answer.notices)


async def test_a_named_text_that_is_not_there_is_not_answered_from_others(build):
    _, answer = await run(build(), "《示例县没有的办法》第三条关于农田水利设施验收怎么规定？")
    assert answer.refusal.kind is RefusalKind.NOT_IN_KNOWLEDGE_BASE
    assert "《示例县没有的办法》第三条未入库" in answer.refusal.message
