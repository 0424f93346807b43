"""Candidates: two sentences of one object with opposing words."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from agents.review.judge.goals import rare_words
from agents.review.judge.sentences import Candidate, Sentence, words

SHARED = 2
"""Rare words that two sentences must share to be of one object."""


def contradictions(said: Sequence[Sentence]) -> Iterator[Candidate]:
    """Yield pairs, those that share most first."""
    rare = rare_words(said)
    holders: dict[str, list[int]] = defaultdict(list)
    for number, sentence in enumerate(said):
        for term in sentence.terms & rare:
            holders[term].append(number)
    shared: dict[tuple[int, int], set[str]] = defaultdict(set)
    for term, numbers in holders.items():
        for at, first in enumerate(numbers):
            for second in numbers[at + 1 :]:
                shared[first, second].add(term)
    for (first, second), terms in sorted(shared.items(), key=lambda item: (-len(item[1]), item[0])):
        one, two = said[first], said[second]
        if len(terms) < SHARED or one.text == two.text:
            continue
        if _opposed(one.text, two.text):
            about = "、".join(sorted(terms, key=lambda term: (-len(term), term))[:4])
            yield Candidate("logic.contradiction", one.span, two.span, about)


def _opposed(one: str, two: str) -> bool:
    for left, right in words().opposites:
        for first, second in ((one, two), (two, one)):
            if re.search(left, first) and re.search(right, second) and not re.search(left, second):
                return True
    return False
