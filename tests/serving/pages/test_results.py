from cspon.schemas.agent import Answer, Intent, Plan, Step
from cspon.schemas.spatial import Column, Provenance, Table, ToolResult
from serving.pages.render import answer_block
from serving.pages.results import Download, conclusions, details, plan_card

TABLE = Table(
    name="summary",
    title="概况<b>",
    columns=(Column(key="title", title="项目"), Column(key="area_ha", title="面积", unit="公顷")),
    rows=({"title": "新增", "area_ha": 1.5},),
)


def answer(*tools):
    results = tuple(
        ToolResult(
            tool=tool,
            version="1",
            data={"headline": f"{tool} 的结论"},
            tables=(TABLE, TABLE.model_copy(update={"name": "parameters", "title": "参数"})),
            provenance=Provenance(tool=tool, version="1"),
            warnings=("注意路网",),
        )
        for tool in tools
    )
    steps = tuple(Step(id=t, tool=t, title=f"步骤 {t}", said=("面积：<20>",)) for t in tools)
    return Answer(
        question="？",
        text="## 执行计划\n\n甲\n\n## 计算结果\n\n乙\n\n## 下一步\n\n丙",
        results=results,
        plan=Plan(intent=Intent.USE_TOOLS, steps=steps),
        asked_on="2026-11-22",
    )


def test_the_plan_says_how_the_question_was_read():
    card = plan_card(answer("accessibility").plan)
    assert "<b>步骤 accessibility</b><span>面积：&lt;20&gt;</span>" in card
    assert plan_card(None) == ""


def test_one_step_has_no_headings_and_several_have():
    assert "step-title" not in conclusions(answer("accessibility"))
    assert conclusions(answer("accessibility", "unknown_tool")).count("step-title") == 2


def test_pictures_stand_with_their_step_and_folded_tables_are_folded():
    files = [Download(title="图 1", address="/exports/x/1.png", step=1, picture=True)]
    page = details(answer("accessibility"), files)
    assert 'src="/exports/x/1.png"' in page
    assert page.index("概况&lt;b&gt;") < page.index('<details class="fold">')


def test_what_the_page_shows_itself_is_not_repeated_as_text():
    page = answer_block(answer("accessibility"), "t1", [])
    assert "丙" in page
    assert "甲" not in page and "乙" not in page
    assert page.count("注意路网") == 1


def test_an_answer_is_shown_before_its_files_are_made():
    page = answer_block(answer("accessibility"), "t1", None)
    assert "正在绘制地图" in page
    assert 'class="foot"' not in page
