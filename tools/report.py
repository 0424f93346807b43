"""Write Markdown as a Word document in the layout of a Chinese official document.

Knows the document as a whole: title, core properties, the file. `tools.report_writer` knows the
Markdown, `tools.report_layout` the page, fonts and styles.
"""

import os
import re
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

AUTHOR = "CSPON Planner"
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold."""


def markdown_to_docx(markdown: str, out: Path, *, images: Mapping[str, Path] | None = None) -> Path:
    """Write Markdown (CommonMark with tables) as a Word document and return its path.

    The first level-1 heading is the title of the document: it stands in the header line and in
    the core properties.

    Args:
        markdown: The text.
        out: The .docx file to write; written under a temporary name, then renamed.
        images: Picture files by the name that `![title](name)` uses.

    Raises:
        InputError: a picture is named that `images` does not hold, or its file is not a picture.
    """
    from docx import Document  # lazily: the command line should not wait for it
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

    from tools.report_layout import prepare
    from tools.report_writer import Writer, plain_text

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    root = SyntaxTreeNode(parser.parse(ILLEGAL.sub("\ufffd", markdown)))
    title = next(
        (plain_text(n) for n in root.children if n.type == "heading" and n.tag == "h1"), ""
    )
    document = Document()
    prepare(document, title)
    Writer(document, images or {}).blocks(root.children)
    _set_properties(document, title)
    _save(document, out)
    return out


def _set_properties(document: Any, title: str) -> None:
    properties = document.core_properties
    now = datetime.now(UTC).replace(microsecond=0, tzinfo=None)
    properties.title, properties.comments, properties.language = title, "", "zh-CN"
    properties.author = properties.last_modified_by = AUTHOR
    properties.created = properties.modified = now
    properties.revision = 1


def _save(document: Any, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=".docx", dir=out.parent)
    os.close(descriptor)
    try:
        document.save(name)
        Path(name).chmod(0o644)
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)
