"""Workbooks and CSV files: each sheet as tables with their title, unit and header.

Values are read, not formulas: what the program that saved the file last computed.
"""

import csv
import io
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from typing import Any

from cspon.errors import InputError, missing_extra
from knowledge_base.parse.builder import SourceBuilder
from knowledge_base.parse.encoding import decode
from knowledge_base.parse.ooxml import Package
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.table import Grid, caption_and_unit, header_rows, is_unit_line, peel

MEND = "用 Excel 或 WPS 打开后另存为 .xlsx 再试"
MAX_ROWS = 300_000
MAX_CELLS = 6_000_000
MAX_COLUMNS = 1000
LAST_ROW = 1_048_576
"""Rows that Excel itself allows; a file may claim more."""
BLOCK_ROWS = 1000
"""A longer sheet is cut into tables of this many rows, each under the sheet's header."""
MAX_GAP = 20
"""More empty rows than this end a table."""
_MERGE = re.compile(
    rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}[0-9]{1,7}):([A-Z]{1,3}[0-9]{1,7})"'
)
_NO_VALUE = re.compile(
    rb"</(?:\w+:)?f>(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v></(?:\w+:)?v>)?</(?:\w+:)?c>"
)
_CELL_NAME = re.compile(r"([A-Z]+)(\d+)")
Spans = dict[tuple[int, int], tuple[int, int]]


def read_workbook(opened: Opened) -> SourceText:
    """Read an Excel file.

    Raises:
        SetupError: openpyxl is not installed.
        InputError: encrypted, damaged, no Excel file, or too large.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise missing_extra("openpyxl", "parse") from error
    package = Package(opened, kind=" Excel 文件（.xlsx）", mend=MEND)
    out = SourceBuilder()
    out.properties.update(package.core_properties())
    out.notices.extend(package.notices())
    for name in package.names:
        if name.endswith((".xml", ".rels")):
            package.refuse_doctype(name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(
                io.BytesIO(opened.data), read_only=True, data_only=True, keep_links=False
            )
            cells = 0
            for sheet in book.worksheets:
                hidden = sheet.sheet_state != "visible"
                if hidden:
                    out.notices.append(f"工作表“{sheet.title}”是隐藏的，也已读取")
                part = sheet._worksheet_path.lstrip("/")
                merges, empty = scan(package, part)
                if empty:
                    out.notices.append(
                        f"工作表“{sheet.title}”有 {empty} 个公式没有保存结果，读作空；请用 Excel 打开并保存后再入库"
                    )
                sheet.reset_dimensions()
                cells += _write_sheet(out, sheet.title, _rows(sheet), merges, opened, cells)
            book.close()
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"Excel 文件无法读取（{type(error).__name__}）", file=opened.path, mend=MEND
        ) from error
    return out.build()


def read_csv(opened: Opened) -> SourceText:
    """Read a CSV or TSV file, whatever its encoding and separator.

    Raises:
        InputError: binary, garbled, or too large.
    """
    text, notices = decode(opened.data, opened.path)
    out = SourceBuilder()
    out.notices.extend(notices)
    try:
        rows = csv.reader(io.StringIO(text), delimiter=_delimiter(text, opened.suffix))
        _write_sheet(out, "", ([cell.strip() for cell in row] for row in rows), {}, opened, 0)
    except csv.Error as error:
        raise InputError(
            f"CSV 格式有误：{error}", file=opened.path, mend="检查引号与分隔符"
        ) from error
    return out.build()


def _delimiter(text: str, suffix: str) -> str:
    """Return the separator that cuts the first lines most evenly."""
    if suffix == ".tsv":
        return "\t"
    lines = [line for line in text[:20_000].split("\n")[:30] if line.strip()]
    best, score = ",", 0.0
    for mark in (",", "\t", ";", "|", "，"):
        counts = [line.count(mark) for line in lines]
        usual = max(set(counts), key=counts.count) if counts else 0
        if usual and counts.count(usual) / len(counts) * min(usual, 3) > score:
            best, score = mark, counts.count(usual) / len(counts) * min(usual, 3)
    return best


def scan(package: Package, part: str) -> tuple[Spans, int]:
    """Return merged cells and the number of formulas without a value, from the sheet's bytes.

    The streaming reader of openpyxl knows neither.
    """
    name = package.names.get(part)
    spans: Spans = {}
    empty, tail = 0, b""
    if name is None:
        return spans, empty
    for chunk in package.stream(name):
        data = tail + chunk
        for first, last in _MERGE.findall(data):
            top, left = _place(first.decode())
            bottom, right = _place(last.decode())
            spans[top, left] = (bottom - top + 1, right - left + 1)
        empty += len(_NO_VALUE.findall(data))
        cut = data.rfind(b"<")
        tail = data[max(cut, len(data) - 256) :] if cut >= 0 else b""
        empty -= len(_NO_VALUE.findall(tail))
    return spans, empty


def _place(name: str) -> tuple[int, int]:
    match = _CELL_NAME.fullmatch(name)
    assert match is not None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]) - 1, column - 1


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        yield [_shown(cell) for cell in row]


def _shown(cell: Any) -> str:
    """Return a cell as a reader sees it: dates in ISO form, percentages as such."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, int | float):
        if "%" in cell.number_format and "[" not in cell.number_format:
            return f"{value * 100:.10g}%"
        return str(value) if isinstance(value, int) else f"{value:.15g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _write_sheet(
    out: SourceBuilder,
    title: str,
    rows: Iterable[list[str]],
    merges: Mapping[tuple[int, int], tuple[int, int]],
    opened: Opened,
    cells: int,
) -> int:
    """Write a sheet block by block; return the number of cells."""
    size = 0
    header: Grid | None = None
    caption = ""
    told = not title
    for first, block in blocks(rows, opened):
        size += len(block) * len(block[0])
        if cells + size > MAX_CELLS:
            raise InputError(
                f"表格超过 {MAX_CELLS} 个单元格",
                file=opened.path,
                layer=title or None,
                mend="按乡镇或图幅拆分后再试",
            )
        if not told:
            out.line(f"# {title}")
            told = True
        grid = merged(Grid(block), merges, first)
        if (
            header is not None
            and first not in (0,)
            and len(block[0]) == header.columns
            and not _is_title(block[0])
        ):
            grid = Grid(
                [*header.values, *grid.values],
                {
                    **header.spans,
                    **{(r + len(header.values), c): s for (r, c), s in grid.spans.items()},
                },
                len(header.values),
            )
            out.table(
                grid,
                caption=f"续{caption}" if caption and not caption.startswith("续") else caption,
            )
            continue
        titles, rest = peel(grid, every_title=True)
        count = header_rows(rest)
        out.table(grid, every_title=True)
        caption = next((text for text in titles if not is_unit_line(text)), "")
        header = (
            Grid(
                rest.values[:count], {at: s for at, s in rest.spans.items() if at[0] < count}, count
            )
            if count
            else None
        )
    return size


