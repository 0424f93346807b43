"""Bad files of every kind: each gives a finding or an error with layer, feature and field."""

import os
import sqlite3

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely

from cspon.errors import InputError, SetupError
from tools.quality_check.check import check_plan_database
from tools.quality_check.report import save_result


def findings(written, **more):
    return written.check(**more).findings


def one(written, check, layer="DLTB"):
    found = [f for f in findings(written) if f.check == check and f.layer == layer]
    assert found, check
    return found[0]


def box_at(draft, fid):
    x, y = shapely.get_coordinates(draft.layers["DLTB"].shapes[fid - 1].centroid)[0]
    return x, y


def test_mixed_geometry_types(draft, write):
    x, y = box_at(draft, 30)
    draft.layers["DLTB"].shapes[29] = shapely.Point(x, y)
    draft.layers["DLTB"].shapes[50] = shapely.GeometryCollection([shapely.Point(x, y)])
    draft.layers["DLTB"].kind = "GEOMETRY"
    found = {(f.fid, f.measured) for f in findings(write(draft)) if f.check == "geometry_type"}
    assert found == {(30, "点"), (51, "几何集合")}


@pytest.mark.parametrize("shape", [None, shapely.Polygon(), shapely.MultiPolygon()])
def test_null_and_empty_geometry(draft, write, shape):
    draft.layers["DLTB"].shapes[29] = shape
    check = "null_geometry" if shape is None else "empty_geometry"
    assert one(write(draft), check).fid == 30


@pytest.mark.parametrize("kind", ["Z", "M", "ZM"])
def test_heights_and_measures(draft, write, kind):
    xy = shapely.get_coordinates(draft.layers["DLTB"].shapes[29])
    more = " 7.5" * len(kind)
    text = ", ".join(f"{x} {y}{more}" for x, y in xy)
    draft.layers["DLTB"].shapes[29] = shapely.from_wkt(f"POLYGON {kind} (({text}))")
    assert one(write(draft), "raised_geometry").fid == 30


def test_sliver_without_width(draft, write):
    x, y = box_at(draft, 30)
    row = dict(draft.layers["DLTB"].rows[29])
    row["BSM"] = "990200200199999999"
    draft.layers["DLTB"].add(shapely.Polygon([(x, y), (x + 20, y + 3), (x + 40, y + 6)]), row)
    found = [f for f in findings(write(draft)) if f.fid == 145]
    assert {"invalid_geometry", "spike"} & {f.check for f in found}


def test_sliver_of_a_tenth_of_a_millimetre(draft, write):
    x, y = box_at(draft, 30)
    row = dict(draft.layers["DLTB"].rows[29])
    row["BSM"] = "990200200199999999"
    draft.layers["DLTB"].add(shapely.box(x, y, x + 0.0001, y + 40), row)
    assert one(write(draft), "narrow").fid == 145


def test_repeated_identifier_names_both(draft, write):
    rows = draft.layers["DLTB"].rows
    rows[40]["BSM"] = rows[3]["BSM"]
    found = one(write(draft), "unique_value")
    assert (found.fid, found.other_fid, found.field) == (41, 4, "BSM")


def test_systems_differ_between_layers(draft, write):
    draft.layers["YJJBNT"].epsg = 4548
    found = one(write(draft), "one_coordinate_system", "YJJBNT")
    assert found.measured == "EPSG:4548"


def test_areas_in_mu_are_told(draft, write):
    draft.layers["DLTB"].rows[29]["TBMJ"] = round(draft.layers["DLTB"].rows[29]["TBMJ"] / 666.67, 2)
    found = one(write(draft), "stated_area")
    assert (found.fid, found.field) == (30, "TBMJ")
    assert "亩" in found.message


def test_codes_of_the_land_survey_are_told(draft, write):
    for row in draft.layers["DLTB"].rows:
        row["DLBM"] = {"0101": "0101", "0401": "0404"}.get(row["DLBM"], "0301")
    found = one(write(draft), "value_domain")
    assert (found.field, found.measured) == ("DLBM", "0404")
    assert "三调" in found.mend


def test_very_many_vertices(draft, write):
    x, y = box_at(draft, 30)
    turn = np.linspace(0, 2 * np.pi, 600_000, endpoint=False)
    ring = np.column_stack([x + 20 * np.cos(turn), y + 20 * np.sin(turn)])
    draft.layers["DLTB"].shapes[29] = shapely.Polygon(ring)
    found = one(write(draft), "many_vertices")
    assert (found.fid, found.measured) == (30, "600001 个")


