"""Field parcels as blocks of staggered rows: a coverage whose neighbours share every vertex.

The plane is cut into blocks (a jittered lattice), each block into rows along one of its sides and
each row into cells at places of its own, so that most joints are T-joints as in real fields. Every
line is made once, as one array of points that holds the joints of both of its sides; cells gather
slices of those arrays. Nothing is noded and nothing is snapped afterwards.

Knows nothing of land use, rivers or roads.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.noise import Floats, Warp, hash01

ROWS = 4
"""Rows of a block, and cells of a row."""
CELLS_PER_BLOCK = ROWS * ROWS
_CORNER, _TURN, _ROW, _SPLIT = 101, 102, 103, 104


@dataclass(frozen=True)
class FieldPattern:
    """An endless pattern of field parcels.

    Attributes:
        seed: Seed.
        spacing: Mean side of a parcel, m.
        origin: Easting and northing of the lattice's node (0, 0), m.
        steps: Straight pieces that a block's side is drawn with, before its joints are added.
        precision: Grid that coordinates are rounded to, m.
    """

    seed: int
    spacing: float
    origin: tuple[float, float]
    warp: Warp
    steps: int = 16
    precision: float = 0.001

    @property
    def block(self) -> float:
        """Side of a block, m."""
        return self.spacing * ROWS

    def place(self, p: Floats) -> Floats:
        """Turn lattice coordinates (…, 2) into rounded map coordinates."""
        x, y = self.warp(
            self.origin[0] + self.block * p[..., 0], self.origin[1] + self.block * p[..., 1]
        )
        scale = round(1 / self.precision)
        return np.asarray(np.rint(np.stack([x, y], -1) * scale) / scale)

    def corners(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> Floats:
        """Lattice coordinates of the nodes."""
        shift = [0.36 * (hash01(self.seed, _CORNER, axis, i, j) - 0.5) for axis in (0, 1)]
        return np.asarray(np.stack([i + shift[0], j + shift[1]], -1))

    def turned(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether a block's rows run north instead of east."""
        return np.asarray(hash01(self.seed, _TURN, i, j) < 0.42)

    def rows(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> Floats:
        """Where a block's row lines meet its sides: (…, ROWS - 1), in 0..1."""
        k = np.arange(1, ROWS)
        u = hash01(self.seed, _ROW, i[..., None], j[..., None], k)
        return np.asarray((k + 0.55 * (u - 0.5)) / ROWS)

    def splits(self, i: NDArray[np.int64], j: NDArray[np.int64], row: NDArray[np.int64]) -> Floats:
        """Where a row is split into cells: (…, ROWS - 1), in 0..1."""
        k = np.arange(1, ROWS)
        u = hash01(self.seed, _SPLIT, i[..., None], j[..., None], row[..., None], k)
        return np.asarray((k + 0.8 * (u - 0.5)) / ROWS)


@dataclass(frozen=True)
class Lines:
    """Point arrays of a family of lines with the joints on each.

    Attributes:
        at: (…, N) positions along the line, 0..1, rising.
        points: (…, N, 2) map coordinates.
    """

    at: Floats
    points: Floats


@dataclass(frozen=True)
class BlockTile:
    """All lines of a rectangle of blocks; arrays start with the axes (block i, block j).

    Attributes:
        turned: Whether rows run north; then "along" means north and "across" means east.
        rows: (…, ROWS - 1) row positions across.
        splits: (…, ROWS, ROWS - 1) split positions along.
        row_lines: (…, ROWS + 1) lines; the first and last are the block's own sides.
        sides: (…, 2) the sides that close the rows.
        cross: (…, ROWS, ROWS - 1, M, 2) points of the lines between the cells of a row.
    """

    turned: NDArray[np.bool_]
    rows: Floats
    splits: Floats
    row_lines: Lines
    sides: Lines
    cross: Floats


def _edge(pattern: FieldPattern, start: Floats, end: Floats, joints: Floats) -> Lines:
    base = np.broadcast_to(
        np.linspace(0, 1, pattern.steps + 1), (*joints.shape[:-1], pattern.steps + 1)
    )
    at = np.sort(np.concatenate([base, joints], -1), -1)
    t = at[..., None]
    return Lines(at, pattern.place(start[..., None, :] * (1 - t) + end[..., None, :] * t))


def _joints_on(
    pattern: FieldPattern, i: NDArray[np.int64], j: NDArray[np.int64], side: str
) -> Floats:
    """Joints that block (i, j) puts on one of its sides: south, north, west or east."""
    across = side in ("west", "east")
    row = np.full(i.shape, 0 if side in ("south", "west") else ROWS - 1, np.int64)
    turned = pattern.turned(i, j)[..., None]
    return np.where(turned == across, pattern.splits(i, j, row), pattern.rows(i, j))


def _pick(line: Lines, at: Floats) -> Floats:
    """Points of the lines at joints that lie on them exactly: at (…, J) -> (…, J, 2)."""
    index = (line.at[..., None, :] < at[..., None]).sum(-1)
    return np.take_along_axis(line.points, index[..., None], axis=-2)


def make_tile(pattern: FieldPattern, i0: int, j0: int, ni: int, nj: int) -> BlockTile:
    """Make the lines of blocks i0 … i0 + ni - 1, j0 … j0 + nj - 1."""
    i, j = np.meshgrid(np.arange(i0, i0 + ni + 1), np.arange(j0, j0 + nj + 1), indexing="ij")
    c = pattern.corners(i, j)
    east = _edge(  # from node (i, j) to (i + 1, j)
        pattern, c[:-1], c[1:],
        np.concatenate([_joints_on(pattern, i[:-1], j[:-1], "south"), _joints_on(pattern, i[:-1], j[:-1] - 1, "north")], -1),
    )  # fmt: skip
    north = _edge(  # from node (i, j) to (i, j + 1)
        pattern, c[:, :-1], c[:, 1:],
        np.concatenate([_joints_on(pattern, i[:, :-1], j[:, :-1], "west"), _joints_on(pattern, i[:, :-1] - 1, j[:, :-1], "east")], -1),
    )  # fmt: skip
    bi, bj = i[:-1, :-1], j[:-1, :-1]
    turned = pattern.turned(bi, bj)
    south, top = (
        Lines(east.at[:, :-1], east.points[:, :-1]),
        Lines(east.at[:, 1:], east.points[:, 1:]),
    )
    west, right = Lines(north.at[:-1], north.points[:-1]), Lines(north.at[1:], north.points[1:])
    low, high = _either(turned, west, south), _either(turned, right, top)
    first, last = _either(turned, south, west), _either(turned, top, right)

    rows = pattern.rows(bi, bj)
    row_index = np.arange(ROWS)
    splits = pattern.splits(
        bi[..., None], bj[..., None], np.broadcast_to(row_index, (*bi.shape, ROWS))
    )
    inner = _inner_rows(pattern, c, turned, rows, splits, first, last)
    row_lines = Lines(
        np.concatenate([low.at[:, :, None], inner.at, high.at[:, :, None]], 2),
        np.concatenate([low.points[:, :, None], inner.points, high.points[:, :, None]], 2),
    )
    cross = _cross_lines(pattern, c, turned, rows, splits, row_lines)
    sides = Lines(np.stack([first.at, last.at], 2), np.stack([first.points, last.points], 2))
    return BlockTile(turned, rows, splits, row_lines, sides, cross)


def _either(turned: NDArray[np.bool_], yes: Lines, no: Lines) -> Lines:
    return Lines(
        np.where(turned[..., None], yes.at, no.at),
        np.where(turned[..., None, None], yes.points, no.points),
    )


def _patch(c: Floats, turned: NDArray[np.bool_], along: Floats, across: Floats) -> Floats:
    """Lattice coordinates inside blocks (bilinear between the nodes); inputs (ni, nj, …)."""
    extra = along.ndim - 2
    shape = (*turned.shape, *([1] * extra))
    flag = turned.reshape(shape)
    s, t = np.where(flag, across, along)[..., None], np.where(flag, along, across)[..., None]

    def node(part: Floats) -> Floats:
        return part.reshape(*shape, 2)

    south = node(c[:-1, :-1]) * (1 - s) + node(c[1:, :-1]) * s
    north = node(c[:-1, 1:]) * (1 - s) + node(c[1:, 1:]) * s
    return np.asarray(south * (1 - t) + north * t)


def _inner_rows(
    pattern: FieldPattern, c: Floats, turned: NDArray[np.bool_], rows: Floats, splits: Floats,
    first: Lines, last: Lines,
) -> Lines:  # fmt: skip
    joints = np.concatenate([splits[:, :, :-1], splits[:, :, 1:]], -1)
    base = np.broadcast_to(
        np.linspace(0, 1, pattern.steps + 1), (*joints.shape[:-1], pattern.steps + 1)
    )
    at = np.sort(np.concatenate([base, joints], -1), -1)
    points = pattern.place(_patch(c, turned, at, np.broadcast_to(rows[..., None], at.shape)))
    points[..., 0, :], points[..., -1, :] = _pick(first, rows), _pick(last, rows)
    return Lines(at, points)


def _cross_lines(
    pattern: FieldPattern, c: Floats, turned: NDArray[np.bool_], rows: Floats, splits: Floats,
    row_lines: Lines,
) -> Floats:  # fmt: skip
    ends = np.zeros((*rows.shape[:-1], 1))
    bounds = np.concatenate([ends, rows, ends + 1], -1)
    t = np.linspace(0, 1, max(2, pattern.steps // ROWS + 1))
    across = bounds[..., :-1, None] * (1 - t) + bounds[..., 1:, None] * t
    shape = (*splits.shape, t.size)
    points = pattern.place(
        _patch(
            c, turned,
            np.broadcast_to(splits[..., None], shape),
            np.broadcast_to(across[..., None, :], shape),
        )
    )  # fmt: skip
    lower = Lines(row_lines.at[:, :, :-1], row_lines.points[:, :, :-1])
    upper = Lines(row_lines.at[:, :, 1:], row_lines.points[:, :, 1:])
    points[..., 0, :], points[..., -1, :] = _pick(lower, splits), _pick(upper, splits)
    return points


def cell_polygons(tile: BlockTile) -> NDArray[np.object_]:
    """Assemble the cells as polygons, counter-clockwise, block after block: (blocks * 16,)."""
    ni, nj = tile.turned.shape
    shape = (ni, nj, ROWS, ROWS)
    ones = np.ones((ni, nj, 1))
    across = np.concatenate([0 * ones, tile.rows, ones], -1)
    along = np.concatenate(
        [np.zeros((ni, nj, ROWS, 1)), tile.splits, np.ones((ni, nj, ROWS, 1))], -1
    )
    begin, end = along[..., :-1, None], along[..., 1:, None]
    bottom_at, top_at = tile.row_lines.at[:, :, :-1, None], tile.row_lines.at[:, :, 1:, None]
    bottom, top = tile.row_lines.points[:, :, :-1, None], tile.row_lines.points[:, :, 1:, None]
    low, high = across[..., :-1, None], across[..., 1:, None]

    def side(which: int) -> tuple[Floats, NDArray[np.bool_]]:
        """Points and mask of one side of every cell, from its lower to its upper row line."""
        n, m = tile.sides.at.shape[-1], tile.cross.shape[-2]
        points, keep = np.zeros((*shape, n, 2)), np.zeros((*shape, n), bool)
        at = tile.sides.at[:, :, which, None]
        column = -1 if which else 0
        points[:, :, :, column] = tile.sides.points[:, :, which, None]
        keep[:, :, :, column] = (at >= low) & (at <= high)
        inner = slice(None, -1) if which else slice(1, None)
        points[:, :, :, inner, :m] = tile.cross
        keep[:, :, :, inner, :m] = True
        return points, keep

    n = bottom.shape[-2]
    right, right_keep = side(1)
    left, left_keep = side(0)
    # The corners belong to the row lines; the two sides give their inner points only.
    for keep in (right_keep, left_keep):
        first = keep.argmax(-1)[..., None]
        final = keep.shape[-1] - 1 - keep[..., ::-1].argmax(-1)[..., None]
        np.put_along_axis(keep, first, False, -1)
        np.put_along_axis(keep, final, False, -1)
    points = np.concatenate(
        [
            np.broadcast_to(bottom, (*shape, n, 2)),
            right,
            np.broadcast_to(top[..., ::-1, :], (*shape, n, 2)),
            left[..., ::-1, :],
        ],
        -2,
    )
    keep = np.concatenate(
        [
            (bottom_at >= begin) & (bottom_at <= end),
            right_keep,
            ((top_at >= begin) & (top_at <= end))[..., ::-1],
            left_keep[..., ::-1],
        ],
        -1,
    )
    points[tile.turned] = points[tile.turned][..., ::-1, :]  # mirrored blocks run clockwise
    keep[tile.turned] = keep[tile.turned][..., ::-1]
    return _polygons(points.reshape(-1, points.shape[-2], 2), keep.reshape(-1, keep.shape[-1]))


def _polygons(points: Floats, keep: NDArray[np.bool_]) -> NDArray[np.object_]:
    counts = keep.sum(1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    flat = points[keep]
    ring_starts = starts + np.arange(starts.size)
    coordinates = np.empty((flat.shape[0] + counts.size, 2))
    closing = ring_starts[1:] - 1
    mask = np.ones(coordinates.shape[0], bool)
    mask[closing] = False
    coordinates[mask] = flat
    coordinates[closing] = flat[starts[:-1]]
    offsets = (ring_starts, np.arange(counts.size + 1))
    return shapely.from_ragged_array(shapely.GeometryType.POLYGON, coordinates, offsets)


def pattern_lines(tile: BlockTile) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return (block sides, lines inside blocks) as line strings, for a noding step.

    Sides shared by two blocks come twice with equal points. Row lines come whole, the lines
    between cells one each.
    """
    n = tile.sides.points.shape[-2]
    sides = np.concatenate(
        [
            tile.sides.points.reshape(-1, n, 2),
            tile.row_lines.points[:, :, [0, -1]].reshape(-1, n, 2),
        ]
    )
    inner = tile.row_lines.points[:, :, 1:-1].reshape(-1, n, 2)
    cross = tile.cross.reshape(-1, tile.cross.shape[-2], 2)
    return _line_strings(sides), np.concatenate([_line_strings(inner), _line_strings(cross)])


def _line_strings(points: Floats) -> NDArray[np.object_]:
    return np.asarray(shapely.linestrings(points))
