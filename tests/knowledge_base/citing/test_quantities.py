from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.citing.quantities import find_quantities, number, unsupported
from knowledge_base.numerals import format_numeral


@pytest.mark.parametrize(
    ("text", "value", "measure"),
    [
        ("三十五公顷", 350_000, "平方米"),
        ("525亩", 350_000, "平方米"),
        ("0.35平方千米", 350_000, "平方米"),
        ("18.65亿亩", Fraction(3_730_000_000_000, 3), "平方米"),
        ("1,200.5万元", 12_005_000, "元"),
        ("百分之五", Fraction(1, 20), "比"),
        ("5%", Fraction(1, 20), "比"),
        ("５％", Fraction(1, 20), "比"),
        ("千分之三", Fraction(3, 1000), "比"),
        ("三分之二", Fraction(2, 3), "比"),
        ("零点五亩", Fraction(1000, 3), "平方米"),
        ("一年", 12, "月"),
        ("十二个月", 12, "月"),
        ("十五个工作日", 15, "工作日"),
        ("二十五度", 25, "度"),
        ("2019年8月26日", 20190826, "日期"),
        ("2019-08-26", 20190826, "日期"),
        ("二〇一九年八月二十六日", 20190826, "日期"),
        ("2019年", 20190000, "日期"),
        ("8月15日", 815, "日期"),
        ("第35号令发布50", 50, ""),
    ],
)
def test_a_quantity_is_read_in_its_measure(text, value, measure):
    [found] = find_quantities(text)
    assert (found.value, found.measure) == (value, measure)


@pytest.mark.parametrize(
    "text",
    [
        "第三十五条第一款第（二）项",
        "一般统一，其他一切",
        "自然资发〔2023〕234号",
        "GB/T 21010-2017",
        "第一百三十三条之一",
        "《2019年计划》",
        "",
    ],
)
def test_what_is_no_quantity_is_left_alone(text):
    assert find_quantities(text) == []


def test_a_range_shares_its_unit():
    assert [(q.value, q.measure) for q in find_quantities("三至五年，35-70公顷")] == [
        (36, "月"),
        (60, "月"),
        (350_000, "平方米"),
        (700_000, "平方米"),
    ]


@pytest.mark.parametrize(
    ("claim", "missing"),
    [
        ("超过525亩", ()),
        ("超过35公顷", ()),
        ("超过70公顷", ("70公顷",)),
        ("超过35亩", ("35亩",)),
        ("35", ()),
        ("36", ("36",)),
        ("2026年起", ()),
        ("2026年8月起", ()),
        ("8月15日起", ()),
        ("2026年8月16日", ("2026年8月16日",)),
        ("2025年8月15日", ("2025年8月15日",)),
        ("处5%的罚款", ()),
        ("处百分之十的罚款", ("百分之十",)),
        ("30日内", ("30日",)),
        ("第三十六条规定", ()),
    ],
)
def test_a_claim_is_held_against_its_clause(claim, missing):
    clause = "耕地超过三十五公顷的，自2026年8月15日起处百分之五的罚款，在三十个工作日内缴纳。"
    assert unsupported(claim, clause) == missing


@given(st.integers(1, 9999))
def test_chinese_and_arabic_numerals_are_the_same(value):
    assert number(format_numeral(value)) == number(str(value)) == value
    assert unsupported(f"{value}公顷", f"超过{format_numeral(value)}公顷") == ()
    assert unsupported(f"{value * 15}亩", f"超过{format_numeral(value)}公顷") == ()


@given(st.text(alphabet="一二三十百万点分之半年月日0123456789.,%〔〕第条号-至亩公顷 ", max_size=40))
def test_any_text_is_read_and_supports_itself(text):
    assert unsupported(text, text) == ()