def test_a_geometry_over_the_limit_is_refused_by_name(draft, write, monkeypatch):
    from tools.quality_check import source_geopackage

    written = write(draft)
    monkeypatch.setattr(source_geopackage, "MOST_BYTES", 400)
    with pytest.raises(InputError, match="上限") as raised:
        written.check()
    assert raised.value.layer == "XZQ"


def test_ranges_are_bounded_by_bytes(monkeypatch):
    from tools.quality_check import source

    monkeypatch.setattr(source, "CHUNK_BYTES", 100)
    keys = [(1, 60), (2, 60), (3, 500), (7, 10), (9, 10), (12, 10)]
    assert list(source._ranges(keys, 2)) == [(1, 1), (2, 2), (3, 3), (7, 9), (12, 12)]


def test_geometry_bytes_cut_short_keep_their_feature(draft, write):
    written = write(draft)
    database = sqlite3.connect(written.package)
    database.execute("UPDATE DLTB SET geom = substr(geom, 1, 60) WHERE fid = 9")
    database.commit()
    database.close()
    assert one(written, "null_geometry").fid == 9


def test_truncated_package_is_a_finding_or_an_error(draft, write):
    written = write(draft)
    whole = written.package.read_bytes()
    for share in (0.02, 0.3, 0.7, 0.95):
        written.package.write_bytes(whole[: int(len(whole) * share)])
        try:
            found = findings(written)
        except InputError as error:
            assert error.file == written.package
            assert error.mend
        else:
            assert "readable_file" in {f.check for f in found}


def test_overwritten_pages_are_an_error_with_file_and_layer(draft, write):
    written = write(draft)
    whole = bytearray(written.package.read_bytes())
    middle = len(whole) // 2 // 4096 * 4096
    whole[middle : middle + 40_960] = b"\xa5" * 40_960
    written.package.write_bytes(bytes(whole))
    try:
        found = findings(written)
    except InputError as error:
        assert error.file == written.package
    else:
        assert found


def shapefiles(written, encoding, cpg):
    source = written.package
    for name, _ in pyogrio.list_layers(source):
        meta, _, wkb, values = pyogrio.raw.read(source, layer=name)
        pyogrio.raw.write(
            source.parent / f"{name}.shp", geometry=wkb, field_data=values, fields=meta["fields"],
            layer=name, driver="ESRI Shapefile", geometry_type=meta["geometry_type"],
            crs=meta["crs"], encoding=encoding,
        )  # fmt: skip
    source.unlink()
    if not cpg:
        for file in written.place.rglob("*.cpg"):
            file.unlink()


def test_gbk_without_cpg_is_read(draft, write):
    written = write(draft)
    shapefiles(written, "GBK", cpg=False)
    assert not [f for f in findings(written) if f.check in ("value_encoding", "code_name")]


def test_gbk_bytes_in_a_package_are_told(draft, write):
    draft.layers["DLTB"].rows[29]["DLMC"] = "草地".encode("gbk")
    found = one(write(draft), "value_encoding")
    assert (found.fid, found.field) == (30, "DLMC")


def test_shapefile_without_its_table(draft, write):
    written = write(draft)
    shapefiles(written, "UTF-8", cpg=True)
    next(written.place.rglob("DLTB.dbf")).unlink()
    found = [f for f in findings(written) if f.check == "readable_file"]
    assert any("DLTB.shp" in f.message and ".dbf" in f.message for f in found)


def test_read_only_database_is_checked_and_left_alone(draft, write):
    written = write(draft)
    places = [written.package, written.package.parent]
    before = {file: file.stat().st_mtime_ns for file in written.place.rglob("*")}
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        assert findings(written) == ()
    finally:
        for place in reversed(places):
            place.chmod(0o755)
    assert {file: file.stat().st_mtime_ns for file in written.place.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where nobody may")
def test_read_only_folder_of_results(draft, write, tmp_path):
    result = check_plan_database(write(draft).place, workers=1)
    out = tmp_path / "out"
    out.mkdir(mode=0o555)
    with pytest.raises(SetupError):
        save_result(result, out)
    assert list(out.iterdir()) == []


def test_results_that_cannot_be_written_leave_nothing(draft, write, tmp_path):
    result = check_plan_database(write(draft).place, workers=1)
    (tmp_path / "file").write_text("x")
    with pytest.raises((SetupError, InputError)):
        save_result(result, tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
