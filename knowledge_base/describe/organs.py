"""Who issued a text, for which region and at which level: from the project's own tables and patterns.

A name counts only where the text bears it: nothing is looked up beyond the words of the document.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from cspon.errors import SetupError
from cspon.schemas.base import Frozen

_DATA = Path(__file__).parents[1] / "data"
_ENDINGS = ("市", "盟", "地区", "自治州")
_NO_COUNTY = (
    r"(?!(?:城市|都市|全市|本市|各市|省市|地市|县市|市县|市区|全区|全县|本县|本区|各县|各区|县区|地区|城区|园区|片区"
    r"|景区|社区|小区|辖区|林区|矿区|库区|灾区|特区|规划区|开发区|保护区|示范区|自治区|风景区|名胜区|蓄滞洪区|建成区"
    r"|行政区|功能区|历史城区|城乡|城镇|村镇|乡镇|市镇|全镇|本镇|各乡|各镇))"
)
_PLACEHOLDERS = ("某", "XX", "××", "X", "□□")
_SUBJECT = (
    r"(?:国土空间|城市总体|城镇|城乡|土地|总体规划|控制性|详细规划|专项规划|村庄|乡镇|生态|耕地|永久基本农田|近期|综合"
    r"|历史|海岸|自然资源|住房|人民|关于|第[一二三四五六七八九十]+届|规划|国民|[“”《]|20\d\d)"
)
_DATE = re.compile(
    r"[0-9〇零一二三四五六七八九十]{2,4}[ 　]*年(?:[^年月日]{1,4}月)?(?:[^年月日]{1,4}日)?|\d+"
)
_NOT_HAN = re.compile(r"[^\u4e00-\u9fff×X]+")
_ABOUT = re.compile(r"^关于(?:同意|批准|印发|公布|下达|报送|做好|推进|加强|开展)?《?")
LEVELS = ("国家", "省", "市", "县", "乡")


class _Province(Frozen):
    name: str
    short: str = Field(min_length=1, max_length=1)
    prefectures: tuple[str, ...] = ()


class _Regions(Frozen):
    provinces: tuple[_Province, ...] = Field(min_length=1)


class _Issuers(Frozen):
    national: tuple[str, ...]
    local: tuple[str, ...]
    numbers: dict[str, str]


@dataclass(frozen=True)
class Region:
    """A region as a text names it."""

    name: str
    """浙江省, 宁波市, 宁波市鄞州区, 慈溪市."""
    level: str
    """省, 市, 县 or 乡."""


@dataclass(frozen=True)
class Organ:
    """An issuing organ."""

    name: str
    region: Region | None
    """None for a national one."""

    @property
    def level(self) -> str:
        """国家, or the region's."""
        return self.region.level if self.region else LEVELS[0]


@functools.lru_cache(maxsize=1)
def provinces() -> tuple[_Province, ...]:
    """Return the provinces with their prefectures.

    Raises:
        SetupError: the data file has another shape.
    """
    path = _DATA / "regions.yaml"
    try:
        return _Regions.model_validate(yaml.safe_load(path.read_text("utf-8"))).provinces
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SetupError(f"{path} 有误：{error}", mend="改正该文件") from error


@functools.lru_cache(maxsize=1)
def issuers() -> _Issuers:
    """Return the national organs, the endings of local ones and the beginnings of numbers.

    Raises:
        SetupError: the data file has another shape.
    """
    path = _DATA / "issuers.yaml"
    try:
        return _Issuers.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SetupError(f"{path} 有误：{error}", mend="改正该文件") from error


@functools.lru_cache(maxsize=1)
def prefectures() -> dict[str, str]:
    """Return prefecture → province, both by full name."""
    return {
        name if name.endswith(_ENDINGS) else f"{name}市": province.name
        for province in provinces()
        for name in province.prefectures
    }


def _either(names: object) -> str:
    return "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))  # type: ignore[call-overload]


