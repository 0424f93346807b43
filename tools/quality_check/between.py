"""Checks between polygon layers: what must not meet, what must lie inside another."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
import shapely

from tools.quality_check.context import Survey
from tools.quality_check.edges import degrees
from tools.quality_check.faces import Faces, Owner, faces_of, owners, pairs_of
from tools.quality_check.hits import Hit
from tools.quality_check.mend import mended
from tools.quality_check.registry import check
from tools.quality_check.source import read_features
from tools.quality_check.topology import LIMITS, layer_edges, sizes

_STEP = 2_000


@check("disjoint", scope="after", parameters=("group", *LIMITS))
def disjoint(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find where features of different layers of a group lie over each other."""
    there = [name for name in parameters["group"] if layer_edges(survey, name) is not None]
    for one, other in combinations(there, 2):
        faces = _common(survey, one, other, parameters, inside=True)
        least = float(parameters["min_area_m2"])
        first = owners(survey, one, faces, least)
        second = owners(survey, other, faces, least)
        groups = list(zip(first, second, strict=True))
        for a, b, shape, area in pairs_of(groups, least):
            yield Hit(
                f"与 {other} 的要素 {b.fid} 重叠 {area:.4f} 平方米",
                layer=one,
                fid=a.fid,
                other_fid=b.fid,
                identifier=a.identifier,
                measured=f"{area:.4f} 平方米",
                tolerance=f"{parameters['min_area_m2']:g} 平方米",
            ).at(shape)


@check("within", scope="after", parameters=("inner", "outer", *LIMITS))
def within(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find where features of one layer reach out of another."""
    inner, outer = str(parameters["inner"]), str(parameters["outer"])
    if layer_edges(survey, inner) is None or layer_edges(survey, outer) is None:
        return
    faces = _common(survey, inner, outer, parameters, inside=False)
    least = float(parameters["min_area_m2"])
    parts: dict[int, list[Owner]] = {}
    for group in owners(survey, inner, faces, least):
        for owner in group:
            parts.setdefault(owner.fid, []).append(owner)
    for fid, outside in parts.items():
        shape = shapely.union_all([owner.geometry for owner in outside])
        area = float(shape.area)
        yield Hit(
            f"超出 {outer} {area:.4f} 平方米",
            layer=inner,
            fid=fid,
            identifier=outside[0].identifier,
            measured=f"{area:.4f} 平方米",
            tolerance=f"{parameters['min_area_m2']:g} 平方米",
        ).at(shape)


def _common(
    survey: Survey, one: str, other: str, parameters: dict[str, Any], *, inside: bool
) -> Faces:
    """Return the faces of one layer that lie inside, or outside, another."""
    first, second = layer_edges(survey, one), layer_edges(survey, other)
    assert first is not None and second is not None
    grid = survey.pack.grid_m
    faces = faces_of([first, second], grid, **sizes(parameters))
    faces = faces.chosen(degrees(first, faces.points, grid) > 0)
    return faces.chosen((degrees(second, faces.points, grid) > 0) == inside)


@check(
    "within_classes",
    scope="after",
    parameters=("inner", "outer", "field", "prefixes", "min_area_m2"),
)
def within_classes(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find features of one layer on features of another whose codes do not belong to some classes.

    Permanent basic farmland on parcels that are not cultivated land, for example.
    """
    inner, outer = str(parameters["inner"]), str(parameters["outer"])
    field, prefixes = str(parameters["field"]), tuple(map(str, parameters["prefixes"]))
    least = float(parameters["min_area_m2"])
    if inner not in survey.gathered or outer not in survey.gathered:
        return
    around, codes = survey.gathered[outer], survey.gathered[outer].columns.get(field)
    if codes is None:
        return
    wrong = np.array([not str(code or "").startswith(prefixes) for code in codes], dtype=bool)
    candidates = np.flatnonzero(wrong & np.isfinite(around.bounds).all(axis=1))
    boxes = np.asarray(shapely.box(*around.bounds[candidates].T), dtype=object)
    tree = shapely.STRtree(boxes)
    inner_file = survey.layers[inner].file
    id_field = survey.pack.id_field
    columns = (id_field,) if id_field in inner_file.column_names else ()
    fids = survey.gathered[inner].fids.tolist()
    for start in range(0, len(fids), _STEP):
        chunk = read_features(inner_file, fids[start : start + _STEP], columns)
        shapes = mended(chunk.geometries)
        row, near = tree.query(shapes)
        if not len(row):
            continue
        others = read_features(
            survey.layers[outer].file, around.fids[candidates[near]].tolist(), (field,)
        )
        place = {fid: at for at, fid in enumerate(others.fids.tolist())}
        at = np.array([place[fid] for fid in around.fids[candidates[near]].tolist()], dtype=np.intp)
        parts = shapely.intersection(shapes[row], mended(others.geometries[at]))
        areas = shapely.area(parts)
        for pair in np.flatnonzero(areas >= least):
            code = others.columns[field][at[pair]]
            yield Hit(
                f"{areas[pair]:.4f} 平方米位于 {outer} 的要素 {others.fids[at[pair]]}（{field}={code}）上",
                layer=inner,
                fid=int(chunk.fids[row[pair]]),
                other_fid=int(others.fids[at[pair]]),
                identifier=str(chunk.columns[id_field][row[pair]] or "") if columns else "",
                measured=f"{areas[pair]:.4f} 平方米",
                tolerance=f"{least:g} 平方米",
            ).at(parts[pair])
