"""Predicates on zoned layers, on distances, on planned land use and on slope."""

from typing import Any

from tools.land_use import UNCOVERED, land_use_name
from tools.rules.lines import zone_schemes
from tools.rules.model import NearFigures, Site
from tools.rules.predicates import Figures, predicate, share_percent

OTHERWISE = "otherwise"


def _zone_types(parameters: dict[str, Any]) -> set[str]:
    by_code = [code for codes in parameters["schemes"].values() for code in codes.values()]
    return {kind for outcomes in by_code for kind in outcomes} - {OTHERWISE}


def _zone_outcomes(parameters: dict[str, Any]) -> set[str]:
    named = {
        outcome
        for codes in parameters["schemes"].values()
        for by_type in codes.values()
        for outcome in by_type.values()
    }
    return {
        "clear",
        "unknown_zone",
        *(["uncovered"] if parameters.get("must_cover") else []),
    } | named


@predicate(
    "zone_occupied",
    figures=("area_ha", "area_mu", "share_percent", "worst_ha", "uncovered_ha", "zones"),
    parameters=("line", "schemes", "worst_first"),
    optional=("must_cover",),
    outcomes=_zone_outcomes,
    project_types=_zone_types,
)
def zone_occupied(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say what the worst zone is that a project lies in, for its kind.

    A zone that the scheme does not have, or a scheme that the rule does not know, is
    `unknown_zone`; where zones `must_cover` the whole, land in no zone is `uncovered`. Both rank
    after the outcomes of `worst_first` unless that names them.
    """
    line: str = parameters["line"]
    by_code = zone_outcomes(site, parameters)
    zones = {} if line in site.absent else site.zones[line]
    in_zones = sum(ha for code, ha in zones.items() if code != UNCOVERED)
    uncovered = max(0.0, round(site.area_ha - in_zones, 4))
    found = set(by_code.values())
    if parameters.get("must_cover") and uncovered > 0 and line not in site.absent:
        found.add("uncovered")
    ranks = [*parameters["worst_first"], "unknown_zone", "uncovered", "clear"]
    worst = min(found, key=ranks.index, default="clear")
    met = {code: zones[code] for code, outcome in by_code.items() if outcome != "clear"}
    area = sum(met.values())
    if line in site.lines and set(met) == set(zones):
        area = min(area, site.lines[line].inside_ha)  # zones may lie over each other
    return worst, {
        "area_ha": area,
        "area_mu": area * 15.0,
        "share_percent": share_percent(area, site),
        "worst_ha": sum(ha for code, ha in met.items() if by_code[code] == worst),
        "uncovered_ha": uncovered,
        "zones": hectares_by_name(met, {code: code for code in met}),
    }


def zone_outcomes(site: Site, parameters: dict[str, Any]) -> dict[str, str]:
    """Return the outcome of every zone that a project lies in; uncovered land has none."""
    line: str = parameters["line"]
    if line in site.absent:
        return {}
    scheme = site.schemes.get(line, "")
    known: dict[str, dict[str, str]] = parameters["schemes"].get(scheme, {})
    valid = zone_schemes()[scheme].codes if scheme in zone_schemes() else {}
    outcomes = {}
    for code, area in site.zones[line].items():
        if code == UNCOVERED or area <= 0:
            continue
        by_type = known.get(code) if code in valid else None
        outcomes[code] = (
            "unknown_zone"
            if by_type is None
            else by_type.get(site.project_type, by_type.get(OTHERWISE, "unknown_zone"))
        )
    return outcomes


@predicate(
    "near_line",
    figures=("distance_m", "area_ha", "area_mu", "margin_ha", "classes", "names", "limits"),
    parameters=("line", "measure", "by_class", "otherwise_m", "exempt_types"),
    optional=("margin_m",),
    outcomes=lambda p: {
        "clear",
        "within",
        *p["exempt_types"].values(),
        *(["near"] if p.get("margin_m") else []),
    },
    project_types=lambda p: set(p["exempt_types"]),
)
def near_line(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say whether a project lies nearer to lines of a class than the class allows.

    `margin_m` (metres, or metres by class) widens the limits where the law counts from an edge and
    the layer has centre lines: what lies only in the margin is `near`.
    """
    near = NearFigures() if parameters["line"] in site.absent else site.near[parameters["measure"]]
    figures: Figures = {
        "distance_m": (
            f"超过 {near.searched_m:g}" if near.distance_m is None else f"{near.distance_m:.1f}"
        ),
        "area_ha": near.inside_ha,
        "area_mu": near.inside_ha * 15.0,
        "margin_ha": near.margin_ha,
        "classes": "、".join(near.classes),
        "names": "、".join(near.names),
        "limits": limits_text(parameters, near.classes),
    }
    if near.inside_ha <= 0:
        return ("near" if near.margin_ha > 0 else "clear"), figures
    return parameters["exempt_types"].get(site.project_type, "within"), figures


def limits_text(parameters: dict[str, Any], classes: tuple[str, ...] = ()) -> str:
    """Write the distances of the classes that are too near, or of all classes where none is."""
    by_class: dict[str, float] = parameters["by_class"]
    otherwise: float | None = parameters["otherwise_m"]
    if not classes and set(by_class.values()) == {otherwise}:
        return f"{otherwise:g} 米"
    shown = {name: by_class.get(name, otherwise) for name in classes or by_class}
    words = [f"{name} {metres:g} 米" for name, metres in shown.items() if metres is not None]
    if not classes and otherwise is not None:
        words.append(f"{'其他' if by_class else ''} {otherwise:g} 米".strip())
    return "、".join(words)


@predicate(
    "planned_use",
    figures=("area_ha", "outside_ha", "outside_percent", "codes"),
    parameters=("allowed", "line"),
    optional=("must_cover",),
    outcomes=lambda p: {
        "conforming",
        "partly",
        "none",
        "unstated",
        *(["uncovered"] if p.get("must_cover") else []),
    },
    project_types=lambda p: set(p["allowed"]),
)
def planned_use(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say how much of a project is planned for its kind of use.

    `codes` names the planned uses that do not conform, or all of them where the kind of project
    has no entry. With `must_cover`, land without a planned use is `uncovered` where nothing else
    fails to conform.
    """
    planned = {} if parameters["line"] in site.absent else site.zones[parameters["line"]]
    allowed: list[str] | None = parameters["allowed"].get(site.project_type)
    fits = {code for code in planned if conforms(code, allowed or [])}
    area = sum(planned[code] for code in fits)
    others = {code: ha for code, ha in planned.items() if code not in fits and ha > 0}
    outside = max(0.0, round(site.area_ha - area, 4))
    figures: Figures = {
        "area_ha": area,
        "outside_ha": outside,
        "outside_percent": share_percent(outside, site),
        "codes": hectares_by_name(others, {c: planned_use_name(c) for c in others}),
    }
    if allowed is None:
        return "unstated", figures
    if outside == 0.0:
        return "conforming", figures
    if parameters.get("must_cover") and not set(others) - {UNCOVERED}:
        return "uncovered", figures
    return ("partly" if area > 0 else "none"), figures


def conforms(code: str, allowed: list[str]) -> bool:
    """Say whether a planned use is one of the allowed codes or below one."""
    return code != UNCOVERED and code.startswith(tuple(allowed))


def planned_use_name(code: str) -> str:
    """Return code and name of a planned use."""
    name = land_use_name(code)
    return f"{code} {name}" if name else code


@predicate(
    "slope_over",
    figures=("area_ha", "area_mu", "share_percent", "max_degrees"),
    parameters=("degrees",),
    optional=("by_type",),
    outcomes=lambda p: {"none", "some", *p.get("by_type", {}).values()},
    project_types=lambda p: set(p.get("by_type", {})),
)
def slope_over(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say how much of a project is steeper than a threshold."""
    assert site.slope is not None, "the rule does not declare that it needs dem"
    area = site.slope.over_ha[degrees_key(parameters["degrees"])]
    figures: Figures = {
        "area_ha": area,
        "area_mu": area * 15.0,
        "share_percent": share_percent(area, site),
        "max_degrees": site.slope.max_degrees,
    }
    if area <= 0:
        return "none", figures
    return parameters.get("by_type", {}).get(site.project_type, "some"), figures


def degrees_key(degrees: float) -> str:
    """Name a threshold as `SlopeFigures.over_ha` does."""
    return f"{degrees:g}"


def hectares_by_name(areas: dict[str, float], names: dict[str, str]) -> str:
    """Write areas as 核心保护区 1.2000 公顷、…, the largest first."""
    order = sorted(areas, key=lambda code: (-areas[code], code))
    return "、".join(f"{names[code]} {areas[code]:.4f} 公顷" for code in order)
