"""Save indicator values: workbook, Word table, record."""

from pathlib import Path
from typing import Any

from cspon.errors import missing_extra
from cspon.schemas.spatial import Table, ToolResult
from tools.outputs import published_together
from tools.result_files import save_tool_result

_WIDTHS = {"note": 70, "title": 40}


def save_indicators(
    result: ToolResult, folder: Path, *, title: str
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the values as .xlsx, .docx, .md and JSON.

    Raises:
        SetupError: the folder cannot be written, or openpyxl is missing.
    """
    data = result.data
    lead = [
        f"{data['place']}（{data['scope']}）{data['year']} 年，共 {len(data['values'])} 个指标。"
    ]
    files, notices = save_tool_result(
        result.model_copy(update={"basis": ()}), folder, title=title, lead=lead, stem=title
    )
    with published_together(folder) as draft:
        write_workbook(result.tables, draft / f"{title}.xlsx")
    return {**files, "xlsx": folder / f"{title}.xlsx"}, notices


def write_workbook(tables: tuple[Table, ...], out: Path) -> None:
    """Write tables as sheets; numbers stay numbers, texts that look like formulas stay texts.

    Raises:
        SetupError: openpyxl is not installed.
    """
    try:
        from openpyxl import Workbook
        from openpyxl.styles import Font
    except ImportError:
        raise missing_extra("openpyxl", "parse") from None

    book = Workbook()
    book.remove(book.active)
    for table in tables:
        sheet = book.create_sheet(table.title[:31].replace("/", "／"))
        sheet.append([c.title for c in table.columns])
        for row in table.rows:
            sheet.append([_cell(c.key, row.get(c.key)) for c in table.columns])
        for line in sheet.iter_rows():
            for cell in line:
                if isinstance(cell.value, str):
                    cell.data_type = "s"
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for column, letter in zip(table.columns, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False):
            sheet.column_dimensions[letter].width = _WIDTHS.get(column.key, 14)
        sheet.freeze_panes = "A2"
    book.save(out)


def _cell(key: str, value: Any) -> Any:
    """Turn a printed figure back into a number."""
    if isinstance(value, str) and key not in ("title", "note", "unit"):
        try:
            return float(value)
        except ValueError:
            return value
    return value
