"""Headings of running text: Markdown marks, 编章节, 一、（一）, and the numbered clauses of standards.

Knows the shapes of lines; what stands under a heading is for `sections`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_HEADING = 90
MAX_CONTENTS_LINE = 160
_CONTENTS_LINE = re.compile(
    r"(?:\.{4,}|…{2,}|·{4,}|\t|[ 　]{3,})\s*[0-9ⅠⅡⅢⅣⅤIVX]+\s*$|^[^。；]{1,60}\t[0-9IVX]*\s*$"
)
_ROW = re.compile(r"\d[\d.,%]*[ 　]+-?\d[\d.,%]*$")
"""End of a row of a table whose lines were lost."""
_NUMBERED = re.compile(
    r"^[\s　*]*(?P<hashes>#{0,6})[\s　*]*(?:"
    r"(?P<decimal>(?:\d{1,2}|[A-Z](?=\.\d))(?:\.\d{1,2}){0,4})(?:[\s　]+|(?=[\u4e00-\u9fff“《]))(?P<named>\S.*)?"
    r"|(?P<alone>(?:\d{1,2}|[A-Z])(?:\.\d{1,2}){1,4})\s*$"
    r"|第[一二三四五六七八九十百0-9]{1,4}(?P<chapter>分编|[编章节])(?=[\s　]|$|[^\s条的、]).*"
    r"|(?P<chinese>[一二三四五六七八九十]{1,3})、.*"
    r"|[（(](?P<bracketed>[一二三四五六七八九十]{1,3})[）)].*"
    r"|(?P<dotted>\d{1,2})[.．、][^\d].*"
    r"|[（(](?P<item>\d{1,2})[）)].*"
    r")"
)
_MARKED = re.compile(r"^\s*(#{1,6})\s+(\S.*)$")
_LEVELS = {"编": 7, "分编": 8, "章": 9, "节": 10}
_LEVELS_OF_CLAUSES = 11
ITEM = 20
_UNNUMBERED = re.compile(r"[前引][\s　]*言")
"""Chapters of a standard that bear no number."""
_FIRST = frozenset("#*第前引（(一二三四五六七八九十0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Characters that begin a heading."""
_SENTENCE = re.compile(r"[。；！？]")
_CLAUSE_UNIT = re.compile(
    r"^(?:万|亿|%|％|‰|公顷|平方|亩|公里|千米|厘米|毫米|km|hm|m(?![A-Za-z])|个(?!人|体|案|性)|米(?!字))"
    r"|^(?:年|月|日|天|时|人|户|项|条|类|种|处|座|倍|级|套|层|元|次|分|号)(?=$|[，。；、的以及内之（( 　])"
)
"""What follows a quantity at the beginning of a line, not the number of a clause."""
_DUTY = re.compile(
    r"不得|严禁|必须|应当|不应|不宜|禁止(?![建开][设发]区|区)"
    r"|(?<![相对适反供响])应(?=[不按符设采满控优严留保达与为在由小大高低])|(?<![适便])宜(?=[不按设采控为在小大])"
)
_BOUND = re.compile(
    r"(?:不(?:少|多|大|小|高|低|超过|足|短|长)于?|控制在|至少|达到|[≤≥<>＜＞]|退让|为|至)[^\d，。]{0,8}\d"
    r"|\d[\d.,]*[\s　]*\S{1,4}以[内上下](?:$|[，；])"
)


@dataclass(frozen=True)
class Heading:
    """A line that heads what follows, or begins a numbered clause."""

    start: int
    end: int
    """Behind the line's text, before its line break."""
    name: str
    level: int | None
    """Of a numbered heading, 7 and up; None for one that has Markdown marks alone."""
    hashes: int | None
    number: tuple[int, ...] | None = None
    """Of a decimal clause: 5.6.2 → (5, 6, 2); an annex's letter counts from 1001."""
    label: str = ""
    """5.6.2, or (2) for an item."""
    clause: bool = False
    """The line is the clause's own text, not a heading above it."""

    @property
    def rules(self) -> bool:
        """Whether the line itself lays down a duty or a measure: 3.1 建设用地规模控制在120公顷以内."""
        return (self.level or 0) >= _LEVELS_OF_CLAUSES and (
            _DUTY.search(self.name) is not None or _BOUND.search(self.name) is not None
        )

    def is_above(self, other: "Heading") -> bool:
        """Return whether another heading that follows directly stands below this one."""
        if self.level is not None and other.level is not None:
            return other.level > self.level
        if self.hashes is not None and other.hashes is not None:
            return other.hashes > self.hashes
        return self.level is None


