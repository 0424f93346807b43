"""Findings of one sort in most rows of a table: one cause, told once."""

from dataclasses import replace

from agents.review.check import Found
from cspon.schemas.review import Severity

FEWEST = 3
"""Fewer findings are told one by one, however few were compared."""


def together(found: list[Found], compared: int, what: str) -> list[Found]:
    """Return findings as they are, or as one where more than half of what was compared is off.

    Then not single figures are wrong, but the way of counting, the unit or the version of the data.

    Args:
        found: Findings of one sort.
        compared: How many figures of this sort were compared.
        what: What they are of.
    """
    if len(found) < FEWEST or 2 * len(found) <= compared:
        return found
    first, *others = found
    return [
        replace(
            first,
            message=f"{what}比较了 {compared} 处，{len(found)} 处与数据库不符，如：{first.message}",
            also=(*first.also, *(f.span for f in others if f.span is not None)),
            suggestion="核对统计口径、单位和数据库版本是否与文本一致",
            severity=Severity.GENERAL,
        )
    ]