def blocks(rows: Iterable[list[str]], opened: Opened) -> Iterator[tuple[int, list[list[str]]]]:
    """Yield (first row, rows) of at most `BLOCK_ROWS`; a title after empty rows begins a block too."""
    block: list[list[str]] = []
    first = filled = gap = 0
    for number, row in enumerate(rows):
        if number >= LAST_ROW:
            raise InputError("工作表的行号超出 Excel 的范围", file=opened.path, mend=MEND)
        while row and not row[-1]:
            row.pop()
        if not row:
            gap += 1
            continue
        filled += 1
        if filled > MAX_ROWS:
            raise InputError(
                f"表格超过 {MAX_ROWS} 行", file=opened.path, mend="按乡镇或图幅拆分后再试"
            )
        if len(row) > MAX_COLUMNS:
            raise InputError(
                f"第 {number + 1} 行有 {len(row)} 列，超过上限 {MAX_COLUMNS}",
                file=opened.path,
                mend="删去多余的列",
            )
        titled = bool(gap) and _is_title(row)
        if block and (len(block) >= BLOCK_ROWS or titled or gap > MAX_GAP):
            yield first, _even(block)
            block = []
        if block:
            block.extend([] for _ in range(gap))
        else:
            first = number
        gap = 0
        block.append(row)
    if block:
        yield first, _even(block)


def _is_title(row: list[str]) -> bool:
    """Return whether a row is one cell that reads like a caption or unit."""
    texts = [value for value in row if value]
    return len(texts) == 1 and any(caption_and_unit(texts[0]))


def _even(block: list[list[str]]) -> list[list[str]]:
    columns = max(len(row) for row in block)
    return [row + [""] * (columns - len(row)) for row in block]


def merged(grid: Grid, merges: Mapping[tuple[int, int], tuple[int, int]], first: int) -> Grid:
    """Return a grid with the sheet's merged cells; `first` is its first row on the sheet."""
    rows, columns = len(grid.values), grid.columns
    spans: Spans = {}
    values: list[list[str | None]] = [list(row) for row in grid.values]
    for (row, column), (down, right) in merges.items():
        row -= first
        if row < 0 or row >= rows or column >= columns:
            continue
        down, right = min(down, rows - row), min(right, columns - column)
        if (down, right) == (1, 1) or values[row][column] is None:
            continue
        spans[row, column] = (down, right)
        for r in range(row, row + down):
            for c in range(column, column + right):
                if (r, c) != (row, column):
                    values[r][c] = None
    return Grid(values, spans)
