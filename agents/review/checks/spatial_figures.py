"""Areas that the text states against the areas of the plan database."""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

from agents.review.case import Case
from agents.review.check import Found
from agents.review.database.claims import Claim, claims
from agents.review.database.measure import Measured, area_of, database_area, hectares
from agents.review.database.together import together
from agents.review.quantities.find import Value
from cspon.schemas.review import Severity

HECTARE = Fraction(10_000)
ABOUT = Fraction(1, 100)
"""What 约 leaves open, as a share."""


class _Key(NamedTuple):
    subject: str
    town: str
    year: int | None


def indicators(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find indicators whose area in the text is not that of their layer."""
    if case.database is None:
        return
    stated: dict[_Key, list[Claim]] = defaultdict(list)
    for claim in claims(case, case.database):
        stated[_Key(claim.subject, claim.town, claim.year)].append(claim)
    by_town: dict[tuple[str, int | None], list[list[Found]]] = defaultdict(list)
    for key, found in stated.items():
        for rule in parameters["indicators"]:
            if rule["subject"] != key.subject or not _of_year(case, key.year, rule):
                continue
            if key.town and rule["layer"] == "county":
                continue  # the area of a named thing, which another check compares
            areas = area_of(
                case.database, rule["layer"], town=key.town, kinds=tuple(rule.get("kinds", ()))
            )
            if areas:
                wrong = list(_against(found, key, areas, rule))
                if key.town:
                    by_town[key.subject, key.year].append(wrong)
                else:
                    yield from wrong
                break
    for (subject, _), towns in by_town.items():
        wrong = [one for town in towns for one in town]
        yield from together(wrong, len(towns), f"各乡镇{subject}")


def _of_year(case: Case, year: int | None, rule: dict[str, Any]) -> bool:
    """Say whether a layer is of the year of a figure; a figure without a year is of the plan's end."""
    wanted: int | None = getattr(case.years, rule["year"])
    if year is None or wanted is None:
        return year is None and rule["year"] == "target"
    return year == wanted


def _against(
    found: list[Claim], key: _Key, areas: list[Measured], rule: dict[str, Any]
) -> Iterator[Found]:
    """Compare the figures of one subject, place and year with the database."""
    found = [c for c in found if not (c.is_task and areas[0].best > c.value.low)]
    wrong = [claim for claim in found if not _agrees(claim.value, areas)]
    if len(wrong) < len(found):
        if key.year is not None:
            return  # the text contradicts itself, which another check tells
        wrong = [claim for claim in wrong if not claim.is_task]
    groups: dict[tuple[Fraction, Fraction], list[Claim]] = defaultdict(list)
    for claim in wrong:
        groups[claim.value.low, claim.value.high].append(claim)
    for group in groups.values():
        first, area = min(group, key=lambda claim: claim.role != "text"), areas[0]
        value = first.value
        kept = _keeps_bound(value, area)
        if kept and rule.get("floor_only"):
            continue
        held = Fraction(area.best)
        where = f"{key.subject}（{key.town or '全域'}）"
        row = area.rows[0] if len(area.rows) == 1 else None
        yield Found(
            first.span,
            f"{where}文本为 {first.told}，数据库{area.layer.kind.title}为 "
            f"{database_area(area.best, value)}，相差 {hectares(float(abs(held - value.low)))}",
            also=tuple(claim.span for claim in group if claim is not first),
            evidence=f"{area.told}；容差为 1 公顷与书写精度中较大者",
            suggestion="核对指标与数据库" + "，说明是任务数还是划定数" * kept,
            severity=Severity.GENERAL if kept or rule.get("general") else None,
            places=(area.layer.place(row),),
        )  # fmt: skip


def _agrees(value: Value, areas: list[Measured]) -> bool:
    slack = max(HECTARE, value.step / 2, value.high * ABOUT if value.about else Fraction(0))
    return any(area.agrees(value.low, value.high, slack) for area in areas)


def _keeps_bound(value: Value, area: Measured) -> bool:
    """Say whether the database keeps a bound that the text sets: 不低于 that is exceeded."""
    if value.bound in (">=", ">"):
        return area.best > value.low
    return value.bound in ("<=", "<") and area.best < value.high
