"""Quantities of a text with what they say: of what, where, when.

Year, scope and subject are taken from the sentence: the nearest that stands before the number, and of
the subject that of the same measure. What the sentence leaves open is left open.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from agents.review.document import Block, Span
from agents.review.quantities.find import Value, find_values
from agents.review.quantities.subjects import Named, named_in

When = Literal["", "base", "near", "target", "outlook"]

_NO_TIME: When = ""
SENTENCE = re.compile(r"[^。！？；\n]+[。！？；\n]?")
_YEAR = re.compile(
    r"(?P<from>(?:19|20)\d\d)\s*年?\s*(?:[-—–~～]{1,2}|至|到)\s*(?P<to>(?:19|20)\d\d)\s*年?"
    r"|(?P<year>(?:19|20)\d\d)\s*年"
)
_COMPARED = re.compile(r"(?:较|比|与|相较于?|基于)\s*$")
_WHEN: tuple[tuple[When, str], ...] = (
    ("outlook", r"远景(?:展望)?"),
    (
        "target",
        r"规划(?=总?人口|常住|面积|城镇|建设用地)|规划期末|规划末期|规划期内|规划目标年|远期|规划年",
    ),
    ("near", r"近期(?:末)?"),
    ("base", r"现状|基期|目前|截至|现有"),
)
_WORDED = re.compile("|".join(f"(?P<{name}>{words})" for name, words in _WHEN))
_HEADER_WHEN: dict[str, When] = {
    "规划": "target", "规划值": "target", "目标值": "target", "规划面积": "target", "规划目标": "target",
    "基期年": "base", "现状值": "base",
}  # fmt: skip
_COMPARED_WORD = re.compile(r"(?:较|比|与)$")
SCOPE = re.compile(
    r"中心城区|规划区(?!划)|(?:全|本)?(?:市|县|区|镇|乡|村)域|全[市县区镇乡村](?!面)|(?<!中心)城区(?!道路网)|镇区|"
    r"[一-鿿]{2,5}?(?:街道|镇|乡|村|社区)(?=[的，、：:为共有内]|\d|耕|永|生|城|规|常|总|建|划)"
)
_NO_NAME = re.compile(
    r"(?:城|乡|村|集|建制|小|重点|中心|各|该|本|新市|卫星|特色)镇$|(?:行政|自然|中心|农|乡|各|该|本|个)村$|(?:各|该|本|城)乡$|"
    r"(?:各|该|本|个|完整|未来|城镇|农村)社区$|以上|以下|不"
)
_LEADING = re.compile(
    r"^.*(?:位于|其中|分布在|包括|以及|[在和与及由为是将年对到从至、，的])(?=[一-鿿]{2,})"
)
_SCOPES = {
    "全市": "市域", "全县": "县域", "全区": "区域", "全镇": "镇域", "全乡": "乡域", "全村": "村域", "本市域": "市域",
    "本县域": "县域", "全域": "全域",
}  # fmt: skip
_CLAUSE = "，。；！？：:,;\n"
_VERBS = re.compile(
    r"(?:其中|分别|共计|合计|总计|共有|共|约|为|达到|达|是|有|计|在|不(?:得|应|宜)?(?:低于|少于|小于|高于|超过|大于|突破)|至少|控制|保持|"
    r"提高|提升|增加|减少|下降|降低|增长|上升|到|至|了|按照|按|以上|以内|以下|规划|预测|确定|落实|划定|力争|新建|扩建|改建|建设|布局|"
    r"布置|设置|设|配建|配置|保留|形成|打造|建成|完成|实施|整治|修复|治理|新增|安排|预留|保障|拟|占用|占|涉及|现有|现状|拥有|的)+$"
)
_INSIDE = re.compile(r"^(?:中|内)的?[一-鿿]{2,}")
"""Between a subject and its number: the number is of something in it."""
_WHOLE_AREA = re.compile(
    r"(?:全域|全[县市镇乡村]|行政(?:辖区|区域|区)|[县市镇乡村]域)(?:国土|土地)?(?:总)?(?:面积)?(?:为|共|约)?$"
)
_ALL_OF_IT = re.compile(r"行政辖区|行政区域|规划范围|全部国土空间")
_TOWN = re.compile(r"(?:^|[，。；、：])[一-鿿]$|[、，]其中[一-鿿]$")
_FROM = re.compile(r"(?:由|从)(?:现状|基期|目前|(?:19|20)\d\d年)?的?$")
_ONTO = re.compile(r"[^，。；\d]{0,6}(?:到|至|为)")
_OTHER_UNIT = re.compile(
    r"[（(](?:约|即|合|折合|约合|折算为?|换算为?)?|，?(?:即|合|折合|约合|折算为?|换算为?)"
)
_PLAIN = (
    "累计|建成|新建|完成|建设|现有|单元|项目占用|本项目|拟占用|项目|占用|涉及|其中|分别|严格|切实|全面|基本|确保|保障|落实|划定|下达|分解|规划|预测|控制|实现|形成|共计|共有|共|约|年末|末|底|总|的|和|"
    "为|在|以|范围|上级|任务|目标|指标|规模|面积|将|全|本|应|不少于|不低于|使|内|期末"
)
_SHARE_OF = re.compile(r"占[^，。；、占]{0,20}$")
"""A share is about its part: 永久基本农田 …，占县域的 15%."""
_NOUN = re.compile(r"[一-鿿A-Za-z、·“”]{1,20}$")
_FOLLOWS = re.compile(r"^(?:的)?([一-鿿]{2,12}?)(?=[，。；、：（）(),;\s和及与并]|$)")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of the text and what it says."""

    span: Span
    value: Value
    subject: str
    """Name of a known subject, or the words that stand for it; empty where none was found."""
    known: bool
    scope: str
    year: int | None
    when: When
    """Where the year is worded instead: 规划期末."""
    qualifier: str = ""
    """Words that narrow a known subject and name no known area: 集镇, 闲置."""
    converted: bool = False
    """The same as the number before it in another unit: 12公顷（180亩）."""


