"""Figures of a submission by what they are of, where and when, and whether two of them agree."""

import re
from collections import defaultdict
from fractions import Fraction
from typing import NamedTuple

from agents.review.case import Case
from agents.review.document import Span
from agents.review.quantities.find import Value
from agents.review.quantities.statements import Quantity, quantities_of
from agents.review.quantities.subjects import known_subject
from agents.review.quantities.tables import entries_of

HECTARE = Fraction(10_000)
"""Difference of areas within which figures count as the same, beyond their rounding."""
WHOLE = ("", "全域", "市域", "县域", "区域", "镇域", "乡域", "村域")
"""Words for the whole area of the plan."""


SLIPS = {Fraction(10) ** power for power in (1, 2, 3, 4, -1, -2, -3, -4)} | {
    Fraction(15), Fraction(1, 15)
}  # fmt: skip
"""By how much figures differ whose units were mixed up."""

LEADING = re.compile(
    r"^(?:规划?期末|期末|期内|现有|现状|规划|共有|其中|本|该|全[县市镇乡村]|[县市镇乡村]域|[圩区镇村]内|主要|总)+"
)
TRAILING = re.compile(
    r"(?:稳定|保持|控制|维持|达到|达|全长|总长度?|长度?|总面积|面积|总规模|规模|总数|数量|总量|在|为|共|约)+$"
)
"""What the name of a thing may begin and end in without being another name."""
PRESENT = re.compile(r"现状|概况|基础|问题|县情|镇情|村情")
"""Headings of chapters on what is there."""
PROJECT = "用地报告"
"""The type of submission that is of one project, not of years."""
NAMED = 4
"""Characters from which on words that are no known subject name one thing: 白沙大堤全长."""


class Stated(NamedTuple):
    """A figure and where it is stated."""

    span: Span
    value: Value
    where: str
    role: str
    """`text`, `table`, or the role of another file."""


def as_stated(quantity: Quantity) -> Stated:
    """Return a quantity of the text as a stated figure."""
    return Stated(quantity.span, quantity.value, quantity.subject, "text")


def plain_name(words: str, scope: str = "") -> str:
    """Return what words name, without the area they stand in and what they are measured by."""
    bare = LEADING.sub("", words.removeprefix(scope)) or words
    return TRAILING.sub("", bare) or bare


def in_past(case: Case, quantity: Quantity) -> bool:
    """Say whether a figure of the text stands in a chapter on what is there, not on what is planned."""
    return bool(PRESENT.search(case.headings[quantity.span.block]))


def stated_figures(
    case: Case, *, others: bool = False
) -> dict[tuple[str, str, int | None], list[Stated]]:
    """Return the figures of subjects by subject, area and year; worked out once for a submission."""
    name_of_it = f"stated {others}"
    if name_of_it not in case.memo:
        case.memo[name_of_it] = _stated_figures(case, others=others)
    known: dict[tuple[str, str, int | None], list[Stated]] = case.memo[name_of_it]
    return known


def _stated_figures(case: Case, *, others: bool) -> dict[tuple[str, str, int | None], list[Stated]]:
    found: dict[tuple[str, str, int | None], list[Stated]] = defaultdict(list)

    def add(quantity: Quantity, role: str) -> None:
        value = quantity.value
        subject = known_subject(quantity.subject) if quantity.known else None
        if value.change or value.about or value.measure in ("", "月") or quantity.converted:
            return
        if subject is None and role == "table":
            return  # a cell is about its row and its column
        if subject and (
            subject.many or value.measure.split("/")[0] != subject.measure.split("/")[0]
        ):
            return
        if subject is None and value.measure == "比":
            return
        scope = quantity.qualifier or ("" if quantity.scope in WHOLE else quantity.scope)
        if subject is None:
            year = quantity.year
        else:
            undated = subject.fixed or case.facts.plan_type == PROJECT
            year = None if undated else case.year_of(quantity)
        if (
            year is None
            and subject
            and case.facts.plan_type != PROJECT
            and (subject.planned or value.bound in (">=", "<="))
        ):
            year = case.years.target  # what is bound is bound for the end of the plan
        if (
            year is None
            and subject
            and not subject.fixed
            and role == "text"
            and in_past(case, quantity)
        ):
            year = case.years.base
        if (
            year is None
            and role == "table"
            and case.facts.plan_type != PROJECT
            and not (subject and subject.fixed)
        ):
            return
        name = quantity.subject if subject else plain_name(quantity.subject, quantity.scope)
        if len(name) < 2:
            return
        where = f"{name}（{scope or '全域'}" + (f"，{year}年）" if year else "）")
        found[name, scope, year].append(Stated(quantity.span, value, where, role))

    for quantity in case.quantities:
        if quantity.value.measure != "比" or quantity.subject.endswith(
            ("率", "比例", "占比", "密度", "强度")
        ):
            add(quantity, "text")
    for entry in case.entries:
        if entry.role == "value":
            add(entry.quantity, "table")
    if others:
        for role, read in case.others.items():
            for block in read.running():
                for quantity in quantities_of(block):
                    add(quantity, role)
            for table in read.tables:
                for entry in entries_of(read, table):
                    if entry.role == "value":
                        add(entry.quantity, role)
    return dict(found)


def alike(stated: list[Stated]) -> list[list[Stated]]:
    """Return figures in groups that agree."""
    groups: list[list[Stated]] = []
    for one in stated:
        for group in groups:
            if group[0].value.measure != one.value.measure or same(group[0].value, one.value):
                group.append(one)
                break
        else:
            groups.append([one])
    return groups


def same(one: Value, other: Value) -> bool:
    """Say whether two figures agree within their digits; areas within a hectare besides."""
    slack = max(one.step, other.step)
    if one.measure == "平方米":
        slack = max(slack, HECTARE)
    return one.low <= other.high + slack and other.low <= one.high + slack


def told(stated: Stated) -> str:
    """Return a figure with its unit."""
    value = stated.value
    return (
        value.words if not value.unit or value.unit in value.words else f"{value.words}{value.unit}"
    )


def slips(one: Fraction, other: Fraction) -> bool:
    """Say whether two figures differ by a wrong unit alone: the same digits, ten thousand times as much."""
    return bool(other) and any(abs(one / other / times - 1) < Fraction(1, 200) for times in SLIPS)
