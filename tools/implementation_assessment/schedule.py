"""Lists of projects and policies of a plan: read from CSV, checked row by row, judged by the year."""

import csv
import io
import math
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TypeVar

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.implementation_assessment.book import Book

PROJECT_COLUMNS = ("项目名称", "项目类型", "用地规模（公顷）", "计划开工年", "计划完成年", "状态", "责任单位")  # fmt: skip
TOWN = "所在乡镇"
"""A column that need not be there."""
POLICY_COLUMNS = ("政策措施", "责任单位", "完成期限", "状态")
FIRST_YEAR, LAST_YEAR = 1949, 2100
MOST_ROWS = 20_000
Row = dict[str, str]
T = TypeVar("T")


class Project(Frozen):
    """One project of the plan's list."""

    name: str
    kind: str
    area_ha: float
    begin: int
    end: int
    state: str
    responsible: str
    town: str = ""
    judgement: str
    """已完成、按期推进、未到开工期、未按期开工、逾期未完成、已取消."""


class Policy(Frozen):
    """One measure of the plan."""

    name: str
    responsible: str
    due: int
    state: str
    judgement: str
    """已出台、按期推进、逾期未出台."""


def read_projects(
    file: Path, book: Book, year: int, towns: Collection[str] = ()
) -> tuple[Project, ...]:
    """Read the list of projects and judge each at the end of a year.

    Args:
        file: The list (CSV).
        book: Words for the states.
        year: Of the assessment.
        towns: Names that a project's town may have; any where there are none.

    Raises:
        InputError: names the row and column that is wrong.
    """

    def one(row: Row, number: int) -> Project:
        begin = _year(row, "计划开工年", file, number)
        end = _year(row, "计划完成年", file, number)
        if end < begin:
            raise _wrong("计划完成年早于计划开工年", file, number, "计划完成年", "核对年份")
        state = _one_of(row, "状态", book.project_states, file, number)
        if towns and row.get(TOWN):
            _one_of(row, TOWN, tuple(towns), file, number)
        return Project(
            name=row["项目名称"],
            kind=row["项目类型"],
            area_ha=_area(row, "用地规模（公顷）", file, number),
            begin=begin,
            end=end,
            state=state,
            responsible=row["责任单位"],
            town=row.get(TOWN, ""),
            judgement=judge_project(state, begin, end, year, book),
        )

    return _read(file, PROJECT_COLUMNS, "项目名称", one)


def judge_project(state: str, begin: int, end: int, year: int, book: Book) -> str:
    """Say where a project stands at the end of a year."""
    waiting, _, done, given_up = book.project_states
    if state in (done, given_up):
        return state
    if end <= year:
        return "逾期未完成"
    if state == waiting:
        return "未按期开工" if begin <= year else "未到开工期"
    return "按期推进"


def read_policies(file: Path, book: Book, year: int) -> tuple[Policy, ...]:
    """Read the list of measures and judge each at the end of a year.

    Raises:
        InputError: names the row and column that is wrong.
    """

    def one(row: Row, number: int) -> Policy:
        due = _year(row, "完成期限", file, number)
        state = _one_of(row, "状态", book.policy_states, file, number)
        issued = state == book.policy_states[-1]
        return Policy(
            name=row["政策措施"],
            responsible=row["责任单位"],
            due=due,
            state=state,
            judgement=state if issued else "逾期未出台" if due <= year else "按期推进",
        )

    return _read(file, POLICY_COLUMNS, "政策措施", one)


def _read(
    file: Path, columns: Sequence[str], key: str, make: Callable[[Row, int], T]
) -> tuple[T, ...]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError:
        raise InputError("清单打不开", file=file, mend="核对路径") from None
    except UnicodeDecodeError:
        raise InputError(
            "清单不是 UTF-8 文本", file=file, mend="另存为“CSV UTF-8（逗号分隔）”"
        ) from None
    if "\0" in text:
        raise InputError("清单不是文本文件", file=file, mend="另存为“CSV UTF-8（逗号分隔）”")
    rows = csv.DictReader(io.StringIO(text))
    if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
        raise _wrong(
            f"清单缺少列 {'、'.join(missing)}",
            file,
            1,
            missing[0],
            f"表头须有 {'、'.join(columns)}",
        )
    found: list[T] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(rows, start=2):
        if number > MOST_ROWS:
            raise _wrong(f"清单超过 {MOST_ROWS} 行", file, number, key, "分批评估")
        row = {name: (value or "").strip() for name, value in raw.items() if name}
        if not row[key]:
            raise _wrong(f"没有写{key}", file, number, key, "补上名称")
        if row[key] in seen:
            raise _wrong(
                f"“{row[key]}”与第 {seen[row[key]]} 行重复", file, number, key, "只保留一行"
            )
        seen[row[key]] = number
        found.append(make(row, number))
    return tuple(found)


def _year(row: Row, field: str, file: Path, number: int) -> int:
    text = row[field].removesuffix("年")
    if not (text.isascii() and text.isdigit() and FIRST_YEAR <= int(text) <= LAST_YEAR):
        raise _wrong(f"“{row[field]}”不是年份", file, number, field, "写四位年份，例如 2027")
    return int(text)


def _area(row: Row, field: str, file: Path, number: int) -> float:
    try:
        value = float(row[field])
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and 0 <= value < 1e6):
        raise _wrong(f"“{row[field]}”不是面积", file, number, field, "写公顷数，例如 12.5")
    return value


def _one_of(row: Row, field: str, known: Sequence[str], file: Path, number: int) -> str:
    if row[field] not in known:
        raise _wrong(
            f"“{row[field]}”不是可用的{field}", file, number, field, f"可用：{'、'.join(known)}"
        )
    return row[field]


def _wrong(message: str, file: Path, row: int, field: str, mend: str) -> InputError:
    return InputError(message, file=file, row=row, field=field, mend=mend)
