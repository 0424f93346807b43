"""Quantities in a question: areas, distances, minutes, degrees, years, Arabic or Chinese.

Knows numbers and units. Does not know which argument a number is for.
"""

import re
from collections.abc import Iterator

from agents.assistant.numbers import chinese_number
from cspon.schemas.base import Frozen
from tools.geometry.area import MU_PER_HA

DIGITS = "零〇一二两三四五六七八九"
NUMBER = rf"(?:\d+(?:,\d{{3}})*(?:\.\d+)?|[{DIGITS}十百千]+)万?|半"
LINK = r"(?:[—–\-~～至到]+)"
UNITS = {
    "area_ha": {
        "平方公里": 100.0, "平方千米": 100.0, "km²": 100.0, "km2": 100.0, "公顷": 1.0, "ha": 1.0,
        "亩": 1.0 / MU_PER_HA, "平方米": 1e-4, "平米": 1e-4, "m²": 1e-4, "㎡": 1e-4,
    },
    "metres": {"千米": 1000.0, "公里": 1000.0, "km": 1000.0, "米": 1.0, "m": 1.0},
    "minutes": {"分钟": 1.0, "小时": 60.0, "刻钟": 15.0},
    "degrees": {"度": 1.0, "°": 1.0},
}  # fmt: skip
"""Factor of each unit to the one of the dimension's name."""
AT_LEAST = re.compile(r"(?:不小于|不少于|不低于|至少|(?<!不)(?:大于|超过)|≥|>=)$")
AT_MOST = re.compile(r"(?:不大于|不超过|不高于|(?<!不)(?:小于|少于|低于)|至多|最多|≤|<=)$")
OR_MORE = re.compile(r"^(?:及?以上|以外|之外|外|起)")
OR_LESS = re.compile(r"^(?:及?以[内下]|之内|范围内|内|以里)")
ABOUT = re.compile(r"^(?:左右|上下|大小)")


class Quantity(Frozen):
    """A quantity and where it stands."""

    low: float
    high: float | None = None
    """Of a range, 15—40."""
    sense: str = ""
    """at_least, at_most, about, or empty."""
    start: int
    end: int


def quantities(text: str, dimension: str) -> Iterator[Quantity]:
    """Yield the quantities of a dimension of `UNITS`, in its own unit, in the order of the text."""
    units = UNITS[dimension]
    names = "|".join(re.escape(u) for u in sorted(units, key=len, reverse=True))
    one = re.compile(
        rf"({NUMBER})\s*(?:({names})?\s*{LINK}\s*({NUMBER})\s*)?({names})(?![a-zA-Z²2])"
    )
    for match in one.finditer(text):
        unit = match.group(4)
        first = number(match.group(1))
        if first is None or _other_dimension(text, match.end(4), unit):
            continue
        second = number(match.group(3)) if match.group(3) else None
        low = first * units[match.group(2) or unit]
        high = None if second is None else second * units[unit]
        before, after = text[: match.start()], text[match.end() :]
        if high is not None and high <= low:
            high = None
        yield Quantity(
            low=round(low, 6),
            high=None if high is None else round(high, 6),
            sense=_sense(before.rstrip(), after.lstrip()),
            start=match.start(),
            end=match.end(),
        )


def _other_dimension(text: str, end: int, unit: str) -> bool:
    """15 度 is an angle and 年度 is not; 3 米 is a length and 3 米² is not."""
    return unit == "度" and text[end : end + 1] in ("假", "电")


def _sense(before: str, after: str) -> str:
    if AT_MOST.search(before) or OR_LESS.match(after):
        return "at_most"
    if AT_LEAST.search(before) or OR_MORE.match(after):
        return "at_least"
    return "about" if ABOUT.match(after) or re.search(r"(?:约|大概|大约)$", before) else ""


def number(text: str) -> float | None:
    """Read 1,200、三十、1.5万、半; None when it is not a number."""
    if text == "半":
        return 0.5
    factor = 1.0
    if text.endswith("万"):
        text, factor = text[:-1], 10_000.0
    if re.fullmatch(r"\d[\d,]*(?:\.\d+)?", text):
        return float(text.replace(",", "")) * factor
    value = chinese_number(text)
    return None if value is None else value * factor


YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)\s*年")
CHINESE_YEAR = re.compile(r"([一二][零〇九][零〇一二三四五六七八九]{2})年")
RELATIVE = {"去年": -1, "上年": -1, "前年": -2}
"""今年 is left to the data: their last year."""


def years(text: str, this_year: int) -> list[int]:
    """List the years that a text names, 2025 年, 二〇二五年 or 去年, in their order."""
    found = [(m.start(), int(m.group(1))) for m in YEAR.finditer(text)]
    for match in CHINESE_YEAR.finditer(text):
        digits = "".join(str("零一二三四五六七八九".index(c.replace("〇", "零"))) for c in match[1])
        found.append((match.start(), int(digits)))
    for word, offset in RELATIVE.items():
        found += [(m.start(), this_year + offset) for m in re.finditer(word, text)]
    return [year for _, year in sorted(found)]
