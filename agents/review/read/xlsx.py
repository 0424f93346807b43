"""Indicator tables of a workbook: each sheet's tables as grids, each number as displayed and with its cell.

Formulas are not evaluated: what the program that saved the file last computed is read. Hidden sheets
are not read, and that is told.
"""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agents.review.document import Anchor, Block, Cell, Kind, Read, Table
from agents.review.read.displayed import displayed
from cspon.errors import InputError, missing_extra
from knowledge_base.parse.ooxml import Package
from knowledge_base.parse.opened import Opened
from knowledge_base.parse.sheet import blocks, merged, scan
from knowledge_base.parse.table import Grid, caption_and_unit, header_rows, is_unit_line, peel

MEND = "用 Excel 或 WPS 打开后另存为 .xlsx 再提交"
MOST_CELLS = 200_000
"""Cells with words; an indicator workbook holds some thousands."""
MOST_PLACES = 2_000_000
"""Rows by columns of all sheets, empty cells counted."""
ERRORS = frozenset(("#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#N/A", "#NUM!", "#NULL!"))


def read_xlsx(path: Path, data: bytes) -> Read:
    """Read a workbook.

    Raises:
        SetupError: openpyxl is not installed.
        InputError: encrypted, damaged, too large, or no Excel file.
    """
    try:
        import openpyxl
    except ImportError as error:
        raise missing_extra("openpyxl", "parse") from error
    opened = Opened(path, data)
    package = Package(opened, kind=" Excel 文件（.xlsx）", mend=MEND)
    for name in package.names:
        if name.endswith((".xml", ".rels")):
            package.refuse_doctype(name)
    reader = _Reader(opened, package)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(
                io.BytesIO(data), read_only=True, data_only=True, keep_links=False
            )
            for sheet in book.worksheets:
                reader.sheet(sheet)
            book.close()
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"Excel 文件无法读取（{type(error).__name__}）", file=path, mend=MEND
        ) from error
    return Read(
        name=path.name, sha256=opened.sha256, blocks=tuple(reader.blocks), tables=tuple(reader.tables),
        notices=(*package.notices(), *reader.notices, *_pictures(package)),
        properties=package.core_properties(),
    )  # fmt: skip


def _pictures(package: Package) -> Iterator[str]:
    count = sum(1 for name in package.names if name.startswith(("xl/media/", "xl/charts/chart")))
    if count:
        yield f"工作簿中的 {count} 幅图片、图表未审查"


class _Reader:
    def __init__(self, opened: Opened, package: Package) -> None:
        self.opened, self.package = opened, package
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self.notices: list[str] = []
        self.places = 0

    def sheet(self, sheet: Any) -> None:
        """Read a sheet's tables; a hidden one is only told."""
        title = sheet.title
        if sheet.sheet_state != "visible":
            self.notices.append(f"隐藏的工作表“{title}”未审查")
            return
        spans, empty = scan(self.package, sheet._worksheet_path.lstrip("/"))
        if empty:
            self.notices.append(
                f"工作表“{title}”有 {empty} 个公式没有保存结果，这些单元格未审查；请用 Excel 打开并保存后再提交"
            )
        sheet.reset_dimensions()
        held: tuple[int, list[list[str]]] | None = None
        rows = ([displayed(c.value, _format(c)) for c in row] for row in sheet.iter_rows())
        for first, values in blocks(rows, self.opened):
            self.places += len(values) * len(values[0])
            if self.places > MOST_PLACES:
                raise self._too_large(title)
            if held is not None and self._goes_on(held, first, values):
                held[1].extend(values)
                continue
            if held is not None:
                self._table(title, held[0], merged(Grid(held[1]), spans, held[0]))
            held = (first, values)
        if held is not None:
            self._table(title, held[0], merged(Grid(held[1]), spans, held[0]))
        wrong = [b.anchor.cell for b in self.blocks if b.anchor.sheet == title and b.text in ERRORS]
        if wrong:
            self.notices.append(
                f"工作表“{title}”的 {'、'.join(wrong[:8])}{' 等' if len(wrong) > 8 else ''}是公式错误值，未审查"
            )

    @staticmethod
    def _goes_on(held: tuple[int, list[list[str]]], first: int, values: list[list[str]]) -> bool:
        """Say whether rows are the rest of a long table, which `blocks` cuts."""
        rows = held[1]
        return first == held[0] + len(rows) and len(values[0]) == len(rows[0])

    def _too_large(self, sheet: str) -> InputError:
        return InputError("工作簿过大", file=self.opened.path, layer=sheet, mend="只提交指标表")

    def _add(self, sheet: str, text: str, cell: str, kind: Kind = "cell", **more: Any) -> int:
        if len(self.blocks) >= MOST_CELLS:
            raise self._too_large(sheet)
        number = len(self.blocks)
        self.blocks.append(Block(number, text, kind, Anchor(sheet=sheet, cell=cell), **more))
        return number

    def _table(self, sheet: str, top: int, whole: Grid) -> None:
        left = _empty_columns(whole)
        grid = Grid(
            [row[left:] for row in whole.values],
            {(r, c - left): span for (r, c), span in whole.spans.items() if c >= left},
        )
        titles, rest = peel(grid, every_title=True)
        off = len(grid.values) - len(rest.values)
        for row, values in enumerate(grid.values[:off]):
            for column, value in enumerate(values):
                if value:
                    self._add(sheet, value, cell_name(top + row, left + column), "paragraph")
        named = next((title for title in titles if not is_unit_line(title)), sheet)
        units = [unit for title in titles if (unit := caption_and_unit(title)[1])]
        number, before = len(self.tables), len(self.blocks) - 1
        cells: list[Cell] = []
        for row, values in enumerate(rest.values):
            for column, value in enumerate(values):
                if value is None:
                    continue
                made: tuple[int, ...] = ()
                if value:
                    made = (
                        self._add(
                            sheet, value, cell_name(top + off + row, left + column),
                            table=number, row=row, column=column,
                        ),
                    )  # fmt: skip
                down, right = rest.spans.get((row, column), (1, 1))
                cells.append(Cell(row, column, down, right, made, value))
        self.tables.append(
            Table(
                number,
                caption_and_unit(named)[0] or named,
                units[0].replace(":", "：").partition("：")[2] if units else "",
                tuple(cells), header_rows(rest), before,
            )
        )  # fmt: skip


def _format(cell: Any) -> str:
    return str(cell.number_format) if cell.value is not None else ""


def _empty_columns(grid: Grid) -> int:
    """Return how many columns are empty before the first one with words."""
    for column in range(grid.columns):
        if any(row[column] != "" for row in grid.values):
            return column
    return 0


def cell_name(row: int, column: int) -> str:
    """Return the name of a cell from its place, both from 0: (6, 1) is B7."""
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row + 1}"
