"""Checks of vertices over a whole chunk at once: repeated vertices and spikes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.quality_check.context import LayerContext
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check
from tools.quality_check.shapes import hits, of_kind


@dataclass(frozen=True)
class Rings:
    """All rings of a chunk's polygons, or its lines, as one coordinate array."""

    xy: npt.NDArray[np.float64]
    starts: npt.NDArray[np.intp]
    counts: npt.NDArray[np.intp]
    owner: npt.NDArray[np.intp]
    """Row of the chunk that each ring belongs to."""
    hole: npt.NDArray[np.bool_]


def rings(chunk: Chunk) -> Rings:
    """Take the rings of the polygons apart, once a chunk."""
    if "rings" not in chunk.cache:
        rows = np.flatnonzero(of_kind(chunk, "polygon"))
        chunk.cache["rings"] = split_rings(chunk.geometries[rows], rows)
    found: Rings = chunk.cache["rings"]
    return found


def split_rings(geometries: npt.NDArray[Any], rows: npt.NDArray[np.intp]) -> Rings:
    """Take polygons apart into rings."""
    parts, part_of = shapely.get_parts(geometries, return_index=True)
    loops, loop_of = shapely.get_rings(parts, return_index=True)
    counts = shapely.get_num_coordinates(loops).astype(np.intp)
    hole = np.zeros(len(loops), dtype=bool)
    hole[1:] = loop_of[1:] == loop_of[:-1]
    return Rings(
        xy=shapely.get_coordinates(loops),
        starts=np.cumsum(counts) - counts,
        counts=counts,
        owner=rows[part_of[loop_of]] if len(loops) else np.empty(0, np.intp),
        hole=hole,
    )


@check("repeated_vertex", scope="features", parameters=("min_distance_m",))
def repeated_vertex(
    chunk: Chunk, context: LayerContext, parameters: dict[str, Any]
) -> Iterator[Hit]:
    """Find neighbouring vertices nearer than a distance."""
    least = float(parameters["min_distance_m"])
    if context.rule.geometry == "polygon":
        found = rings(chunk)
        xy, starts, counts, owner = found.xy, found.starts, found.counts, found.owner
    else:
        rows = np.flatnonzero(of_kind(chunk, "line"))
        parts, part_of = shapely.get_parts(chunk.geometries[rows], return_index=True)
        counts = shapely.get_num_coordinates(parts).astype(np.intp)
        xy, starts, owner = (
            shapely.get_coordinates(parts),
            np.cumsum(counts) - counts,
            rows[part_of],
        )
    if len(xy) < 2:
        return
    step = np.diff(xy, axis=0)
    # Coordinates are stated to the millimetre: a distance equal to the limit is not below it.
    near = np.hypot(step[:, 0], step[:, 1]) < least - 1e-6
    near[starts[1:] - 1] = False
    yield from _first_of_each(
        chunk, context, np.flatnonzero(near), xy, np.repeat(owner, counts),
        lambda at: (
            f"相邻节点距离 {float(np.hypot(*step[at])):.5f} 米，小于 {least:g} 米",
            f"{float(np.hypot(*step[at])):.5f} 米", f"{least:g} 米",
        ),
    )  # fmt: skip


@check("spike", scope="features", parameters=("min_angle_degrees",))
def spike(chunk: Chunk, context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find vertices where the outline turns back by less than an angle."""
    least = float(parameters["min_angle_degrees"])
    found = rings(chunk)
    if not len(found.xy):
        return
    step = np.zeros_like(found.xy)
    step[:-1] = np.diff(found.xy, axis=0)
    ends = found.starts + found.counts - 1
    step[ends] = step[found.starts]  # the last vertex is the first again
    before, after = step[:-1], step[1:]
    dot = before[:, 0] * after[:, 0] + before[:, 1] * after[:, 1]
    size = np.sqrt((before**2).sum(axis=1) * (after**2).sum(axis=1))
    # An interior angle below the limit is a turn of more than its supplement.
    sharp = (size > 0) & (dot < -np.cos(np.radians(least)) * size)
    sharp[ends[:-1]] = False  # from one ring's end to the next ring's start
    at = np.flatnonzero(sharp)
    with np.errstate(invalid="ignore", divide="ignore"):
        angle = np.degrees(np.arccos(np.clip(-dot[at] / size[at], -1, 1)))
    degrees = dict(zip((at + 1).tolist(), angle.tolist(), strict=True))
    yield from _first_of_each(
        chunk, context, at + 1, found.xy, np.repeat(found.owner, found.counts),
        lambda k: (
            f"尖锐角 {degrees[k]:.3f}°，小于 {least:g}°", f"{degrees[k]:.3f}°", f"{least:g}°",
        ),
    )  # fmt: skip


def _first_of_each(
    chunk: Chunk,
    context: LayerContext,
    at: npt.NDArray[np.intp],
    xy: npt.NDArray[np.float64],
    owner: npt.NDArray[np.intp],
    say: Any,
) -> Iterator[Hit]:
    """Make one hit a feature, at its first vertex that was found, with how many there are."""
    rows, first, count = np.unique(owner[at], return_index=True, return_counts=True)
    for row, k, times in zip(rows.tolist(), at[first].tolist(), count.tolist(), strict=True):
        message, measured, tolerance = say(k)
        more = f"（共 {times} 处）" if times > 1 else ""
        hit = next(hits(chunk, context, int(row), message + more))
        yield replace(
            hit, x=float(xy[k, 0]), y=float(xy[k, 1]), measured=measured, tolerance=tolerance
        )
