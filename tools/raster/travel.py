"""Travel time from places over a raster of speeds: cost distance, tile by tile, exact in whole milliseconds.

A step between two neighbouring cells costs half the crossing of each, times √2 on the diagonal, rounded
to milliseconds by cell. Tiles are worked on in the order of their earliest arrival; where the edge of a
tile is reached earlier than before, its neighbours are worked on again, until nothing changes. Sums of
whole numbers do not depend on the order, so the result does not depend on the size of tiles.
"""

import heapq
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from cspon.errors import InputError
from tools.raster.cog import OutputFile, not_written
from tools.raster.frozen import Frozen
from tools.raster.grid import Grid
from tools.raster.inputs import look_at, stored_scale
from tools.raster.program import Array, Band
from tools.raster.sources import Source
from tools.raster.strips import BandReader

TILE = 1_024
MAX_TILE = 2_046
"""With its ring a tile has fewer than 2²² cells."""
FAR = 2**31 - 1
"""Milliseconds that stand for a cell that is not reached: 24.8 days."""
NODATA_S = -1
OUT_ROWS = 256
"""Rows that are written at once: a whole row of tiles would cost the memory of its width."""


class Travel(Frozen):
    """What was written."""

    file: Path
    reached_cells: int
    longest_s: int
    tiles_worked: int
    """Tiles that were worked on, again counted again."""


def travel_time(
    speed: Source,
    grid: Grid,
    places: Sequence[tuple[float, float]],
    out: Path,
    *,
    name: str = "通行速度",
    tile: int = TILE,
) -> Travel:
    """Write the seconds (int32, -1 is not reached) from the nearest place to every cell.

    Args:
        speed: km/h on the grid; no data or 0 cannot be crossed.
        grid: The grid.
        places: Coordinates in the grid's system.
        out: The raster to write.
        name: What errors call the source.
        tile: Cells on a side of a tile; memory grows with its square.

    Raises:
        InputError: another grid or unit, a negative speed, no place, or a place outside the grid.
        SetupError: no space for the output.
    """
    assert 1 <= tile <= MAX_TILE
    cells = _cells(grid, places)
    look = look_at(speed, grid, name)
    scale, offset = stored_scale(speed, "km/h", name)
    nodata = None if look.nodata is None or look.dtype.startswith("float") else int(look.nodata)
    band = Band(speed, name, look.dtype, nodata)
    with ExitStack() as stack:
        reader = BandReader(band, grid, stack, 2)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            scratch = stack.enter_context(
                tempfile.TemporaryDirectory(prefix=".travel-", dir=out.parent)
            )
            work = _Work(reader, grid, Path(scratch) / "ms", tile, float(scale), float(offset))
            worked = work.spread(cells)
        except OSError as problem:
            raise not_written(out, problem) from None
        file = OutputFile(out, grid, dtype="int32", nodata=NODATA_S, categories={}, threads=2)
        stack.callback(file.discard)
        reached, longest = 0, 0
        for first, seconds in work.rows():
            file.write(first, seconds)
            reached += int((seconds >= 0).sum())
            longest = max(longest, int(seconds.max()))
        file.finish()
        file.publish()
    return Travel(file=out, reached_cells=reached, longest_s=longest, tiles_worked=worked)


def _cells(grid: Grid, places: Sequence[tuple[float, float]]) -> list[tuple[int, int]]:
    if not places:
        raise InputError("没有给出出发地点", field="places", mend="给出中心城区、高速出入口等点位")
    cells = []
    for number, (x, y) in enumerate(places, 1):
        cell = grid.cell_at(x, y)
        if cell is None:
            raise InputError(
                f"第 {number} 个出发地点（{x:.1f}，{y:.1f}）不在评价格网内", field="places"
            )
        cells.append(cell)
    return cells


