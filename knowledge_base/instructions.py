"""Text that gives orders to a model, or hides words from the reader: kept as data, and marked."""

import functools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from cspon.errors import SetupError
from cspon.schemas.base import Frozen

SUSPICIOUS = "疑似指令"
HIDDEN = "隐藏字符"

_DATA = Path(__file__).parent / "data" / "instruction_patterns.yaml"
_INVISIBLE = (
    "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f"
)
_HIDES = re.compile(
    "[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]|[\u200b-\u200d\u2060-\u2064]{8,}"
)
"""Characters that turn or hide text; a lone zero-width space is what web pages leave behind."""
_DROPPED = re.compile(rf"[\s{_INVISIBLE}]+")
_WIDE = re.compile("[Ａ-Ｚａ-ｚ]")


class Pattern(Frozen):
    """One kind of order, with an example that it must find."""

    name: str
    needle: tuple[str, ...] = Field(min_length=1)
    pattern: str
    example: str

    @functools.cached_property
    def regex(self) -> re.Pattern[str]:
        """The compiled pattern."""
        return re.compile(self.pattern)


class _Patterns(Frozen):
    patterns: tuple[Pattern, ...]


@functools.lru_cache(maxsize=1)
def patterns() -> tuple[Pattern, ...]:
    """Return the patterns.

    Raises:
        SetupError: the data file is not of this shape, or an expression is wrong.
    """
    try:
        data = _Patterns.model_validate(yaml.safe_load(_DATA.read_text(encoding="utf-8")))
        for pattern in data.patterns:
            re.compile(pattern.pattern)
    except (OSError, yaml.YAMLError, ValidationError, re.error) as error:
        raise SetupError(f"{_DATA} 有误：{error}", mend="改正该文件") from error
    return data.patterns


@functools.lru_cache(maxsize=1)
def _by_needle() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((needle, p.regex) for p in patterns() for needle in p.needle)


def bare(text: str) -> str:
    """Return a text as it is compared: no white space, no hidden characters, lower case."""
    if _WIDE.search(text):
        text = unicodedata.normalize("NFKC", text)
    return _DROPPED.sub("", text).lower()


@dataclass(frozen=True)
class Screen:
    """What of the patterns can occur in a text at all: most texts need no second look."""

    expected: tuple[tuple[str, re.Pattern[str]], ...]
    hidden: bool

    def marks(self, text: str) -> tuple[str, ...]:
        """Return the marks of a part of the text: 疑似指令, 隐藏字符."""
        if not self.expected and not self.hidden:
            return ()
        flags = []
        words = bare(text) if self.expected else ""
        if any(needle in words and regex.search(words) for needle, regex in self.expected):
            flags.append(SUSPICIOUS)
        if self.hidden and _HIDES.search(text):
            flags.append(HIDDEN)
        return tuple(flags)


def screen(text: str) -> Screen:
    """Look through a whole text once."""
    words = bare(text)
    return Screen(
        tuple((needle, regex) for needle, regex in _by_needle() if needle in words),
        _HIDES.search(text) is not None,
    )
