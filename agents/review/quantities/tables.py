"""Quantities of tables: what a cell says by its row, its column and the table's unit.

Rows may be indicators and columns years, or rows towns and columns indicators: whichever side names a
known subject is taken for it. A total row is told as such.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from agents.review.document import Block, Cell, Read, Span, Table
from agents.review.quantities.find import Value, find_values
from agents.review.quantities.statements import Quantity, When, period_of
from agents.review.quantities.subjects import known_subject, named_in, subject_of
from agents.review.quantities.units import unit_of

Role = Literal["value", "share", "change", "rate"]

_NUMBER = re.compile(
    r"^\s*(?P<bound>≥|≤|>=|<=|>|<|不低于|不小于|不少于|不高于|不大于|不超过|不突破|约)?\s*(?P<number>[-+−＋－]?\d[\d,，]*(?:[.．]\d+)?)\s*(?P<rest>\D{0,12})$"
)
_BRACKETS = re.compile(r"[（(]\s*([^（）()]{1,14})\s*[）)]")
_SHARE = re.compile(r"比例|占比|比重|结构[（(]|百分比|所占|%|％")
_CHANGE = re.compile(
    r"增减|变化|增量|净增|差值|调整量|增加|减少(?!数)|[较比](?:19|20)\d\d|较(?:基期|现状)"
)
_ORDER = re.compile(r"^(?:序号|编号|代码|编码|顺序|No\.?|地类编码|备注)$")
_UNITS = re.compile(r"^(?:计量)?单位$")
TOTAL = re.compile(
    r"^(?:[一-鿿]{2,8}小计|全[县市区镇乡村]合计|总?合计|总计|小计|全[县市镇乡村域]域?|[县市镇]域(?:合计)?|总面积|国土总面积|合\s*计|总\s*计|小\s*计|共计)$"
)
PART = re.compile(r"^(?:其中[:：]?|#)")
_BOUNDS = {
    "≥": ">=", ">=": ">=", "不低于": ">=", "不小于": ">=", "不少于": ">=", "≤": "<=", "<=": "<=",
    "不高于": "<=", "不大于": "<=", "不超过": "<=", "不突破": "<=", ">": ">", "<": "<",
}  # fmt: skip


MOST_DIGITS = 40
"""A longer run of digits in a cell is no number."""


@dataclass(frozen=True, slots=True)
class Column:
    """What the headers of a column say."""

    number: int
    header: str
    """From top to bottom, joined with /."""
    unit: str
    role: Role
    year: int | None
    when: When
    subject: str
    """Known subject that it names; empty where it names none."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A number of a table."""

    table: int
    row: int
    column: int
    label: str
    """What the row is called."""
    role: Role
    total: bool
    part: bool
    """A part of the row above: 其中."""
    quantity: Quantity


def entries_of(read: Read, table: Table) -> list[Entry]:
    """Return the numbers of a table, row by row."""
    grid = table.grid
    if not grid or not table.headers:
        return []
    columns = columns_of(table)
    labels = _label_columns(table, columns)
    units = next((c.number for c in columns if _UNITS.match(c.header)), None)
    scope_of_caption = table.caption
    found: list[Entry] = []
    naming, above = _naming_column(table, labels, columns), ""
    for row in range(table.headers, len(grid)):
        label = _label(grid[row], labels, naming)
        if not label:
            continue
        part = bool(PART.match(label))
        own_unit = _bracketed_unit(label)
        stated = grid[row][units] if units is not None else None
        for column in columns:
            cell = grid[row][column.number]
            if cell is None or column.number in labels or column.number == units or not cell.blocks:
                continue
            if (cell.row, cell.column) != (row, column.number) or _ORDER.match(column.header):
                continue
            subject, known, scope = _about(label, column, scope_of_caption)
            unit = own_unit or (stated.text.strip() if stated else "") or column.unit
            unit = unit or _fitting(table.unit, subject)
            if column.role == "share" and not column.unit:
                unit = "%"
            value = _value_of(read.blocks[cell.blocks[0]], unit)
            if value is None:
                continue
            if part and not known and above and value.measure != "比":  # 常住人口 / 其中：中心城区
                subject, known, scope = above, True, subject
            quantity = Quantity(
                Span(cell.blocks[0], value.start, value.end), value, subject, known, scope,
                column.year, column.when,
            )  # fmt: skip
            total = bool(TOTAL.match(re.sub(r"\s", "", label)))
            found.append(
                Entry(table.number, row, column.number, label, column.role, total, part, quantity)
            )
        if not part:
            named, whole = subject_of(label), named_in(subject_of(label))
            above = named if whole and whole[0].name == named else ""
    return found


def row_names(table: Table) -> list[str]:
    """Return what the rows below the headers are called; rows without a name are left out."""
    if not table.grid or not table.headers:
        return []
    columns = columns_of(table)
    labels = _label_columns(table, columns)
    naming = _naming_column(table, labels, columns)
    names = [_label(row, labels, naming) for row in table.grid[table.headers :]]
    return [re.sub(r"\s", "", name) for name in names if name]


