"""Rates of a sentence beside the figures that it gives: a head, of townspeople, so many times as much."""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.quantities.statements import one_sentence
from agents.review.stated import as_stated, slips, stated_figures
from agents.review.words import said

PER_HEAD = re.compile(
    r"人均(?:[城镇乡村集]{1,2}(?:建设)?用地(?:面积)?)?(?:约|为|达|达到|控制在|不超过)*\s*$"
)


def per_head(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find areas a head that are not the area of the sentence by its people: 1.26万人，182.60公顷，人均…."""
    stated = stated_figures(case)
    for block in case.text.running():
        found = case.quantities_in(block)
        for at, quantity in enumerate(found):
            value, lead = quantity.value, block.text[: quantity.span.start]
            if value.measure.split("/")[0] != "平方米" or not PER_HEAD.search(lead):
                continue
            near = [
                q for q in found[:at] if one_sentence(block, q, quantity) and not q.value.change
            ]
            area = next((q for q in reversed(near) if q.value.measure == "平方米"), None)
            people = next((as_stated(q) for q in reversed(near) if q.value.measure == "人"), None)
            if area is not None and people is None and area.scope:
                figures = stated.get(("常住人口规模", area.scope, case.year_of(area)), [])
                people = figures[0] if figures else None
            if area is None or people is None or not people.value.low:
                continue
            expected = area.value.low / people.value.low
            steps = (area.value.step + people.value.step * expected) / people.value.low
            slack = (value.step + steps) * Fraction(11, 20)
            if abs(value.low - expected) > slack and not slips(value.low, expected):
                yield Found(
                    quantity.span,
                    f"人均为 {value.words}，按 {area.value.words} ÷ {people.value.words} 计算为 {said(expected, value)}",
                    also=(area.span, people.span), suggestion="核对人均值、面积与人口",
                    evidence=f"{area.value.words} ÷ {people.value.words} = {said(expected, value)}",
                )  # fmt: skip


def urban_share(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find rates of urbanisation that are not the two populations before them: 2.96万人，其中镇区0.94万人，城镇化率…."""
    for block in case.text.running():
        found = case.quantities_in(block)
        for at, quantity in enumerate(found):
            if quantity.subject != "常住人口城镇化率" or at < 2 or quantity.value.change:
                continue
            whole, part = found[at - 2 : at]
            inside = one_sentence(block, whole, quantity)
            if (
                not inside
                or whole.value.measure != "人"
                or part.value.measure != "人"
                or not whole.value.low
            ):
                continue
            if not re.search(r"城镇|镇区|集镇", block.text[whole.span.end : part.span.start]):
                continue
            expected, rate = part.value.low / whole.value.low, quantity.value
            steps = (part.value.step + whole.value.step * expected) / whole.value.low
            if abs(rate.low - expected) > (rate.step + steps) * Fraction(11, 20) and not slips(
                rate.low, expected
            ):
                yield Found(
                    quantity.span,
                    f"城镇化率为 {rate.words}，按 {part.value.words} ÷ {whole.value.words} 计算为 {said(expected, rate)}",
                    also=(whole.span, part.span), suggestion="核对城镇化率与人口",
                    evidence=f"{part.value.words} ÷ {whole.value.words} = {said(expected, rate)}",
                )  # fmt: skip


def times(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find multiples that are not the two areas before them: 31.49平方千米，为现状24.60平方千米的1.28倍."""
    for block in case.text.running():
        found = case.quantities_in(block)
        for at, quantity in enumerate(found):
            if (
                quantity.value.measure != "倍"
                or at < 2
                or not block.text[: quantity.span.start].endswith("的")
            ):
                continue
            new, old = found[at - 2 : at]
            alike = new.value.measure == old.value.measure == "平方米" and old.value.low
            if not alike or not one_sentence(block, new, quantity) or quantity.value.change:
                continue
            expected, value = new.value.low / old.value.low, quantity.value
            if abs(value.low - expected) > value.step * Fraction(6, 10) and not slips(
                value.low, expected
            ):
                yield Found(
                    quantity.span, f"为 {value.words}，按 {new.value.words} ÷ {old.value.words} 计算为 {said(expected, value)}",
                    also=(new.span, old.span), suggestion="核对倍数与面积",
                )  # fmt: skip
