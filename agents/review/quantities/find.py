"""Numbers with units in a sentence: value or range, bound, change, and how exactly they are stated.

Article and document numbers, standards, table and road numbers, dates and terms such as 三条控制线 are
no quantities.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

from agents.review.quantities.units import UNIT, unit_of
from knowledge_base.citing.quantities import number

_FOLDED = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_HAN = "零〇一二两三四五六七八九十百千"
_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_NUMBER = rf"(?:[-−](?=\d))?(?:{_DIGITS}|[{_HAN}]+(?:点[零〇一二三四五六七八九]+)?)"
_TO = r"\s*(?:[-—–－~～]{1,2}|至|到)\s*"
_SCALE = r"\s*[百千]?[万亿]{0,2}"
QUANTITY = re.compile(
    rf"(?P<low>{_NUMBER})(?P<scale1>[万亿]{{0,2}})\s*(?P<unit1>{UNIT})?"
    rf"(?:{_TO}(?P<high>{_NUMBER}))?"
    rf"(?P<scale>{_SCALE})\s*(?P<more>余|多)?\s*(?P<unit>{UNIT})?"
)
_SHARE = re.compile(
    rf"(?P<whole>百|千|万|[{_HAN}]+|\d+)分之(?P<part>{_NUMBER})(?:{_TO}(?:百分之)?(?P<part2>{_NUMBER}))?"
)
_RATIO = re.compile(r"(?<![\d:.])(\d+(?:\.\d+)?)\s*[:∶：]\s*(\d+(?:\.\d+)?)(?![\d:])")
_NONE = re.compile(
    r"第\s*(?:[0-9零〇一二两三四五六七八九十百千]+)\s*[条款项目章节编类批届次号期部分卷]*"
    r"|[〔\[【（(]\s*(?:19|20)\d\d\s*[〕\]】）)]\s*(?:第?\s*\d+\s*号)?|令\s*(?:第\s*)?\d+\s*号|\d+\s*号(?!线)"
    r"|(?:GB|TD|CJJ|CJ|HJ|SL|DB\d*|JGJ|JTG|NY|LY|TB|T)(?:\s*[/／]\s*[TZ])?\s*[A-Z]?\s*\d[\d.]*(?:\s*[-—–]+\s*\d{4})?"
    r"|《[^《》]*》|(?:附?[表图]|公式)\s*[A-Z]?\s*\d+(?:\s*[-—–.]\s*\d+)*"
    r"|(?<![A-Za-z\d])[GSXYZKA]\s?\d{1,4}(?:\+\d+)?(?!\s*(?:公顷|亩|平方|千伏|kV|米|万))"
    r"|[（(]\s*(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s*[）)]|^\s*\d+(?:\.\d+)+(?=\s*[^\d.%％\s公万亿亩平个人元米])"
    r"|(?:19|20)\d\d\s*(?:年\s*)?(?:[-—–~～]{1,2}|至|到)\s*(?:19|20)\d\d\s*年?"
    r"|(?:19|20)\d\d\s*年(?:\s*\d{1,2}\s*月)?(?:\s*\d{1,2}\s*日)?|(?:19|20)\d\d(?=\s*(?:版|国家|坐标))"
    r"|[一二][零〇一二三四五六七八九]{3}年|\d{1,2}\s*月\s*\d{1,2}\s*日|“?十[三四五六七]五”?"
    r"|三条控制线|三区三线|三线|三区|三调|二调|一张图|一张底图|一户一宅|一书三证|一[轴核廊屏带心环]|[二两三四五六七八九]"
    r"(?:轴|核|廊|屏|带|心|环|横|纵|翼|片区格局)|一二三产|一体|一般|一定|统一|唯一|进一步|一律|一并|一致|一期|二期|三期|"
    r"(?<!\d)[一二三四五](?:级|类|等|是|要)(?![^，。；、]{0,2}\d)|千家万户|万一|百年|千年|四至|双评价|一级|二级|三级|5G|4G|3D"
)
_ENDLESS = re.compile(rf"[\d,.:∶：{_HAN}]{{40,}}")
"""A run of figures that no text means as a number, nor could be computed with."""
_AT_LEAST = re.compile(
    r"(?:不(?:得|应|宜|能)?(?:低于|少于|小于)|至少|≥|>=|大于(?:或)?等于|最低(?:为|达)?|下限为)[\s约]*$"
)
_AT_MOST = re.compile(
    r"(?:不(?:得|应|宜|能)?(?:高于|超过|大于|突破|超出|多于)|≤|<=|小于(?:或)?等于|最[多高大](?:为|不超过)?|至多|上限为)[\s约]*$"
)
_MORE = re.compile(r"(?<!不)(?:大于|超过|高于|多于|突破|>)[\s约]*$")
_LESS = re.compile(r"(?<!不)(?:小于|低于|少于|不足|不到|<)[\s约]*$")
_WITHIN = re.compile(r"控制(?:在|为|到|至)[\s约]*$")
_ABOUT = re.compile(r"(?:约为?|大约|近|接近|大致|大体|预计约)\s*$")
_OR_MORE = re.compile(r"^\s*(?:\(含\))?(?:及|或)?以上")
_OR_LESS = re.compile(r"^\s*(?:\(含\))?(?:(?:及|或)?以[内下]|之内|范围(?:以|之)?内)")
_ROUGHLY = re.compile(r"^\s*(?:左右|上下)")
_UP = "净增加|增加|增长|提高|提升|上升|扩大|新增|净增|增至|调增|升高|多出"
_DOWN = "净减少|减少|下降|降低|缩减|减小|减|净减|调减|核减|降|缩小|退出"
_CHANGE = re.compile(
    rf"(?P<verb>{_UP}|{_DOWN})(?P<to>到|至|为)?(?:了|约|近|幅度为)?\s*(?P<noun>[一-鿿]{{0,10}}?)\s*$"
)
_COMPARED = re.compile(r"(?:较|比|相比|相较于?)[^，。；]{0,20}$")


@dataclass(frozen=True, slots=True)
class Value:
    """A number as a sentence states it."""

    start: int
    end: int
    words: str
    low: Fraction
    high: Fraction
    """In the measure, equal where it is no range."""
    unit: str
    """As written, such as 万亩; empty without one."""
    measure: str
    bound: str
    """`=`, `>=`, `<=`, `>`, `<`."""
    change: str
    """`+` or `-` where it says by how much something changes, else empty."""
    about: bool
    step: Fraction
    """Worth of the last digit written, in the measure: 12.5万亩 is exact to 0.1万亩."""


def find_values(text: str) -> list[Value]:
    """Return the numbers of a text in order."""
    folded = text.translate(_FOLDED)
    masked = _NONE.sub(_blank, _ENDLESS.sub(_blank, folded))
    found: list[Value] = []
    for pattern, made in ((_SHARE, _share), (_RATIO, _ratio), (QUANTITY, _quantity)):
        values = [v for m in pattern.finditer(masked) if (v := made(m, folded)) is not None]
        masked = _without(masked, values)
        found += values
    return sorted(found, key=lambda value: value.start)


def bound_start(text: str, value: Value) -> int:
    """Return where the words that bound a number begin: 不低于 of 不低于12公顷; its own start without any."""
    before = text[: value.start].translate(_FOLDED)
    found = [m for p in (_AT_LEAST, _AT_MOST, _MORE, _LESS) if (m := p.search(before)) is not None]
    return min((m.start() for m in found), default=value.start)


def _blank(match: re.Match[str]) -> str:
    return "\x00" * len(match[0])


def _without(masked: str, values: list[Value]) -> str:
    """Return a text with the places of values blanked."""
    parts: list[str] = []
    at = 0
    for value in values:
        parts += [masked[at : value.start], "\x00" * (value.end - value.start)]
        at = value.end
    return "".join([*parts, masked[at:]])


def _share(match: re.Match[str], text: str) -> Value | None:
    names = {"百": 100, "千": 1000, "万": 10_000}
    whole = names.get(match["whole"]) or number(match["whole"])
    low, high = number(match["part"]), number(match["part2"] or match["part"])
    if not whole or low is None or high is None:
        return None
    return _value(
        match.start(), match.end(), text, low / whole, high / whole, "", "比", Fraction(1) / whole
    )


def _ratio(match: re.Match[str], text: str) -> Value | None:
    second = Fraction(match[2])
    if not second:
        return None
    ratio = Fraction(match[1]) / second
    return _value(match.start(), match.end(), text, ratio, ratio, ":", "比值", Fraction(0))


def _quantity(match: re.Match[str], text: str) -> Value | None:
    low_words, high_words = match["low"], match["high"] or match["low"]
    low, high = _number(low_words), _number(high_words)
    if low is None or high is None:
        return None
    scale, unit = match["scale"].strip(), match["unit"] or ""
    end = match.end()
    if match["high"] is None:
        scale, unit = match["scale1"] + scale, unit or match["unit1"] or ""
    known = unit_of(unit) if unit else None
    worded = not low_words.lstrip("-−")[0].isdigit()
    if worded and known is None:
        return None
    factor, measure = known or (Fraction(1), "")
    times = Fraction(1)
    for sign in scale:
        times *= {"百": 100, "千": 1000, "万": 10_000, "亿": 10**8}.get(sign, 1)
    first = times * factor
    if match["high"] is not None and (match["scale1"] or match["unit1"]):
        first = Fraction(1)
        for sign in match["scale1"]:
            first *= {"万": 10_000, "亿": 10**8}[sign]
        own = unit_of(match["unit1"]) if match["unit1"] else known
        first *= own[0] if own else 1
    if high * times * factor < low * first and match["high"] is not None:
        return None
    decimals = len(low_words.partition(".")[2])
    step = first / 10**decimals
    while end > match.start() and text[end - 1] == " ":
        end -= 1
    return _value(
        match.start(), end, text, low * first, high * times * factor, scale + unit, measure, step,
        more=bool(match["more"]),
    )  # fmt: skip


def _number(words: str) -> Fraction | None:
    negative = words[0] in "-−"
    value = number(words[1:] if negative else words)
    return None if value is None else -value if negative else value


def _value(
    start: int, end: int, text: str, low: Fraction, high: Fraction, unit: str, measure: str, step: Fraction,
    *, more: bool = False,
) -> Value:  # fmt: skip
    before, after = text[max(0, start - 24) : start], text[end : end + 8]
    change = _changed(before)
    about = bool(_ABOUT.search(before) or _ROUGHLY.match(after) or more)
    return Value(
        start,
        end,
        text[start:end],
        low,
        high,
        unit,
        measure,
        _bound(before, after),
        change,
        about,
        step,
    )


def _bound(before: str, after: str) -> str:
    if _AT_LEAST.search(before) or _OR_MORE.match(after):
        return ">="
    if _AT_MOST.search(before) or _OR_LESS.match(after):
        return "<="
    if _MORE.search(before):
        return ">"
    if _LESS.search(before):
        return "<"
    return "="


def _changed(before: str) -> str:
    clause = re.split(r"[，。；：、（）,;:()\x00]", before)[-1]
    match = _CHANGE.search(clause)
    if match is None or match["to"] or match["verb"].endswith("至"):
        return ""
    if match["noun"] and (match["verb"] == "新增" or not _COMPARED.search(clause[: match.start()])):
        return ""
    return "+" if re.fullmatch(_UP, match["verb"]) else "-"
