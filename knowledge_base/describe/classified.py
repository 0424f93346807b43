"""Secrecy marks in a file: 涉密 marks stop the ingest, 内部 marks raise the level.

A mark stands alone on its line, in a header or footer, in the file's name or its properties. Texts
that merely speak of 国家秘密 carry none.
"""

import re
from collections.abc import Iterator

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from knowledge_base.parse.source import SourceText

HEADER_LINES = 40
PAGE_LINES = 3
"""Lines at the top and the bottom of each page that may be its header and footer."""
MAX_MARK = 40
"""Characters of a line that can be a mark."""

_WORD = r"(?P<mark>绝[ 　]*密|机[ 　]*密|秘[ 　]*密)"
_TERM = r"(?:[ 　]*(?:\d{1,2}|[一二三四五六七八九十]{1,3})[ 　]*(?:年|个月)|[ 　]*长期|[ 　]*启用前|[ 　]*解密前)"
_ALONE = re.compile(
    rf"^[\s#*　【\[（(]*(?:(?:密[ 　]*级|保密等级|秘密等级)[ 　]*[:：]?[ 　]*)?{_WORD}"
    rf"[】\]）)]?(?:[ 　]*[★☆][ 　]*.{{0,12}}|{_TERM}|[ 　]+(?:特急|加急|特提|平急))?[\s*　】\]）)]*$"
)
_DECLARED = re.compile(
    rf"(?:密[ 　]*级|保密等级|秘密等级)[ 　]*[:：][ 　]*{_WORD}(?![ 　]*[、/或，,])"
)
_STARRED = re.compile(rf"{_WORD}[ 　]*[★☆]")
_NAMED = re.compile(
    rf"(?:^|[\[【（(_\-\s《]){_WORD}(?:[★☆]?{_TERM}?)(?=$|[\]】）)_\-\s★☆.])|{_WORD.replace('mark', 'star')}[★☆]"
)
_INTERNAL = re.compile(
    r"^[\s#*（(【\[]*(?:[本此该][\u4e00-\u9fff]{0,6}?)?(?:仅供|属|属于|为)?"
    r"(?:内部(?:资料|使用|文件|材料|参考|传阅|掌握)|工作秘密|不得(?:对外)?公开|不予公开|不公开|不得外传|请勿外传"
    r"|密[ 　]*级[ 　]*[:：][ 　]*内部)[^。；，]{0,16}(?:[，,][^。；，]{0,12})?[。！!]?[）)】\]\s*]*$"
)
_INTERNAL_NAME = re.compile(
    r"内部(?:资料|使用|文件|材料|参考)|(?:^|[\[【（(_\-\s])内部(?=[\]】）)_\-\s]|$)|不公开"
)


def refuse_classified(source: SourceText, name: str) -> None:
    """Stop at a 涉密 mark.

    Args:
        source: The text with pages and properties.
        name: File name.

    Raises:
        InputError: marked; the message does not repeat the text.
    """
    match = _NAMED.search(name.rpartition("/")[2])
    where = "文件名"
    if match is None:
        where = "文件属性"
        match = next((m for value in source.properties.values() for m in _in_property(value)), None)
    if match is None:
        where = "正文"
        match = _in_text(source)
    if match is None:
        return
    found = match.groupdict()
    mark = re.sub(r"[\s　]+", "", found.get("mark") or found.get("star") or "")
    raise InputError(
        f"{where}带有密级标志“{mark}”，涉密材料不得进入本系统",
        file=name,
        mend="按保密规定处理该文件；确系误标的，由定密责任人更正后再入库",
    )


def _in_property(value: str) -> Iterator[re.Match[str]]:
    for line in value.splitlines():
        if (len(line) <= MAX_MARK and (match := _ALONE.match(line) or _DECLARED.search(line))) or (
            match := _STARRED.search(line[:200])
        ):
            yield match


def _in_text(source: SourceText) -> re.Match[str] | None:
    text = source.text
    if "密" not in text:
        return None
    for line in _marking_lines(source):
        if match := _ALONE.match(line):
            return match
    for number in _places(text, "密"):
        line = text[text.rfind("\n", 0, number) + 1 : _line_end(text, number)]
        if len(line.strip()) <= MAX_MARK and (
            match := _STARRED.search(line) or _DECLARED.search(line)
        ):
            return match
    return None


def _places(text: str, word: str) -> Iterator[int]:
    """Yield an offset on each line that holds a word."""
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, _line_end(text, at))


def _line_end(text: str, offset: int) -> int:
    end = text.find("\n", offset)
    return len(text) if end < 0 else end


def _marking_lines(source: SourceText) -> Iterator[str]:
    """Yield the short lines of the document's head and of the pages' headers and footers."""
    text = source.text
    yield from _short(text[:8000], HEADER_LINES)
    for start, end in zip(source.page_starts, (*source.page_starts[1:], len(text)), strict=False):
        yield from _short(text[start : min(end, start + 400)], PAGE_LINES)
        yield from _short(text[max(start, end - 400) : end], PAGE_LINES, last=True)


def _short(text: str, most: int, *, last: bool = False) -> Iterator[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines[-most:] if last else lines[:most]:
        if len(line) <= MAX_MARK:
            yield line


def suggested_secrecy(source: SourceText, name: str) -> Secrecy:
    """Return 内部 for a file that calls itself so (内部资料, 不得公开), else 公开."""
    if _INTERNAL_NAME.search(name.rpartition("/")[2]):
        return Secrecy.INTERNAL
    lines = [
        *_marking_lines(source),
        *_short(source.text[-600:], 12, last=True),
        *(line for value in source.properties.values() for line in _short(value[:400], 5)),
    ]
    return Secrecy.INTERNAL if any(_INTERNAL.match(line) for line in lines) else Secrecy.PUBLIC
