"""The layout of a cloud-optimised GeoTIFF, read back from its bytes; overviews; files that are cut short."""

import itertools
import struct

import numpy as np
import pytest
import rasterio

from cspon.errors import SetupError
from tools.raster import cog_layout
from tools.raster.cog import OutputFile
from tools.raster.cog_layout import assemble
from tools.raster.grid import Grid
from tools.raster.plan import Category


@pytest.fixture
def wide():
    return Grid(crs="EPSG:4547", west=500_000, north=3_400_000, cell=30, width=1301, height=700)


@pytest.fixture
def values():
    return np.random.default_rng(2).integers(0, 6, (700, 1301)).astype("uint8")


def publish(folder, grid, values, *, rows=512, dtype="uint8", order=1):
    shown = {1: Category(name="差", colour="#aa0000")} if dtype == "uint8" else {}
    file = OutputFile(folder / "o.tif", grid, dtype=dtype, nodata=255 if dtype == "uint8" else -32768,
                      categories=shown, title="名")  # fmt: skip
    for first in list(range(0, len(values), rows))[::order]:
        file.write(first, values[first : first + rows])
    file.finish()
    file.publish()
    return folder / "o.tif"


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "int16"])
def test_pixels_overviews_and_tags_are_read_back(tmp_path, wide, values, monkeypatch, dtype, big):
    if big:
        monkeypatch.setattr(cog_layout, "_CLASSIC_LIMIT", 0)
    values = values.astype(dtype)
    file = publish(tmp_path, wide, values, dtype=dtype)
    assert struct.unpack("<H", file.read_bytes()[2:4]) == (43 if big else 42,)
    with rasterio.open(file) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.crs.to_epsg() == 4547 and dataset.transform == wide.affine
        assert dataset.tags()["TITLE"] == "名" and dataset.overviews(1) == [2, 4]
        assert (dataset.read(1) == values).all()
    for level in range(2):
        with rasterio.open(file, overview_level=level) as dataset:
            apart = 2 ** (level + 1)
            assert (dataset.read(1) == values[::apart, ::apart]).all()
            assert dataset.nodata == (255 if dtype == "uint8" else -32768)


@pytest.mark.parametrize(("rows", "order"), [(512, -1), (100, 1), (7, -1), (700, 1)])
def test_rows_may_come_in_any_height_and_order(tmp_path, wide, values, rows, order):
    file = publish(tmp_path, wide, values, rows=rows, order=order)
    for level, apart in ((None, 1), (0, 2), (1, 4)):
        more = {} if level is None else {"overview_level": level}
        with rasterio.open(file, **more) as dataset:
            assert (dataset.read(1) == values[::apart, ::apart]).all()


def test_directories_come_first_and_the_smallest_overview_next(tmp_path, wide, values):
    levels = directories(publish(tmp_path, wide, values))
    starts = [start for start, _, _ in levels]
    tiles = [tuple(zip(offsets, sizes, strict=True)) for _, offsets, sizes in levels]
    assert starts == sorted(starts) and len(levels) == 3
    assert max(starts) < min(at for level in tiles for at, _ in level)
    in_order = [tile for level in reversed(tiles) for tile in level]
    assert all(a + n + 8 == b for (a, n), (b, _) in itertools.pairwise(in_order))
    data = (tmp_path / "o.tif").read_bytes()
    for at, size in in_order:
        assert struct.unpack("<I", data[at - 4 : at]) == (size,)
        assert data[at + size : at + size + 4] == data[at + size - 4 : at + size]
    assert in_order[-1][0] + in_order[-1][1] + 4 == len(data)


def directories(file):
    """Return start, tile offsets and tile sizes of each directory of a classic TIFF."""
    data = file.read_bytes()
    found, at = [], struct.unpack("<I", data[4:8])[0]
    while at:
        count = struct.unpack("<H", data[at : at + 2])[0]
        lists = {}
        for k in range(count):
            tag, kind, number, held = struct.unpack(
                "<HHII", data[at + 2 + 12 * k : at + 14 + 12 * k]
            )
            if tag in (324, 325):
                width = {3: 2, 4: 4}[kind]
                where = held if number * width > 4 else at + 2 + 12 * k + 8
                lists[tag] = struct.unpack(f"<{number}{'H' if kind == 3 else 'I'}", data[where : where + number * width])  # fmt: skip
        found.append((at, lists[324], lists[325]))
        at = struct.unpack("<I", data[at + 2 + 12 * count : at + 6 + 12 * count])[0]
    return found


@pytest.mark.parametrize("kept", [6, 300, -40])
def test_a_working_file_that_is_cut_short_is_refused(tmp_path, write_tif, grid, kept):
    file = write_tif("a.tif", np.arange(2400, dtype="int16").reshape(40, 60), grid, -1)
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(OSError, match=r"cut short|is missing"):
        assemble([file], [(60, 40)], tmp_path / "b.tif")


def test_a_lost_tile_leaves_nothing(tmp_path, wide, values, monkeypatch):
    def lose(levels, sizes, target):
        for level in levels:
            level.write_bytes(level.read_bytes()[: level.stat().st_size // 2])
        assemble(levels, sizes, target)

    monkeypatch.setattr("tools.raster.cog.assemble", lose)
    file = OutputFile(tmp_path / "o.tif", wide, dtype="uint8", nodata=255, categories={})  # fmt: skip
    file.write(0, values)
    with pytest.raises(SetupError, match="磁盘剩余空间"):
        file.finish()
    file.discard()
    assert list(tmp_path.iterdir()) == []
