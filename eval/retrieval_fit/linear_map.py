"""Fit the linear map of the embedding space by listwise softmax over each corpus.

Question and passage go through the same map (v + A·v, normalised), so vectors of both kinds and of
several corpora stay in one space. A is pulled towards zero and the number of steps is fixed: with a
thousand questions the original space carries most of what is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

STEPS = 110
RATE = 2e-3
TEMPERATURE = 20.0
PULL = 5e-3
NEGATIVES = 1500
KEPT = 0.7
"""Share of the fitted map that is kept: at full strength it fits its own questions perfectly and
overshoots on others (decision 0010)."""
QUESTIONS = 300
"""A step sees at most so many questions of a large corpus, against its gold and random passages."""
LARGE = 3000


@dataclass(frozen=True)
class Corpus:
    """Vectors of a corpus and of its questions, with the gold passages of each."""

    passages: Matrix
    questions: Matrix
    gold: Sequence[Sequence[int]]
    weight: float = 1.0


def fit_map(corpora: Sequence[Corpus], *, steps: int = STEPS, seed: int = 0) -> Matrix:
    """Return A, shape (dim, dim), fitted with Adam."""
    rng = np.random.default_rng(seed)
    dim = corpora[0].passages.shape[1]
    matrix = np.zeros((dim, dim), dtype=np.float32)
    first, second = np.zeros_like(matrix), np.zeros_like(matrix)
    for step in range(1, steps + 1):
        gradient = PULL * matrix
        for corpus in corpora:
            if len(corpus.questions):
                gradient = gradient + _gradient(corpus, matrix, rng)
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient**2
        change = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        matrix = matrix - RATE * change.astype(np.float32)
    return np.float32(KEPT) * matrix


def _gradient(corpus: Corpus, matrix: Matrix, rng: np.random.Generator) -> Matrix:
    chosen, ids = _sample(corpus, rng)
    column = {passage: n for n, passage in enumerate(ids)}
    wanted = np.zeros((len(chosen), len(ids)), dtype=np.float32)
    for row, question in enumerate(chosen):
        gold = corpus.gold[question]
        wanted[row, [column[g] for g in gold]] = 1 / len(gold)
    q, p = corpus.questions[chosen], corpus.passages[ids]
    q_unit, q_length = _mapped(q, matrix)
    p_unit, p_length = _mapped(p, matrix)
    logits = TEMPERATURE * (q_unit @ p_unit.T)
    logits -= logits.max(axis=1, keepdims=True)
    share = np.exp(logits)
    share /= share.sum(axis=1, keepdims=True)
    error = corpus.weight * TEMPERATURE * (share - wanted) / len(chosen)
    return q.T @ _through_unit(error @ p_unit, q_unit, q_length) + p.T @ _through_unit(
        error.T @ q_unit, p_unit, p_length
    )


def _sample(corpus: Corpus, rng: np.random.Generator) -> tuple[npt.NDArray[np.int64], list[int]]:
    total = len(corpus.passages)
    everything = np.arange(len(corpus.questions))
    if total <= LARGE:
        return everything, list(range(total))
    chosen = rng.choice(everything, min(QUESTIONS, len(everything)), replace=False)
    gold = {g for question in chosen for g in corpus.gold[question]}
    return chosen, sorted(gold | set(rng.choice(total, NEGATIVES, replace=False).tolist()))


def _mapped(vectors: Matrix, matrix: Matrix) -> tuple[Matrix, Matrix]:
    moved = vectors + vectors @ matrix
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return moved / length, length


def _through_unit(gradient: Matrix, units: Matrix, length: Matrix) -> Matrix:
    """Carry a gradient back through the scaling to length 1."""
    inward = (gradient * units).sum(axis=1, keepdims=True) * units
    return np.asarray((gradient - inward) / length, dtype=np.float32)
