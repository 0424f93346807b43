"""References that a text states: which clauses and documents it cites, and in which relation.

Reads the wording of Chinese regulations and plans: 本法第三十五条, 前款, 《…法》第四十四条第二款、第四十六条,
第三十三条至第三十六条, 根据《…法》制定本条例, …同时废止. Knows no particular law and no base.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cspon.schemas.knowledge import Document, Passage, Relation
from knowledge_base.numerals import (
    ARTICLE,
    NUMERAL,
    article_order,
    format_numeral,
    parse_numeral,
)
from knowledge_base.titles import PREFIX, abbreviations, canonical_key, number_key, title_key

MOST_IN_RANGE = 60
"""A range of more articles is read as its two ends: a whole chapter says little of each article."""
BARE = ("宪法", "刑法", "民法典")
"""Texts that statutes name without book-title marks, whether or not a base holds them."""
WORDS = 90
"""Characters kept of the sentence that states a reference."""

_BELOW = rf"第\s*[（(]?\s*{NUMERAL}\s*[）)]?\s*[款项目]"
_PART = rf"(?:{_BELOW})*(?:\s*(?:、|和|与|及|以及|或者?|至)\s*(?:{_BELOW})+)*"
_NAMED = ARTICLE.replace("(?P<number>", "(?P<article>")
_TOKEN = re.compile(
    r"《(?P<title>(?:[^《》]|《[^《》]*》)+)》(?:[（(]\d{4}[^（）()]{0,12}[)）])?"
    r"|以下(?:统一|均)?简称(?:为|：)?[“\"《]?(?P<alias>[^“”\"《》，。；）)]{1,30})"
    r"|(?<![基根日])(?P<own>本(?:法典|法|条例|办法|规定|细则|规则|规程|规范|标准|解释|指南|规划|纲要|方案|意见|通知|决定))"
    r"|(?P<same>(?:该|同)(?:法典|法|条例|办法|规定|规划))"
    rf"|第\s*(?P<from>{NUMERAL})\s*条\s*(?:至|到|—|－|–|-|~|～)\s*第?\s*(?P<last>{NUMERAL})\s*条"
    rf"|{_NAMED}(?P<part>{_PART})"
    rf"|(?P<back>前(?P<count>[一二两三四五])?(?P<unit>款|条)|本条(?P<inner>第\s*{NUMERAL}\s*款))"
    r"|(?P<number>[\u4e00-\u9fff]{1,10}[〔\[［]\d{4}[〕\]］]\s*\d{1,5}\s*号"
    r"|(?:GB|TD|CJJ|HJ|CH|NY|SL|LY|JGJ|DB\d{2})(?:/[TZ])?\s?\d[\d.]*[-—–]\d{4})"
    r"|(?P<verb>依照|按照|根据|依据|适用|违反|符合|参照)(?=[\u4e00-\u9fff])"
)
_SENTENCE = re.compile(r"[^。；;\n]+")
_CONNECTED = re.compile(
    r"^(?:[\s、，,）)”]|和|与|及|以及|或|或者|并|规定|的|之|中|所|条款|第\s*[（(]?\s*"
    rf"{NUMERAL}\s*[）)]?\s*[款项目]|[（(][^（）()]{{0,30}}[)）]|至)*$"
)
_BARE_NAME = re.compile(r"[\u4e00-\u9fff]{1,20}(?:法典|法|条例|细则)$")
_LEADING = re.compile(
    r"^.*(?:根据|依据|按照|依照|违反|参照|符合|遵守|适用|以及|规定|[的依按和与及或对在由经向是])"
)
_AFTER_NAME = re.compile(r"的|有关|关于|等|[、，）]|和|与|或|以及|规定|追究|给予|予以|处|$")
_ENDS = re.compile(r"(?:同时|予以|一并|即行|相应|自行)废止|同时失效|停止执行|^[^，]{0,6}废止")
_MADE = re.compile(
    r"(?:制定|制订|编制|修订|起草)(?:了)?(?:本|《|该)|(?:制定|编制)(?:说明|依据)$|作出(?:本|如下)"
)
_UNDER = re.compile(r"根据|依据|依照|按照|遵照|遵循|以")
_CARRIES_OUT = re.compile(r"(?:贯彻|落实|实施|执行|施行)[^，。；]{0,12}$")
_FOLLOWS = re.compile(r"(?:根据|依据|依照|按照)[^，。；]{0,12}$")
_AMENDS = re.compile(r"^关于修[改订]|修正案")
_GROUNDS_HEADING = re.compile(
    r"(?:编制|规划|法律|政策|法规|制定|审查)依据|依据文件|规范性引用文件|引用文件"
)
_NOT_A_TEXT = re.compile(
    r"(?:证|证书|表|书|合同|协议|协定|登记簿|执照|账|簿|单|章程|公报|图|说明|凭证|报告)(?:[（(][^（）()]*[)）])?$"
)
_ITEM = re.compile(rf"^\s*[（(]{NUMERAL}[）)]|^\s*\d{{1,2}}[.．、]")
_IMPLEMENTING = re.compile(r"^(?P<of>.+?)(?:实施|施行)(?:条例|办法|细则|规定|意见)")


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference, as the text states it, not resolved against any base."""

    source: str
    """Passage that states it."""
    document_id: str
    target: str
    """Title key or document-number key of what is cited; the own title's key for 本法第…条."""
    name: str
    """The title as written; the own title for 本法."""
    article: str | None = None
    """Article key; None for a whole document."""
    part: str = ""
    """第一款第（二）项, where given."""
    relation: Relation = "引用"
    words: str = ""
    own: bool = False
    """Cites its own document."""


