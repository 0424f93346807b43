"""Figures that the text states more than once, in other units, against each other and against what is above."""

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Span
from agents.review.quantities.find import Value, bound_start
from agents.review.quantities.statements import Quantity
from agents.review.quantities.subjects import known_subject, named_in, subject_of
from agents.review.quantities.units import unit_of
from agents.review.stated import (
    HECTARE,
    NAMED,
    Stated,
    alike,
    plain_name,
    same,
    slips,
    stated_figures,
    told,
)
from agents.review.words import said

KINDS = {
    "常住人口城镇化率": "numbers.urbanisation", "人均城镇建设用地面积": "numbers.per_capita",
    "人均村庄建设用地面积": "numbers.per_capita", "城镇开发边界扩展倍数": "numbers.expansion_factor",
}  # fmt: skip
"""Kinds of figures that follow from others."""

MANY = 3
"""Figures that differ from which on words that are no known subject are of several things."""
SHOWN = 50
"""Other places that a finding names at most."""
LIKELY = 5
"""Times above which a part larger than its whole is a matter of units."""


def conversions(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find figures that are given in two units and do not agree: 12.5公顷（200亩）."""
    for block in case.text.running():
        for first, second in pairwise(case.quantities_in(block)):
            if not second.converted:
                continue
            one, other = first.value, second.value
            if abs(one.low - other.low) <= one.step / 2 + other.step / 2 + other.low / 10_000:
                continue
            slip = _slip(one, other)
            odd, right = _odd(case, first, second) if slip else (second, first)
            yield Found(
                odd.span,
                f"{one.words}与{other.words}不相等：{one.words}折合 {said(one.low, other)}",
                also=(right.span,), evidence=f"{one.words} = {said(one.low, other)}",
                suggestion="核对数量级与单位" if slip else "核对后统一",
                kind="numbers.unit_slip" if slip else "",
            )  # fmt: skip


def _odd(case: Case, first: Quantity, second: Quantity) -> tuple[Quantity, Quantity]:
    """Return that of two figures first which agrees less often with what the text says elsewhere."""
    others = [q.value for q in case.quantities if q.subject == first.subject]
    others += [e.quantity.value for e in case.entries if e.quantity.subject == first.subject]

    def times(quantity: Quantity) -> int:
        return sum(v.measure == quantity.value.measure and same(v, quantity.value) for v in others)

    return (first, second) if times(first) <= times(second) else (second, first)


def repeated(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find figures of one subject, area and year that differ between places of the text and its tables."""
    for (subject, _, _), stated in stated_figures(case).items():
        if known_subject(subject) is None and not _one_thing(subject, stated):
            continue
        groups = alike([s for s in stated if s.role in ("text", "table")])
        if len(groups) < 2 or (known_subject(subject) is None and len(groups) > MANY):
            continue
        groups.sort(key=lambda group: (-len(group), group[0].role != "table"))
        right = groups[0]
        for group in groups[1:]:
            for other in group:
                if other.span.block == right[0].span.block and other.role == "table":
                    continue
                slip = _slip(other.value, right[0].value)
                both = {other.role, right[0].role} == {"text", "table"}
                kind = "numbers.text_table" if both else "numbers.text_text"
                yield Found(
                    other.span,
                    f"{other.where}此处为 {told(other)}，另一处为 {told(right[0])}",
                    also=tuple(s.span for s in right[:SHOWN]),
                    suggestion="核对数量级与单位" if slip else "核对后统一",
                    kind="numbers.unit_slip" if slip else KINDS.get(subject, kind),
                )  # fmt: skip


def _one_thing(name: str, stated: list[Stated]) -> bool:
    """Say whether words that are no known subject name one thing: long ones, or figures that resemble each other."""
    if len(name) >= NAMED:
        return True
    digits = {re.sub(r"\D", "", figure.value.words) for figure in stated}
    return len(digits) == 2 and len({len(d) for d in digits}) == 1 and _near(*digits)


def _near(one: str, other: str) -> bool:
    """Say whether digits are the same in another order, or all but one."""
    apart = sum(a != b for a, b in zip(one, other, strict=True))
    return len(one) > 2 and (sorted(one) == sorted(other) or apart == 1)


def _slip(one: Value, other: Value) -> bool:
    return slips(one.low, other.low) or _digits(one) == _digits(other)


def _digits(value: Value) -> str:
    plain = value.words.translate({code: code - 0xFEE0 for code in range(0xFF0E, 0xFF1A)})
    return re.sub(r"[^0-9]", "", plain)


def other_files(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find figures that another file of the submission states otherwise."""
    kinds = {"explanation": "numbers.explanation", "tables": "numbers.text_table"}
    for stated in stated_figures(case, others=True).values():
        own = [s for s in stated if s.role in ("text", "table")]
        if not own or len(alike(own)) > 1:
            continue
        for other in stated:
            if other.role not in kinds or other.value.measure != own[0].value.measure:
                continue
            if same(own[0].value, other.value):
                continue
            yield Found(
                own[0].span,
                f"{own[0].where}文本为 {told(own[0])}，{case.others[other.role].name} 为 {told(other)}",
                also=tuple(s.span for s in own[1:SHOWN]), also_in=((other.role, other.span),), kind=kinds[other.role], suggestion="核对后统一",
            )  # fmt: skip


def parts(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find parts that are larger than their whole: of the same year, or, where that is not given, of any."""
    stated = stated_figures(case)
    for part, whole in parameters["pairs"]:
        for (subject, scope, year), found in stated.items():
            if subject != part:
                continue
            wholes = stated.get((whole, scope, year)) or [
                figure
                for (name, area, _), figures in stated.items()
                if (name, area) == (whole, scope)
                for figure in figures
            ]
            if not wholes:
                continue
            one, other = found[0], max(wholes, key=lambda figure: figure.value.low)
            over = one.value.low > other.value.low + max(one.value.step, other.value.step)
            if over and one.value.low < LIKELY * other.value.low:
                yield Found(
                    one.span,
                    f"{part}（{told(one)}）大于{whole}（{told(other)}）",
                    also=(other.span,), suggestion="核对两项指标",
                )  # fmt: skip


def ratios(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find rates that are not the quotient of the two figures that the text gives."""
    stated = stated_figures(case)
    for rule in parameters["ratios"]:
        for (subject, scope, year), found in stated.items():
            parts = [
                (rule["of"], scope),
                *((rule["by"][0], inner) for inner in rule.get("within", ())),
            ]
            above = next((stated[(*p, year)] for p in parts if stated.get((*p, year))), None)
            keys = [(by, scope, at) for by in rule["by"] for at in (year, None)]
            below = next((stated[key] for key in keys if stated.get(key)), None)
            if subject != rule["is"] or not above or not below:
                continue
            for rate in found:
                one, two = _agreeing(rate, above, below)
                if not two.value.low or rate.value.low != rate.value.high:
                    continue
                expected = one.value.low / two.value.low
                steps = (one.value.step + two.value.step * expected) / two.value.low
                slack = (rate.value.step + steps) * Fraction(11, 20)
                if abs(rate.value.low - expected) <= slack or slips(rate.value.low, expected):
                    continue
                result = said(expected, rate.value)
                yield Found(
                    rate.span,
                    f"{subject}为 {told(rate)}，按{told(one)} ÷ {told(two)} 计算为 {result}",
                    also=(one.span, two.span), evidence=f"{one.value.words} ÷ {two.value.words} = {result}",
                    suggestion="核对三项数值",
                )  # fmt: skip


def _agreeing(rate: Stated, above: list[Stated], below: list[Stated]) -> tuple[Stated, Stated]:
    """Return the two figures whose quotient is nearest to a rate, of all that the text gives."""
    pairs = [(one, two) for one in above for two in below if two.value.low]
    if not pairs:
        return above[0], below[0]
    return min(pairs, key=lambda p: abs(p[0].value.low / p[1].value.low - rate.value.low))


def directions(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find binding figures whose bound points the wrong way: 耕地保有量不高于 …."""
    floors, caps = set(parameters["floors"]), set(parameters["caps"])
    for quantity in [*case.quantities, *(e.quantity for e in case.entries if e.role == "value")]:
        bound = quantity.value.bound
        if quantity.value.change or bound not in (">=", "<="):
            continue
        wrong = (quantity.subject in floors and bound == "<=") or (
            quantity.subject in caps and bound == ">="
        )
        if wrong:
            right = "不低于" if quantity.subject in floors else "不突破"
            text = (block := case.text.blocks[quantity.span.block]).text
            begins = bound_start(text, replace(quantity.value, start=quantity.span.start))
            yield Found(
                Span(block.number, begins, quantity.span.end),
                f"{quantity.subject}是{'下限' if quantity.subject in floors else '上限'}指标，此处的约束方向相反",
                suggestion=f"应为“{right}”",
            )


def upper_limits(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find figures that break what the upper-level plan gives."""
    stated = stated_figures(case)
    for upper in case.facts.upper:
        known = unit_of(upper.unit)
        subject = subject_of(upper.indicator)
        if known_subject(subject) is None:
            within = named_in(subject)
            subject = (
                within[-1].name
                if within and within[-1].end == len(subject)
                else plain_name(subject)
            )
        target = case.years.target
        found = stated.get((subject, "", target)) or stated.get((subject, "", None))
        if known is None or not found:
            continue
        limit = Fraction(str(upper.value)) * known[0]
        for one in found:
            value = one.value
            if value.measure != known[1]:
                continue
            slack = max(value.step, HECTARE if value.measure == "平方米" else Fraction(0)) / 2
            broken = {
                ">=": value.low < limit - slack, "<=": value.high > limit + slack,
                "=": abs(value.low - limit) > slack,
            }[upper.direction]  # fmt: skip
            if broken and limit / 10 < value.low < limit * 10:  # else it is a matter of units
                sign = {">=": "不低于", "<=": "不突破", "=": "等于"}[upper.direction]
                yield Found(
                    one.span,
                    f"{subject}为 {told(one)}，上级规划要求{sign} {upper.value:g}{upper.unit}",
                    evidence=upper.source, suggestion="按上级规划下达的指标修改",
                )  # fmt: skip
