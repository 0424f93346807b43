"""Arithmetic of sentences: changes, shares and parts that a sentence states beside what it is worked out from."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Block, Span
from agents.review.quantities.find import Value
from agents.review.quantities.statements import Quantity, one_sentence
from agents.review.quantities.subjects import subject_of
from agents.review.stated import Stated, as_stated, slips, stated_figures, told
from agents.review.words import said

COMPARED = re.compile(
    r"(?:较|比|相比|相较于?)(?:(?P<year>(?:19|20)\d\d)年|现状|基期)[^，。；]{0,16}$"
)
SHARE_OF = re.compile(
    r"占(?P<whole>[^，。；、占\d]{2,20}?)(?:的比例|比例|比重|的)?(?:约|为|达|达到)?\s*$"
)
AREA = re.compile(
    r"(?:全|本)?[县市区镇乡村](?:域)?(?:国土|土地|行政区)?(?:总)?(?:面积)?|国土(?:总)?面积"
)
OF_THEM = re.compile(r"其中[:：]?")
WITHIN = re.compile(r"(?:^|[，、])(?P<whole>[一-鿿]{2,6})(?:中|内)(?:的)?[一-鿿]{2,8}$")
Figures = dict[tuple[str, str, int | None], list[Stated]]
FROM_TO = re.compile(r"(?:提高|增加|增长|减少|下降|降低|扩大|缩减|调整)?(?:到|至|为)")
LIKELY = 5
"""Times above which a part larger than its whole is a matter of units."""
TOTAL_AREA = "行政区国土总面积"


def changes(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find changes that are not the planned figure less that of the base year.

    Both are the two before it in the sentence (规划286公顷，现状128公顷，新增…), or the one before it and that
    of the base year (控制在…，较2020年增加…), or those that the text gives elsewhere (村庄用地减少…).
    """
    stated = stated_figures(case)
    for block in case.text.running():
        found = case.quantities_in(block)
        for at, quantity in enumerate(found):
            value = quantity.value
            if value.change not in ("+", "-"):
                continue
            pairs = [
                (new, old)
                for new, old in _ends(case, stated, block, found, at)
                if new.value.measure == old.value.measure == value.measure
                and Fraction(1, 20) < (new.value.low / old.value.low if old.value.low else 0) < 20
            ]
            if not pairs or any(
                abs(_off(quantity, *pair)) <= _steps(quantity, *pair) for pair in pairs
            ):
                continue
            new, old = pairs[0]
            right = value.low + _off(quantity, new, old)
            yield Found(
                quantity.span,
                f"增减为 {value.words}，按 {told(new)} 与 {told(old)} 之差为 {said(right, value)}",
                also=(new.span, old.span), suggestion="核对现状、规划与增减",
                kind="numbers.unit_slip" if slips(value.low, right) else "",
                evidence=f"{new.value.words} − {old.value.words} = {said(new.value.low - old.value.low, value)}",
            )  # fmt: skip


def _ends(
    case: Case, stated: Figures, block: Block, found: list[Quantity], at: int
) -> Iterator[tuple[Stated, Stated]]:
    """Yield the planned figures and those of the base year of which one is a change."""
    quantity = found[at]
    before = block.text[: quantity.span.start]
    near = [q for q in found[:at] if one_sentence(block, q, quantity) and not q.converted]
    if COMPARED.search(before):
        if near and near[-1].known:
            for old in stated.get((near[-1].subject, _scope(near[-1]), _base(case, before)), []):
                yield as_stated(near[-1]), old
        return
    if len(near) > 1 and near[-1].subject == near[-2].subject and near[-1].known:
        ends = {case.year_of(q): q for q in near[-2:]}
        if set(ends) == {case.years.base, case.years.target}:
            yield as_stated(ends[case.years.target]), as_stated(ends[case.years.base])
    elif quantity.known and not near and case.years.base and case.years.target:
        for new in stated.get((quantity.subject, _scope(quantity), case.years.target), []):
            for old in stated.get((quantity.subject, _scope(quantity), case.years.base), []):
                yield new, old


def _off(quantity: Quantity, new: Stated, old: Stated) -> Fraction:
    sign = 1 if quantity.value.change == "+" else -1
    return sign * (new.value.low - old.value.low) - quantity.value.low


def _steps(quantity: Quantity, new: Stated, old: Stated) -> Fraction:
    return quantity.value.step + new.value.step + old.value.step


