"""What pages make of texts from outside: everything escaped, tables rebuilt, marks in place."""

from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.describe.metadata import Metadata
from serving.pages.documents import FIELDS
from serving.pages.paper import marked_quote, marked_words, safe_table

HOSTILE = '<table onclick="x()"><caption>面积<script>alert(1)</script></caption><tr style="a"><td colspan="2" rowspan="9999">甲<img src=x onerror=y></td></tr><iframe></iframe>'


def test_table_keeps_cells_and_spans_alone():
    assert safe_table(HOSTILE) == (
        '<table><caption>面积alert(1)</caption><tr><td colspan="2">甲</td></tr></table>'
    )


@given(st.text(alphabet="<>/table td\"'=&;甲乙onx", max_size=80))
def test_table_never_lets_a_foreign_tag_through(text):
    import re

    tags = re.findall(r"<[^>]*>", str(safe_table(text)))
    assert all(
        re.fullmatch(
            r"</?(table|caption|thead|tbody|tfoot|tr|th|td|br)( (col|row)span=\"\d+\")*>", t
        )
        for t in tags
    )


def test_words_of_the_query_are_marked_and_filler_is_not():
    marked = marked_words("占用永久基本农田的，由国务院批准。", "谁批准占用永久基本农田的项目")
    assert "<mark>批准</mark>" in marked
    assert "<mark>永久基本农田</mark>" in marked
    assert "<mark>" not in marked_words("湿地面积总量", "小学用地")
    assert marked_words("由国务院规定的", "什么是那些的") == "由国务院规定的"
    assert marked_words("<b>农田</b>", "农田<b>") == "&lt;b&gt;<mark>农田</mark>&lt;/b&gt;"


def test_a_quote_is_found_whatever_its_spaces():
    assert marked_quote("第一 款\n规定<甲>", "一款规定<") == "第<mark>一 款\n规定&lt;</mark>甲&gt;"
    assert marked_quote("甲", "乙") == "甲"
    assert marked_quote("甲<", "") == "甲&lt;"


def test_every_field_that_may_be_edited_has_a_label():
    assert set(Metadata.model_fields) <= set(FIELDS)
