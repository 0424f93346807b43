"""Workbooks read for review: tables with merged headers, numbers as displayed, what is left out told."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from agents.review.quantities.tables import entries_of
from agents.review.read.xlsx import cell_name, read_xlsx
from cspon.errors import InputError


def read(book):
    out = io.BytesIO()
    book.save(out)
    return read_xlsx(Path("指标表.xlsx"), out.getvalue())


@pytest.fixture
def book():
    made = openpyxl.Workbook()
    sheet = made.active
    sheet.title = "指标"
    rows = [
        ["青岚县规划指标表"], ["单位：公顷、万人、%"], ["指标", "面积", None, "属性"],
        [None, "2020年", "2035年"], ["耕地保有量", 8210.5, 8333, "约束性"], ["常住人口", 31.2, 33, "预期性"],
        ["常住人口城镇化率", 0.455, 0.6, "预期性"],
    ]  # fmt: skip
    for row in rows:
        sheet.append(row)
    sheet.merge_cells("A1:D1")
    sheet.merge_cells("A3:A4")
    sheet.merge_cells("B3:C3")
    sheet.merge_cells("D3:D4")
    sheet["B5"].number_format = "#,##0.00"
    sheet["B7"].number_format = sheet["C7"].number_format = "0.0%"
    return made


def test_a_table_has_its_merged_headers_caption_and_cells(book):
    given = read(book)
    (table,) = given.tables
    assert (table.caption, table.headers) == ("青岚县规划指标表", 2)
    assert [c.text for c in table.grid[0]] == ["指标", "面积", "面积", "属性"]
    assert table.grid[1][0] is table.grid[0][0]
    (cell,) = [b for b in given.blocks if b.text == "8,210.50"]
    assert (cell.anchor.sheet, cell.anchor.cell) == ("指标", "B5")
    assert given.notices == ()


def test_figures_take_the_unit_of_several_that_fits_their_subject(book):
    given = read(book)
    entries = entries_of(given, given.tables[0])
    told = {
        (e.label, e.quantity.year): (e.quantity.value.low, e.quantity.value.measure)
        for e in entries
    }
    assert told["耕地保有量", 2035] == (83_330_000, "平方米")
    assert told["常住人口", 2020] == (312_000, "人")
    assert told["常住人口城镇化率", 2035][1] == "比"


def test_a_table_may_begin_anywhere_and_another_may_follow(book):
    other = book.create_sheet("分解")
    other["B3"], other["B4"], other["C4"], other["B5"], other["C5"] = (
        "表2 分解表（单位：公顷）", "乡镇", "2035年耕地保有量", "甲镇", 120,
    )  # fmt: skip
    given = read(book)
    assert [t.caption for t in given.tables] == ["青岚县规划指标表", "表2 分解表"]
    assert next(b for b in given.blocks if b.text == "120").anchor.cell == "C5"
    assert given.tables[1].unit == "公顷"


def test_what_is_not_read_is_told(book):
    hidden = book.create_sheet("旧数")
    hidden.append(["耕地保有量", 1])
    hidden.sheet_state = "hidden"
    book["指标"]["B8"] = "=SUM(B5:B6)"
    book["指标"]["A8"], book["指标"]["C8"] = "合计", "#REF!"
    given = read(book)
    assert "隐藏的工作表“旧数”未审查" in given.notices
    assert any("1 个公式没有保存结果，这些单元格未审查" in n for n in given.notices)
    assert any("C8是公式错误值" in n for n in given.notices)
    assert not any(b.anchor.sheet == "旧数" for b in given.blocks)
    assert not any("SUM" in b.text for b in given.blocks)


def test_a_long_table_is_one_table():
    book = openpyxl.Workbook()
    book.active.append(["村", "2035年耕地保有量（公顷）"])
    for number in range(2300):
        book.active.append([f"第{number}村", number + 0.5])
    (table,) = read(book).tables
    assert len(table.grid) == 2301
    assert table.headers == 1


def test_what_is_no_workbook_is_refused():
    with pytest.raises(InputError, match="Excel"):
        read_xlsx(Path("a.xlsx"), b"PK not a zip")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    with pytest.raises(InputError, match="Excel"):
        read_xlsx(Path("a.xlsx"), out.getvalue())


@pytest.mark.parametrize(
    ("row", "column", "name"), [(6, 1, "B7"), (0, 25, "Z1"), (0, 26, "AA1"), (9, 701, "ZZ10")]
)
def test_cell_name(row, column, name):
    assert cell_name(row, column) == name
