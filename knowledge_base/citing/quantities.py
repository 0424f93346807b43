"""Numbers with units, shares and dates in Chinese text, in one measure: 三十五公顷 = 525亩 = 0.35平方千米.

Values are exact fractions. Article numbers, document numbers and marks are no quantities; a Chinese
numeral counts only where a unit follows it, so that 一般 and 统一 are words.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

_AREA, _LENGTH, _MONEY, _SHARE = "平方米", "米", "元", "比"
UNITS: dict[str, tuple[Fraction, str]] = {
    "平方公里": (Fraction(1_000_000), _AREA),
    "平方千米": (Fraction(1_000_000), _AREA),
    "km²": (Fraction(1_000_000), _AREA),
    "km2": (Fraction(1_000_000), _AREA),
    "公顷": (Fraction(10_000), _AREA),
    "hm²": (Fraction(10_000), _AREA),
    "hm2": (Fraction(10_000), _AREA),
    "ha": (Fraction(10_000), _AREA),
    "亩": (Fraction(10_000, 15), _AREA),
    "平方米": (Fraction(1), _AREA),
    "平米": (Fraction(1), _AREA),
    "㎡": (Fraction(1), _AREA),
    "m²": (Fraction(1), _AREA),
    "m2": (Fraction(1), _AREA),
    "立方米": (Fraction(1), "立方米"),
    "公里": (Fraction(1000), _LENGTH),
    "千米": (Fraction(1000), _LENGTH),
    "km": (Fraction(1000), _LENGTH),
    "厘米": (Fraction(1, 100), _LENGTH),
    "毫米": (Fraction(1, 1000), _LENGTH),
    "mm": (Fraction(1, 1000), _LENGTH),
    "米": (Fraction(1), _LENGTH),
    "m": (Fraction(1), _LENGTH),
    "元": (Fraction(1), _MONEY),
    "倍": (Fraction(1), "倍"),
    "%": (Fraction(1, 100), _SHARE),
    "‰": (Fraction(1, 1000), _SHARE),
    "个百分点": (Fraction(1), "百分点"),
    "百分点": (Fraction(1), "百分点"),
    "个工作日": (Fraction(1), "工作日"),
    "工作日": (Fraction(1), "工作日"),
    "年": (Fraction(12), "月"),
    "个月": (Fraction(1), "月"),
    "月": (Fraction(1), "月"),
    "日": (Fraction(1), "日"),
    "天": (Fraction(1), "日"),
    "小时": (Fraction(1), "小时"),
    "分钟": (Fraction(1, 60), "小时"),
    "度": (Fraction(1), "度"),
    "°": (Fraction(1), "度"),
    "人": (Fraction(1), "人"),
    "户": (Fraction(1), "户"),
    "吨": (Fraction(1), "吨"),
    "层": (Fraction(1), "层"),
}
"""Unit to its factor and measure. 一年 and 十二个月 are the same; a 工作日 is no 日."""

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
_FOLDED = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_HAN = "零〇一二两三四五六七八九十百千"
_NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?|[{_HAN}]+(?:点[零〇一二三四五六七八九]+)?|半)"
_UNIT = "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
_YEAR = r"(?:[12]\d{3}|[一二][零〇一二三四五六七八九]{3})"
_DATE = re.compile(
    rf"(?P<y>{_YEAR})\s*年(?:\s*(?P<m>\d{{1,2}}|[一二三四五六七八九十]{{1,2}})\s*月"
    r"(?:\s*(?P<d>\d{1,2}|[一二三四五六七八九十]{1,3})\s*日)?)?(?!以[上下内])"
    r"|(?<![\d.])(?P<y2>[12]\d{3})[-/.](?P<m2>\d{1,2})[-/.](?P<d2>\d{1,2})(?![\d.])"
    r"|(?P<m3>\d{1,2}|[一二三四五六七八九十]{1,2})\s*月\s*"
    r"(?P<d3>\d{1,2}|[一二三四五六七八九十]{1,3})\s*日"
)
_SHARED = re.compile(rf"(?P<whole>[{_HAN}]+|\d+|万)分之(?P<part>{_NUMBER})")
_QUANTITY = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<times>[万亿]{{0,2}})\s*(?P<unit>{_UNIT})?")
_TO = re.compile(r"^\s*(?:至|到|—|－|–|-|~|～|或者?|、)\s*$")
_NO_QUANTITY = re.compile(
    r"第\s*(?:[0-9零〇一二两三四五六七八九十百千]+)\s*[条款项目章节编类批届次号期]"
    r"(?:之[一二三四五六七八九十]+)?|条之[一二三四五六七八九十]+"
    r"|[〔\[]\s*\d+\s*[〕\]](?:\s*\d+\s*号)?|\d+\s*号"
    r"|[A-Z]{2,}(?:/[A-Z])?\s*\d[\d.]*(?:[-—–]\d{4})?|《[^《》]*》"
)


@dataclass(frozen=True)
class Quantity:
    """A value in its measure, as the text words it."""

    words: str
    value: Fraction
    """In the measure: 三十五公顷 is 350000 平方米."""
    measure: str
    """平方米, 月, 比 (a share), 日期 (ordinal-like, see `find_quantities`), or "" without a unit."""
    bare: Fraction
    """The number as written, before its unit."""


def find_quantities(text: str) -> list[Quantity]:
    """Return the quantities and dates of a text in order.

    A date's value is year × 10000 + month × 100 + day; what it leaves open is 0.
    """
    folded = _NO_QUANTITY.sub(lambda m: " " * len(m[0]), text.translate(_FOLDED))
    found: list[tuple[int, int, Quantity]] = []
    for pattern, read in ((_DATE, _date), (_SHARED, _share), (_QUANTITY, _quantity)):
        for match in pattern.finditer(folded):
            quantity = read(match)
            if quantity is not None:
                found.append((match.start(), match.end(), quantity))
        for start, end, _ in found:
            folded = folded[:start] + " " * (end - start) + folded[end:]
    found.sort(key=lambda item: item[0])
    return _with_units(text.translate(_FOLDED), found)


def _with_units(text: str, found: list[tuple[int, int, Quantity]]) -> list[Quantity]:
    """Give the first number of a range the unit of the second: 三至五年; drop numerals that are words."""
    result: list[Quantity] = []
    following: tuple[int, Quantity] | None = None
    for start, end, quantity in reversed(found):
        if not quantity.measure and following is not None:
            begins, other = following
            if _TO.match(text[end:begins]) and other.measure not in ("", "日期"):
                factor = other.value / other.bare if other.bare else Fraction(1)
                value = quantity.bare * factor
                quantity = Quantity(quantity.words, value, other.measure, quantity.bare)
        if quantity.measure or quantity.words[0].isdigit():
            result.append(quantity)
            following = (start, quantity)
    return result[::-1]


def unsupported(claim: str, grounds: str) -> tuple[str, ...]:
    """Return the quantities and dates of a claim that its grounds do not state, as worded.

    A number without a unit is supported by the same number of any unit; a date also by a fuller one.
    """
    held = find_quantities(grounds)
    return tuple(
        dict.fromkeys(q.words for q in find_quantities(claim) if not any(_same(q, h) for h in held))
    )


def _same(claimed: Quantity, held: Quantity) -> bool:
    if not claimed.measure:
        return claimed.bare == held.bare
    if claimed.measure != held.measure:
        return False
    if claimed.measure != "日期":
        return claimed.value == held.value
    if claimed.value < 10_000:  # month and day without a year
        return claimed.value == held.value % 10_000
    for size in (1, 100, 10_000):  # day, month or year is the finest that is claimed
        if claimed.value % (size * 100) or size == 10_000:
            return claimed.value // size == held.value // size
    return False


def _date(match: re.Match[str]) -> Quantity | None:
    year = _digits(match["y"] or match["y2"] or "0")
    month = number(match["m"] or match["m2"] or match["m3"] or "0")
    day = number(match["d"] or match["d2"] or match["d3"] or "0")
    if year is None or month is None or day is None or month > 12 or day > 31:
        return None
    value = year * 10_000 + month * 100 + day
    return Quantity(match[0].strip(), value, "日期", value)


def _share(match: re.Match[str]) -> Quantity | None:
    whole = Fraction(10_000) if match["whole"] == "万" else number(match["whole"])
    part = number(match["part"])
    if not whole or part is None:
        return None
    return Quantity(match[0], part / whole, _SHARE, part)


def _quantity(match: re.Match[str]) -> Quantity | None:
    bare = number(match["number"])
    if bare is None:
        return None
    for sign in match["times"]:
        bare *= {"万": 10_000, "亿": 100_000_000}[sign]
    if match["unit"] is None:
        return Quantity(match[0].strip(), bare, "", bare)
    factor, measure = UNITS[match["unit"]]
    return Quantity(match[0].strip(), bare * factor, measure, bare)


def number(text: str) -> Fraction | None:
    """Return the value of 35, 1,200.5, 三十五, 一百零八, 零点五, 两 or 半; None for no number."""
    if text == "半":
        return Fraction(1, 2)
    if text[:1].isdigit() and text[:1].isascii():
        return Fraction(text.replace(",", ""))
    whole, point, decimals = text.partition("点")
    if not any(c in _TENS for c in whole):
        value = _digits(whole)
    else:
        total, digit = 0, None
        for sign in whole:
            if sign in _TENS:
                total += (1 if digit in (None, 0) else digit or 1) * _TENS[sign]
                digit = None
            elif sign in _DIGITS:
                digit = _DIGITS[sign]
            else:
                return None
        value = Fraction(total + (digit or 0))
    if value is None:
        return None
    if point:
        tail = _digits(decimals)
        if tail is None:
            return None
        value += tail / 10 ** len(decimals)
    return value


def _digits(text: str) -> Fraction | None:
    if text.isascii():
        return Fraction(text) if text.isdigit() else None
    if not text or any(c not in _DIGITS for c in text):
        return None
    return Fraction(int("".join(str(_DIGITS[c]) for c in text)))
