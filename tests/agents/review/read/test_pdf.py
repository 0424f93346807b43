"""PDF read for review: headings, paragraphs and tables with page and boxes; scans by recognition."""

import io
from pathlib import Path

import pytest

from agents.review.read.pdf import read_pdf
from cspon.errors import InputError
from tests.pages import FONTS, drawn, pdf

WORDS = [
    (72, 62, "第一章 总则"),
    (72, 82, "到2035年，全县耕地保有量不低于8333公顷。"),
    (72, 120, "表1 指标表（单位：公顷）"),
    (80, 168, "指标"), (180, 168, "2035年"), (80, 198, "耕地保有量"), (180, 198, "8333"),
    (80, 228, "湿地面积"), (180, 228, "120"),
]  # fmt: skip
RULES = [(72, y, 272, y) for y in (150, 180, 210, 240)] + [(x, 150, x, 240) for x in (72, 172, 272)]


def test_blocks_know_page_and_boxes_and_tables_their_grid():
    given = read_pdf(Path("文本.pdf"), pdf([WORDS, [(72, 62, "第二节 农业空间")]], rules=RULES))
    assert [b.text for b in given.running()][:2] == [
        "第一章 总则", "到2035年，全县耕地保有量不低于8333公顷。",
    ]  # fmt: skip
    levels = {b.text: b.level for b in given.blocks if b.kind == "heading"}
    assert levels == {"第一章 总则": 1, "第二节 农业空间": 2}
    table = given.tables[0]
    assert (table.caption, table.unit, table.headers) == ("表1 指标表", "公顷", 1)
    assert [c.text for c in table.grid[1]] == ["耕地保有量", "8333"]
    cell = next(b for b in given.blocks if b.text == "8333")
    assert cell.anchor.page == 1
    (box,) = cell.anchor.boxes
    assert 0.2 < box.y0 < box.y1 < 0.26
    assert next(b for b in given.blocks if b.level == 2).anchor.page == 2
    assert any("不能写回 PDF" in n for n in given.notices)


def test_a_table_without_rules_is_told():
    given = read_pdf(Path("文本.pdf"), pdf([WORDS]))
    assert given.tables == ()
    assert any("第 1 页“表1 指标表”未识别出表格" in n for n in given.notices)
    ruled = read_pdf(Path("文本.pdf"), pdf([WORDS], rules=RULES))
    assert not any("未识别出表格" in n for n in ruled.notices)


def test_page_heads_are_read_once_and_apart():
    pages = [
        [(72, 30, "青岚县国土空间总体规划"), (72, 200 + n, f"第{n}条 内容。")] for n in range(4)
    ]
    given = read_pdf(Path("文本.pdf"), pdf(pages))
    assert [b.text for b in given.blocks if b.kind == "header"] == ["青岚县国土空间总体规划"]
    assert len(list(given.running())) == 4


def test_encrypted_damaged_and_empty_files_are_refused():
    with pytest.raises(InputError, match="加密"):
        read_pdf(Path("a.pdf"), pdf([WORDS], encrypt=True))
    with pytest.raises(InputError, match="PDF"):
        read_pdf(Path("a.pdf"), pdf([WORDS])[:300])
    with pytest.raises(InputError, match="没有可读的文字"):
        read_pdf(Path("a.pdf"), pdf([[]]))


@pytest.mark.component
def test_a_scan_is_recognised_and_that_is_told():
    font = next((f for f in FONTS if f.is_file()), None)
    if font is None:
        pytest.skip("no Noto CJK font here (fonts-noto-cjk)")
    lines = ["第一章 总则", "到2035年，全县耕地保有量不低于8333公顷。", "表1 指标表（单位：公顷）"]
    rows = [["指标", "2035年"], ["耕地保有量", "8433"], ["湿地面积", "120"]]
    out = io.BytesIO()
    drawn(lines, rows, font=font).save(out, format="PDF", resolution=150)
    given = read_pdf(Path("扫描.pdf"), out.getvalue())
    assert "8333公顷" in given.blocks[1].text
    assert given.blocks[1].anchor.page == 1
    assert given.blocks[1].anchor.boxes
    assert [c.text for c in given.tables[0].grid[1]] == ["耕地保有量", "8433"]
    assert any("第 1 页由文字识别得到" in n for n in given.notices)
    assert any("平均置信度 0.9" in n for n in given.notices)
