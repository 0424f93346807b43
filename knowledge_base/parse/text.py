"""Markdown and plain text, in UTF-8 (with or without mark), UTF-16 or GB18030 (GBK)."""

import codecs
from pathlib import Path

from cspon.errors import InputError
from knowledge_base.parse.source import SourceText


def read_text(path: Path) -> SourceText:
    """Read a text file.

    Raises:
        InputError: binary, or in none of the encodings.
    """
    data = path.read_bytes()
    return SourceText(text=decode(data, path))


def decode(data: bytes, path: Path) -> str:
    """Decode by byte-order mark, else as UTF-8, else as GB18030.

    Raises:
        InputError: none fits.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
        if b"\0" in data:
            encodings = []
    for encoding in encodings:
        try:
            return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
        except UnicodeDecodeError:
            continue
    raise InputError(
        "不是文本文件，或编码不是 UTF-8、UTF-16、GBK", file=path, mend="另存为 UTF-8 文本后重试"
    )
