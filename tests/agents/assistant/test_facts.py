from agents.assistant.facts import compliance_facts, markdown_table
from cspon.schemas.spatial import Column, LineOverlap, Table


def told(lines, compliance):
    data = compliance.model_copy(update={"lines": lines})
    return [fact.text for fact in compliance_facts(data) if fact.shown]


def line(role, title, **fields):
    return LineOverlap(role=role, name="X", title=title, present=True, **fields)


def test_an_occupied_line_is_told_by_its_occupation_only(compliance):
    farmland = line("permanent_basic_farmland", "永久基本农田", area_ha=19.9434, outside_ha=33.0)
    facts = told((farmland,), compliance)
    assert "占用永久基本农田19.9434公顷。" in facts
    assert not any("33.0" in fact for fact in facts)


def test_the_development_boundary_is_told_by_what_lies_outside(compliance):
    boundary = line("urban_development_boundary", "城镇开发边界", area_ha=12.0, outside_ha=40.1489)
    facts = told((boundary,), compliance)
    assert "位于城镇开发边界外40.1489公顷。" in facts
    assert not any("12.0000" in fact for fact in facts)


def test_a_missing_layer_is_told(compliance):
    missing = LineOverlap(role="ecological_redline", name="", title="生态保护红线", present=False)
    assert "生态保护红线图层缺失，未检查。" in told((missing,), compliance)


def test_tables_keep_the_numbers_of_the_tool():
    table = Table(
        name="t",
        title="表",
        columns=(
            Column(key="code", title="编码"),
            Column(key="area", title="面积", unit="公顷"),
            Column(key="none", title="缺"),
        ),
        rows=({"code": "0101", "area": 1.5, "none": None},),
        note="说明",
    )
    assert markdown_table(table) == (
        "| 编码 | 面积（公顷） | 缺 |\n| --- | ---: | --- |\n| 0101 | 1.5000 | — |\n\n注：说明"
    )
