from datetime import date

import numpy as np
import pytest
import shapely
from shapely import affinity

from cspon.errors import InputError, RetryTool
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import Compliance, Verdict
from tools.catalogue import load_tools
from tools.compliance.check import check_compliance

X, Y = 500_000.0, 3_300_000.0
DAY = date(2026, 11, 22)
FARMLAND, REDLINE, BOUNDARY = (
    "permanent_basic_farmland",
    "ecological_redline",
    "urban_development_boundary",
)


def box(*corners: float) -> shapely.Polygon:
    return affinity.translate(shapely.box(*corners), X, Y)


def check(county, boundary, kind="industrial_park", **more):
    result = check_compliance(boundary, county.folder, kind, DAY, **more)
    return result, Compliance.model_validate(result.data)


def rule(data, rule_id):
    return next(r for r in data.rules if r.rule_id == rule_id)


def test_areas_that_can_be_worked_out_in_the_head(fixed_county, write_boundary):
    result, data = check(fixed_county, write_boundary(box(250, 250, 450, 850)))
    assert data.area_ha == 12.0
    assert data.planar_area_m2 == 120_000.0
    farmland, redline, boundary = data.lines
    assert (farmland.area_ha, farmland.area_mu, farmland.share) == (3.0, 45.0, 0.25)
    assert (redline.area_ha, redline.patches) == (1.0, 1)
    assert (boundary.area_ha, boundary.outside_ha) == (8.25, 3.75)
    assert {c.code: c.area_ha for c in data.codes} == {"0101": 3.0, "0103": 6.0, "0301": 3.0}
    assert {(c["line"], c["code"]): c["area_ha"] for c in data.crossings} == {
        (FARMLAND, "0101"): 3.0,
        (REDLINE, "0101"): 0.25,
        (REDLINE, "0103"): 0.5,
        (REDLINE, "0301"): 0.25,
        (BOUNDARY, "0101"): 3.0,
        (BOUNDARY, "0103"): 0.5,
        (BOUNDARY, "0301"): 0.25,
    }
    assert data.verdict is Verdict.FAIL
    assert data.headline == (
        "选址不可行（不符合）：占用永久基本农田 3.0000 公顷、占用生态保护红线 1.0000 公顷、"
        "有 3.7500 公顷位于城镇开发边界外，应先调整选址避让。"
    )
    assert "3.0000 公顷（45.00 亩，1 处），占项目面积的 25.00%" in rule(data, FARMLAND).message
    assert result.synthetic


def test_a_clean_site_passes(fixed_county, write_boundary):
    _, data = check(fixed_county, write_boundary(box(410, 110, 790, 590)))
    assert data.verdict is Verdict.PASS
    assert data.lines[2].outside_ha == 0.0
    assert data.crossings == ()
    assert rule(data, "expropriation").approval == "省级人民政府"
    assert rule(data, "forest_land").area_ha == pytest.approx(9.12)


def test_conflict_patches_are_features_with_area_code_and_point(fixed_county, write_boundary):
    result, _ = check(fixed_county, write_boundary(box(250, 250, 450, 850)))
    project, conflicts = result.layers
    assert project.features[0]["properties"]["area_ha"] == 12.0
    assert [f["properties"]["line"] for f in conflicts.features] == [FARMLAND, REDLINE, BOUNDARY]
    for feature in conflicts.features:
        shape = shapely.geometry.shape(feature["geometry"])
        properties = feature["properties"]
        assert shape.contains(shapely.Point(properties["x"], properties["y"]))
        assert shape.area / 1e4 == pytest.approx(properties["area_ha"], abs=1e-3)
        assert sum(properties["codes_ha"].values()) == pytest.approx(
            properties["area_ha"], abs=1e-3
        )
    assert conflicts.features[0]["properties"]["code"] == "0101"


def test_tables_carry_units_and_the_figures_of_the_data(fixed_county, write_boundary):
    result, data = check(fixed_county, write_boundary(box(250, 250, 450, 850)))
    tables = {table.name: table for table in result.tables}
    assert list(tables) == ["lines", "codes", "crossings", "rules"]
    assert {c.key: c.unit for c in tables["codes"].columns}["area_ha"] == "公顷"
    assert sum(row["area_ha"] for row in tables["codes"].rows) == data.area_ha
    assert len(tables["rules"].rows) == len(data.rules)
    assert tables["codes"].note


