"""The worked examples stand in the YAML files; here is what they cannot say."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layers import layer_by_role, load_catalogue
from tools.library import raster as raster_module
from tools.library.raster import Grid, array_raster, file_raster
from tools.library.units import Quantity
from tools.library.values import CatalogueLayer, Layer
from tools.operators.functions.measures import rounded_to_sum
from tools.operators.load import operators
from tools.operators.run import check_examples, run_operator

X, Y = 500_000.0, 3_300_000.0


def boxes(*coordinates, **fields):
    geometries = np.array(
        [shapely.box(X + a, Y + b, X + c, Y + d) for a, b, c, d in coordinates], dtype=object
    )
    return Layer("polygon", 4547, geometries, {k: np.array(v) for k, v in fields.items()})


def layer_of(county, role):
    catalogue = load_catalogue(county.folder)
    return CatalogueLayer(layer_by_role(catalogue, role), county.folder)


def test_there_are_the_operators_that_the_libraries_need():
    assert {
        "buffer", "clip", "erase", "dissolve", "select", "spatial_join", "area_by_code", "length",
        "count", "distance_to", "slope", "reclassify", "zonal_statistics", "weighted_overlay",
        "raster_to_polygon", "share", "ratio", "change", "rank",
    } <= set(operators())  # fmt: skip


def test_a_wrong_example_is_found(monkeypatch):
    definition = operators()["share"]
    wrong = definition.said.examples[0].model_copy(update={"expect": {"share": "26 %"}})
    said = definition.said.model_copy(update={"examples": (wrong,)})
    changed = type(definition)(said, definition.file, definition.origin, definition.sha256)
    monkeypatch.setitem(operators(), "share", changed)
    with pytest.raises(InputError, match="应为 26 %，得到 25 %"):
        check_examples("share")


@pytest.mark.parametrize(
    ("name", "inputs", "words"),
    [
        ("bufer", {}, "没有算子"),
        ("buffer", {"layer": boxes((0, 0, 1, 1))}, "缺少输入“距离”"),
        ("buffer", {"layer": boxes((0, 0, 1, 1)), "distance": 5}, "缺少单位"),
        ("buffer", {"layer": boxes((0, 0, 1, 1)), "distance": "5 ha"}, "不是同一种量"),
        ("buffer", {"layer": boxes((0, 0, 1, 1)), "distance": "5 m", "way": 1}, "没有输入 way"),
        ("area_by_code", {"layer": boxes((0, 0, 1, 1))}, "没有字段 code"),
        ("share", {"part": "1 ha", "whole": "0 ha"}, "整体为零"),
        ("share", {"part": "1 ha", "whole": "3 人"}, "不是同一种量"),
        ("ratio", {"numerator": "1 ha", "denominator": "1 人", "unit": "人"}, "不是同一种量"),
        ("change", {"before": "0 ha", "after": "1 ha"}, "基期为零"),
        ("rank", {"table": [{"a": None}], "by": "a"}, "第 1 行"),
        ("distance_to", {"layer": boxes((0, 0, 1, 1))}, "须给其一"),
    ],
)
def test_what_does_not_fit_is_told(name, inputs, words):
    with pytest.raises(InputError, match=words):
        run_operator(name, inputs)


def test_layers_in_two_coordinate_systems_are_refused():
    other = Layer("polygon", 4548, boxes((0, 0, 1, 1)).geometries)
    with pytest.raises(InputError, match="EPSG:4547、EPSG:4548"):
        run_operator("clip", {"layer": boxes((0, 0, 1, 1)), "mask": other})
    with pytest.raises(InputError, match="以米为单位"):
        degrees = Layer("polygon", 4490, other.geometries)
        run_operator("clip", {"layer": degrees, "mask": degrees})


def test_codes_of_another_scheme_are_never_selected(county):
    county.entry("land_use")["code_scheme"] = "sandiao_2020"
    county.save()
    with pytest.raises(InputError, match="数字相同而含义不同"):
        run_operator("select", {"layer": layer_of(county, "land_use"), "codes": ["01"]})


def test_a_code_that_its_scheme_does_not_have_names_the_parcel(county):
    county.land_use([shapely.box(X, Y, X + 10, Y + 10)], ["9999"])
    with pytest.raises(InputError, match="图斑 1 的编码 9999"):
        run_operator("area_by_code", {"layer": layer_of(county, "land_use")})


def test_a_zone_that_its_scheme_does_not_have_names_the_feature(county):
    county.add(
        "nature_reserve", "ZRBHD", "自然保护地", [shapely.box(X, Y, X + 10, Y + 10)],
        fields={"BSM": ["1"], "GKFQ": ["核心区"]}, code_field="GKFQ",
        code_scheme="reserve_zones_2026",
    )  # fmt: skip
    with pytest.raises(InputError, match="要素 1 的代码“核心区”"):
        run_operator("area", {"layer": layer_of(county, "nature_reserve")})


def test_area_by_code_of_a_catalogue_layer_is_read_in_pieces(fixed_county, monkeypatch):
    whole = run_operator("area_by_code", {"layer": layer_of(fixed_county, "land_use")})
    monkeypatch.setattr(CatalogueLayer, "whole", None)  # streaming needs no whole layer
    assert run_operator("area_by_code", {"layer": layer_of(fixed_county, "land_use")}) == whole
    rows = {row["code"]: row["area_ha"] for row in whole["table"]}
    assert rows == pytest.approx(
        {"0101": 30, "0103": 10, "0301": 20, "0701": 20, "100101": 20}, abs=1e-3
    )
    assert whole["table"][0]["name"] == "水田"


def test_erase_and_clip_make_up_the_whole(fixed_county):
    parcels = layer_of(fixed_county, "land_use").whole()
    mask = Layer("polygon", 4547, np.array([shapely.Point(X + 480, Y + 510).buffer(333)], object))
    inside = run_operator("clip", {"layer": parcels, "mask": mask})["result"]
    outside = run_operator("erase", {"layer": parcels, "mask": mask})["result"]
    total = shapely.area(inside.geometries).sum() + shapely.area(outside.geometries).sum()
    assert total == pytest.approx(1_000_000, rel=1e-12)
    assert shapely.area(inside.geometries).sum() == pytest.approx(mask.geometries[0].area)
    assert len(inside.fields["code"]) == len(inside)


def test_invalid_and_empty_geometry_is_worked_on():
    bow_tie = shapely.Polygon([(X, Y), (X + 10, Y + 10), (X + 10, Y), (X, Y + 10)])
    layer = Layer("polygon", 4547, np.array([bow_tie, shapely.Polygon()], dtype=object))
    result = run_operator("clip", {"layer": layer, "mask": boxes((0, 0, 10, 10))})["result"]
    assert shapely.area(result.geometries).sum() == pytest.approx(50)


def test_touching_parcels_leave_nothing_behind():
    result = run_operator("clip", {"layer": boxes((0, 0, 10, 10)), "mask": boxes((10, 0, 20, 10))})
    assert len(result["result"]) == 0


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=20))
def test_rounded_parts_sum_to_the_rounded_total(areas):
    parts = {str(i): area for i, area in enumerate(areas)}
    total = round(sum(areas), 4)
    rounded = rounded_to_sum(parts, total)
    assert sum(round(v * 10_000) for v in rounded.values()) == round(total * 10_000)
    assert all(abs(rounded[k] - parts[k]) < 2e-4 for k in parts)


def test_slope_of_an_even_plane_is_the_same_in_every_strip(monkeypatch):
    east, north = np.meshgrid(np.arange(40) * 10.0, np.arange(50) * 10.0)
    plane = array_raster(Grid(X, Y, 10, 50, 40, 4547), 0.3 * east + 0.4 * north)
    whole = run_operator("slope", {"dem": plane})["result"].array()
    assert whole[1:-1, 1:-1] == pytest.approx(np.degrees(np.arctan(0.5)))
    monkeypatch.setattr(raster_module, "STRIP_ROWS", 7)
    assert np.array_equal(run_operator("slope", {"dem": plane})["result"].array(), whole)


def test_slope_equals_the_formula_cell_by_cell():
    z = np.random.default_rng(4).uniform(0, 100, (6, 5))
    raster = array_raster(Grid(X, Y, 30, 6, 5, 4547), z)
    found = run_operator("slope", {"dem": raster})["result"].array()
    for i in range(1, 5):
        for j in range(1, 4):
            w = z[i - 1 : i + 2, j - 1 : j + 2]
            dx = ((w[0, 2] + 2 * w[1, 2] + w[2, 2]) - (w[0, 0] + 2 * w[1, 0] + w[2, 0])) / 240
            dy = ((w[0, 0] + 2 * w[0, 1] + w[0, 2]) - (w[2, 0] + 2 * w[2, 1] + w[2, 2])) / 240
            assert found[i, j] == pytest.approx(np.degrees(np.arctan(np.hypot(dx, dy))))


def test_a_large_raster_goes_through_a_file(monkeypatch):
    monkeypatch.setattr(raster_module, "MAX_CELLS_IN_MEMORY", 10)
    monkeypatch.setattr(raster_module, "STRIP_ROWS", 3)
    raster = array_raster(Grid(X, Y, 10, 8, 4, 4547), np.arange(32.0).reshape(8, 4))
    classes = [{"to": 16, "value": 1}, {"from": 16, "to": 30, "value": 2}]
    result = run_operator("reclassify", {"raster": raster, "classes": classes})["result"].array()
    assert result[:4].tolist() == [[1.0] * 4] * 4
    assert np.isnan(result[7, 3])


def test_a_written_raster_is_read_in_windows(tmp_path):
    import rasterio

    grid = Grid(X, Y, 10, 3, 4, 4547)
    file = tmp_path / "dem.tif"
    with rasterio.open(
        file, "w", driver="GTiff", height=3, width=4, count=1, dtype="int16", nodata=-1,
        crs="EPSG:4547", transform=grid.affine,
    ) as target:  # fmt: skip
        target.write(np.array([[-1, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]], dtype="int16"), 1)
    raster = file_raster(file)
    assert raster.grid == grid
    assert raster.read(1, 3, 2, 4).tolist() == [[6, 7], [10, 11]]
    assert np.isnan(raster.array()[0, 0])
    with pytest.raises(InputError, match="打不开"):
        file_raster(tmp_path / "none.tif")


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([{"from": 0, "to": 5, "value": 1}, {"from": 4, "to": 9, "value": 2}], "重叠"),
        ([{"from": 0, "to": 5}], "第 1 行"),
        ([{"from": "a", "value": 1}], "第 1 行"),
    ],
)
def test_wrong_classes(classes, words):
    raster = array_raster(Grid(X, Y, 10, 1, 1, 4547), [[1]])
    with pytest.raises(InputError, match=words):
        run_operator("reclassify", {"raster": raster, "classes": classes})


def test_weights_must_sum_to_one_and_grids_must_agree():
    one = array_raster(Grid(X, Y, 10, 1, 1, 4547), [[1]])
    other = array_raster(Grid(X + 5, Y, 10, 1, 1, 4547), [[1]])
    for rasters, weights, words in (
        ([one, one], [0.6, 0.6], "之和为 1.2"),
        ([one, one], [1.5, -0.5], "不小于 0"),
        ([one, one], [1], "2 个因子栅格有 1 个权重"),
        ([one, other], [0.5, 0.5], "范围或像元不同"),
    ):
        with pytest.raises(InputError, match=words):
            run_operator("weighted_overlay", {"rasters": rasters, "weights": weights})


def test_polygons_of_a_raster_have_its_area():
    values_ = np.random.default_rng(1).integers(0, 3, (20, 20)).astype(float)
    raster = array_raster(Grid(X, Y + 200, 10, 20, 20, 4547), values_)
    result = run_operator("raster_to_polygon", {"raster": raster, "at_least": 1})["result"]
    assert shapely.area(result.geometries).sum() == pytest.approx((values_ >= 1).sum() * 100)
    measured = ellipsoidal_areas_m2(result.geometries, 4547).sum() / 1e4
    assert result.fields["area_ha"].sum() == pytest.approx(measured, abs=1e-3)


def test_distance_to_a_long_line_equals_shapely():
    rng = np.random.default_rng(2)
    line = shapely.LineString(rng.uniform(0, 1000, (50, 2)) + np.array([X, Y]))
    layer = Layer("line", 4547, np.array([line], dtype=object))
    points = shapely.points(rng.uniform(0, 1000, (200, 2)) + np.array([X, Y]))
    found = run_operator("distance_to", {"layer": layer, "other": Layer("point", 4547, points)})
    assert found["result"].fields["distance_m"] == pytest.approx(shapely.distance(points, line))
    assert found["least"] == Quantity.of(found["result"].fields["distance_m"].min(), "m")


def test_zonal_statistics_reads_only_the_window():
    asked = []

    def read(first, last, left, right):
        asked.append((first, last, left, right))
        return np.ones((last - first, right - left))

    raster = raster_module.Raster(Grid(X, Y + 10_000, 10, 1000, 1000, 4547), read)
    run_operator("zonal_statistics", {"raster": raster, "zones": boxes((100, 100, 200, 200))})
    (first, last, left, right) = asked[0]
    assert (last - first) * (right - left) <= 12 * 12
