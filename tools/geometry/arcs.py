"""Arcs and curves of drawings to chords that keep within a millimetre."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

SAGITTA_M = 0.001
"""Greatest distance between an arc and its chord."""
_MAX_PIECES = 4_096

Points = npt.NDArray[np.float64]


def densify(points: Points, closed: bool) -> Points:
    """Turn (n, 3) x, y, bulge into (m, 2) points; a closed ring repeats its first point."""
    array = np.vstack([points, points[:1]]) if closed else points
    if not array[:, 2].any():
        return array[:, :2]
    pieces = []
    for start, end in pairwise(array):
        pieces.append(start[None, :2])
        if start[2]:
            pieces.append(_arc(start[:2], end[:2], float(start[2])))
    return np.vstack([*pieces, array[-1:, :2]])


def _arc(start: Points, end: Points, bulge: float) -> Points:
    """Return the inner points of the arc whose bulge is tan(angle/4), left turns positive."""
    chord = end - start
    length = float(np.hypot(*chord))
    if length == 0.0:
        return np.empty((0, 2))
    radius = length * (1 + bulge * bulge) / (4 * abs(bulge))
    angle = 4 * math.atan(bulge)
    step = 2 * math.acos(max(1 - SAGITTA_M / radius, 0.0))
    pieces = min(max(math.ceil(abs(angle) / step), 1), _MAX_PIECES)
    centre = (start + end) / 2 + (1 - bulge * bulge) / (4 * bulge) * np.array([-chord[1], chord[0]])
    turn = angle * np.arange(1, pieces) / pieces
    x, y = start - centre
    return np.column_stack(
        [
            centre[0] + x * np.cos(turn) - y * np.sin(turn),
            centre[1] + x * np.sin(turn) + y * np.cos(turn),
        ]
    )


def flatten(curve: Any) -> Points:
    """Return the points of an ezdxf path as (n, 2)."""
    return np.array([(p.x, p.y) for p in curve.flattening(SAGITTA_M)])
