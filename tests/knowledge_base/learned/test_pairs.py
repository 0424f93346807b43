import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.learned.pairs import bare, letters, pair_hashes, pairs, parts


def test_pairs_skip_what_is_no_letter():
    assert pairs("占用，湿地 A") == ["占用", "用湿", "湿地", "地a"]


def test_bare_takes_out_titles_and_asking_words():
    about = letters(bare("根据《城乡规划法》，下列关于近期建设规划的表述，错误的是( )"))
    assert about == "近期建设规划的"


def test_parts_are_what_stands_between_marks_and_spaces():
    assert parts("城市总体规划的编制应当______。 与区域发展规划相衔接 公开") == [
        "城市总体规划的编制应当",
        "与区域发展规划相衔接",
    ]


def test_hashes_repeat_and_are_sorted():
    first = pair_hashes("乡村建设规划许可证")
    assert np.array_equal(first, pair_hashes("乡村建设规划许可证"))
    assert np.array_equal(first, np.unique(first))


@given(st.text())
def test_any_text_can_be_cut(text):
    assert all(len(pair) == 2 for pair in pairs(text))
    bare(text)
    parts(text)
    assert pair_hashes(text).dtype == np.uint32
