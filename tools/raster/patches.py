"""Patches (connected cells) of a graded raster, with area, without loading it whole.

Strips are labelled one by one and joined at their edges by union-find; a second pass reads the strips
again and writes. Memory grows with one strip and with the number of patches, not with the raster.
Patches are numbered in the order in which a reader of rows meets them.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from cspon.errors import InputError
from tools.raster.cog import OutputFile
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
    band = Band(source, name, look.dtype, None)
    wanted = np.array(sorted(of), dtype=np.int64)
    labeller = _Labeller(band, grid, wanted, connectivity, strip_rows)
    roots, cells = labeller.join()
    number = np.zeros(len(roots) + 1, dtype=np.int32)
    first = np.unique(roots)
    number[1:] = np.searchsorted(first, roots) + 1
    area = cells[first] * grid.cell_m2
    values = number
    if grades is not None:
        score = _scores(area, grades)
        values = np.concatenate([[255], score[number[1:] - 1]]).astype(np.uint8)
    out.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        file = OutputFile(
            out, grid, dtype=str(values.dtype), nodata=0 if grades is None else 255,
            categories=categories or {}, threads=2,
        )  # fmt: skip
        stack.callback(file.discard)
        for row, labels in labeller.strips():
            file.write(row, values[labels])
        file.finish()
        file.publish()
    largest = np.sort(area)[::-1][:kept]
    return Patches(
        file=out,
        count=len(first),
        area_m2=tuple(float(a) for a in largest),
        total_m2=float(area.sum()),
    )


class _Labeller:
    """Labels strips; labels of a strip follow on those of the strips before it."""

    def __init__(
        self, band: Band, grid: Grid, wanted: Array, connectivity: int, strip_rows: int
    ) -> None:
        self.band, self.grid, self.wanted, self.strip_rows = band, grid, wanted, strip_rows
        self.diagonal = connectivity == 8
        self.structure = np.ones((3, 3)) if self.diagonal else None

    def strips(self) -> Iterator[tuple[int, Array]]:
        """Yield first row and labels (0 is none) of each strip."""
        from scipy.ndimage import label

        pool, offset = Pool(), 0
        rows = range(self.grid.height)
        for strip in read_strips(
            [self.band], self.grid, rows, self.strip_rows, pool=pool, threads=2
        ):
            inside = np.isin(strip.bands[0], self.wanted)
            if self.band.source.nodata is not None:
                inside &= strip.bands[0] != self.band.source.nodata
            pool.give(strip.bands[0])
            labels, count = label(inside, structure=self.structure)
            if offset:
                labels[labels > 0] += offset
            offset += count
            if offset > MAX_PATCHES:
                raise InputError(
                    "斑块过多，无法编号", file=self.band.source.file, mend="先过滤零碎像元"
                )
            yield strip.first, labels

    def join(self) -> tuple[Array, Array]:
        """Return the root of every label (0-based) and the cells of every root."""
        parents: list[Array] = []
        cells: list[Array] = []
        pairs: list[Array] = []
        above: Array | None = None
        known = 0
        for _, labels in self.strips():
            count = max(0, int(labels.max()) - known)
            parents.append(np.arange(known, known + count))
            held = labels[labels > 0] - known - 1
            cells.append(np.bincount(held, minlength=count))
            if above is not None:
                pairs.append(self._touching(above, labels[0]))
            above = labels[-1].copy()
            known += count
        parent = np.concatenate(parents) if parents else np.zeros(0, np.int64)
        _unite(parent, pairs)
        while not np.array_equal(up := parent[parent], parent):
            parent = up
        total = np.bincount(parent, weights=np.concatenate(cells), minlength=len(parent))
        return parent, total.astype(np.int64)

    def _touching(self, above: Array, below: Array) -> Array:
        """Return the pairs of labels (0-based) that meet at the edge of two strips."""
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
