import re
import zipfile

import pytest
from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Mm
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cspon.errors import InputError
from tools.report import markdown_to_docx

REPORT = """# 云溪产业园选址合规性检查报告

## 一、结论

**不符合**：占用永久基本农田 **19.4761 公顷**，见〔[1](#cite-1)〕与[官网](https://example.org/a?b=1)，
须避让；详见[结论](#一结论)、[别处](#nowhere)。
English words
wrap here.

> 第三十五条　永久基本农田经依法划定后，任何单位和个人不得擅自占用。

### （一）办理程序

1. 调整选址
2. 论证
   - 补充 *材料*
   - `代码`

另起：

1. 重新编号

| 控制线 | 面积（公顷） | 占比 | 说明 |
|---|---:|---|---|
| 永久基本农田 | 19.4761 | 38.8% | 占用<br>须避让 |
| 生态保护红线 | 1.8866 | 3.8% | |
| 城镇开发边界外 | — | — | 无 |

![控制线合规性检查图](图.png)

---

<a id="cite-1"></a>**〔1〕《中华人民共和国土地管理法》第三十五条**
"""


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    file = tmp_path_factory.mktemp("picture") / "map.png"
    Image.new("RGB", (2104, 1488), "white").save(file, dpi=(180, 180))
    return file


@pytest.fixture(scope="module")
def file(tmp_path_factory, picture):
    out = tmp_path_factory.mktemp("report") / "sub" / "报告.docx"
    assert markdown_to_docx(REPORT, out, images={"图.png": picture}) == out
    assert [p.name for p in out.parent.iterdir()] == ["报告.docx"]
    return out


@pytest.fixture
def document(file):
    return Document(str(file))


def paragraph(document, start: str):
    [found] = [p for p in document.paragraphs if p.text.startswith(start)]
    return found


def test_headings_have_outline_styles(document):
    headings = {p.text: p.style.name for p in document.paragraphs if p.style.name[:4] in "TitlHead"}
    assert headings == {
        "云溪产业园选址合规性检查报告": "Title",
        "一、结论": "Heading 1",
        "（一）办理程序": "Heading 2",
    }


def test_bold_and_line_ends(document):
    text = paragraph(document, "不符合")
    assert [r.text for r in text.runs if r.bold] == ["不符合", "19.4761 公顷"]
    assert "，须避让；" in text.text  # a line end between Chinese characters is no space
    assert "English words wrap here." in text.text


def test_links(file, document):
    with zipfile.ZipFile(file) as package:
        body = package.read("word/document.xml").decode()
    marks = dict(re.findall(r'<w:bookmarkStart w:id="(\d+)" w:name="(\w+)"', body))
    assert len(set(marks.values())) == len(marks) == 4
    inside = re.findall(r'<w:hyperlink w:anchor="(\w+)"', body)
    assert len(inside) == 2
    assert set(inside) <= set(marks.values())
    targets = [r.target_ref for r in document.part.rels.values() if r.is_external]
    assert targets == ["https://example.org/a?b=1"]
    assert "别处" in paragraph(document, "不符合").text


def test_lists_nest_and_start_again(document):
    numbered = [p for p in document.paragraphs if p.style.name == "List Number"]
    assert [p.text for p in numbered] == ["调整选址", "论证", "重新编号"]
    ids = [p._p.pPr.numPr.numId.val for p in numbered]
    assert ids[0] == ids[1] != ids[2]
    assert [p.text for p in document.paragraphs if p.style.name == "List Bullet 2"] == [
        "补充 材料",
        "代码",
    ]


def test_table(document):
    [table] = document.tables
    assert table.style.name == "Table Grid"
    assert [c.text for c in table.rows[0].cells] == ["控制线", "面积（公顷）", "占比", "说明"]
    header, first = table.rows[0], table.rows[1]
    assert header._tr.trPr.find(qn("w:tblHeader")) is not None
    assert all(c._tc.tcPr.find(qn("w:shd")).get(qn("w:fill")) == "DCE6F1" for c in header.cells)
    assert all(run.bold for c in header.cells for run in c.paragraphs[0].runs)
    assert [c.paragraphs[0].alignment for c in first.cells] == [
        WD_ALIGN_PARAGRAPH.LEFT,
        WD_ALIGN_PARAGRAPH.RIGHT,
        WD_ALIGN_PARAGRAPH.RIGHT,  # numbers without a stated alignment
        WD_ALIGN_PARAGRAPH.LEFT,
    ]
    assert first.cells[3].text == "占用\n须避让"
    assert sum(c.width for c in header.cells) == pytest.approx(Mm(156), rel=1e-3)


