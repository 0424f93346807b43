"""The yearly statistics of a place: one row an item and year, checked when it is read.

Columns 年份, 指标项, 单位, 数值; also 范围, 来源, 说明 where the file has them. Units are checked where an
item is used, so that an item nobody asks for stops nothing.
"""

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path

from cspon.errors import InputError

REQUIRED = ("年份", "指标项", "单位", "数值")
FIRST_YEAR, LAST_YEAR = 1949, 2100
MOST_ROWS = 1_000_000
WHOLE = ("", "县域", "市域", "全县", "全市", "行政区", "城区", "中心城区")
"""Values of 范围 that speak of the place itself; anything else names a part of it."""


@dataclass(frozen=True)
class Figure:
    """One figure; `value` is None where the table leaves it empty."""

    item: str
    year: int
    scope: str
    unit: str
    value: float | None
    source: str
    note: str
    row: int


@dataclass(frozen=True)
class YearlyTable:
    """The figures of a file."""

    file: Path
    figures: dict[tuple[str, int, str], Figure] = field(default_factory=dict)

    @property
    def years(self) -> tuple[int, ...]:
        """Years that the table has, ascending."""
        return tuple(sorted({year for _, year, _ in self.figures}))

    def figure(self, item: str, year: int, part: str = "") -> Figure | None:
        """Return an item's figure of a year.

        Args:
            item: 指标项.
            year: Of the figure.
            part: A town; empty for the place itself.
        """
        for scope in (part,) if part else WHOLE:
            if (found := self.figures.get((item, year, scope))) is not None:
                return found
        return None


def read_statistics(file: Path) -> YearlyTable:
    """Read a CSV in UTF-8.

    Raises:
        InputError: no such file, another encoding, a missing column, a row with a wrong year or
            number, or two rows for one item, year and scope; names row and column.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError:
        raise InputError(
            "统计表打不开", file=file, mend="核对路径；演示县的统计表是 statistics.csv"
        ) from None
    except UnicodeDecodeError:
        raise InputError(
            "统计表不是 UTF-8 文本", file=file, mend="另存为“CSV UTF-8（逗号分隔）”"
        ) from None
    rows = csv.DictReader(io.StringIO(text))
    if missing := [name for name in REQUIRED if name not in (rows.fieldnames or ())]:
        raise InputError(
            f"统计表缺少列 {'、'.join(missing)}",
            file=file,
            row=1,
            mend=f"表头须有 {'、'.join(REQUIRED)}，可另有 范围、来源、说明",
        )
    figures: dict[tuple[str, int, str], Figure] = {}
    for number, row in enumerate(rows, start=2):
        if number > MOST_ROWS:
            raise InputError(f"统计表超过 {MOST_ROWS} 行", file=file, mend="按年份或范围拆分")
        one = _figure({k: (v or "").strip() for k, v in row.items() if k}, number, file)
        key = (one.item, one.year, one.scope)
        if key in figures:
            raise InputError(
                f"“{one.item}”{one.year} 年（{one.scope or '全域'}）与第 {figures[key].row} 行重复",
                file=file,
                row=number,
                mend="只保留一行",
            )
        figures[key] = one
    return YearlyTable(file, figures)


def _figure(row: dict[str, str], number: int, file: Path) -> Figure:
    if not row["指标项"]:
        raise InputError("没有写指标项", file=file, row=number, field="指标项", mend="补上名称")
    year = row["年份"].removesuffix("年")
    if not (year.isascii() and year.isdigit() and FIRST_YEAR <= int(year) <= LAST_YEAR):
        raise InputError(
            f"年份“{row['年份']}”不对",
            file=file,
            row=number,
            field="年份",
            mend=f"写四位年份，{FIRST_YEAR}—{LAST_YEAR}",
        )
    return Figure(
        item=row["指标项"],
        year=int(year),
        scope=row.get("范围", ""),
        unit=row["单位"],
        value=_number(row["数值"], number, file),
        source=row.get("来源", ""),
        note=row.get("说明", ""),
        row=number,
    )


def _number(text: str, number: int, file: Path) -> float | None:
    if text in ("", "-", "—", "/"):
        return None
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"数值“{text[:40]}”不是数",
            file=file,
            row=number,
            field="数值",
            mend="只写数字；单位写在“单位”列；没有的留空",
        )
    return value
