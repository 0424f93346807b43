"""Word files read for review: places that are exact, tables with merged cells, notes, boxes, revisions."""

import io
from pathlib import Path

import docx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from agents.review.read.docx import read_docx
from cspon.errors import InputError
from knowledge_base.parse.docx_words import W, pieces_of, words_of


def read(document):
    out = io.BytesIO()
    document.save(out)
    return read_docx(Path("规划文本.docx"), out.getvalue())


@pytest.fixture
def document():
    made = docx.Document()
    made.add_heading("第一章 总则", 1)
    made.add_paragraph("耕地保有量不低于").add_run("12.5万亩").bold = True
    made.add_paragraph("表3-1 国土空间规划指标表（单位：公顷）")
    table = made.add_table(3, 4)
    table.cell(0, 0).merge(table.cell(1, 0)).text = "指标"
    table.cell(0, 1).merge(table.cell(0, 2)).text = "面积"
    table.cell(1, 1).text, table.cell(1, 2).text = "2020年", "2035年"
    table.cell(0, 3).merge(table.cell(1, 3)).text = "属性"
    for column, text in enumerate(("耕地保有量", "8333.33", "8400.00", "约束性")):
        table.cell(2, column).text = text
    made.add_paragraph("尾段。")
    return made


def test_paragraphs_know_their_place(document):
    given = read(document)
    element = document.element.body
    paragraphs = list(element.iter(f"{W}p"))
    assert len(given.blocks) > 8
    for block in given.blocks:
        assert block.anchor.part == "document"
        assert words_of(paragraphs[block.anchor.paragraph]) == block.text
    assert [b.text for b in given.running()] == [
        "第一章 总则", "耕地保有量不低于12.5万亩", "表3-1 国土空间规划指标表（单位：公顷）", "尾段。",
    ]  # fmt: skip
    assert given.blocks[0].kind == "heading"
    assert given.blocks[0].level == 1


def test_a_table_is_a_grid_with_its_caption_and_unit(document):
    table = read(document).tables[0]
    assert (table.caption, table.unit, table.headers) == ("表3-1 国土空间规划指标表", "公顷", 2)
    grid = table.grid
    assert [len(row) for row in grid] == [4, 4, 4]
    assert grid[1][0] is grid[0][0]
    assert grid[0][1] is grid[0][2]
    assert [cell.text for cell in grid[2]] == ["耕地保有量", "8333.33", "8400.00", "约束性"]


def test_pieces_are_the_words(document):
    for paragraph in document.element.body.iter(f"{W}p"):
        pieces = pieces_of(paragraph)
        assert "".join(text for _, text in pieces) == words_of(paragraph)


def test_revisions_are_read_as_accepted_and_told(document):
    paragraph = document.paragraphs[-2]
    paragraph._p.append(parse_xml(f"<w:ins {nsdecls('w')}><w:r><w:t>新增</w:t></w:r></w:ins>"))
    paragraph._p.append(
        parse_xml(f"<w:del {nsdecls('w')}><w:r><w:delText>删去</w:delText></w:r></w:del>")
    )
    given = read(document)
    assert any(b.text.endswith("新增") for b in given.blocks)
    assert not any("删去" in b.text for b in given.blocks)
    assert "文件中已有修订标记，按接受后的文字审查，原有修订保留" in given.notices


def test_page_heads_stand_apart(document):
    document.sections[0].header.paragraphs[0].text = "某县国土空间总体规划"
    given = read(document)
    head = [b for b in given.blocks if b.kind == "header"]
    assert [b.text for b in head] == ["某县国土空间总体规划"]
    assert head[0].anchor.part.startswith("header")
    assert head[0] not in list(given.running())


def test_what_is_no_word_file_is_refused():
    with pytest.raises(InputError, match="Word"):
        read_docx(Path("a.docx"), b"PK not a zip")
