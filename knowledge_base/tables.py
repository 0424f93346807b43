"""Tables as passages: whole, with caption and unit; a very long one is cut by rows.

The row-wise form (列名：值；…, one line a row) is what is searched; every part of a cut table has its
caption in the heading path and its header rows in the HTML.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from knowledge_base.parse.source import SourceText, Table
from knowledge_base.piece import Piece

MAX_CHARACTERS = 12_000
"""Of a table that stays whole."""
PART_CHARACTERS = 4_000
CAPTION_REACH = 200
"""Characters before a table in which its caption and unit stand."""
_ROW = re.compile(r"<tr\b.*?</tr\s*>", re.DOTALL | re.IGNORECASE)
_HEADER = re.compile(r"<th\b", re.IGNORECASE)
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
    for number, (table, (start, end)) in enumerate(zip(source.tables, regions, strict=True), 1):
        at = bisect_right(outline, start, key=lambda entry: entry[0]) - 1
        above = outline[at][1] if at >= 0 else ()
        caption = table.caption.strip() or f"表（第{number}个，原文无表题）"
        if table.unit and table.unit not in caption:
            caption += f"（{table.unit.strip('（）()')}）"
        path = above if above[-1:] == (caption,) else (*above, caption)
        if end - start <= MAX_CHARACTERS:
            text = source.text[start:end].strip()
            if text:
                yield Piece(
                    text, (start, end), "table", f"t{number:04d}", path, html=table.html or None
                )
        else:
            yield from _parts(source.text, table, (start, end), f"t{number:04d}", path)


def _parts(
    text: str, table: Table, region: tuple[int, int], name: str, path: tuple[str, ...]
) -> Iterator[Piece]:
    begun = table.span[0]
    rows = _row_spans(text, begun, region[1])
    head, body = _html_rows(table.html, len(rows))
    open_rows = _open_rows(body)
    first = 0
    part = 0
    while first < len(rows):
        stop = first + 1
        while stop < len(rows) and (
            rows[stop][1] - rows[first][0] <= PART_CHARACTERS or stop in open_rows
        ):
            if rows[stop][1] - rows[first][0] > 2 * PART_CHARACTERS:
                break
            stop += 1
        part += 1
        start = region[0] if first == 0 else rows[first][0]
        end = rows[stop - 1][1]
        html = f"<table>{''.join(head)}{''.join(body[first:stop])}</table>" if body else None
        yield Piece(
            text[start:end].strip(),
            (start, end),
            "table",
            f"{name}-{part}r",
            (*path, f"第{first + 1}—{stop}行"),
            html=html,
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
