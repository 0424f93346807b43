"""Split lines where they meet at grade and give the meeting points numbers.

Lines of one level meet wherever they touch or cross. Lines of different levels (a bridge and the
road below) meet only where ends coincide, or where an end lies on a vertex of the other line.
Data that keep their own topology (OpenStreetMap) meet at shared vertices, whatever the level, and
nowhere else.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from tools.accessibility.cutting import cut

Ints = npt.NDArray[np.int64]

_LEAST_SNAP_M = 1e-6
"""Two lines' ideas of their crossing differ by rounding."""


@dataclass(frozen=True)
class Pieces:
    """Lines between nodes: parallel arrays, one element a piece; and the nodes."""

    lines: npt.NDArray[np.object_]
    source: Ints
    """Index of the line that a piece was cut from."""
    start: Ints
    end: Ints
    nodes: npt.NDArray[np.float64]
    """Coordinates, shape (nodes, 2)."""


def node_lines(
    lines: npt.NDArray[np.object_], levels: Ints, snap_m: float, *, at_vertices: bool = False
) -> Pieces:
    """Split lines at their meeting points.

    Args:
        lines: LineStrings of positive length, metres.
        levels: Level of each.
        snap_m: Points this near are one node; an end this near to a line joins it.
        at_vertices: Lines meet at shared vertices only; then nothing is snapped.
    """
    if at_vertices:
        levels, snap_m, source = np.zeros_like(levels), 0.0, np.arange(len(lines))
        owner, offsets = _shared_vertices(lines)
    else:
        lines, source = _simple(lines)
        levels = levels[source]
        owner, offsets = _meetings(lines, levels, snap_m)
    cut_lines, parts = _split(lines, owner, offsets)
    piece_source = source[parts]
    first, last = shapely.get_point(cut_lines, 0), shapely.get_point(cut_lines, -1)
    points = np.concatenate([first, last])
    ends_of_line = np.concatenate(
        [np.append(True, parts[1:] != parts[:-1]), np.append(parts[1:] != parts[:-1], True)]
    )
    node = _clusters(
        shapely.get_coordinates(points), np.tile(levels[parts], 2), ends_of_line, snap_m
    )
    count = len(cut_lines)
    start, end = node[:count], node[count:]
    collapsed = (start == end) & (shapely.length(cut_lines) <= 2 * snap_m)
    nodes = np.zeros((int(node.max()) + 1, 2))
    nodes[node] = shapely.get_coordinates(points)
    keep = ~collapsed
    return Pieces(cut_lines[keep], piece_source[keep], start[keep], end[keep], nodes)


def _simple(lines: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.object_], Ints]:
    """Split lines that cross themselves."""
    crossing = np.flatnonzero(~shapely.is_simple(lines))
    source = np.arange(len(lines))
    if not len(crossing):
        return lines, source
    parts, owner = shapely.get_parts(shapely.node(lines[crossing]), return_index=True)
    keep = np.setdiff1d(source, crossing)
    return np.concatenate([lines[keep], parts]), np.concatenate([keep, crossing[owner]])


def _meetings(
    lines: npt.NDArray[np.object_], levels: Ints, snap_m: float
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Return the lines that are met and where along them."""
    tree = shapely.STRtree(lines)
    left, right = tree.query(lines, predicate="intersects")
    at_grade = (left < right) & (levels[left] == levels[right])
    left, right = left[at_grade], right[at_grade]
    shared, pair = shapely.get_coordinates(
        shapely.intersection(lines[left], lines[right]), return_index=True
    )
    points = shapely.points(shared)
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    end_line = np.tile(np.arange(len(lines)), 2)
    which, met = tree.query(ends, predicate="dwithin", distance=snap_m)
    other = end_line[which] != met
    which, met = which[other], met[other]
    joins = levels[end_line[which]] == levels[met]
    apart = np.flatnonzero(~joins)
    if len(apart):
        vertices, line = shapely.get_coordinates(lines[met[apart]], return_index=True)
        of_line = shapely.multipoints(np.asarray(shapely.points(vertices)), indices=line)
        joins[apart] = shapely.distance(ends[which[apart]], of_line) <= snap_m
    which, met = which[joins], met[joins]
    owner = np.concatenate([left[pair], right[pair], met])
    located = np.concatenate([points, points, ends[which]])
    return owner, shapely.line_locate_point(lines[owner], located)


def _shared_vertices(
    lines: npt.NDArray[np.object_],
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Return the lines that hold a vertex twice or share it with another, and where along them."""
    xy, line = shapely.get_coordinates(lines, return_index=True)
    _, place, times = np.unique(xy, axis=0, return_inverse=True, return_counts=True)
    shared = times[place.ravel()] > 1
    steps = np.hypot(*np.diff(xy, axis=0, prepend=xy[:1]).T)
    along = np.cumsum(steps)
    first = np.searchsorted(line, np.arange(len(lines)))
    return line[shared], (along - along[first[line]])[shared]


def _split(
    lines: npt.NDArray[np.object_], owner: Ints, offsets: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.object_], Ints]:
    """Cut each line at its offsets; equal ones, and those at an end, are one.

    Near cuts are all made: leaving one out would lose a meeting. Their nodes become one later.
    """
    order = np.lexsort((offsets, owner))
    owner, offsets = owner[order], offsets[order]
    lengths = shapely.length(lines)
    inside = (offsets > _LEAST_SNAP_M) & (offsets < lengths[owner] - _LEAST_SNAP_M)
    owner, offsets = owner[inside], offsets[inside]
    same = (owner[1:] == owner[:-1]) & (offsets[1:] - offsets[:-1] <= _LEAST_SNAP_M)
    first_of_equal = np.append(True, ~same)[: len(owner)]
    owner, offsets = owner[first_of_equal], offsets[first_of_equal]
    first = np.searchsorted(owner, np.arange(len(lines)), side="left")
    last = np.searchsorted(owner, np.arange(len(lines)), side="right")
    pieces: list[shapely.LineString] = []
    source: list[int] = []
    for k, line in enumerate(lines):
        parts = [line] if first[k] == last[k] else cut(line, offsets[first[k] : last[k]])
        pieces += parts
        source += [k] * len(parts)
    return np.array(pieces, dtype=object), np.array(source, dtype=np.int64)


def _clusters(
    xy: npt.NDArray[np.float64], levels: Ints, is_end: npt.NDArray[np.bool_], snap_m: float
) -> Ints:
    """Number the nodes: near points of one level are one, ends also across levels."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    count = len(xy)
    pairs = cKDTree(xy).query_pairs(max(snap_m, _LEAST_SNAP_M), output_type="ndarray")
    left, right = pairs[:, 0], pairs[:, 1]
    joined = (levels[left] == levels[right]) | is_end[left] | is_end[right]
    left, right = left[joined], right[joined]
    links = coo_matrix((np.ones(len(left)), (left, right)), shape=(count, count))
    labels = connected_components(links, directed=False)[1]
    return np.asarray(labels, dtype=np.int64)
