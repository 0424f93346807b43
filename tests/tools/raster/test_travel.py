import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from eval.bench.raster_spread import one_graph
from tools.raster.sources import Source
from tools.raster.travel import travel_time


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
    expected = one_graph(kmh.astype(float), 30, starts)
    assert (found == expected).all()
    assert travel.reached_cells == (expected >= 0).sum() and travel.longest_s == expected.max()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".travel")] == []


@given(
    seed=st.integers(0, 9_999),
    rows=st.integers(2, 24),
    columns=st.integers(2, 24),
    tile=st.integers(3, 13),
    walls=st.sampled_from([0.0, 0.2, 0.45]),
)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_times_do_not_depend_on_the_tiles(
    tmp_path, grid, write_tif, seed, rows, columns, tile, walls
):
    rng = np.random.default_rng(seed)
    kmh = rng.integers(1, 120, (rows, columns)).astype("uint8")
    kmh[rng.random(kmh.shape) < walls] = 0
    starts = [(int(rng.integers(rows)), int(rng.integers(columns))) for _ in range(2)]
    for start in starts:
        kmh[start] = 30
    small = grid.model_copy(update={"width": columns, "height": rows})
    places = [(500_000 + (c + 0.5) * 30, 3_400_000 - (r + 0.5) * 30) for r, c in starts]
    source = Source(file=write_tif("v.tif", kmh, small, 0), unit="km/h")
    travel = travel_time(source, small, places, tmp_path / "t.tif", tile=tile)
    with rasterio.open(travel.file) as dataset:
        found = dataset.read(1)
    assert (found == one_graph(kmh.astype(float), 30, starts)).all()


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
