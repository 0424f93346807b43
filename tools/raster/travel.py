"""Travel time from places over a raster of speeds: cost distance, tile by tile, exact in whole milliseconds.

A step between two neighbouring cells costs half the crossing of each, times √2 on the diagonal, rounded
to milliseconds by cell. Tiles are worked on in the order of the earliest arrival that waits at them; a
neighbour waits where a step over the edge reaches one of its cells earlier than before, until nothing
changes. Sums of whole numbers do not depend on the order, so the result does not depend on the tiles.
"""

import heapq
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from cspon.errors import InputError
from tools.raster.cog import OutputFile, not_written
from tools.raster.crossings import Crossings
from tools.raster.frozen import Frozen
from tools.raster.grid import Grid
from tools.raster.inputs import look_at, stored_scale
from tools.raster.program import Array, Band
from tools.raster.sources import Source
from tools.raster.strips import BandReader
from tools.raster.travel_kernel import FAR, MOST_BUCKETS, kernels

TILE = 1_024
MAX_TILE = 2_046
"""With its ring a tile has fewer than 2²² cells."""
NODATA_S = -1
OUT_ROWS = 256
"""Rows that are written at once: a whole row of tiles would cost the memory of its width."""
_Place = tuple[int, int]
"""Row and column of a tile."""
_RING = tuple(
    ((line, column), (di, dj))
    for di, line in ((-1, 0), (0, slice(1, -1)), (1, -1))
    for dj, column in ((-1, 0), (0, slice(1, -1)), (1, -1))
    if (di, dj) != (0, 0)
)
"""Where in a tile with its ring each neighbour lies, and which it is."""


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
    """Arrival times of all tiles, in a file of tiles; one tile is held at a time, of the others the edges."""

    def __init__(
        self, reader: BandReader, grid: Grid, file: Path, tile: int, scale: float, offset: float
    ) -> None:
        self.grid, self.tile, self.file = grid, tile, file
        self.crossings = Crossings(reader, grid, scale, offset)
        self.down, self.across = -(-grid.height // tile), -(-grid.width // tile)
        self.edges: dict[_Place, tuple[Array, ...]] = {}
        """First and last row, first and last column of the tiles that were worked on."""
        self.buckets: dict[_Place, tuple[int, int]] = {}
        with file.open("wb") as handle:
            handle.truncate(self.down * self.across * tile * tile * 4)

    def spread(self, cells: Sequence[tuple[int, int]]) -> int:
        """Work until nothing changes; return how many tiles were worked on."""
        seeds: dict[_Place, list[tuple[int, int]]] = {}
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

    def _work(self, place: _Place, seeds: list[tuple[int, int]]) -> list[tuple[_Place, int]]:
        """Spread inside a tile; return the neighbours that it now reaches earlier, and when."""
        t = self.tile
        codes, table = self.crossings.read(place[0] * t - 1, place[1] * t - 1, t + 2)
        arrival = self._around(place)
        before = [arrival[side].copy() for side, _ in _RING]
        cells, flat = arrival.reshape(-1), codes.reshape(-1)
        enter, spread = kernels()
        found = enter(cells, flat, table, t + 2)
        own = [(r + 1) * (t + 2) + c + 1 for r, c in seeds if table[codes[r + 1, c + 1], 0] < FAR]
        cells[own] = 0
        found = np.union1d(found, np.array(own, dtype=np.int64))
        found = found[np.argsort(cells[found], kind="stable")]
        if place not in self.buckets:
            self.buckets[place] = _buckets(codes, table)
        spread(cells, flat, table, t + 2, found, cells[found], *self.buckets[place])
        self._store(place, arrival[1:-1, 1:-1])
        return self._reached(place, before, [arrival[side] for side, _ in _RING])

    def _reached(
        self, place: _Place, before: list[Array], after: list[Array]
    ) -> list[tuple[_Place, int]]:
        earlier: dict[_Place, int] = {}
        for (_, (di, dj)), old, new in zip(_RING, before, after, strict=True):
            changed = new < old
            if changed.any():
                earlier[place[0] + di, place[1] + dj] = int(new[changed].min())
        return list(earlier.items())

    def _around(self, place: _Place) -> Array:
        """Return the arrivals of a tile with a ring from the edges of its neighbours."""
        t, (i, j) = self.tile, place
        around = np.full((t + 2, t + 2), FAR, dtype=np.int32)
        if place in self.edges:
            around[1:-1, 1:-1] = self._load(place)
        for side, (di, dj) in _RING:
            edges = self.edges.get((i + di, j + dj))
            if edges is not None:
                along = edges[{1: 0, -1: 1}[di]] if di else edges[{1: 2, -1: 3}[dj]]
                around[side] = along[{1: 0, -1: -1}[dj]] if di and dj else along
        return around

    def _load(self, place: _Place) -> Array:
        t = self.tile
        return np.memmap(
            self.file, dtype=np.int32, mode="r", shape=(t, t), offset=self._offset(place)
        )

    def _store(self, place: _Place, arrival: Array) -> None:
        sides = arrival[0], arrival[-1], arrival[:, 0], arrival[:, -1]
        self.edges[place] = tuple(side.copy() for side in sides)
        with self.file.open("r+b") as handle:
            handle.seek(self._offset(place))
            handle.write(np.ascontiguousarray(arrival).data)

    def _offset(self, place: _Place) -> int:
        return (place[0] * self.across + place[1]) * self.tile * self.tile * 4

    def rows(self) -> Iterator[tuple[int, Array]]:
        """Yield first row and seconds, rounded half up, of `OUT_ROWS` rows or fewer at a time."""
        t = self.tile
        far = np.full((t, t), FAR, dtype=np.int32)
        for first in range(0, self.grid.height, t):
            end = min(t, self.grid.height - first)
            tiles = [(first // t, j) for j in range(self.across)]
            for r in range(0, end, OUT_ROWS):
                rows = slice(r, min(r + OUT_ROWS, end))
                parts = [(self._load(p) if p in self.edges else far)[rows] for p in tiles]
                ms = np.concatenate(parts, axis=1)[:, : self.grid.width]
                lost = ms == FAR
                seconds = ms // 1000 + (ms % 1000 >= 500).astype(np.int32)
                seconds[lost] = NODATA_S
                yield first + r, seconds


def _buckets(codes: Array, table: Array) -> tuple[int, int]:
    """Return the width of buckets as a power of two of ms, and their count, for the steps of a tile."""
    if len(table) < codes.size:
        table = table[np.bincount(codes.ravel(), minlength=len(table)) > 0]
    straight, diagonal = (table[table[:, k] < FAR, k] for k in (0, 1))
    if not len(straight):
        return 0, 2
    shift = max(int(2 * straight.min()).bit_length() - 1, 0)
    longest = int(2 * diagonal.max())
    while (longest >> shift) + 2 > MOST_BUCKETS:
        shift += 1
    return shift, 1 << ((longest >> shift) + 1).bit_length()
