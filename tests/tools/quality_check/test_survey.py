import numpy as np
import pyogrio
import pyogrio.raw
import pytest

from cspon.errors import InputError
from tools.quality_check.packs import load_pack
from tools.quality_check.scan import MOST_HITS
from tools.quality_check.survey import check_database


def found(quality):
    return [(f.check, f.layer, f.fid) for f in quality.findings]


def test_clean_database_passes_every_check(draft, write):
    quality = write(draft).check()
    assert found(quality) == []
    looked_at = {c.check.id for c in quality.counts}
    assert looked_at == {c.id for c in quality.pack.checks}


def test_what_was_not_checked_is_said(draft, write):
    draft.left_out.add("YDYHGHFQ")
    written = write(draft)
    alone = check_database(written.package, load_pack("county_master_plan"), workers=1)
    assert found(alone) == []
    said = "".join(alone.unchecked)
    for words in ("单个文件", "指标表", "上级指标表", "YDYHGHFQ"):
        assert words in said


def test_finding_names_feature_place_and_mend(draft, write):
    draft.layers["DLTB"].rows[0]["DLBM"] = "9999"
    finding = next(f for f in write(draft).check().findings if f.check == "value_domain")
    assert (finding.layer, finding.fid, finding.field) == ("DLTB", 1, "DLBM")
    assert finding.identifier == draft.layers["DLTB"].rows[0]["BSM"]
    assert finding.x is not None
    assert "9999" in finding.message
    assert finding.mend
    assert finding.basis
    assert not finding.verified


def test_all_are_counted_and_the_first_are_listed(draft, write):
    for row in draft.layers["DLTB"].rows:
        row["DLMC"] = None
    quality = write(draft).check()
    count = next(c for c in quality.counts if c.check.id == "empty_value" and c.layer == "DLTB")
    assert count.found == 144 <= MOST_HITS


@pytest.mark.parametrize("driver", ["OpenFileGDB", "ESRI Shapefile"])
def test_same_findings_from_other_formats(draft, write, tmp_path, driver):
    layer = draft.layers["DLTB"]
    layer.shapes[20] = layer.shapes[21]
    layer.rows[5]["XZQMC"] = "无此镇"
    written = write(draft)
    expected = [f for f in found(written.check()) if f[0] != "field_length"]
    assert ("duplicate_geometry", "DLTB", 22) in expected
    source = written.package
    target = source.parent
    for name, _ in pyogrio.list_layers(source):
        meta, _, wkb, values = pyogrio.raw.read(source, layer=name)
        single = driver == "ESRI Shapefile"
        out = target / (f"{name}.shp" if single else "990200质检示例县.gdb")
        pyogrio.raw.write(
            out, geometry=wkb, field_data=values, fields=meta["fields"], layer=name, driver=driver,
            geometry_type=meta["geometry_type"], crs=meta["crs"],
            append=not single and out.exists(), encoding="GBK" if single else None,
        )  # fmt: skip
    source.unlink()
    for stale in target.glob("*.cpg"):
        stale.unlink()
    shift = 1 if driver == "ESRI Shapefile" else 0  # Shapefile features count from 0
    again = {(c, la, None if fid is None else fid + shift) for c, la, fid in found(written.check())}
    assert {f for f in again if f[0] != "field_length"} == set(expected)


def test_two_processes_find_the_same(draft, write, monkeypatch):
    from tools.quality_check import scan, source

    draft.layers["DLTB"].rows[3]["KCXS"] = 2.0
    written = write(draft)
    one = found(written.check())
    monkeypatch.setattr(scan, "_FEW", 10)
    monkeypatch.setattr(source, "CHUNK", 50)
    monkeypatch.setattr(scan, "split", lambda file: source.split(file, size=50))
    assert found(written.check(workers=2)) == one == [("value_range", "DLTB", 4)]


def test_database_must_exist(tmp_path):
    pack = load_pack("county_master_plan")
    with pytest.raises(InputError, match="找不到成果数据库"):
        check_database(tmp_path / "无", pack)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="不是成果文件夹"):
        check_database(tmp_path / "a.txt", pack)
    (tmp_path / "b.gpkg").write_bytes(b"SQLite format 3\x00" + b"\xff" * 999)
    with pytest.raises(InputError, match="GeoPackage"):
        check_database(tmp_path / "b.gpkg", pack)


def test_geometry_that_does_not_parse_is_a_finding(draft, write):
    import sqlite3

    written = write(draft)
    connection = sqlite3.connect(written.package)
    connection.execute("UPDATE DLTB SET geom = X'4750000100000000FFFF' WHERE fid = 7")
    connection.commit()
    connection.close()
    assert ("null_geometry", "DLTB", 7) in found(written.check())


def test_coordinates_that_are_no_numbers(draft, write):
    import shapely

    xy = shapely.get_coordinates(draft.layers["DLTB"].shapes[40])
    xy[2] = (np.nan, np.nan)
    with np.errstate(invalid="ignore"):
        draft.layers["DLTB"].shapes[40] = shapely.Polygon(xy)
    assert ("invalid_geometry", "DLTB", 41) in found(write(draft).check())
