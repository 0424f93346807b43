import json

import numpy as np
import pytest
import shapely
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.cli.main import run
from cspon.errors import InputError
from tools.geometry.area import ellipsoidal_area_m2
from tools.site_selection.feasible import joined, opened
from tools.site_selection.report import save_selection
from tools.site_selection.request import SiteRequest
from tools.site_selection.select import Selection, select_sites

X, Y = 500_000.0, 3_300_000.0
AREA = {"name": "面积", "measure": "area", "weight": 1, "best": 40, "worst": 0}
ROAD = {
    "name": "近路",
    "measure": "distance",
    "role": "roads",
    "weight": 3,
    "best": 0,
    "worst": 1000,
}


def at(min_x, min_y, max_x, max_y):
    return shapely.box(X + min_x, Y + min_y, X + max_x, Y + max_y)


@pytest.fixture
def roads(county):
    line = shapely.LineString([(X + 1000, Y), (X + 1000, Y + 1000)])
    county.add(
        "roads", "DLZXX", "道路中心线", [line], fields={"DJ": ["国道"]},
        code_field="DJ", code_scheme="road_class", geometry="line",
    )  # fmt: skip
    return county


def search(county, **more):
    request = {"min_area_ha": 1, "criteria": [AREA], **more}
    result = select_sites(county.folder, SiteRequest.model_validate(request))
    return result, Selection.model_validate(result.data)


def test_constraints_leave_what_can_be_worked_out_in_the_head(county):
    _, data = search(
        county,
        within=[{"role": "urban_development_boundary"}],
        avoid=[{"role": "ecological_redline"}, {"role": "permanent_basic_farmland"}],
        allowed={"role": "land_use", "codes": ["07", "10"]},
    )
    assert [(round(c.area_ha), c.rank) for c in data.candidates] == [(32, 1)]
    shown = {e.reason: round(e.area_ha) for e in data.exclusions}
    assert shown["不在城镇开发边界内"] == 44
    assert shown["地类图斑（07、10）之外"] == 24
    assert round(sum(e.area_ha for e in data.exclusions), 4) == data.study_ha


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    boxes=st.lists(
        st.tuples(*[st.integers(0, 900)] * 2, *[st.integers(10, 400)] * 2), min_size=1, max_size=4
    ),
    width=st.integers(0, 120),
    least=st.integers(1, 20),
    most=st.one_of(st.none(), st.integers(40, 60)),
)
def test_excluded_land_and_candidates_always_sum_to_the_study_area(
    county, boxes, width, least, most
):
    # Inside the county: in one of a kilometre, what sticks out may look like a shift of 600 m (GCJ-02).
    shapes = [at(x, y, min(x + w, 1000), min(y + h, 1000)) for x, y, w, h in boxes]
    county.add("custom_own", "OWN", "本局避让区", shapes, control="avoid")
    result, data = search(
        county, avoid=[{"role": "OWN", "buffer_m": 20}], min_width_m=width, min_area_ha=least,
        max_area_ha=most, most=200,
    )  # fmt: skip
    assert round(sum(e.area_ha for e in data.exclusions), 4) == data.study_ha
    assert all(e.area_ha >= 0 for e in data.exclusions)
    layers = {layer.name: layer for layer in result.layers}
    sites = [shapely.geometry.shape(f["geometry"]) for f in layers["candidates"].features]
    keep_out = shapely.union_all(shapes).buffer(19.9)
    for site, candidate in zip(sites, data.candidates, strict=True):
        assert candidate.area_ha >= least
        assert candidate.area_ha == pytest.approx(ellipsoidal_area_m2(site, 4547) / 1e4, abs=6e-5)
        assert not site.intersects(keep_out)
        assert most is None or candidate.area_ha <= most * 1.001


def test_the_nearer_site_wins_and_reasons_say_why(roads):
    roads.add("custom_own", "OWN", "避让区", [at(400, 0, 600, 1000)], control="avoid")
    _, data = search(roads, avoid=[{"role": "OWN"}], criteria=[ROAD, AREA])
    first, second = data.candidates
    assert (first.x > X + 600, second.x < X + 400) == (True, True)
    assert first.merits[0].value == 0 and second.merits[0].value == 600
    assert first.score == pytest.approx(100, abs=0.5) and "近路 0 米（100 分）" in first.reason
    assert (first.best_rank, first.worst_rank) == (1, 1)
    assert {s.first_higher for s in data.sensitivity} == {1}


def test_a_close_race_depends_on_the_weights(roads):
    roads.add("custom_own", "OWN", "避让区", [at(600, 0, 700, 1000)], control="avoid")
    near = {**ROAD, "best": 0, "worst": 400, "weight": 1}
    large = {**AREA, "best": 60, "worst": 30, "weight": 1.05}
    _, data = search(roads, avoid=[{"role": "OWN"}], criteria=[near, large])
    assert [(c.best_rank, c.worst_rank) for c in data.candidates] == [(1, 2), (1, 2)]
    assert {s.first_lower for s in data.sensitivity} == {1, 2}


