"""Lay words and the statute words that stand in the governing clauses: a table kept as data.

Two files of rows (word, statute word, weight 0–1, origin): `data/synonyms.tsv` holds our own
synonyms and hypernyms and is for people to edit; `learned/related.tsv` holds association statistics
of labelled questions (log-likelihood ratio of co-occurrence) and is fitted.
"""

import functools
from collections.abc import Mapping
from pathlib import Path

from cspon.errors import SetupError
from knowledge_base.lexical import SparseTokens, related_vector, tokens

LEARNED = Path(__file__).parent / "related.tsv"
WRITTEN = Path(__file__).parents[1] / "data" / "synonyms.tsv"
Related = Mapping[str, tuple[tuple[str, float], ...]]


@functools.lru_cache(maxsize=1)
def related_words() -> Related:
    """Return both tables: word → (statute word, weight)."""
    return with_written(read_related(LEARNED))


def with_written(learned: Related) -> Related:
    """Return a learned table with the written rows, which come first."""
    written = read_related(WRITTEN)
    return {
        word: (*written.get(word, ()), *learned.get(word, ()))
        for word in sorted(written.keys() | learned.keys())
    }


def read_related(path: Path) -> Related:
    """Read one file; empty when it is absent.

    Raises:
        SetupError: a line is not word, word, number, origin.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    if not path.is_file():
        return {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        try:
            word, other, weight, _ = line.split("\t")
            found.setdefault(word, []).append((other, float(weight)))
        except ValueError as error:
            raise SetupError(
                f"近义词表 {path} 第 {number} 行应为：词、法条用词、权重、来源（制表符分隔）",
                mend="改正该行",
            ) from error
    return {word: tuple(others) for word, others in found.items()}


def reworded(query: str) -> str:
    """Return a question with the statute words that people wrote down for its lay words."""
    written = written_words()
    found = dict.fromkeys(
        other for word, others in written.items() if word in query for other, _ in others
    )
    added = [other for other in found if other not in query]
    return f"{query} {' '.join(added)}" if added else query


@functools.lru_cache(maxsize=1)
def written_words() -> Related:
    """Return the written rows."""
    return read_related(WRITTEN)


def expansion(query: str, table: Related | None = None) -> SparseTokens:
    """Return the statute words that a question calls for, as a sparse query; empty for none."""
    table = related_words() if table is None else table
    own = set(tokens(query)[0])
    weights: dict[str, float] = {}
    for word in own | {w for w in table if len(w) > 1 and w in query}:
        for other, weight in table.get(word, ()):
            if other not in own:
                weights[other] = max(weight, weights.get(other, 0.0))
    return related_vector(weights)
