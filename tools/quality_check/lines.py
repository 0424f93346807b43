"""Checks of line layers as networks: ends that miss another line, lines that lie over each other."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from tools.quality_check.context import Survey
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check
from tools.quality_check.source import read_features

_TYPES = (1, 2, 5)


def _lines(survey: Survey, layer: str) -> tuple[Chunk, Any, Any]:
    """Read a line layer: features, single lines, and the row that each belongs to."""
    context = survey.layers[layer]
    id_field = survey.pack.id_field
    columns = (id_field,) if id_field in context.file.column_names else ()
    chunk = read_features(context.file, survey.gathered[layer].fids.tolist(), columns)
    rows = np.flatnonzero(np.isin(shapely.get_type_id(chunk.geometries), _TYPES))
    parts, part_of = shapely.get_parts(chunk.geometries[rows], return_index=True)
    return chunk, parts, rows[part_of]


def _identifier(survey: Survey, chunk: Chunk, row: int) -> str:
    values = chunk.columns.get(survey.pack.id_field)
    return "" if values is None or values[row] is None else str(values[row])


@check("dangling", scope="gathered", parameters=("reach_m", "tolerance_m"))
def dangling(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find ends that come near another line without meeting it; a free dead end is none."""
    reach, least = float(parameters["reach_m"]), float(parameters["tolerance_m"])
    chunk, parts, owner = _lines(survey, layer)
    if not len(parts):
        return
    ends = np.concatenate([shapely.get_point(parts, 0), shapely.get_point(parts, -1)])
    of_part = np.concatenate([np.arange(len(parts))] * 2)
    tree = shapely.STRtree(parts)
    end, line = tree.query(ends, predicate="dwithin", distance=reach)
    other = of_part[end] != line
    end, line = end[other], line[other]
    gaps = shapely.distance(ends[end], parts[line])
    nearest = np.full(len(ends), np.inf)
    np.minimum.at(nearest, end, gaps)
    for at in np.flatnonzero(np.isfinite(nearest) & (nearest > least)):
        row = int(owner[of_part[at]])
        yield Hit(
            f"线端悬挂：距最近的线 {nearest[at]:.4f} 米而未相接",
            layer=layer,
            fid=int(chunk.fids[row]),
            identifier=_identifier(survey, chunk, row),
            measured=f"{nearest[at]:.4f} 米",
            tolerance=f"{least:g}～{reach:g} 米",
        ).at(ends[at])


@check("line_overlap", scope="gathered", parameters=("min_length_m", "tolerance_m"))
def line_overlap(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find lines that run along each other; lines that are equal are the check of duplicates'.

    A vertex put on a slanting line is off it by a rounding: what lies within the tolerance counts.
    """
    least, near = float(parameters["min_length_m"]), float(parameters["tolerance_m"])
    chunk, parts, owner = _lines(survey, layer)
    if not len(parts):
        return
    one, other = shapely.STRtree(parts).query(parts, predicate="dwithin", distance=near)
    once = owner[one] < owner[other]
    one, other = one[once], other[once]
    common = shapely.intersection(parts[one], shapely.buffer(parts[other], near, quad_segs=2))
    lengths = shapely.length(common)
    for at in np.flatnonzero(lengths >= least):
        if shapely.equals(parts[one[at]], parts[other[at]]):
            continue
        row, second = int(owner[one[at]]), int(owner[other[at]])
        yield Hit(
            f"与要素 {chunk.fids[second]} 重叠 {lengths[at]:.4f} 米",
            layer=layer,
            fid=int(chunk.fids[row]),
            other_fid=int(chunk.fids[second]),
            identifier=_identifier(survey, chunk, row),
            measured=f"{lengths[at]:.4f} 米",
            tolerance=f"{least:g} 米",
        ).at(_lines_only(common[at]))


def _lines_only(geometry: Any) -> Any:
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type == "LineString"]
    return shapely.MultiLineString(parts) if parts else geometry
