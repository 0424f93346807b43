import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from knowledge_base.citing.quote import (
    ACCEPTED,
    PROTECTED,
    SHORTEST,
    comparable,
    lookalikes,
    match_quote,
)
from knowledge_base.numerals import format_numeral

CLAUSE = (
    "征收下列土地的，由国务院批准：\n（一）永久基本农田；\n（二）永久基本农田以外的耕地超过三十五公顷的；\n"
    "（三）其他土地超过七十公顷的。\n征收前款规定以外的土地的，由省、自治区、直辖市人民政府批准。\n"
    "任何单位和个人不得擅自占用或者改变其用途，依照本法第三十五条的规定自2019年8月26日起执行。"
)


def test_comparable_changes_width_quotes_and_spaces_only():
    assert comparable("ＡＢ１２ “甲”，\n乙") == comparable('AB12"甲",乙')
    assert comparable("一") != comparable("二")
    assert comparable("35") != comparable("三十五")


@pytest.mark.parametrize(
    "quote",
    [
        "任何单位和个人不得擅自占用",
        "任何 单位和个人\n不得擅自占用或者改变其用途,依照",
        "２０１９年８月２６日起执行",
        "其他土地超过七十公顷的",
        "",
    ],
)
def test_word_for_word_is_one(quote):
    match = match_quote(quote, CLAUSE)
    assert (match.score, match.fits, match.difference) == (1.0, True, "")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("耕地超过三十五公顷的", "耕地超过七十公顷的"),
        ("永久基本农田以外的耕地超过三十五公顷的", "永久基本农田以外的耕地超过35公顷的"),
        ("永久基本农田以外的耕地超过三十五公顷的", "永久基本农田以外的耕地超过三十五亩的"),
        ("永久基本农田以外的耕地超过", "永久基本农田以外的耕地不超过"),
        (
            "依照本法第三十五条的规定自2019年8月26日起执行",
            "依照本法第三十六条的规定自2019年8月26日起执行",
        ),
        (
            "依照本法第三十五条的规定自2019年8月26日起执行",
            "依照本法第三十五条的规定自2020年8月26日起执行",
        ),
        ("任何单位和个人不得擅自占用或者改变其用途", "任何单位和个人可以擅自占用或者改变其用途"),
        ("任何单位和个人不得擅自占用或者改变其用途", "任何单位和个人不得擅自占用和改变其用途"),
        ("由省、自治区、直辖市人民政府批准", "由市、自治区、直辖市人民政府批准"),
        ("征收前款规定以外的土地的，由省、自治区", "征收前款规定以内的土地的，由省、自治区"),
        ("征收下列土地的，由国务院批准", "征收下列土地的，由国务院备案"),
    ],
)
def test_what_carries_the_rule_is_never_fuzzy(right, wrong):
    assert match_quote(right, CLAUSE).fits
    match = match_quote(wrong, CLAUSE)
    assert not match.fits
    assert match.score < 1


@pytest.mark.parametrize(
    ("quote", "fits"),
    [
        ("五公顷的", False),  # cut out of 三十五公顷
        ("得擅自占用或者改变其用途", False),  # cut from behind 不
        ("其他土地超过七", False),
        ("019年8月26日", False),
        ("擅自占用或者改变其用途", True),
    ],
)
def test_a_number_or_a_negation_is_not_cut(quote, fits):
    assert match_quote(quote, CLAUSE).fits is fits


def test_what_differs_is_told():
    match = match_quote("任何单位和个入不得擅自占用或者改变其用途依照本法", CLAUSE)
    assert match.fits
    assert match.words == "任何单位和个人不得擅自占用或者改变其用途，依照本法"
    assert "引文“入”，原文“人”" in match.difference


def test_nothing_alike_scores_low_and_shows_nothing():
    match = match_quote("城镇燃气管道的定期检验由经营企业负责", CLAUSE)
    assert (match.fits, match.words) == (False, "")
    assert match.score < 0.5
    assert not match_quote("有", "").fits


EXCUSED = {
    char: sorted(
        other
        for other, groups in lookalikes().items()
        if groups & lookalikes()[char] and other != char and other not in PROTECTED
    )
    for char in lookalikes()
    if char not in PROTECTED
}
POSITIONS = [i for i, c in enumerate(CLAUSE) if EXCUSED.get(c)]
MARKS = [i for i, c in enumerate(CLAUSE) if c in "，。；：、（）"]


@st.composite
def spans(draw):
    start = draw(st.integers(0, len(CLAUSE) - 40))
    return start, draw(st.integers(start + 30, len(CLAUSE)))


@given(spans(), st.data())
def test_noise_of_a_scan_is_tolerated(span, data):
    start, end = span
    chars = list(CLAUSE[start:end])
    assume(match_quote("".join(chars), CLAUSE).score == 1)
    inside = [i - start for i in POSITIONS if start + 6 <= i < end - 6]
    marks = [i - start for i in MARKS if start + 6 <= i < end - 6]
    swapped = (
        data.draw(st.lists(st.sampled_from(inside), max_size=3, unique=True)) if inside else []
    )
    lost = data.draw(st.lists(st.sampled_from(marks), max_size=3, unique=True)) if marks else []
    for i in swapped:
        chars[i] = data.draw(st.sampled_from(EXCUSED[chars[i]]))
    for i in lost:
        chars[i] = data.draw(st.sampled_from(["", " ", ",", "."]))
    for i in data.draw(st.lists(st.integers(0, len(chars) - 1), max_size=3)):
        chars[i] += "\n"
    noisy = "".join(chars)
    match = match_quote(noisy, CLAUSE)
    assert match.fits
    assert ACCEPTED <= match.score <= 1
    assert (match.score == 1) == (comparable(noisy) in comparable(CLAUSE))


@given(st.integers(1, 9999), st.integers(1, 9999), st.booleans())
def test_a_number_that_differs_contradicts_whatever_the_length(one, other, chinese):
    assume(one != other)
    write = format_numeral if chinese else str
    clause = (
        f"永久基本农田以外的耕地超过{{}}公顷的，由国务院批准，{'任何单位和个人都应当遵守，' * 20}"
    )
    match = match_quote(clause.format(write(other)), clause.format(write(one)))
    assert not match.fits


@given(st.sampled_from(sorted(PROTECTED - set(string.punctuation))), st.integers(5, 200), st.data())
def test_a_rule_word_that_comes_goes_or_changes_contradicts(char, place, data):
    words = "土地利用现状调查成果经验收合格后作为管理工作依据的基础资料" * 8
    clause = words[:place] + char + words[place:]
    action = data.draw(st.sampled_from(["drop", "change"]))
    replacement = "" if action == "drop" else data.draw(st.sampled_from(sorted(PROTECTED - {char})))
    wrong = words[:place] + replacement + words[place:]
    assume(comparable(wrong) not in comparable(clause))
    assert not match_quote(wrong, clause).fits


@given(st.text(max_size=60), st.text(max_size=200))
def test_any_texts_can_be_compared(quote, text):
    match = match_quote(quote, text)
    assert 0 <= match.score <= 1
    assert match.fits or match.score < 1
    if match.fits and comparable(quote):
        assert len(comparable(quote)) >= SHORTEST or comparable(quote) in comparable(text)


def test_a_very_long_quote_is_not_compared_character_by_character():
    text = CLAUSE * 100
    assert match_quote(text[10:9000], text).fits
    match = match_quote(text[10:9000].replace("公顷", "亩"), text)
    assert (match.fits, match.score) == (False, 0.0)
    assert "请分段核对" in match.difference
