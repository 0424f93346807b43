"""Pages of lines and tables to one text: repeated heads dropped, paragraphs and tables joined
across pages, each character's box kept.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cspon.schemas.knowledge import Box
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.cell_grid import CellGrid
from knowledge_base.parse.layout import Rectangle, TextLine, goes_on, join_words
from knowledge_base.parse.table import CAPTION, Grid, header_rows, is_unit_line
from knowledge_base.parse.turn import Turn

_PAGE_NUMBER = re.compile(
    r"^[\s\-—–－·•~～|]*(?:第\s*)?(?:\d{1,4}|[ivxlcⅰ-ⅻⅠ-Ⅻ]{1,6})(?:\s*页)?"
    r"(?:\s*[/／,，共]*\s*(?:共\s*)?\d{1,4}\s*页?)?[\s\-—–－·•~～|]*$"
)
_DIGITS = re.compile(r"\d+")
_EDGE = 0.12
"""Share of a page's height at its top and bottom where heads and feet stand."""
_EDGE_LINES = 3
_TITLE_SIZE = 1.3
"""Times the usual size of a page from which a line is a title, though heads repeat its words."""


@dataclass
class PageTable:
    """A table on a page, with one rectangle a row."""

    grid: Grid
    row_boxes: list[Rectangle]
    box: Rectangle


@dataclass
class Page:
    """What stands on a page, in reading order."""

    number: int
    width: float
    height: float
    blocks: list[TextLine | PageTable] = field(default_factory=list)
    origin: tuple[float, float] = (0.0, 0.0)
    """Top left corner of what is shown of the page."""
    confidence: float | None = None
    turn: Turn | None = None
    """How a scanned page was set upright; width, height and blocks are those after it."""

    def share(self, box: Rectangle) -> Box:
        """Return a rectangle of the page in shares of what is shown."""
        x, y = self.origin
        width, height = self.width, self.height
        if self.turn is not None:
            box = self.turn.back(box)
            width, height = self.turn.width, self.turn.height

        def at(value: float, whole: float) -> float:
            return round(min(max(value / whole, 0.0), 1.0), 4) if whole > 0 else 0.0

        return Box(
            page=self.number,
            x0=at(box[0] - x, width),
            y0=at(box[1] - y, height),
            x1=at(box[2] - x, width),
            y1=at(box[3] - y, height),
        )


def insert_table(blocks: list[TextLine | PageTable], cells: CellGrid) -> None:
    """Put a table before the first line that stands below its top, in reading order."""
    grid = cells.grid()
    if grid.is_empty:
        return
    table = PageTable(grid, [cells.row_box(row) for row in range(cells.rows)], cells.box)
    middle = (table.box[0] + table.box[2]) / 2
    for at, block in enumerate(blocks):
        top = block.top if isinstance(block, TextLine) else block.box[1]
        beside = (
            isinstance(block, TextLine)
            and block.column
            and not block.left - 1 <= middle <= block.right + 1
        )
        if top >= table.box[1] and not beside:
            blocks.insert(at, table)
            return
    blocks.append(table)


def write_pages(pages: Sequence[Page], out: SourceBuilder) -> None:
    """Write pages into a text."""
    _drop_heads_and_feet(pages, out)
    _Pages(out).write(pages)


def _drop_heads_and_feet(pages: Sequence[Page], out: SourceBuilder) -> None:
    """Remove page numbers and lines that stand at the same edge of most pages."""
    edges = [(page, *_edge_lines(page)) for page in pages]
    usual = {id(page): _usual_size(page) for page in pages}
    counts: Counter[tuple[bool, str, bool]] = Counter()
    for page, top, bottom in edges:
        for at_top, lines in ((True, top), (False, bottom)):
            counts.update({(at_top, *_pattern(line, usual[id(page)])) for line in lines})
    least = max(2 if len(pages) == 2 else 3, 0.3 * len(pages))
    dropped: dict[str, list[str]] = {"page_header": [], "page_footer": []}
    for page, top, bottom in edges:
        gone: set[int] = set()
        for at_top, lines in ((True, top), (False, bottom)):
            for line in lines:
                number = bool(_PAGE_NUMBER.match(line.text))
                if number or counts[(at_top, *_pattern(line, usual[id(page)]))] >= least:
                    gone.add(id(line))
                    if not number:
                        dropped["page_header" if at_top else "page_footer"].append(line.text)
                else:
                    break
        if gone:
            page.blocks = [block for block in page.blocks if id(block) not in gone]
    for name, texts in dropped.items():
        if kept := list(dict.fromkeys(texts))[:20]:
            out.properties[name] = "\n".join(kept)


def _edge_lines(page: Page) -> tuple[list[TextLine], list[TextLine]]:
    """Return the lines at the top and at the bottom of a page, outermost first."""
    lines = [block for block in page.blocks if isinstance(block, TextLine)]
    y = page.origin[1]
    top = [line for line in lines if line.bottom - y <= _EDGE * page.height]
    bottom = [line for line in lines if line.top - y >= (1 - _EDGE) * page.height]
    top.sort(key=lambda line: line.top)
    bottom.sort(key=lambda line: -line.top)
    return top[:_EDGE_LINES], bottom[:_EDGE_LINES]


def _pattern(line: TextLine, usual: float) -> tuple[str, bool]:
    """Return what makes two heads the same: their words without numbers, and being no title."""
    return _DIGITS.sub("#", "".join(line.text.split())), line.size > _TITLE_SIZE * usual