class _Work:
    """Arrival times of all tiles, in a file of tiles; one tile is held at a time."""

    def __init__(
        self, reader: BandReader, grid: Grid, file: Path, tile: int, scale: float, offset: float
    ) -> None:
        self.reader, self.grid, self.tile = reader, grid, tile
        self.scale, self.offset = scale, offset
        self.down, self.across = -(-grid.height // tile), -(-grid.width // tile)
        self.file = file
        blank = np.full(tile * tile, FAR, dtype=np.int32)
        with file.open("wb") as handle:
            for _ in range(self.down * self.across):
                handle.write(blank.tobytes())
        self.relax: Callable[..., Any] = _compiled()

    def spread(self, cells: Sequence[tuple[int, int]]) -> int:
        """Work until nothing changes; return how many tiles were worked on."""
        seeds: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for row, column in cells:
            place = (row // self.tile, column // self.tile)
            seeds.setdefault(place, []).append((row % self.tile, column % self.tile))
        queue = [(0, place) for place in sorted(seeds)]
        waiting = dict.fromkeys(seeds, 0)
        worked = 0
        while queue:
            key, place = heapq.heappop(queue)
            if waiting.get(place) != key:
                continue
            del waiting[place]
            worked += 1
            for other, earliest in self._work(place, seeds.pop(place, [])):
                if earliest < waiting.get(other, FAR):
                    waiting[other] = earliest
                    heapq.heappush(queue, (earliest, other))
        return worked

    def _work(
        self, place: tuple[int, int], seeds: list[tuple[int, int]]
    ) -> list[tuple[tuple[int, int], int]]:
        """Spread inside a tile; return the neighbours that its edges now reach earlier, and when."""
        straight, diagonal = self._halves(place)
        arrival = self._around(place)
        before = arrival.copy()
        for row, column in seeds:
            if straight[row + 1, column + 1] < FAR:
                arrival[row + 1, column + 1] = 0
        self.relax(arrival, before, straight, diagonal)
        self._store(place, arrival[1:-1, 1:-1])
        changed = arrival < before
        i, j = place
        result = []
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                other = (i + di, j + dj)
                if (di, dj) == (0, 0) or not (
                    0 <= other[0] < self.down and 0 <= other[1] < self.across
                ):
                    continue
                edge = ({-1: slice(1, 2), 0: slice(1, -1), 1: slice(-2, -1)}[di],
                        {-1: slice(1, 2), 0: slice(1, -1), 1: slice(-2, -1)}[dj])  # fmt: skip
                if changed[edge].any():
                    result.append((other, int(arrival[edge][changed[edge]].min())))
        return result

    def _halves(self, place: tuple[int, int]) -> tuple[Array, Array]:
        """Return half the crossing of each cell in ms, straight and diagonal, with a ring of one cell."""
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        t, grid = self.tile, self.grid
        top, left = place[0] * t - 1, place[1] * t - 1
        r0, c0 = max(0, top), max(0, left)
        r1, c1 = min(grid.height, top + t + 2), min(grid.width, left + t + 2)
        try:
            stored = self.reader.dataset.read(
                self.reader.number, window=Window(c0, r0, c1 - c0, r1 - r0)
            ).astype(np.float64)
        except RasterioError as problem:
            raise InputError(
                f"因子“{self.reader.band.factor}”的栅格读到第 {r0 + 1}–{r1} 行时出错：{problem}",
                file=self.reader.band.source.file,
                mend="文件可能没有下载完整或已损坏，请重新取得",
            ) from None
        if self.reader.nodata is not None:
            stored[stored == self.reader.nodata] = np.nan
        kmh = stored * self.scale + self.offset
        if bool((kmh < 0).any()):
            raise InputError(
                f"因子“{self.reader.band.factor}”有负的速度", file=self.reader.band.source.file,
                mend="核对单位与 nodata",
            )  # fmt: skip
        with np.errstate(divide="ignore", invalid="ignore"):
            half_ms = grid.cell / 2 / (kmh / 3.6) * 1000
        open_ = np.isfinite(half_ms) & (half_ms < FAR / 8)
        halves = []
        for factor in (1.0, math.sqrt(2)):
            whole = np.full((t + 2, t + 2), FAR, dtype=np.int32)
            inside = np.where(open_, np.floor(np.where(open_, half_ms, 0) * factor + 0.5), FAR)
            whole[r0 - top : r1 - top, c0 - left : c1 - left] = inside
            halves.append(whole)
        return halves[0], halves[1]

    def _around(self, place: tuple[int, int]) -> Array:
        """Return the arrivals of a tile with a ring from its neighbours."""
        t, (i, j) = self.tile, place
        around = np.full((t + 2, t + 2), FAR, dtype=np.int32)
        own = {-1: slice(0, 1), 0: slice(1, -1), 1: slice(-1, None)}
        theirs = {-1: slice(-1, None), 0: slice(None), 1: slice(0, 1)}
        for di in (-1, 0, 1):
            for dj in (-1, 0, 1):
                if 0 <= i + di < self.down and 0 <= j + dj < self.across:
                    around[own[di], own[dj]] = self._load((i + di, j + dj))[theirs[di], theirs[dj]]
        return around

    def _load(self, place: tuple[int, int]) -> Array:
        t = self.tile
        return np.memmap(
            self.file, dtype=np.int32, mode="r", shape=(t, t), offset=self._offset(place)
        )

    def _store(self, place: tuple[int, int], arrival: Array) -> None:
        with self.file.open("r+b") as handle:
            handle.seek(self._offset(place))
            handle.write(np.ascontiguousarray(arrival).tobytes())

    def _offset(self, place: tuple[int, int]) -> int:
        return (place[0] * self.across + place[1]) * self.tile * self.tile * 4

    def rows(self) -> Iterator[tuple[int, Array]]:
        """Yield first row and seconds, rounded half up, of `OUT_ROWS` rows or fewer at a time."""
        t = self.tile
        for first in range(0, self.grid.height, t):
            end = min(t, self.grid.height - first)
            for r in range(0, end, OUT_ROWS):
                rows = slice(r, min(r + OUT_ROWS, end))
                parts = [self._load((first // t, j))[rows] for j in range(self.across)]
                ms = np.concatenate(parts, axis=1)[:, : self.grid.width]
                lost = ms == FAR
                seconds = ms // 1000 + (ms % 1000 >= 500).astype(np.int32)
                seconds[lost] = NODATA_S
                yield first + r, seconds


def _relax(arrival: Array, before: Array, straight: Array, diagonal: Array) -> None:
    """Run Dijkstra inside a tile from everything that the ring and the seeds offer, in place."""
    rows, columns = arrival.shape
    heap = [np.int64(0)]  # arrival · 2²² + cell: one whole number sorts faster than a pair
    heap.pop()
    for r in range(rows):
        for c in range(columns):
            ring = r == 0 or c == 0 or r == rows - 1 or c == columns - 1
            if arrival[r, c] < 2**31 - 1 and (ring or arrival[r, c] < before[r, c]):
                heapq.heappush(heap, np.int64(arrival[r, c]) * 4_194_304 + r * columns + c)
    while len(heap) > 0:
        item = heapq.heappop(heap)
        reached, cell = item // 4_194_304, item % 4_194_304
        r, c = cell // columns, cell % columns
        if reached > arrival[r, c]:
            continue
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if y < 1 or x < 1 or y >= rows - 1 or x >= columns - 1 or (dr == 0 and dc == 0):
                    continue
                half = straight if dr == 0 or dc == 0 else diagonal
                if half[y, x] == 2**31 - 1 or half[r, c] == 2**31 - 1:
                    continue
                then = reached + np.int64(half[r, c]) + np.int64(half[y, x])
                if then < arrival[y, x]:
                    arrival[y, x] = then
                    heapq.heappush(heap, then * 4_194_304 + y * columns + x)


def _compiled() -> Callable[..., Any]:
    """Return the loop, compiled where numba is installed; the numbers are the same."""
    from tools.raster.kernel import numba_missing

    if numba_missing():
        return _relax
    from numba import njit

    compiled: Callable[..., Any] = njit(nogil=True, cache=True)(_relax)
    return compiled
