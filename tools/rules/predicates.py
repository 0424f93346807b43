"""Predicates: small functions from a site to one named outcome and its figures.

Each declares the figures it gives; the loader checks rule texts against them. None of them knows a
clause, a verdict or a sentence: those stand in the rule files.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cspon.registry import registry
from tools.land_use import classification, is_in_class
from tools.rules.model import BOUNDARY, FARMLAND, Site

Figures = dict[str, float | str]
Outcomes = Callable[[dict[str, Any]], set[str]]


@dataclass(frozen=True)
class Predicate:
    """A registered predicate."""

    name: str
    function: Callable[[Site, dict[str, Any]], tuple[str, Figures]]
    figures: frozenset[str]
    parameters: frozenset[str]
    outcomes: Outcomes
    """Outcomes that are possible with given parameters."""
    project_types: Outcomes
    """Project types that given parameters name."""
    optional: frozenset[str] = frozenset()
    """Parameters that may be left out."""


def predicate(
    name: str,
    *,
    figures: tuple[str, ...],
    parameters: tuple[str, ...],
    outcomes: Outcomes,
    project_types: Outcomes = lambda _: set(),
    optional: tuple[str, ...] = (),
) -> Callable[[Callable[..., tuple[str, Figures]]], Callable[..., tuple[str, Figures]]]:
    """Register a predicate."""

    def register(function: Callable[..., tuple[str, Figures]]) -> Callable[..., Any]:
        registry.add(
            "predicate",
            name,
            Predicate(
                name,
                function,
                frozenset(figures),
                frozenset(parameters),
                outcomes,
                project_types,
                frozenset(optional),
            ),
        )
        return function

    return register


def share_percent(part_ha: float, site: Site) -> float:
    """Return a part as percent of the project."""
    return 100.0 * part_ha / site.area_ha


@predicate(
    "line_occupied",
    figures=("area_ha", "area_mu", "share_percent", "patches"),
    parameters=("line", "by_type"),
    outcomes=lambda p: {"clear", "barred", *p["by_type"].values()},
    project_types=lambda p: set(p["by_type"]),
)
def line_occupied(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say whether a project lies on a line, and whether its kind may be argued for."""
    line = site.line(parameters["line"])
    figures: Figures = {
        "area_ha": line.inside_ha,
        "area_mu": line.inside_ha * 15.0,
        "share_percent": share_percent(line.inside_ha, site),
        "patches": str(line.patches),
    }
    if line.inside_ha == 0.0 and line.patches == 0:
        return "clear", figures
    return parameters["by_type"].get(site.project_type, "barred"), figures


