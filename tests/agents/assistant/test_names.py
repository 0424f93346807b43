import pytest

from agents.assistant.names import indicator_ids, layer_roles, model_ids, unknown_indicators


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("避开基本农田和生态红线", ["permanent_basic_farmland", "ecological_redline"]),
        ("城镇开发边界内", ["urban_development_boundary"]),
        ("项目红线有没有超出城镇开发边界", ["urban_development_boundary"]),
        ("用地用海分区", ["planned_land_use"]),
        ("GHFQ", ["planning_zones"]),
        ("没有图层", []),
    ],
)
def test_layers_by_their_common_names(text, roles):
    assert [found.id for found in layer_roles(text)] == roles


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("耕地保有量和森林覆盖率", ["cultivated_land_area", "forest_cover_rate"]),
        ("人均绿地", ["park_area_per_person"]),
        ("15 分钟社区生活圈覆盖率", ["fifteen_minute_circle_coverage"]),
        ("每千人医疗卫生机构床位", ["hospital_beds_per_thousand"]),
        ("天气怎么样", []),
    ],
)
def test_indicators_by_title_lay_word_or_nearly(text, ids):
    assert [found.id for found in indicator_ids(text)] == ids


def test_what_no_library_has_is_told():
    assert unknown_indicators("计算幸福指数、森林覆盖率") == ["幸福指数"]
    note = indicator_ids("国土开发强度")[0].note
    assert "建设用地总面积" in note


def test_models_by_title_or_lay_word():
    assert [found.id for found in model_ids("做一次适宜性分析")] == ["construction_suitability"]
    assert model_ids("别的模型") == []
