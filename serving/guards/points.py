"""Points of sensitive facilities in the layers of a tool's result: the rules for texts, asked of numbers.

A point whose feature names a facility is read as the sentence that would say so. What is masked in a text
is given here to about a kilometre, as the rule tells its reader to write it: a layer keeps its features.
Lines and areas are left alone, and so are numbers in tables and properties: nothing says that they are a place.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cspon.schemas.spatial import ToolResult
from serving.guards.finding import Tally, find_hits
from serving.guards.matcher import edged
from serving.guards.policy import SidePolicy
from serving.guards.rules import Rule

GROUP = "facility"
DEGREES, METRES = 2, -3
"""Decimals to which a masked point is given: about a kilometre."""


def guard_points(
    result: ToolResult, side: SidePolicy
) -> tuple[ToolResult, tuple[Tally, ...], Rule | None]:
    """Coarsen the points of sensitive facilities, where the side masks them.

    Returns:
        The result, what was found, and the rule for which it must not be given.
    """
    names = "\n".join(said for layer in result.layers for f in layer.features for said in _said(f))
    if side.matcher.is_clear(side.matcher.present(edged(names))):
        return result, (), None
    counts: Counter[Rule] = Counter()

    def looked_at(feature: dict[str, Any]) -> dict[str, Any]:
        rule = next(_rules(feature, side), None)
        if rule is None:
            return feature
        counts[rule] += 1
        if side.actions[rule.id] != "mask":
            return feature
        geometry = feature["geometry"]
        coarse = {**geometry, "coordinates": _coarse(geometry["coordinates"])}
        return {**feature, "geometry": coarse}

    layers = tuple(
        layer.model_copy(update={"features": tuple(map(looked_at, layer.features))})
        for layer in result.layers
    )
    tallies = tuple(
        Tally(rule.id, rule.title, "output", side.actions[rule.id], count)
        for rule, count in counts.items()
    )
    blocked = next((rule for rule in counts if side.actions[rule.id] == "block"), None)
    return (result.model_copy(update={"layers": layers}) if counts else result), tallies, blocked


def _said(feature: dict[str, Any]) -> list[str]:
    """Return what a feature of points says in words; nothing for one of lines or areas."""
    if (feature.get("geometry") or {}).get("type") not in ("Point", "MultiPoint"):
        return []
    return [said for said in (feature.get("properties") or {}).values() if isinstance(said, str)]


def _rules(feature: dict[str, Any], side: SidePolicy) -> Iterator[Rule]:
    """Yield the rules that find a facility's place in a feature of points."""
    for said in _said(feature):
        geometry = feature["geometry"]
        points = geometry["coordinates"]
        for point in filter(None, [points] if geometry["type"] == "Point" else points):
            hits = find_hits(f"{said} {_written(*point[:2])}", side.matcher)
            yield from (hit.rule for hit in hits if hit.rule.group == GROUP)


def _written(x: float, y: float) -> str:
    """Write a point as texts do: longitude first; on a grid, X is the way north."""
    return f"{x}，{y}" if _in_degrees(x) else f"X={y:.3f}，Y={x:.3f}"


def _in_degrees(x: float) -> bool:
    return abs(x) <= 180


def _coarse(coordinates: list[Any]) -> list[Any]:
    if coordinates and isinstance(coordinates[0], int | float):
        decimals = DEGREES if _in_degrees(coordinates[0]) else METRES
        return [round(coordinates[0], decimals), round(coordinates[1], decimals)]
    return [_coarse(point) for point in coordinates]
