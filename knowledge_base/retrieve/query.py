"""What a query or a text names: laws, articles, clauses, document numbers, codes.

`named_in` reads a question against the titles that are known; `parse_citations` reads a written
text (a model's answer, a plan) for the clauses that it cites.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge_base.labels import Label, labels_in
from knowledge_base.numerals import ARTICLE, NUMERAL, article_label, parse_numeral
from knowledge_base.retrieve.codes import codes_in
from knowledge_base.titles import PREFIX, abbreviations, number_key, title_key

_ARTICLE_RE = re.compile(ARTICLE)
_BARE_ARTICLE = re.compile(
    rf"(?<![第0-9０-９])(?P<number>[0-9０-９]{{1,4}})\s*条(?:\s*之\s*(?P<branch>{NUMERAL}))?"
)
_NUMBER = re.compile(
    r"[\u4e00-\u9fff]{1,12}(?:〔|\[|［|\(|（)\d{4}(?:〕|\]|］|\)|）)\s*\d{1,5}\s*号"
)
_SPACE = re.compile(r"[\s\u200b\ufeff《》〈〉]+")
_APART = re.compile(r"(?<=\d)\s+(?=\d)")
"""Between numbers that are two: 附件1 5.1, options 1.5 2."""
_NOT_A_LAW = "律规院定人学理案治官"
"""After a title that ends in 法 these make another word: 用水法规, 法院."""
_BEFORE_SHORT = "据照按在以及和与对反于从依是、，。；：（(？?的国问"
DEEP = 2
"""Points of a decimal clause that is looked for without a title: 5.6.2, never 5.6."""
_LINKS = ("", "的", "中", "中的", "里的")
"""Between a title and the number of its clause."""
SHORT = 3
"""Titles of so few characters (水法) count only where the word stands alone."""


@dataclass(frozen=True)
class Named:
    """What a query names: title keys, (title key, article key) pairs, document numbers, codes."""

    titles: tuple[str, ...] = ()
    articles: tuple[tuple[str, str], ...] = ()
    numbers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    """Codes of land use and names of layers, in capitals."""
    labels: tuple[tuple[str | None, Label], ...] = ()
    """(title key, label) of clauses of standards and attachments; None where no title is named."""


def named_in(query: str, lexicon: Iterable[str]) -> Named:
    """Find the laws, articles, document numbers and codes that a query names.

    Args:
        query: What the user typed.
        lexicon: Known title keys; the longest that fits wins, so 可再生能源法 is not 能源法.
    """
    text = _SPACE.sub("", _APART.sub("的", query))
    spans = _title_spans(text, lexicon)
    titles = tuple(dict.fromkeys(key for _, _, key in spans))

    def owner(start: int) -> str | None:
        before = [key for _, end, key in spans if end <= start]
        return before[-1] if before else titles[0] if len(titles) == 1 else None

    labelled = list(labels_in(text))
    labels = [
        (title, label)
        for start, _, label in labelled
        if (title := owner(start) if _is_named(text, start, label, spans) else None)
        or (label.clause.count(".") >= DEEP and not label.attached)
    ]
    articles: list[tuple[str, str]] = []
    for match in [*_ARTICLE_RE.finditer(text), *_BARE_ARTICLE.finditer(text)]:
        if any(start <= match.start() < end for start, end, _ in labelled):
            continue  # 附件1第一条 is not the document's own first article
        title, key = owner(match.start()), _match_key(match)
        if title and key:
            articles.append((title, key))
    numbers = tuple(dict.fromkeys(number_key(n) for n in _NUMBER.findall(text)))
    return Named(
        titles,
        tuple(dict.fromkeys(articles)),
        numbers,
        codes_in(query),
        tuple(dict.fromkeys(labels)),
    )


def _is_named(text: str, start: int, label: Label, spans: Sequence[tuple[int, int, str]]) -> bool:
    """Return whether a label can be no quantity: 3.5 counts only right behind a title, or as 第3.5条."""
    if (
        label.attached
        or label.items
        or label.clause[0].isalpha()
        or label.clause.count(".") >= DEEP
    ):
        return True
    behind = any(text[end:start] in _LINKS for _, end, _ in spans if end <= start)
    return behind or text[start] == "第"


def _match_key(match: re.Match[str]) -> str | None:
    try:
        number = parse_numeral(match["number"])
        branch = parse_numeral(match["branch"]) if match["branch"] else None
    except ValueError:
        return None
    if not 1 <= number <= 9999:
        return None
    return f"{number}" if branch is None else f"{number}-{branch}"


def _title_spans(text: str, lexicon: Iterable[str]) -> list[tuple[int, int, str]]:
    """Return (start, end, title key) of the titles in a text, longest first, not overlapping."""
    short_names = abbreviations()
    names = short_names | {name: name for name in lexicon}
    taken = [False] * len(text)
    spans: list[tuple[int, int, str]] = []
    for name in sorted(names, key=len, reverse=True):
        start = text.find(name)
        while name and start >= 0:
            end = start + len(name)
            if not any(taken[start:end]) and _stands_alone(text, start, end):
                taken[start:end] = [True] * len(name)
                spans.append((start, end, names[name]))
            start = text.find(name, end)
    return sorted(spans)


def _stands_alone(text: str, start: int, end: int) -> bool:
    after = text[end : end + 1]
    if text[end - 1] == "法" and after and (after in _NOT_A_LAW or after == "典"):
        return False
    if end - start > SHORT or start == 0 or text[:start].endswith(PREFIX):
        return True
    before = text[start - 1]
    return before in _BEFORE_SHORT or not "\u4e00" <= before <= "\u9fff"


# --- citations in a written text -----------------------------------------------------------------

_PART = rf"(?:第\s*{NUMERAL}\s*款)?(?:第\s*[（(]?\s*{NUMERAL}\s*[）)]?\s*项)?"
_BRACKETED = r"《(?P<title>[^《》]*(?:《[^《》]*》[^《》]*)*)》(?:[（(][^（）()]{1,20}[）)])?"
_UNBRACKETED = (
    r"(?P<name>(?:(?!第[0-9零〇一二三四五六七八九十百千两]+条)[\u4e00-\u9fff]){1,24}?(?:法典|法|条例|办法|规定|细则|规程|规范|标准|指南|解释|通知))"
    r"(?:[（(][^（）()]{1,20}[）)])?(?=第\s*[0-9０-９零〇一二三四五六七八九十百千两]+\s*条)"
)
_CITED = re.compile(
    rf"{_BRACKETED}|{_UNBRACKETED}"
    rf"|(?P<range>{ARTICLE}\s*(?:至|到|－|—|–|-|~|～)\s*第\s*(?P<last>{NUMERAL})\s*条)".replace(
        "(?P<number>", "(?P<first>"
    ).replace("(?P<branch>", "(?P<first_branch>")
    + rf"|(?P<article>{ARTICLE}(?P<part>{_PART}))"
)
_LEADING = re.compile(
    r"^.*(?:根据|依据|按照|依照|违反|参照|符合|遵守|适用|以及|规定|明确|见|按|依|和|与|及|对|在|由|经|向)"
)
_SELF = ("本法", "该法", "本条例", "该条例", "本办法", "该办法", "本规定", "该规定", "同法", "前法")
MOST_IN_RANGE = 50


def parse_citations(text: str, known: Sequence[str] = ()) -> list[tuple[str, str | None]]:
    """Return the clauses that a text cites, as (title as written, article label), in order.

    《…》第三十五条第一款, Arabic numerals, ranges (第十条至第十二条), a bare 第三十五条 after a title
    (it belongs to the last title), and unmarked names (土地管理法第三十五条) are read. A title without
    an article gives (title, None). An article before any title gives ("", label).

    Args:
        text: What was written.
        known: Titles or keys to recognise where they stand without book-title marks.
    """
    found: list[tuple[str, str | None]] = []
    title, open_title = "", False
    keys = sorted({title_key(k) for k in known} | set(abbreviations()), key=len, reverse=True)
    for match in _CITED.finditer(text):
        if match["title"] is not None or match["name"] is not None:
            if open_title:
                found.append((title, None))
            name = match["title"] if match["title"] is not None else _unmarked(match["name"], keys)
            if name in _SELF:
                open_title = False
                continue
            title, open_title = name.strip(), True
        elif match["range"] is not None:
            open_title = False
            found.extend((title, label) for label in _range(match))
        else:
            open_title = False
            if key := _match_key(match):
                part = re.sub(r"\s+", "", match["part"] or "")
                found.append((title, article_label(key) + part))
    if open_title:
        found.append((title, None))
    return list(dict.fromkeys(found))


def _range(match: re.Match[str]) -> list[str]:
    try:
        first, last = parse_numeral(match["first"]), parse_numeral(match["last"])
    except ValueError:
        return []
    if not 1 <= first <= last <= 9999:
        return []
    last = min(last, first + MOST_IN_RANGE)
    return [article_label(str(number)) for number in range(first, last + 1)]


def _unmarked(name: str, keys: Sequence[str]) -> str:
    """Cut what leads up to an unmarked title: 根据土地管理法 → 土地管理法."""
    for key in keys:
        if name.endswith(key):
            return key
    for self_name in _SELF:
        if name.endswith(self_name):
            return self_name
    return _LEADING.sub("", name) or name
