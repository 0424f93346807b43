"""Append parsed Markdown to a Word document, block by block.

Knows: headings, paragraphs, bold, italics, strike-through, code, lists, tables, links, block quotes
and pictures.
Does not know: what the text says; footnotes; raw HTML beyond `<br>` and `<a id="…">` (an anchor that
links of the same text may name), which is printed as text.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.image.exceptions import UnrecognizedImageError
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Emu, Mm, Pt
from markdown_it.tree import SyntaxTreeNode

from cspon.errors import InputError
from tools.report_layout import TEXT_HEIGHT, TEXT_WIDTH, set_fonts, shade

NUMBER = re.compile(r"[-−+]?(?!0\d)[\d,]*\.?\d+\s*(%|‰|公顷|亩|㎡|m²|米|个|块|处)?|[—–-]")
"""A cell that is right-aligned: a number with an optional unit, or a dash; never a code like 0101."""

HALF_EM, CELL_PADDING = Pt(5.25), Mm(4.2)
"""Half the type size of a table, and the space beside a cell's text."""

SHORT = 14
"""Half-width characters up to which a cell stays on one line: seven Chinese characters."""

WIDE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]")

ANCHOR = re.compile(r"""<a\s+(?:id|name)=["']?([^"'>\s]+)["']?\s*/?>""")
BREAK = re.compile(r"<br\s*/?>")

ALIGNMENT = {
    "left": WD_ALIGN_PARAGRAPH.LEFT,
    "center": WD_ALIGN_PARAGRAPH.CENTER,
    "right": WD_ALIGN_PARAGRAPH.RIGHT,
}


def plain_text(node: SyntaxTreeNode) -> str:
    """Return the text of a node without its marks."""
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return " "
    return "".join(plain_text(child) for child in node.children)


def _anchors(node: SyntaxTreeNode) -> Iterator[str]:
    """Yield the anchors that a node defines: headings and `<a id="…">`."""
    if node.type == "heading":
        yield _slug(plain_text(node))
    if node.type == "html_inline" and (anchor := ANCHOR.fullmatch(node.content)):
        yield anchor.group(1)
    for child in node.children:
        yield from _anchors(child)


def _slug(text: str) -> str:
    """Return the anchor that `[…](#anchor)` uses for a heading, as code hosting sites write it."""
    return re.sub(r"[^\w-]", "", text.strip().lower().replace(" ", "-"))


@dataclass(frozen=True)
class _Marks:
    """Character formatting that is open at this place."""

    bold: bool = False
    italic: bool = False
    strike: bool = False
    code: bool = False

    def with_(self, **changes: bool) -> "_Marks":
        return _Marks(**{**self.__dict__, **changes})


