import pytest

from cspon.errors import InputError
from tools.geometry.decode import decode_text

TEXT = "[属性描述]\r\n坐标系=2000国家大地坐标系，㐂𠀀\r\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"]
)
def test_encodings(encoding):
    text = "abc=1\r\n" * 20 + TEXT  # UTF-16 without mark is told by its ASCII
    assert decode_text(text.encode(encoding), file="a.txt") == text


def test_gbk():
    text = "坐标系=2000国家大地坐标系"
    assert decode_text(text.encode("gbk"), file="a.txt") == text


@pytest.mark.parametrize(
    "content", [b"\xff\xff\xff\x80\x80", b"abc\0def" + b"x" * 50, b"\xef\xbb\xbf\xff"]
)
def test_binary_is_refused(content):
    with pytest.raises(InputError, match="编码") as caught:
        decode_text(content, file="a.txt")
    assert "a.txt" in str(caught.value)