@functools.lru_cache(maxsize=1)
def _region_pattern() -> str:
    return (
        rf"(?P<province>{_either([p.name for p in provinces()])})?"
        rf"(?P<prefecture>{_either(list(prefectures()))})?"
        rf"(?P<county>{_NO_COUNTY}[\u4e00-\u9fff×X]{{1,8}}?(?:自治县|自治旗|县|市|区|旗))?"
        rf"(?P<town>{_NO_COUNTY}[\u4e00-\u9fff×X]{{1,6}}?(?:街道|镇|乡))?"
    )


@functools.lru_cache(maxsize=1)
def _title_regex() -> re.Pattern[str]:
    local = _either(issuers().local)
    return re.compile(rf"{_region_pattern()}(?=(?:{local})|{_SUBJECT}|$)")


@functools.lru_cache(maxsize=1)
def _organ_regex() -> re.Pattern[str]:
    return re.compile(
        rf"(?P<national>{_either(issuers().national)})|(?P<local>{_either(issuers().local)})"
    )


@functools.lru_cache(maxsize=1)
def _region_regex() -> re.Pattern[str]:
    return re.compile(_region_pattern())


@functools.lru_cache(maxsize=1)
def _known_regex() -> re.Pattern[str]:
    return re.compile(_either([*(p.name for p in provinces()), *prefectures()]))


def region_of(text: str) -> Region | None:
    """Return the region that a title (after 关于) or an organ's name begins with; None for none."""
    match = _title_regex().match(_ABOUT.sub("", re.sub(r"\s+", "", text[:80])))
    return _region(match) if match else None


def _region(match: re.Match[str]) -> Region | None:
    province, prefecture = match["province"], match["prefecture"]
    county, town = match["county"], match["town"]
    if prefecture and province and prefectures()[prefecture] != province:
        return None
    above = prefecture or (province if province and province.endswith("市") else "")
    if town:
        return Region(f"{county or above or ''}{town}", "乡")
    if county:
        if county.startswith(_PLACEHOLDERS) and county.endswith("市"):
            return Region(county, "市")
        return Region(f"{above or ''}{county}", "县")
    if prefecture:
        return Region(prefecture, "市")
    return Region(province, "省") if province else None


def organs_in(text: str) -> list[Organ]:
    """Return the organs that a short text names, in its order, each once."""
    found: dict[str, Organ] = {}
    words, last = _apart(text[:400]), 0
    for match in _organ_regex().finditer(words):
        if match["national"]:
            organ = Organ(match["national"], None)
        else:
            name, region = _region_before(words[last : match.start()])
            if region is None:
                continue
            organ = Organ(name + match[0], region)
        last = match.end()
        found.setdefault(organ.name, organ)
    return list(found.values())


def _region_before(words: str) -> tuple[str, Region | None]:
    """Return the region that words end in: from a name that is known, or all since a mark."""
    name = _NOT_HAN.split(words)[-1][-40:]
    if not name:
        return "", None
    for start in (*(known.start() for known in _known_regex().finditer(name)), 0):
        if match := _region_regex().fullmatch(name, start):
            return match[0], _region(match)
    return "", None


def _apart(text: str) -> str:
    """Return a text with marks instead of dates and gaps, and spaced-out names (自 然 资 源 部) closed."""
    text = _DATE.sub("|", text)
    if re.fullmatch(r"(?:\S[\s　]+)+\S?", text):
        return re.sub(r"[\s　]+", "", text)
    return re.sub(r"[\s　]+", "|", text)


def only_organs(line: str) -> list[Organ]:
    """Return the organs of a line that holds nothing else (a signature, a printed head)."""
    words = re.sub(r"[\s　、，]+", "", line).removesuffix("文件").removesuffix("发布")
    if len(words) > 120 or not words:
        return []
    organs = organs_in(line)
    said = sum(len(organ.name) for organ in organs)
    return organs if organs and said >= len(words.replace("中华人民共和国", "")) else []


def organ_of_number(number: str) -> Organ | None:
    """Return the organ whose document numbers begin so; only national ones are certain."""
    for beginning in sorted(issuers().numbers, key=len, reverse=True):
        if number.startswith(beginning):
            return Organ(issuers().numbers[beginning], None)
    return None


def joint(organs: list[Organ]) -> str | None:
    """Return the names of joint issuers as one text."""
    return "、".join(organ.name for organ in organs) or None