def columns_of(table: Table) -> list[Column]:
    """Return what the headers of each column say."""
    made: list[Column] = []
    for number in range(len(table.grid[0])):
        texts: list[str] = []
        for row in range(table.headers):
            cell = table.grid[row][number]
            text = re.sub(r"\s+", "", cell.text) if cell else ""
            if text and text not in texts:
                texts.append(text)
        header = "/".join(texts)
        year, when = period_of(header)
        named = named_in(header)
        role: Role = "value"
        if _CHANGE.search(header):
            role = "change"
        elif _SHARE.search(header) and not (named and named[-1].measure == "比"):
            role = "share"
        unit = next((u for t in reversed(texts) if (u := _bracketed_unit(t))), "")
        made.append(Column(number, header, unit, role, year, when, named[-1].name if named else ""))
    return made


def _label_columns(table: Table, columns: list[Column]) -> set[int]:
    """Return the columns that name rows: the first ones, as long as they hold words."""
    found: set[int] = set()
    for column in columns:
        texts = [
            cell.text
            for row in table.grid[table.headers :]
            if (cell := row[column.number]) is not None
        ]
        filled = [text for text in texts if text.strip()]
        if _ORDER.match(column.header):
            found.add(column.number)
            continue
        if _UNITS.match(column.header):
            continue
        numbers = sum(1 for text in filled if _NUMBER.match(text))
        if numbers * 2 >= max(1, len(filled)):
            break
        found.add(column.number)
    return found


def _fitting(units: str, subject: str) -> str:
    """Return the unit of a table for a subject; of several (公顷、万人、%) that of its measure."""
    names = [name for name in re.split(r"[、，,/；;]", units) if name.strip()]
    if len(names) < 2 or unit_of(units.strip()) is not None:
        return units
    known = known_subject(subject)
    measure = known.measure if known else ""
    return next((n for n in names if (unit := unit_of(n.strip())) and unit[1] == measure), "")


def _naming_column(table: Table, labels: set[int], columns: list[Column]) -> int | None:
    """Return the label column that tells the rows apart: the first without a word twice."""
    for number in sorted(labels):
        if _ORDER.match(columns[number].header):
            continue
        cells = [row[number] for row in table.grid[table.headers :]]
        texts = [_name(cell) for cell in cells]
        named = [text for text in texts if text]
        if len(named) * 10 >= len(texts) * 9 and len(set(named)) == len(named):
            return number
    return None


def _label(row: list[Cell | None], labels: set[int], naming: int | None) -> str:
    """Return what a row is called: its word in the naming column, or the last one in any."""
    if naming is not None and (own := _name(row[naming])):
        return own
    return next((name for n in sorted(labels, reverse=True) if (name := _name(row[n]))), "")


def _name(cell: Cell | None) -> str:
    text = cell.text.strip() if cell else ""
    return (
        "" if re.fullmatch(r"[\d.]+|[（(]?[一二三四五六七八九十]+[）)]?|[—－/-]*", text) else text
    )


def _bracketed_unit(text: str) -> str:
    for inner in _BRACKETS.findall(text):
        unit = inner.replace("单位：", "").replace("单位:", "").strip()
        if unit_of(unit) is not None:
            return str(unit)
    return ""


def _about(label: str, column: Column, caption: str) -> tuple[str, bool, str]:
    """Return subject, whether it is known, and scope of a cell."""
    row_subject = named_in(subject_of(label))
    whole = (
        bool(row_subject)
        and (row_subject[0].end - row_subject[0].start) >= len(subject_of(label)) - 2
    )
    if whole:
        return subject_of(label), True, ""
    if column.subject:
        return column.subject, True, _scope(label)
    about = named_in(caption)
    if about and re.search(r"[镇乡村区县市]$|街道$", label):
        return about[-1].name, True, _scope(label)
    return subject_of(label), False, ""


def _scope(label: str) -> str:
    return "" if TOTAL.match(re.sub(r"\s", "", label)) else re.sub(r"\s", "", label)


def _value_of(block: Block, unit: str) -> Value | None:
    """Return the number that a cell holds; its own unit goes before that of the table."""
    text = block.text
    match = _NUMBER.match(text.translate({0xFF0E: ".", 0xFF0C: ",", 0xFF0D: "-", 0xFF0B: "+"}))
    if match is None or len(match["number"]) > MOST_DIGITS:
        return None
    rest = match["rest"].strip()
    if rest and (own := find_values(text)):
        return own[0] if len(own) == 1 else None
    if rest and not re.fullmatch(r"[（(].*[）)]?|\*|以[上内下]|左右", rest):
        return None
    words = match["number"].replace(",", "").replace("，", "").replace("−", "-").lstrip("+")
    known = unit_of(unit) if unit else None
    factor, measure = known or (Fraction(1), "")
    number = Fraction(words)
    step = factor / 10 ** len(words.partition(".")[2])
    bound = _BOUNDS.get(match["bound"] or "", "=")
    change = "" if number >= 0 else "-"
    return Value(
        match.start("number"), match.end("number"), text[match.start("number") : match.end("number")],
        number * factor, number * factor, unit if known else "", measure, bound, change,
        match["bound"] == "约", step,
    )  # fmt: skip
