"""From words to what a 双评价 is asked for: parts, places, single factors, scenarios, sensitivity.

Knows wording only; whether a place exists beyond the names of towns is for the tool to say.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.assistant.numbers import chinese_number

PARTS = {
    "urban": r"城镇(?!开发边界)|建设适宜|适[宜合](搞|进行)?(城镇)?(建设|开发)|建设用地适宜|不?适宜建设|宜建|(适[宜合]|能)(盖房|建房|建城|建新区)|发展空间",
    "agriculture": r"农业|耕地适宜|耕作|种植|种粮|种地|宜耕|宜农|粮食生产|开垦",
    "ecology": r"生态|水源涵养|水土保持|水土流失|石漠化|沙化|防风固沙|生物多样性|海岸(防护|侵蚀)|极?重要区|敏感性(?!分析)|脆弱性",
    "carrying": r"承载",
}
"""Wording of the parts; a question that names none asks for all of them."""
TITLES = {
    "urban": "城镇建设适宜性", "agriculture": "农业生产适宜性", "ecology": "生态保护重要性",
    "carrying": "承载规模",
}  # fmt: skip
WHOLE = r"双评价|资源环境承载能力和|国土空间开发适宜性"
"""With it all parts are asked for, where no place or factor narrows it down."""
FACTORS = {
    "water_conservation": r"水源涵养",
    "soil_conservation": r"水土保持",
    "sand_fixation": r"防风固沙",
    "biodiversity": r"生物多样性",
    "coast_protection": r"海岸防护",
    "water_erosion": r"水土流失",
    "rocky_desertification": r"石漠化",
    "wind_erosion": r"(?<!石漠)沙化|荒漠化",
    "coast_erosion": r"海岸侵蚀",
}
"""Wording of single steps of the ecological evaluation."""
SIDES = "(?:东北|东南|西南|西北|东|南|西|北)"
END = "(?:部|边|面|侧|郊|片区|方向)"
NAMED_SIDE = re.compile(
    rf"(?:中心城区|主城区|县城|城区|市区|城)的?{SIDES}(?:{END})?"
    rf"|(?:全县|本县|我们?县|县域|县境|县)的?{SIDES}{END}"
    r"|中心城区|主城区|(?<!本)县城|城里"
)
LONE_SIDE = re.compile(rf"{SIDES}{END}(?!门|办|委)")
POINT = re.compile(
    r"(?:东经)?(?<![\d.])(\d{2,8}(?:\.\d+)?)[°度]?[EN]?\s*[,，、;； ]?\s*(?:北纬)?(\d{2,8}(?:\.\d+)?)[°度]?N?(?![\d.年%％])"
)
COORDINATE = re.compile(r"坐标|东经|经纬度|点位|[°]")
GRADE = r"(?:很|最|较|比较|更|都|全|大多|基本|不|也|那么|这么|会|是|能|被|评为|评成|划为|属于|为)*"
WHY = re.compile(
    rf"为(?:什么|何|啥)(.{{0,16}}?)(?:的(?:土地|地方|地))?{GRADE}"
    r"(?:适[宜合]|极?重要|一般|宜|能|可以|评价|得分|等级)"
)
BEFORE_WHY = re.compile(r"([^，。？！、]{1,14}?)(?:的(?:土地|地方|地))?为(?:什么|何|啥)")
REASON = re.compile(r"([^，。？！]{1,14}?)(?:的)?(?:不?适[宜合]|极?重要)的?(?:原因|理由|限制因素)")
AMOUNT = re.compile(r"\d[\d,.]*(?:公顷|亩|万亩|平方公里|平方千米|公里|千米|米|年|月|%|％)?")
KNOWN = "城东、城南、城西、城北、县域北部等方位，或坐标“x,y”"
"""Places beside the towns that are understood."""
NO_PLACE = re.compile(
    r"请|帮我?|评价|分析|解释|说明|一下|并|和|与|及|的|了|在|是|我们?|本|全|县|域|市|区|辖区|城镇|建设|开发"
    r"|农业|生产|耕地|用地|生态|保护|土地|地方|地块|地区|区域|范围|这里|那里|这些|那些|哪些|有些|部分|大部分|还|有|个"
    r"|国土空间|适[宜合]性?|重要性|承载|规模|能力|资源环境|结果|它|为什么|也|都|会|不|很多|多数|少|面积|按|用|版|20\d\d年?|做|一次"
)
"""What may stand where a place could and names none."""


@dataclass(frozen=True)
class Places:
    """Places that were read."""

    names: tuple[str, ...] = ()
    spoken: tuple[str, ...] = ()
    """As they stand in the words."""
    unknown: str = ""
    """A word that stands for a place and is none that is known."""


def parts_of(text: str) -> tuple[str, ...]:
    """Read the parts; empty: all."""
    found = tuple(part for part, pattern in PARTS.items() if re.search(pattern, text))
    whole = re.search(WHOLE, text) is not None
    if "carrying" in found and not whole and not re.search("适[宜合]|生态", text):
        return ("carrying",)
    if whole and not _narrowed(text):
        return ()
    if whole:
        found = tuple(p for p in found if p != "carrying" or re.search("承载规模", text))
    return tuple(p for p in ("ecology", "agriculture", "urban", "carrying") if p in found)


def _narrowed(text: str) -> bool:
    return re.search(r"为(什么|何|啥)|只(做|评价|要)|原因", text) is not None


def needs_one(text: str, units: Sequence[str]) -> bool:
    """Whether one evaluation must be meant though none is named: a place or thresholds are asked about."""
    if re.search(WHOLE, text):
        return False
    return SENSITIVITY.search(text) is not None or bool(places_of(text, units).names)


def factors_of(text: str) -> tuple[str, ...]:
    """Read single steps of the ecological evaluation."""
    return tuple(name for name, pattern in FACTORS.items() if re.search(pattern, text))


def places_of(text: str, units: Sequence[str]) -> Places:
    """Read the places that are to be explained.

    Args:
        text: The words, without blanks.
        units: Names of towns, the longest first.
    """
    found: list[tuple[int, str]] = []
    spoken: list[str] = []
    rest = text
    if COORDINATE.search(text) or re.search(r"\d{6}", text):
        for hit in POINT.finditer(text):
            found.append((hit.start(), f"{hit[1]},{hit[2]}"))
            spoken.append(hit.group())
            rest = _blank(rest, hit)
    for unit in units:
        short = unit.rstrip("乡镇") if len(unit.rstrip("乡镇")) > 1 else unit
        for hit in re.finditer(rf"(?:{unit}|{short}(?![镇乡村]))(?:的?{SIDES}{END})?", rest):
            said = hit.group()
            spoken.append(said)
            found.append((hit.start(), said if unit in said else said.replace(short, unit, 1)))
            rest = _blank(rest, hit)
    for pattern, before in ((NAMED_SIDE, ""), (LONE_SIDE, "县域")):
        for hit in pattern.finditer(rest):
            found.append((hit.start(), f"{before}{hit.group()}"))
            spoken.append(hit.group())
            rest = _blank(rest, hit)
    names = tuple(dict.fromkeys(name for _, name in sorted(found)))
    return Places(names, tuple(spoken), "" if names else _unknown(rest))


def _blank(text: str, hit: re.Match[str]) -> str:
    return text[: hit.start()] + "※" * len(hit.group()) + text[hit.end() :]


def _unknown(text: str) -> str:
    """The word that a why-question is about, where it is no general word."""
    for pattern in (WHY, BEFORE_WHY, REASON):
        for hit in pattern.finditer(text):
            word = NO_PLACE.sub("", AMOUNT.sub("", hit[1])).strip("※，。、“”‘’\"'")
            if len(word) >= 2:
                return word
    return ""


CHANGE = (
    r"(?P<way>减少|下降|降低|减|少|缩减|压减|增加|上升|提高|增|多|增长)(?:了|到)?"
    r"(?P<much>一半|(?:[一两二三四五六七八九]|\d)成|\d+(?:\.\d+)?[%％]|百分之[零一二三四五六七八九十百]+|(?:[一两二三]|\d)倍)"
)
HALVED = re.compile(r"减半|翻(?:一)?番|翻倍")
VARIABLES = {
    "precipitation": "降水量?|降雨量?|雨量",
    "evapotranspiration": "蒸散发?量?|蒸发量?",
    "accumulated_temperature": "积温",
    "vegetation_cover": "植被覆盖度?",
    "rain_erosivity": "降雨侵蚀力",
    "gale_days": "大风天数",
}
WATER = "可用水量|水资源(?:量|可利用量)|用水总量|来水量?"
PARAMETERS = {
    "arable_irrigation_quota": "(?:农田)?(?:综合)?灌溉定额",
    "urban_water_quota": "(?:城镇)?人均(?:年)?(?:需|用)水量?|(?:城镇)?用水定额",
    "urban_land_per_head": "人均(?:城镇)?建设用地",
}
ANY_CHANGE = re.compile(r"(?:减少|下降|降低|增加|上升|提高|升高|增长|减半|翻番|翻倍)")


@dataclass(frozen=True)
class Changes:
    """A scenario that was read."""

    scenario: dict[str, Any] | None = None
    said: str = ""
    unread: bool = False
    """A change is spoken of, of a quantity or by an amount that a scenario cannot have."""


def changes_of(text: str) -> Changes:
    """Read one scenario: several quantities may change in it."""
    kinds = {"variables": VARIABLES, "parameters": PARAMETERS, "water": {"": WATER}}
    factors: dict[str, dict[str, float]] = {"variables": {}, "parameters": {}, "water": {}}
    spoken: list[str] = []
    for kind, names in kinds.items():
        for name, pattern in names.items():
            # 降雨侵蚀力 is no 降雨: the quantity must stand right before its change
            hit = re.search(
                rf"(?:{pattern})(?:再|都|也|若|如果|平均|每年|总量|将|会)*(?:{CHANGE}|{HALVED.pattern})",
                text,
            )
            if hit is None:
                continue
            factor = _factor(hit)
            if factor is not None:
                factors[kind][name] = factor
                spoken.append(hit.group())
    if not spoken:
        asked = re.search(r"情景|影响|会(?:怎(?:么)?样|如何|有什么变化|变)|如果|假如|若", text)
        return Changes(unread=asked is not None and ANY_CHANGE.search(text) is not None)
    title = "、".join(spoken)
    scenario: dict[str, Any] = {"title": title}
    scenario |= {k: v for k, v in factors.items() if v and k != "water"}
    if factors["water"]:
        scenario["water"] = factors["water"][""]
    told = "、".join(f"×{f:g}" for kind in factors.values() for f in kind.values())
    return Changes(scenario, f"情景：{title}（{told}）")


def _factor(hit: re.Match[str]) -> float | None:
    if hit["much"] is None:
        return 0.5 if "减半" in hit.group() else 2.0
    much = hit["much"]
    number = re.match(r"\d+(?:\.\d+)?", much)
    if much == "一半":
        share = 0.5
    elif much.endswith("成"):
        share = (float(number[0]) if number else float(chinese_number(much[0]) or 0)) / 10
    elif much.startswith("百分之"):
        share = float(chinese_number(much.removeprefix("百分之")) or 0) / 100
    elif much.endswith("倍"):
        share = float(number[0]) if number else float(chinese_number(much[0]) or 0)
    else:
        share = float(number[0]) / 100 if number else 0.0
    falls = hit["way"] in ("减少", "下降", "降低", "减", "少", "缩减", "压减")
    factor = round(1 - share if falls else 1 + share, 6)
    return factor if factor > 0 else None


def spoken(text: str) -> tuple[str, ...]:
    """Return the words of the scenario that was read."""
    scenario = changes_of(text).scenario
    return tuple(scenario["title"].split("、")) if scenario else ()


FILES = re.compile(r"导出|下载|栅格(?!大小)|(?i:tiff?|cog)|成果文件|运行记录")
SENSITIVITY = re.compile(
    r"(?:哪个|哪些|什么)(?:阈值|标准|界线|参数|因子|指标)(?:的)?(?:对.{0,10})?(?:影响|敏感|起作用|最?关键)|(?:阈值|界线|标准)(?:的)?敏感性|敏感性分析"
)
SPOKEN = re.compile(
    r"导出|下载|栅格|(?i:tiff?|cog)|成果|文件|运行记录|请问?|帮(?:我|忙)?|麻烦|你|您|我们?|一下|一次|做|开展|进行|运行|看看|看|查|问|想|要|给出|给|列出|告诉"
    r"|双评价|评价|分析|解释|说明|结果|情况|报告|怎么?样|如何|多少|多大|公顷|平方公里|面积|分布|占比|比例|是|有|在|哪里|哪儿|哪些|哪个|什么|地方"
    r"|为(?:什么|何|啥)|原因|理由|限制因素|因素|主要|适[宜合]性?|不适[宜合]|极?重要性?|一般|敏感性|脆弱性|功能|程度|等级"
    r"|本县|全县|县域|县|市|全市|辖区|本地|当地|乡镇|各|每个|国土空间|开发|资源环境|承载|能力|规模|城镇|农业|生产|生态|保护|维护|建设|用地|土地|耕地|区域?"
    r"|大?部分|大?多数|的|了|和|与|及|并|且|也|都|又|还|吗|呢|吧|啊|呀|对|按|用|采用|根据|依据|最|更|很|不|会|将|能|可以|应该|变化|影响|最大|大|小|阈值|标准|界线|参数|因子|指标|分析|情景"
    r"|20(?:19|20)年?版?|版|指南|方案|水源涵养|水土保持|水土流失|石漠化|沙化|防风固沙|生物多样性|海岸|防护|侵蚀|种植|种粮|种地|耕作|发展|搞|盖房|建房|如果|假如|若|只|全部|以及|或|同时|再|然后|处|点|位置|坐标|经纬度|东经|北纬|度|那|这|里|个|其中|分别|合计|总|共|宜建|宜农|宜耕"
)
"""Words that are understood, or say nothing of their own."""
SEPARATE = re.compile(r"[，。、；：？！,.;:?!（）()“”\"'‘’\s※°\d]+")


def unread(text: str, found: Sequence[str]) -> tuple[str, ...]:
    """List what was neither read nor is mere wording.

    Args:
        text: The words.
        found: Places and quantities that were read, as they stand in the words.
    """
    for name in sorted(found, key=len, reverse=True):
        text = text.replace(name, "※")
    left = SEPARATE.split(SPOKEN.sub("※", text))
    return tuple(dict.fromkeys(word for word in left if len(word) >= 2))
