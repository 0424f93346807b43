"""Running text to pieces: cut at headings and numbered clauses, then to windows at sentence ends."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge_base.cut.contents import is_contents
from knowledge_base.cut.headings import ITEM, Heading, goes_on, read_heading
from knowledge_base.cut.piece import Piece
from knowledge_base.cut.structure import Spans, lines_between
from knowledge_base.cut.terms import defined_terms, term_of_heading

WINDOW = 480
"""Characters of a passage of running text; the embedder reads about 512 tokens."""
OVERLAP = 80
_SENTENCE_END = re.compile(r"[。；！？\n]")
_ITEM_START = re.compile(r"^[ \t　\-]*[（(](\d{1,2})[）)]", re.MULTILINE)
_CIRCLED_START = re.compile(r"^[ \t　]*([①-⑳])", re.MULTILINE)
_TERMS = re.compile(r"术[\s　]*语")


@dataclass(frozen=True)
class Section:
    """A run of text under one heading path."""

    path: tuple[str, ...]
    start: int
    """Offset of its text; that of its heading line for a term."""
    end: int
    label: str = ""
    """Number of its clause, e.g. 5.6.2 or 5.6.2.2(2); empty where clauses are not numbered."""
    term: str = ""
    """The term that it defines."""


def read_sections(
    text: str, start: int = 0, end: int | None = None, skip: Spans = ()
) -> list[Section]:
    """Cut a part of a text at its headings; tables of contents are left out.

    Args:
        text: The whole text; offsets are into it.
        start: Where to begin.
        end: Where to stop; the text's end by default.
        skip: Spans of tables and tables of contents, in which nothing is a heading.
    """
    end = len(text) if end is None else end
    found = [
        heading
        for line, offset in lines_between(text, start, end, skip)
        if (heading := read_heading(line, offset))
    ]
    headings = _demoted(text, _plausible(found), end)
    sections: list[Section] = []
    open_headings: list[Heading] = []
    stops = [*(heading.start for heading in headings[1:]), end]
    first = headings[0].start if headings else end
    if text[start:first].strip():
        sections.append(Section((), start, first))
    for heading, stop in zip(headings, stops, strict=False):
        open_headings = [h for h in open_headings if _stays(h, heading)]
        own = heading.clause or heading.rules
        path = tuple(h.name for h in open_headings)
        if not heading.clause:
            open_headings.append(heading)
        begun = heading.start if own else min(heading.end + 1, stop)
        if not text[begun:stop].strip():
            continue
        if not own:
            path = (*path, heading.name)
        section = Section(path, begun, stop, _label(open_headings, heading))
        sections.append(_as_term(text, section, heading))
    return [s for s in sections if not is_contents(text[s.start : s.end])]


def _plausible(headings: Sequence[Heading]) -> list[Heading]:
    """Leave out decimal numbers that do not go on from the one before (quantities, list items)."""
    kept: list[Heading] = []
    before: tuple[int, ...] | None = None
    for heading in headings:
        if heading.number is None:
            if heading.level is not None and heading.level < 12:
                before = None
            kept.append(heading)
            continue
        restarts = not heading.clause and heading.number in ((1,), (1, 1))
        if goes_on(before, heading.number) or restarts or heading.hashes is not None:
            before = heading.number
            kept.append(heading)
    return kept


def _demoted(text: str, headings: Sequence[Heading], end: int) -> list[Heading]:
    """Leave out headings with nothing under them: items of a list, which are text.

    A numbered clause that lays down a rule on its one line stays: it is cited by its number.
    """
    kept: list[Heading] = []
    for at, heading in enumerate(headings):
        below = headings[at + 1] if at + 1 < len(headings) else None
        ruled = heading.number is not None and len(heading.number) > 1 and heading.rules
        empty = (
            not (heading.clause or ruled)
            and not text[heading.end : below.start if below else end].strip()
        )
        if not empty or (below is not None and heading.is_above(below)):
            kept.append(heading)
    return kept


def _stays(held: Heading, new: Heading) -> bool:
    """Return whether a heading stays in the path when a new one comes."""
    if held.level is not None and new.level is not None:
        return held.level < new.level
    if held.hashes is not None and new.hashes is not None:
        return held.hashes < new.hashes
    return held.level is None


def _label(path: Sequence[Heading], heading: Heading) -> str:
    decimal = next((h.label for h in reversed(path) if h.number is not None), "")
    if heading.clause:
        return heading.label
    if not decimal:
        return ""
    return decimal + "".join(h.label for h in path if h.level == ITEM)


def _as_term(text: str, section: Section, heading: Heading) -> Section:
    """Mark the section of a term: a clause 3.1 in a chapter of terms; its heading belongs to it."""
    if heading.number is None or len(heading.number) < 2:
        return section
    if not any(_TERMS.search(name) for name in section.path[:-1] or section.path):
        return section
    body = text[heading.end : section.end].strip()
    name = heading.name if not heading.clause else text[heading.start : heading.end]
    term = term_of_heading(name) or term_of_heading(body.split("\n", 1)[0])
    return replace(section, start=heading.start, term=term) if term else section


def section_pieces(text: str, sections: Sequence[Section], skip: Spans) -> Iterator[Piece]:
    """Yield the pieces of sections: at most `WINDOW` characters, cut at items and sentence ends.

    Args:
        text: The whole text.
        sections: From `read_sections`.
        skip: Spans of tables with their captions, and of tables of contents: left out.
    """
    at = 0
    for section in sections:
        position = section.start
        while at < len(skip) and skip[at][1] <= position:
            at += 1
        ahead = at
        holes = []
        while ahead < len(skip) and skip[ahead][0] < section.end:
            holes.append(skip[ahead])
            ahead += 1
        for hole_start, hole_end in (*holes, (section.end, section.end)):
            if position < hole_start:
                yield from _run(text, section, position, hole_start)
            position = max(position, hole_end)


def _run(text: str, section: Section, start: int, end: int) -> Iterator[Piece]:
    label = section.label or None
    if section.term:
        yield from _term(text, section, start, end)
        return
    blocks = _blocks(text, start, end) if label else [(start, end, "")]
    for begun, stop, item in blocks:
        for a, b in windows(text, begun, stop):
            words = text[a:b].strip()
            if words:
                yield Piece(
                    words,
                    (a, b),
                    "text",
                    path=section.path,
                    article=f"{label}{item}" if label else None,
                    terms=defined_terms(words),
                )


def _term(text: str, section: Section, start: int, end: int) -> Iterator[Piece]:
    for number, (a, b) in enumerate(windows(text, start, end)):
        words = text[a:b].strip().lstrip("#* ")
        if words:
            yield Piece(
                words,
                (a, b),
                "term",
                path=section.path,
                article=section.label or None,
                terms=(section.term,) if number == 0 else (),
            )


def _blocks(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    """Cut a long clause at its items (1), those that are long at ①; short neighbours stay together.

    Returns:
        (start, end, item) of each block; the item is empty where a block holds several.
    """
    if end - start <= WINDOW:
        return [(start, end, "")]
    blocks: list[tuple[int, int, str]] = []
    for begun, stop, item in _items(text, start, end, _ITEM_START):
        if stop - begun <= WINDOW:
            blocks.append((begun, stop, item))
            continue
        inner = _items(text, begun, stop, _CIRCLED_START)
        blocks.extend(_joined([(a, b, item + circled) for a, b, circled in inner], item))
    return _joined(blocks, "")


def _items(text: str, start: int, end: int, mark: re.Pattern[str]) -> list[tuple[int, int, str]]:
    """Cut a run at the lines that begin an item; what stands before the first has no name."""
    marks = [(m.start(), m[1]) for m in mark.finditer(text, start, end)]
    begins = [(start, ""), *((at, f"({n})" if n.isdecimal() else n) for at, n in marks)]
    stops = [*(at for at, _ in marks), end]
    return [
        (at, stop, name)
        for (at, name), stop in zip(begins, stops, strict=True)
        if text[at:stop].strip()
    ]


def _joined(blocks: Sequence[tuple[int, int, str]], shared: str) -> list[tuple[int, int, str]]:
    """Join neighbours up to a window; a joined block bears the name that all share."""
    joined: list[tuple[int, int, str]] = []
    for block in blocks:
        stop, item = block[1:]
        apart = not shared and (_is_part(item) or (joined and _is_part(joined[-1][2])))
        if joined and not apart and stop - joined[-1][0] <= WINDOW:
            joined[-1] = (joined[-1][0], stop, shared)
        else:
            joined.append(block)
    return joined


def _is_part(item: str) -> bool:
    """Return whether a name is that of a part of an item, such as (2)③."""
    return ")" in item[:-1]


def windows(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield spans of at most `WINDOW` characters, cut at sentence ends, a little overlapping."""
    position = start
    while position < end:
        stop = _cut(text, position, end)
        yield position, stop
        if stop >= end:
            return
        position = _overlap_start(text, position, stop)


def _cut(text: str, start: int, end: int) -> int:
    """Return where the window from `start` ends: the last sentence end in it, else its size."""
    if end - start <= WINDOW:
        return end
    ends = [m.end() for m in _SENTENCE_END.finditer(text, start + WINDOW // 2, start + WINDOW)]
    return ends[-1] if ends else start + WINDOW


def _overlap_start(text: str, start: int, stop: int) -> int:
    """Return where the next window begins: a sentence start within the overlap."""
    earliest = max(start + 1, stop - OVERLAP)
    match = _SENTENCE_END.search(text, earliest, stop - 1)
    return match.end() if match else stop