@predicate(
    "line_within",
    figures=("inside_ha", "outside_ha", "outside_mu", "outside_percent"),
    parameters=("line", "barred_types"),
    outcomes=lambda _: {"inside", "partly_barred", "wholly_barred", "partly", "wholly"},
    project_types=lambda p: set(p["barred_types"]),
)
def line_within(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say how much of a project lies within a line that it should not leave."""
    line = site.line(parameters["line"])
    figures: Figures = {
        "inside_ha": line.inside_ha,
        "outside_ha": line.outside_ha,
        "outside_mu": line.outside_ha * 15.0,
        "outside_percent": share_percent(line.outside_ha, site),
    }
    if line.outside_ha == 0.0:
        return "inside", figures
    where = "wholly" if line.inside_ha == 0.0 else "partly"
    barred = site.project_type in parameters["barred_types"]
    return f"{where}_barred" if barred else where, figures


@predicate(
    "class_occupied",
    figures=("area_ha", "area_mu", "share_percent", "cultivated_ha", "farmland_ha"),
    parameters=("class",),
    outcomes=lambda _: {"none", "some"},
)
def class_occupied(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say how much land of a class a project takes."""
    area = class_ha(site, parameters["class"])
    figures: Figures = {
        "area_ha": area,
        "area_mu": area * 15.0,
        "share_percent": share_percent(area, site),
        "cultivated_ha": class_ha(site, "cultivated"),
        "farmland_ha": site.lines[FARMLAND].inside_ha if FARMLAND in site.lines else 0.0,
    }
    return ("some" if area > 0 else "none"), figures


@predicate(
    "conversion",
    figures=("area_ha", "area_mu", "farmland_ha", "outside_ha"),
    parameters=(),
    outcomes=lambda _: {"none", "farmland", "inside", "outside"},
)
def conversion(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say who approves the conversion of agricultural land (土地管理法第四十四条)."""
    area, farmland = class_ha(site, "agricultural"), site.line(FARMLAND).inside_ha
    outside = class_ha(site, "agricultural", on=BOUNDARY)
    figures: Figures = {
        "area_ha": area,
        "area_mu": area * 15.0,
        "farmland_ha": farmland,
        "outside_ha": outside,
    }
    if farmland > 0:
        return "farmland", figures
    if area == 0:
        return "none", figures
    return ("outside" if outside > 0 else "inside"), figures


@predicate(
    "expropriation",
    figures=("area_ha", "farmland_ha", "cultivated_ha", "other_ha"),
    parameters=("cultivated_over_ha", "other_over_ha"),
    outcomes=lambda _: {"farmland", "cultivated", "other", "province"},
)
def expropriation(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say who would approve the expropriation if all of the land were collective (第四十六条)."""
    farmland = site.line(FARMLAND).inside_ha
    cultivated = max(0.0, class_ha(site, "cultivated") - class_ha(site, "cultivated", on=FARMLAND))
    other = max(0.0, site.area_ha - farmland - cultivated)
    figures: Figures = {
        "area_ha": site.area_ha,
        "farmland_ha": farmland,
        "cultivated_ha": cultivated,
        "other_ha": other,
    }
    if farmland > 0:
        return "farmland", figures
    if cultivated > parameters["cultivated_over_ha"]:
        return "cultivated", figures
    return ("other" if other > parameters["other_over_ha"] else "province"), figures


@predicate(
    "by_project_type",
    figures=("area_ha", "area_mu"),
    parameters=("by_type", "otherwise"),
    outcomes=lambda p: {p["otherwise"], *p["by_type"].values()},
    project_types=lambda p: set(p["by_type"]),
)
def by_project_type(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Tell projects apart by their kind alone."""
    figures: Figures = {"area_ha": site.area_ha, "area_mu": site.area_ha * 15.0}
    return parameters["by_type"].get(site.project_type, parameters["otherwise"]), figures


@predicate(
    "data_coverage",
    figures=("outside_county_ha", "uncovered_ha"),
    parameters=(),
    outcomes=lambda _: {"covered", "outside_county", "gaps"},
)
def data_coverage(site: Site, parameters: dict[str, Any]) -> tuple[str, Figures]:
    """Say whether county and parcels cover the whole project."""
    outside = site.outside_county_ha or 0.0
    figures: Figures = {"outside_county_ha": outside, "uncovered_ha": site.uncovered_ha}
    if outside > 0:
        return "outside_county", figures
    return ("gaps" if site.uncovered_ha > 0 else "covered"), figures


def class_ha(site: Site, name: str, *, on: str | None = None) -> float:
    """Sum the hectares of a land-use class, of all codes that are codes (未覆盖 is none).

    Args:
        site: The site.
        name: Class, e.g. "cultivated".
        on: Count only what lies on this line (outside it, for the development boundary).
    """
    assert site.codes is not None, "the rule does not declare that it needs land_use"
    known = classification().codes
    by_code = site.codes if on is None else site.crossings.get(on, {})
    if on == BOUNDARY and on in site.absent:
        by_code = site.codes  # everything lies outside a boundary that does not exist
    return sum(ha for code, ha in by_code.items() if code in known and is_in_class(code, name))
