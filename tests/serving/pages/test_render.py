"""The page's HTML: everything from files, models and laws is escaped, nothing is fetched."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.schemas.spatial import Column, Table
from serving.pages import render
from serving.pages.frame import masthead, sample_projects
from serving.pages.results import Download
from serving.pages.site import table_block
from serving.pages.text import rich
from serving.services import PartState

ALLOWED = re.compile(
    "a|b|blockquote|br|code|del|details|div|em|figcaption|figure|h[1-6]|hr|img|li|ol|p|s|section"
    "|small|span|strong|summary|table|tbody|td|th|thead|tr|ul"
)


class Inspect(HTMLParser):
    """Collects tags, attributes and unbalanced ends."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def inspected(text):
    seen = Inspect(text)
    assert seen.open == []
    assert all(ALLOWED.fullmatch(tag) for tag in seen.tags)
    for tag, name, value in seen.attributes:
        assert not name.startswith("on"), (tag, name, value)
        if name in ("href", "src"):
            assert re.match(r"#t|/exports/|/kb/(open|graph)\?passage", value), (tag, name, value)
    return seen


@pytest.fixture
def page(fakes):
    files = [
        Download(title="回答 Word", address="/exports/x/answer.docx"),
        Download(title="合规性 PNG 图", address="/exports/x/map.png", step=1, picture=True),
    ]
    return render.answer_block(fakes.full_answer("选址？"), "t1", files)


def test_answer_is_safe_and_complete(page):
    seen = inspected(page)
    assert "alert(1)" in page
    assert "<b onclick" not in page
    assert "<i>生态" not in page
    assert "{{" not in page
    assert "${" not in page
    assert ("img", "src", "/exports/x/map.png") in seen.attributes
    assert ("a", "href", "/kb/open?passage=p1") in seen.attributes
    for text in (
        "不符合",
        "12.3456",
        "25.1234",
        "国务院",
        "现行有效",
        "尚未施行",
        "未入库，未核验",
    ):
        assert text in page
    assert "自 2020-01-01 起施行" in page
    assert "补充耕地方案未提供" in page


def test_marks_lead_to_their_clause(page):
    links = re.findall(r'data-cite="(t1-c\d+)"', page)
    assert links
    assert set(links) <= set(re.findall(r'id="(t1-c\d+)"', page))


def test_figures_on_tiles_are_the_conflict(page):
    tiles = re.findall(r'class="tile (\w+)"><span class="label">(.*?)</span>.*?>([\d.]+)<', page)
    assert tiles == [
        ("plain", "项目面积", "85.1234"),
        ("bad", "占用永久基本农田", "12.3456"),
        ("plain", "占用生态保护红线", "0.0000"),
        ("warn", "城镇开发边界外", "25.1234"),
    ]


def test_sections_shown_as_blocks_are_not_repeated(page):
    assert page.count("尚不清楚的事项") == 1
    assert "综合说明" in page
    assert page.count("论证不可避让性") == 1


def test_refusal_says_kind_and_mend(fakes):
    page = render.answer_block(fakes.refused("选址？"), "t1", [])
    inspected(page)
    assert "需要补充材料" in page
    assert "请上传边界文件。" in page


def test_missing_layer_is_never_shown_as_zero(fakes):
    data = fakes.COMPLIANCE.model_dump(mode="json")
    data["lines"][0] |= {"present": False, "area_ha": None, "area_mu": None, "share": None}
    result = fakes.RESULT.model_copy(update={"data": data})
    page = render.answer_block(fakes.full_answer("？", results=(result,)), "t1", [])
    assert (
        '<div class="tile mute"><span class="label">占用永久基本农田</span><span class="value">—'
        in page
    )
    assert "图层缺失，未检查" in page


def test_table_numbers_blanks_and_long_tables():
    columns = (Column(key="a", title="面积", unit="公顷"), Column(key="v", title="<结论>"))
    rows = (*[{"a": 1234.5, "v": "符合"}] * 80, {"a": None, "v": "x"})
    page = table_block(Table(name="t", title="表", columns=columns, rows=rows))
    inspected(page)
    assert "1,234.5000" in page
    assert "badge good" in page
    assert "&lt;结论&gt;" in page
    assert "共 81 行" in page
    assert page.count("<tr>") == 61


def test_images_and_links_of_a_text_are_plain_text():
    page = rich("![图](http://evil.example/x.png) [链](http://evil.example/)", "t1", 0)
    assert inspected(page).tags == ["p"]


def test_bold_before_a_letter_is_closed():
    assert "<strong>不符合</strong>。占用" in rich("**不符合。**占用", "t1", 0)


@given(
    st.text(
        alphabet=st.sampled_from(list("<>&\"'`{}$[]()!*_#|-〔1〕：符合\n \\/.a:h")), max_size=120
    )
)
def test_any_text_is_safe(text):
    page = rich(text, "t1", 3)
    inspected(page)
    assert not set(page) & set("{}$`")


def test_masthead_shows_what_is_missing():
    parts = {
        "model": PartState(ok=False, detail="<b>没有</b>"),
        "layers": PartState(ok=True, detail="县"),
    }
    page = masthead(parts, synthetic=True)
    assert "大模型：不可用" in page
    assert "&lt;b&gt;没有" in page
    assert "合成数据" in page
    assert "图层：可用" in page


def test_sample_projects_have_names(tmp_path):
    (tmp_path / "projects").mkdir()
    for name in ("2_conflict", "自备"):
        (tmp_path / "projects" / f"{name}.geojson").touch()
    assert list(sample_projects(tmp_path)) == ["项目二：占用永久基本农田与红线", "自备"]
    assert sample_projects(tmp_path / "none") == {}


def test_regulation_answer_opens_the_clauses_it_uses(fakes):
    text = "占用须经国务院批准〔1〕。（此句未获所列事实与条文支持，请勿引用）\n\n## 依据\n\n- 〔1〕甲\n\n## 相关条文（未直接引用）\n\n- 〔2〕乙"
    page = render.answer_block(fakes.full_answer("？", text=text, results=()), "t1", [])
    inspected(page)
    assert re.search(r'id="t1-c1" open', page)
    assert not re.search(r'id="t1-c2" open', page)
    assert page.count("未直接引用") == 2
    assert '<span class="doubt">' in page
