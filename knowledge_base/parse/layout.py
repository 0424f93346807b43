"""From placed characters or recognised lines to lines in reading order and paragraphs.

Works on positions alone, so a text layer and a scan take the same way. Lengths are in the page's
own units (points or pixels).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ENDS = "。；：！？;:!?）)》”"
PARAGRAPH_START = re.compile(
    r"^\s*(?:第\s*[零〇一二三四五六七八九十百千0-9]+\s*[条章节编]|[（(][一二三四五六七八九十0-9]+[）)]"
    r"|[一二三四五六七八九十]+、|\d{1,2}(?:\.\d{1,2})*[\s、.．]|[①-⑳]"
    r"|(?:附?表|附?图|附件|附录|注)\s*[\d：:])"
)
_WIDE = "\u2e80"
"""From here on characters are full-width: no space is written between them."""
COLUMN_GAP = 2.0
"""Gap within a visual line, in character sizes, that may be the gutter of two columns."""
Rectangle = tuple[float, float, float, float]
"""x0, top, x1, bottom."""
Char = tuple[float, float, float, float, float, float, str]
"""Middle, x0, x1, top, bottom, size, text of a character."""


@dataclass(slots=True)
class Segment:
    """A run of characters on one visual line."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    size: float


@dataclass(slots=True)
class TextLine:
    """A line of the page in reading order, with the margins it was set between."""

    text: str
    x0: float
    top: float
    x1: float
    bottom: float
    size: float
    apart: bool = False
    """Made of runs that stand apart, as in a table without rules: no part of a paragraph."""
    left: float = 0.0
    right: float = 0.0
    column: bool = False
    """Stands in one of two columns."""


def segments(chars: Iterable[Char]) -> list[Segment]:
    """Join characters to runs, from top to bottom and left to right.

    Args:
        chars: (middle, x0, x1, top, bottom, size, text) each.
    """
    found: list[Segment] = []
    row: list[Char] = []
    reference = 0.0
    for char in sorted(chars):
        middle, size = char[0], char[5]
        if row and middle - reference > 0.45 * size:
            _runs(row, found)
            row = []
        if not row:
            reference = middle
        row.append(char)
    if row:
        _runs(row, found)
    return found


def _runs(row: list[Char], found: list[Segment]) -> None:
    """Cut one visual line at wide gaps and append its runs."""
    row.sort(key=_left)
    parts: list[str] = []
    start = top = bottom = size = 0.0
    end = before = 0.0
    spaced = False
    for _, x0, x1, above, below, height, text in row:
        if text.isspace():
            spaced = True
            continue
        if parts:
            gap = x0 - end
            if text == parts[-1] and x0 - before < 0.25 * size:
                continue
            if gap > COLUMN_GAP * size:
                found.append(Segment("".join(parts), start, top, end, bottom, size))
                parts = []
            elif gap > 0.2 * size and (
                spaced or gap > 0.7 * size or (text < _WIDE and parts[-1] < _WIDE)
            ):
                parts.append(" ")
            spaced = False
        if not parts:
            start, top, bottom, size = x0, above, below, height
            end = x1
        parts.append(text)
        before = x0
        end = max(end, x1)
        top, bottom, size = min(top, above), max(bottom, below), max(size, height)
    if parts:
        found.append(Segment("".join(parts), start, top, end, bottom, size))


def _left(char: Char) -> float:
    return char[1]


def rows_of(runs: Sequence[Segment]) -> list[list[Segment]]:
    """Group runs to visual lines, from top to bottom, each from left to right."""
    rows: list[list[Segment]] = []
    for run in sorted(runs, key=lambda s: ((s.top + s.bottom) / 2, s.x0)):
        middle = (run.top + run.bottom) / 2
        if rows and middle - (rows[-1][0].top + rows[-1][0].bottom) / 2 <= 0.5 * min(
            run.size, rows[-1][0].size
        ):
            rows[-1].append(run)
        else:
            rows.append([run])
    for row in rows:
        row.sort(key=lambda s: s.x0)
    return rows


