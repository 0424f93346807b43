"""The ruled cells of a table on a page, and the words that stand in them."""

from bisect import bisect_right
from collections.abc import Sequence

from knowledge_base.parse.layout import (
    PARAGRAPH_START,
    Char,
    Rectangle,
    join_words,
    rows_of,
    segments,
)
from knowledge_base.parse.table import Grid


class CellGrid:
    """The ruled cells of one table, and the words put into them."""

    def __init__(self, cells: Sequence[Rectangle], tolerance: float) -> None:
        """Snap the cells' edges to rows and columns.

        Args:
            cells: Rectangles of the cells, merged ones whole.
            tolerance: Distance within which edges are the same.
        """
        self.xs = _snapped([x for c in cells for x in (c[0], c[2])], tolerance)
        self.ys = _snapped([y for c in cells for y in (c[1], c[3])], tolerance)
        self.rows, self.columns = max(len(self.ys) - 1, 0), max(len(self.xs) - 1, 0)
        self.box: Rectangle = (self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])
        self._cell_at: dict[tuple[int, int], int] = {}
        self._places: list[tuple[int, int, int, int]] = []
        self._chars: list[list[Char]] = []
        for cell in cells:
            c0, r0 = _nearest(self.xs, cell[0]), _nearest(self.ys, cell[1])
            c1, r1 = _nearest(self.xs, cell[2]), _nearest(self.ys, cell[3])
            if c1 <= c0 or r1 <= r0 or (r0, c0) in self._cell_at:
                continue
            index = len(self._places)
            self._places.append((r0, c0, r1 - r0, c1 - c0))
            self._chars.append([])
            for r in range(r0, r1):
                for c in range(c0, c1):
                    self._cell_at.setdefault((r, c), index)

    @property
    def is_table(self) -> bool:
        """Whether it has at least two rows or columns of cells, and is no mere frame."""
        return len(self._places) >= 2 and (self.rows >= 2 or self.columns >= 2)

    def take(self, char: Char, x: float, y: float) -> bool:
        """Put a character or run into the cell at a point; False when there is none."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        index = self._cell_at.get((row, column))
        if index is None:
            return False
        self._chars[index].append(char)
        return True

    def grid(self) -> Grid:
        """Return the cells with their words."""
        values: list[list[str | None]] = [[""] * self.columns for _ in range(self.rows)]
        spans: dict[tuple[int, int], tuple[int, int]] = {}
        for (row, column, down, right), chars in zip(self._places, self._chars, strict=True):
            if (down, right) != (1, 1):
                spans[row, column] = (down, right)
                for r in range(row, row + down):
                    for c in range(column, column + right):
                        values[r][c] = None
            values[row][column] = _cell_text(chars)
        return Grid(values, spans)

    def row_box(self, row: int) -> Rectangle:
        """Return the rectangle of a row."""
        return (self.xs[0], self.ys[row], self.xs[-1], self.ys[row + 1])


def _cell_text(chars: Sequence[Char]) -> str:
    text = ""
    for row in rows_of(segments(chars)) if chars else ():
        line = " ".join(run.text for run in row)
        text = f"{text}\n{line}" if text and PARAGRAPH_START.match(line) else join_words(text, line)
    return text


def _snapped(values: Sequence[float], tolerance: float) -> list[float]:
    out: list[float] = []
    last = None
    for value in sorted(values):
        if last is None or value - last > tolerance:
            out.append(value)
        last = value
    return out


def _nearest(values: Sequence[float], value: float) -> int:
    at = bisect_right(values, value)
    if at == 0:
        return 0
    if at == len(values) or value - values[at - 1] <= values[at] - value:
        return at - 1
    return at
