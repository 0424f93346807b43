"""Titles of laws and documents as people write them, reduced to one key.

《中华人民共和国土地管理法》（2019年修正）, 土地管理法 and 土管法 all name the same document.
"""

import functools
import re
from pathlib import Path

import yaml

from cspon.errors import SetupError

_ABBREVIATIONS = Path(__file__).parent / "data" / "abbreviations.yaml"
_VERSION_MARK = re.compile(
    r"[(（](?:\d{4}(?:[-年.]\d{1,2}(?:[-月.]\d{1,2}日?)?)?|[^()（）]{0,12}\d{4}年?)[^()（）]{0,8}[)）]$"
)
_CARRIED = re.compile(
    r"(?:印发|发布|公布|颁布|转发)(?:修订后的|新修订的)?《(?P<title>(?:[^《》]|《[^《》]*》)+)》[^《》]{0,12}的?(?:通知|公告|决定|令|通告)"
)
_MARKS = re.compile(r"[\s\u200b\ufeff《》〈〉「」『』“”\"]+")
_BRACKETS = str.maketrans("（）〔〕［］[]【】，", "()()()()(),")
PREFIX = "中华人民共和国"


def title_key(title: str) -> str:
    """Reduce a title to its key: no book-title marks, spaces, state prefix or version mark.

    Draft and trial marks such as （试行） stay: they are part of the name.
    """
    text = _MARKS.sub("", title)
    text = _VERSION_MARK.sub("", text).translate(_BRACKETS)
    short = text.removeprefix(PREFIX)
    return short or text


def canonical_key(title: str) -> str:
    """Return the key of a title or of a well-known short name."""
    key = title_key(title)
    return abbreviations().get(key, key)


def carried_title(title: str) -> str | None:
    """Return what a notice carries: 关于印发《甲办法》的通知 → 甲办法; None for any other title."""
    match = _CARRIED.search(title)
    return match["title"] if match else None


def number_key(number: str) -> str:
    """Reduce a document number to its key: 自然资发〔2023〕234号 = 自然资发[2023]234号."""
    return re.sub(r"\s+", "", number).translate(_BRACKETS)


@functools.lru_cache(maxsize=1)
def abbreviations() -> dict[str, str]:
    """Return the short names as key → key of the full title.

    Raises:
        SetupError: the data file is not a mapping of names.
    """
    data = yaml.safe_load(_ABBREVIATIONS.read_text(encoding="utf-8"))
    if not isinstance(data, dict) or not all(
        isinstance(k, str) and isinstance(v, str) for k, v in data.items()
    ):
        raise SetupError(f"{_ABBREVIATIONS} 应为“简称: 全称”的映射", mend="改正该文件")
    return {title_key(short): title_key(full) for short, full in data.items()}
