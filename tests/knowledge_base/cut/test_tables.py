import re

import pytest

from knowledge_base.cut.chunk import split
from knowledge_base.cut.tables import MAX_CHARACTERS, PART_CHARACTERS
from knowledge_base.parse.source import SourceText, Table


def source(head, rows, tail="", caption="表3-1 规划指标表", unit="单位：公顷", html=None):
    body = "\n".join(rows)
    if html is None:
        cells = "".join(f"<tr><td>{row}</td></tr>" for row in rows)
        html = f"<table><tr><th>指标</th></tr>{cells}</table>"
    table = Table((len(head), len(head) + len(body)), html, caption, unit, len(rows))
    return SourceText(text=head + body + tail, tables=(table,))


PLAN = "# 某市国土空间总体规划（2021—2035年）\n\n## 第三章 指标\n\n规划指标见下表。\n\n表3-1 规划指标表\n单位：公顷\n"


def test_a_table_is_one_passage_with_caption_and_unit_and_is_not_repeated():
    given = source(PLAN, ["指标：耕地；值：100", "指标：林地；值：200"], "\n\n表后说明文字。\n")
    law = split(given, "规划.docx")
    before, table, after = law.passages
    assert (before.kind, table.kind, after.kind) == ("text", "table", "text")
    assert table.heading_path[-2:] == ("第三章 指标", "表3-1 规划指标表（单位：公顷）")
    assert table.text.splitlines()[0] == "表3-1 规划指标表"
    assert table.text.endswith("指标：林地；值：200")
    assert given.text[slice(*table.span)].strip() == table.text
    assert table.html.startswith("<table>")
    assert before.text == "规划指标见下表。"
    assert after.text == "表后说明文字。"


def test_a_table_without_a_caption_says_where_it_stands():
    law = split(source("# 报告\n\n正文。\n\n", ["甲：1"], caption="", unit=""), "报告.docx")
    assert law.passages[1].heading_path == ("报告", "表（第1个，原文无表题）")
    assert law.passages[1].text == "甲：1"


def test_a_table_in_an_article_leaves_the_article_whole():
    head = "# 某市田野办法\n\n2020年1月1日公布\n\n第一条 甲。\n\n第二条 标准如下：\n\n表1 标准表\n"
    given = source(
        head,
        ["第一条：不是条；值：1", "第三条 也不是条"],
        "\n\n前款标准每年更新。\n\n第三条 丙。\n",
        "表1 标准表",
        "",
    )
    law = split(given, "办法.docx")
    assert [p.article_key for p in law.passages if p.article_key] == ["1", "2", "3"]
    article = next(p for p in law.passages if p.article_key == "2")
    assert article.text == "标准如下：\n表1 标准表\n前款标准每年更新。"
    [table] = [p for p in law.passages if p.kind == "table"]
    assert table.heading_path == ("第二条", "表1 标准表")
    assert (table.article, table.article_key) == (None, None)


def test_a_very_long_table_is_cut_by_rows_that_are_named():
    rows = [f"指标：第{i}项；值：{i}；说明：常规" for i in range(1, 2001)]
    given = source(PLAN, rows, "\n表后。")
    parts = [p for p in split(given, "规划.xlsx").passages if p.kind == "table"]
    assert len(given.text) > MAX_CHARACTERS
    assert len(parts) > 5
    last = 0
    for part in parts:
        assert len(part.text) <= PART_CHARACTERS + 100
        first, stop = map(int, re.findall(r"\d+", part.heading_path[-1]))
        assert first == last + 1
        last = stop
        assert f"指标：第{first}项；" in part.text
        assert part.text.endswith(rows[stop - 1])
        assert part.html.startswith("<table><tr><th>指标</th></tr>")
        assert part.html.count("<td>") == stop - first + 1
        assert "表3-1 规划指标表（单位：公顷）" in part.heading_path
        assert given.text[slice(*part.span)].strip() == part.text
    assert last == 2000


def test_a_cut_table_does_not_tear_a_merged_cell():
    rows = [f"县：甲{i // 30}；乡：{i}；说明：{'长' * 40}" for i in range(600)]
    merged = '<td rowspan="30">甲</td>'
    cells = "".join(f"<tr>{'' if i % 30 else merged}<td>{i}</td></tr>" for i in range(600))
    given = source(PLAN, rows, html=f"<table><tr><th>县</th><th>乡</th></tr>{cells}</table>")
    parts = [p for p in split(given, "规划.xlsx").passages if p.kind == "table"]
    assert len(parts) > 2
    assert all(part.html.split("</tr>")[1].startswith('<tr><td rowspan="30">') for part in parts)


@pytest.mark.parametrize("html", ["", "<table><tr><td>一格</td></tr></table>"])
def test_html_that_does_not_fit_the_rows_is_left_out_of_parts(html):
    rows = [f"行：{i}；{'字' * 30}" for i in range(800)]
    parts = [
        p for p in split(source(PLAN, rows, html=html), "a.xlsx").passages if p.kind == "table"
    ]
    assert len(parts) > 1
    assert {p.html for p in parts} == {None}


def test_two_tables_keep_their_own_captions():
    text = "# 报告\n\n说明。\n\n表1 甲表\n甲：1\n\n表2 乙表\n乙：2\n"
    one, two = text.index("甲：1"), text.index("乙：2")
    tables = (Table((one, one + 3), "", "表1 甲表"), Table((two, two + 3), "", "表2 乙表"))
    passages = split(SourceText(text=text, tables=tables), "报告.docx").passages
    assert [p.text for p in passages] == ["说明。", "表1 甲表\n甲：1", "表2 乙表\n乙：2"]
    assert passages[1].html is None


def test_blocks_of_one_table_count_on():
    head, blocks, tables = "# 某表\n", [], []
    text = head
    for block in range(3):
        rows = [f"县：{block * 100 + i}；面积：{'1' * 20}" for i in range(100)]
        cells = "".join("<tr><td>甲</td><td>1</td></tr>" for _ in rows)
        html = f"<table><tr><th>县</th><th>面积</th></tr>{cells}</table>"
        tables.append(Table((len(text), len(text) + len("\n".join(rows))), html, rows=100))
        text += "\n".join(rows) + "\n"
        blocks.append(rows)
    parts = split(SourceText(text=text, tables=tuple(tables)), "表.xlsx").passages
    names = [p.heading_path[1:] for p in parts]
    assert names[0] == ("表（第1个，原文无表题）",)
    assert names[1] == ("表（第1个，原文无表题）", "第101—200行")
    assert names[2] == ("表（第1个，原文无表题）", "第201—300行")
    assert len({p.id for p in parts}) == 3


def test_the_header_line_and_empty_rows_are_no_rows():
    rows = ["表头：行；备注", *(f"行：{i}；{'字' * 30}" for i in range(800))]
    cells = "<tr><td> </td></tr>" + "".join(f"<tr><td>{i}</td></tr>" for i in range(800))
    html = f"<table><tr><th>行</th></tr>{cells}</table>"
    parts = [
        p for p in split(source(PLAN, rows, html=html), "a.xlsx").passages if p.kind == "table"
    ]
    assert "表头：行；备注" in parts[0].text
    assert parts[0].heading_path[-1].startswith("第1—")
    assert parts[-1].heading_path[-1].endswith("—800行")
    assert sum(p.html.count("<td>") for p in parts) == 800