def is_contents_line(line: str) -> bool:
    """Return whether a line ends in a page number behind leader dots, a tab or a gap."""
    return len(line) <= MAX_CONTENTS_LINE and _CONTENTS_LINE.search(line) is not None


def read_heading(line: str, start: int) -> Heading | None:
    """Read one line; None when it is running text, blank, or an entry of a table of contents."""
    stripped = line.strip()
    if stripped[:1] not in _FIRST:
        return None
    end = start + len(line)
    if len(line) > MAX_HEADING or _SENTENCE.search(stripped):
        return _clause(line, start, end)
    if is_contents_line(line):
        return None
    if _ROW.search(stripped) and not stripped.startswith("#"):
        return None
    name = stripped.lstrip("# 　").strip("* 　")
    if _UNNUMBERED.fullmatch(name):
        return Heading(start, end, name, 13, None)
    marked = _MARKED.match(line)
    hashes = len(marked[1]) if marked else None
    match = _NUMBERED.match(line)
    if match is None:
        return Heading(start, end, name, None, hashes) if marked and name else None
    if match["chapter"]:
        rest = name[name.index(match["chapter"]) + len(match["chapter"]) :]
        if rest[:1] not in ("", " ", "　") and not marked and len(rest) > 20:
            return None
        return Heading(start, end, name, _LEVELS[match["chapter"]], hashes)
    if match["chinese"]:
        return _short(Heading(start, end, name, 11, hashes), 46)
    if match["bracketed"]:
        return _short(Heading(start, end, name, 12, hashes), 40)
    if match["item"]:
        return _short(Heading(start, end, name, ITEM, hashes, label=f"({match['item']})"), 40)
    if match["dotted"]:
        return _short(Heading(start, end, name, 13, hashes), 40)
    number = match["decimal"] or match["alone"]
    named = match["named"] or ""
    if match["alone"] is None and (_CLAUSE_UNIT.match(named) or named[:1].isdigit()):
        return None
    if (
        match["alone"] is None
        and "." not in number
        and not re.match(r".*[\s　]", name[: len(number) + 1])
    ):
        return None
    if len(named) > 46 and not marked:
        return _clause(line, start, end)
    parts = _parts(number)
    return Heading(start, end, name, 12 + len(parts), hashes, parts, number)


def _short(heading: Heading, limit: int) -> Heading | None:
    if len(heading.name) > limit and heading.hashes is None:
        return None
    if heading.name.endswith(("：", ":", "，", "、")) and heading.hashes is None:
        return None
    return heading


_CLAUSE = re.compile(r"^[\s　#*]*((?:\d{1,2}|[A-Z])(?:\.\d{1,2}){1,4})[\s　*]+(\S)")


def _clause(line: str, start: int, end: int) -> Heading | None:
    """Read the beginning of a numbered clause whose own text stands on the line."""
    match = _CLAUSE.match(line[:80])
    if (
        match is None
        or match[2].isdigit()
        or _CLAUSE_UNIT.match(line[match.start(2) : match.start(2) + 4])
    ):
        return None
    parts = _parts(match[1])
    return Heading(start, end, match[1], 12 + len(parts), None, parts, match[1], clause=True)


def _parts(number: str) -> tuple[int, ...]:
    first, *rest = number.split(".")
    head = int(first) if first.isdigit() else 1000 + ord(first) - ord("A") + 1
    return (head, *(int(part) for part in rest))


def goes_on(before: Sequence[int] | None, number: Sequence[int]) -> bool:
    """Return whether a decimal number can follow another: 4.2 after 4.1.3, 5 after 4.9, not 3.5."""
    if before is None:
        return len(number) > 1 or number[0] <= 3
    if tuple(number) <= tuple(before):
        return False
    shared = 0
    while shared < min(len(before), len(number)) and before[shared] == number[shared]:
        shared += 1
    if shared == len(before):
        return all(part <= 2 for part in number[shared:])
    step = number[shared] - before[shared]
    if shared == 0 and number[0] > 1000 >= before[0]:
        return True
    return step <= 3 and all(part <= 2 for part in number[shared + 1 :])
