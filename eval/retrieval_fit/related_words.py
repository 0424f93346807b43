"""Learn which statute words stand in the clauses that lay words ask for.

Association by log-likelihood ratio (Dunning, Computational Linguistics 1993) between the words of a
question and the words of its governing clauses, over labelled questions.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from knowledge_base.lexical import tokens

LEAST_TOGETHER = 4
LEAST_CLAUSES = 3
"""Different clauses that a pair must have come from: one clause asked about often is no usage."""
LEAST_RATIO = 15.0
"""Log-likelihood ratio; 10.8 is p = 0.001 for one pair, and many pairs are tried."""
LEAST_LIFT = 4.0
MOST_QUESTIONS = 0.03
MOST_CLAUSES = 0.1
"""A word in more than this share of the questions, or of their clauses, says nothing of a subject."""
MOST_OTHERS = 5

Table = dict[str, tuple[tuple[str, float], ...]]


def words_of(text: str) -> frozenset[str]:
    """Return the dictionary words of a text of two characters or more."""
    return frozenset(w for w in tokens(text)[0] if len(w) > 1 and not w.isascii())


def learn_related(questions: Sequence[str], clauses: Sequence[Iterable[str]]) -> Table:
    """Return word → (statute word, weight).

    Args:
        questions: Texts of labelled questions.
        clauses: Texts of each one's governing clauses.
    """
    asked = [words_of(q) for q in questions]
    told = [frozenset(w for text in texts for w in words_of(text)) for texts in clauses]
    total = len(asked)
    asked_count = Counter(w for row in asked for w in row)
    told_count = Counter(w for row in told for w in row)
    together: dict[tuple[str, str], list[frozenset[str]]] = defaultdict(list)
    for mine, theirs in zip(asked, told, strict=True):
        for word in mine:
            if asked_count[word] <= MOST_QUESTIONS * total:
                for other in theirs - {word}:
                    together[word, other].append(theirs)
    found: dict[str, list[tuple[float, str, float]]] = {}
    for (word, other), sources in together.items():
        both = len(sources)
        if both < LEAST_TOGETHER or told_count[other] > MOST_CLAUSES * total:
            continue
        lift = both * total / (asked_count[word] * told_count[other])
        ratio = log_likelihood(both, asked_count[word], told_count[other], total)
        if lift < LEAST_LIFT or ratio < LEAST_RATIO or len(set(sources)) < LEAST_CLAUSES:
            continue
        weight = min(1.0, both / asked_count[word])
        found.setdefault(word, []).append((ratio, other, round(weight, 2)))
    return {
        word: tuple(
            (other, weight) for _, other, weight in sorted(rows, reverse=True)[:MOST_OTHERS]
        )
        for word, rows in found.items()
    }


def log_likelihood(both: int, first: int, second: int, total: int) -> float:
    """Return the ratio −2 log λ of a 2 × 2 table of counts."""
    cells = (both, first - both, second - both, total - first - second + both)
    margins = (
        (first, second),
        (first, total - second),
        (total - first, second),
        (total - first, total - second),
    )
    return 2 * sum(
        n * math.log(n * total / (a * b)) for n, (a, b) in zip(cells, margins, strict=True) if n > 0
    )
