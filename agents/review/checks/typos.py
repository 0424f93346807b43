"""Slips of the pen by the text's own words: 按罩 where the text says 按照 elsewhere, 落实实.

A slip is told where the written characters are no word, the text uses a word that differs from them by one
character of the same sound or shape, and the sentence falls into words more plainly with it.
"""

import logging
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jieba

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Block, Span
from agents.review.words import sounds_alike

HAN = re.compile(r"[一-鿿]{2,}")
COMMON = Path(__file__).parents[1] / "common_words.txt"
"""Words that national laws use often, and some of planning."""
LONGEST = 4
"""Characters of the longest word that is looked at."""
FUNCTION = "的一二三四五六七八九十未前后自本该其与和对于在为从至到等及或将由按以可应不得各每已又并且向则即约多少上下内外中间新旧"
"""Characters that stand alone more often than in words."""
USUAL = 50
"""Times from which on the dictionary knows two characters as a usual word."""
NUMERALS = "一二三四五六七八九十"


@cache
def _words() -> jieba.Tokenizer:
    jieba.setLogLevel(logging.ERROR)
    words = jieba.Tokenizer()
    words.initialize()
    return words


@cache
def _common() -> frozenset[str]:
    return frozenset(COMMON.read_text(encoding="utf-8").split())


def _alike(one: str, other: str, look: str) -> bool:
    """Say whether two characters sound alike, or look alike by a list of groups."""
    return sounds_alike(one, other) or any(one in g and other in g for g in look.split())


def slips(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find words with a wrong character, by the words that the text itself uses."""
    runs = [
        (block, match.start(), _words().lcut(match[0], HMM=False))
        for block in case.text.blocks
        for match in HAN.finditer(block.text)
    ]
    used = Counter(word for _, _, cut in runs for word in cut if 1 < len(word) <= LONGEST)
    near: dict[str, list[str]] = defaultdict(list)
    own = {word for word, times in used.items() if times >= parameters["times"]}
    for word in own | _common():
        for at in range(len(word)):
            near[f"{word[:at]}*{word[at + 1 :]}"].append(word)
    parts = Counter(
        run[at : at + size]
        for _, _, cut in runs
        for run in ["".join(cut)]
        for size in range(2, LONGEST + 1)
        for at in range(len(run) - size + 1)
    )
    for block, start, cut in runs:
        yield from _wrong(block, start, cut, near, own, parts, parameters)
        yield from _doubled(block, start, cut, parts, parameters["gain"])


def _wrong(
    block: Block,
    start: int,
    cut: list[str],
    near: dict[str, list[str]],
    own: set[str],
    parts: Counter[str],
    parameters: dict[str, Any],
) -> Iterator[Found]:
    gain, look = parameters["gain"], parameters["look_alike"]
    run, place = "".join(cut), 0
    for first in range(len(cut)):
        for last in range(first + 2, min(first + LONGEST, len(cut)) + 1):
            written = "".join(cut[first:last])
            if (
                len(written) > LONGEST
                or parts[written] > 1
                or (written in _words().FREQ and _words().FREQ[written])
            ):
                continue
            plain = not any(piece in FUNCTION for piece in cut[first:last])
            if _joined(run, place - 1) or _joined(run, place + len(written) - 1):
                continue
            for at, char in enumerate(written):
                for word in near.get(f"{written[:at]}*{written[at + 1 :]}", ()):
                    mended = run[:place] + word + run[place + len(written) :]
                    if (
                        (plain or word in own)
                        and _alike(char, word[at], look)
                        and word in (new := _words().lcut(mended, HMM=False))
                        and _cost(cut) - _cost(new) > (gain if plain else 2 * gain)
                    ):
                        yield Found(
                            Span(block.number, start + place, start + place + len(written)),
                            f"“{written}”疑为“{word}”之误", replacement=word, suggestion=f"改为“{word}”",
                        )  # fmt: skip
                        return
        place += len(cut[first])


def _joined(run: str, at: int) -> bool:
    """Say whether two neighbours of a run are a word: then no boundary is there."""
    return at >= 0 and bool(_words().FREQ.get(run[at : at + 2]))


def _doubled(
    block: Block, start: int, cut: list[str], parts: Counter[str], gain: float
) -> Iterator[Found]:
    run, place = "".join(cut), 0
    for word in cut[:-1]:
        place += len(word)
        again = run[place]
        known = parts[word + again] > 1 or parts[run[place : place + 2]] > 1
        known |= _words().FREQ.get(run[place : place + 2], 0) >= USUAL  # 大堤堤防
        if len(word) < 2 or again != word[-1] or known or again in NUMERALS:
            continue
        new = _words().lcut(run[:place] + run[place + 1 :], HMM=False)
        if _cost(cut) - _cost(new) > gain:
            yield Found(
                Span(block.number, start + place - len(word), start + place + 1),
                f"“{word}{again}”多一个“{again}”", replacement=word, suggestion=f"改为“{word}”",
            )  # fmt: skip


def _cost(cut: list[str]) -> float:
    """Return how unlikely a run of words is."""
    words = _words()
    return sum(math.log(words.total) - math.log(words.FREQ.get(word) or 0.5) for word in cut)
