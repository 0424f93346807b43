"""Find the paragraphs of a docx as the corpus format counts them."""

import zipfile
from functools import lru_cache
from pathlib import Path

from lxml import etree

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def paragraphs(path: Path, part: str = "document") -> list[str]:
    """Return the text of every `w:p` of a part in document order.

    The text of a paragraph is its own `w:t`, with one character for each `w:tab` and `w:br`; deleted
    revisions and the paragraphs of a text box inside it are left out (those count themselves).

    Args:
        path: The docx.
        part: Name without folder and extension: document, footnotes, header1.
    """
    stat = path.stat()
    return list(_paragraphs(path, part, (stat.st_mtime_ns, stat.st_size)))


@lru_cache(maxsize=64)
def _paragraphs(path: Path, part: str, _version: tuple[int, int]) -> tuple[str, ...]:
    with zipfile.ZipFile(path) as archive:
        root = etree.fromstring(archive.read(f"word/{part}.xml"))
    return tuple(_own_text(paragraph) for paragraph in root.iter(f"{_W}p"))


def _own_text(node: etree._Element) -> str:
    text = ""
    for child in node:
        if child.tag == f"{_W}t":
            text += child.text or ""
        elif child.tag in (f"{_W}tab", f"{_W}br") and node.tag == f"{_W}r":
            text += "\t" if child.tag == f"{_W}tab" else "\n"
        elif child.tag not in (f"{_W}p", f"{_W}del", f"{_W}tabs") and isinstance(child.tag, str):
            text += _own_text(child)
    return text