def _usual_size(page: Page) -> float:
    sizes = sorted(block.size for block in page.blocks if isinstance(block, TextLine))
    return sizes[len(sizes) // 2] if sizes else 0.0


class _Pages:
    def __init__(self, out: SourceBuilder) -> None:
        self.out = out
        self.open_line: TextLine | None = None
        self.pieces: list[tuple[str, Box | None]] = []
        self.table: tuple[Grid, list[Box | None], list[int], Rectangle] | None = None

    def write(self, pages: Sequence[Page]) -> None:
        widest = _usual_margin(pages)
        for page in pages:
            self.out.page_confidence.append(page.confidence)
            self._begin(page)
            for index, block in enumerate(page.blocks):
                if isinstance(block, PageTable):
                    self._close_paragraph()
                    self._close_table()
                    boxes: list[Box | None] = [page.share(box) for box in block.row_boxes]
                    self.table = (block.grid, boxes, [], block.box)
                    continue
                self._close_table()
                if widest > block.right + 2 * block.size and not block.column:
                    block.right = max(block.right, min(widest, page.origin[0] + page.width))
                self._line(page, block, first=index == 0)
        self._close_paragraph()
        self._close_table()

    def _begin(self, page: Page) -> None:
        """Start a page: inside an open table or paragraph when it goes on there."""
        first = next(iter(page.blocks), None)
        second = page.blocks[1] if len(page.blocks) > 1 else None
        if self.table is not None and isinstance(first, TextLine) and isinstance(second, PageTable):
            caption = CAPTION.match(first.text)
            if (caption and "续" in first.text[:4] + first.text[-4:]) and _continues(
                self.table, second
            ):
                page.blocks.pop(0)
                first = second
        if (
            self.table is not None
            and isinstance(first, PageTable)
            and _continues(self.table, first)
        ):
            grid, boxes, starts, box = self.table
            head = header_rows(grid)
            skip = head if head and _same(grid, first.grid, head) else 0
            if _is_rest_of_row(grid, first.grid, skip):
                grid = _row_ended(grid, first.grid.values[skip])
                skip += 1
            starts.append(len(grid.values))
            boxes.extend(page.share(b) for b in first.row_boxes[skip:])
            self.table = (_appended(grid, first.grid, skip), boxes, starts, box)
            page.blocks.pop(0)
            return
        self._close_table()
        goes_on_here = (
            self.open_line is not None
            and isinstance(first, TextLine)
            and goes_on(self.open_line, first, same_page=False)
        )
        if goes_on_here:
            for text, place in self.pieces:
                self.out.open_paragraph(text, place)
            self.pieces = []
        else:
            self._close_paragraph()
        self.out.start_page()

    def _line(self, page: Page, line: TextLine, *, first: bool) -> None:
        box = page.share((line.x0, line.top, line.x1, line.bottom))
        before = self.open_line
        if before is not None and goes_on(before, line, same_page=not first):
            end = self.pieces[-1][0] if self.pieces else before.text
            spaced = end[-1:] < "\u2e80" and line.text[:1] < "\u2e80"
            if spaced:
                self.pieces.append((" ", None))
            self.pieces.append((line.text, box))
        else:
            self._close_paragraph()
            self.pieces = [(line.text, box)]
        self.open_line = line

    def _close_paragraph(self) -> None:
        if self.open_line is not None:
            self.out.paragraph(self.pieces)
        self.open_line, self.pieces = None, []

    def _close_table(self) -> None:
        if self.table is not None:
            grid, boxes, starts, _ = self.table
            self.out.table(grid, row_boxes=boxes, page_rows=starts)
        self.table = None


def _usual_margin(pages: Sequence[Page]) -> float:
    """Return the right margin that pages usually have, 0 when there is no page of text."""
    rights = sorted(
        max(line.right for line in lines)
        for page in pages
        if len(lines := [b for b in page.blocks if isinstance(b, TextLine)]) >= 5
    )
    return rights[len(rights) // 2] if rights else 0.0


def _continues(
    table: tuple[Grid, list[Box | None], list[int], Rectangle], following: PageTable
) -> bool:
    """Return whether a table at the top of a page goes on with the one above the page break."""
    grid, _, _, box = table
    width = max(box[2] - box[0], 1e-6)
    return (
        grid.columns == following.grid.columns
        and abs(box[0] - following.box[0]) < 0.05 * width
        and abs(box[2] - following.box[2]) < 0.05 * width
        and not any(is_unit_line(v) for v in following.grid.values[0] if v)
    )


def _same(grid: Grid, following: Grid, head: int) -> bool:
    return len(following.values) > head and all(
        [v or "" for v in a] == [v or "" for v in b]
        for a, b in zip(grid.values[:head], following.values[:head], strict=True)
    )


def _is_rest_of_row(grid: Grid, following: Grid, row: int) -> bool:
    """Return whether a row only ends the words of the row above the page break."""
    if row >= len(following.values) or any(at[0] == row for at in following.spans):
        return False
    texts, above = following.values[row], grid.values[-1]
    filled = [column for column, text in enumerate(texts) if text]
    return (
        not texts[0]
        and 0 < len(filled) <= grid.columns // 2
        and all(above[column] for column in filled)
        and bool(above[0])
    )


def _row_ended(grid: Grid, rest: Sequence[str | None]) -> Grid:
    """Return a grid whose last row is ended by the words of another."""
    last = [
        join_words(text, more) if text and more else text
        for text, more in zip(grid.values[-1], rest, strict=True)
    ]
    return Grid([*grid.values[:-1], last], grid.spans, grid.header_rows)


def _appended(grid: Grid, following: Grid, skip: int) -> Grid:
    offset = len(grid.values) - skip
    spans = dict(grid.spans) | {
        (r + offset, c): span for (r, c), span in following.spans.items() if r >= skip
    }
    return Grid([*grid.values, *following.values[skip:]], spans, grid.header_rows)
