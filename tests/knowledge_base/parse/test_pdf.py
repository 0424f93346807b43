import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.parse import pdf as pdf_module
from knowledge_base.parse.pdf import read_pdf

LONG = "永久基本农田经依法划定后任何单位和个人不得擅自占用或者改变其用途"


def rules(xs, ys):
    return [(x, ys[0], x, ys[-1]) for x in xs] + [(xs[0], y, xs[-1], y) for y in ys]


def test_a_ruled_table_stands_at_its_place_with_caption_and_boxes(make_pdf, opened):
    words = [
        (72, 100, "第一条 甲。"),
        (72, 130, "表1 面积表（单位：公顷）"),
        (72, 300, "注：说明。"),
    ]
    for r, row in enumerate([["地类", "面积"], ["耕地", "1.5"], ["林地", "2.5"]]):
        words += [(80 + 100 * c, 165 + 30 * r, text) for c, text in enumerate(row)]
    data = make_pdf([words], rules=rules([72, 172, 272], [150, 180, 210, 240]))
    source = read_pdf(opened(data, "a.pdf"))
    assert source.text.split("\n") == [
        "第一条 甲。",
        "表1 面积表（单位：公顷）",
        "地类：耕地；面积：1.5",
        "地类：林地；面积：2.5",
        "注：说明。",
    ]
    (table,) = source.tables
    assert (table.caption, table.unit, table.rows) == ("表1 面积表", "单位：公顷", 3)
    (box,) = source.boxes_of(*table.span)
    assert (box.page, round(box.y0, 2), round(box.y1, 3)) == (1, 0.21, 0.285)


def test_heads_feet_and_page_numbers_are_dropped_and_kept_as_properties(make_pdf, opened):
    pages = [
        [
            (72, 40, "某市国土空间总体规划"),
            (72, 200, f"第{n}条 本页的正文。"),
            (290, 815, f"— {number} —"),
        ]
        for number, n in enumerate("一二三四", 1)
    ]
    source = read_pdf(opened(make_pdf(pages), "a.pdf"))
    assert source.text == "\n".join(f"第{n}条 本页的正文。" for n in "一二三四")
    assert source.properties["page_header"] == "某市国土空间总体规划"
    assert [source.page_at(i) for i in source.page_starts] == [1, 2, 3, 4]


def test_a_paragraph_goes_on_over_the_page_break(make_pdf, opened):
    pages = [
        [(96, 300, "第一条 " + LONG[:-8]), (72, 320, LONG)],
        [(72, 100, "的后半句。"), (96, 120, "第二条 乙。")],
    ]
    source = read_pdf(opened(make_pdf(pages), "a.pdf"))
    assert source.text.split("\n")[-2:] == [f"第一条 {LONG[:-8]}{LONG}的后半句。", "第二条 乙。"]
    assert source.page_at(source.text.index("后半句")) == 2


def test_a_table_goes_on_over_the_page_break_and_its_header_is_not_repeated(make_pdf, opened):
    def page(rows, top):
        return [
            (80 + 100 * c, top + 15 + 30 * r, t)
            for r, row in enumerate(rows)
            for c, t in enumerate(row)
        ]

    grid = rules([72, 172, 272], [700, 730, 760]) + rules([72, 172, 272], [60, 90, 120])
    first = [*page([["地类", "面积"], ["耕地", "1"]], 700), (72, 300, "正文。")]
    second = [*page([["地类", "面积"], ["林地", "2"]], 60), (72, 300, "后文。")]
    only_first = make_pdf([first], rules=rules([72, 172, 272], [700, 730, 760]))
    assert len(read_pdf(opened(only_first, "a.pdf")).tables) == 1
    source = read_pdf(opened(make_pdf([first, second], rules=grid), "a.pdf"))
    (table,) = source.tables
    assert source.text[slice(*table.span)] == "地类：耕地；面积：1\n地类：林地；面积：2"
    assert [b.page for b in source.boxes_of(*table.span)] == [1, 2]


def test_a_drawing_is_no_table_and_takes_no_time(make_pdf, opened):
    lattice = rules([60 + 4 * i for i in range(120)], [60 + 4 * i for i in range(180)])
    source = read_pdf(opened(make_pdf([[(72, 40, "图1 总平面图")]], rules=lattice), "a.pdf"))
    assert source.text == "图1 总平面图" and not source.tables


def test_an_encrypted_pdf_is_told(lines_pdf, opened):
    with pytest.raises(InputError, match="加密"):
        read_pdf(opened(lines_pdf([["第一条 甲。"]], encrypt=True), "a.pdf"))


def test_too_many_pages_are_refused(lines_pdf, opened, monkeypatch):
    monkeypatch.setattr(pdf_module, "MAX_PAGES", 1)
    with pytest.raises(InputError, match="2 页"):
        read_pdf(opened(lines_pdf([["甲"], ["乙"]]), "a.pdf"))


def test_a_blank_page_needs_no_recognition(lines_pdf, opened):
    source = read_pdf(opened(lines_pdf([["第一条 甲。"], [], ["附件"]]), "a.pdf"))
    assert source.text == "第一条 甲。\n附件" and source.page_starts == (0, 7, 7)
    assert source.page_confidence == (None, None, None)


@given(st.binary(max_size=200), st.integers(0, 500))
def test_damaged_files_are_read_or_refused(noise, place):
    from pathlib import Path

    from knowledge_base.parse.opened import Opened

    data = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    with contextlib.suppress(InputError):
        read_pdf(Opened(Path("a.pdf"), data[:place] + noise + data[place:], ocr=False))
