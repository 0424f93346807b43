"""How well words that are said to stand in a clause fit what stands there.

Word for word after normalising is 1. A quote that went through recognition of a scan may differ in
characters of like shape, in punctuation, and in a lone character here and there: it fits with a
lower score, and the reader is shown the true words. What carries the rule never fits by likeness:
a number, a date, an article, 不得 for 可以, 省 for 县, 或 for 和. Then the quote is false.
"""

import functools
import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from cspon.errors import SetupError

LOOKALIKES = Path(__file__).parents[1] / "data" / "lookalikes.yaml"
SHORTEST = 12
"""A shorter quote is taken word for word: one character is too much of it."""
LONGEST = 2000
"""A longer quote is only looked for word for word: whole chapters are to be checked in parts."""
ACCEPTED = 0.9
"""Least score of a quote that counts as found. Own choice (verified: false): a page of clean print
recognised at 150 dpi scores above 0.98; a changed rule word never counts, whatever the score."""
SHOWN = 0.6
"""From this score on a false quote is shown beside the words that it comes near."""
LIKE, MARK, OTHER = 0.25, 0.1, 1.0
"""What a character of like shape, a punctuation mark and any other character cost."""

PROTECTED = frozenset(
    "零〇一二三四五六七八九十百千万亿两半几0123456789%‰.点"
    "不未无非勿莫禁止免除否得应当须必可宜能准许以上下内外前后超过低高少多至起满最"
    "国省市县区乡镇村级部厅局或和与及且并但均各全只仅年月日天亩公顷米里元倍条款项第"
)
"""Characters that carry a rule: numbers, negation, duty and leave, bounds, levels, and/or, units."""

_NUMERALS = "零〇一二三四五六七八九十百千万亿0123456789"
_NEGATIONS = "不未非无勿莫"
_FULL_TO_HALF = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_QUOTES = str.maketrans("“”‘’「」『』", "\"\"''\"\"''")
_SPACE = re.compile(r"[\s\u200b\ufeff]+")
_PUNCTUATION = re.compile(r"[^\w%‰]|_")
_EDGES = re.compile(r"^[^\w]+|[^\w%‰]+$")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[.,:/-](?=\d)")


@dataclass(frozen=True)
class QuoteMatch:
    """The outcome of comparing a quote with a text."""

    score: float
    """0–1; 1 is word for word after normalising."""
    fits: bool
    words: str = ""
    """The words of the text that the quote stands for, or comes near."""
    difference: str = ""
    """What differs, in Chinese; empty when nothing."""


def comparable(text: str) -> str:
    """Normalise white space, quotation marks and full/half width, and nothing else."""
    return _SPACE.sub("", text.translate(_FULL_TO_HALF).translate(_QUOTES))


def match_quote(quote: str, text: str) -> QuoteMatch:
    """Compare a quote with a text.

    Args:
        quote: Words that are said to stand in the text.
        text: The text.
    """
    wanted, given = comparable(quote), comparable(text)
    if not wanted or _stands(wanted, given):
        return QuoteMatch(1.0, fits=True, words=quote)
    if wanted in given:
        return QuoteMatch(0.999, fits=False, difference="引文截断了原文的数字或者否定词")
    if len(wanted) > LONGEST:
        return QuoteMatch(0.0, fits=False, difference=f"引文超过{LONGEST}字且不一致，请分段核对")
    wanted = _EDGES.sub("", wanted) or wanted
    printed = _SPACE.sub("", text)
    if len(printed) != len(given):
        printed = given
    start, end = _window(wanted, given)
    found = given[start:end]
    cost, changed, differences = _compare(wanted, found, printed[start:end])
    score = round(max(0.0, 1 - cost / len(wanted)), 3)
    fits = not changed and score >= ACCEPTED and len(wanted) >= SHORTEST
    near = fits or score >= SHOWN
    return QuoteMatch(
        score=min(score, 0.999),
        fits=fits,
        words=printed[start:end] if near else "",
        difference="、".join(differences[:5]) if near else "",
    )


