"""PDF files that carry their text; scanned ones are refused with what to do.

A PDF has visual lines: they are joined to paragraphs where a line runs to the right margin and
does not end a sentence.
"""

import re
from pathlib import Path

from cspon.errors import InputError, missing_extra
from knowledge_base.parse.source import SourceText

_ENDS = "。；：！？;:!?）)》”"
_STARTS = re.compile(
    r"^\s*(?:第\s*[零〇一二三四五六七八九十百千0-9]+\s*[条章节编]|[（(][一二三四五六七八九十]+[）)]|[一二三四五六七八九十]+、|\d+(?:\.\d+)*\s)"
)
LEAST_CHARACTERS_A_PAGE = 20
FULL_LINE = 0.85
"""Share of the longest line from which a line counts as running to the margin."""


def read_pdf(path: Path) -> SourceText:
    """Read the text layer of a PDF.

    Raises:
        SetupError: pdfplumber is not installed.
        InputError: damaged, encrypted, or without a text layer.
    """
    try:
        import pdfplumber
    except ImportError as error:
        raise missing_extra("pdfplumber", "parse") from error
    pages: list[str] = []
    try:
        with pdfplumber.open(path) as document:
            for page in document.pages:
                pages.append(_joined(page.extract_text() or ""))
    except Exception as error:
        raise InputError(
            f"PDF 无法读取（{type(error).__name__}）", file=path, mend="确认文件完整且未加密"
        ) from error
    if sum(len(page) for page in pages) < LEAST_CHARACTERS_A_PAGE * max(len(pages), 1):
        raise InputError(
            "PDF 没有文字层（可能是扫描件）", file=path, mend="先做文字识别（OCR），或提供文字版"
        )
    starts, offset = [], 0
    for page_text in pages:
        starts.append(offset)
        offset += len(page_text) + 1
    return SourceText(text="\n".join(pages), page_starts=tuple(starts))


def _joined(text: str) -> str:
    """Join visual lines to paragraphs: a full line that ends no sentence goes on."""
    lines = [line.strip() for line in text.splitlines()]
    longest = max((len(line) for line in lines), default=0)
    out: list[str] = []
    before = ""
    for line in lines:
        goes_on = (
            len(before) >= FULL_LINE * longest
            and before[-1:] not in _ENDS
            and not _STARTS.match(line)
        )
        if out and before and goes_on:
            out[-1] += line
        else:
            out.append(line)
        before = line
    return "\n".join(out)
