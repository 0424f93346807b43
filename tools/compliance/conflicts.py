"""What a project should not have: named groups of patches, one a line, zone or distance."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cspon.schemas.spatial import LayerCatalogue, RuleOutcome, Verdict
from tools.compliance.measure import LineMeasure
from tools.compliance.near import NearMeasure
from tools.compliance.patches import Patches
from tools.compliance.slope import SlopeMeasure
from tools.compliance.zones import ZoneMeasure
from tools.rules.lines import PARTITIONS, line_roles, role_title
from tools.rules.model import DEM, Rule

STUDY = "须论证"


@dataclass(frozen=True)
class Conflict:
    """Patches of one kind."""

    role: str
    title: str
    patches: Patches
    zone: str = ""
    """Code of the zone, or classes of what is too near."""
    rule: str = ""
    """Id of the rule that keeps the distance or sets the slope."""


def control_of(role: str, catalogue: LayerCatalogue) -> str:
    """Say what a line asks of a project: avoid, within or inform."""
    known = line_roles().get(role)
    if known is not None:
        return "within" if known.measure == "within" else "avoid"
    return next((s.control or "avoid" for s in catalogue.layers if s.role == role), "avoid")


def line_conflicts(
    lines: Mapping[str, LineMeasure],
    zones: Mapping[str, ZoneMeasure],
    catalogue: LayerCatalogue,
    sliver_m2: float,
) -> dict[str, Conflict]:
    """Return the patches on lines that a project should avoid and outside those it should not leave.

    A zoned line has one entry a zone.
    """
    found: dict[str, Conflict] = {}
    for role, line in lines.items():
        title = role_title(role, catalogue)
        control = control_of(role, catalogue)
        if role in zones:
            zoned = zones[role]
            for code in zoned.areas_m2:
                group = zoned.patches(code, sliver_m2)
                found[f"{role}/{code}"] = Conflict(role, f"{title}（{code}）", group, zone=code)
        elif control == "within":
            found[role] = Conflict(role, f"{title}外", line.outside)
        elif control == "avoid":
            found[role] = Conflict(role, title, line.inside)
    return found


def partition_conflicts(
    zones: Mapping[str, ZoneMeasure], barred: Mapping[str, Mapping[str, Verdict]], sliver_m2: float
) -> dict[str, Conflict]:
    """Return the patches in zones of a partition that do not fit the project.

    Args:
        zones: Measures by role.
        barred: By role: code of a zone to 不符合 or 需论证.
        sliver_m2: Smallest patch that counts.
    """
    found = {}
    for role in PARTITIONS:
        for code, verdict in barred.get(role, {}).items():
            group = zones[role].patches(code, sliver_m2)
            word = "不符" if verdict is Verdict.FAIL else STUDY
            title = f"{role_title(role)}{word}（{zones[role].names[code]}）"
            if group.total_m2 > 0:
                found[f"{role}/{code}"] = Conflict(role, title, group, zone=code)
    return found


def distance_conflicts(
    near: Mapping[str, NearMeasure], rules: tuple[Rule, ...]
) -> dict[str, Conflict]:
    """Return the patches that are nearer than a rule allows, by rule."""
    titles = {rule.id: rule.title for rule in rules}
    return {
        f"near/{rule_id}": Conflict(
            measure.spec.role, titles[rule_id], measure.inside, "、".join(measure.classes), rule_id
        )
        for rule_id, measure in near.items()
        if len(measure.inside.polygons)
    }


def slope_conflicts(slope: SlopeMeasure | None, rules: list[Rule]) -> dict[str, Conflict]:
    """Return the patches that are steeper than a rule's threshold."""
    if slope is None:
        return {}
    by_threshold = {float(rule.parameters["degrees"]): rule for rule in reversed(rules)}
    return {
        f"slope/{degrees:g}": Conflict(
            DEM, f"坡度 {degrees:g} 度以上", slope.over[degrees], f"{degrees:g} 度以上", rule.id
        )
        for degrees, rule in by_threshold.items()
        if len(slope.over[degrees].polygons)
    }


def standing(
    conflicts: Mapping[str, Conflict], outcomes: Iterable[RuleOutcome]
) -> dict[str, Conflict]:
    """Return the conflicts without those that every rule on their line lets pass."""
    outcomes = tuple(outcomes)
    passed = passed_lines(outcomes)
    by_rule = {outcome.rule_id: outcome.verdict for outcome in outcomes}
    return {
        name: conflict
        for name, conflict in conflicts.items()
        if (
            by_rule.get(conflict.rule) is not Verdict.PASS
            if conflict.rule
            else conflict.role not in passed
        )
    }


def passed_lines(outcomes: Iterable[RuleOutcome]) -> set[str]:
    """Return the roles of lines whose rules all say 符合."""
    verdicts: dict[str, set[Verdict]] = {}
    for outcome in outcomes:
        if outcome.line is not None:
            verdicts.setdefault(outcome.line, set()).add(outcome.verdict)
    return {role for role, found in verdicts.items() if found == {Verdict.PASS}}
