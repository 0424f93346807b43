import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.parse.html import read_html

PAGE = """<html><head><title>关于印发办法的通知</title><meta charset="{charset}">
<script>bad()</script><style>p{{}}</style></head><body>
<div class="nav">首页 导航</div>
<div class="TRS_Editor"><h1>关于印发办法的通知</h1><p>各市
人民政府：</p><p>第一条 为了<b>保护</b>耕地。<br>第二条 其他。</p>
<p style="display:none">看不见</p>
<table><caption>表1 面积</caption><tr><th>地类</th><th>面积</th></tr>
<tr><td rowspan="2">耕地</td><td>1</td></tr><tr><td>2</td></tr></table>
<ul><li>一</li><li>二</li></ul><img src="http://example.invalid/x.png"></div>
<div id="footer">版权所有</div></body></html>"""


@pytest.mark.parametrize(("charset", "encoding"), [("utf-8", "utf-8"), ("gb2312", "gb18030")])
def test_the_article_is_read_without_menus_and_scripts(opened, charset, encoding):
    source = read_html(opened(PAGE.format(charset=charset).encode(encoding), "页.html"))
    assert source.text.split("\n") == [
        "# 关于印发办法的通知",
        "各市人民政府：",
        "第一条 为了保护耕地。",
        "第二条 其他。",
        "表1 面积",
        "地类：耕地；面积：1",
        "地类：耕地；面积：2",
        "一",
        "二",
    ]
    (table,) = source.tables
    assert table.caption == "表1 面积" and '<td rowspan="2">耕地</td>' in table.html
    assert source.properties["title"] == "关于印发办法的通知"


def test_layout_tables_are_read_as_blocks(opened):
    source = read_html(
        opened("<table><tr><td><p>第一条 甲。</p><p>第二条 乙。</p></td></tr></table>".encode())
    )
    assert source.text == "第一条 甲。\n第二条 乙。" and not source.tables


def test_spans_without_end_do_not_blow_up(opened):
    page = (
        "<table>" + "<tr><td rowspan=99999 colspan=99999>甲</td><td>乙</td></tr>" * 50 + "</table>"
    )
    assert "甲" in read_html(opened(page.encode())).text


def test_deep_pages_are_read(opened):
    assert "底" in read_html(opened(("<div>" * 200 + "底" + "</div>" * 200).encode())).text


@given(st.text(alphabet="<>/tabletrdhp甲 =\"'&;!-\n", max_size=200))
def test_any_page_is_read_or_refused(text):
    from pathlib import Path

    from knowledge_base.parse.opened import Opened

    try:
        source = read_html(Opened(Path("a.html"), text.encode()))
    except InputError:
        return
    ends = [0, *(edge for table in source.tables for edge in table.span), len(source.text)]
    assert ends == sorted(ends)
