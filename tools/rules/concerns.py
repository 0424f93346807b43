"""What rules want measured of a place, before they are applied."""

from tools.land_use import UNCOVERED
from tools.rules.evaluate import applies
from tools.rules.line_predicates import conforms, zone_outcomes
from tools.rules.model import DEM, PLANNED_USE, Rule, Site


def distance_rules(rules: tuple[Rule, ...], site: Site) -> dict[str, list[Rule]]:
    """Return the rules that keep a distance from lines and are on this project, by role."""
    by_role: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.predicate == "near_line" and applies(rule, site, rules):
            by_role.setdefault(rule.parameters["line"], []).append(rule)
    return by_role


def slope_rules(rules: tuple[Rule, ...], site: Site) -> list[Rule]:
    """Return the rules on slope that are on this project."""
    if DEM in site.absent:
        return []
    return [r for r in rules if r.predicate == "slope_over" and applies(r, site, rules)]


def conflicting_zones(role: str, rules: tuple[Rule, ...], site: Site) -> dict[str, str]:
    """Return the zones of a partition that a rule does not let this project lie in.

    Args:
        role: Planning zones or planned land use.
        rules: All rules.
        site: With zones, scheme and kind of project.

    Returns:
        Code of the zone to the title of the first rule.
    """
    found: dict[str, str] = {}
    if role not in site.zones:
        return found
    for rule in rules:
        if rule.parameters.get("line") != role or not applies(rule, site, rules):
            continue
        if rule.predicate == "zone_occupied":
            outcomes = zone_outcomes(site, rule.parameters)
            barred = [c for c, name in outcomes.items() if not _passes(rule, name)]
        elif rule.predicate == "planned_use" and role == PLANNED_USE:
            allowed = rule.parameters["allowed"].get(site.project_type)
            codes = [c for c in site.zones.get(role, {}) if c != UNCOVERED]
            barred = [] if allowed is None else [c for c in codes if not conforms(c, allowed)]
        else:
            continue
        for code in barred:
            found.setdefault(code, rule.title)
    return found


def _passes(rule: Rule, outcome: str) -> bool:
    return outcome == "clear" or rule.outcomes[outcome].verdict == "符合"
