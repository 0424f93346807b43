import re

from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.parse.table import (
    Grid,
    caption_and_unit,
    column_names,
    grid_html,
    header_rows,
    is_unit_line,
    peel,
    row_lines,
)


def merged() -> Grid:
    return Grid(
        [
            ["地类", "面积", None, "备注"],
            [None, "2020", "2035", None],
            ["耕地", "100.5", "98.2", ""],
            [None, "3", "4", "含\n园地"],
        ],
        {(0, 0): (2, 1), (0, 1): (1, 2), (0, 3): (2, 1), (2, 0): (2, 1)},
    )


def test_a_header_of_two_rows_names_the_columns_and_merged_cells_count_for_every_row():
    grid = merged()
    assert header_rows(grid) == 2
    assert column_names(grid, 2) == ["地类", "面积/2020", "面积/2035", "备注"]
    assert [text for _, text in row_lines(grid)] == [
        "地类：耕地；面积/2020：100.5；面积/2035：98.2",
        "地类：耕地；面积/2020：3；面积/2035：4；备注：含 园地",
    ]


def test_html_keeps_spans_and_header_cells_and_escapes_the_rest():
    assert grid_html(merged()).startswith(
        '<table><tr><th rowspan="2">地类</th><th colspan="2">面积</th><th rowspan="2">备注</th></tr>'
    )
    html = grid_html(Grid([["<script>", "a&b"], ["1", "2\n3"]]))
    assert "<script>" not in html and "a&amp;b" in html and "2<br>3" in html


def test_a_form_without_header_keeps_key_and_value():
    grid = Grid([["项目", "某某工程"], ["地点", "某市某县"]])
    assert [t for _, t in row_lines(grid)] == ["项目：某某工程", "地点：某市某县"]


def test_columns_that_stay_empty_are_told():
    grid = Grid([["序号", "名称", "填报人"], ["1", "甲", ""]])
    assert row_lines(grid)[0][1] == "表头：序号；名称；填报人"
    assert [t for _, t in row_lines(Grid([["序号", "名称"], ["", ""]]))] == ["表头：序号；名称"]


def test_captions_and_units_as_documents_print_them():
    assert caption_and_unit("表3-1 国土空间规划指标表") == ("表3-1 国土空间规划指标表", "")
    assert caption_and_unit("表2　用地表（单位：公顷）") == ("表2　用地表", "单位：公顷")
    assert caption_and_unit("附表1 清单 单位：万元")[1] == "单位：万元"
    assert caption_and_unit("单 位：km²") == ("", "单位：km²")
    for other in ("表示同意", "表1列出了各类用地的面积。", "第三条 附表一并公布", ""):
        assert caption_and_unit(other)[0] == ""
    assert is_unit_line("（单位：公顷）") and not is_unit_line("责任单位：自然资源局，联系人张三")


def test_title_rows_inside_a_table_are_taken_off():
    grid = Grid(
        [["表1 面积表", None], ["", "单位：公顷"], ["地类", "面积"], ["耕地", "1"]],
        {(0, 0): (1, 2)},
    )
    titles, rest = peel(grid)
    assert titles == ["表1 面积表", "单位：公顷"]
    assert rest.values[0] == ["地类", "面积"] and not rest.spans


@given(st.lists(st.lists(st.text(max_size=6), min_size=3, max_size=3), min_size=1, max_size=6))
def test_no_word_of_a_table_is_lost(rows):
    grid = Grid(rows)
    words = {w for row in rows for cell in row for w in cell.split()}
    text = "\n".join(line for _, line in row_lines(grid))
    assert all(word in text for word in words)
    assert len(re.findall(r"<tr>", grid_html(grid))) == len(rows)
