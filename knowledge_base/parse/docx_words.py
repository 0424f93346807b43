"""The XML of a Word file: the words of a paragraph as a reader sees them, and what nests what."""

from collections.abc import Iterator
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
VML = "{urn:schemas-microsoft-com:vml}"
_SKIPPED = {
    f"{W}del",
    f"{W}moveFrom",
    f"{W}rt",
    f"{W}instrText",
    f"{W}delText",
    f"{W}pPr",
    f"{W}rPr",
    f"{W}sectPr",
    f"{W}tblPr",
    f"{W}txbxContent",
    f"{_MC}Fallback",
}
_MARKS = {f"{W}tab": "\t", f"{W}noBreakHyphen": "-", f"{W}cr": "\n", f"{W}ptab": "\t"}
NESTED = {f"{W}sdt", f"{W}sdtContent", f"{W}ins", f"{W}moveTo", f"{W}customXml", f"{W}smartTag"}


def words_of(element: Any, *, boxes: bool = False) -> str:
    """Return the words of a paragraph as a reader sees them; text boxes only if asked."""
    return "".join([text for _, text in pieces_of(element, boxes=boxes)])


def pieces_of(element: Any, *, boxes: bool = False) -> list[tuple[Any, str]]:
    """Return the words of a paragraph, each with the element that holds it (`w:t`, `w:tab` …)."""
    if len(element) == 0:
        return []
    parts: list[tuple[Any, str]] = []
    stack: list[Iterator[Any]] = [iter(element)]
    while stack:
        for child in stack[-1]:
            tag = child.tag
            if tag == f"{W}t" or tag == f"{_M}t":
                parts.append((child, child.text or ""))
            elif tag == f"{W}r":
                if not is_hidden(child):
                    stack.append(iter(child))
                    break
            elif tag in _MARKS:
                parts.append((child, _MARKS[tag]))
            elif tag == f"{W}br":
                if child.get(f"{W}type") in (None, "textWrapping"):
                    parts.append((child, "\n"))
            elif tag == f"{W}sym":
                parts.append((child, _symbol(child)))
            elif (tag not in _SKIPPED or (boxes and tag == f"{W}txbxContent")) and len(child):
                stack.append(iter(child))
                break
        else:
            stack.pop()
    return parts


def is_hidden(run: Any) -> bool:
    """Return whether a run is marked as hidden text."""
    properties = run.find(f"{W}rPr")
    if properties is None:
        return False
    mark = properties.find(f"{W}vanish")
    return mark is not None and mark.get(f"{W}val") not in ("0", "false")


def _symbol(element: Any) -> str:
    """Return a character of a symbol font: the ticks of forms; others are not readable."""
    code = (element.get(f"{W}char") or "").upper()
    return {"F0FE": "☑", "F052": "☑", "F0A8": "□", "F0A3": "□", "F06F": "□", "F0FC": "√"}.get(
        code, ""
    )


def in_fallback(element: Any) -> bool:
    """Return whether an element only repeats another for older programs."""
    return next(element.iterancestors(f"{_MC}Fallback"), None) is not None


def is_contents(element: Any) -> bool:
    """Return whether a content control holds the table of contents."""
    gallery = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
    return gallery is not None and gallery.get(f"{W}val") == "Table of Contents"


def children(element: Any, tag: str) -> Iterator[Any]:
    """Yield children of a tag, those in content controls and insertions too."""
    for child in element:
        if child.tag == tag:
            yield child
        elif child.tag in NESTED:
            yield from children(child, tag)


def blocks_of(cell: Any) -> Iterator[Any]:
    """Yield the paragraphs and tables of a cell, those in content controls too."""
    for child in cell:
        if child.tag in (f"{W}p", f"{W}tbl"):
            yield child
        elif child.tag in NESTED:
            yield from blocks_of(child)


def row_properties(row: Any) -> tuple[int, int, bool]:
    """Return the empty grid columns before and after a row, and whether it repeats as header."""
    properties = row.find(f"{W}trPr")
    if properties is None:
        return 0, 0, False
    before, after = properties.find(f"{W}gridBefore"), properties.find(f"{W}gridAfter")
    header = properties.find(f"{W}tblHeader")
    return (
        _count(before, 0),
        _count(after, 0),
        header is not None and header.get(f"{W}val") not in ("0", "false"),
    )


def cell_properties(cell: Any) -> tuple[int, str | None]:
    """Return the columns that a cell spans and its vertical merge: restart, continue or None."""
    properties = cell.find(f"{W}tcPr")
    if properties is None:
        return 1, None
    merge = properties.find(f"{W}vMerge")
    return (
        max(_count(properties.find(f"{W}gridSpan"), 1), 1),
        None if merge is None else merge.get(f"{W}val") or "continue",
    )


def _count(element: Any | None, default: int) -> int:
    text = "" if element is None else element.get(f"{W}val") or ""
    return min(int(text), 1000) if text.isdecimal() and len(text) < 6 else default