def _stands(wanted: str, given: str) -> bool:
    """Whether the words stand in the text, not cut out of a number or from behind a negation."""
    start = given.find(wanted)
    while start >= 0:
        before, after = given[max(0, start - 1) : start], given[start + len(wanted) :][:1]
        cut_number = _numeral(before + wanted[0]) or _numeral(wanted[-1] + after)
        if not cut_number and (not before or before not in _NEGATIONS):
            return True
        start = given.find(wanted, start + 1)
    return False


def _numeral(pair: str) -> bool:
    """Whether two neighbours are both of a number."""
    return len(pair) == 2 and all(char in _NUMERALS for char in pair)


def _window(wanted: str, given: str) -> tuple[int, int]:
    """Return where in `given` the words that `wanted` comes nearest to begin and end."""
    found = fuzz.partial_ratio_alignment(wanted, given) if len(given) > len(wanted) else None
    first, last = (found.dest_start, found.dest_end) if found else (0, len(given))
    pad = min(64, max(8, len(wanted) // 8))
    low, high = max(0, first - pad), min(len(given), last + pad)
    starts, ends = range(low, min(first + pad, high) + 1), range(high, max(last - pad, low) - 1, -1)
    start = min(starts, key=lambda place: Levenshtein.distance(wanted, given[place:high]))
    end = min(ends, key=lambda place: Levenshtein.distance(wanted, given[start:place]))
    return start, max(start, end)


def _compare(wanted: str, found: str, printed: str) -> tuple[float, bool, list[str]]:
    """Return the cost, whether a rule word or more than a lone character changed, and what differs."""
    cost, changed, differences = 0.0, False, []
    guarded, guarded_there = _protected_points(wanted), _protected_points(found)
    alone = -SHORTEST
    """Where the last change that likeness does not explain ended."""
    for (start, end), (first, last) in _changes(wanted, found):
        one, other = wanted[start:end], found[first:last]
        differences.append(f"引文“{one}”，原文“{printed[first:last]}”")
        if guarded & set(range(start, end)) or guarded_there & set(range(first, last)):
            changed = True
        letters, others = _PUNCTUATION.sub("", one), _PUNCTUATION.sub("", other)
        if letters == others:
            cost += MARK * max(len(one), len(other))
        elif len(letters) == len(others) and all(map(_alike, letters, others)):
            cost += LIKE * len(letters)
        else:
            size = max(len(letters), len(others))
            cost += OTHER * size
            changed = changed or size > 1 or start - alone < SHORTEST
            alone = end
    return cost, changed, differences


def _changes(wanted: str, found: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the spans that differ, in both texts; changes side by side are one."""
    spans: list[tuple[tuple[int, int], tuple[int, int]]] = []
    for code in Levenshtein.opcodes(wanted, found):
        if code.tag == "equal":
            continue
        start, first = code.src_start, code.dest_start
        if spans and (spans[-1][0][1], spans[-1][1][1]) == (start, first):
            (start, _), (first, _) = spans.pop()
        spans.append(((start, code.src_end), (first, code.dest_end)))
    return spans


def _protected_points(text: str) -> frozenset[int]:
    """Return the offsets of characters that carry the rule."""
    return frozenset(i for i, char in enumerate(text) if char in PROTECTED and char != ".") | {
        match.start() for match in _BETWEEN_DIGITS.finditer(text)
    }


def _alike(one: str, other: str) -> bool:
    groups = lookalikes()
    return one == other or bool(groups.get(one, frozenset()) & groups.get(other, frozenset()))


@functools.lru_cache(maxsize=1)
def lookalikes() -> dict[str, frozenset[int]]:
    """Return the groups of like characters that each character belongs to.

    Raises:
        SetupError: the data file is not a list of groups.
    """
    data = yaml.safe_load(LOOKALIKES.read_text(encoding="utf-8"))
    if not isinstance(data, list) or not all(isinstance(g, str) and len(g) > 1 for g in data):
        raise SetupError(f"{LOOKALIKES} 应为形近字组的列表", mend="改正该文件")
    groups: dict[str, frozenset[int]] = {}
    for number, group in enumerate(data):
        for char in group:
            groups[char] = groups.get(char, frozenset()) | {number}
    return groups