def quantities_of(block: Block) -> list[Quantity]:
    """Return the quantities of a paragraph in order."""
    made: list[Quantity] = []
    year, when = None, _NO_TIME
    for start, sentence in sentences(block.text):
        times = _years(sentence)
        for quantity in _of_sentence(block.number, start, sentence):
            if (
                not times and not quantity.when and quantity.known
            ):  # it goes on with the time of the sentence before
                quantity = replace(quantity, year=year, when=when)
            made.append(quantity)
        if times:
            year, when = times[-1][1], times[-1][2]
    return made


def one_sentence(block: Block, one: Quantity, other: Quantity) -> bool:
    """Say whether two quantities of a paragraph stand in one sentence."""
    return not re.search(r"[。；]", block.text[one.span.end : other.span.start])


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield each sentence with its place."""
    for match in SENTENCE.finditer(text):
        if match[0].strip():
            yield match.start(), match[0]


def _of_sentence(block: int, offset: int, sentence: str) -> Iterator[Quantity]:
    values = find_values(sentence)
    if not values:
        return
    years, scopes, named = _years(sentence), _scopes(sentence), named_in(sentence)
    subject, known = "", False
    for index, value in enumerate(values):
        begins = values[index - 1].end if index else 0
        if not (value.measure == "比" and (of := _SHARE_OF.search(sentence[: value.start]))):
            subject, known = _subject(sentence, value, begins, named)
        elif parts := [n for n in named if begins <= n.start and n.end <= of.start()]:
            subject, known = parts[-1].name, True
        lead = sentence[: value.start]
        total = subject in ("总面积", "面积") and _ALL_OF_IT.search(lead)
        if value.measure == "平方米" and not known and (total or _WHOLE_AREA.search(lead)):
            subject, known = "行政区国土总面积", True
        year, when = _before(years, value.start, sentence)
        if index + 1 < len(values) and _former(sentence, value, values[index + 1]):
            year, when = None, "base"
        elif index and when == "base" and _former(sentence, values[index - 1], value):
            year, when = None, "target"
        name = next(
            (n for n in reversed(named) if n.name == subject and n.end <= value.start), None
        )
        yield Quantity(
            Span(block, offset + value.start, offset + value.end), value, subject, known,
            _scope_at(scopes, value.start, sentence), year, when, _qualifier(sentence, name) if known and name else "",
            bool(index) and _converted(sentence, values[index - 1], value),
        )  # fmt: skip


def _town_before(sentence: str, named: list[Named], value: Value) -> bool:
    name = next((n for n in reversed(named) if n.end <= value.start), None)
    return name is not None and bool(_TOWN.search(sentence[: name.start]))


def _former(sentence: str, value: Value, following: Value) -> bool:
    """Say whether a number is what was before: 由129平方米降低到111平方米."""
    between = sentence[value.end : following.start]
    return bool(_FROM.search(sentence[: value.start]) and _ONTO.fullmatch(between))


def _converted(sentence: str, before: Value, value: Value) -> bool:
    """Say whether a number is the one before it in another unit."""
    if before.measure != value.measure or before.unit == value.unit or value.measure in ("", "比"):
        return False
    between = re.sub(r"\s", "", sentence[before.end : value.start])
    closed = sentence[value.end :].lstrip().startswith(("）", ")"))
    return bool(_OTHER_UNIT.fullmatch(between)) and (between[0] not in "（(" or closed)


def _qualifier(sentence: str, name: Named) -> str:
    """Return the words of its clause that narrow a subject: what is left without time, area and verbs."""
    begins = max((sentence.rfind(c, 0, name.start) for c in _CLAUSE + "、（("), default=-1) + 1
    lead = _YEAR.sub("", sentence[begins : name.start])
    lead = SCOPE.sub("", _WORDED.sub("", lead))
    return re.sub(rf"\s|{_PLAIN}|年末?|到|至", "", lead)


def period_of(words: str) -> tuple[int | None, When]:
    """Return the year that a header or title tells, or the word for it; the last where there are more."""
    years = _years(words)
    stated = [item for item in years if item[1] is not None]
    if stated:
        return stated[-1][1], ""
    return (None, years[-1][2]) if years else (None, _HEADER_WHEN.get(words.rpartition("/")[2], ""))


def _years(sentence: str) -> list[tuple[int, int | None, When]]:
    found: list[tuple[int, int | None, When]] = []
    for match in _YEAR.finditer(sentence):
        if not _COMPARED.search(sentence[: match.start()]):
            found.append((match.start(), int(match["to"] or match["year"]), ""))
    for match in _WORDED.finditer(sentence):
        if not _COMPARED_WORD.search(sentence[: match.start()]):
            name: When = next(name for name, _ in _WHEN if match[name])
            found.append((match.start(), None, name))
    return sorted(found, key=lambda item: item[0])


def _before(
    years: list[tuple[int, int | None, When]], place: int, sentence: str
) -> tuple[int | None, When]:
    """Return the year that stands last before a place, or first behind it in the same clause."""
    before = [item for item in years if item[0] < place]
    if before:
        last = before[-1]
        if last[1] is None:  # 规划期末（2035年）
            near = [item for item in before if item[1] is not None and 0 <= last[0] - item[0] <= 8]
            if near:
                return near[-1][1], ""
        return last[1], last[2]
    rest = re.split(f"[{_CLAUSE}]", sentence[place:])[0]
    behind = [item for item in years if place <= item[0] < place + len(rest)]
    return (behind[0][1], behind[0][2]) if behind else (None, "")


def _scopes(sentence: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for match in SCOPE.finditer(sentence):
        name = _SCOPES.get(match[0], match[0])
        if name.endswith(("镇", "乡", "村", "街道", "社区")):
            name = _LEADING.sub("", name)
            if len(name) < 2 or _NO_NAME.search(name):
                continue
        found.append((match.start(), name))
    return found


def _scope_at(scopes: list[tuple[int, str]], place: int, sentence: str) -> str:
    """Return the area that a place of a sentence is about: of its clause, else of the first clause."""
    clause = max((sentence.rfind(c, 0, place) for c in _CLAUSE), default=-1) + 1
    own = next((name for start, name in reversed(scopes) if clause <= start < place), "")
    first = re.split(f"[{_CLAUSE}]", sentence, maxsplit=1)[0]
    return own or next((name for start, name in scopes if start < len(first)), "")


def _subject(sentence: str, value: Value, begins: int, named: list[Named]) -> tuple[str, bool]:
    """Return what a number is about, and whether that is a known subject."""
    before = [n for n in named if n.end <= value.start]
    clause = max((sentence.rfind(c, 0, value.start) for c in _CLAUSE), default=-1) + 1
    near = [n for n in before if n.start >= max(clause, begins)]
    fitting = [n for n in near if not n.measure or not value.measure or _alike(n.measure, value)]
    if fitting and not _INSIDE.search(sentence[fitting[-1].end : value.start]):
        return fitting[-1].name, True
    words = _worded(sentence, value, max(clause, begins))
    if words:
        return words, False
    earlier = [n for n in before if _alike(n.measure, value)]
    if earlier and not near:
        return earlier[-1].name, True
    return "", False


def _alike(measure: str, value: Value) -> bool:
    return (
        value.measure == measure
        or value.measure in ("比", "倍", "百分点")
        or (value.measure.split("/")[0] == measure)
    )


def _worded(sentence: str, value: Value, begins: int) -> str:
    """Return the noun before a number, or behind it where only verbs stand before: 新建公园5处, 5处公园."""
    lead = re.sub(r"[（(][^（）()]*[）)]?\s*$", "", sentence[begins : value.start])
    lead = re.split(r"[、（(]", lead)[-1]
    lead = re.sub(
        r"^(?:到|至)?(?:19|20)\d\d年|^(?:其中|另外|此外|同时|并|全[县市镇村]|县域|市域)",
        "",
        lead.strip(),
    )
    bare = _VERBS.sub("", lead)
    noun = _NOUN.search(bare)
    if noun:
        word = re.sub(f"^{_VERBS.pattern[:-1]}", "", noun[0])
        if len(word) > 1:
            return word
    follows = _FOLLOWS.match(sentence[value.end :])
    return follows[1] if follows else ""