@dataclass
class Writer:
    """Walks the syntax tree and appends to the document."""

    document: Any
    images: Mapping[str, Path]
    bookmarks: dict[str, str] = field(default_factory=dict)
    """Slug of a heading, or id of an anchor, to the name of its bookmark."""
    placed: set[str] = field(default_factory=set)
    """Names of bookmarks that stand in the document; a repeated heading gets none."""
    titled: bool = False

    def blocks(self, nodes: list[SyntaxTreeNode]) -> None:
        """Append the blocks of the document."""
        for name in (name for node in nodes for name in _anchors(node)):
            self.bookmarks.setdefault(name, f"_a{len(self.bookmarks)}")
        for node in nodes:
            self._block(node)

    def _heading(self, node: SyntaxTreeNode) -> None:
        level = int(node.tag[1])
        style = f"Heading {min(max(level - 1, 1), 4)}"
        if level == 1 and not self.titled:
            style, self.titled = "Title", True
        paragraph = self.document.add_paragraph(style=style)
        self._bookmark(paragraph, _slug(plain_text(node)))
        self._inlines(paragraph, node)

    def _bookmark(self, paragraph: Any, anchor: str) -> None:
        """Mark this place of a paragraph as the target of links to `#anchor`."""
        name = self.bookmarks[anchor]
        if name in self.placed:
            return
        self.placed.add(name)
        start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
        for element in (start, end):
            element.set(qn("w:id"), str(len(self.placed)))
            paragraph._p.append(element)
        start.set(qn("w:name"), name)

    def _block(self, node: SyntaxTreeNode) -> None:
        if node.type == "paragraph":
            self._paragraph(node)
        elif node.type in ("bullet_list", "ordered_list"):
            self._list(node, 1)
        elif node.type == "blockquote":
            self._quote(node)
        elif node.type == "table":
            self._table(node)
        elif node.type in ("fence", "code_block"):
            paragraph = self.document.add_paragraph(style="Code")
            self._text(paragraph, node.content.rstrip("\n"), _Marks(code=True))
        elif node.type == "hr":
            self.document.add_paragraph(style="Rule")
        elif node.type == "heading":
            self._heading(node)
        elif node.type == "html_block":
            paragraph = self.document.add_paragraph(style="Body Text")
            self._html(paragraph, node.content.strip(), _Marks())
        else:
            raise AssertionError(f"unknown block {node.type}")

    def _paragraph(self, node: SyntaxTreeNode) -> None:
        inline = node.children[0].children if node.children else []
        if inline and all(n.type in ("image", "softbreak") for n in inline):
            for image in inline:
                if image.type == "image":
                    self._figure(image)
            return
        self._inlines(self.document.add_paragraph(style="Body Text"), node)

    def _figure(self, node: SyntaxTreeNode) -> None:
        paragraph = self.document.add_paragraph(style="Figure")
        self._picture(paragraph, node)
        caption = plain_text(node)
        if caption:
            paragraph.paragraph_format.keep_with_next = True
            self._text(self.document.add_paragraph(style="Caption"), caption, _Marks())

    def _picture(self, paragraph: Any, node: SyntaxTreeNode) -> None:
        name = unquote(str(node.attrs.get("src", "")))
        if name not in self.images:
            known = "、".join(self.images) or "无"
            raise InputError(
                f"正文引用了图片「{name}」，但没有提供该图片（已提供：{known}）",
                mend="在 images 中给出该名称对应的文件，或从正文中删去这一图片",
            )
        file = self.images[name]
        try:
            shape = paragraph.add_run().add_picture(str(file))
        except (OSError, UnrecognizedImageError) as error:
            raise InputError(
                f"图片「{name}」无法读取（{error or type(error).__name__}）",
                file=file,
                mend="提供 PNG 或 JPEG 图片",
            ) from None
        scale = min(TEXT_WIDTH / shape.width, TEXT_HEIGHT * 0.85 / shape.height, 1.0)
        shape.width, shape.height = Emu(int(shape.width * scale)), Emu(int(shape.height * scale))
        shape._inline.docPr.set("descr", plain_text(node))

    def _list(self, node: SyntaxTreeNode, level: int) -> None:
        kind = "List Number" if node.type == "ordered_list" else "List Bullet"
        style = kind if level == 1 else f"{kind} {min(level, 3)}"
        number = (
            self._new_numbering(style, int(node.attrs.get("start", 1)))
            if kind == "List Number"
            else None
        )
        for item in node.children:
            first = True
            for child in item.children:
                if child.type in ("bullet_list", "ordered_list"):
                    self._list(child, level + 1)
                elif child.type == "paragraph":
                    paragraph = self.document.add_paragraph(
                        style=style if first else "List Continue"
                    )
                    if first and number is not None:
                        paragraph._p.get_or_add_pPr().get_or_add_numPr().get_or_add_numId().val = (
                            number
                        )
                    self._inlines(paragraph, child)
                else:
                    self._block(child)
                first = False

    def _new_numbering(self, style: str, start: int) -> int:
        """Start a numbered list at `start`: without its own instance it would count on."""
        numbering = self.document.part.numbering_part.element
        used = self.document.styles[style].element.pPr.numPr.numId.val
        instance = numbering.add_num(numbering.num_having_numId(used).abstractNumId.val)
        instance.add_lvlOverride(ilvl=0).add_startOverride(start)
        return int(instance.numId)

    def _quote(self, node: SyntaxTreeNode) -> None:
        for child in node.children:
            if child.type == "paragraph":
                self._inlines(self.document.add_paragraph(style="Quote"), child)
            elif child.type == "blockquote":
                self._quote(child)
            else:
                self._block(child)

    def _table(self, node: SyntaxTreeNode) -> None:
        rows = [row.children for part in node.children for row in part.children]
        columns = len(rows[0])
        table = self.document.add_table(rows=len(rows), cols=columns, style="Table Grid")
        align = [_alignment(rows, i) for i in range(columns)]
        widths = _column_widths(rows)
        table.autofit = False
        for column, width in enumerate(widths):
            table.columns[column].width = width
        for number, row in enumerate(rows):
            properties = table.rows[number]._tr.get_or_add_trPr()
            properties.append(OxmlElement("w:cantSplit"))
            if number == 0:
                properties.append(OxmlElement("w:tblHeader"))
            for column, cell in enumerate(table.rows[number].cells):
                cell.width = widths[column]
                cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
                paragraph = cell.paragraphs[0]
                paragraph.style = "Table Text"
                paragraph.alignment = ALIGNMENT["center" if number == 0 else align[column]]
                self._inlines(paragraph, row[column], _Marks(bold=number == 0))
                if number == 0:
                    shade(cell._tc.get_or_add_tcPr())
        self.document.add_paragraph(style="After Table")

    def _inlines(self, paragraph: Any, node: SyntaxTreeNode, marks: _Marks = _Marks()) -> None:
        for inline in node.children:
            for child in inline.children if inline.type == "inline" else [inline]:
                self._inline(paragraph, child, marks)

    def _inline(self, paragraph: Any, node: SyntaxTreeNode, marks: _Marks) -> None:
        changes = {
            "strong": {"bold": True},
            "em": {"italic": True},
            "s": {"strike": True},
        }.get(node.type)
        if changes is not None:
            self._inlines(paragraph, node, marks.with_(**changes))
        elif node.type == "text":
            self._text(paragraph, node.content, marks)
        elif node.type == "code_inline":
            self._text(paragraph, node.content, marks.with_(code=True))
        elif node.type == "softbreak":
            self._text(paragraph, _soft_space(node), marks)
        elif node.type == "hardbreak":
            paragraph.add_run().add_break()
        elif node.type == "html_inline":
            self._html(paragraph, node.content, marks)
        elif node.type == "link":
            self._link(paragraph, node, marks)
        elif node.type == "image":
            self._picture(paragraph, node)
        else:
            raise AssertionError(f"unknown inline {node.type}")

    @staticmethod
    def _text(paragraph: Any, text: str, marks: _Marks) -> None:
        run = paragraph.add_run(text)
        run.bold, run.italic = marks.bold or None, marks.italic or None
        run.font.strike = marks.strike or None
        if marks.code:
            set_fonts(run._r.get_or_add_rPr(), latin="Consolas", chinese="仿宋")

    def _html(self, paragraph: Any, html: str, marks: _Marks) -> None:
        anchor = ANCHOR.fullmatch(html)
        if anchor is not None:
            self._bookmark(paragraph, anchor.group(1))
        elif BREAK.fullmatch(html):
            paragraph.add_run().add_break()
        elif html != "</a>":
            self._text(paragraph, html, marks)

    def _link(self, paragraph: Any, node: SyntaxTreeNode, marks: _Marks) -> None:
        target = str(node.attrs.get("href", ""))
        anchor = self.bookmarks.get(unquote(target[1:])) if target.startswith("#") else None
        before = len(paragraph._p)
        self._inlines(paragraph, node, marks)
        if target.startswith("#") and anchor is None:
            return  # an anchor of a page, not of this document: the words stay
        link = OxmlElement("w:hyperlink")
        if anchor is not None:
            link.set(qn("w:anchor"), anchor)
        else:
            relation = paragraph.part.relate_to(
                target, RELATIONSHIP_TYPE.HYPERLINK, is_external=True
            )
            link.set(qn("r:id"), relation)
        for element in list(paragraph._p)[before:]:
            if element.tag == qn("w:r"):
                style = OxmlElement("w:rStyle")
                style.set(qn("w:val"), "Hyperlink")
                element.get_or_add_rPr().insert(0, style)
            link.append(element)
        paragraph._p.append(link)


