from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.parse.cell_grid import CellGrid
from knowledge_base.parse.layout import TextLine, goes_on, reading_order, segments


def word(text, x, y, size=12.0, width=None):
    return [
        (y + size / 2, x + i * (width or size), x + (i + 1) * (width or size), y, y + size, size, c)
        for i, c in enumerate(text)
    ]


def test_characters_join_to_lines_with_spaces_where_words_stand_apart():
    chars = (
        word("第一条", 10, 10)
        + word("为了", 55, 10)
        + word("GB", 10, 40, width=6)
        + word("50137", 26, 40, width=6)
    )
    assert [run.text for run in segments(chars)] == ["第一条 为了", "GB 50137"]


def test_bold_made_by_printing_twice_is_read_once():
    assert [r.text for r in segments(word("规划", 10, 10) + word("规划", 10.4, 10))] == ["规划"]


def test_two_columns_are_read_one_after_the_other():
    chars = []
    for row in range(10):
        chars += word(f"左栏第{row}行有不少于十个字的正文", 40, 100 + 20 * row)
        chars += word(f"右栏第{row}行有不少于十个字的正文", 320, 100 + 20 * row)
    chars += word("横贯两栏的标题占去中间的位置", 220, 60)
    lines = [line.text[:4] for line in reading_order(segments(chars), 595)]
    assert lines == [
        "横贯两栏",
        *(f"左栏第{r}" for r in range(10)),
        *(f"右栏第{r}" for r in range(10)),
    ]


def test_a_form_stays_in_rows():
    chars = []
    for row in range(10):
        chars += word(f"项目{row}", 40, 100 + 20 * row) + word("某某", 320, 100 + 20 * row)
    assert [line.text for line in reading_order(segments(chars), 595)][:2] == [
        "项目0 某某",
        "项目1 某某",
    ]


def line(text, x0=72.0, x1=500.0, top=100.0, **given):
    return TextLine(text, x0, top, x1, top + 12, 12, left=72, right=500, **given)


def test_a_full_line_goes_on_and_others_do_not():
    full = line("永久基本农田经依法划定后任何单位和个人不得擅自占用或者改变", x0=96)
    after = line("其用途", x1=110, top=120)
    assert goes_on(full, after)
    assert not goes_on(full, line("第三条 其他", top=120))
    assert not goes_on(full, line("新段落缩进", x0=96, top=120))
    assert not goes_on(full, line("远处的一行", top=200))
    assert not goes_on(line("短行", x1=200), after)
    assert not goes_on(line("句子到此结束。"), after)
    assert not goes_on(line("表格 一行", apart=True), after)


def test_cells_with_spans_take_their_words():
    cells = [
        (0, 0, 100, 20),
        (0, 20, 50, 40),
        (50, 20, 100, 40),
        (0, 40, 50, 80),
        (50, 40, 100, 60),
        (50, 60, 100, 80),
    ]
    table = CellGrid(cells, 3)
    for text, x, y in (
        ("合并", 10, 4),
        ("甲", 10, 24),
        ("乙", 60, 24),
        ("纵", 10, 50),
        ("一", 60, 44),
        ("二", 60, 64),
    ):
        for char in word(text, x, y):
            assert table.take(char, char[1] + 1, char[0])
    grid = table.grid()
    assert grid.values == [["合并", None], ["甲", "乙"], ["纵", "一"], [None, "二"]]
    assert grid.spans == {(0, 0): (1, 2), (2, 0): (2, 1)}
    assert not table.take(word("外", 300, 300)[0], 306, 306)


floats = st.floats(0, 600, allow_nan=False)


@given(
    st.lists(st.tuples(floats, floats, st.floats(1, 40), st.sampled_from("甲乙a1 。")), max_size=60)
)
def test_no_character_is_lost(placed):
    chars = [(y + s / 2, x, x + s, y, y + s, s, c) for x, y, s, c in placed]
    text = "".join(line.text for line in reading_order(segments(chars), 600))
    given_kinds = {c for *_, c in placed if c != " "}
    assert given_kinds == set(text) - {" "}
