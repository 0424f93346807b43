"""Read an indicator table (xlsx or csv): names, values and units, in one unit for each measure."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cspon.errors import InputError, missing_extra

UNITS_HA = {
    "公顷": 1.0,
    "ha": 1.0,
    "万公顷": 10_000.0,
    "平方公里": 100.0,
    "平方千米": 100.0,
    "km²": 100.0,
    "km2": 100.0,
    "亩": 1 / 15,
    "万亩": 10_000 / 15,
    "平方米": 1e-4,
    "㎡": 1e-4,
    "m²": 1e-4,
    "m2": 1e-4,
}
_PERCENT = {"%": 1.0, "％": 1.0, "百分比": 1.0}
_VOLUME = {"万立方米": 1.0, "亿立方米": 1e4, "立方米": 1e-4, "万m³": 1.0, "亿m³": 1e4}
MEASURES = {"area": UNITS_HA, "percent": _PERCENT, "volume": _VOLUME}
"""Units and their factors by measure: hectares, per cent, 10⁴ m³."""
MEASURE_UNITS = {"area": "公顷", "percent": "%", "volume": "万立方米"}
_NAMES = ("指标", "指标名称", "名称")
_VALUES = ("指标值", "目标值", "规划目标值", "规划值", "数值", "值", "2035年", "上级下达", "下达值")
_UNITS = ("单位", "计量单位")
_DIRECTIONS = ("方向", "约束方向", "要求")
_SIGNS: dict[str, Literal["at_least", "at_most", "equal"]] = {
    "≥": "at_least",
    ">=": "at_least",
    "不低于": "at_least",
    "不少于": "at_least",
    "≤": "at_most",
    "<=": "at_most",
    "不高于": "at_most",
    "不超过": "at_most",
    "=": "equal",
    "等于": "equal",
}


@dataclass(frozen=True)
class Figure:
    """One indicator of a table."""

    name: str
    value: float
    """In the unit that `MEASURE_UNITS` names."""
    measure: str
    """area, percent or volume; empty for a unit that is none of theirs."""
    unit: str
    """As the table writes it."""
    row: int
    """As a spreadsheet counts."""
    direction: Literal["at_least", "at_most", "equal"] | None = None

    @property
    def ha(self) -> float:
        """The value of an area."""
        assert self.measure == "area"
        return self.value


def read_figures(file: Path) -> list[Figure]:
    """Read the indicators of a table.

    The first row with a name column and a value column is the head; a unit may stand in its own
    column or in brackets after the name.

    Raises:
        InputError: no such file, no head, or a value that is no number.
    """
    rows = table_rows(file)
    head, columns = _head(rows, file)
    figures = []
    for number, row in enumerate(rows[head + 1 :], start=head + 2):
        cells = {key: _cell(row, at) for key, at in columns.items()}
        name, unit = _split(cells["name"], cells.get("unit", ""))
        if not name or not cells["value"]:
            continue
        measure = next((m for m, units in MEASURES.items() if unit in units), "")
        try:
            value = float(cells["value"].replace(",", "").replace("，", ""))
            if not math.isfinite(value):
                raise ValueError
        except ValueError:
            if not measure:
                continue
            raise InputError(
                f"“{name}”的值“{cells['value']}”不是数", file=file, row=number, mend="改为数值"
            ) from None
        direction = _SIGNS.get(cells.get("direction", ""))
        factor = MEASURES[measure][unit] if measure else 1.0
        figures.append(Figure(name, value * factor, measure, unit, number, direction))
    return figures


def _split(name: str, unit: str) -> tuple[str, str]:
    """Take a unit in brackets off a name."""
    for left, right in (("（", "）"), ("(", ")")):
        if not unit and name.endswith(right) and left in name:
            name, _, rest = name.rpartition(left)
            unit = rest.removesuffix(right)
    return name.strip(), unit.strip()


def _head(rows: list[list[Any]], file: Path) -> tuple[int, dict[str, int]]:
    wanted = {"name": _NAMES, "value": _VALUES, "unit": _UNITS, "direction": _DIRECTIONS}
    for number, row in enumerate(rows[:20]):
        cells = [_cell(row, at) for at in range(len(row))]
        columns = {
            key: next(at for at, cell in enumerate(cells) if cell in titles)
            for key, titles in wanted.items()
            if any(cell in titles for cell in cells)
        }
        if "name" in columns and "value" in columns:
            return number, columns
    raise InputError(
        "找不到表头",
        file=file,
        mend=f"表头须有“{_NAMES[0]}”列和“{'”“'.join(_VALUES[:3])}”之一，可另有“单位”“方向”列",
    )


def _cell(row: list[Any], at: int) -> str:
    return "" if at >= len(row) or row[at] is None else str(row[at]).strip()


def table_rows(file: Path) -> list[list[Any]]:
    """Read the cells of the first sheet of an xlsx, or of a csv in UTF-8 or GBK.

    Raises:
        InputError: no such file, or it does not open.
    """
    if not file.is_file():
        raise InputError("找不到指标表", file=file, mend="写出 xlsx 或 csv 文件的路径")
    if file.suffix.lower() == ".csv":
        return _csv_rows(file)
    if file.suffix.lower() != ".xlsx":
        raise InputError("指标表须为 xlsx 或 csv", file=file, mend="另存为 xlsx 或 csv")
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise missing_extra("openpyxl", "parse") from None
    try:
        book = load_workbook(file, read_only=True, data_only=True)
        rows = [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]
        book.close()
    except Exception as error:  # noqa: BLE001 - openpyxl raises what its parsers raise
        raise InputError(
            f"打不开（{error}）", file=file, mend="用电子表格软件另存为 xlsx"
        ) from None
    return rows


def _csv_rows(file: Path) -> list[list[Any]]:
    content = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return [list(row) for row in csv.reader(io.StringIO(content.decode(encoding)))]
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise InputError(
                f"不是 csv 表格（{error}）", file=file, mend="用电子表格软件另存为 csv"
            ) from None
    raise InputError("不是 UTF-8 或 GBK 文本", file=file, mend="另存为 UTF-8 编码的 csv")
