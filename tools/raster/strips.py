"""Read the inputs strip by strip: every tile is decoded once, halos are carried from strip to strip."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np

from cspon.errors import InputError
from tools.raster.grid import Grid
from tools.raster.opening import open_raster
from tools.raster.program import Array, Band


@dataclass(frozen=True)
class Strip:
    """Rows `first` to `last` (exclusive) of every band, each with its halo."""

    first: int
    last: int
    bands: tuple[Array, ...]


class Pool:
    """Arrays that are used again: fresh memory costs a page fault for each 4 KB."""

    def __init__(self) -> None:
        self._free: dict[tuple[tuple[int, ...], str], list[Array]] = {}

    def take(self, shape: tuple[int, ...], dtype: str) -> Array:
        """Return an array with arbitrary content."""
        free = self._free.get((shape, dtype))
        return free.pop() if free else np.empty(shape, dtype=dtype)

    def give(self, array: Array) -> None:
        """Take an array back; only arrays that came from `take`."""
        self._free.setdefault((array.shape, str(array.dtype)), []).append(array)


class BandReader:
    """Blocks of rows of one band as the engine wants them: typed, warped if told, NaN for no data."""

    def __init__(self, band: Band, grid: Grid, stack: ExitStack, threads: int) -> None:
        self.band, self.grid = band, grid
        dataset = stack.enter_context(
            open_raster(band.source.file, factor=band.factor, threads=threads)
        )
        self.number = band.source.band or 1
        nodata = band.source.nodata
        self.nodata = dataset.nodatavals[self.number - 1] if nodata is None else nodata
        self.dataset = dataset
        if band.source.resampling is not None:
            self.dataset = stack.enter_context(self._warped(dataset))

    def _warped(self, dataset: Any) -> Any:
        from rasterio.enums import Resampling
        from rasterio.vrt import WarpedVRT

        options: dict[str, Any] = {}
        if self.nodata is not None:
            options = {"src_nodata": self.nodata, "nodata": self.nodata}
        if self.band.dtype in ("float32", "float64"):
            options["dtype"] = self.band.dtype
        return WarpedVRT(
            dataset,
            crs=self.grid.crs,
            transform=self.grid.affine,
            width=self.grid.width,
            height=self.grid.height,
            resampling=Resampling[self.band.source.resampling],
            tolerance=1e-9,  # in cells; 0 fails where both systems are the same
            **options,
        )

    def read(self, first: int, last: int, into: Array) -> None:
        """Fill `(last - first, width)` with rows; `into` may be a view of a larger array.

        Raises:
            InputError: the file is damaged.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        window = Window(0, first, self.grid.width, last - first)
        try:
            self.dataset.read(self.number, window=window, out=into)
        except RasterioError as problem:
            raise InputError(
                f"因子“{self.band.factor}”的栅格读到第 {first + 1}–{last} 行时出错：{problem}",
                file=self.band.source.file,
                mend="文件可能没有下载完整或已损坏，请重新取得",
            ) from None
        if into.dtype.kind == "f" and self.nodata is not None and np.isfinite(self.nodata):
            np.copyto(into, np.nan, where=into == into.dtype.type(self.nodata))


class _Rows:
    """The blocks of one band, in order, each with the halo above and below."""

    def __init__(self, reader: BandReader, rows: range, size: int, pool: Pool) -> None:
        self.reader, self.rows, self.size, self.pool = reader, rows, size, pool
        self.halo = reader.band.halo
        self.next: Array | None = None

    def block(self, first: int, last: int) -> Array:
        """Return rows `first` to `last` of the band with halo; blocks are asked for in order."""
        h, height = self.halo, self.reader.grid.height
        if not h:
            block = self._empty(first, last)
            self.reader.read(first, last, block)
            return block
        block = self.next if self.next is not None else self._load(first, last, above=True)
        self.next = None
        inner = last - first
        if last < self.rows.stop:
            end = min(last + self.size, self.rows.stop)
            self.next = self._load(last, end, above=False)
            here = min(h, end - last)
            block[h + inner : h + inner + here] = self.next[h : h + here]
            self.next[:h] = block[inner : inner + h]
        elif last < height:
            below = min(height, last + h)
            self.reader.read(last, below, block[h + inner : h + inner + below - last, h:-h])
        return block

    def _load(self, first: int, last: int, *, above: bool) -> Array:
        h = self.halo
        block = self._empty(first, last)
        block[:] = block.dtype.type(_outside(self.reader.band))
        self.reader.read(first, last, block[h : h + last - first, h:-h])
        if above and first > 0:
            start = max(0, first - h)
            self.reader.read(start, first, block[h - (first - start) : h, h:-h])
        return block

    def _empty(self, first: int, last: int) -> Array:
        h = self.halo
        shape = (last - first + 2 * h, self.reader.grid.width + 2 * h)
        return self.pool.take(shape, self.reader.band.dtype)


def read_strips(
    bands: Sequence[Band], grid: Grid, rows: range, size: int, *, pool: Pool, threads: int
) -> Iterator[Strip]:
    """Yield the strips of a range of rows; `size` is at least the widest halo."""
    with ExitStack() as stack:
        readers = [
            _Rows(BandReader(band, grid, stack, threads), rows, size, pool) for band in bands
        ]
        for first in range(rows.start, rows.stop, size):
            last = min(first + size, rows.stop)
            yield Strip(first, last, tuple(reader.block(first, last) for reader in readers))


def _outside(band: Band) -> float:
    """Return the stored value that stands for cells outside the grid."""
    return np.nan if band.nodata is None else band.nodata
