"""PDF files: the text layer where there is one, character recognition page by page where not."""

import io
import logging
from collections.abc import Iterator
from typing import Any

from cspon.errors import InputError, SetupError, missing_extra
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.cell_grid import CellGrid
from knowledge_base.parse.layout import Char, TextLine, reading_order, segments
from knowledge_base.parse.ocr import DPI
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.paged import Page, PageTable, insert_table, write_pages
from knowledge_base.parse.radicals import RADICALS
from knowledge_base.parse.scanned import confidence_notice, scanned_page
from knowledge_base.parse.source import SourceText

MAX_PAGES = 3000
MOST_CHARACTERS = 60
"""A page with fewer characters (a stamp, a page number) and a large picture is taken for a scan."""
IMAGE_SHARE = 0.3
"""Share of the page that its pictures cover from which it counts as a scan."""
LEAST_CURVES = 100
"""Curves from which a page without any character is taken for text turned into outlines."""
MAX_EDGES = 6000
MAX_CROSSINGS = 4000
"""A page with more ruled edges or crossings of them is a map or drawing: no tables are looked for."""
_SNAP = 3.0
_MEND = "重新下载或另存为 PDF 后再试"
_UNLOCK = "用密码打开后另存为不加密的 PDF 再试"


def read_pdf(opened: Opened) -> SourceText:
    """Read a PDF.

    Raises:
        SetupError, InputError: as `write_pdf`.
    """
    out = SourceBuilder()
    write_pdf(opened, out)
    return out.build()


def write_pdf(opened: Opened, out: SourceBuilder) -> None:
    """Read a PDF and write what stands on its pages.

    Args:
        opened: The file.
        out: What it is written into, notices and properties too.

    Raises:
        SetupError: pdfplumber, or for scanned pages rapidocr-onnxruntime, is not installed.
        InputError: damaged, encrypted, too long, or (with recognition off) without a text layer.
    """
    try:
        import pdfplumber
        from pdfminer.pdfdocument import PDFPasswordIncorrect
        from pdfplumber.utils.exceptions import PdfminerException
    except ImportError as error:
        raise missing_extra("pdfplumber", "parse") from error
    logging.getLogger("pdfminer").setLevel(logging.CRITICAL)
    try:
        with pdfplumber.open(io.BytesIO(opened.data)) as document:
            if len(document.pages) > MAX_PAGES:
                raise InputError(
                    f"PDF 有 {len(document.pages)} 页，超过上限 {MAX_PAGES} 页",
                    file=opened.path,
                    mend="拆分成几个文件再试",
                )
            out.properties.update(_properties(document.metadata))
            pages: list[Page] = []
            scanned: list[int] = []
            for page in document.pages:
                made, readable = _page(page)
                pages.append(made)
                if not readable or _is_image(page, made):
                    scanned.append(page.page_number - 1)
                page.close()
    except (InputError, SetupError):
        raise
    except PdfminerException as error:
        encrypted = any(isinstance(e, PDFPasswordIncorrect) for e in (error, *error.args))
        raise InputError(
            "PDF 已加密，需要密码" if encrypted else "不是可读的 PDF，或文件不完整",
            file=opened.path,
            mend=_UNLOCK if encrypted else _MEND,
        ) from error
    except Exception as error:
        raise InputError(
            f"PDF 无法读取（{type(error).__name__}）", file=opened.path, mend=_MEND
        ) from error
    if not pages:
        raise InputError("PDF 没有页面", file=opened.path, mend=_MEND)
    if scanned and opened.ocr:
        _recognise(opened, pages, scanned, out)
    elif scanned:
        if len(scanned) == len(pages):
            raise InputError(
                "PDF 没有文字层（可能是扫描件）",
                file=opened.path,
                mend="开启文字识别（OCR），或提供文字版",
            )
        out.notices.append(f"第 {_numbers(scanned)} 页是图像，未做文字识别")
    write_pages(pages, out)


