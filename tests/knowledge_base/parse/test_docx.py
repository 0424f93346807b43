import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from cspon.errors import InputError
from knowledge_base.parse.docx import read_docx

W = nsdecls("w")


@pytest.fixture
def read(opened, docx_bytes):
    return lambda document: read_docx(opened(docx_bytes(document), "办法.docx"))


def body(document, xml: str) -> None:
    document.element.body.insert(len(document.element.body) - 1, parse_xml(xml))


def test_numbers_that_word_writes_itself_are_restored(numbered, read):
    document, add = numbered()
    document.add_heading("某市规划管理办法", 0)
    add("总则", 0, "Heading 1")
    add("为了加强管理，制定本办法。", 1)
    add("下列区域不得建设：", 1)
    add("永久基本农田；", 2)
    add("生态保护红线。", 2)
    add("附则", 0, "Heading 1")
    add("有下列情形的：", 1)
    add("其他。", 2)
    assert read(document).text.split("\n") == [
        "# 某市规划管理办法",
        "# 第一章 总则",
        "第一条 为了加强管理，制定本办法。",
        "第二条 下列区域不得建设：",
        "（一）永久基本农田；",
        "（二）生态保护红线。",
        "# 第二章 附则",
        "第三条 有下列情形的：",
        "（一）其他。",
    ]


def test_merged_cells_caption_and_unit(read):
    document = Document()
    document.add_paragraph("表3-1 指标表")
    document.add_paragraph("单位：公顷")
    table = document.add_table(rows=4, cols=3)
    for r, row in enumerate(
        [["地类", "面积", ""], ["", "2020", "2035"], ["耕地", "1", "2"], ["", "3", "4"]]
    ):
        for c, text in enumerate(row):
            table.cell(r, c).text = text
    table.cell(0, 1).merge(table.cell(0, 2))
    table.cell(0, 0).merge(table.cell(1, 0))
    table.cell(2, 0).merge(table.cell(3, 0))
    source = read(document)
    (found,) = source.tables
    assert (found.caption, found.unit) == ("表3-1 指标表", "单位：公顷")
    assert source.text.endswith(
        "地类：耕地；面积/2020：1；面积/2035：2\n地类：耕地；面积/2020：3；面积/2035：4"
    )
    assert '<th colspan="2">面积</th>' in found.html and '<td rowspan="2">耕地</td>' in found.html


def test_revisions_controls_boxes_and_hidden_words(read):
    document = Document()
    body(
        document,
        f'<w:p {W}><w:r><w:t>保留</w:t></w:r><w:ins w:id="1"><w:r><w:t>新增</w:t></w:r></w:ins><w:del w:id="2"><w:r><w:delText>删去</w:delText></w:r></w:del></w:p>',
    )
    body(
        document,
        f"<w:sdt {W}><w:sdtContent><w:p><w:r><w:t>控件里的字</w:t></w:r></w:p></w:sdtContent></w:sdt>",
    )
    body(
        document,
        f"<w:p {W}><w:r><w:rPr><w:vanish/></w:rPr><w:t>藏着</w:t></w:r><w:r><w:t>看得见</w:t></w:r></w:p>",
    )
    body(
        document,
        f"<w:p {W}><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>文本框</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>",
    )
    source = read(document)
    assert [line for line in source.text.split("\n") if line] == [
        "保留新增",
        "控件里的字",
        "看得见",
        "文本框",
    ]
    assert any("修订" in n for n in source.notices) and any("隐藏" in n for n in source.notices)


def test_a_table_of_contents_is_left_out(read):
    document = Document()
    document.styles.add_style("toc 1", 1)
    document.add_paragraph("第一章 总则\t1", style="toc 1")
    document.add_paragraph("第一条 甲。")
    assert read(document).text == "第一条 甲。"


def test_outline_levels_make_headings(read):
    document = Document()
    paragraph = document.add_paragraph("规划目标")
    paragraph._p.get_or_add_pPr().append(parse_xml(f'<w:outlineLvl {W} w:val="1"/>'))
    assert read(document).text == "## 规划目标"


def test_page_heads_are_kept_and_a_secrecy_mark_reaches_the_text(read):
    document = Document()
    document.sections[0].header.paragraphs[0].text = "某市人民政府文件"
    document.add_paragraph("第一条 甲。")
    assert read(document).properties["page_header"] == "某市人民政府文件"
    document.sections[0].header.paragraphs[0].text = "秘密★10年"
    assert read(document).text.startswith("秘密★10年\n")


def test_footnotes_follow_their_paragraph(opened, docx_bytes, changed_zip):
    document = Document()
    document.add_paragraph("第一条 甲。")._p.append(
        parse_xml(f'<w:r {W}><w:footnoteReference w:id="2"/></w:r>')
    )
    document.add_paragraph("第二条 乙。")
    notes = f'<w:footnotes {W}><w:footnote w:id="2"><w:p><w:r><w:t>注文</w:t></w:r></w:p></w:footnote></w:footnotes>'
    data = changed_zip(
        docx_bytes(document),
        word___rels__document_DOT_xml_DOT_rels=lambda b: b.replace(
            b"</Relationships>",
            b'<Relationship Id="rId99" Type="http://x/footnotes" Target="footnotes.xml"/></Relationships>',
        ),
        word__footnotes_DOT_xml=notes.encode(),
    )
    assert read_docx(opened(data, "a.docx")).text == "第一条 甲。\n注1：注文\n第二条 乙。"


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04junk", b"plain", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600]
)
def test_what_is_no_word_file_is_refused(opened, data):
    with pytest.raises(InputError, match="Word"):
        read_docx(opened(data, "a.docx"))
