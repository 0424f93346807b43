from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.parse.encoding import decode

FILE = Path("文件.txt")
TEXT = "第一条 为了加强国土空间规划管理，优化国土空间开发保护格局，制定本办法。\n第二条 本市行政区域内适用。\n"
TRADITIONAL = "第一條 為了加強國土空間規劃管理，優化國土空間開發保護格局，制定本辦法。\n第二條 本市行政區域內適用。\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"]
)
def test_chinese_encodings_are_read(encoding):
    assert decode(TEXT.encode(encoding), FILE) == (TEXT, [])


def test_big5_is_read_as_traditional_text():
    text, notices = decode(TRADITIONAL.encode("big5"), FILE)
    assert text == TRADITIONAL and "Big5" in notices[0]


def test_traditional_text_in_gb18030_stays_what_it_is():
    assert decode(TRADITIONAL.encode("gb18030"), FILE)[0] == TRADITIONAL


def test_line_ends_are_one_kind():
    assert decode("甲\r\n乙\r丙\n".encode(), FILE)[0] == "甲\n乙\n丙\n"


def test_utf8_read_as_gbk_is_turned_back():
    text = "国土空间规划编制审批\n永久基本农田划定成果\n"
    garbled = text.encode().decode("gb18030")
    assert "鍥" in garbled
    got, notices = decode(garbled.encode(), FILE)
    assert got == text and "误转码" in notices[0]


def test_utf8_read_as_gbk_with_bytes_lost_is_refused():
    garbled = TEXT.encode().decode("gb18030", "replace").replace("\ufffd", "?")
    with pytest.raises(InputError, match="误转码且无法复原"):
        decode(garbled.encode(), FILE)


@pytest.mark.parametrize("text", [TEXT, "规划管理，制定本办法"])
def test_utf8_read_as_latin_is_turned_back(text):
    got, notices = decode(text.encode().decode("latin-1").encode(), FILE)
    assert got == text and "误转码" in notices[0]


def test_gbk_read_as_latin_is_turned_back():
    garbled = TEXT.encode("gbk").decode("latin-1")
    assert decode(garbled.encode("utf-8"), FILE)[0] == TEXT


@pytest.mark.parametrize("mark", ["锟斤拷" * 10, "\ufffd" * 20, "烫烫烫" * 5])
def test_lost_characters_are_refused(mark):
    with pytest.raises(InputError, match="乱码"):
        decode((TEXT + mark).encode(), FILE)


def test_a_single_lost_character_is_told():
    _, notices = decode((TEXT * 40 + "\ufffd").encode(), FILE)
    assert "已丢失" in notices[0]


def test_names_like_a_double_encoding_stay_as_they_are():
    odd = "锛、銆、鐨是误读时常见的字，本文讨论编码。"
    assert decode(odd.encode(), FILE) == (odd, [])


@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02" * 50, b"\x7fELF\x02\x01\x01" + b"\0" * 40, b"\xff\xfe\x00"]
)
def test_binary_files_are_refused(data):
    with pytest.raises(InputError):
        decode(data, FILE)


@given(st.binary(max_size=300))
def test_any_bytes_give_text_or_an_input_error(data):
    try:
        text, _ = decode(data, FILE)
    except InputError:
        return
    assert "\r" not in text and "\0" not in text


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\0\ufeff"), max_size=80))
def test_utf8_never_changes_but_by_a_told_repair(text):
    try:
        got, notices = decode(text.encode(), FILE)
    except InputError:
        return
    assert got == text or notices


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_one_broken_byte_does_not_cost_the_file(encoding):
    data = bytearray((TEXT * 20).encode(encoding))
    data[7] = 0xFF
    text, notices = decode(bytes(data), FILE)
    assert text.endswith(TEXT) and "已丢失" in notices[0]
