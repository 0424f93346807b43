from agents.assistant.facts import facts_of, row_text
from agents.assistant.results import filled, head, headline, ordered_tables, tail, unknowns
from cspon.schemas.agent import Step
from cspon.schemas.spatial import Column, Provenance, Table, ToolResult

COVERAGE = Table(
    name="coverage",
    title="覆盖率",
    columns=(
        Column(key="title", title="设施类别"),
        Column(key="covered", title="覆盖", unit="公顷"),
    ),
    rows=({"title": "卫生", "covered": 12.5}, {"title": "养老", "covered": None}),
    note="注",
)
PARAMETERS = COVERAGE.model_copy(
    update={"name": "parameters", "rows": tuple({"title": f"项{i}"} for i in range(9))}
)
RESULT = ToolResult(
    tool="accessibility",
    version="1",
    data={"headline": "覆盖 12.50 公顷。", "unknowns": ["口径未定"], "counts": {"好": 2, "坏": 0}},
    tables=(PARAMETERS, COVERAGE),
    warnings=("注意路网",),
    provenance=Provenance(tool="accessibility", version="1"),
)
STEP = Step(id="a", tool="accessibility", title="设施可达性评价")


def test_fields_go_into_a_sentence():
    data = {"a": 1.23456, "b": None, "c": {"好": 2, "坏": 0}, "d": [1, 2]}
    assert filled("{a:.2f} {b} {c} {d} {e}", data) == "1.23 — 好 2 2 —"
    assert filled("没有{字段}", {"字段": "词"}) == "没有词"


def test_any_result_is_shown_with_its_leading_tables_first():
    assert headline(RESULT) == "覆盖 12.50 公顷。"
    assert [t.name for t in ordered_tables(RESULT)] == ["coverage", "parameters"]
    text = head([RESULT], [STEP])
    assert text.index("**覆盖 12.50 公顷。**") < text.index("| 卫生 | 12.5000 |")
    assert "此处只列前 5 行，共 9 行" in text
    assert text.count("注：注") == 1
    assert "###" not in text
    assert "### 2. 设施可达性评价" in head([RESULT, RESULT], [STEP, STEP])


def test_gaps_and_the_next_step_come_last():
    text = tail([RESULT], [])
    assert text.index("## 下一步") < text.index("- 口径未定") < text.index("- 注意路网")
    assert unknowns([RESULT, RESULT]) == ["口径未定", "注意路网"]


def test_rows_are_facts_about_what_they_name():
    assert row_text(COVERAGE, COVERAGE.rows[0]) == ("卫生", "卫生 12.5000公顷。")
    facts = facts_of(RESULT, headline(RESULT))
    assert facts[0].text == "覆盖 12.50 公顷。"
    shown = [fact for fact in facts if fact.shown]
    assert [fact.subjects for fact in shown[1:]] == [("卫生",), ("养老",)]


def test_a_value_and_its_unit_are_one_quantity():
    table = Table(
        name="indicators",
        title="指标",
        columns=(
            Column(key="title", title="指标"),
            Column(key="value", title="数值"),
            Column(key="unit", title="单位"),
        ),
        rows=({"title": "人均公园绿地面积", "value": "3.19", "unit": "m²/人"},),
    )
    assert row_text(table, table.rows[0])[1] == "人均公园绿地面积，数值 3.19m²/人。"
