import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from eval.bench.raster_spread import one_graph
from tools.raster.kernel import numba_missing
from tools.raster.sources import Source
from tools.raster.travel import travel_time
from tools.raster.travel_kernel import enter, spread


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


def spread_over(file, grid, starts, out, **options):
    """Return the seconds that are written, from places given as cells."""
    places = [(500_000 + (c + 0.5) * 30, 3_400_000 - (r + 0.5) * 30) for r, c in starts]
    source = Source(file=file, unit="km/h")
    travel = travel_time(source, grid, places, out / "t.tif", **options)
    with rasterio.open(travel.file) as dataset:
        return dataset.read(1)


@pytest.fixture(params=[pytest.param("compiled", marks=pytest.mark.component), "python"])
def either_kernel(request, monkeypatch):
    if request.param == "python":
        monkeypatch.setattr("tools.raster.travel.kernels", lambda: (enter, spread))
    elif numba_missing():
        pytest.skip("numba is not installed")


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32"])
def test_speeds_of_every_type_and_of_every_order_of_magnitude(
    tmp_path, grid, write_tif, either_kernel, dtype
):
    rng = np.random.default_rng(3)
    fast = 200 if dtype == "uint8" else 30_000  # 1 to 30,000 km/h: more buckets than are kept
    kmh = rng.choice([1, 3, 40, fast], (40, 60)).astype(dtype)
    nodata = 255 if dtype == "uint8" else -1
    kmh[rng.random(kmh.shape) < 0.2] = nodata
    kmh[5, 5] = kmh[30, 44] = 40
    found = spread_over(
        write_tif("v.tif", kmh, grid, nodata), grid, [(5, 5), (30, 44)], tmp_path, tile=16
    )
    open_ = np.where(kmh == nodata, 0, kmh).astype(float)
    assert (found == one_graph(open_, 30, [(5, 5), (30, 44)])).all()
    assert (found[kmh == nodata] == -1).all()


def test_tiles_are_not_worked_on_again_for_what_they_sent_themselves(tmp_path, grid, write_tif):
    file = write_tif("v.tif", np.full((40, 60), 40, "uint8"), grid, 0)
    source, place = Source(file=file, unit="km/h"), [(500_015, 3_399_985)]
    travel = travel_time(source, grid, place, tmp_path / "t.tif", tile=20)
    assert travel.tiles_worked == 6 and travel.reached_cells == 2400


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


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_negative_speed_is_refused(tmp_path, grid, write_tif, dtype):
    file = write_tif("v.tif", np.full((40, 60), -4, dtype), grid)
    with pytest.raises(InputError, match="负的速度"):
        travel_time(
            Source(file=file, unit="km/h"), grid, [(500_100, 3_399_900)], tmp_path / "t.tif"
        )
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"cell": 25.0}, {}, "25 米"),
        ({"crs": "EPSG:4548"}, {}, "EPSG:4548"),
        ({}, {"crs": "EPSG:4490", "transform": Affine(0.001, 0, 114, 0, -0.001, 30)}, "地理坐标系"),
    ],
)  # fmt: skip
def test_another_grid_is_refused(tmp_path, grid, write_tif, change, options, message):
    values = np.full((40, 60), 40, "uint8")
    file = write_tif("v.tif", values, grid.model_copy(update=change), 0, **options)
    with pytest.raises(InputError, match=message) as caught:
        spread_over(file, grid, [(3, 3)], tmp_path)
    assert "通行速度" in str(caught.value) and str(file) in str(caught.value)
    assert list(tmp_path.iterdir()) == [file]


def test_three_bands_another_unit_and_places_in_water(tmp_path, grid, write_tif):
    rgb = write_tif("rgb.tif", np.full((3, 40, 60), 40, "uint8"), grid)
    with pytest.raises(InputError, match="3 个波段"):
        spread_over(rgb, grid, [(3, 3)], tmp_path)
    file = write_tif("v.tif", np.zeros((40, 60), "uint8"), grid, 255)
    with pytest.raises(InputError, match="没有声明单位"):
        travel_time(Source(file=file), grid, [(500_100, 3_399_900)], tmp_path / "t.tif")
    assert (spread_over(file, grid, [(3, 3)], tmp_path) == -1).all()
