"""Tables as passages: whole, with caption and unit; a very long one is cut by rows.

The row-wise form (列名：值；…, one line a row) is what is searched; every part of a cut table has its
caption in the heading path and its header rows in the HTML.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from knowledge_base.cut.piece import Piece
from knowledge_base.parse.source import SourceText, Table

MAX_CHARACTERS = 12_000
"""Of a table that stays whole."""
PART_CHARACTERS = 4_000
HEADER_LINE = "表头："
"""Begins the line of a row-wise form that tells the header; it is no row."""
CAPTION_REACH = 200
"""Characters before a table in which its caption and unit stand."""
_ROW = re.compile(r"<tr\b.*?</tr\s*>", re.DOTALL | re.IGNORECASE)
_HEADER = re.compile(r"<th\b", re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_ROWSPAN = re.compile(r"rowspan\s*=\s*[\"']?(\d{1,6})", re.IGNORECASE)

Outline = Sequence[tuple[int, tuple[str, ...]]]
"""(offset, heading path that holds from there on), by offset."""


def table_regions(source: SourceText) -> tuple[tuple[int, int], ...]:
    """Return the span of each table with the lines of its caption and unit before it."""
    regions: list[tuple[int, int]] = []
    before = 0
    for table in source.tables:
        regions.append((_with_caption(source.text, table, before), table.span[1]))
        before = table.span[1]
    return tuple(regions)


def _with_caption(text: str, table: Table, earliest: int) -> int:
    """Return where the lines of caption and unit directly above a table begin."""
    start = table.span[0]
    wanted = [_bare(words) for words in (table.caption, table.unit) if words]
    if not wanted:
        return start
    floor = max(earliest, start - CAPTION_REACH - sum(map(len, wanted)))
    found = position = start
    for number, line in enumerate(reversed(text[floor:start].split("\n"))):
        position -= len(line) + (1 if number else 0)
        words = _bare(line)
        if not words:
            continue
        if (
            not any(one in words or (words in one and 2 * len(words) >= len(one)) for one in wanted)
            or len(words) > 2 * max(map(len, wanted)) + 20
        ):
            break
        found = max(position, floor)
    return found


def _bare(text: str) -> str:
    return re.sub(r"[\s#*　]+", "", text)


def table_pieces(
    source: SourceText, regions: Sequence[tuple[int, int]], outline: Outline
) -> Iterator[Piece]:
    """Yield one piece a table, or several for a very long one.

    Args:
        source: The text with its tables.
        regions: From `table_regions`.
        outline: The headings, to say under which one a table stands.
    """
    before: Table | None = None
    named = done = 0
    for number, (table, region) in enumerate(zip(source.tables, regions, strict=True), 1):
        goes_on = before is not None and _goes_on(source.text, before, table)
        named, done = (named, done + before.rows) if goes_on and before else (named + 1, 0)
        at = bisect_right(outline, region[0], key=lambda entry: entry[0]) - 1
        above = outline[at][1] if at >= 0 else ()
        caption = table.caption.strip() or f"表（第{named}个，原文无表题）"
        if table.unit and table.unit not in caption:
            caption += f"（{table.unit.strip('（）()')}）"
        path = above if above[-1:] == (caption,) else (*above, caption)
        yield from _pieces(source.text, table, region, f"t{number:04d}", path, done)
        before = table


def _goes_on(text: str, one: Table, two: Table) -> bool:
    """Return whether a table is the next block of the one before: adjacent, under the same header."""
    if two.caption or text[one.span[1] : two.span[0]].strip() or not one.rows:
        return False
    head = two.html[: two.html.find("</tr>")]
    return "<th" in head and one.html.startswith(head)


def _pieces(
    text: str,
    table: Table,
    region: tuple[int, int],
    name: str,
    path: tuple[str, ...],
    done: int,
) -> Iterator[Piece]:
    """Yield a table whole, or in parts of about equal length that name their rows.

    Args:
        text: The whole text.
        table: The table.
        region: Its span with its caption.
        name: Beginning of the ids.
        path: Headings and caption.
        done: Rows that an earlier block of the same table held.
    """
    start, end = region
    if end - start <= MAX_CHARACTERS and not done:
        if words := text[start:end].strip():
            yield Piece(words, region, "table", name, path, html=table.html or None)
        return
    rows = _row_spans(text, table.span[0], end)
    told = 1 if rows and text.startswith(HEADER_LINE, rows[0][0]) else 0
    head, body = _html_rows(table.html, len(rows) - told)
    open_rows = {row + told for row in _open_rows(body)}
    target = (end - start) // (1 + (end - start) // PART_CHARACTERS) + 1
    first = part = 0
    while first < len(rows):
        stop = first + 1
        while stop < len(rows) and (
            rows[stop][1] - rows[first][0] <= target
            or (stop in open_rows and rows[stop][1] - rows[first][0] <= 2 * PART_CHARACTERS)
        ):
            stop += 1
        part += 1
        begun = start if first == 0 else rows[first][0]
        cells = body[max(first - told, 0) : stop - told]
        yield Piece(
            text[begun : rows[stop - 1][1]].strip(),
            (begun, rows[stop - 1][1]),
            "table",
            f"{name}-{part}r",
            (*path, f"第{done + max(first - told, 0) + 1}—{done + stop - told}行"),
            html=f"<table>{''.join(head)}{''.join(cells)}</table>" if body else None,
        )
        first = stop


def _row_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans, position = [], start
    for line in text[start:end].split("\n"):
        if line.strip():
            spans.append((position, position + len(line)))
        position += len(line) + 1
    return spans


def _html_rows(html: str, rows: int) -> tuple[list[str], list[str]]:
    """Return header and body rows; no body when they do not fit the rows of the text."""
    found = _ROW.findall(html)
    headers = 0
    while headers < len(found) and _HEADER.search(found[headers]):
        headers += 1
    head, body = found[:headers], found[headers:]
    if len(body) != rows:  # empty rows have no line in the text
        body = [row for row in body if _TAG.sub("", row).strip()]
    return (head, body) if len(body) == rows else ([], [])


def _open_rows(body: Sequence[str]) -> set[int]:
    """Return the rows into which a cell of an earlier row reaches."""
    reach, held = 0, set()
    for number, row in enumerate(body):
        if number < reach:
            held.add(number)
        for match in _ROWSPAN.finditer(row):
            reach = max(reach, number + int(match[1]))
    return held
