"""Shapefile and FileGDB layers give the results of the GeoPackage layer."""

import numpy as np
import pyogrio.raw
import pytest
import shapely

from cspon.errors import InputError
from tools.compliance.check import check_compliance
from tools.layers import layer_by_role, load_catalogue, open_layer, read_window

X, Y = 500_000.0, 3_300_000.0


def box(*corners):
    return shapely.box(X + corners[0], Y + corners[1], X + corners[2], Y + corners[3])


def convert(county, role, suffix, *, encoding="UTF-8"):
    """Write a layer of the county in another format and point the catalogue there."""
    entry = county.entry(role)
    source = county.folder / entry["path"]
    meta, _, geometry, values = pyogrio.raw.read(source)
    target = county.folder / f"{entry['name']}{suffix}"
    driver = {".shp": "ESRI Shapefile", ".gdb": "OpenFileGDB"}[suffix]
    pyogrio.raw.write(
        target, geometry=geometry, field_data=values, fields=list(meta["fields"]),
        layer=entry["name"], driver=driver, geometry_type="MultiPolygon", promote_to_multi=True,
        crs="EPSG:4547", encoding=encoding if suffix == ".shp" else None,
    )  # fmt: skip
    source.unlink()
    entry["path"] = target.name
    if suffix == ".shp":
        entry.pop("layer")
    county.save()
    return target


@pytest.mark.parametrize("suffix", [".shp", ".gdb"])
def test_the_check_is_the_same(county, fixed_county, write_boundary, suffix):
    boundary = write_boundary(box(250, 250, 450, 850))
    for role in ("land_use", "permanent_basic_farmland", "admin_county"):
        convert(county, role, suffix)
    converted = check_compliance(boundary, county.folder, "industrial_park")
    plain = check_compliance(boundary, fixed_county.folder, "industrial_park")
    assert converted.data == plain.data
    assert set(converted.provenance.layer_dates) == set(plain.provenance.layer_dates)


def test_windows_in_chunks_give_each_feature_once(county, monkeypatch):
    convert(county, "land_use", ".shp")
    spec = layer_by_role(load_catalogue(county.folder), "land_use")
    road = shapely.LineString([(X + 5, Y + 5), (X + 950, Y + 900)]).buffer(2)
    whole = read_window(spec, county.folder, road)
    assert len(set(whole.fids.tolist())) == len(whole)
    assert set(whole.codes.tolist()) <= {"0101", "0103", "0301", "0701", "100101"}
    monkeypatch.setattr("tools.layers.CHUNK", 3)
    from tools.layers import read_windows

    parts = list(read_windows(spec, county.folder, road, chunk=3))
    assert max(map(len, parts)) <= 3
    assert sorted(np.concatenate([p.fids for p in parts])) == sorted(whole.fids)


def test_a_gbk_shapefile_without_a_cpg_is_read_in_chinese(county):
    names = ["水田"] * 99 + ["果园"]
    entry = county.entry("land_use")
    entry["name_field"] = "DLMC"
    cells = [
        box(100 * i, 100 * j, 100 * i + 100, 100 * j + 100) for j in range(10) for i in range(10)
    ]
    county.add(
        "land_use", "DLTB", "地类图斑", cells,
        fields={"DLBM": ["0101"] * 100, "DLMC": names},
        code_field="DLBM", name_field="DLMC", code_scheme="ydyh_2023",
    )  # fmt: skip
    target = convert(county, "land_use", ".shp", encoding="GBK")
    target.with_suffix(".cpg").unlink(missing_ok=True)
    spec = layer_by_role(load_catalogue(county.folder), "land_use")
    assert open_layer(spec, county.folder).encoding == "gb18030"
    found = read_window(spec, county.folder, box(0, 0, 1000, 1000))
    assert sorted(set(found.names.tolist())) == ["果园", "水田"]


def test_an_incomplete_or_truncated_shapefile_is_refused(county):
    target = convert(county, "land_use", ".shp")
    spec = layer_by_role(load_catalogue(county.folder), "land_use")
    content = target.read_bytes()
    target.write_bytes(content[:-200])
    with pytest.raises(InputError, match="被截断"):
        open_layer(spec, county.folder)
    target.write_bytes(content)
    target.with_suffix(".shx").unlink()
    with pytest.raises(InputError, match=r"缺少 \.shx"):
        open_layer(spec, county.folder)


def test_another_format_names_those_that_are_read(county):
    county.entry("land_use")["path"] = "layers.yaml"
    county.save()
    spec = layer_by_role(load_catalogue(county.folder), "land_use")
    with pytest.raises(InputError, match="不是 GeoPackage、Shapefile 或 FileGDB"):
        open_layer(spec, county.folder)
