"""Apply rules to a site. Missing data never passes."""

from datetime import date

from cspon.registry import registry
from cspon.schemas.spatial import RuleOutcome, Verdict
from tools.rules.lines import role_title
from tools.rules.load import load_rules, project_types
from tools.rules.model import COUNTY, DEM, LAND_USE, Rule, Site
from tools.rules.predicates import Figures, Predicate

WORST_FIRST = (Verdict.FAIL, Verdict.MISSING_DATA, Verdict.NEEDS_STUDY, Verdict.PASS)
"""A violation that is established stays one whatever else is unknown; what is unknown may hide one,
so it outranks what only needs study."""

_DIGITS = {"_ha": 4, "_mu": 2, "_percent": 2, "_degrees": 1}


def rules_in_use() -> tuple[Rule, ...]:
    """Return the shipped rules and the bureau's own, without those that are switched off."""
    off = switched_off()
    return tuple(rule for rule in _all_rules() if rule.id not in off)


def switched_off() -> dict[str, str]:
    """Return title and reason of each rule that is switched off, as a sentence, by id."""
    from tools.library.state import disabled  # the library lists these rules: it imports this

    reasons = disabled("rule")
    return {
        rule.id: f"规则“{rule.title}”（{rule.id}）已停用：{reasons[rule.id].rstrip('。')}，本次未检查。"
        for rule in (_all_rules() if reasons else ())
        if rule.id in reasons
    }


def not_taken_in() -> tuple[str, ...]:
    """Say which of the bureau's own rule files could not be used, one sentence each."""
    from tools.library.own import own_problems

    return tuple(
        f"本单位规则文件 {p.file} 有误，本次未检查：{p.message.rstrip('。')}。"
        for p in own_problems("rule")
    )


def _all_rules() -> tuple[Rule, ...]:
    from tools.library.own import own_rules

    return (*load_rules(), *own_rules())


def evaluate(site: Site, rules: tuple[Rule, ...] | None = None) -> tuple[RuleOutcome, ...]:
    """Return one outcome a rule that applies, in the rules' order."""
    given = rules_in_use() if rules is None else rules
    return tuple(apply_rule(rule, site) for rule in given if applies(rule, site, given))


def applies(rule: Rule, site: Site, rules: tuple[Rule, ...] | None = None) -> bool:
    """Say whether a rule is on this project at all: its kind, its place and its day."""
    if site.project_type in rule.not_for or (
        rule.only_for and site.project_type not in rule.only_for
    ):
        return False
    if why_absent(rule, site):
        return False
    return not _another_holds(rule, site.asked_on, rules_in_use() if rules is None else rules)


def why_absent(rule: Rule, site: Site) -> str:
    """Return the declared reason why the place has nothing that the rule is on, or nothing."""
    own = [rule.line] if rule.line else [r for r in rule.needs if r not in (LAND_USE, COUNTY)]
    if own and all(role in site.absent for role in own):
        return "；".join(dict.fromkeys(site.absent[role] for role in own))
    return ""


def _another_holds(rule: Rule, day: date, rules: tuple[Rule, ...]) -> bool:
    """Say whether a rule leaves the day to the one that it replaces, or that replaces it."""
    if rule.valid_to is not None and day >= rule.valid_to:
        return any(other.replaces == rule.id for other in rules)
    if day < rule.valid_from:
        before = [other for other in rules if other.id == rule.replaces]
        return any(o.valid_from <= day and (o.valid_to is None or day < o.valid_to) for o in before)
    return False


def worst(outcomes: tuple[RuleOutcome, ...]) -> Verdict:
    """Return the overall verdict."""
    return min((o.verdict for o in outcomes), key=WORST_FIRST.index)


def decide(rule: Rule, site: Site) -> tuple[str, Figures]:
    """Return the outcome's name and figures; the data must be there."""
    function: Predicate = registry.get("predicate", rule.predicate)
    name, figures = function.function(site, rule.parameters)
    assert name in rule.outcomes, f"rule {rule.id}: predicate gave {name}"
    return name, figures


