"""Fit the weights of the fusion by listwise softmax over each question's candidates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from knowledge_base.retrieve.rank import FEATURES, Fusion, Matrix

STEPS = 600
RATE = 0.05
PULL = 5.0
LEAST_SCALE = 1e-3
"""A feature that does not vary in the training questions (exact) is left as good as unscaled."""


@dataclass(frozen=True)
class Ranking:
    """One question: features of its candidates, which of them govern it, and its weight."""

    features: Matrix
    gold: npt.NDArray[np.bool_]
    weight: float = 1.0


def fit_weights(rankings: Sequence[Ranking], fitted_on: str = "") -> Fusion:
    """Return the fusion; questions whose gold is not among the candidates teach nothing."""
    useful = [r for r in rankings if r.gold.any()]
    rows = np.vstack([r.features for r in useful])
    mean, scale = rows.mean(axis=0), np.maximum(rows.std(axis=0), LEAST_SCALE)
    normal = (rows - mean) / scale
    sizes = [len(r.gold) for r in useful]
    starts = np.cumsum([0, *sizes[:-1]])
    owner = np.repeat(np.arange(len(useful)), sizes)
    wanted = np.concatenate([r.weight * r.gold / r.gold.sum() for r in useful])
    heavy = np.asarray([r.weight for r in useful])[owner]
    weights = np.zeros(rows.shape[1])
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        logits = normal @ weights
        logits -= np.maximum.reduceat(logits, starts)[owner]
        share = np.exp(logits)
        share /= np.add.reduceat(share, starts)[owner]
        gradient = normal.T @ (heavy * share - wanted) + PULL * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return Fusion(
        features=FEATURES,
        mean=tuple(round(float(x), 5) for x in mean),
        scale=tuple(round(float(x), 5) for x in scale),
        weight=tuple(round(float(x), 4) for x in weights),
        fitted_on=fitted_on,
    )
