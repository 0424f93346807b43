import math

import numpy as np
import pytest
import rasterio
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from cspon.errors import InputError
from tools.raster.sources import Source
from tools.raster.travel import travel_time


def oracle_s(kmh, cell, starts):
    """Dijkstra on the whole raster as one graph, with costs in whole milliseconds."""
    rows, columns = kmh.shape
    half = cell / 2 / (kmh / 3.6) * 1000
    straight, diagonal = (np.floor(half * f + 0.5) for f in (1, math.sqrt(2)))
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, cost = [], [], []
    for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
        one = (slice(0, rows - dr), slice(max(0, -dc), columns - max(0, dc)))
        two = (slice(dr, rows), slice(max(0, dc), columns - max(0, -dc)))
        h = straight if dr == 0 or dc == 0 else diagonal
        step = (h[one] + h[two]).ravel()
        held = np.isfinite(step)
        a.append(index[one].ravel()[held])
        b.append(index[two].ravel()[held])
        cost.append(step[held])
    graph = coo_array(
        (np.concatenate(cost), (np.concatenate(a), np.concatenate(b))), (index.size,) * 2
    )
    ms = dijkstra(graph.tocsr(), directed=False, indices=[index[s] for s in starts], min_only=True)
    return np.where(np.isfinite(ms), np.floor((ms + 500) / 1000), -1).reshape(rows, columns)


@pytest.mark.parametrize("tile", [7, 16, 64])
def test_times_equal_those_of_one_graph(tmp_path, grid, write_tif, tile):
    rng = np.random.default_rng(tile)
    kmh = rng.choice([5, 20, 40, 80], (40, 60)).astype("uint8")
    kmh[rng.random((40, 60)) < 0.25] = 0
    kmh[15, 5:50] = 100
    kmh[3, 3] = kmh[35, 50] = 40
    starts = [(3, 3), (35, 50)]
    places = [(500_000 + (c + 0.5) * 30, 3_400_000 - (r + 0.5) * 30) for r, c in starts]
    file = write_tif("v.tif", kmh, grid, 0)
    travel = travel_time(
        Source(file=file, unit="km/h"), grid, places, tmp_path / "t.tif", tile=tile
    )
    with rasterio.open(travel.file) as dataset:
        found = dataset.read(1)
    with np.errstate(divide="ignore"):
        expected = oracle_s(kmh.astype(float), 30, starts)
    assert (found == expected).all()
    assert travel.reached_cells == (expected >= 0).sum() and travel.longest_s == expected.max()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".travel")] == []


def test_places_outside_or_none_are_refused(tmp_path, grid, write_tif):
    file = write_tif("v.tif", np.full((40, 60), 40, "uint8"), grid, 0)
    source = Source(file=file, unit="km/h")
    with pytest.raises(InputError, match="不在评价格网内"):
        travel_time(source, grid, [(0, 0)], tmp_path / "t.tif")
    with pytest.raises(InputError, match="出发地点"):
        travel_time(source, grid, [], tmp_path / "t.tif")
    assert not (tmp_path / "t.tif").exists()


def test_negative_speed_is_refused(tmp_path, grid, write_tif):
    file = write_tif("v.tif", np.full((40, 60), -4, "int16"), grid)
    with pytest.raises(InputError, match="负的速度"):
        travel_time(
            Source(file=file, unit="km/h"), grid, [(500_100, 3_399_900)], tmp_path / "t.tif"
        )
    assert list(tmp_path.iterdir()) == [file]
