"""Numbers of tables: rows of indicators, rows of towns, merged headers, units wherever they stand."""

import io
from fractions import Fraction
from pathlib import Path

import docx

from agents.review.quantities.tables import entries_of
from agents.review.read.docx import read_docx


def entries(caption, rows, merges=(), headers=1):
    made = docx.Document()
    made.add_paragraph(caption)
    table = made.add_table(len(rows), len(rows[0]))
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            if text is not None:
                table.cell(r, c).text = text
    for (r1, c1), (r2, c2) in merges:
        text = table.cell(r1, c1).text
        table.cell(r1, c1).merge(table.cell(r2, c2)).text = text
    out = io.BytesIO()
    made.save(out)
    read = read_docx(Path("a.docx"), out.getvalue())
    return read, entries_of(read, read.tables[0])


def told(found):
    return [
        (e.quantity.subject, e.quantity.scope, e.quantity.year or e.quantity.when, e.quantity.value.low,
         e.quantity.value.measure, e.role) for e in found
    ]  # fmt: skip


def test_rows_of_indicators_and_columns_of_years():
    _, found = entries(
        "表2-1 规划指标表",
        [
            ["序号", "指标", "单位", "2020年", "2035年", "属性"],
            ["1", "耕地保有量", "万亩", "12.50", "≥12.60", "约束性"],
            ["2", "常住人口城镇化率", "%", "51.2", "65", "预期性"],
        ],
    )
    area = 10_000 * Fraction(10_000, 15)
    assert told(found) == [
        ("耕地保有量", "", 2020, Fraction("12.5") * area, "平方米", "value"),
        ("耕地保有量", "", 2035, Fraction("12.6") * area, "平方米", "value"),
        ("常住人口城镇化率", "", 2020, Fraction("0.512"), "比", "value"),
        ("常住人口城镇化率", "", 2035, Fraction("0.65"), "比", "value"),
    ]
    assert found[1].quantity.value.bound == ">="


def test_rows_of_towns_and_columns_of_lines_with_merged_headers():
    read, found = entries(
        "表3-2 三条控制线分解表（单位：公顷）",
        [
            ["乡镇", "三条控制线", None, "备注"],
            [None, "永久基本农田", "生态保护红线", None],
            ["青河镇", "1,200.50", "300", ""],
            ["白石乡", "800", "1200", ""],
            ["合计", "2000.50", "1500", ""],
        ],
        merges=[((0, 1), (0, 2)), ((0, 0), (1, 0)), ((0, 3), (1, 3))],
    )
    assert read.tables[0].headers == 2
    assert told(found)[0] == (
        "永久基本农田保护面积",
        "青河镇",
        "",
        Fraction(12_005_000),
        "平方米",
        "value",
    )
    assert told(found)[3] == (
        "生态保护红线面积",
        "白石乡",
        "",
        Fraction(12_000_000),
        "平方米",
        "value",
    )
    assert [e.total for e in found] == [False] * 4 + [True] * 2
    cell = read.blocks[found[0].quantity.span.block]
    assert cell.text[found[0].quantity.span.start : found[0].quantity.span.end] == "1,200.50"


def test_present_plan_share_and_change():
    _, found = entries(
        "表4 用地结构调整表",
        [
            ["地类", "现状（2020年）", None, "规划（2035年）", None, "增减面积（公顷）"],
            [None, "面积（公顷）", "比例（%）", "面积（公顷）", "比例（%）", None],
            ["耕地", "100", "50.00", "110", "55.00", "10"],
            ["其中：水田", "60", "30.00", "60", "30.00", "0"],
            ["林地", "100", "50.00", "90", "45.00", "-10"],
        ],
        merges=[((0, 1), (0, 2)), ((0, 3), (0, 4)), ((0, 0), (1, 0)), ((0, 5), (1, 5))],
    )
    assert [(e.label, e.role, e.quantity.year) for e in found[:5]] == [
        ("耕地", "value", 2020), ("耕地", "share", 2020), ("耕地", "value", 2035),
        ("耕地", "share", 2035), ("耕地", "change", None),
    ]  # fmt: skip
    assert found[1].quantity.value.low == Fraction(1, 2)
    assert found[5].part
    assert found[-1].quantity.value.low == -100_000
