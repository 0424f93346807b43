import datetime
import io

import openpyxl
import pytest

from cspon.errors import InputError
from knowledge_base.parse import sheet
from knowledge_base.parse.sheet import read_csv, read_workbook


@pytest.fixture
def read(opened):
    def save(book):
        out = io.BytesIO()
        book.save(out)
        return read_workbook(opened(out.getvalue(), "表.xlsx"))

    return save


def test_title_unit_merged_header_and_values(read):
    book = openpyxl.Workbook()
    page = book.active
    page.title = "用地"
    for row in (
        ["表1 用地结构调整表"],
        ["单位：公顷"],
        ["地类", "2020年", "", "占比"],
        ["", "面积", "增减", ""],
        ["耕地", 100.25, -1, 0.125],
        ["林地", 200, 3, 0.25],
    ):
        page.append(row)
    for area in ("A1:D1", "A3:A4", "B3:C3", "D3:D4"):
        page.merge_cells(area)
    page["D5"].number_format = page["D6"].number_format = "0.0%"
    page["B7"] = "=SUM(B5:B6)"
    page["A7"] = "合计"
    book.create_sheet("空")
    dates = book.create_sheet("日期")
    dates.append(["序号", "日期"])
    dates.append([1, datetime.date(2024, 1, 2)])
    source = read(book)
    assert source.text.split("\n") == [
        "# 用地",
        "表1 用地结构调整表",
        "单位：公顷",
        "地类：耕地；2020年/面积：100.25；2020年/增减：-1；占比：12.5%",
        "地类：林地；2020年/面积：200；2020年/增减：3；占比：25%",
        "地类：合计",
        "# 日期",
        "序号：1；日期：2024-01-02",
    ]
    table = source.tables[0]
    assert (table.caption, table.unit) == ("表1 用地结构调整表", "单位：公顷")
    assert '<th rowspan="2">地类</th><th colspan="2">2020年</th>' in table.html
    assert "1 个公式没有保存结果" in source.notices[0]


def test_two_tables_on_a_sheet(read):
    book = openpyxl.Workbook()
    for row in (["表1 甲"], ["类", "量"], ["林", 1], [], ["表2 乙"], ["类", "数"], ["田", 2]):
        book.active.append(row)
    source = read(book)
    assert [t.caption for t in source.tables] == ["表1 甲", "表2 乙"]
    assert "类：田；数：2" in source.text


def test_a_long_sheet_is_cut_under_its_header(read, monkeypatch):
    monkeypatch.setattr(sheet, "BLOCK_ROWS", 100)
    book = openpyxl.Workbook()
    book.active.append(["表1 图斑"])
    book.active.append(["编号", "面积"])
    for number in range(450):
        book.active.append([f"TB{number}", number])
    source = read(book)
    assert len(source.tables) == 5
    assert [t.caption for t in source.tables][:2] == ["表1 图斑", "续表1 图斑"]
    assert source.text.count("编号：TB") == 450 and "编号：TB449；面积：449" in source.text
    assert all(t.html.startswith("<table><tr><th>编号</th>") for t in source.tables)


def test_too_many_rows_are_refused(read, monkeypatch):
    monkeypatch.setattr(sheet, "MAX_ROWS", 50)
    book = openpyxl.Workbook()
    for number in range(60):
        book.active.append([number, "甲"])
    with pytest.raises(InputError, match="超过 50 行"):
        read(book)


def test_a_cell_at_the_far_end_does_not_blow_up(read):
    book = openpyxl.Workbook()
    book.active["A1"] = "甲"
    book.active.cell(200_000, 3).value = "远"
    assert read(book).text.endswith("甲\n远")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("mark", [",", "\t", ";"])
def test_csv_of_any_encoding_and_separator(opened, encoding, mark):
    text = '序号,名称,面积\r\n1,"耕地\n水田",20.5\r\n2,林地,30\r\n'.replace(",", mark)
    source = read_csv(opened(text.encode(encoding), "表.csv"))
    assert source.text == "序号：1；名称：耕地 水田；面积：20.5\n序号：2；名称：林地；面积：30"


@pytest.mark.parametrize("data", [b"PK", b"", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_workbook_is_refused(opened, data):
    with pytest.raises(InputError, match="Excel"):
        read_workbook(opened(data, "a.xlsx"))


def test_a_row_number_beyond_excel_is_refused(opened, changed_zip, monkeypatch):
    monkeypatch.setattr(sheet, "LAST_ROW", 5000)
    book = openpyxl.Workbook()
    book.active.append(["甲", "乙"])
    out = io.BytesIO()
    book.save(out)
    data = changed_zip(
        out.getvalue(),
        **{"xl/worksheets/sheet1.xml": lambda b: b.replace(b'<row r="1"', b'<row r="999999999"')},
    )
    with pytest.raises(InputError, match="行号"):
        read_workbook(opened(data, "a.xlsx"))
