import sqlite3

import numpy as np
import pyogrio
import pytest
import shapely

from tools.demo_county.parcels import generate_parcels


@pytest.fixture(scope="module")
def parcels(tmp_path_factory):
    path = tmp_path_factory.mktemp("parcels") / "deep" / "parcels.gpkg"
    said = []
    generate_parcels(path, n=9000, seed=3, progress=said.append)
    return path


def test_exactly_n_parcels_share_their_edges(parcels):
    _, _, geometries, fields = pyogrio.raw.read(parcels, layer="DLTB")
    cells = shapely.from_wkb(geometries)
    assert len(cells) == 9000
    assert shapely.coverage_is_valid(cells)
    assert 23 < shapely.get_num_coordinates(cells).mean() < 29
    assert 15_000 < shapely.area(cells).mean() < 25_000
    assert len(set(fields[0])) == 9000
    assert {"0101", "0103", "0301", "1704"} <= set(fields[1])


def test_neighbours_in_space_are_neighbours_in_the_file(parcels):
    with sqlite3.connect(parcels) as db:
        assert db.execute("SELECT rtreecheck('rtree_DLTB_geom')").fetchone() == ("ok",)
        boxes = np.array(
            db.execute("SELECT minx, maxx, miny, maxy FROM rtree_DLTB_geom ORDER BY id").fetchall()
        )
    db.close()
    steps = np.hypot(np.diff(boxes[:, :2].mean(1)), np.diff(boxes[:, 2:].mean(1)))
    assert np.median(steps) < 250
    assert (steps < 1500).mean() > 0.99


def test_a_box_is_filled(tmp_path):
    box = (500_000.0, 3_400_000.0, 506_000.0, 3_403_000.0)
    generate_parcels(tmp_path / "p.gpkg", n=800, seed=1, bbox=box)
    bounds = pyogrio.read_info(tmp_path / "p.gpkg")["total_bounds"]
    assert np.abs(np.array(bounds) - box).max() < 900


def test_a_failure_leaves_nothing(tmp_path):
    def refuse(text):
        raise RuntimeError(text)

    with pytest.raises(RuntimeError):
        generate_parcels(tmp_path / "p.gpkg", n=9000, seed=1, progress=refuse)
    assert list(tmp_path.iterdir()) == []
