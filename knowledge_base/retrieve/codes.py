"""Codes of land use and names of layers that a question speaks of, and the passages that use them.

A number is a code only where the words beside it say so (代码 07, 0701 是什么地类): never a year, an area
or the number of an article. What the words are stands in `data/identifiers.yaml`.
"""

import functools
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Passage
from knowledge_base.lexical import DATA

MOST_ALIKE = 9
"""Classes under one of the sea (1901–1909, 2001–2009): further numbers of this shape are years."""
_CODE = r"(?:[01]\d|2[0-4])(?:\d{2}){0,2}[A-Z]?"
_RUN = re.compile(
    rf"(?<![0-9A-Za-z.\-/〔\[第_]){_CODE}(?:[ 、和与及或/,至到~-]+{_CODE})*(?![0-9A-Za-z.%\-/_])"
)
_LATIN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]{2,}(?![A-Za-z0-9])")
_YEAR = re.compile(r"(?:19|20)\d{2}")
_NOT_PINYIN = frozenset("AEIOUV")
"""I, U and V begin no syllable of pinyin, the others hardly one; English abbreviations are full of them."""
_STANDARD = re.compile(r"\s*(?:/\s*[TZ])?[\s—-]*\d")
"""Behind the letters of a standard's number, CJJ/T 85."""
_END = re.compile(r"$|[\s，。、？?！!；;：:,)\]”\"』」]")


class _Words(Frozen):
    code_words: tuple[str, ...]
    land_words: tuple[str, ...]
    between: tuple[str, ...]
    behind: tuple[str, ...]
    layer_words: tuple[str, ...]
    abbreviations: frozenset[str]


@dataclass(frozen=True)
class _Patterns:
    """The words as they stand before and behind a number."""

    strong_before: re.Pattern[str]
    strong_behind: re.Pattern[str]
    weak_before: re.Pattern[str]
    weak_behind: re.Pattern[str]
    goes_on: re.Pattern[str]
    layer_before: re.Pattern[str]
    layer_behind: re.Pattern[str]
    abbreviations: frozenset[str]


@functools.lru_cache(maxsize=1)
def _patterns() -> _Patterns:
    path = DATA / "identifiers.yaml"
    try:
        words = _Words.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise SetupError(f"代码用语表 {path} 有误：{error}", mend="恢复该文件") from error
    open_, close = r"[\s“\"『「(:：]*", r"[\s”\"』」)]*"
    linked = rf"(?:{_any(words.between)})?"
    strong, weak, layer = (_any(w) for w in (words.code_words, words.land_words, words.layer_words))
    return _Patterns(
        re.compile(rf"(?:{strong})\s*{linked}{open_}$"),
        re.compile(rf"^{close}{linked}\s*(?:这个|一类|哪个)?(?:{strong})"),
        re.compile(rf"(?:{weak})\s*{linked}{open_}$"),
        re.compile(rf"^{close}{linked}\s*(?:这个|一类)?(?:{weak})"),
        re.compile(rf"^{close}(?:{_END.pattern}|{_any(words.behind)})"),
        re.compile(rf"(?:{layer})\s*{linked}{open_}$"),
        re.compile(rf"^{close}{linked}\s*(?:这个)?(?:{layer})"),
        words.abbreviations,
    )


def _any(words: tuple[str, ...]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def codes_in(query: str) -> tuple[str, ...]:
    """Return the codes and layer names that a question speaks of, in capitals, in order.

    Args:
        query: What the user typed.
    """
    text = unicodedata.normalize("NFKC", query)
    found = [*_numbers(text), *_layers(text)]
    return tuple(dict.fromkeys(code for _, code in sorted(found)))


def _numbers(text: str) -> Iterator[tuple[int, str]]:
    words = _patterns()
    for run in _RUN.finditer(text):
        before, behind = text[: run.start()], text[run.end() :]
        strong = bool(
            (words.strong_before.search(before) and words.goes_on.match(behind))
            or words.strong_behind.match(behind)
        )
        weak = bool(
            (words.weak_before.search(before) and words.goes_on.match(behind))
            or words.weak_behind.match(behind)
        )
        for match in re.finditer(_CODE, run[0]):
            if _counts(match[0], strong=strong, weak=weak):
                yield run.start() + match.start(), match[0]


def _counts(code: str, *, strong: bool, weak: bool) -> bool:
    """Return whether a number is a code, given the kind of word beside it."""
    if not strong and not weak:
        return False
    if code.startswith("00") and len(code) == 2:
        return False
    if _YEAR.fullmatch(code):
        return strong and 1 <= int(code[2:]) <= MOST_ALIKE
    return strong or code.startswith("0") or len(code) > 2


def _layers(text: str) -> Iterator[tuple[int, str]]:
    words = _patterns()
    for match in _LATIN.finditer(text):
        name = match[0].upper()
        letters = name.rstrip("0123456789")
        if letters in words.abbreviations or len(letters) < 3:
            continue
        said = words.layer_before.search(text[: match.start()]) or words.layer_behind.match(
            text[match.end() :]
        )
        pinyin = match[0] == name == letters and not _NOT_PINYIN & set(letters)
        if _STANDARD.match(text[match.end() :]):
            continue
        if said or pinyin:
            yield match.start(), name


def use_of(code: str, passage: Passage) -> int:
    """Say how a passage uses a code: 2 as one (代码：07, 07 居住用地), 1 it stands there, 0 it does not."""
    text = "\n".join((passage.title, *passage.heading_path, passage.text))
    standing = re.compile(rf"(?<![0-9A-Za-z.\-/]){re.escape(code)}(?![0-9A-Za-z.%])", re.IGNORECASE)
    if not code[0].isdigit():
        return 2 if standing.search(text) else 0
    best = 0
    for match in standing.finditer(text):
        before, behind = text[: match.start()].rstrip(), text[match.end() : match.end() + 8]
        if _patterns().strong_before.search(before) or re.match(r"\s*[:：；;|、-]?\s*名称", behind):
            return 2
        begins = not before or before[-1] in "\n。；;|：:（(" or match.start() > len(before)
        if begins and re.match(r"\s{0,3}(?![年月日时])[\u4e00-\u9fff]{2}", behind):
            return 2
        best = 1
    return best
