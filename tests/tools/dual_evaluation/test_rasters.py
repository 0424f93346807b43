"""Strips of rows give what the whole raster gives; what is not written leaves nothing."""

from pathlib import Path

import numpy as np
import pytest

from cspon.errors import SetupError
from tools.dual_evaluation.rasters import (
    _terrain_rows,
    raster_writer,
    read_whole,
    relief_of,
    row_strips,
    slope_of,
    source_rows,
    write_raster,
)
from tools.raster.grid import Grid
from tools.raster.sources import Source, Terrain

GRID = Grid(crs="EPSG:4547", west=500_000, north=3_300_700, cell=10.0, width=37, height=70)


@pytest.fixture
def heights():
    values = np.round(np.random.default_rng(3).uniform(0, 90, (70, 37)), 1).astype(np.float32)
    values[20:23, 5:9] = np.nan
    return values


@pytest.fixture
def dem(tmp_path, heights):
    file = tmp_path / "dem.tif"
    write_raster(file, heights, GRID, nodata=float("nan"))
    return Source(file=file, unit="m")


@pytest.mark.parametrize("rows", [1, 7, 64, 70])
@pytest.mark.parametrize(
    ("measure", "whole"),
    [("slope", lambda h: slope_of(h, 10.0)), ("relief", lambda h: relief_of(h, 5))],
)
def test_terrain_by_strips_is_that_of_the_whole(dem, heights, rows, measure, whole):
    terrain = Terrain(measure=measure, dem=dem, window=5)
    with source_rows(terrain, GRID, factor="高程") as read:
        found = np.concatenate([read(p.start, p.stop) for p in row_strips(70, rows)])
    assert np.array_equal(found, whole(heights.astype(np.float64)), equal_nan=True)


@pytest.mark.parametrize("thin", [1, 3, 40])
def test_thinning_takes_every_so_many_th_row_and_column(dem, heights, thin):
    found = read_whole(dem, GRID, factor="高程", thin=thin)
    assert np.array_equal(found, heights[::thin, ::thin].astype(np.float64), equal_nan=True)


def test_scale_offset_and_stored_gaps(tmp_path):
    stored = np.arange(70 * 37, dtype=np.int16).reshape(70, 37)
    write_raster(tmp_path / "i.tif", stored, GRID, nodata=5)
    source = Source(file=tmp_path / "i.tif", unit="mm", scale=0.1, offset=2.0)
    found = read_whole(source, GRID, factor="降水")
    assert np.isnan(found.flat[5]) and found.flat[7] == pytest.approx(2.7)
    assert int(np.isnan(found).sum()) == 1


def test_codes_are_whole_numbers_with_255_for_unknown(tmp_path):
    stored = np.full((70, 37), 3, np.uint8)
    stored[0, 0] = 255
    write_raster(tmp_path / "c.tif", stored, GRID, nodata=255)
    found = read_whole(Source(file=tmp_path / "c.tif"), GRID, factor="类别", category=True)
    assert found.dtype == np.uint8 and found[0, 0] == 255 and found[1, 1] == 3


def test_a_writer_that_fails_leaves_neither_file_nor_draft(tmp_path):
    def fill():
        with raster_writer(tmp_path / "o.tif", GRID, dtype="float32", nodata=-1) as write:
            write(0, np.zeros((10, 37), np.float32))
            raise OSError(28, "No space left on device")

    with pytest.raises(SetupError, match=r"o\.tif 没有写成.*No space") as error:
        fill()
    assert "TMPDIR" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SetupError, match="没有写成"):
        write_raster(tmp_path / "none" / "o.tif", np.zeros((70, 37), np.uint8), GRID, nodata=255)


@pytest.mark.parametrize(("first", "last"), [(0, 90), (0, 33), (31, 65), (64, 90)])
def test_slope_does_not_depend_on_the_blocks_it_is_computed_in(first, last):
    heights = np.random.default_rng(1).normal(0, 30, (90, 20))
    heights[30:33, 3] = np.nan
    grid = Grid(crs="EPSG:4547", west=0, north=0, cell=10.0, width=20, height=90)
    terrain = Terrain(measure="slope", dem=Source(file=Path("dem.tif"), unit="m"))
    rows = _terrain_rows(terrain, lambda a, b: heights[a:b], grid)
    found = rows(first, last)
    assert np.array_equal(found, slope_of(heights, 10.0)[first:last], equal_nan=True)
