import json

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.cli.main import run
from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from tools.planning_conditions.conditions import Conditions, planning_conditions
from tools.planning_conditions.control_figures import NOT_GIVEN
from tools.planning_conditions.network_services import ON_NETWORK, STRAIGHT
from tools.planning_conditions.sheet import save_sheet

X, Y = 500_000.0, 3_300_000.0


def at(min_x, min_y, max_x, max_y):
    return shapely.box(X + min_x, Y + min_y, X + max_x, Y + max_y)


@pytest.fixture
def planned(county):
    """West half planned as homes (容积率 2.0), east half as works; a road along y = 500."""
    county.add(
        "planned_land_use", "YDYHGHFQ", "用地用海规划分区",
        [at(0, 0, 500, 1000), at(500, 0, 1000, 1000)],
        fields={"DM": ["0701", "1001"], "RJL": [2.0, None], "JZMD": ["≤30", None]},
        code_field="DM", code_scheme="ydyh_2023",
    )  # fmt: skip
    county.add(
        "planning_zones", "GHFQ", "规划分区", [at(0, 0, 1000, 1000)],
        fields={"DM": ["城镇发展区"]}, code_field="DM", code_scheme="planning_zones",
    )  # fmt: skip
    county.add(
        "roads", "DLZXX", "道路中心线",
        [shapely.LineString([(X, Y + 500), (X + 1000, Y + 500)])],
        fields={"DJ": ["省道"], "MC": ["S1"]},
        code_field="DJ", name_field="MC", code_scheme="road_class", geometry="line",
    )  # fmt: skip
    county.add(
        "facilities", "GGFWSS", "公共服务设施",
        [shapely.Point(X + 600, Y + 700), shapely.Point(X + 600, Y + 800)],
        fields={"SSLX": ["小学", "小学"], "MC": ["甲校", "乙校"]},
        name_field="MC", geometry="point", secrecy="内部",
    )  # fmt: skip
    return county


def test_a_parcel_gets_its_planned_use_road_services_and_figures(planned, write_boundary):
    result = planning_conditions(write_boundary(at(450, 600, 550, 700)), planned.folder)
    data = Conditions.model_validate(result.data)
    assert [(z.code, round(z.area_ha, 2)) for z in data.planned_use] == [
        ("0701", 0.5),
        ("1001", 0.5),
    ]
    assert sum(z.area_ha for z in data.planned_use) == pytest.approx(data.area_ha, abs=1e-9)
    (road,) = data.roads
    assert (road.kind, road.distance_m, road.direction, road.control_m) == (
        "省道",
        100.0,
        "南",
        15.0,
    )
    (school,) = data.services
    assert (school.kind, school.count, school.nearest) == ("小学", 2, "甲校")
    # 100 m down to the road, 50 m along it, 200 m up to the school.
    assert (school.distance_m, data.service_distance) == (350.0, ON_NETWORK)
    figures = {row["title"]: row["value"] for row in _table(result, "figures").rows}
    assert figures["容积率"].startswith("2（0701")
    assert figures["建筑密度（%）"].startswith("≤30")
    assert figures["绿地率（%）"] == NOT_GIVEN
    assert result.secrecy is Secrecy.INTERNAL, "services are internal, so is the sheet"


def test_without_a_network_services_are_measured_straight_and_it_is_said(planned, write_boundary):
    planned.remove("roads")
    result = planning_conditions(write_boundary(at(450, 600, 550, 700)), planned.folder)
    data = Conditions.model_validate(result.data)
    assert (data.services[0].distance_m, data.service_distance) == (50.0, STRAIGHT)
    assert any("按直线距离计" in warning for warning in result.warnings)


def test_services_beyond_the_walking_distance_are_not_counted(planned, write_boundary):
    boundary = write_boundary(at(450, 600, 550, 700))
    found = planning_conditions(boundary, planned.folder, services_m=400.0)
    assert [service["count"] for service in found.data["services"]] == [1]  # the other is 450 m
    assert not planning_conditions(boundary, planned.folder, services_m=300.0).data["services"]


def test_the_detailed_plan_goes_before_planned_land_use(planned, write_boundary):
    planned.add(
        "detailed_plan", "XXGHDK", "详细规划地块", [at(400, 550, 600, 750)],
        fields={
            "DKBH": ["CG-001"], "DM": ["0901"], "YDYHFLMC": ["商业用地"], "RJL": [2.5], "JZMD": [45.0],
            "LDL": [20.0], "JZGD": [36.0], "TZTK": ["图则 CG-001"],
        },
        code_field="DM", code_scheme="ydyh_2023",
    )  # fmt: skip
    result = planning_conditions(write_boundary(at(450, 600, 550, 700)), planned.folder)
    figures = {row["title"]: row["value"] for row in _table(result, "figures").rows}
    assert figures["地块编号"] == "CG-001"
    assert (figures["用地性质"], figures["容积率"], figures["绿地率（%）"]) == (
        "商业用地",
        "2.5",
        "20",
    )
    assert figures["图则条款"] == "图则 CG-001"
    assert (result.basis[0].title, result.basis[0].article) == (
        "中华人民共和国城乡规划法",
        "第三十八条",
    )