def shares(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find shares that are not the figure before them by the whole that they name."""
    stated = stated_figures(case)
    for block in case.text.running():
        found = case.quantities_in(block)
        for at, quantity in enumerate(found):
            match = SHARE_OF.search(block.text[: quantity.span.start])
            if quantity.value.measure != "比" or match is None or not at:
                continue
            part = next(
                (q for q in reversed(found[:at]) if not q.converted and q.value.measure != "比"),
                None,
            )
            if part is None or not one_sentence(block, part, quantity):
                continue
            tried = [
                (whole, part.value.low / whole.value.low)
                for whole in _wholes(case, stated, match["whole"], part)
                if whole.value.measure == part.value.measure and whole.value.low
            ]
            if not tried or any(_shares_fit(quantity, part, *pair) for pair in tried):
                continue
            whole, expected = tried[0]
            result = said(expected, quantity.value)
            yield Found(
                quantity.span,
                f"占比为 {quantity.value.words}，按 {part.value.words} ÷ {told(whole)} 计算为 {result}",
                also=(part.span, whole.span), suggestion="核对占比与面积",
                evidence=f"{part.value.words} ÷ {whole.value.words} = {result}",
            )  # fmt: skip


def _shares_fit(quantity: Quantity, part: Quantity, whole: Stated, expected: Fraction) -> bool:
    share = quantity.value
    steps = (part.value.step + whole.value.step * expected) / whole.value.low
    off = abs(share.low - expected)
    return off <= (share.step + steps) * Fraction(11, 20) or slips(expected, share.low)


def parts(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find parts behind 其中, or within what is named (耕地中梯田), that are larger than what they are a part of."""
    for block in case.text.running():
        found = [
            q
            for q in case.quantities_in(block)
            if not q.converted and q.value.measure not in ("", "比")
        ]
        for at, part in enumerate(found):
            whole = _whole_of(block, found[:at], part)
            if whole is None or part.value.change or part.value.measure != whole.value.measure:
                continue
            over = part.value.low > whole.value.low + part.value.step
            if over and part.value.low < LIKELY * whole.value.low:
                yield Found(
                    part.span,
                    f"{part.subject or '部分'}（{part.value.words}）大于{whole.subject or '整体'}（{whole.value.words}）",
                    also=(whole.span,), suggestion="核对两项数值",
                )  # fmt: skip


def _whole_of(block: Block, before: list[Quantity], part: Quantity) -> Quantity | None:
    """Return what a quantity is a part of, as its sentence words it."""
    start = max(block.text.rfind(c, 0, part.span.start) for c in "。；\n") + 1
    lead = block.text[start : part.span.start]
    if (inner := WITHIN.search(lead)) is not None:
        return next((q for q in reversed(before) if q.subject.startswith(inner["whole"])), None)
    if (match := OF_THEM.search(lead)) is None:
        return None
    place = start + match.start()
    return next((q for q in reversed(before) if q.span.end <= place), None)


def _base(case: Case, before: str) -> int | None:
    match = COMPARED.search(before)
    return int(match["year"]) if match and match["year"] else case.years.base


def _scope(quantity: Quantity) -> str:
    return quantity.qualifier or ("" if quantity.scope.endswith("域") else quantity.scope)


def _wholes(case: Case, stated: Figures, words: str, part: Quantity) -> list[Stated]:
    """Return the figures of what a share is of: in the year of the part first."""
    subject = TOTAL_AREA if AREA.fullmatch(words) else subject_of(words)
    year = None if subject == TOTAL_AREA else case.year_of(part) or case.years.target
    return stated.get((subject, "", year), [])


def counted(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find counts of what comes whole that are no whole number: 0.42人."""
    whole = set(parameters["units"])
    for quantity in case.quantities:
        value = quantity.value
        if value.unit in parameters["never"]:
            yield Found(
                quantity.span,
                f"{value.words}超出地方规划的量级，单位可能有误",
                suggestion="核对单位",
            )
        elif value.unit in whole and value.low.denominator != 1 and value.low < 1000:
            yield Found(
                quantity.span, f"{value.words}不是整数，单位可能有误", suggestion="核对单位",
            )  # fmt: skip


def other_unit(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find figures that stand elsewhere with the same digits and another unit: 286.40平方千米 for 286.40公顷."""
    by_digits: dict[tuple[str, str], list[tuple[Span, Value]]] = defaultdict(list)
    every = [(q.span, q.value) for q in case.quantities]
    every += [(e.quantity.span, e.quantity.value) for e in case.entries if e.role == "value"]
    for span, value in every:
        digits = re.sub(r"\D", "", re.split(r"[^\d.,，０-９．]", value.words)[0])
        if (
            len(digits.strip("0")) >= parameters["digits"]
            and value.measure not in ("", "比", "月")
            and value.unit
        ):
            by_digits[digits, value.measure].append((span, value))
    for stated in by_digits.values():
        worth = Counter(value.low for _, value in stated)
        if len(worth) < 2:
            continue
        usual, most = worth.most_common(1)[0]
        right = next(value for _, value in stated if value.low == usual)
        for span, value in stated:
            if value.low != usual and worth[value.low] < most:
                yield Found(
                    span, f"{value.words}与别处的 {right.words}{'' if right.unit in right.words else right.unit} 数字相同而单位不同",
                    suggestion="核对单位", also=tuple(s for s, v in stated if v.low == usual)[:50],
                )  # fmt: skip


def from_to(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find changes whose two ends are of different units: 由1.12公顷增加到1.86亩."""
    for block in case.text.running():
        for first, second in pairwise(case.quantities_in(block)):
            between = block.text[first.span.end : second.span.start]
            one, other = first.value, second.value
            begun = re.search(r"(?:由|从)[^，。；]{0,12}$", block.text[: first.span.start])
            alike = one.measure == other.measure and one.unit != other.unit
            if begun and alike and FROM_TO.fullmatch(between):
                yield Found(
                    Span(block.number, first.span.start, second.span.end),
                    f"由{one.words}到{other.words}，前后单位不同", suggestion="核对单位",
                )  # fmt: skip
