"""A page made of what character recognition finds on its image."""

from typing import Any

from knowledge_base.parse.layout import Segment, TextLine, reading_order
from knowledge_base.parse.ocr import LOW_CONFIDENCE, recognise
from knowledge_base.parse.paged import Page, PageTable, insert_table
from knowledge_base.parse.ruled import ruled_tables


def scanned_page(image: Any, number: int) -> Page:
    """Recognise a page image (PIL).

    Raises:
        SetupError: rapidocr-onnxruntime is not installed.
    """
    found = recognise(image)
    upright = found.image
    page = Page(number, upright.width, upright.height, confidence=found.confidence, turn=found.turn)
    tables = ruled_tables(upright, tolerance=max(upright.width / 200, 4)) if found.runs else []
    loose: list[Segment] = []
    for run in found.runs:
        x, y = (run.x0 + run.x1) / 2, (run.top + run.bottom) / 2
        placed = (round(y, 1), run.x0, run.x1, run.top, run.bottom, run.size, run.text)
        if not any(table.take(placed, x, y) for table in tables):
            loose.append(run)
    blocks: list[TextLine | PageTable] = [*reading_order(loose, upright.width)]
    for table in tables:
        insert_table(blocks, table)
    page.blocks = blocks
    return page


def confidence_notice(pages: list[Page]) -> str | None:
    """Tell the pages whose recognition is doubtful."""
    low = [
        f"第 {page.number} 页 {page.confidence:.2f}"
        for page in pages
        if page.confidence is not None and page.confidence < LOW_CONFIDENCE
    ]
    return f"文字识别置信度偏低：{'、'.join(low)}" if low else None
