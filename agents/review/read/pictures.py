"""What of a Word file is no text: pictures, charts, drawings, embedded objects; and tables that are pictures."""

from collections.abc import Iterator, Sequence
from typing import Any

from agents.review.document import Block
from agents.review.read.captions import above_table
from knowledge_base.parse.docx_words import VML, W, in_fallback

_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/%s}%s"
PICTURES = (_DRAWING % ("main", "blip"), f"{VML}imagedata")
GRAPHICS = {
    "图表": (_DRAWING % ("chart", "chart"),),
    "组织图（SmartArt）": (_DRAWING % ("diagram", "relIds"),),
    "嵌入对象": ("{urn:schemas-microsoft-com:office:office}OLEObject",),
}


class Pictures:
    """Counts what is not read and remembers which tables are pictures."""

    def __init__(self, body: Any) -> None:
        """Count.

        Args:
            body: Root of the document's body.
        """
        self.count = sum(1 for _ in _shown(body))
        self.graphics = {
            name: found
            for name, tags in GRAPHICS.items()
            if (found := sum(1 for e in body.iter(*tags) if not in_fallback(e)))
        }
        self.tables: list[str] = []

    def look(self, paragraph: Any, blocks: Sequence[Block]) -> None:
        """Remember the caption that stands right above a paragraph that holds a picture."""
        if self.count and next(_shown(paragraph), None) is not None:
            caption, _ = above_table(blocks, len(blocks) - 1)
            if caption:
                self.tables.append(caption)

    def told(self) -> Iterator[str]:
        """Yield what was not reviewed."""
        for caption in self.tables:
            yield f"“{caption}”是图片，表中文字和数字未审查，请改为可编辑的表格"
        if self.count:
            yield f"{self.count} 处图片中的文字未审查"
        for name, count in self.graphics.items():
            yield f"{count} 处{name}中的文字和数字未审查"


def _shown(element: Any) -> Iterator[Any]:
    """Yield the pictures of an element; not those that repeat others or stand for an object."""
    for picture in element.iter(*PICTURES):
        if not in_fallback(picture) and next(picture.iterancestors(f"{W}object"), None) is None:
            yield picture