def test_grounds_are_listed_once_and_provenance_repeats_the_run(fixed_county, write_boundary):
    result, data = check(fixed_county, write_boundary(box(250, 250, 450, 850)))
    keys = [(b.title, b.article, b.quote) for b in result.basis]
    assert len(keys) == len(set(keys)) > 10
    assert result.provenance.inputs["boundary"].startswith("sha256:")
    assert set(result.provenance.layer_dates) == {"DLTB", "YJJBNT", "STBHHX", "CZKFBJ", "XZQ"}
    assert result.provenance.parameters["asked_on"] == "2026-11-22"
    assert data.asked_on == DAY
    again, _ = check(fixed_county, write_boundary(box(250, 250, 450, 850)))
    assert again.data == result.data


@pytest.mark.parametrize("role", [FARMLAND, REDLINE, BOUNDARY])
def test_a_missing_line_is_missing_data_and_never_zero(county, write_boundary, role):
    county.remove(role)
    _, data = check(county, write_boundary(box(410, 110, 790, 590)))
    line = next(line for line in data.lines if line.role == role)
    assert not line.present
    assert line.area_ha is line.outside_ha is line.share is None
    assert rule(data, role).verdict is Verdict.MISSING_DATA
    assert data.verdict is Verdict.MISSING_DATA
    assert "不能判定" in data.headline


def test_missing_land_use_leaves_the_lines(county, write_boundary):
    county.remove("land_use")
    result, data = check(county, write_boundary(box(250, 250, 450, 850)))
    assert data.codes == () and data.crossings == ()
    assert data.lines[0].area_ha == 3.0
    assert data.verdict is Verdict.FAIL
    assert rule(data, "cultivated_land_balance").verdict is Verdict.MISSING_DATA
    assert "另因数据缺失" in data.headline
    assert result.layers[1].features[0]["properties"]["code"] == ""


def test_without_a_county_layer_coverage_is_unknown(county, write_boundary):
    county.remove("admin_county")
    _, data = check(county, write_boundary(box(410, 110, 790, 590)))
    assert rule(data, "data_coverage").verdict is Verdict.MISSING_DATA
    assert data.verdict is Verdict.MISSING_DATA


def test_a_layer_whose_file_is_gone_is_an_error_not_a_gap(county, write_boundary):
    (county.folder / "YJJBNT.gpkg").unlink()
    with pytest.raises(InputError, match="文件不存在"):
        check(county, write_boundary(box(410, 110, 790, 590)))


def test_wholly_outside_the_county(fixed_county, write_boundary):
    with pytest.raises(InputError, match="项目全部位于方格县以外") as error:
        check(fixed_county, write_boundary(box(5000, 0, 5100, 100)))
    assert "带号" in error.value.mend


def test_partly_outside_the_county_cannot_pass(fixed_county, write_boundary):
    result, data = check(fixed_county, write_boundary(box(800, 100, 1100, 200)))
    assert {c.code: c.area_ha for c in data.codes} == {"100101": 2.0, "未覆盖": 1.0}
    assert data.verdict is not Verdict.PASS
    assert rule(data, "data_coverage").verdict is Verdict.MISSING_DATA
    assert rule(data, FARMLAND).verdict is Verdict.MISSING_DATA
    assert any("1.0000 公顷位于方格县以外" in w for w in result.warnings)


def test_slivers_are_reported_as_contact(fixed_county, write_boundary):
    result, data = check(fixed_county, write_boundary(box(299.995, 100, 400, 200)))
    assert data.lines[0].area_ha == 0.0
    assert rule(data, FARMLAND).verdict is Verdict.PASS
    assert any("0.50 平方米的细碎重叠" in w for w in result.warnings)
    _, finer = check(fixed_county, write_boundary(box(299.995, 100, 400, 200)), sliver_m2=0.01)
    assert rule(finer, FARMLAND).verdict is Verdict.FAIL


def test_sandiao_codes_are_tabulated_and_never_interpreted(county, write_boundary):
    county.land_use(
        [box(0, 0, 1000, 1000)],
        ["0601"],
        code_scheme="sandiao_2020",
        name_field="DLMC",
    )
    _, data = check(county, write_boundary(box(410, 110, 790, 590)))
    assert data.code_scheme == "sandiao_2020"
    assert [(c.code, c.name) for c in data.codes] == [("0601", "0601")]
    conversion = rule(data, "agricultural_land_conversion")
    assert conversion.verdict is Verdict.MISSING_DATA
    assert "三调工作分类" in conversion.message


