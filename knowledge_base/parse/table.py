"""A table as a grid of texts: clean HTML, and a row-wise form that stands in the text.

Knows what Chinese planning tables look like: captions (表3-1 …), units (单位：公顷), headers of
several rows, cells merged downwards that count for every row they span.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

CAPTION = re.compile(
    r"^\s*(?:续\s*)?(?:附\s*表|表|Table|TABLE)\s*(?:[A-Z]\s*[.．]?\s*)?[0-9０-９一二三四五六七八九十]+"
    r"(?:\s*[-－—–.．]\s*\d+)*(?![0-9])(?P<name>[\s　:：].*|[^\s。；，、].*|)$"
)
"""A caption line, e.g. 表3-1 国土空间规划指标表, 附表2 …, 续表3-1."""
UNIT = re.compile(
    r"[（(]?\s*(?P<unit>(?:计量|面积|数据)?单\s*位\s*[：:]\s*[^\s）)；;，,。]{1,24})\s*[）)]?"
)
CAPTION_LENGTH = 80
_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"^[-+±≥≤<>＜＞≈约]?\s*[\d,，.]+\s*[%％‰]?$")
_YEAR = re.compile(r"^(?:19|20)\d\d$")
_HEADER_WORD = re.compile(
    r"(?:序号|编号|代码|名称|类别|类型|项目|指标|内容|面积|单位|数量|备注|要求|说明|标准|属性|比例|占比|日期|时间|年份|用途|位置|[名类值量数号级率])$"
)
_HEADER_CELL = 40
_HEADER_ROWS = 4


@dataclass(frozen=True)
class Grid:
    """A table's cells by row and column; None where a cell to the left or above spans."""

    values: Sequence[Sequence[str | None]]
    """Rows of equal length."""
    spans: Mapping[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    """(row, column) of a merged cell to its (rows, columns)."""
    header_rows: int | None = None
    """Leading rows that the format marks as header; None when it does not say."""

    @property
    def columns(self) -> int:
        """Number of columns."""
        return len(self.values[0]) if self.values else 0

    @property
    def is_empty(self) -> bool:
        """Whether no cell holds a word."""
        return not any(value and value.strip() for row in self.values for value in row)


def flat(text: str) -> str:
    """Return a cell's text on one line."""
    return _SPACE.sub(" ", text).strip()


def caption_and_unit(line: str) -> tuple[str, str]:
    """Return the caption and the unit that a line states, each empty when it states none."""
    line = line.strip().lstrip("#*").strip().strip("*").strip()
    if not line or len(line) > CAPTION_LENGTH or line.endswith(("。", "；")):
        return "", ""
    unit = UNIT.search(line)
    rest = (line[: unit.start()] + line[unit.end() :]).strip() if unit else line
    return (rest if CAPTION.match(rest) else ""), (_SPACE.sub("", unit["unit"]) if unit else "")


def is_unit_line(line: str) -> bool:
    """Return whether a line states a unit and little else."""
    match = UNIT.search(line)
    return match is not None and len(line.strip()) - len(match[0].strip()) <= 2


def peel(grid: Grid, *, every_title: bool = False) -> tuple[list[str], Grid]:
    """Take leading rows of one cell off a grid: its caption, unit, or (on a sheet) any title.

    Returns:
        The texts taken off, and the rest of the grid.
    """
    taken: list[str] = []
    count = 0
    if grid.columns < 2:
        return taken, grid
    for row in grid.values[: min(6, len(grid.values) - 1)]:
        texts = [flat(value) for value in row if value and value.strip()]
        if len(texts) > 1 or (not texts and not every_title):
            break
        if texts:
            caption, _ = caption_and_unit(texts[0])
            if not (caption or is_unit_line(texts[0]) or every_title):
                break
            taken.append(texts[0])
        count += 1
    return (taken, _without_rows(grid, count)) if taken else ([], grid)


def _without_rows(grid: Grid, count: int) -> Grid:
    spans = {(r - count, c): span for (r, c), span in grid.spans.items() if r >= count}
    header = None if grid.header_rows is None else max(grid.header_rows - count, 0) or None
    return replace(grid, values=grid.values[count:], spans=spans, header_rows=header)


def header_rows(grid: Grid) -> int:
    """Return how many leading rows name the columns; 0 when none does."""
    rows, columns = len(grid.values), grid.columns
    if grid.header_rows is not None:
        return min(grid.header_rows, rows)
    if rows < 2 or columns < 2:
        return 0
    first = [flat(value) if value is not None else None for value in grid.values[0]]
    texts = [text for text in first if text]
    empty = sum(1 for text in first if text == "")
    if (len(texts) < 2 and columns > 2) or empty > max(1, columns // 4):
        return 0
    if any(len(text) > _HEADER_CELL or _is_number(text) for text in texts):
        return 0
    if columns == 2 and not _names_two_columns(grid, texts):
        return 0
    depth = max((grid.spans.get((0, c), (1, 1))[0] for c in range(columns)), default=1)
    if depth == 1 and any(grid.spans.get((0, c), (1, 1))[1] > 1 for c in range(columns)):
        depth = 2 if not any(_is_number(flat(v or "")) for v in grid.values[1]) else 1
    return depth if depth <= min(_HEADER_ROWS, rows - 1) else 1


def _is_number(text: str) -> bool:
    return bool(_NUMBER.match(text)) and not _YEAR.match(text)


def _names_two_columns(grid: Grid, first: Sequence[str]) -> bool:
    if len(first) < 2 or any(len(text) > 16 for text in first):
        return False
    if all(_HEADER_WORD.search(text) for text in first):
        return True
    second = [flat(row[1]) for row in grid.values[1:] if row[1]]
    return len(second) > 1 and sum(map(_is_number, second)) * 2 > len(second)


def column_names(grid: Grid, headers: int) -> list[str]:
    """Return one name a column: the header cells above it, joined with “/” from top to bottom."""
    owner = _owners(grid, headers)
    names: list[str] = []
    for column in range(grid.columns):
        parts: list[str] = []
        for row in range(headers):
            at = owner.get((row, column), (row, column))
            text = flat(grid.values[at[0]][at[1]] or "")
            if text and (not parts or parts[-1] != text):
                parts.append(text)
        names.append("/".join(parts))
    return names


def row_lines(grid: Grid) -> list[tuple[int, str]]:
    """Return (row, text) of the row-wise form: 列名：值；…, empty cells and empty rows left out.

    A header whose column stays empty is told in a first line 表头：….
    """
    headers = header_rows(grid)
    names = column_names(grid, headers)
    owner = _owners(grid, len(grid.values))
    heads = [f"{name}：" if name else "" for name in names]
    used = [False] * grid.columns
    lines: list[tuple[int, str]] = []
    for number in range(headers, len(grid.values)):
        parts: list[str] = []
        for column, value in enumerate(grid.values[number]):
            if value is None:
                at = owner.get((number, column))
                if at is None or at[0] == number or at[1] != column:
                    continue
                value = grid.values[at[0]][column] or ""
            if value and not value.isalnum():
                value = flat(value)
            if value:
                used[column] = True
                parts.append(heads[column] + value)
        if len(parts) == 1 and grid.spans.get((number, 0), (1, 1))[1] == grid.columns > 1:
            parts = [flat(grid.values[number][0] or "")]
        if parts:
            two = grid.columns == 2 and not headers and len(parts) == 2
            lines.append((number, "：".join(parts) if two else "；".join(parts)))
    told = [name for name, seen in zip(names, used, strict=True) if name and seen]
    missed = any(
        name and not seen and name not in told for name, seen in zip(names, used, strict=True)
    )
    if missed:
        lines.insert(0, (0, "表头：" + "；".join(dict.fromkeys(name for name in names if name))))
    return lines


def _owners(grid: Grid, rows: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the anchor of each covered cell in the first `rows` rows."""
    owner: dict[tuple[int, int], tuple[int, int]] = {}
    for (row, column), (down, right) in grid.spans.items():
        for r in range(row, min(row + down, rows)):
            for c in range(column, min(column + right, grid.columns)):
                if (r, c) != (row, column):
                    owner[r, c] = (row, column)
    return owner


def grid_html(grid: Grid) -> str:
    """Return the grid as `<table>` with header cells and spans, nothing else."""
    headers = header_rows(grid)
    out = ["<table>"]
    for number, row in enumerate(grid.values):
        tag = "th" if number < headers else "td"
        if grid.spans:
            cells = "".join(
                f"<{tag}{_span(grid, number, column)}>{_cell_html(value)}</{tag}>"
                for column, value in enumerate(row)
                if value is not None
            )
        else:
            inner = f"</{tag}><{tag}>".join([_cell_html(value or "") for value in row])
            cells = f"<{tag}>{inner}</{tag}>"
        out.append(f"<tr>{cells}</tr>")
    out.append("</table>")
    return "".join(out)


def _span(grid: Grid, row: int, column: int) -> str:
    down, right = grid.spans.get((row, column), (1, 1))
    return (f' rowspan="{down}"' if down > 1 else "") + (f' colspan="{right}"' if right > 1 else "")


def _cell_html(value: str) -> str:
    if value.isalnum() or not value:
        return value
    return escape(value.strip(), quote=False).replace("\n", "<br>")
