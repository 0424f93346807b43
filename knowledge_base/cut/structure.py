"""The structure of Chinese regulations: 编章节 headings, 条 with their items, attachments behind them.

Reads plain text; knows the conventions of statutes, not any particular one.
"""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from knowledge_base.describe.front import Front, read_front
from knowledge_base.numerals import NUMERAL, article_order, parse_numeral

Spans = Sequence[tuple[int, int]]

_ARTICLE = re.compile(
    rf"^[\s#*　]*第\s*(?P<number>{NUMERAL})\s*条(?:\s*之\s*(?P<branch>{NUMERAL}))?(?P<rest>.*)$"
)
_HEADING = re.compile(rf"^[\s#*　]*第\s*{NUMERAL}\s*(?P<kind>分编|编|章|节)(?P<rest>[\s　].*|)$")
_LEVELS = {"编": 0, "分编": 1, "章": 2, "节": 3}
_REFERENCE = ("第", "、", "和", "至", "及", "的", "规", "款", "，", "或", "所", "中", "以")
"""What follows an article number in a sentence that refers to it."""
_FIRST = frozenset("第#*")
"""Characters that begin an article or a heading."""
MAX_HEADING = 50


class Article(NamedTuple):
    """One 条 with everything up to the next."""

    label: str
    key: str
    heading_path: tuple[str, ...]
    text: str
    span: tuple[int, int]


@dataclass(frozen=True)
class Regulation:
    """A text of articles."""

    front: Front
    articles: tuple[Article, ...]


def lines_between(
    text: str, start: int = 0, end: int | None = None, skip: Spans = ()
) -> Iterator[tuple[str, int]]:
    """Yield (line, its offset) of a part of a text, leaving out the spans to skip.

    Args:
        text: The whole text.
        start: Offset of the part.
        end: End of the part; the text's by default.
        skip: Spans by offset, not overlapping; a line that one cuts is given without it.
    """
    end = len(text) if end is None else end
    position = start
    for hole_start, hole_end in (*skip, (end, end)):
        if hole_end < position:
            continue
        for line in text[position : min(hole_start, end)].split("\n"):
            yield line, position
            position += len(line) + 1
        position = max(hole_end, start)
        if position >= end:
            return


def heading_of(line: str) -> tuple[int, str] | None:
    """Return level (0 编 … 3 节) and name of a stripped heading line; None for any other line."""
    if len(line) > MAX_HEADING or "第" not in line:
        return None
    match = _HEADING.match(line)
    if match is None or line.endswith(("。", "；", "，")):
        return None
    name = re.sub(r"[\s　]+", " ", line.lstrip("#* ").strip())
    return _LEVELS[match["kind"]], name


def is_mark(line: str) -> bool:
    """Return whether a stripped line is a comment of Markdown or HTML."""
    return line.startswith("<!--") and line.endswith("-->")


def read_articles(
    text: str, start: int = 0, end: int | None = None, skip: Spans = ()
) -> tuple[Article, ...]:
    """Cut a text into articles; empty when it has none at line starts.

    A line is an article's start when its number goes on from the one before and it does not read
    like a reference (第五条第二款规定…). Items （一） and later paragraphs stay with their article.

    Args:
        text: The whole text; spans are offsets into it.
        start: Where to begin.
        end: Where to stop; the text's end by default.
        skip: Spans that are no running text (tables): left out of the articles' words.
    """
    articles: list[Article] = []
    headings: dict[int, str] = {}
    open_at: tuple[str, str, tuple[str, ...], int, list[str]] | None = None
    last = start

    def close() -> None:
        if open_at is not None:
            label, key, path, begun, body = open_at
            content = "\n".join([line for line in body if line])
            articles.append(Article(label, key, path, content, (begun, last)))

    for line, offset in lines_between(text, start, end, skip):
        stripped = line.strip()
        marked = stripped[:1] in _FIRST
        if marked and (heading := heading_of(stripped)):
            close()
            open_at = None
            level, name = heading
            headings = {k: v for k, v in headings.items() if k < level} | {level: name}
            continue
        previous = open_at[1] if open_at else (articles[-1].key if articles else None)
        if marked and (started := article_start(line, previous)):
            close()
            label, key, rest = started
            path = tuple(headings[k] for k in sorted(headings))
            open_at = (label, key, path, offset, [rest])
        elif open_at is not None:
            open_at[4].append("" if is_mark(stripped) else stripped)
        if stripped or open_at is None:
            last = offset + len(line)
    close()
    return tuple(articles)


_value = functools.lru_cache(maxsize=4096)(parse_numeral)


def article_start(line: str, previous: str | None) -> tuple[str, str, str] | None:
    """Return label, key and the rest of the line where an article starts; None elsewhere.

    Args:
        line: One line.
        previous: Key of the article before; None before the first.
    """
    match = _ARTICLE.match(line)
    if match is None:
        return None
    rest = match["rest"].lstrip("*")
    try:
        number = _value(match["number"])
        branch = _value(match["branch"]) if match["branch"] else 0
    except ValueError:
        return None
    before = article_order(previous) if previous else None
    follows = before is None or (number, branch) in (
        (before[0] + 1, 0),
        (before[0], before[1] + 1),
    )
    later = before is None or (number, branch) > before
    if rest[:1] in _REFERENCE or not later:
        return None
    if rest and not rest[0].isspace() and not follows:
        return None
    label = f"第{match['number']}条" + (f"之{match['branch']}" if match["branch"] else "")
    key = f"{number}-{branch}" if branch else str(number)
    return label, key, rest.lstrip(" \t　：:").rstrip()


def read_regulation(
    text: str, name: str, end: int | None = None, skip: Spans = ()
) -> Regulation | None:
    """Read a text as a regulation; None when it has no articles.

    Args:
        text: The whole text.
        name: File name without suffix; may end in the version's date, e.g. 土地管理法(2019-08-26).
        end: Where its attachments begin; the text's end by default.
        skip: Spans of tables.
    """
    articles = read_articles(text, 0, end, skip)
    if len(articles) < 2:
        return None
    head = text[: articles[0].span[0]]
    return Regulation(read_front(head, name, [a.text for a in articles[-4:]]), articles)