def test_codes_of_a_mixed_scheme_are_refused(county, write_boundary):
    county.land_use([box(0, 0, 500, 1000), box(500, 0, 1000, 1000)], ["0101", "1107"])
    with pytest.raises(InputError, match="1107 不在用地用海分类"):
        check(county, write_boundary(box(410, 110, 790, 590)))


def test_a_project_in_the_next_zone_is_reprojected_and_said_so(fixed_county, write_boundary):
    from tools.geometry.crs import reproject

    moved = reproject(box(250, 250, 450, 850), 4547, 4548)
    result, data = check(fixed_county, write_boundary(moved, epsg=4548))
    assert data.epsg == 4547
    assert data.area_ha == pytest.approx(12.0, abs=1e-3)
    assert data.lines[0].area_ha == pytest.approx(3.0, abs=1e-3)
    assert any("已转换" in w for w in result.warnings)


def test_layers_of_another_zone_than_the_catalogue_are_refused(county, write_boundary):
    county.save(epsg=4548)
    with pytest.raises(InputError, match="与目录的 EPSG:4548 不同"):
        check(county, write_boundary(box(410, 110, 790, 590)))


def test_holes_and_parts(fixed_county, write_boundary):
    project = shapely.union_all(
        [box(10, 10, 90, 90).difference(box(40, 40, 60, 60)), box(510, 510, 590, 590)]
    )
    _, data = check(fixed_county, write_boundary(project))
    assert data.area_ha == pytest.approx(1.24)
    assert sum(c.area_ha for c in data.codes) == pytest.approx(1.24)
    assert data.lines[0].area_ha == pytest.approx(0.6)


def test_a_boundary_of_200_000_vertices_works(fixed_county, write_boundary):
    angle = np.linspace(0, 2 * np.pi, 200_000, endpoint=False)
    radius = 300 + 0.3 * np.sin(1000 * angle)
    ring = np.c_[X + 500 + radius * np.cos(angle), Y + 500 + radius * np.sin(angle)]
    _, data = check(fixed_county, write_boundary(shapely.Polygon(ring)))
    assert data.area_ha == pytest.approx(np.pi * 9, rel=1e-3)
    assert round(sum(c.area_ha for c in data.codes), 4) == data.area_ha


def test_the_kind_of_project_decides(fixed_county, write_boundary):
    boundary = write_boundary(box(250, 250, 450, 850))
    _, key = check(fixed_county, boundary, "national_key_project")
    assert key.verdict is Verdict.NEEDS_STUDY
    assert rule(key, FARMLAND).approval == "国务院"
    _, unknown = check(fixed_county, boundary, "unspecified")
    assert unknown.verdict is Verdict.FAIL
    assert unknown.unknowns[0].startswith("项目类型未说明")


def test_a_part_of_another_secrecy_makes_the_result_so(county, write_boundary):
    county.entry(REDLINE)["secrecy"] = "敏感"
    county.save()
    result, _ = check(county, write_boundary(box(250, 250, 450, 850)))
    assert result.secrecy is Secrecy.SENSITIVE
    assert result.layers[1].secrecy is Secrecy.SENSITIVE


def test_as_a_tool(fixed_county, write_boundary):
    tool = load_tools()["check_compliance"]
    assert tool.title == "控制线合规性检查"
    assert set(tool.needs) == {"land_use", FARMLAND, REDLINE, BOUNDARY, "admin_county"}
    assert len(tool.examples) >= 4
    result = tool.run(boundary=write_boundary(box(410, 110, 790, 590)), layers=fixed_county.folder)
    assert result.provenance.elapsed_ms is not None
    with pytest.raises(RetryTool, match="boundry"):
        tool.run(boundry="x", layers=fixed_county.folder)


def test_an_unknown_kind_of_project_is_refused(fixed_county, write_boundary):
    with pytest.raises(InputError, match="没有名为 casino 的项目类型"):
        check(fixed_county, write_boundary(box(410, 110, 790, 590)), "casino")


def test_layers_in_degrees_are_refused(county, write_boundary):
    county.save(epsg=4490)
    with pytest.raises(InputError) as error:
        check(county, write_boundary(box(410, 110, 790, 590)))
    assert error.value.mend


def test_first_calls_at_once_agree(fixed_county, write_boundary):
    from concurrent.futures import ThreadPoolExecutor

    from tools.rules import load

    load._load_pack.cache_clear()
    load.registry._kinds.pop("rule", None)
    boundary = write_boundary(box(250, 250, 450, 850))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: check(fixed_county, boundary)[1], range(8)))
    assert all(data == results[0] for data in results)
