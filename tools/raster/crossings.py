"""Half the time of crossing each cell, in whole milliseconds, from a raster of speeds."""

import math
from functools import cached_property

import numpy as np

from cspon.errors import InputError
from tools.raster.grid import Grid
from tools.raster.program import Array
from tools.raster.strips import BandReader
from tools.raster.travel_kernel import FAR

SHORT = 2
"""Bytes of whole numbers whose every value is worked out once, in a table."""


class Crossings:
    """Reads windows of a raster of speeds as half crossings."""

    def __init__(self, reader: BandReader, grid: Grid, scale: float, offset: float) -> None:
        self.reader, self.grid, self.scale, self.offset = reader, grid, scale, offset

    def read(self, top: int, left: int, side: int) -> tuple[Array, Array]:
        """Return codes by cell, `(side, side)`, and their table of straight and diagonal ms, `(codes, 2)` int32.

        FAR is closed or off the grid.

        Raises:
            InputError: a negative speed, or a damaged file.
        """
        r0, c0 = max(0, top), max(0, left)
        r1, c1 = min(self.grid.height, top + side), min(self.grid.width, left + side)
        stored = self._stored(r0, r1, c0, c1)
        if stored.dtype.kind in "iu" and stored.dtype.itemsize <= SHORT:
            table, negative = self._table
            index = stored.view(f"u{stored.dtype.itemsize}")
            wrong = bool(negative.any()) and bool(negative[index].any())
        else:
            table, negative = _with_closed(*self._halves(stored.ravel()))
            index = np.arange(stored.size, dtype=np.int32).reshape(stored.shape)
            wrong = bool(negative.any())
        if wrong:
            raise InputError(
                f"因子“{self.reader.band.factor}”有负的速度",
                file=self.reader.band.source.file,
                mend="核对单位与 nodata",
            )
        kind = np.uint16 if len(table) < 2**16 else np.int32
        codes = np.full((side, side), len(table) - 1, dtype=kind)
        codes[r0 - top : r1 - top, c0 - left : c1 - left] = index
        return codes, table

    @cached_property
    def _table(self) -> tuple[Array, Array]:
        """Return both halves, and whether the speed is negative, by stored value."""
        kind = np.dtype(self.reader.dataset.dtypes[self.reader.number - 1])
        every = np.arange(256**kind.itemsize).astype(f"u{kind.itemsize}").view(kind)
        return _with_closed(*self._halves(every))

    def _halves(self, stored: Array) -> tuple[Array, Array]:
        values = stored.astype(np.float64)
        if self.reader.nodata is not None:
            values[values == self.reader.nodata] = np.nan
        kmh = values * self.scale + self.offset
        with np.errstate(divide="ignore", invalid="ignore"):
            half_ms = self.grid.cell / 2 / (kmh / 3.6) * 1000
        open_ = np.isfinite(half_ms) & (half_ms < FAR / 8)
        halves = np.full((*stored.shape, 2), FAR, dtype=np.int32)
        for k, factor in enumerate((1.0, math.sqrt(2))):
            halves[..., k][open_] = np.floor(half_ms[open_] * factor + 0.5)
        return halves, kmh < 0

    def _stored(self, r0: int, r1: int, c0: int, c1: int) -> Array:
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        try:
            stored: Array = self.reader.dataset.read(
                self.reader.number, window=Window(c0, r0, c1 - c0, r1 - r0)
            )
        except RasterioError as problem:
            raise InputError(
                f"因子“{self.reader.band.factor}”的栅格读到第 {r0 + 1}–{r1} 行时出错：{problem}",
                file=self.reader.band.source.file,
                mend="文件可能没有下载完整或已损坏，请重新取得",
            ) from None
        return stored


def _with_closed(table: Array, negative: Array) -> tuple[Array, Array]:
    """Add a last code for what lies off the grid."""
    off = np.full((1, 2), FAR, dtype=np.int32)
    return np.concatenate([table, off]), np.append(negative, False)
