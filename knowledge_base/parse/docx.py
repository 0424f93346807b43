"""Word files: paragraphs, tables, notes and text boxes in their order, with Word's own numbers.

The XML is walked directly: python-docx leaves out content controls, insertions that are not yet
accepted, text boxes and automatic numbers, and its table cells cost time by the square.
"""

import re
from typing import Any

from cspon.errors import InputError
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.docx_styles import PLAIN, ParagraphStyle, outline_level, read_styles
from knowledge_base.parse.docx_words import (
    NESTED,
    VML,
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
from knowledge_base.parse.layout import TextLine
from knowledge_base.parse.numbering import Numbering
from knowledge_base.parse.ooxml import Package
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.table import Grid

MEND = "用 Word 或 WPS 打开后另存为 .docx 再试"
HEADING_LENGTH = 90
MAX_COLUMNS = 500
"""Cells of a table beyond are left out; Word itself allows 63 columns."""
LEAST_CHARACTERS = 20
"""A file with less text is read from its pictures."""
PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_ATTACHED = (f"{W}txbxContent", f"{W}footnoteReference", f"{W}endnoteReference")
_REVISED = (f"{W}ins", f"{W}del")
_HIDDEN = f"{W}vanish"
_CLASSIFIED = re.compile(r"(?:绝\s*密|机\s*密|秘\s*密)\s*(?:[★☆]|$)")


def read_docx(opened: Opened) -> SourceText:
    """Read a Word file.

    Raises:
        InputError: encrypted, damaged, or no Word file.
    """
    package = Package(opened, kind=" Word 文件（.docx）", mend=MEND)
    source = _Reader(package).read()
    if opened.ocr and len(source.text.strip()) < LEAST_CHARACTERS:
        return _with_pictures(package, source)
    return source


def _with_pictures(package: Package, source: SourceText) -> SourceText:
    """Read the pictures of a file that holds little else: scans pasted into Word."""
    from knowledge_base.parse.picture import frames
    from knowledge_base.parse.scanned import scanned_page

    out = SourceBuilder()
    for line in source.text.split("\n"):
        out.line(line)
    out.properties.update(source.properties)
    out.notices.extend(source.notices)
    targets = [
        relation.target
        for relation in package.relations(package.main_part).values()
        if relation.kind == "image"
        and not relation.external
        and relation.target.lower().endswith(PICTURES)
    ]
    for number, target in enumerate(targets, 1):
        try:
            images = list(frames(Opened(package.path, package.bytes_of(target) or b"")))
        except InputError as error:
            out.notices.append(f"图片 {number} 未读取：{error.message}")
            continue
        for image in images:
            page = scanned_page(image, number)
            out.notices.append(
                f"图片 {number} 由文字识别得到，置信度 {page.confidence or 0:.2f}，引用前请核对原件"
            )
            for block in page.blocks:
                if isinstance(block, TextLine):
                    out.line(block.text)
                else:
                    out.table(block.grid)
    return out.build()


class _Reader:
    def __init__(self, package: Package) -> None:
        self.package = package
        self.relations = package.relations(package.main_part)
        self.out = SourceBuilder()
        self.styles = read_styles(self._part("styles"))
        self.numbering = Numbering(self._part("numbering"))
        self.footnotes = self._notes("footnotes", "footnote")
        self.endnotes = self._notes("endnotes", "endnote")
        self.noted = 0
        self.hidden = self.revised = self.embedded = False
        self.rare: frozenset[str] = frozenset()
        """Which of the tags that few files have stand in this one: no other is looked for."""

    def read(self) -> SourceText:
        root = self.package.xml(self.package.main_part)
        body = None if root is None else root.find(f"{W}body")
        self._page_texts()
        if body is not None:
            self.rare = frozenset(e.tag for e in body.iter(*_ATTACHED, *_REVISED, _HIDDEN))
            self._blocks(body)
        out = self.out
        out.properties.update(self.package.core_properties())
        out.notices.extend(self.package.notices())
        if self.revised:
            out.notices.append("文件含未接受的修订，按接受后的文字读取")
        if self.hidden:
            out.notices.append("文件含隐藏文字，未读取")
        if self.embedded:
            out.notices.append("文件含嵌入的其他文档（altChunk），未读取；请打开后另存再入库")
        return out.build()

    def _part(self, kind: str) -> Any | None:
        target = next(
            (r.target for r in self.relations.values() if r.kind == kind and not r.external), None
        )
        return None if target is None else self.package.xml(target)

    def _notes(self, kind: str, tag: str) -> dict[str, str]:
        root = self._part(kind)
        if root is None:
            return {}
        return {
            note.get(f"{W}id") or "": " ".join(
                text for p in note.iter(f"{W}p") if (text := words_of(p).strip())
            )
            for note in root.iter(f"{W}{tag}")
            if note.get(f"{W}type") in (None, "normal")
        }

    def _page_texts(self) -> None:
        """Keep page headers and footers as properties; a secrecy mark among them goes to the text."""
        for kind in ("header", "footer"):
            texts: list[str] = []
            for relation in self.relations.values():
                if relation.kind == kind and not relation.external:
                    root = self.package.xml(relation.target)
                    if root is not None:
                        texts.extend(words_of(p, boxes=True).strip() for p in root.iter(f"{W}p"))
                        texts.extend(t.get("string") or "" for t in root.iter(f"{VML}textpath"))
            lines = list(dict.fromkeys(text for text in texts if text))
            if lines:
                self.out.properties[f"page_{kind}"] = "\n".join(lines)
            for text in lines:
                if _CLASSIFIED.search(text) and len(text) <= 30:
                    self.out.line(text)

    def _blocks(self, parent: Any) -> None:
        for element in parent:
            tag = element.tag
            if tag == f"{W}p":
                self._paragraph(element)
            elif tag == f"{W}tbl":
                self._table(element)
            elif tag == f"{W}altChunk":
                self.embedded = True
            elif tag in NESTED and not is_contents(element):
                self._blocks(element)

    def _paragraph(self, element: Any) -> None:
        style, properties = self._style(element)
        if style.contents:
            return
        text = self._words(element).strip()
        label = self._label(element, style, properties)
        if label and text:
            text = f"{label}{'' if label[-1] in '、）)．' else ' '}{text}"
        heading = style.heading
        if properties is not None and (own := properties.find(f"{W}outlineLvl")) is not None:
            heading = heading if heading is not None else outline_level(own.get(f"{W}val") or "")
        if text and heading is not None and len(text) <= HEADING_LENGTH and text[-1] not in "。；":
            text = f"{'#' * min(max(heading, 1), 6)} {text.replace(chr(10), ' ')}"
        for line in text.split("\n"):
            self.out.line(line.strip())
        self._attached(element)

    def _attached(self, element: Any) -> None:
        """Write text boxes and notes that hang on a paragraph."""
        if self.rare.isdisjoint(_ATTACHED):
            return
        for found in element.iter(*_ATTACHED):
            if found.tag == f"{W}txbxContent":
                if not in_fallback(found):
                    self._blocks(found)
                continue
            notes = self.footnotes if found.tag == f"{W}footnoteReference" else self.endnotes
            if note := notes.get(found.get(f"{W}id") or ""):
                self.noted += 1
                self.out.line(f"注{self.noted}：{note}")

    def _style(self, element: Any) -> tuple[ParagraphStyle, Any | None]:
        properties = element.find(f"{W}pPr")
        name = None if properties is None else properties.find(f"{W}pStyle")
        identity = "" if name is None else name.get(f"{W}val") or ""
        return self.styles.get(identity, PLAIN), properties

    def _label(self, element: Any, style: ParagraphStyle, properties: Any | None) -> str:
        """Count the paragraph in its list and return the number that Word prints."""
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
            linked = None
            if name is not None:
                linked = self.numbering.level_of_style(number, name.get(f"{W}val") or "")
            level = linked or 0
        return self.numbering.next_label(number, level)

    def _words(self, element: Any) -> str:
        for tag in _REVISED:
            if tag in self.rare and not self.revised:
                self.revised = element.find(f".//{tag}") is not None
        if not self.hidden and _HIDDEN in self.rare and element.find(f".//{_HIDDEN}") is not None:
            self.hidden = any(is_hidden(run) for run in element.iter(f"{W}r"))
        return words_of(element)

    def _table(self, element: Any) -> None:
        self.out.table(self._grid(element))
        for paragraph in element.iter(f"{W}p"):
            for found in paragraph.iter(f"{W}footnoteReference"):
                if note := self.footnotes.get(found.get(f"{W}id") or ""):
                    self.noted += 1
                    self.out.line(f"注{self.noted}：{note}")

    def _grid(self, element: Any) -> Grid:
        rows: list[list[str | None]] = []
        spans: dict[tuple[int, int], tuple[int, int]] = {}
        open_cells: dict[int, tuple[int, int, int]] = {}
        headers = 0
        for number, row in enumerate(children(element, f"{W}tr")):
            before, after, header = row_properties(row)
            headers = number + 1 if header and headers == number else headers
            values: list[str | None] = [""] * min(before, MAX_COLUMNS)
            for cell in children(row, f"{W}tc"):
                column = len(values)
                if column >= MAX_COLUMNS:
                    break
                width, merge = cell_properties(cell)
                width = min(width, MAX_COLUMNS - column)
                if merge == "continue" and column in open_cells:
                    top, deep, wide = open_cells[column]
                    open_cells[column] = (top, deep + 1, wide)
                    spans[top, column] = (deep + 1, wide)
                    values.extend([None] * width)
                    continue
                values.append(self._cell_text(cell))
                values.extend([None] * (width - 1))
                if width > 1:
                    spans[number, column] = (1, width)
                open_cells.pop(column, None)
                if merge == "restart":
                    open_cells[column] = (number, 1, width)
            values.extend([""] * min(after, MAX_COLUMNS - len(values)))
            rows.append(values)
        columns = max((len(row) for row in rows), default=0)
        for row in rows:
            row.extend([""] * (columns - len(row)))
        return Grid(rows, spans, headers or None)

    def _cell_text(self, cell: Any) -> str:
        lines: list[str] = []
        for block in blocks_of(cell):
            if block.tag == f"{W}p":
                style, properties = self._style(block)
                text = self._words(block).strip()
                label = self._label(block, style, properties)
                text = f"{label} {text}".strip() if label else text
                text = text or words_of(block, boxes=True).strip()
            else:
                inner = self._grid(block)
                text = "\n".join(" ".join(filter(None, row)) for row in inner.values)
            if text:
                lines.append(text)
        return "\n".join(lines)
