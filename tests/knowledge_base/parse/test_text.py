from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.parse.text import read_markdown, read_text


def test_pipe_and_html_tables_become_tables(opened):
    source = read_markdown(
        opened(
            "# 标题\n\n表1 指标 单位：公顷\n\n| 名称 | 值 |\n| :-- | --: |\n| 耕地 | 1 |\n| 甲\\|乙 | 2 |\n\n"
            "后文。\n<table><tr><th>类</th><th>量</th></tr><tr><td rowspan=2>林</td><td>3</td></tr>"
            "<tr><td>4</td></tr></table>\n末。\n".encode()
        )
    )
    first, second = source.tables
    assert (first.caption, first.unit) == ("表1 指标", "单位：公顷")
    assert source.text[slice(*first.span)] == "名称：耕地；值：1\n名称：甲|乙；值：2"
    assert source.text[slice(*second.span)] == "类：林；量：3\n类：林；量：4"
    assert source.text.startswith("# 标题\n") and source.text.endswith("末。\n")


def test_tables_in_code_and_lines_with_bars_stay_text(opened):
    text = "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n甲 | 乙\n---\n"
    source = read_markdown(opened(text.encode()))
    assert source.text == text and not source.tables


def test_plain_text_is_kept_to_the_letter(opened):
    assert read_text(opened("| 甲 |\n|---|\n".encode())).text == "| 甲 |\n|---|\n"


@given(st.text(alphabet="|-: \n甲乙a<table></tr>#`", max_size=120))
def test_any_markdown_is_read_with_spans_in_the_text(text):
    from pathlib import Path

    from knowledge_base.parse.opened import Opened

    try:
        source = read_markdown(Opened(Path("a.md"), text.encode()))
    except InputError:
        return
    ends = [0, *(edge for table in source.tables for edge in table.span), len(source.text)]
    assert ends == sorted(ends)
