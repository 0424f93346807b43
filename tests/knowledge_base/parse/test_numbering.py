import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.numerals import parse_numeral
from knowledge_base.parse.numbering import chinese_numeral, format_number


@pytest.mark.parametrize(
    ("number", "form", "text"),
    [
        (12, "chineseCountingThousand", "十二"),
        (105, "chineseCounting", "一百零五"),
        (1242, "japaneseCounting", "一千二百四十二"),
        (21, "chineseLegalSimplified", "贰拾壹"),
        (3, "decimalEnclosedCircleChinese", "③"),
        (28, "lowerLetter", "bb"),
        (14, "upperRoman", "XIV"),
        (2, "ideographTraditional", "乙"),
        (7, "decimalZero", "07"),
        (7, "decimalFullWidth", "７"),
        (7, "bullet", ""),
        (7, "somethingNew", "7"),
    ],
)
def test_numbers_are_written_as_word_writes_them(number, form, text):
    assert format_number(number, form) == text


@given(st.integers(0, 9999))
def test_chinese_numerals_read_back(number):
    assert parse_numeral(chinese_numeral(number)) == number
