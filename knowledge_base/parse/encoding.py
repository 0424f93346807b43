"""Bytes to text: UTF-8, UTF-16, GB18030, Big5; what was decoded wrongly before is mended or refused.

Text that went through a wrong decoding keeps its bytes in disguise (UTF-8 read as GBK gives 娴嬭瘯);
that is turned back. Where bytes were lost (锟斤拷, U+FFFD) nothing can be.
"""

import codecs
import functools
import re
from pathlib import Path

from cspon.errors import InputError, missing_extra

MEND = "另存为 UTF-8 文本后重试"
_SAMPLE = 20_000
_PLAUSIBLE = 0.7
"""Share of a simplified text's Chinese characters that stand in the first level of GB 2312."""
_LOST = ("锟斤拷", "\ufffd", "烫烫烫", "屯屯屯")
_LOST_SHARE = 0.002
_DISGUISED = "锛銆鐨鍦涓浜"
"""How ，、的在中人 begin when their UTF-8 is read as GBK."""
_STRANGE = re.compile("[\ue000-\uf8ff\u3040-\u30ff]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LATIN = re.compile(
    r"[\u0080-\u00ff\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u203a\u20ac\u2122]+"
)


def decode(data: bytes, path: Path) -> tuple[str, list[str]]:
    """Decode a text file, with line ends as \\n.

    Returns:
        The text, and notices of what was mended or stays doubtful.

    Raises:
        InputError: binary, in no known encoding, or garbled beyond repair.
    """
    text, notices = _decoded(data, path)
    text = text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    if len(_CONTROL.findall(text[:_SAMPLE])) * 100 > len(text[:_SAMPLE]):
        raise InputError("不是文本文件", file=path, mend=MEND)
    if "\0" in text:
        text = text.replace("\0", "")
    return mend_text(text, path, notices)


def _decoded(data: bytes, path: Path) -> tuple[str, list[str]]:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return _by(data, "utf-32", path), []
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _by(data, "utf-16", path), []
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""  # no UTF-8: the other encodings are tried below, and a text in none is refused
    else:
        if "\0" not in text[:_SAMPLE]:
            return text, []
    if b"\0" in data[:_SAMPLE]:
        return _unmarked_utf16(data, path), []
    if nearly := _nearly(data, "utf-8-sig"):
        return nearly, []
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        text = _nearly(data, "gb18030")
    if text and plausibility(text) >= _PLAUSIBLE:
        return text, []
    return _sniffed(data, text, path)


def _nearly(data: bytes, encoding: str) -> str:
    """Decode what has only a few wrong bytes; empty when there are more."""
    text = data.decode(encoding, "replace")
    lost = text.count("\ufffd")
    few = lost <= max(_LOST_SHARE * len(text), 3)
    return text if few and lost * 20 <= len(_CHINESE.findall(text[:_SAMPLE])) else ""


def _by(data: bytes, encoding: str, path: Path) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise InputError(
            f"文件以 {encoding.upper()} 标记开头，内容却不是", file=path, mend=MEND
        ) from error


def _unmarked_utf16(data: bytes, path: Path) -> str:
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        sample = text[:_SAMPLE]
        usual = sum(
            1
            for c in sample
            if c in "\r\n\t"
            or " " <= c < "\x7f"
            or "\u3000" <= c <= "\u9fff"
            or "\uff00" <= c <= "\uffef"
        )
        if usual * 10 >= len(sample) * 9:
            return text
    raise InputError("不是文本文件", file=path, mend=MEND)


def plausibility(text: str) -> float:
    """Return the share of Chinese characters that are common in simplified text; 1 without any."""
    sample = text[:_SAMPLE]
    characters = _CHINESE.findall(sample)
    if not characters:
        wide = sum(1 for c in sample if c > "\u00ff")
        return 1.0 if wide * 10 <= len(sample) else 0.0
    common = sum(map(_common().__contains__, characters))
    return common / (len(characters) + len(_STRANGE.findall(sample)))