def test_large_areas_are_divided_into_blocks_of_the_wanted_size(county):
    _, data = search(county, min_area_ha=5, max_area_ha=12, most=50)
    assert data.found >= 9 and all(5 <= c.area_ha <= 12 for c in data.candidates)


def test_cost_is_weighted_by_area_and_an_unknown_code_is_named(county):
    cost = {"name": "成本", "measure": "cost", "weight": 1, "best": 0, "worst": 10}
    costs = {"0101": 10, "01": 8, "03": 4, "07": 2}
    _, data = search(county, criteria=[{**cost, "costs": {**costs, "10": 0}}])
    assert data.candidates[0].merits[0].value == pytest.approx(3 + 0.8 + 0.8 + 0.4, abs=0.01)
    with pytest.raises(InputError, match="没有编码 100101 的成本") as wrong:
        search(county, criteria=[{**cost, "costs": costs}])
    assert (wrong.value.layer, wrong.value.field) == ("DLTB", "costs")


def test_steep_and_unknown_ground_is_excluded(county):
    import rasterio

    heights = np.zeros((100, 50), dtype="float32")  # the western half only, 10 m cells
    heights[:, 20:] = 10 * np.arange(30)
    with rasterio.open(
        county.folder / "DEM.tif", "w", driver="GTiff", height=100, width=50, count=1,
        dtype="float32", crs="EPSG:4547", transform=rasterio.Affine(10, 0, X, 0, -10, Y + 1000),
    ) as raster:  # fmt: skip
        raster.write(heights, 1)
    county.layers.append(
        {"role": "dem", "name": "DEM", "title": "高程", "path": "DEM.tif", "geometry": "raster",
         "epsg": 4547, "date": "2025-12-31", "source": "tests"}
    )  # fmt: skip
    county.save()
    _, data = search(county, max_slope_degrees=15, min_width_m=0)
    shown = {e.reason: e.area_ha for e in data.exclusions}
    assert shown["坡度未知"] > 50 and shown["坡度大于 15 度"] == pytest.approx(29, abs=1.5)
    assert data.candidates[0].area_ha == pytest.approx(19, abs=1.5)


def test_a_missing_layer_is_an_error_and_a_declared_absence_a_note(county):
    _, data = search(county, avoid=[{"role": "heritage_line"}])
    assert any("方格县没有" in note for note in data.notes)
    county.save(absent=[])
    with pytest.raises(InputError, match="缺少图层 heritage_line（历史文化保护线）"):
        search(county, avoid=[{"role": "heritage_line"}])
    with pytest.raises(InputError, match="缺少图层 roads"):
        search(county, criteria=[ROAD])
    county.remove("admin_county")
    with pytest.raises(InputError, match="不知道研究范围"):
        search(county)


def test_nothing_left_is_said_with_the_largest_reason(county):
    result, data = search(county, avoid=[{"role": "admin_county"}])
    assert data.candidates == () and data.found == 0
    assert "排除最多的是“行政区”" in "".join(result.warnings)


def test_lines_need_a_distance_and_codes_a_field(roads):
    with pytest.raises(InputError, match="须写退让距离"):
        search(roads, avoid=[{"role": "roads"}])
    with pytest.raises(InputError, match="没有编码字段"):
        search(roads, avoid=[{"role": "ecological_redline", "codes": ["1"]}])
    _, data = search(roads, avoid=[{"role": "roads", "codes": ["国道"], "buffer_m": 100}])
    assert data.candidates[0].area_ha == pytest.approx(90, abs=0.1)


def test_narrow_parts_are_cut_off():
    dumbbell = shapely.union_all([at(0, 0, 100, 100), at(100, 45, 300, 55), at(300, 0, 400, 100)])
    rest = opened(dumbbell, 20)
    assert len(shapely.get_parts(rest)) == 2 and rest.area == pytest.approx(20_000, rel=0.02)
    assert opened(at(0, 0, 100, 100), 50).area == pytest.approx(10_000)


def test_small_blocks_join_a_neighbour_that_stays_small_enough():
    blocks = [at(0, 0, 10, 100), at(10, 0, 110, 100), at(110, 0, 115, 100)]
    (one,) = joined(blocks, 2_000, 20_000)
    assert one.area == pytest.approx(11_500)
    assert len(joined(blocks, 2_000, 10_000)) == 3


def test_saved_and_shown(roads, tmp_path, capsys):
    result, _ = search(roads, criteria=[ROAD, AREA])
    files, _ = save_selection(result, tmp_path / "out")
    assert {"json", "gpkg", "md", "docx"} <= set(files)
    file = tmp_path / "a.yaml"
    file.write_text(
        yaml.safe_dump({"min_area_ha": 1, "criteria": [AREA]}, allow_unicode=True), "utf-8"
    )
    folder = str(roads.folder)
    assert run(["site", str(file), "--layers", folder, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"]["found"] == 1
    assert run(["site", "--example"]) == 0 and "criteria" in capsys.readouterr().out
    assert run(["site", "--layers", folder]) == 2
