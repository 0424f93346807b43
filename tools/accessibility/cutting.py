"""Cut lines at distances along them."""

import numpy as np
import numpy.typing as npt
import shapely

Floats = npt.NDArray[np.float64]


def cut(line: shapely.LineString, offsets: Floats) -> list[shapely.LineString]:
    """Cut a line at ascending offsets strictly inside it.

    Args:
        line: Planar, in metres.
        offsets: Metres from its start.

    Returns:
        `len(offsets) + 1` lines in order.
    """
    xy = shapely.get_coordinates(line)
    along = distances_along(xy)
    inner = points_at(xy, along, offsets)
    before = np.searchsorted(along, offsets, side="left")
    after = np.searchsorted(along, offsets, side="right")
    pieces: list[shapely.LineString] = []
    start, first = xy[:1], 1
    for k in range(len(offsets)):
        pieces.append(
            shapely.LineString(np.concatenate([start, xy[first : before[k]], inner[k : k + 1]]))
        )
        start, first = inner[k : k + 1], int(after[k])
    pieces.append(shapely.LineString(np.concatenate([start, xy[first:]])))
    return pieces


def substring(line: shapely.LineString, from_m: float, to_m: float) -> shapely.LineString:
    """Return the stretch of a line between two distances from its start, `from_m` < `to_m`."""
    xy = shapely.get_coordinates(line)
    along = distances_along(xy)
    ends = points_at(xy, along, np.array([from_m, to_m]))
    inside = (along > from_m) & (along < to_m)
    return shapely.LineString(np.concatenate([ends[:1], xy[inside], ends[1:]]))


def distances_along(xy: Floats) -> Floats:
    """Return the distance of every vertex from the first one, along the line."""
    steps = np.hypot(*(xy[1:] - xy[:-1]).T)
    return np.concatenate([[0.0], np.cumsum(steps)])


def points_at(xy: Floats, along: Floats, offsets: Floats) -> Floats:
    """Return the points at distances along a line, shape (n, 2)."""
    return np.column_stack(
        [np.interp(offsets, along, xy[:, 0]), np.interp(offsets, along, xy[:, 1])]
    )
