"""What a reader makes of a file: its text, and where each character stands.

`text` is the one truth: spans, pages, boxes and tables are offsets into it, so whatever is cut from
the text can be shown at its place in the file.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from cspon.schemas.knowledge import Box


@dataclass(frozen=True)
class Table:
    """A table of the file. Its row-wise form (列名：值；…, one line a row) stands in the text at `span`."""

    span: tuple[int, int]
    html: str
    """`<table>` with header cells and spans, nothing else: no style, script or link."""
    caption: str = ""
    """As printed, e.g. 表3-1 国土空间规划指标表; it stands in the text beside the table too."""
    unit: str = ""
    """As printed beside the caption, e.g. 单位：公顷."""
    rows: int = 0


@dataclass(frozen=True)
class Line:
    """A run of text and its box on the page, for formats with pages."""

    span: tuple[int, int]
    box: Box


@dataclass(frozen=True)
class SourceText:
    """Plain text; Markdown marks (#) stand for heading levels where the format knows them."""

    text: str
    page_starts: tuple[int, ...] = ()
    """Offset of each page's first character; empty when the format has no pages."""
    tables: tuple[Table, ...] = ()
    """By span, not overlapping."""
    lines: tuple[Line, ...] = ()
    """By span, not overlapping; empty when the format has no pages."""
    page_confidence: tuple[float | None, ...] = ()
    """Mean recognition confidence of each page, None for a page with a text layer."""
    properties: dict[str, str] = field(default_factory=dict)
    """What the file says of itself (title, author, created, modified), unverified, and the page heads
    and feet that are not part of the running text (page_header, page_footer, one a line)."""
    sha256: str = ""
    """Hash of the bytes that were read."""
    notices: tuple[str, ...] = ()
    """What a person should know, e.g. 第 3 页由文字识别得到，置信度 0.71."""

    def page_at(self, offset: int) -> int | None:
        """Return the 1-based page of a character."""
        return bisect_right(self.page_starts, offset) or None if self.page_starts else None

    def boxes_of(self, start: int, end: int) -> tuple[Box, ...]:
        """Return one box a page that covers the lines of a span."""
        first = bisect_right(self.lines, start, key=lambda line: line.span[1])
        last = bisect_left(self.lines, end, key=lambda line: line.span[0])
        joined: dict[int, Box] = {}
        for line in self.lines[first:last]:
            box, other = line.box, joined.get(line.box.page)
            joined[box.page] = (
                box
                if other is None
                else Box(
                    page=box.page,
                    x0=min(box.x0, other.x0),
                    y0=min(box.y0, other.y0),
                    x1=max(box.x1, other.x1),
                    y1=max(box.y1, other.y1),
                )
            )
        return tuple(joined[page] for page in sorted(joined))
