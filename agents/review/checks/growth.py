"""Growth of towns against the factor that a plan states for it."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.stated import Stated, slips, stated_figures, told

BOUNDARY = "城镇开发边界面积"


def expansion(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find a factor of expansion that no figures of the text give, or that they exceed where it is a limit.

    The factor is the area within the boundary, or planned urban land, by the urban land of the base
    year; plans differ in which, so that either makes it right.
    """
    stated = stated_figures(case)

    def figures(subject: str, year: int | None) -> list[Stated]:
        return stated.get((subject, "", year), [])

    base, target = case.years.base, case.years.target
    olds = figures("城镇建设用地面积", base)
    news = [*figures(BOUNDARY, target), *figures("城镇建设用地面积", target)]
    if not olds or not news or not olds[0].value.low:
        return
    old = olds[0]
    for quantity in case.quantities:
        value = quantity.value
        if quantity.subject != "城镇开发边界扩展倍数" or value.measure not in ("倍", ""):
            continue
        near = [Stated(q.span, q.value, q.subject, "text") for q in case.quantities
                if q.span.block == quantity.span.block and q.subject == BOUNDARY and q.value.measure == "平方米"]  # fmt: skip
        ratios = [(new, new.value.low / old.value.low) for new in (*near, *news)]
        slack = value.step * Fraction(6, 10) + Fraction(1, 1000)
        limit = value.bound in ("<=", "<")
        if any(
            r <= value.high + slack if limit else abs(r - value.low) <= slack for _, r in ratios
        ):
            continue
        if any(slips(ratio, value.low) for _, ratio in ratios):
            continue
        new, ratio = min(ratios, key=lambda pair: abs(pair[1] - value.low))
        yield Found(
            quantity.span,
            f"{told(new)} 是现状城镇建设用地（{told(old)}）的 {float(ratio):.3f} 倍，与扩展倍数 {value.words} 不符",
            also=(old.span, new.span),
            evidence=f"{new.value.words} ÷ {old.value.words} = {float(ratio):.3f}",
            suggestion="核对城镇开发边界、城镇建设用地与扩展倍数",
        )  # fmt: skip
