"""What rules want measured of a place, before they are applied."""

from cspon.schemas.spatial import Verdict
from tools.land_use import UNCOVERED
from tools.rules.evaluate import applies
from tools.rules.line_predicates import conforms, planned_use, zone_outcomes
from tools.rules.model import DEM, Rule, Site


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


def conflicting_zones(role: str, rules: tuple[Rule, ...], site: Site) -> dict[str, Verdict]:
    """Return the zones of a partition that a rule does not let this project simply lie in.

    Args:
        role: Planning zones or planned land use.
        rules: All rules.
        site: With zones, scheme and kind of project.

    Returns:
        Code to verdict: the zones that are 不符合, or where there are none those that are 需论证.
    """
    found: dict[str, Verdict] = {}
    if role not in site.zones:
        return found
    for rule in rules:
        if rule.parameters.get("line") == role and applies(rule, site, rules):
            for code, outcome in _outcomes(rule, site).items():
                verdict = Verdict.PASS if outcome == "clear" else rule.outcomes[outcome].verdict
                if verdict in (Verdict.FAIL, Verdict.NEEDS_STUDY) and code != UNCOVERED:
                    found[code] = (
                        Verdict.FAIL if Verdict.FAIL in (verdict, found.get(code)) else verdict
                    )
    worst = Verdict.FAIL if Verdict.FAIL in found.values() else Verdict.NEEDS_STUDY
    return {code: verdict for code, verdict in found.items() if verdict is worst}


def _outcomes(rule: Rule, site: Site) -> dict[str, str]:
    """Return the outcome of each zone that does not fit."""
    if rule.predicate == "zone_occupied":
        return zone_outcomes(site, rule.parameters)
    allowed = rule.parameters.get("allowed", {}).get(site.project_type)
    if rule.predicate != "planned_use" or allowed is None:
        return {}
    outcome, _ = planned_use(site, rule.parameters)
    planned = site.zones[rule.parameters["line"]]
    return {code: outcome for code in planned if not conforms(code, allowed)}
