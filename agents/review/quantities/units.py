"""Units of planning text and tables, each with its factor and what it measures.

Those of `knowledge_base.citing.quantities`, and what plans need beyond: counts, facilities, ratios of
two units. 公里 may stand for 平方公里 nowhere; 度 of latitude and the 度 of electricity are not told apart.
"""

import re
from fractions import Fraction

from knowledge_base.citing.quantities import UNITS as CITED

COUNTS = [
    "人次",
    "人",
    "户",
    "处",
    "个",
    "座",
    "所",
    "张",
    "床",
    "辆",
    "班",
    "套",
    "栋",
    "幢",
    "台",
    "条",
    "株",
    "棵",
    "家",
    "项",
    "宗",
    "片",
    "组",
    "头",
    "只",
    "艘",
    "站",
    "村",
    "镇",
    "乡",
    "类",
    "级",
    "级别",
    "次",
    "件",
    "期",
    "枚",
    "泊位",
    "车位",
    "席",
    "间",
    "支",
    "对",
    "根",
    "口",
    "眼",
    "千人",
    "课时",
    "标段",
    "地块",
    "图斑",
]
ONE = Fraction(1)
_OWN: dict[str, tuple[Fraction, str]] = {
    **{unit: (ONE, unit) for unit in COUNTS},
    "张": (ONE, "床"), "千人": (Fraction(1000), "人"),
    "立方千米": (Fraction(10**9), "立方米"), "立方": (ONE, "立方米"), "m³": (ONE, "立方米"),
    "m3": (ONE, "立方米"), "方": (ONE, "立方米"),
    "千瓦时": (ONE, "千瓦时"), "千瓦": (ONE, "千瓦"), "kW": (ONE, "千瓦"), "兆瓦": (Fraction(1000), "千瓦"),
    "MW": (Fraction(1000), "千瓦"), "千伏安": (ONE, "千伏安"), "kVA": (ONE, "千伏安"),
    "兆伏安": (Fraction(1000), "千伏安"), "MVA": (Fraction(1000), "千伏安"), "千伏": (ONE, "千伏"),
    "kV": (ONE, "千伏"), "KV": (ONE, "千伏"), "吨": (ONE, "吨"), "t": (ONE, "吨"), "公斤": (Fraction(1, 1000), "吨"),
    "升": (Fraction(1, 1000), "立方米"), "L": (Fraction(1, 1000), "立方米"), "℃": (ONE, "摄氏度"),
    "摄氏度": (ONE, "摄氏度"), "分贝": (ONE, "分贝"), "分": (Fraction(1, 60), "小时"),
    "分钟": (Fraction(1, 60), "小时"), "公倾": (Fraction(10_000), "平方米"), "周岁": (ONE, "岁"), "岁": (ONE, "岁"),
    "％": (Fraction(1, 100), "比"), "pct": (Fraction(1, 100), "比"),
}  # fmt: skip
UNITS: dict[str, tuple[Fraction, str]] = {**CITED, **_OWN}
"""Unit to factor and measure."""
PER = re.compile(r"\s*(?:/|／|每|·)\s*")
_AFTER = sorted((*UNITS, "万元", "万人", "千人", "日", "d", "万"), key=len, reverse=True)
UNIT = (
    rf"(?:{'|'.join(map(re.escape, sorted(UNITS, key=len, reverse=True)))})"
    rf"(?:\s*[/／·]\s*(?:{'|'.join(map(re.escape, _AFTER))}))*"
)
"""Pattern of a unit, such as 公顷 or 人/平方公里."""
_SCALE = {"百": 100, "千": 1000, "万": 10_000, "亿": 10**8, "百万": 10**6, "千万": 10**7}


def unit_of(text: str) -> tuple[Fraction, str] | None:
    """Return factor and measure of a unit: 万亩 is 20,000,000/3 平方米; None for what is none.

    A ratio has the measures of its parts: 人/平方公里 is 1/1000000 人/平方米.
    """
    text = text.strip().replace("／", "/")
    parts = [part for part in re.split(r"[/·]", text) if part]
    if not parts:
        return None
    factor, names = ONE, []
    for number, part in enumerate(parts):
        one = _single(part.strip())
        if one is None:
            return None
        factor = factor * one[0] if number == 0 else factor / one[0]
        names.append(one[1])
    return factor, "/".join(names)


def _single(text: str) -> tuple[Fraction, str] | None:
    if text in UNITS:
        return UNITS[text]
    if text == "d":
        return ONE, "日"
    for scale in sorted(_SCALE, key=len, reverse=True):
        if text.startswith(scale):
            rest = _single(text[len(scale) :]) if text != scale else (ONE, "")
            return None if rest is None else (_SCALE[scale] * rest[0], rest[1])
    return None
