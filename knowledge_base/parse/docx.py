"""Word files: paragraphs and tables in their order, heading styles as Markdown marks."""

import re
import zipfile
from pathlib import Path

from cspon.errors import InputError
from knowledge_base.parse.source import SourceText

_HEADING = re.compile(r"^(?:heading|标题)\s*(\d)$", re.IGNORECASE)
MEND = "用 Word 或 WPS 打开后另存为 .docx 再试"


def read_docx(path: Path) -> SourceText:
    """Read a Word file.

    Raises:
        InputError: not a readable .docx.
    """
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    try:
        document = Document(str(path))
    except (PackageNotFoundError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise InputError("不是可读的 Word 文件（.docx）", file=path, mend=MEND) from error
    lines: list[str] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            lines.extend(
                " | ".join(cell.text.strip().replace("\n", " ") for cell in row.cells)
                for row in block.rows
            )
            continue
        text = block.text.strip()
        match = _HEADING.match(block.style.name or "") if block.style is not None else None
        is_title = block.style is not None and (block.style.name or "").lower() in ("title", "标题")
        if text and match:
            text = f"{'#' * int(match[1])} {text}"
        elif text and is_title:
            text = f"# {text}"
        lines.append(text)
    return SourceText(text="\n".join(lines))