def _soft_space(node: SyntaxTreeNode) -> str:
    """A line end between Chinese characters is no space; between Latin words it is one."""
    siblings = node.parent.children if node.parent is not None else []
    place = siblings.index(node)
    before = plain_text(siblings[place - 1])[-1:] if place else ""
    after = plain_text(siblings[place + 1])[:1] if place + 1 < len(siblings) else ""
    return "" if WIDE.match(before) or WIDE.match(after) else " "


def _alignment(rows: list[list[SyntaxTreeNode]], column: int) -> str:
    """Alignment that the Markdown states, else right for a column of numbers, else left."""
    style = str(rows[0][column].attrs.get("style", ""))
    stated = re.search(r"text-align:\s*(left|center|right)", style)
    if stated:
        return stated.group(1)
    cells = [plain_text(row[column]).strip() for row in rows[1:]]
    filled = [cell for cell in cells if cell]
    return "right" if filled and all(NUMBER.fullmatch(cell) for cell in filled) else "left"


def _column_widths(rows: list[list[SyntaxTreeNode]]) -> list[Emu]:
    """Share the text width: every column holds its longest number or word, long texts get the rest."""
    texts = [[plain_text(row[i]) for row in rows] for i in range(len(rows[0]))]
    # A heading may wrap where its cells need less room.
    least = [max([8, *map(_longest_word, column[1:])]) * HALF_EM + CELL_PADDING for column in texts]
    natural = [min(max(map(_columns, column)), 60) * HALF_EM + CELL_PADDING for column in texts]
    spare = TEXT_WIDTH - sum(least)
    wishes = [max(n - m, 0) + 1 for n, m in zip(natural, least, strict=True)]
    if spare < 0:
        return [Emu(int(TEXT_WIDTH * m / sum(least))) for m in least]
    return [Emu(int(m + spare * wish / sum(wishes))) for m, wish in zip(least, wishes, strict=True)]


def _columns(text: str) -> int:
    """Count the width of a text in half-width characters."""
    return sum(2 if WIDE.match(character) else 1 for character in text)


def _longest_word(text: str) -> int:
    """Return the width of what a line break should not split: numbers, words, and short texts."""
    if _columns(text) <= SHORT:
        return _roomy(text)
    return max([8, *map(_roomy, re.split(r"\s", WIDE.sub(" ", text)))])


def _roomy(text: str) -> int:
    """Allow for substitute fonts, whose digits and letters may be a quarter wider."""
    return _columns(text) + math.ceil(len(WIDE.sub("", text)) / 4)
