"""Bytes of a text file to characters: UTF-8, UTF-16 and the GB family, never by guess and loss."""

import codecs

from cspon.errors import InputError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode_text(content: bytes, *, file: object) -> str:
    """Decode a text file.

    Order: byte order mark, UTF-16 without mark (every second byte of ASCII is zero), UTF-8,
    GB18030 (which holds GBK and GB2312).

    Raises:
        InputError: none of them fits, or the file is binary.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return _decode(content, encoding, file)
    head = content[:2000]
    if head.count(0) > len(head) // 4:
        return _decode(content, "utf-16-be" if head[0] == 0 else "utf-16-le", file)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = _decode(content, "gb18030", file)
    if "\0" in text:
        raise _unreadable(file)
    return text


def _decode(content: bytes, encoding: str, file: object) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise _unreadable(file) from None


def _unreadable(file: object) -> InputError:
    return InputError(
        "无法识别文本编码（试过 UTF-8、UTF-16、GB18030），文件可能已损坏或不是文本",
        file=file,
        mend="请用记事本等软件另存为 UTF-8 或 GBK 文本后重试",
    )