def test_codes_are_no_numbers_and_never_break(tmp_path):
    rows = "\n".join(f"| 0{n}0102 | {n}.5 | {'说明' * 60} |" for n in range(1, 4))
    out = markdown_to_docx(f"| 编码 | 面积 | 说明 |\n|---|---|---|\n{rows}", tmp_path / "a.docx")
    [table] = Document(str(out)).tables
    code, area, note = table.rows[1].cells
    assert code.paragraphs[0].alignment == WD_ALIGN_PARAGRAPH.LEFT
    assert area.paragraphs[0].alignment == WD_ALIGN_PARAGRAPH.RIGHT
    assert code.width > Mm(17) > 7 * Mm(1.85)
    assert note.width > 3 * code.width


def test_picture_fits_the_type_area_and_has_a_caption(document):
    [shape] = document.inline_shapes
    assert Mm(150) < shape.width <= Mm(156)
    assert shape.width / shape.height == pytest.approx(2104 / 1488, rel=1e-3)
    assert paragraph(document, "控制线合规性检查图").style.name == "Caption"


def test_page_and_fonts(document):
    section = document.sections[0]
    assert (round(section.page_width.mm), round(section.page_height.mm)) == (210, 297)
    assert (round(section.left_margin.mm), round(section.right_margin.mm)) == (28, 26)
    assert section.header.paragraphs[0].text == "云溪产业园选址合规性检查报告"
    assert " PAGE " in section.footer.paragraphs[0]._p.xml
    fonts = {}
    for name in ("Normal", "Title", "Heading 1", "Table Text"):
        element = document.styles[name].element.rPr.rFonts
        fonts[name] = element.get(qn("w:eastAsia"))
        assert element.get(qn("w:ascii")) == "Times New Roman"
        assert element.get(qn("w:eastAsiaTheme")) is None
    assert fonts == {
        "Normal": "仿宋", "Title": "黑体", "Heading 1": "黑体", "Table Text": "宋体",
    }  # fmt: skip


def test_properties_name_no_person_and_no_machine(file, document):
    properties = document.core_properties
    assert properties.title == "云溪产业园选址合规性检查报告"
    assert properties.author == properties.last_modified_by == "CSPON Planner"
    assert properties.comments == ""
    assert str(file.parent) not in zipfile.ZipFile(file).read("docProps/core.xml").decode()


def test_picture_that_was_not_given(tmp_path):
    with pytest.raises(InputError, match="「map"):
        markdown_to_docx("![图](map.png)", tmp_path / "a.docx")
    assert list(tmp_path.iterdir()) == []


def test_picture_that_is_none(tmp_path):
    broken = tmp_path / "map.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(InputError, match="无法读取"):
        markdown_to_docx("![图](map.png)", tmp_path / "a.docx", images={"map.png": broken})
    assert list(tmp_path.iterdir()) == [broken]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "# 题",
                "## 节",
                "- 项\n  1. 子项\n\n     续",
                "> 引 > 引\n> - 项",
                "| a | b |\n|---|---|\n| 1 |",
                "```\n码\n```",
                "    码",
                "<div>块</div>",
                "a<br>b<i>c</i>",
                "***",
                "[x][y]",
                "![]()",
                "1. # 题",
                "\x00\x07\ufffe",
                "**粗*斜*~~删~~**",
                "",
                "3) 三",
                "| 空 |\n|---|",
            ]
        )
    )
)
def test_any_markdown_is_written_or_refused_for_its_picture(tmp_path_factory, parts):
    out = tmp_path_factory.getbasetemp() / "any.docx"
    try:
        markdown_to_docx("\n\n".join(parts), out)
    except InputError:
        assert "![]()" in parts
    else:
        assert Document(str(out)).core_properties.author == "CSPON Planner"
