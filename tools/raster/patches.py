"""Patches (connected cells) of a graded raster, with area, without loading it whole.

Strips are labelled one by one. Of a strip only the labels on its first and last row are kept, and joined
by union-find; a patch inside a strip is complete. A second pass reads the strips again and writes. Memory
grows with one strip and with the edges of strips, not with the number of patches. Patches are numbered in the order in which a reader of rows meets them.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cspon.errors import InputError
from tools.raster.cog import OutputFile, not_written
from tools.raster.frozen import Frozen
from tools.raster.grid import Grid
from tools.raster.inputs import look_at
from tools.raster.plan import Category, Thresholds
from tools.raster.program import Array, Band
from tools.raster.sources import Source
from tools.raster.strips import Pool, read_strips

STRIP_ROWS = 512
MAX_PATCHES = 2**31 - 1


class Patches(Frozen):
    """What was found; `area_m2[k]` is the area of patch `k + 1` in the plane of the projection."""

    file: Path
    count: int
    area_m2: tuple[float, ...]
    """The areas of the `kept` largest patches, falling."""
    total_m2: float


def label_patches(
    source: Source,
    grid: Grid,
    of: Collection[int],
    out: Path,
    *,
    name: str = "斑块",
    connectivity: int = 8,
    grades: Thresholds | None = None,
    categories: dict[int, Category] | None = None,
    kept: int = 100,
    strip_rows: int = STRIP_ROWS,
) -> Patches:
    """Label the patches of some values, or grade them by area, into a cloud-optimised GeoTIFF.

    Args:
        source: A raster of whole numbers on the grid.
        grid: The grid.
        of: Values that form patches together.
        out: The raster to write: patch numbers (int32, 0 is no patch), or with `grades` the score of the
            patch's area (uint8, 255 is no patch).
        name: What errors call the source.
        connectivity: 4 or 8 neighbours.
        grades: Thresholds on the area in m².
        categories: Names and colours of the scores.
        kept: How many of the largest areas are returned.
        strip_rows: Rows that are held at once.

    Raises:
        InputError: another grid, or a raster of floating numbers.
        SetupError: no space for the output.
    """
    assert connectivity in (4, 8)
    look = look_at(source, grid, name)
    if np.dtype(look.dtype).kind == "f":
        raise InputError(f"“{name}”为浮点数栅格，不能划分斑块", file=source.file, mend="先分级")
    band = Band(source, name, look.dtype, None if look.nodata is None else int(look.nodata))
    wanted = np.array(sorted(of), dtype=np.int64)
    labeller = _Labeller(band, grid, wanted, connectivity, strip_rows)
    edges = labeller.join()
    dtype = "int32" if grades is None else "uint8"
    total, largest = 0, np.zeros(0, dtype=np.int64)
    with ExitStack() as stack:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise not_written(out, problem) from None
        file = OutputFile(
            out, grid, dtype=dtype, nodata=0 if grades is None else 255,
            categories=categories or {}, threads=2,
        )  # fmt: skip
        stack.callback(file.discard)
        for (first, labels, _), strip in zip(labeller.strips(), edges.strips, strict=True):
            cells = np.bincount(labels.ravel())
            cells[0] = 0
            total += int(cells.sum())
            cells[strip.labels] = edges.cells[edges.root[strip.start : strip.stop]]
            new = strip.begin(len(cells))
            largest = np.sort(np.concatenate([largest, cells[new]]))[::-1][:kept].copy()
            values = edges.numbers(strip, new)
            if grades is not None:
                values = _scores(cells * grid.cell_m2, grades)
                values[0] = 255
            file.write(first, values.astype(dtype)[labels])
        file.finish()
        file.publish()
    return Patches(
        file=out,
        count=edges.count,
        area_m2=tuple(float(n) * grid.cell_m2 for n in largest),
        total_m2=float(total * grid.cell_m2),
    )


@dataclass(frozen=True)
class _Strip:
    """Labels of a strip that lie on its first or last row: those are `start` to `stop` of all edges."""

    labels: Array
    """Rising, 1 is the first of the strip."""
    start: int
    stop: int
    before: int
    """Patches that begin in the strips above."""
    new: Array
    """Whether the patch begins in this strip, with this label."""

    def begin(self, size: int) -> Array:
        """Return for labels 0 to `size - 1` whether a patch begins with them."""
        begin = np.ones(size, dtype=bool)
        begin[0] = False
        begin[self.labels] = self.new
        return begin


@dataclass(frozen=True)
class _Edges:
    """What is known of the labels at edges: root (an index of an edge label), cells and number by root."""

    strips: list[_Strip]
    root: Array
    cells: Array
    number: Array
    count: int

    def numbers(self, strip: _Strip, begin: Array) -> Array:
        """Return the patch number of each label of a strip; label 0 has number 0."""
        values: Array = np.cumsum(begin) + strip.before
        values[strip.labels] = self.number[self.root[strip.start : strip.stop]]
        values[0] = 0
        return values


class _Labeller:
    """Labels strips; labels of a strip follow on those of the strips before it."""

    def __init__(
        self, band: Band, grid: Grid, wanted: Array, connectivity: int, strip_rows: int
    ) -> None:
        self.band, self.grid, self.wanted, self.strip_rows = band, grid, wanted, strip_rows
        self.diagonal = connectivity == 8
        self.structure = np.ones((3, 3)) if self.diagonal else None

    def strips(self) -> Iterator[tuple[int, Array, int]]:
        """Yield first row, labels (1 is the first of the strip, 0 is none) and their count."""
        from scipy.ndimage import label

        pool = Pool()
        rows = range(self.grid.height)
        for strip in read_strips(
            [self.band], self.grid, rows, self.strip_rows, pool=pool, threads=2
        ):
            inside = np.isin(strip.bands[0], self.wanted)
            if self.band.nodata is not None:
                inside &= strip.bands[0] != self.band.nodata
            pool.give(strip.bands[0])
            labels, count = label(inside, structure=self.structure)
            yield strip.first, labels, count

    def join(self) -> _Edges:
        """Join the labels at the edges of strips, and number the patches.

        Raises:
            InputError: more patches than a number of 32 bits can tell apart.
        """
        found: list[tuple[Array, int]] = []
        cells: list[Array] = []
        pairs: list[Array] = []
        above: Array | None = None
        start = 0
        for _, labels, count in self.strips():
            held = np.union1d(labels[0], labels[-1])
            held = held[held > 0]
            cells.append(np.bincount(labels.ravel(), minlength=count + 1)[held])
            place = np.zeros(count + 1, dtype=np.int64)
            place[held] = np.arange(start + 1, start + 1 + len(held))
            if above is not None:
                pairs.append(self._touching(above, place[labels[0]]))
            above = place[labels[-1]]
            found.append((held, count))
            start += len(held)
        root = np.arange(start)
        _unite(root, pairs)
        while not np.array_equal(up := root[root], root):
            root = up
        total = np.zeros(start, dtype=np.int64)
        np.add.at(total, root, np.concatenate(cells))
        return self._numbered(found, root, total)

    def _numbered(self, found: list[tuple[Array, int]], root: Array, cells: Array) -> _Edges:
        number = np.zeros(len(root), dtype=np.int64)
        first = root == np.arange(len(root))
        strips: list[_Strip] = []
        start = before = 0
        for held, count in found:
            stop = start + len(held)
            new = first[start:stop]
            strips.append(_Strip(held, start, stop, before, new))
            joined = np.concatenate([[0], np.cumsum(~new)])[:-1]
            number[start:stop] = np.where(new, before + held - joined, 0)
            before += count - int((~new).sum())
            start = stop
        if before > MAX_PATCHES:
            raise InputError(
                "斑块过多，无法编号", file=self.band.source.file, mend="先过滤零碎像元"
            )
        return _Edges(strips, root, cells, number, before)

    def _touching(self, above: Array, below: Array) -> Array:
        """Return the pairs of edge labels (0-based; 0 is none in the rows) that meet at the edge of two strips."""
        width = len(above)
        shifts = (-1, 0, 1) if self.diagonal else (0,)
        found = []
        for shift in shifts:
            a = above[max(0, -shift) : width - max(0, shift)]
            b = below[max(0, shift) : width - max(0, -shift)]
            both = (a > 0) & (b > 0)
            found.append(np.stack([a[both], b[both]], axis=1))
        return np.unique(np.concatenate(found), axis=0) - 1


def _unite(parent: Array, pairs: list[Array]) -> None:
    """Join labels; the smaller label becomes the root."""
    for some in pairs:
        for a, b in some.tolist():
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            if a != b:
                parent[max(a, b)] = min(a, b)


def _scores(area: Array, grades: Thresholds) -> Array:
    score = np.full(area.shape, grades.scores[0], dtype=np.int64)
    for bound, value in zip(grades.bounds, grades.scores[1:], strict=True):
        score[area > bound if grades.closed == "right" else area >= bound] = value
    return score