def reading_order(runs: Sequence[Segment], width: float) -> list[TextLine]:
    """Return the lines of a page; two columns are read one after the other."""
    rows = rows_of(runs)
    middle = gutter(rows, width)
    if middle is None:
        return _margins([_joined(row) for row in rows])
    lines: list[TextLine] = []
    left: list[TextLine] = []
    right: list[TextLine] = []
    for row in rows:
        if any(run.x0 < middle < run.x1 for run in row):
            lines += _margins(left, True) + _margins(right, True) + _margins([_joined(row)])
            left, right = [], []
            continue
        for side, chosen in (
            (left, [run for run in row if run.x1 <= middle]),
            (right, [run for run in row if run.x0 >= middle]),
        ):
            if chosen:
                side.append(_joined(chosen))
    return lines + _margins(left, True) + _margins(right, True)


def gutter(rows: Sequence[Sequence[Segment]], width: float) -> float | None:
    """Return the x of the gutter of a two-column page, None for one column.

    Both sides must hold running text on most lines, so that forms, signatures and tables without
    rules stay as they are.
    """
    if len(rows) < 8 or width <= 0:
        return None
    bins = 60
    crossing = [0] * (bins + 1)
    first, step = 0.35 * width, 0.3 * width / bins
    for row in rows:
        for run in row:
            a = max(0, int((run.x0 - first) / step) if run.x0 > first else 0)
            b = min(bins, int((run.x1 - first) / step) + 1 if run.x1 > first else 0)
            if a < b:
                crossing[a] += 1
                crossing[b] -= 1
    total = 0
    for at in range(bins):
        total += crossing[at]
        crossing[at] = total
    least = min(crossing[:bins])
    if least > 0.2 * len(rows):
        return None
    best = max(_stretches(crossing[:bins], least), key=lambda s: s[1] - s[0])
    middle = first + step * (best[0] + best[1]) / 2
    both = [
        row for row in rows if any(r.x1 <= middle for r in row) and any(r.x0 >= middle for r in row)
    ]
    if len(both) < max(6, 0.45 * len(rows)):
        return None
    long = sum(
        1
        for row in both
        if sum(len(r.text) for r in row if r.x1 <= middle) >= 10
        and sum(len(r.text) for r in row if r.x0 >= middle) >= 10
        and len(row) == 2
    )
    return middle if long >= 0.6 * len(both) else None


def _stretches(values: Sequence[int], wanted: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    start = None
    for at, value in enumerate([*values, wanted + 1]):
        if value == wanted and start is None:
            start = at
        elif value != wanted and start is not None:
            found.append((start, at))
            start = None
    return found


def _joined(row: Sequence[Segment]) -> TextLine:
    return TextLine(
        " ".join(run.text for run in row),
        row[0].x0,
        min(run.top for run in row),
        row[-1].x1,
        max(run.bottom for run in row),
        max(run.size for run in row),
        len(row) > 1,
    )


def _margins(lines: list[TextLine], column: bool = False) -> list[TextLine]:
    left = min((line.x0 for line in lines), default=0.0)
    right = max((line.x1 for line in lines), default=0.0)
    for line in lines:
        line.left, line.right, line.column = left, right, column
    return lines


def goes_on(before: TextLine, line: TextLine, *, same_page: bool = True) -> bool:
    """Return whether a line continues the paragraph of the line before it."""
    size = max(before.size, 1e-6)
    if before.apart or line.apart or before.text[-1:] in _ENDS or PARAGRAPH_START.match(line.text):
        return False
    if before.x1 < before.right - 0.15 * (before.right - before.left):
        return False
    if abs(line.size - before.size) > 0.2 * size or line.x0 > line.left + 1.2 * size:
        return False
    return not same_page or line.top - before.bottom < 1.6 * size


def join_words(first: str, second: str) -> str:
    """Join two visual lines: with a space only between words of Latin letters."""
    spaced = first[-1:] < _WIDE and second[:1] < _WIDE and first[-1:] != "-"
    return f"{first} {second}" if first and second and spaced else first + second


def inside(run: Segment, box: Rectangle) -> bool:
    """Return whether the middle of a run lies in a rectangle."""
    x, y = (run.x0 + run.x1) / 2, (run.top + run.bottom) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]