def apply_rule(rule: Rule, site: Site) -> RuleOutcome:
    """Apply one rule."""
    reason = _missing(rule, site) or _not_valid(rule, site)
    if reason:
        return RuleOutcome(
            rule_id=rule.id,
            title=rule.title,
            verdict=Verdict.MISSING_DATA,
            message=f"{reason}，无法判定{rule.title}。",
            line=rule.line,
            basis=tuple(b.plain() for b in rule.basis if not b.when),
            verified=rule.verified,
        )
    name, figures = decide(rule, site)
    outcome = rule.outcomes[name]
    verdict, message = outcome.verdict, fill(outcome.message, figures, site)
    unseen = _unseen_ha(rule, site)
    if verdict is Verdict.PASS and unseen > 0 and rule.severity != "data":
        verdict = Verdict.MISSING_DATA
        message = message.rstrip("。") + f"；但项目有 {unseen:.4f} 公顷没有数据，不能判为符合。"
    basis = tuple(b.plain() for b in rule.basis if not b.when or name in b.when)
    area = figures.get(rule.area)
    return RuleOutcome(
        rule_id=rule.id,
        title=rule.title,
        verdict=verdict,
        message=message,
        line=rule.line,
        area_ha=area if isinstance(area, float) else None,
        procedure=tuple(fill(step, figures, site) for step in outcome.procedure),
        documents=outcome.documents,
        approval=outcome.approval,
        basis=basis,
        verified=rule.verified and all(b.verified for b in basis),
    )


def headlines(site: Site, verdict: Verdict) -> list[str]:
    """Return the short clauses of all rules whose outcome has this verdict."""
    clauses = []
    rules = rules_in_use()
    for rule in rules:
        if not applies(rule, site, rules) or _missing(rule, site) or _not_valid(rule, site):
            continue
        name, figures = decide(rule, site)
        outcome = rule.outcomes[name]
        if outcome.verdict is verdict and outcome.headline:
            clauses.append(fill(outcome.headline, figures, site))
    return clauses


def caveats(site: Site) -> list[str]:
    """Return what a reader must know of changes in the law around the date of the question."""
    said: dict[str, None] = {}
    for rule in rules_in_use():
        for change in rule.upcoming:
            day = change.effective_from
            label = f"《{change.title}》自{day.year}年{day.month}月{day.day}日起施行"
            if site.asked_on < day:
                said[f"{label}，目前尚未施行，未作为依据；{change.note}"] = None
            else:
                said[f"{label}，现行规则尚未按其修订，须复核：{change.note}"] = None
    return list(said)


def fill(text: str, figures: Figures, site: Site) -> str:
    """Put named figures into a text: hectares with 4 decimals, 亩 and percent with 2."""
    shown = {
        key: value if isinstance(value, str) else f"{value:.{_digits(key)}f}"
        for key, value in figures.items()
    }
    return text.format(project_type=project_types()[site.project_type].title, **shown)


def _digits(key: str) -> int:
    return next(digits for suffix, digits in _DIGITS.items() if key.endswith(suffix))


def _missing(rule: Rule, site: Site) -> str:
    """Say which data the rule needs and does not have, or nothing."""
    missing = [role_title(role) for role in rule.needs if not _is_there(role, rule, site)]
    reasons = [f"缺少{'、'.join(missing)}图层"] if missing else []
    if LAND_USE in rule.needs and site.codes is None:
        reasons.append(site.land_use_problem)
    if COUNTY in rule.needs and site.outside_county_ha is None:
        reasons.append("缺少县级行政区图层")
    return "，".join(reasons)


def _is_there(role: str, rule: Rule, site: Site) -> bool:
    """Say whether a layer was measured as the rule needs it; land use and county are asked apart."""
    if role in (LAND_USE, COUNTY) or role in site.absent:
        return True
    if rule.parameters.get("line") == role:
        if rule.predicate in ("zone_occupied", "planned_use"):
            return role in site.zones
        if rule.predicate == "near_line":
            return rule.id in site.near
    return role in site.lines or role in site.zones or (role == DEM and site.slope is not None)


def _not_valid(rule: Rule, site: Site) -> str:
    if site.asked_on < rule.valid_from:
        return f"本规则自 {rule.valid_from} 起适用，所问日期为 {site.asked_on}"
    if rule.valid_to is not None and site.asked_on >= rule.valid_to:
        return f"本规则适用至 {rule.valid_to}（不含），所问日期为 {site.asked_on}"
    return ""


def _unseen_ha(rule: Rule, site: Site) -> float:
    """Return how much of the project the rule's layers say nothing about."""
    if not rule.needs:
        return 0.0
    outside = site.outside_county_ha or 0.0
    if DEM in rule.needs and site.slope is not None:
        outside = max(outside, site.slope.unknown_ha)
    return max(outside, site.uncovered_ha) if LAND_USE in rule.needs else outside
