"""Place the labels of map patches so that they are legible: inside a patch, or beside it with a leader.

All coordinates are millimetres on paper. Knows geometry and text sizes, no drawing.
"""

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

MM_PER_POINT = 25.4 / 72
PADDING_MM = 0.8

_RADII_MM = (7.0, 10.0, 14.0, 19.0, 25.0, 32.0, 40.0, 50.0, 62.0, 76.0)
_ANGLES = 24
_GRID = 13
"""Places tried along each side of a patch's box for a label inside it."""
_CLOSING = "，。；：、）》」”！？°"
_UNIT = re.compile(rf"(?:[\x21-\x7e°²]+|.)[{_CLOSING}]*\s?")
"""What stays together on a line: a number or Latin word, or one character, and marks that close it."""


Point = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Label:
    """Where a label stands; `anchor` is set when a leader runs from it to the patch."""

    index: int
    """Which patch."""
    text: str
    centre: tuple[float, float]
    anchor: tuple[float, float] | None


def text_width_mm(text: str, size: float) -> float:
    """Return the width of one line of text at a size in points: wide characters are square."""
    ems = sum(1.0 if ord(c) > 0x2E7F else 0.34 if c in "., :;'|il" else 0.6 for c in text)
    return ems * size * MM_PER_POINT


def wrap(text: str, width_mm: float, size: float, *, most: int) -> list[str]:
    """Break a text into at most `most` lines; what does not fit ends in an ellipsis.

    Lines break between Chinese characters, never inside a number or a Latin word, nor before a
    closing mark.
    """
    lines = [""]
    for unit in _UNIT.findall(text):
        if lines[-1] and text_width_mm(lines[-1] + unit.rstrip(), size) > width_mm:
            lines.append("")
            unit = unit.lstrip()
        lines[-1] += unit
    if len(lines) > most:
        lines = lines[:most]
        while text_width_mm(lines[-1] + "…", size) > width_mm:
            lines[-1] = lines[-1][:-1]
        lines[-1] += "…"
    return lines


def place_labels(
    patches: list[BaseGeometry],
    texts: list[str],
    *,
    size: float,
    frame: tuple[float, float],
    keep_clear: BaseGeometry,
) -> list[Label]:
    """Place labels one after another, the first patch first.

    Args:
        patches: Polygons to label, paper millimetres.
        texts: Their labels, one line each.
        size: Points.
        frame: Width and height of the map frame.
        keep_clear: Lines that labels should not cover, e.g. the project's outline.

    Returns:
        One label a patch, without those for which no free place is left.
    """
    labels: list[Label] = []
    taken: list[BaseGeometry] = []
    leaders: list[BaseGeometry] = []
    crowd = shapely.union_all([p.buffer(0.3) for p in patches])
    for index, (patch, text) in enumerate(zip(patches, texts, strict=True)):
        half = np.array(
            [
                text_width_mm(text, size) / 2 + PADDING_MM,
                size * MM_PER_POINT * 0.68 + PADDING_MM,
            ]
        )
        inside = _inside(patch, half, taken)
        if inside is not None:
            labels.append(Label(index, text, _pair(inside), None))
            taken.append(_box(inside, half))
            continue
        centre = np.array(_middle(patch))
        beside = _beside(centre, half, taken, leaders, frame, crowd, keep_clear)
        if beside is not None:
            labels.append(Label(index, text, _pair(beside), _pair(centre)))
            taken.append(_box(beside, half))
            leaders.append(shapely.LineString([centre, beside]))
    return labels


def _inside(patch: BaseGeometry, half: Point, taken: list[BaseGeometry]) -> Point | None:
    """Choose the place inside a patch that is farthest from its border, if the label fits."""
    min_x, min_y, max_x, max_y = patch.bounds
    if max_x - min_x < 2 * half[0] or max_y - min_y < 2 * half[1]:
        return None
    across = np.linspace(min_x + half[0], max_x - half[0], _GRID)
    upward = np.linspace(min_y + half[1], max_y - half[1], _GRID)
    x, y = np.tile(across, _GRID), np.repeat(upward, _GRID)
    boxes = shapely.box(x - half[0], y - half[1], x + half[0], y + half[1])
    shapely.prepare(patch)
    free = shapely.contains(patch, boxes)
    for other in taken:
        free &= ~shapely.intersects(other, boxes)
    if not free.any():
        return None
    room = np.where(free, shapely.distance(boxes, patch.boundary), -1.0)
    best = int(room.argmax())
    return np.array([x[best], y[best]])


def _middle(patch: BaseGeometry) -> tuple[float, float]:
    """Return the place of a patch that is farthest from its border."""
    largest = max(shapely.get_parts(patch), key=shapely.area)
    circle = shapely.maximum_inscribed_circle(largest.simplify(0.05), tolerance=0.2)
    x, y = shapely.get_coordinates(circle)[0]
    return float(x), float(y)


def _beside(
    anchor: Point,
    half: Point,
    taken: list[BaseGeometry],
    leaders: list[BaseGeometry],
    frame: tuple[float, float],
    crowd: BaseGeometry,
    keep_clear: BaseGeometry,
) -> Point | None:
    """Choose the free place that is near and covers least."""
    best, best_cost = None, math.inf
    for radius in _RADII_MM:
        if radius > best_cost:
            break  # farther places cannot cost less
        for angle in np.arange(_ANGLES) * 2 * math.pi / _ANGLES:
            centre = anchor + radius * np.array([math.cos(angle), math.sin(angle)])
            if (centre < half + 1).any() or (centre > np.array(frame) - half - 1).any():
                continue
            box, leader = _box(centre, half), shapely.LineString([anchor, centre])
            if any(box.intersects(t) for t in taken):
                continue
            cost = (
                radius
                + 50 * sum(leader.intersects(t) for t in taken)
                + 50 * sum(leader.intersects(t) or box.intersects(t) for t in leaders)
                + 60 * box.intersection(crowd).area / box.area
                + 1.5 * box.intersection(keep_clear).length
            )
            if cost < best_cost:
                best, best_cost = centre, cost
    return best


def _box(centre: Point, half: Point) -> BaseGeometry:
    return shapely.box(*(centre - half), *(centre + half))


def _pair(point: Point) -> tuple[float, float]:
    return float(point[0]), float(point[1])
