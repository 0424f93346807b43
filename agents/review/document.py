"""What a review reads: paragraphs and tables of a file, each with the place where it stands.

Text is what a reader sees with all revisions accepted. A place is exact to the character, so that a
finding can be shown, commented and mended where it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from cspon.schemas.knowledge import Box

Kind = Literal["paragraph", "heading", "cell", "note", "box", "header"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a paragraph stands in its file."""

    part: str = ""
    """Word: name of the part, such as `document` or `footnotes`; `pages` of a PDF."""
    paragraph: int = -1
    """Word: number of the `w:p` among all of its part, from 0; PDF: number of the block."""
    sheet: str = ""
    cell: str = ""
    """Workbook: such as `B7`."""
    page: int | None = None
    """Pages: from 1."""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, or what a cell holds."""

    number: int
    """Position in the document, from 0."""
    text: str
    kind: Kind
    anchor: Anchor
    level: int | None = None
    """Of a heading, from 1."""
    label: str = ""
    """Number that the program prints before it; no part of the text."""
    table: int | None = None
    row: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; one that spans others stands at their first place only."""

    row: int
    column: int
    rows: int
    columns: int
    blocks: tuple[int, ...]
    """Numbers of its paragraphs."""
    text: str


@dataclass(frozen=True)
class Table:
    """A table with what stands above it."""

    number: int
    caption: str
    """Such as 表3-1 国土空间规划指标表; empty where none stands there."""
    unit: str
    """Such as 公顷, as the caption or a line above it says for the whole table."""
    cells: tuple[Cell, ...]
    headers: int
    """Rows of headers."""
    before: int
    """Number of the paragraph before it, -1 where it is the first."""

    @cached_property
    def grid(self) -> list[list[Cell | None]]:
        """Every place with the cell that covers it, row by row."""
        height = max((c.row + c.rows for c in self.cells), default=0)
        width = max((c.column + c.columns for c in self.cells), default=0)
        places: list[list[Cell | None]] = [[None] * width for _ in range(height)]
        for cell in self.cells:
            for row in range(cell.row, cell.row + cell.rows):
                for column in range(cell.column, cell.column + cell.columns):
                    places[row][column] = cell
        return places


@dataclass(frozen=True)
class Read:
    """A file as it was read."""

    name: str
    sha256: str
    blocks: tuple[Block, ...]
    tables: tuple[Table, ...]
    notices: tuple[str, ...] = ()
    """What was not read, and why."""
    properties: dict[str, str] = field(default_factory=dict)

    def running(self) -> Iterator[Block]:
        """Yield what is read as text: headings, paragraphs, notes and boxes, no cells and no page heads."""
        return (b for b in self.blocks if b.kind not in ("cell", "header"))


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Some characters of a paragraph."""

    block: int
    start: int
    end: int
