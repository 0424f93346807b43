import sqlite3

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.demo_county.geopackage import GeoPackage


def write(path, boxes, **columns):
    with GeoPackage(path, epsg=4547) as package, package.table(
        "T", geometry="POLYGON", fields=dict.fromkeys(columns, "TEXT(20)"), title="测试", description="合成数据"
    ) as table:  # fmt: skip
        half = len(boxes) // 2
        for part in (slice(None, half), slice(half, None)):
            if len(boxes[part]):
                table.add(boxes[part], {k: v[part] for k, v in columns.items()})


def window(path, box):
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT rtreecheck('rtree_T_geom')").fetchone() == ("ok",)
        rows = db.execute(
            "SELECT id FROM rtree_T_geom WHERE maxx >= ? AND minx <= ? AND maxy >= ? AND miny <= ?",
            (box[0], box[2], box[1], box[3]),
        ).fetchall()
    db.close()
    return sorted(row[0] for row in rows)


@settings(max_examples=15, deadline=None)
@given(count=st.sampled_from([1, 2, 51, 52, 53, 400, 2602, 2700]), seed=st.integers(0, 9999))
def test_packed_index_finds_what_a_scan_finds(tmp_path_factory, count, seed):
    rng = np.random.default_rng(seed)
    corner = rng.uniform([560_000, 3_370_000], [590_000, 3_395_000], (count, 2))
    size = rng.uniform(0.01, 400, (count, 2))
    boxes = shapely.box(*corner.T, *(corner + size).T)
    path = tmp_path_factory.mktemp("index") / "t.gpkg"
    write(path, boxes)
    bounds = shapely.bounds(boxes)
    for centre in rng.uniform([560_000, 3_370_000], [590_000, 3_395_000], (5, 2)):
        box = np.array([*(centre - 1500), *(centre + 1500)])
        scan = np.flatnonzero(
            (bounds[:, 2] >= box[0]) & (bounds[:, 0] <= box[2]) & (bounds[:, 3] >= box[1]) & (bounds[:, 1] <= box[3])
        ) + 1  # fmt: skip
        # Boxes in the index are rounded outwards: it may find a little more, never less.
        found = window(path, box)
        assert set(scan.tolist()) <= set(found)
        assert len(found) - len(scan) <= 2


def test_gdal_reads_the_file_with_its_text_and_crs(tmp_path):
    boxes = shapely.box(560_000, 3_370_000, [560_010, 560_020], 3_370_010)
    write(tmp_path / "t.gpkg", boxes, 名称=["水田", None])
    info = pyogrio.read_info(tmp_path / "t.gpkg")
    assert (info["crs"], info["features"], info["geometry_type"]) == ("EPSG:4547", 2, "Polygon")
    assert info["layer_metadata"] == {"IDENTIFIER": "测试", "DESCRIPTION": "合成数据"}
    meta, _, geometries, fields = pyogrio.raw.read(
        tmp_path / "t.gpkg", bbox=(560_015, 3_370_000, 560_016, 3_370_001)
    )
    assert meta["fields"].tolist() == ["名称"]
    assert shapely.from_wkb(geometries)[0].equals(boxes[1])
    assert fields[0].tolist() == [None]


def test_gdal_keeps_the_index_in_step_when_it_appends(tmp_path):
    path = tmp_path / "t.gpkg"
    write(path, shapely.box(0, 0, [1, 2], 1), a=["x", "y"])
    far = np.array([shapely.to_wkb(shapely.box(500, 500, 501, 501))], dtype=object)
    pyogrio.raw.write(
        path, far, [np.array(["z"], dtype=object)], ["a"], layer="T", geometry_type="Polygon",
        crs="EPSG:4547", append=True,
    )  # fmt: skip
    assert window(path, (499, 499, 502, 502)) == [3]


def test_equal_rows_give_equal_bytes(tmp_path):
    boxes = shapely.box(0, 0, np.arange(1, 300), 1)
    for name in ("a", "b"):
        write(tmp_path / name, boxes)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_column_of_the_wrong_length_is_a_bug(tmp_path):
    with pytest.raises(AssertionError, match="one value per feature"):
        write(tmp_path / "t.gpkg", shapely.box(0, 0, [1, 2], 1), a=["x"])
