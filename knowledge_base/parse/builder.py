"""Write a `SourceText` line by line, keeping account of pages, boxes and tables."""

from collections.abc import Sequence

from cspon.schemas.knowledge import Box
from knowledge_base.parse.source import Line, SourceText, Table
from knowledge_base.parse.table import (
    Grid,
    caption_and_unit,
    grid_html,
    is_unit_line,
    peel,
    row_lines,
)

ROWS_A_TABLE = 2000
"""A longer table is cut into tables of this many rows, each with the header."""
_LOOK_BACK = 3


class SourceBuilder:
    """Collects the text of a file in reading order."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._offset = 0
        self._page_starts: list[int] = []
        self._lines: list[Line] = []
        self._tables: list[Table] = []
        self._recent: list[str] = []
        self._below: str | None = None
        """Caption that stands below the last table and may yet belong to the next."""
        self.notices: list[str] = []
        self.properties: dict[str, str] = {}
        self.page_confidence: list[float | None] = []

    @property
    def offset(self) -> int:
        """Number of characters written."""
        return self._offset

    def start_page(self) -> None:
        """Begin a page: the next character is its first."""
        self._page_starts.append(self._offset)

    def line(self, text: str, box: Box | None = None) -> None:
        """Write one line; it may be empty."""
        self._write(text, box)
        if text.strip():
            self._recent = [*self._recent[1 - _LOOK_BACK :], text]
            self._name_last_table(text)

    def paragraph(self, pieces: Sequence[tuple[str, Box | None]]) -> None:
        """Write visual lines that form one paragraph as one line, each with its box."""
        start = self._offset
        for text, box in pieces:
            self._piece(text, box)
        self._piece("\n", None)
        self._recent = [*self._recent[1 - _LOOK_BACK :], "".join(text for text, _ in pieces)]
        self._name_last_table(self._recent[-1] if self._offset - start > 1 else "")

    def open_paragraph(self, text: str, box: Box | None) -> None:
        """Write a piece of a paragraph that goes on; `line` or `paragraph` ends it."""
        self._piece(text, box)

    def table(
        self,
        grid: Grid,
        *,
        caption: str = "",
        row_boxes: Sequence[Box | None] = (),
        page_rows: Sequence[int] = (),
        every_title: bool = False,
    ) -> None:
        """Write a table: caption rows inside it as lines, then its row-wise form.

        Args:
            grid: The cells.
            caption: Caption that the format itself names.
            row_boxes: One box a row of `grid`, for formats with pages.
            page_rows: Rows of `grid` with which a new page begins.
            every_title: Take any leading row of one cell for a title (sheets).
        """
        if grid.is_empty:
            return
        rows_before = len(grid.values)
        titles, grid = peel(grid, every_title=every_title)
        off = rows_before - len(grid.values)
        for text in ([caption] if caption else []) + titles:
            self.line(text)
        found_caption, unit = self._caption_above()
        if not found_caption and (caption or every_title):
            found_caption = caption or next((t for t in titles if not is_unit_line(t)), "")
        starts = sorted(row - off for row in page_rows)
        start = self._offset
        for row, text in row_lines(grid):
            while starts and starts[0] <= row:
                starts.pop(0)
                self.start_page()
            self._write(text, row_boxes[row + off] if row + off < len(row_boxes) else None)
        for _ in starts:
            self.start_page()
        self._recent, self._below = [], None
        self._tables.append(
            Table(
                span=(start, max(self._offset - 1, start)),
                html=grid_html(grid),
                caption=found_caption,
                unit=unit,
                rows=len(grid.values),
            )
        )
        self._below = "" if not found_caption else None

    def build(self) -> SourceText:
        """Return what was written."""
        text = "".join(self._parts).removesuffix("\n")
        return SourceText(
            text=text,
            page_starts=tuple(min(start, len(text)) for start in self._page_starts),
            tables=tuple(table for table in self._tables if table.span[1] > table.span[0]),
            lines=tuple(self._lines),
            page_confidence=tuple(self.page_confidence),
            properties=self.properties,
            notices=tuple(dict.fromkeys(self.notices)),
        )

    def _write(self, text: str, box: Box | None) -> None:
        self._piece(text, box)
        self._piece("\n", None)

    def _piece(self, text: str, box: Box | None) -> None:
        if box is not None and text:
            self._lines.append(Line((self._offset, self._offset + len(text)), box))
        self._parts.append(text)
        self._offset += len(text)

    def _caption_above(self) -> tuple[str, str]:
        """Return caption and unit from the lines just above."""
        caption = unit = ""
        for text in reversed(self._recent):
            found, its_unit = caption_and_unit(text)
            unit = unit or its_unit
            if found:
                caption = found
                break
            if not is_unit_line(text):
                break
        if not caption and unit and not is_unit_line(self._recent[-1]):
            unit = ""
        if caption and self._below:
            previous = self._tables[-1]
            if previous.caption == self._below == caption:
                self._tables[-1] = Table(previous.span, previous.html, rows=previous.rows)
        return caption, unit

    def _name_last_table(self, text: str) -> None:
        """Take the line right below a table without a caption for its caption, if it reads so."""
        if self._below == "":
            caption, _ = caption_and_unit(text)
            self._below = caption or None
            if caption:
                last = self._tables[-1]
                self._tables[-1] = Table(last.span, last.html, caption, last.unit, last.rows)
