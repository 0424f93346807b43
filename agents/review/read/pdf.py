"""PDF for review: paragraphs and tables with their page and boxes; scanned pages by recognition.

Headings are told by their numbers (第一章, 第一节), for pages have no styles. A box is that of the lines
of a paragraph, or of the row of a table.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from agents.review.document import Anchor, Block, Cell, Kind, Read, Table
from agents.review.read.captions import above_table
from agents.review.read.numbered import level_by_number
from cspon.errors import InputError
from cspon.schemas.knowledge import Box
from knowledge_base.cut.headings import is_contents_line
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.pdf import write_pdf
from knowledge_base.parse.table import Grid, caption_and_unit, header_rows, peel


def read_pdf(path: Path, data: bytes) -> Read:
    """Read a PDF.

    Raises:
        SetupError: a package for PDF or recognition is not installed.
        InputError: encrypted, damaged, too long, or without a word.
    """
    opened = Opened(path, data)
    made = _Blocks()
    write_pdf(opened, made)
    if not made.blocks:
        raise InputError("PDF 没有可读的文字", file=path, mend="提交文字版，或清晰的扫描件")
    shares = [share for share in made.page_confidence if share is not None]
    notices = list(made.notices)
    if shares:
        notices.append(
            f"扫描页文字识别的平均置信度 {sum(shares) / len(shares):.2f}，识别错误可能被当作文本错误，请对照原件"
        )
    for name in ("page_header", "page_footer"):
        made.page_heads(made.properties.pop(name, ""))
    notices += [
        f"第 {block.anchor.page} 页“{caption}”未识别出表格（没有框线或是图片），表中数字未核对"
        for block, caption in made.captions_without_table()
    ]
    return Read(
        name=path.name, sha256=opened.sha256, blocks=tuple(made.blocks), tables=tuple(made.tables),
        notices=(*notices, "PDF 中图片、图形里的文字未审查；审查意见不能写回 PDF，只出意见表和网页"),
        properties=dict(made.properties),
    )  # fmt: skip


class _Blocks(SourceBuilder):
    """Takes what is written page by page as paragraphs and tables."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self._open: list[tuple[str, Box | None]] = []

    def open_paragraph(self, text: str, box: Box | None) -> None:
        """Hold a piece of a paragraph that goes on over a page break."""
        self._open.append((text, box))

    def paragraph(self, pieces: Sequence[tuple[str, Box | None]]) -> None:
        """Take a paragraph."""
        whole = [*self._open, *pieces]
        self._open = []
        text = "".join(words for words, _ in whole)
        if not text.strip():
            return
        level = level_by_number(text)
        boxes = tuple(box for _, box in whole if box is not None)
        self._add(text, "paragraph" if level is None else "heading", boxes, level=level)

    def table(
        self, grid: Grid, *, caption: str = "", row_boxes: Sequence[Box | None] = (),
        page_rows: Sequence[int] = (), every_title: bool = False,
    ) -> None:  # fmt: skip
        """Take a table; its leading rows of one cell are its caption and unit."""
        if grid.is_empty:
            return
        titles, rest = peel(grid, every_title=every_title)
        off = len(grid.values) - len(rest.values)
        for row, title in enumerate(titles):
            self._add(title, "paragraph", _boxes(row_boxes, row))
        number, before = len(self.tables), len(self.blocks) - 1
        cells: list[Cell] = []
        for row, values in enumerate(rest.values):
            for column, value in enumerate(values):
                if value is None:
                    continue
                made: tuple[int, ...] = ()
                if value.strip():
                    made = (
                        self._add(
                            value, "cell", _boxes(row_boxes, off + row),
                            table=number, row=row, column=column,
                        ),
                    )  # fmt: skip
                down, right = rest.spans.get((row, column), (1, 1))
                cells.append(Cell(row, column, down, right, made, value))
        named, unit = above_table(self.blocks, before)
        self.tables.append(
            Table(number, named or caption, unit, tuple(cells), header_rows(rest), before)
        )

    def page_heads(self, lines: str) -> None:
        """Take the words that stand at the edge of most pages, once."""
        for line in lines.split("\n"):
            if line.strip():
                self._add(line, "header", ())

    def captions_without_table(self) -> Iterator[tuple[Block, str]]:
        """Yield the captions under which no table was found."""
        named = {table.caption for table in self.tables}
        for block in self.blocks:
            if block.kind not in ("paragraph", "heading") or is_contents_line(block.text):
                continue
            caption, _ = caption_and_unit(block.text)
            if caption and caption not in named and "续" not in caption[:2]:
                yield block, caption

    def _add(self, text: str, kind: Kind, boxes: tuple[Box, ...], **more: Any) -> int:
        number = len(self.blocks)
        page = boxes[0].page if boxes else None
        anchor = Anchor(part="pages", paragraph=number, page=page, boxes=boxes)
        self.blocks.append(Block(number, text, kind, anchor, **more))
        return number


def _boxes(boxes: Sequence[Box | None], row: int) -> tuple[Box, ...]:
    box = boxes[row] if row < len(boxes) else None
    return () if box is None else (box,)