def test_what_no_layer_states_is_never_made_up(county, write_boundary):
    result = planning_conditions(write_boundary(at(450, 600, 550, 700)), county.folder)
    data = Conditions.model_validate(result.data)
    assert (data.planned_use, data.roads, data.services, data.slope) == ((), None, None, None)
    assert data.figures_note == NOT_GIVEN
    assert {row["value"] for row in _table(result, "figures").rows} == {NOT_GIVEN}
    said = "".join(result.warnings)
    assert "公共服务设施图层" in said and "方格县没有" in said


def test_demands_come_with_clause_and_simply_met_rules_are_counted(planned, write_boundary):
    result = planning_conditions(write_boundary(at(100, 600, 200, 700)), planned.folder)
    demands = {row["rule_id"]: row for row in _table(result, "demands").rows}
    farmland = next(row for row in demands.values() if "永久基本农田" in row["title"])
    assert "《" in farmland["basis"] and farmland["procedure"].startswith("1. ")
    lines = {row["role"]: row["state"] for row in _table(result, "lines").rows}
    assert lines["permanent_basic_farmland"] == "涉及"
    assert lines["urban_development_boundary"] == "全部在线外"
    assert result.data["met"]


def test_other_field_names_come_from_the_catalogue(planned, write_boundary):
    boundary = write_boundary(at(100, 600, 200, 700))
    planned.entry("planned_land_use")["control_fields"] = [
        {"figure": "building_height", "field": "RJL"}
    ]
    planned.save()
    result = planning_conditions(boundary, planned.folder)
    assert {r["title"]: r["value"] for r in _table(result, "figures").rows}["建筑高度（米）"] == "2"
    planned.entry("planned_land_use")["control_fields"] = [
        {"figure": "plot_ratio", "field": "NONE"}
    ]
    planned.save()
    with pytest.raises(InputError, match="没有字段 NONE") as wrong:
        planning_conditions(boundary, planned.folder)
    assert wrong.value.field == "control_fields" and wrong.value.layer == "YDYHGHFQ"
    planned.entry("planned_land_use")["control_fields"] = [{"figure": "rooms", "field": "RJL"}]
    planned.save()
    with pytest.raises(InputError, match="plot_ratio（容积率）"):
        planning_conditions(boundary, planned.folder)


def test_an_impossible_figure_is_refused_with_layer_feature_and_field(planned, write_boundary):
    planned.add(
        "detailed_plan", "XXGH", "详细规划", [at(0, 0, 1000, 1000)], fields={"RJL": [-9999.0]}
    )
    with pytest.raises(InputError, match="要素 1 的 RJL") as wrong:
        planning_conditions(write_boundary(at(100, 600, 200, 700)), planned.folder)
    assert (wrong.value.layer, wrong.value.field) == ("XXGH", "RJL")


@pytest.mark.parametrize("metres", [0, -5, 1e9, float("nan")])
def test_an_impossible_distance_is_refused(planned, write_boundary, metres):
    with pytest.raises(InputError, match="查找距离"):
        planning_conditions(write_boundary(at(0, 0, 9, 9)), planned.folder, services_m=metres)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    corner=st.tuples(st.integers(10, 700), st.integers(10, 700)),
    size=st.tuples(st.integers(5, 250), st.integers(5, 250)),
    turn=st.floats(0, 90),
)
def test_parts_always_sum_to_the_parcel(planned, write_boundary, corner, size, turn):
    box = at(*corner, corner[0] + size[0], corner[1] + size[1])
    parcel = shapely.affinity.rotate(box, turn).intersection(at(0, 0, 1000, 1000))
    data = Conditions.model_validate(
        planning_conditions(write_boundary(parcel), planned.folder).data
    )
    for parts in (data.planned_use, data.planning_zones, data.current_use):
        assert round(sum(part.area_ha for part in parts), 4) == data.area_ha


def test_the_sheet_is_saved_whole(planned, write_boundary, tmp_path):
    result = planning_conditions(write_boundary(at(450, 600, 550, 700)), planned.folder)
    files, _ = save_sheet(result, tmp_path / "out", layers=planned.folder)
    assert {"json", "gpkg", "md", "docx"} <= set(files)
    assert all(file.stat().st_size for file in files.values())
    text = files["md"].read_text(encoding="utf-8")
    assert "规划条件（提取）" in text and "## 管控要求" in text and "依据：《" in text
    assert "合成数据" in text


def test_the_verb_prints_json_and_refuses_bad_input(planned, write_boundary, capsys, tmp_path):
    boundary = str(write_boundary(at(450, 600, 550, 700)))
    assert run(["conditions", boundary, "--layers", str(planned.folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tool"] == "planning_conditions"
    assert run(["conditions", str(tmp_path / "none.txt"), "--layers", str(planned.folder)]) == 2
    assert "处理办法" in capsys.readouterr().err


def _table(result, name):
    return next(table for table in result.tables if table.name == name)