def find_references(
    document: Document, passages: Sequence[Passage], names: Collection[str] = ()
) -> list[Reference]:
    """Read the references of a document, each cited clause once a passage and relation.

    Args:
        document: The document.
        passages: Its passages in order; a short name that one defines (以下简称…) holds for the rest.
        names: Keys of titles that texts name without book-title marks, e.g. 刑法.
    """
    reader = _Reader(document, frozenset(names).union(abbreviations(), BARE))
    found: dict[tuple[str, str, str | None, str, Relation], Reference] = {}
    for passage in passages:
        for reference in reader.read(passage):
            key = (
                reference.source,
                reference.target,
                reference.article,
                reference.part if reference.own else "",
                reference.relation,
            )
            found.setdefault(key, reference)
    return list(found.values())


@dataclass
class _Place:
    """The text that the next article belongs to, and where in the sentence it was last named."""

    key: str
    name: str
    own: bool
    end: int = 0


class _Reader:
    """Reads the passages of one document one after the other."""

    def __init__(self, document: Document, names: frozenset[str]) -> None:
        self.document = document
        self.own_key = title_key(document.title)
        self.names = names
        self.longest = max(map(len, names), default=0)
        self.aliases: dict[str, tuple[str, str]] = {}
        implementing = _IMPLEMENTING.match(self.own_key)
        self.implements = implementing["of"] if implementing else ""

    def read(self, passage: Passage) -> Iterator[Reference]:
        """Yield the references of a passage, with relation and words."""
        grounds = any(_GROUNDS_HEADING.search(h) for h in passage.heading_path[-1:])
        paragraph = -1
        for line in passage.text.split("\n"):
            if line.strip() and (paragraph < 0 or not _ITEM.match(line)):
                paragraph += 1
            for match in _SENTENCE.finditer(line):
                sentence = match[0]
                for reference, start in self._sentence(passage, sentence, paragraph):
                    relation = self._relation(sentence, start, reference, grounds)
                    if relation is not None:
                        yield replace(reference, relation=relation, words=_around(sentence, start))

    def _sentence(
        self, passage: Passage, sentence: str, paragraph: int
    ) -> Iterator[tuple[Reference, int]]:
        """Yield the references of one sentence and where they stand in it."""
        place, foreign = self._own(), None
        whole: tuple[Reference, int] | None = None
        """A title that was named; it counts as a whole unless an article of it follows."""
        for match in _TOKEN.finditer(sentence):
            start = match.start()
            if match["title"] or match["number"] or match["verb"]:
                named = self._named(match, sentence, place)
                if named is None:
                    continue
                if whole is not None:
                    yield whole
                place = named
                foreign = None if place.own else place
                if match["verb"]:
                    start = match.end()
                whole = None if place.own else (self._reference(passage, place), start)
            elif match["alias"]:
                if not place.own:
                    self.aliases[title_key(match["alias"])] = (place.key, place.name)
                    place.end = match.end()
            elif match["own"] or match["same"]:
                place = self._own() if match["own"] or foreign is None else foreign
                place.end = match.end()
            elif match["back"]:
                for reference in self._back(passage, match, paragraph):
                    yield reference, start
            else:
                place = self._owner(passage, sentence, start, place)
                place.end = match.end()
                if whole is not None and whole[0].target != place.key:
                    yield whole
                whole = None
                if place.own and passage.article_key is None and "本" not in sentence[:start]:
                    continue
                for key in _articles(match):
                    part = re.sub(r"\s+", "", match["part"] or "")
                    yield replace(self._reference(passage, place), article=key, part=part), start
        if whole is not None:
            yield whole

    def _own(self) -> _Place:
        return _Place(self.own_key, self.document.title, own=True)

    def _reference(self, passage: Passage, place: _Place) -> Reference:
        return Reference(passage.id, self.document.id, place.key, place.name, own=place.own)

    def _named(self, match: re.Match[str], sentence: str, place: _Place) -> _Place | None:
        """Return the text that a title, a document number or a bare name names; None for no text."""
        if match["number"]:
            if sentence[place.end : match.start()] in ("（", "("):  # 《title》（number）
                place.end = match.end() + 1
                return None
            number = _LEADING.sub("", match["number"])
            return _Place(number_key(number), number, own=False, end=match.end())
        if match["verb"]:
            return self._bare_after(sentence, match.end())
        name = match["title"].strip()
        if _NOT_A_TEXT.search(name):
            return None
        key, name = self.aliases.get(title_key(name), (canonical_key(name), name))
        return _Place(key, name, own=key == self.own_key, end=match.end())

    def _bare_after(self, sentence: str, start: int) -> _Place | None:
        """Return a known title that stands without marks after 依照 and cites the whole text."""
        for length in range(min(self.longest, len(sentence) - start), 1, -1):
            name = sentence[start : start + length]
            if (key := name.removeprefix(PREFIX)) in self.names:
                if not _AFTER_NAME.match(sentence, start + length):
                    return None
                key = canonical_key(key)
                return _Place(key, name, own=key == self.own_key, end=start + length)
        return None

    def _owner(self, passage: Passage, sentence: str, start: int, place: _Place) -> _Place:
        """Return the text to which an article at `start` belongs."""
        gap = sentence[place.end : start]
        if _CONNECTED.match(gap) and place.end:
            return place
        before = gap.rstrip()
        for length in range(min(self.longest, len(before)), 1, -1):
            name = before[-length:]
            key, alias = self.aliases.get(name, (canonical_key(name), name))
            if name in self.aliases or name in self.names:
                return _Place(key, alias, own=key == self.own_key)
        if match := _BARE_NAME.search(before):
            name = _LEADING.sub("", match[0])
            if len(name) > 2:
                return _Place(title_key(name), name, own=False)
        if passage.article_key is None and place.end:
            return place
        return self._own()

    def _back(self, passage: Passage, match: re.Match[str], paragraph: int) -> Iterator[Reference]:
        """Yield what 前款, 前条 and 本条第一款 stand for."""
        if passage.article_key is None:
            return
        here = self._reference(passage, self._own())
        count = parse_numeral(match["count"]) if match["count"] else 1
        if match["inner"]:
            part = re.sub(r"\s+", "", match["inner"])
            yield replace(here, article=passage.article_key, part=part)
        elif match["unit"] == "款":
            numbers = [n for n in range(paragraph - count + 1, paragraph + 1) if n >= 1]
            part = "、".join(f"第{format_numeral(n)}款" for n in numbers)
            yield replace(here, article=passage.article_key, part=part)
        else:
            number, branch = article_order(passage.article_key)
            if branch:
                yield replace(here, article=f"{number}-{branch - 1}" if branch > 1 else f"{number}")
                return
            for previous in range(max(1, number - count), number):
                yield replace(here, article=str(previous))

    def _relation(
        self, sentence: str, start: int, reference: Reference, grounds: bool
    ) -> Relation | None:
        """Return the relation in which a sentence names a text; None when it is no reference."""
        if reference.own:
            return "引用"
        if _AMENDS.search(reference.name):
            return None
        before, after = sentence[:start], sentence[start:]
        if reference.article is None and _ENDS.search(after):
            return "废止"
        carries_out = bool(_CARRIES_OUT.search(before))
        if _MADE.search(after) and (carries_out or _UNDER.search(before)):
            return "实施" if carries_out or reference.target == self.implements else "依据"
        if grounds:
            return "依据"
        if self.document.kind == "规划成果" and reference.article is None:
            if carries_out:
                return "实施"
            if _FOLLOWS.search(before):
                return "依据"
        return "引用"


def _articles(match: re.Match[str]) -> Iterable[str]:
    """Return the keys of the article or the range that a token names."""
    try:
        if match["article"]:
            number = parse_numeral(match["article"])
            branch = parse_numeral(match["branch"]) if match["branch"] else 0
            return [f"{number}-{branch}" if branch else str(number)] if 0 < number < 10000 else []
        first, last = parse_numeral(match["from"]), parse_numeral(match["last"])
    except ValueError:
        return []
    if not 1 <= first <= last <= 9999:
        return []
    if last - first > MOST_IN_RANGE:
        return [str(first), str(last)]
    return [str(number) for number in range(first, last + 1)]


def _around(sentence: str, start: int) -> str:
    """Return the part of a sentence around a reference."""
    sentence = sentence.strip()
    if len(sentence) <= WORDS:
        return sentence
    first = max(0, min(start - WORDS // 3, len(sentence) - WORDS))
    cut = sentence[first : first + WORDS]
    return ("…" if first else "") + cut + ("…" if first + WORDS < len(sentence) else "")