def _properties(metadata: dict[str, Any]) -> dict[str, str]:
    wanted = {
        "Title": "title",
        "Author": "author",
        "CreationDate": "created",
        "ModDate": "modified",
    }
    return {
        wanted[key]: value.strip()
        for key, value in metadata.items()
        if key in wanted and isinstance(value, str) and value.strip()
    }


def _page(page: Any) -> tuple[Page, bool]:
    """Read the text layer of a page, and tell whether its characters can be read at all."""
    x0, top, x1, bottom = page.cropbox or page.bbox
    made = Page(page.page_number, x1 - x0, bottom - top, origin=(x0, top))
    tables = list(_tables(page))
    loose: list[Char] = []
    unreadable = 0
    for char in page.chars:
        text = char["text"].translate(RADICALS)
        if text.startswith("(cid:") or "\ue000" <= text[:1] <= "\uf8ff" or text == "\ufffd":
            unreadable += 1
            continue
        left, right, above, below = char["x0"], char["x1"], char["top"], char["bottom"]
        middle = (above + below) / 2
        placed = (round(middle, 1), left, right, above, below, char["size"], text)
        x = (left + right) / 2
        for table in tables:
            box = table.box
            if (
                box[0] <= x <= box[2]
                and box[1] <= middle <= box[3]
                and table.take(placed, x, middle)
            ):
                break
        else:
            loose.append(placed)
    if unreadable * 5 > len(page.chars):
        return made, False
    lines = reading_order(segments(loose), x1 - x0)
    blocks: list[TextLine | PageTable] = [*lines]
    for table in tables:
        insert_table(blocks, table)
    made.blocks = blocks
    return made, True


def _tables(page: Any) -> Iterator[CellGrid]:
    edges = page.edges
    if not 4 <= len(edges) <= MAX_EDGES:
        return
    across = {round(edge["top"] / _SNAP) for edge in edges if edge["orientation"] == "h"}
    down = {round(edge["x0"] / _SNAP) for edge in edges if edge["orientation"] == "v"}
    if len(across) * len(down) > MAX_CROSSINGS:
        return
    for found in page.find_tables():
        cells = CellGrid(found.cells, _SNAP)
        if cells.is_table:
            yield cells


def _is_image(page: Any, made: Page) -> bool:
    """Return whether a page shows a picture, or drawn letters, and next to no text."""
    characters = sum(
        len(block.text)
        if isinstance(block, TextLine)
        else sum(len(value or "") for row in block.grid.values for value in row)
        for block in made.blocks
    )
    if characters >= MOST_CHARACTERS:
        return False
    area = max(made.width * made.height, 1.0)
    covered = sum((i["x1"] - i["x0"]) * (i["bottom"] - i["top"]) for i in page.images) / area
    drawn = not characters and len(page.curves) > LEAST_CURVES
    return covered > IMAGE_SHARE or drawn


def _recognise(opened: Opened, pages: list[Page], scanned: list[int], out: SourceBuilder) -> None:
    """Replace scanned pages by what recognition finds on them."""
    from knowledge_base.parse.page_image import rendered

    for index in scanned:
        pages[index] = scanned_page(rendered(opened.data, index, DPI, opened.path), index + 1)
    out.notices.append(f"第 {_numbers(scanned)} 页由文字识别得到，引用前请核对原件")
    if low := confidence_notice([pages[index] for index in scanned]):
        out.notices.append(low)


def _numbers(indexes: list[int]) -> str:
    """Return 1-based page numbers with runs joined, e.g. 1–3、7."""
    parts: list[str] = []
    start = previous = None
    for number in [*(i + 1 for i in indexes), -1]:
        if previous is not None and number == previous + 1:
            previous = number
            continue
        if start is not None and previous is not None:
            parts.append(str(start) if start == previous else f"{start}–{previous}")
        start = previous = number
    return "、".join(parts)
