"""Numbers of a workbook as Excel shows them: digits, separators, percent, and the words of the format.

Formats with fractions, exponents or scaling commas are not applied: the number is told whole.
"""

import re
from datetime import date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

_PLAIN = re.compile(r"\[[^\]]*\]|_.|\*.")
"""Colours, conditions, gaps and fillers, which show no words."""
_LITERAL = re.compile(r'"([^"]*)"|\\(.)')
_NUMBER = re.compile(r"(?P<whole>[#0?,]*[#0?])(?:\.(?P<digits>[#0?]*))?|\.(?P<only>[#0?]+)")
MOST_DIGITS = 15
GENERAL = 10
"""Digits that a cell without a format shows."""


def displayed(value: Any, number_format: str) -> str:
    """Return the value of a cell as a reader sees it.

    Args:
        value: As openpyxl gives it.
        number_format: Of the cell, such as `#,##0.00` or `0.0%`.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        return _number(value, number_format)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value).strip()


def _number(value: int | float, number_format: str) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    exact = Decimal(f"{value:.{MOST_DIGITS}g}")
    section = _PLAIN.sub("", number_format.split(";")[0])
    words = [(m.start(), m[1] if m[1] is not None else m[2]) for m in _LITERAL.finditer(section)]
    bare = _LITERAL.sub(lambda m: "\0" * len(m[0]), section)
    match = _NUMBER.search(bare)
    rest = bare[: match.start()] + bare[match.end() :] if match else ""
    odd = re.search(r"[#0?/Ee!,.]", rest) is not None
    if match is None or odd or (match["whole"] or "").endswith(","):
        return f"{exact:.{GENERAL}g}" if "%" not in bare else f"{_told(exact * 100, 0, 8, False)}%"
    percent = "%" in bare
    digits = match["digits"] or match["only"] or ""
    text = _told(
        exact * 100 if percent else exact,
        digits.rstrip("#").count("0") + digits.rstrip("#").count("?"),
        len(digits),
        "," in (match["whole"] or ""),
    )
    before = "".join(word for at, word in words if at < match.start())
    after = "".join(word for at, word in words if at >= match.end())
    return f"{before}{text}{'%' if percent else ''}{after}".strip()


def _told(number: Decimal, least: int, most: int, grouped: bool) -> str:
    rounded = number.quantize(Decimal(1).scaleb(-most), rounding=ROUND_HALF_UP)
    text = f"{rounded:,f}" if grouped else f"{rounded:f}"
    whole, point, digits = text.partition(".")
    while len(digits) > least and digits.endswith("0"):
        digits = digits[:-1]
    bare = f"{whole}{point}{digits}".rstrip(".")
    return bare.removeprefix("-") if not rounded else bare
