"""Word files: every paragraph with its number in its part, tables as grids, notes and boxes in their place.

The text is that of `knowledge_base.parse.docx_words`: revisions accepted, hidden text left out.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agents.review.document import Anchor, Block, Cell, Kind, Read, Table
from agents.review.read.captions import above_table
from agents.review.read.numbered import with_headings
from agents.review.read.pictures import Pictures
from cspon.errors import InputError
from knowledge_base.parse.docx_styles import PLAIN, ParagraphStyle, outline_level, read_styles
from knowledge_base.parse.docx_words import (
    NESTED,
    W,
    blocks_of,
    cell_properties,
    children,
    in_fallback,
    is_contents,
    is_hidden,
    row_properties,
    words_of,
)
from knowledge_base.parse.numbering import Numbering
from knowledge_base.parse.ooxml import Package
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.table import Grid, header_rows

MEND = "用 Word 或 WPS 打开后另存为 .docx 再提交"
MAX_COLUMNS = 500
MOST_PLACES = 1_000_000
"""Rows by columns of one table, merged cells counted by what they cover."""
HEADING_LENGTH = 90
NOTES = {"footnotes": "footnote", "endnotes": "endnote"}
PAGE_PARTS = ("header", "footer")
REVISIONS = tuple(f"{W}{name}" for name in ("ins", "del", "moveFrom", "moveTo"))
HIDDEN_TOLD = 60
"""Characters of hidden text that are told."""


def read_docx(path: Path, data: bytes) -> Read:
    """Read a Word file.

    Raises:
        InputError: encrypted, damaged, or no Word file.
    """
    return _Reader(Package(Opened(path, data), kind=" Word 文件（.docx）", mend=MEND)).read(
        path, data
    )


class _Reader:
    def __init__(self, package: Package) -> None:
        self.package = package
        self.relations = package.relations(package.main_part)
        self.styles = read_styles(self._part("styles"))
        self.numbering = Numbering(self._part("numbering"))
        self.notes = {kind: self._notes(kind) for kind in NOTES}
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self.numbers: dict[Any, int] = {}
        self.notices: list[str] = []
        self.revised = self.embedded = False
        self.hidden: list[str] = []
        self.pictures: Pictures | None = None

    def read(self, path: Path, data: bytes) -> Read:
        self._page_heads()
        root = self.package.xml(self.package.main_part)
        body = None if root is None else root.find(f"{W}body")
        if body is not None:
            self._count(body)
            self.revised = next(body.iter(*REVISIONS), None) is not None
            self.hidden = [_all_text(run) for run in body.iter(f"{W}r") if is_hidden(run)]
            self.pictures = Pictures(body)
            self._blocks(body, "document", "paragraph")
        return Read(
            name=path.name, sha256=hashlib.sha256(data).hexdigest(), blocks=tuple(with_headings(self.blocks)),
            tables=tuple(self.tables), notices=(*self.package.notices(), *self._told()),
            properties=self.package.core_properties(),
        )  # fmt: skip

    def _told(self) -> Iterator[str]:
        if self.revised:
            yield "文件中已有修订标记，按接受后的文字审查，原有修订保留"
        if any(r.kind == "comments" for r in self.relations.values()):
            yield "文件中已有批注，批注的内容未审查，原有批注保留"
        if words := "".join(self.hidden).strip():
            more = "…" if len(words) > HIDDEN_TOLD else ""
            yield f"隐藏文字未审查，请取消隐藏后核对：“{words[:HIDDEN_TOLD]}{more}”"
        if self.embedded:
            yield "嵌入的其他文档（altChunk）未审查，请打开后另存再提交"
        if self.pictures is not None:
            yield from self.pictures.told()

    def _part(self, kind: str) -> Any | None:
        found = (r.target for r in self.relations.values() if r.kind == kind and not r.external)
        target = next(found, None)
        return None if target is None else self.package.xml(target)

    def _notes(self, kind: str) -> dict[str, Any]:
        root = self._part(kind)
        if root is None:
            return {}
        return {
            note.get(f"{W}id") or "": note
            for note in root.iter(f"{W}{NOTES[kind]}")
            if note.get(f"{W}type") in (None, "normal")
        }

    def _count(self, root: Any) -> None:
        self.numbers.update((p, n) for n, p in enumerate(root.iter(f"{W}p")))

    def _page_heads(self) -> None:
        for relation in self.relations.values():
            if relation.kind in PAGE_PARTS and not relation.external:
                root = self.package.xml(relation.target)
                if root is None:
                    continue
                name = relation.target.rpartition("/")[2].removesuffix(".xml")
                for number, paragraph in enumerate(root.iter(f"{W}p")):
                    if (text := words_of(paragraph)).strip() and not in_fallback(paragraph):
                        self._add(text, "header", Anchor(part=name, paragraph=number))

    def _add(self, text: str, kind: Kind, anchor: Anchor, **more: Any) -> int:
        number = len(self.blocks)
        self.blocks.append(Block(number, text, kind, anchor, **more))
        return number

    def _blocks(self, parent: Any, part: str, kind: Kind) -> None:
        for element in parent:
            if element.tag == f"{W}p":
                self._paragraph(element, part, kind)
            elif element.tag == f"{W}tbl":
                self._table(element, part)
            elif element.tag == f"{W}altChunk":
                self.embedded = True
            elif element.tag in NESTED and not is_contents(element):
                self._blocks(element, part, kind)

    def _paragraph(self, element: Any, part: str, kind: Kind, **more: Any) -> int | None:
        """Add a paragraph and what hangs on it; returns its number, None for one without text."""
        style, properties = self._style(element)
        text, number = words_of(element), None
        if self.pictures is not None:
            self.pictures.look(element, self.blocks)
        if text.strip() and not style.contents:
            level = self._level(text, style, properties) if kind == "paragraph" else None
            number = self._add(
                text, kind if level is None else "heading",
                Anchor(part=part, paragraph=self.numbers[element]),
                level=level, label=self._label(element, style, properties), **more,
            )  # fmt: skip
        self._attached(element, part)
        return number

    def _attached(self, element: Any, part: str) -> None:
        for found in element.iter(
            f"{W}txbxContent", f"{W}footnoteReference", f"{W}endnoteReference"
        ):
            if found.tag == f"{W}txbxContent":
                if not in_fallback(found):
                    self._blocks(found, part, "box")
                continue
            kind = "footnotes" if found.tag == f"{W}footnoteReference" else "endnotes"
            note = self.notes[kind].pop(found.get(f"{W}id") or "", None)
            if note is not None:
                self._note(note, kind)

    def _note(self, note: Any, kind: str) -> None:
        if next(note.iter(f"{W}p"), None) not in self.numbers:
            self._count(note.getroottree().getroot())
        for paragraph in note.iter(f"{W}p"):
            if (text := words_of(paragraph)).strip():
                anchor = Anchor(part=kind, paragraph=self.numbers[paragraph])
                self._add(text, "note", anchor)

    def _style(self, element: Any) -> tuple[ParagraphStyle, Any | None]:
        properties = element.find(f"{W}pPr")
        name = None if properties is None else properties.find(f"{W}pStyle")
        identity = "" if name is None else name.get(f"{W}val") or ""
        return self.styles.get(identity, PLAIN), properties

    @staticmethod
    def _level(text: str, style: ParagraphStyle, properties: Any | None) -> int | None:
        level = style.heading
        own = None if properties is None else properties.find(f"{W}outlineLvl")
        if level is None and own is not None:
            level = outline_level(own.get(f"{W}val") or "")
        if level is None or len(text) > HEADING_LENGTH or text.rstrip()[-1] in "。；":
            return None
        return max(level, 1)

    def _label(self, element: Any, style: ParagraphStyle, properties: Any | None) -> str:
        number, level = style.list_number, style.list_level
        own = None if properties is None else properties.find(f"{W}numPr")
        if own is not None:
            identity, depth = own.find(f"{W}numId"), own.find(f"{W}ilvl")
            number = number if identity is None else identity.get(f"{W}val")
            if depth is not None and (depth.get(f"{W}val") or "").isdecimal():
                level = int(depth.get(f"{W}val"))
        if not number or number == "0":
            return ""
        if level is None:
            name = None if properties is None else properties.find(f"{W}pStyle")
            style_id = "" if name is None else name.get(f"{W}val") or ""
            level = self.numbering.level_of_style(number, style_id) or 0
        return self.numbering.next_label(number, level)

    def _table(self, element: Any, part: str) -> None:
        before = len(self.blocks) - 1
        number = len(self.tables)
        self.tables.append(Table(number, "", "", (), 0, before))  # its place among tables in cells
        cells: list[Cell] = []
        open_cells: dict[int, int] = {}
        marked = height = 0
        for row, line in enumerate(children(element, f"{W}tr")):
            skipped, _, header = row_properties(line)
            marked = row + 1 if header and marked == row else marked
            column, height = min(skipped, MAX_COLUMNS), row + 1
            for cell in children(line, f"{W}tc"):
                width, merge = cell_properties(cell)
                width = min(width, MAX_COLUMNS - column)
                if width <= 0:
                    break
                if merge == "continue" and column in open_cells:
                    above = cells[open_cells[column]]
                    cells[open_cells[column]] = Cell(
                        above.row,
                        above.column,
                        above.rows + 1,
                        above.columns,
                        above.blocks,
                        above.text,
                    )
                else:
                    open_cells.pop(column, None)
                    if merge == "restart":
                        open_cells[column] = len(cells)
                    blocks = self._cell(cell, part, number, row, column)
                    text = "\n".join(self.blocks[b].text.strip() for b in blocks)
                    cells.append(Cell(row, column, 1, width, tuple(blocks), text))
                column += width
        if height * max((c.column + c.columns for c in cells), default=0) > MOST_PLACES:
            raise InputError(f"第 {number + 1} 个表过大", file=self.package.path, mend="拆分表格")
        caption, unit = above_table(self.blocks, before)
        made = Table(number, caption, unit, tuple(cells), 0, before)
        grid = Grid(
            [[_value(made, r, c) for c in range(len(made.grid[0]))] for r in range(height)]
            if made.grid else [],
            {(c.row, c.column): (c.rows, c.columns) for c in cells if c.rows * c.columns > 1},
            marked or None,
        )  # fmt: skip
        self.tables[number] = Table(
            number, caption, unit, tuple(cells), header_rows(grid) if grid.values else 0, before
        )

    def _cell(self, cell: Any, part: str, table: int, row: int, column: int) -> list[int]:
        found: list[int] = []
        for block in blocks_of(cell):
            if block.tag == f"{W}tbl":
                self._table(block, part)
                continue
            added = self._paragraph(block, part, "cell", table=table, row=row, column=column)
            if added is not None:
                found.append(added)
        return found


def _value(table: Table, row: int, column: int) -> str | None:
    cell = table.grid[row][column]
    if cell is None:
        return ""
    return cell.text if (cell.row, cell.column) == (row, column) else None


def _all_text(run: Any) -> str:
    return "".join(text.text or "" for text in run.iter(f"{W}t"))
