"""Checks over all features of a layer: identifiers and geometries that stand twice."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely

from tools.quality_check.attributes import blank
from tools.quality_check.context import Survey
from tools.quality_check.hits import Hit
from tools.quality_check.registry import check
from tools.quality_check.source import read_features


@check("unique_value", scope="gathered")
def unique_value(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find values of a unique field (BSM) that several features hold; each but the first is named."""
    context, gathered = survey.layers[layer], survey.gathered[layer]
    for field in context.rule.fields:
        values = gathered.columns.get(field.name)
        if not field.unique or values is None:
            continue
        first: dict[str, int] = {}
        again: dict[int, tuple[str, int]] = {}
        for fid, value in zip(gathered.fids.tolist(), values, strict=True):
            if blank(value):
                continue
            if str(value) in first:
                again[fid] = (str(value), first[str(value)])
            else:
                first[str(value)] = fid
        places = _places(survey, layer, list(again)[:5000])
        for fid, (value, other) in again.items():
            hit = Hit(
                f"值“{value}”与要素 {other} 重复",
                layer=layer,
                fid=fid,
                other_fid=other,
                identifier=value,
                field=field.name,
                measured=value,
            )
            yield hit.at(places.get(fid))


def _places(survey: Survey, layer: str, fids: list[int]) -> dict[int, Any]:
    """Return a point of each feature."""
    bounds = survey.gathered[layer].bounds
    at = {fid: row for row, fid in enumerate(survey.gathered[layer].fids.tolist())}
    boxes = {fid: bounds[at[fid]] for fid in fids}
    return {
        fid: shapely.Point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        for fid, box in boxes.items()
        if np.isfinite(box).all()
    }


@check("duplicate_geometry", scope="gathered")
def duplicate_geometry(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find features of the same geometry; each but the first is named."""
    context, gathered = survey.layers[layer], survey.gathered[layer]
    _, which, count = np.unique(gathered.keys, return_inverse=True, return_counts=True)
    rows = np.flatnonzero((count > 1)[which] & (gathered.keys != 0))
    groups: dict[int, list[int]] = defaultdict(list)
    for row in rows.tolist():
        groups[int(gathered.keys[row])].append(int(gathered.fids[row]))
    id_field = context.pack.id_field
    columns = (id_field,) if id_field in context.file.column_names else ()
    for fids in groups.values():
        chunk = read_features(context.file, fids, columns)
        shapes = shapely.normalize(chunk.geometries)
        known: list[int] = []
        for at, fid in enumerate(chunk.fids.tolist()):
            same = next((k for k in known if shapely.equals_exact(shapes[at], shapes[k])), None)
            if same is None:
                known.append(at)
                continue
            other = int(chunk.fids[same])
            hit = Hit(
                f"图形与要素 {other} 完全重复",
                layer=layer,
                fid=fid,
                other_fid=other,
                identifier=str(chunk.columns[id_field][at] or "") if columns else "",
            )
            yield hit.at(shapely.point_on_surface(chunk.geometries[at]))
