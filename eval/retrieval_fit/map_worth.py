"""What the learned map is worth by itself: dense search with it and without, question by question."""

from collections.abc import Sequence

import numpy as np

from eval.bench.retrieval import DEPTH, score
from eval.bootstrap import interval, paired
from eval.retrieval_fit.linear_map import Matrix
from knowledge_base.learned.adaptation import Adaptation

METRIC = f"recall@{DEPTH}"
Worth = tuple[float, float]
"""Recall@10 of dense search alone, without the map and with it."""


def map_worth(
    vectors: Matrix, asked: Matrix, gold: Sequence[Sequence[int]], matrix: Matrix
) -> list[Worth]:
    """Return recall@10 of each question without and with a map.

    Args:
        vectors: Passages in the embedder's own space, shape (n, dim).
        asked: Questions in it, shape (q, dim).
        gold: Indices of the governing passages of each question.
        matrix: The map, shape (dim, dim).
    """
    space = Adaptation(matrix, "")
    before = _recalls(vectors, asked, gold)
    after = _recalls(space.apply(vectors), space.apply(asked), gold)
    return list(zip(before, after, strict=True))


def _recalls(vectors: Matrix, asked: Matrix, gold: Sequence[Sequence[int]]) -> list[float]:
    cosines = asked @ vectors.T
    found = np.argsort(-cosines, axis=1, kind="stable")[:, :DEPTH]
    return [
        score([str(i) for i in row], [str(g) for g in wanted])[METRIC]
        for row, wanted in zip(found, gold, strict=True)
    ]


def summary(worths: Sequence[Worth]) -> dict[str, object]:
    """Return both means and their paired difference, with 95 % intervals."""
    before, after = [w[0] for w in worths], [w[1] for w in worths]
    return {
        "n": len(worths),
        "metric": METRIC,
        "without": interval(before),
        "with": interval(after),
        "difference": paired(before, after),
    }
