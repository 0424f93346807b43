import numpy as np
import pyogrio.raw
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.compliance.check import check_compliance
from tools.layer_health import Finding, check_window, guess_unit, merged, named
from tools.layers import Features, layer_by_role, load_catalogue, read_window

X, Y = 500_000.0, 3_300_000.0


def square(x, y, side=100.0):
    return shapely.box(X + x, Y + y, X + x + side, Y + y + side)


def spec(**more):
    given = {
        "role": "mineral_line", "name": "KCZYKZX", "title": "矿产", "path": "a.gpkg",
        "epsg": 4547, "date": "2025-12-31", "source": "tests", "id_field": "BSM",
    }  # fmt: skip
    return LayerSpec.model_validate({**given, **more})


def features(geometries, *, ids=None, areas=None):
    count = len(geometries)
    return Features(
        fids=np.arange(1, count + 1),
        geometries=np.array(geometries, dtype=object),
        codes=np.full(count, ""),
        names=np.full(count, ""),
        ids=None if ids is None else np.array(ids),
        stated_areas=None if areas is None else np.array(areas, dtype=float),
    )


def kinds(findings):
    return {f.kind: f.fids for f in findings}


def test_healthy_features_have_no_findings():
    assert check_window(spec(), features([square(0, 0), square(100, 0)], ids=["1", "2"])) == []
    assert check_window(spec(), features([])) == []


def test_mixed_types_and_empty_geometry_are_named():
    line = shapely.LineString([(X, Y), (X + 9, Y)])
    both = shapely.GeometryCollection([square(0, 0), line])
    found = check_window(spec(), features([square(0, 0), line, both, shapely.Polygon()]))
    assert kinds(found) == {"mixed_type": (2, 3), "empty": (4,)}
    assert found[0].sentence().startswith("图层“矿产（KCZYKZX）”混有不是面的图形")
    assert "fid 2、3" in found[0].sentence()


def test_a_point_among_lines():
    lines = [shapely.LineString([(X, Y), (X + 9, Y)]), shapely.Point(X, Y)]
    assert kinds(check_window(spec(geometry="line"), features(lines))) == {"mixed_type": (2,)}


def test_a_polygon_without_width():
    sliver = shapely.box(X, Y, X + 200, Y + 0.004)
    assert kinds(check_window(spec(), features([sliver, square(0, 0)]))) == {"no_width": (1,)}


def test_shared_identifiers_name_field_and_features():
    found = check_window(spec(), features([square(0, 0)] * 4, ids=["A", "B", "A", ""]))
    assert kinds(found) == {"duplicate_id": (1, 3)}
    assert found[0].field == "BSM"
    assert "字段 BSM 有重复的标识码（如 A）" in found[0].sentence()


@pytest.mark.parametrize(
    ("declared", "area", "says"),
    [
        ("ha", 15.0, "像是亩而不是目录所写的公顷（与椭球面积相差 15 倍）"),
        ("mu", 1.0, "像是公顷而不是目录所写的亩"),
        ("ha", 10_000.0, "像是平方米而不是目录所写的公顷"),
        ("m2", 15.0, "像是亩而不是目录所写的平方米"),
    ],
)
def test_an_area_in_another_unit_is_known_by_its_ratio(declared, area, says):
    layer = spec(area_field="MJ", area_unit=declared)
    found = check_window(layer, features([square(0, 0), square(200, 0)], areas=[area, area]))
    assert kinds(found) == {"area_unit": (1, 2)}
    assert says in found[0].message
    assert found[0].field == "MJ"


@pytest.mark.parametrize("area", [1.0, 1.02, 3.3, float("nan"), 0.0])
def test_right_wrong_and_missing_areas_are_no_matter_of_unit(area):
    layer = spec(area_field="MJ", area_unit="ha")
    assert check_window(layer, features([square(0, 0)], areas=[area])) == []


@given(st.sampled_from(["m2", "ha", "mu"]), st.lists(st.floats(10, 1e7), min_size=1, max_size=20))
def test_the_unit_of_right_areas_is_found(unit, areas):
    square_metres = {"m2": 1.0, "ha": 1e4, "mu": 1e4 / 15}[unit]
    computed = np.array(areas)
    assert guess_unit(computed / square_metres, computed) == unit


def test_findings_of_several_windows_are_one():
    one = Finding("empty", "甲", "有空图形", (1, 2))
    assert merged([one, Finding("empty", "甲", "有空图形", (2, 3))]) == (
        Finding("empty", "甲", "有空图形", (1, 2, 3)),
    )
    assert named(range(7)) == "（fid 0、1、2、3、4 等 7 个）"
    assert named([]) == ""


def test_a_check_warns_of_what_it_found(county, write_boundary):
    county.add(
        "permanent_basic_farmland", "YJJBNT", "永农", [square(0, 0, 300), square(300, 0)],
        fields={"BSM": ["7", "7"], "MJ": [9 * 15.0, 15.0]},
        id_field="BSM", area_field="MJ", area_unit="ha",
    )  # fmt: skip
    result = check_compliance(write_boundary(square(250, 0)), county.folder)
    assert any("字段 BSM 有重复的标识码（如 7）" in w for w in result.warnings)
    assert any("像是亩而不是目录所写的公顷" in w for w in result.warnings)


def test_measures_and_heights_are_dropped(county):
    given = shapely.from_wkt(
        "POLYGON ZM ((500000 3300000 1 2, 500100 3300000 1 2, 500000 3300100 1 2, 500000 3300000 1 2))"
    )
    county.add("mineral_line", "KCZYKZX", "矿产", [square(0, 0)])
    pyogrio.raw.write(
        county.folder / "KCZYKZX.gpkg", geometry=shapely.to_wkb(np.array([given]), flavor="iso"),
        field_data=[], fields=[], layer="KCZYKZX", driver="GPKG", geometry_type="Unknown",
        crs="EPSG:4547",
    )  # fmt: skip
    layer = layer_by_role(load_catalogue(county.folder), "mineral_line")
    found = read_window(layer, county.folder, square(0, 0))
    assert not shapely.has_z(found.geometries).any() and not shapely.has_m(found.geometries).any()


def test_text_that_is_not_utf8_names_field_and_feature(county):
    import sqlite3

    file = county.folder / "DLTB.gpkg"
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TRIGGER IF EXISTS trigger_none")
        connection.execute("PRAGMA writable_schema = 0")
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        connection.execute(
            "UPDATE DLTB SET DLMC = CAST(? AS TEXT) WHERE fid = 3", ("水田".encode("gbk"),)
        )
    connection.close()
    county.entry("land_use")["name_field"] = "DLMC"
    county.save()
    layer = layer_by_role(load_catalogue(county.folder), "land_use")
    with pytest.raises(InputError, match="不是 UTF-8 编码（fid=3）") as error:
        read_window(layer, county.folder, square(0, 0, 1000))
    assert (error.value.layer, error.value.field) == ("DLTB", "DLMC")


def test_too_many_vertices_near_a_project_are_refused(county, monkeypatch):
    monkeypatch.setattr("tools.geopackage_rows.MAX_WINDOW_BYTES", 1_000)
    layer = layer_by_role(load_catalogue(county.folder), "land_use")
    with pytest.raises(InputError, match=r"图形过大.*fid=.*个顶点") as error:
        read_window(layer, county.folder, square(0, 0, 1000))
    assert error.value.layer == "DLTB"
