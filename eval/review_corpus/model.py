"""A plan text in memory: paragraphs made of pieces, so that a defect is a piece and has a span."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(eq=False)
class Piece:
    """A stretch of text with a meaning.

    Tags: "" plain, "fact" a number (data: expr, unit, value, decimals, bare), "unit", "law", "art",
    "no", "ver", "quote", "std", "dir", "must", "body", "when", "name", "year", "ref", "num",
    "neg" (data: kind), "footnote" (data: paragraph).
    """

    text: str
    tag: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Paragraph:
    """One `w:p`: its pieces and a style name of the writer."""

    pieces: list[Piece]
    style: str = "body"
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """Return the text as a reader sees it."""
        return "".join(piece.text for piece in self.pieces)

    def start(self, piece: Piece) -> int:
        """Return where a piece of this paragraph begins."""
        at = 0
        for other in self.pieces:
            if other is piece:
                return at
            at += len(other.text)
        raise AssertionError(f"no piece {piece.text!r} in {self.text!r}")

    def cut(self, piece: Piece, start: int, end: int) -> Piece:
        """Cut characters start..end of a piece out as a piece of their own and return it."""
        middle = Piece(piece.text[start:end], piece.tag, dict(piece.data))
        parts = [Piece(piece.text[:start], piece.tag, dict(piece.data)), middle]
        parts.append(Piece(piece.text[end:], piece.tag, dict(piece.data)))
        at = next(i for i, other in enumerate(self.pieces) if other is piece)
        self.pieces[at : at + 1] = [p for p in parts if p.text or p is middle]
        return middle

    def sentence(self, piece: Piece) -> int:
        """Return the number of the sentence that a piece begins in."""
        before = self.text[: self.start(piece)]
        return before.count("。") + before.count("；")

    def sentence_pieces(self, piece: Piece) -> list[Piece]:
        """Return the pieces of this paragraph that begin in the sentence of a piece."""
        number = self.sentence(piece)
        return [p for p in self.pieces if self.sentence(p) == number]


@dataclass(eq=False)
class Cell:
    """A table cell; `across` and `down` count the columns and rows it spans."""

    paragraph: Paragraph
    across: int = 1
    down: int = 1


@dataclass(eq=False)
class Table:
    """A table with its caption; covered cells of a merge are None."""

    name: str
    caption: Paragraph
    unit: Paragraph | None
    rows: list[list[Cell | None]]
    heads: int
    totals: set[int]
    data: dict[str, Any] = field(default_factory=dict)

    def paragraphs(self) -> Iterator[Paragraph]:
        """Yield the paragraphs of the cells, row by row."""
        for row in self.rows:
            for cell in row:
                if cell is not None:
                    yield cell.paragraph

    def written_cells(self) -> Iterator[Paragraph | None]:
        """Yield the paragraph of every written cell: None where one continues the cell above."""
        width = max(len(row) for row in self.rows)
        for number, row in enumerate(self.rows):
            column = 0
            while column < width:
                cell = row[column] if column < len(row) else None
                yield cell.paragraph if cell else None
                column += (cell or self.above(number, column)).across

    def above(self, number: int, column: int) -> Cell:
        """Return the cell that spans down into a covered place."""
        for row in reversed(self.rows[:number]):
            cell = row[column] if column < len(row) else None
            if cell is not None:
                return cell
        raise AssertionError(f"{self.name}: nothing above row {number} column {column}")

    def column(self, index: int) -> list[tuple[int, Cell]]:
        """Return the cells of a column below the head with their row numbers."""
        found = []
        for number, row in enumerate(self.rows):
            cell = row[index] if index < len(row) else None
            if number >= self.heads and cell is not None:
                found.append((number, cell))
        return found


@dataclass(eq=False)
class Box:
    """A text box on a line of its own."""

    paragraph: Paragraph


Block = Paragraph | Table | Box


@dataclass(eq=False)
class Document:
    """One docx: blocks, header and the look ("hand") of its author."""

    file: str
    blocks: list[Block]
    header: Paragraph | None
    hand: dict[str, Any]

    def paragraphs(self) -> Iterator[Paragraph]:
        """Yield every paragraph of the body, then those of the footnotes, then the header."""
        notes = []
        for paragraph in self.body():
            yield paragraph
            notes += [p.data["paragraph"] for p in paragraph.pieces if p.tag == "footnote"]
        yield from notes
        if self.header is not None:
            yield self.header

    def body(self) -> Iterator[Paragraph]:
        """Yield the paragraphs of the body in document order."""
        for block in self.blocks:
            if isinstance(block, Table):
                yield block.caption
                if block.unit is not None:
                    yield block.unit
                yield from block.paragraphs()
            elif isinstance(block, Box):
                yield block.paragraph
            else:
                yield block

    def places(self) -> Iterator[tuple[str, int, Paragraph]]:
        """Yield part, index of the written `w:p` and paragraph: as the writer writes them."""
        notes: list[Paragraph] = []
        index = 0
        for block in self.blocks:
            if isinstance(block, Box):
                index += 1  # the line that holds the box
            if isinstance(block, Table):
                heads = [block.caption] + ([block.unit] if block.unit is not None else [])
                found: list[Paragraph | None] = [*heads, *block.written_cells()]
            else:
                found = [block.paragraph if isinstance(block, Box) else block]
            for paragraph in found:
                if paragraph is not None:
                    yield "document", index, paragraph
                    notes += [p.data["paragraph"] for p in paragraph.pieces if p.tag == "footnote"]
                index += 1
        for number, note in enumerate(notes):
            yield "footnotes", number + 2, note  # after the two separators
        if self.header is not None:
            yield "header1", 0, self.header

    def tables(self) -> list[Table]:
        """Return the tables in order."""
        return [block for block in self.blocks if isinstance(block, Table)]

    def home(self, piece: Piece) -> Paragraph:
        """Return the paragraph that holds a piece."""
        for paragraph in self.paragraphs():
            if any(piece is other for other in paragraph.pieces):
                return paragraph
        raise AssertionError(f"no paragraph holds {piece.text!r}")

    def holds(self, piece: Piece) -> bool:
        """Tell whether a piece lies in this document."""
        return any(piece is other for p in self.paragraphs() for other in p.pieces)
