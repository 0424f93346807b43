"""Check of detail: planned uses of parcels against the planning zone that they lie in."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from tools.quality_check.context import Survey
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.mend import mended
from tools.quality_check.registry import check
from tools.quality_check.source import read_features

_STEP = 2_000


@check(
    "allowed_in_zone",
    scope="after",
    parameters=("inner", "field", "outer", "zone_field", "allowed", "min_area_m2", "min_width_m"),
)
def allowed_in_zone(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find features whose code a zone does not allow, by the part that lies in the zone.

    `allowed` maps a zone's code to the prefixes of codes it may hold; a zone that is not named
    holds anything. Parts that are smaller or thinner than the limits are no misfit.
    """
    inner, outer = str(parameters["inner"]), str(parameters["outer"])
    field, zone_field = str(parameters["field"]), str(parameters["zone_field"])
    if inner not in survey.gathered or outer not in survey.gathered:
        return
    if survey.layers[inner].file.epsg != survey.layers[outer].file.epsg:
        return
    codes = survey.gathered[inner].columns.get(field)
    if codes is None or zone_field not in survey.layers[outer].file.column_names:
        return
    zones = _zones(survey, outer, zone_field, parameters["allowed"])
    tree = shapely.STRtree(zones.geometries)
    id_field = survey.pack.id_field
    inner_file = survey.layers[inner].file
    columns = tuple(n for n in (id_field, field) if n in inner_file.column_names)
    fids = survey.gathered[inner].fids.tolist()
    for start in range(0, len(fids), _STEP):
        chunk = read_features(inner_file, fids[start : start + _STEP], columns)
        yield from _misfits(survey, chunk, zones, tree, parameters)


def _zones(survey: Survey, outer: str, zone_field: str, allowed: dict[str, Any]) -> Chunk:
    """Read the zones that are restricted; those that are not never misfit."""
    file = survey.layers[outer].file
    chunk = read_features(file, survey.gathered[outer].fids.tolist(), (zone_field,))
    kept = [row for row, zone in enumerate(chunk.columns[zone_field]) if zone in allowed]
    mask = np.zeros(len(chunk), dtype=bool)
    mask[kept] = True
    chunk.geometries = mended(chunk.geometries)[mask]
    chunk.fids = chunk.fids[mask]
    chunk.columns = {zone_field: [chunk.columns[zone_field][row] for row in kept]}
    return chunk


def _misfits(
    survey: Survey, chunk: Chunk, zones: Chunk, tree: Any, parameters: dict[str, Any]
) -> Iterator[Hit]:
    inner, outer = str(parameters["inner"]), str(parameters["outer"])
    field, zone_field = str(parameters["field"]), str(parameters["zone_field"])
    least, width = float(parameters["min_area_m2"]), float(parameters["min_width_m"])
    shapes = mended(chunk.geometries)
    which, near = tree.query(shapes)
    names = zones.columns[zone_field]
    codes = chunk.columns[field]
    prefixes = {zone: tuple(map(str, held)) for zone, held in parameters["allowed"].items()}
    wrong = [
        pair
        for pair, (row, zone) in enumerate(zip(which.tolist(), near.tolist(), strict=True))
        if codes[row] and not str(codes[row]).startswith(prefixes[names[zone]])
    ]
    parts = shapely.intersection(shapes[which[wrong]], zones.geometries[near[wrong]])
    areas, outlines = shapely.area(parts), shapely.length(parts)
    ids = chunk.columns.get(survey.pack.id_field)
    for at in np.flatnonzero((areas >= least) & (2 * areas > width * outlines)):
        row, zone = int(which[wrong[at]]), int(near[wrong[at]])
        yield Hit(
            f"{areas[at]:.4f} 平方米规划为 {codes[row]}，位于 {outer} 的要素 {zones.fids[zone]}"
            f"（{names[zone]}），该分区不允许此用途",
            layer=inner,
            fid=int(chunk.fids[row]),
            other_fid=int(zones.fids[zone]),
            identifier="" if ids is None else str(ids[row] or ""),
            field=field,
            measured=f"{areas[at]:.4f} 平方米",
            tolerance=f"{least:g} 平方米；{names[zone]}：{'、'.join(prefixes[names[zone]])}",
        ).at(parts[at])
