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

_DATA = Path(__file__).parents[1] / "data" / "instruction_patterns.yaml"
_INVISIBLE = (
    "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\U000e0000-\U000e007f"
)
_HIDES = re.compile(
    "[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]|[\u200b-\u200d\u2060-\u2064]{8,}"
)
"""Characters that turn or hide text; a lone zero-width space is what web pages leave behind."""
_SPECIAL = re.compile(f"[{_INVISIBLE}Ａ-Ｚａ-ｚ]")
_DROPPED = re.compile(f"[{_INVISIBLE}]+")
BEFORE, BEHIND = 30, 90
"""Characters around a needle in which its pattern is looked for."""


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
def _needles() -> frozenset[str]:
    return frozenset(needle for pattern in patterns() for needle in pattern.needle)


@functools.lru_cache(maxsize=1)
def _needle_letters() -> frozenset[str]:
    return frozenset("".join(_needles()))


def bare(text: str) -> str:
    """Return a text as it is compared: no white space, no hidden characters, lower case."""
    return _bare(text, special=_SPECIAL.search(text) is not None)


def _bare(text: str, *, special: bool) -> str:
    if special:
        text = _DROPPED.sub("", unicodedata.normalize("NFKC", text))
    return "".join(text.split()).lower()


@dataclass(frozen=True)
class Screen:
    """What of the patterns can occur in a text at all: most texts need no second look."""

    expected: tuple[re.Pattern[str], ...]
    hidden: bool

    def __bool__(self) -> bool:
        return bool(self.expected) or self.hidden

    def marks(self, text: str) -> tuple[str, ...]:
        """Return the marks of a part of the text: 疑似指令, 隐藏字符."""
        flags = []
        words = bare(text) if self.expected else ""
        if any(regex.search(words) for regex in self.expected):
            flags.append(SUSPICIOUS)
        if self.hidden and _HIDES.search(text):
            flags.append(HIDDEN)
        return tuple(flags)


def screen(text: str) -> Screen:
    """Look through a whole text once."""
    special = _SPECIAL.search(text) is not None
    words = _bare(text, special=special)
    letters = {letter for letter in _needle_letters() if letter in words}
    present = {n for n in _needles() if letters.issuperset(n) and n in words}
    return Screen(
        tuple(
            pattern.regex
            for pattern in patterns()
            if any(_near(needle, pattern.regex, words) for needle in present & {*pattern.needle})
        ),
        special and _HIDES.search(text) is not None,
    )


def _near(needle: str, regex: re.Pattern[str], words: str) -> bool:
    """Return whether a pattern occurs around one of the places of a needle."""
    at = words.find(needle)
    while at >= 0:
        if regex.search(words, max(0, at - BEFORE), at + BEHIND):
            return True
        at = words.find(needle, at + len(needle))
    return False
