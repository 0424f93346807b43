import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.numerals import (
    article_key,
    article_label,
    article_order,
    format_numeral,
    parse_numeral,
)


@given(st.integers(1, 9999))
def test_numerals_round_trip(value):
    assert parse_numeral(format_numeral(value)) == value
    assert parse_numeral(str(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十", 10),
        ("二十", 20),
        ("一百零五", 105),
        ("一百一十", 110),
        ("一千零一十", 1010),
        ("一千二百四十二", 1242),
        ("二〇二六", 2026),
        ("３５", 35),
        ("两百", 200),
    ],
)
def test_parse_numeral(text, value):
    assert parse_numeral(text) == value


@pytest.mark.parametrize("text", ["", "土", "十土", "3a"])
def test_parse_numeral_refuses(text):
    with pytest.raises(ValueError):
        parse_numeral(text)


@pytest.mark.parametrize("value", [0, 10_000])
def test_format_numeral_has_limits(value):
    with pytest.raises(ValueError):
        format_numeral(value)


@pytest.mark.parametrize(
    ("label", "key"),
    [
        ("第三十五条", "35"),
        ("第35条第一款", "35"),
        ("第 一百三十三 条之一", "133-1"),
        ("全文", None),
        ("第条", None),
        ("附件1第一条", None),
        ("附件 2 第三条第一款", None),
        ("附录A第2条", None),
        ("附第一条", None),
        ("附则第七十条", "70"),
    ],
)
def test_article_key(label, key):
    assert article_key(label) == key


@given(st.integers(1, 1300), st.none() | st.integers(1, 12))
def test_label_round_trips(number, branch):
    key = f"{number}-{branch}" if branch else f"{number}"
    assert article_key(article_label(key)) == key


def test_branches_sort_after_their_article():
    assert sorted(["134", "133-1", "133", "9"], key=article_order) == ["9", "133", "133-1", "134"]
