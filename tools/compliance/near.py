"""Measure a project against the distances that rules keep from roads, lines, pipelines and rivers.

Distances are planar, in the metres of the projection: within a 3° zone they are true to 3 parts in
10,000. Buffers are drawn with 128 sides a circle. Areas are ellipsoidal.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerSpec
from tools.compliance.patches import SLIVER_M2, Patches, patches
from tools.compliance.zones import check_scheme, zone_name
from tools.layer_health import Finding, check_window
from tools.layers import read_windows
from tools.rules.model import Rule

SEARCH_M = 1_000.0
"""How far is looked for the nearest feature, at least."""
_QUARTER_SIDES = 32
_CLIP_MARGIN = 1.01
_MANY_VERTICES = 2_000
_PIECE = 64


@dataclass(frozen=True)
class NearMeasure:
    """A project against one rule's distances."""

    spec: LayerSpec
    distance_m: float | None
    searched_m: float
    inside: Patches
    margin: Patches
    by_class: dict[str, Patches] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Surroundings:
    """Line features around a project: parallel arrays."""

    spec: LayerSpec
    searched_m: float
    geometries: npt.NDArray[Any]
    classes: npt.NDArray[np.str_]
    names: npt.NDArray[np.str_]
    distances_m: npt.NDArray[np.float64]
    findings: tuple[Finding, ...] = ()


def limits(rule: Rule, classes: Mapping[str, object] | set[str]) -> dict[str, tuple[float, float]]:
    """Return distance and margin by class, for the classes that a rule concerns, in metres."""
    by_class: dict[str, float] = rule.parameters["by_class"]
    otherwise: float | None = rule.parameters["otherwise_m"]
    margin: Any = rule.parameters.get("margin_m") or 0.0
    found = {}
    for name in classes:
        metres = by_class.get(name, otherwise)
        if metres is not None:
            more = margin.get(name, 0.0) if isinstance(margin, dict) else margin
            found[name] = (float(metres), float(more))
    return found


def reach_m(rule: Rule) -> float:
    """Return the farthest distance that a rule looks at, margin included."""
    by_class: dict[str, float] = rule.parameters["by_class"]
    metres = [*by_class.values(), rule.parameters["otherwise_m"] or 0.0]
    margin: Any = rule.parameters.get("margin_m") or 0.0
    more = max(margin.values(), default=0.0) if isinstance(margin, dict) else margin
    return float(max(metres) + more)


def look_around(
    project: BaseGeometry, spec: LayerSpec, folder: Path, rules: list[Rule]
) -> Surroundings:
    """Read the features that any of the rules may concern.

    Raises:
        InputError: the layer has no classes or the wrong scheme, or a feature has another class.
    """
    check_scheme(spec)
    radius = max(SEARCH_M, *(reach_m(rule) for rule in rules))
    found: list[Any] = []
    classes: list[str] = []
    names: list[str] = []
    findings: list[Finding] = []
    for features in read_windows(spec, folder, project, widen_m=radius, attributes=True):
        findings += check_window(spec, features)
        for fid, code in zip(features.fids.tolist(), features.codes.tolist(), strict=True):
            zone_name(spec, code, "", fid=fid)
        found.extend(features.geometries)
        classes.extend(features.codes.tolist())
        names.extend(features.names.tolist())
    geometries = np.array(found, dtype=object)
    return Surroundings(
        spec=spec,
        searched_m=radius,
        geometries=geometries,
        classes=np.array(classes, dtype=np.str_),
        names=np.array(names, dtype=np.str_),
        distances_m=distances_m(project, geometries),
        findings=tuple(findings),
    )


def distances_m(project: BaseGeometry, geometries: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return each geometry's planar distance to a project, 0 where they meet."""
    if shapely.get_num_coordinates(project) <= _MANY_VERTICES or not len(geometries):
        return np.asarray(shapely.distance(project, geometries), dtype=np.float64)
    shapely.prepare(project)
    pieces = [
        shapely.LineString(ring[at : at + _PIECE + 1])
        for ring in map(shapely.get_coordinates, shapely.get_rings(shapely.get_parts(project)))
        for at in range(0, len(ring) - 1, _PIECE)
    ]
    away = np.zeros(len(geometries))
    apart = np.flatnonzero(~shapely.intersects(project, geometries))
    if len(apart):
        (given, _), least = shapely.STRtree(pieces).query_nearest(
            geometries[apart], return_distance=True, all_matches=False
        )
        away[apart[given]] = least
    return away


def measure_near(
    project: BaseGeometry, around: Surroundings, rule: Rule, *, sliver_m2: float = SLIVER_M2
) -> NearMeasure:
    """Measure the part of a project that is nearer than a rule allows.

    Args:
        project: Valid (Multi)Polygon in the layer's coordinate system.
        around: What `look_around` found for rules of which this is one.
        rule: A rule with the predicate near_line.
        sliver_m2: Smallest patch that counts.
    """
    allowed = limits(rule, set(around.classes.tolist()))
    concerned = np.isin(around.classes, list(allowed))
    distances = np.where(concerned, around.distances_m, np.inf)
    nearest = float(distances.min()) if len(distances) else np.inf
    order = np.argsort(distances, kind="stable")
    close = [
        int(i) for i in order.tolist()
        if concerned[i] and distances[i] < sum(allowed[str(around.classes[i])])
    ]  # fmt: skip
    strict: dict[str, BaseGeometry] = {}
    wide: list[BaseGeometry] = []
    for name in dict.fromkeys(str(around.classes[i]) for i in close):
        distance, margin = allowed[name]
        lines = around.geometries[[i for i in close if around.classes[i] == name]]
        strict[name] = _nearer(project, lines, distance)
        if margin > 0:
            wide.append(_nearer(project, lines, distance + margin))
    spec = around.spec
    inside = shapely.union_all(list(strict.values()))
    margin_only = shapely.difference(shapely.union_all(wide), inside)
    return NearMeasure(
        spec=spec,
        distance_m=nearest if nearest <= around.searched_m else None,
        searched_m=around.searched_m,
        inside=patches(inside, spec.epsg, sliver_m2),
        margin=patches(margin_only, spec.epsg, sliver_m2),
        by_class={
            name: found
            for name, shape in strict.items()
            if (found := patches(shape, spec.epsg, sliver_m2)).total_m2 > 0
        },
        classes=tuple(strict),
        names=tuple(dict.fromkeys(str(around.names[i]) for i in close if around.names[i]))[:5],
    )


def _nearer(project: BaseGeometry, lines: npt.NDArray[Any], distance: float) -> BaseGeometry:
    """Return the part of a project that is nearer to lines than a distance."""
    if distance <= 0:
        return shapely.Polygon()
    min_x, min_y, max_x, max_y = project.bounds
    reach = distance * _CLIP_MARGIN
    clipped = shapely.intersection(
        lines, shapely.box(min_x - reach, min_y - reach, max_x + reach, max_y + reach)
    )
    buffers = shapely.buffer(clipped, distance, quad_segs=_QUARTER_SIDES)
    return shapely.intersection(project, shapely.union_all(buffers))