@functools.lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    """Return the characters of level 1 of GB 2312: rows 16 to 55."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    return frozenset("".join(code.decode("gb2312", "ignore") for code in codes))


def _sniffed(data: bytes, as_gb18030: str, path: Path) -> tuple[str, list[str]]:
    """Decode what is neither UTF-8 nor usual GB18030: Big5 first, then by statistics."""
    try:
        text = data.decode("big5hkscs")
    except UnicodeDecodeError:
        text = ""
    if text and _traditional(text) > max(0.5, plausibility(as_gb18030) if as_gb18030 else 0.0):
        return text, ["文件编码为 Big5，已按繁体中文读取"]
    try:
        from charset_normalizer import from_bytes
    except ImportError as error:
        raise missing_extra("charset-normalizer", "parse") from error
    best = from_bytes(data[: 4 * _SAMPLE]).best()
    if best is not None and best.encoding not in ("gb18030", "gbk", "gb2312"):
        try:
            text = data.decode(best.encoding)
        except (UnicodeDecodeError, LookupError):
            text = ""
        if (
            text
            and plausibility(text) >= _PLAUSIBLE
            and len(_CHINESE.findall(text[:_SAMPLE])) * 5 > len(text[:_SAMPLE])
        ):
            return text, [f"文件编码按统计判断为 {best.encoding}，请核对"]
    if as_gb18030 and plausibility(as_gb18030) >= 0.4:
        return as_gb18030, ["文件编码按 GB18030 读取，生僻字偏多，请核对"]
    raise InputError("不是文本文件，或编码不是 UTF-8、UTF-16、GB18030、Big5", file=path, mend=MEND)


def _traditional(text: str) -> float:
    """Return the share of Chinese characters that are common in Big5 (its first level)."""
    characters = _CHINESE.findall(text[:_SAMPLE])
    common = 0
    for character in characters:
        code = character.encode("big5", "ignore")
        common += len(code) == 2 and 0xA4 <= code[0] <= 0xC6
    strange = sum(1 for c in text[:_SAMPLE] if "\ue000" <= c <= "\uf8ff")
    return common / (len(characters) + strange) if characters else 0.0


def mend_text(text: str, path: Path, notices: list[str]) -> tuple[str, list[str]]:
    """Turn back double encodings; refuse a text whose characters are lost.

    Raises:
        InputError: garbled beyond repair.
    """
    size = max(len(text), 1)
    lost = sum(text.count(mark) * len(mark) for mark in _LOST)
    if lost and lost / size > _LOST_SHARE and lost > 3:
        raise InputError(
            f"文件是乱码：约 {min(lost / size, 1):.1%} 的字符在以前的转码中已经丢失，无法复原",
            file=path,
            mend="从原始来源重新导出为 UTF-8",
        )
    if lost:
        notices.append(f"文中有 {lost} 个字符已丢失（乱码），引用前请核对原件")
    sample = text[:_SAMPLE]
    for known, undo in ((_looks_disguised, _from_gbk), (_looks_latin, _from_latin)):
        if known(sample):
            mended, bad = undo(text)
            if mended is not None and not known(mended[:_SAMPLE]):
                notices.append(
                    "文件曾被误转码，已复原" + (f"；其中 {bad} 行未能复原，请核对" if bad else "")
                )
                return mended, notices
            raise InputError(
                "文件是乱码（曾被误转码且无法复原）", file=path, mend="从原始来源重新导出为 UTF-8"
            )
    return text, notices


def _looks_disguised(sample: str) -> bool:
    """Return whether Chinese UTF-8 seems to have been read as GBK."""
    chinese = len(_CHINESE.findall(sample))
    if chinese < 2 or plausibility(sample) >= _PLAUSIBLE:
        return False
    marks = sum(sample.count(mark) for mark in _DISGUISED)
    return marks * 25 > chinese > 20 or _share_mended(sample) > 0.5


def _share_mended(sample: str) -> float:
    lines = [line for line in sample.split("\n")[:-1] or [sample] if _CHINESE.search(line)]
    return sum(1 for line in lines if _line_from_gbk(line) is not None) / max(len(lines), 1)


def _line_from_gbk(line: str) -> str | None:
    try:
        return line.encode("gb18030").decode("utf-8")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return None


def _from_gbk(text: str) -> tuple[str | None, int]:
    """Return the text before it was read as GBK and the lines that stay garbled; None if too many."""
    out, bad = [], 0
    lines = text.split("\n")
    for line in lines:
        mended = line if line.isascii() else _line_from_gbk(line)
        bad += mended is None
        out.append(line if mended is None else mended)
    return (None, bad) if bad * 10 > len(lines) else ("\n".join(out), bad)


def _looks_latin(sample: str) -> bool:
    """Return whether Chinese bytes seem to have been read as Latin-1 or Windows-1252."""
    latin = sum(len(run) for run in _LATIN.findall(sample) if len(run) > 1)
    return latin > 8 and latin * 4 > len(sample) and len(_CHINESE.findall(sample)) * 10 < latin


def _from_latin(text: str) -> tuple[str | None, int]:
    data = b"".join(_latin_byte(c) for c in text)
    for encoding in ("utf-8", "gb18030"):
        try:
            mended = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if plausibility(mended) >= _PLAUSIBLE:
            return mended, 0
    return None, 0


def _latin_byte(character: str) -> bytes:
    if character <= "\u00ff":
        return bytes([ord(character)])
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return character.encode("utf-8")
