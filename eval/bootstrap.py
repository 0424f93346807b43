"""Percentile bootstrap intervals of means over items; the same seed every time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
SEED = 20260101


def interval(values: Sequence[float]) -> dict[str, float]:
    """Return the mean and its 95 % interval, as `value`, `low`, `high`."""
    data = np.asarray(values, dtype=float)
    low, high = np.percentile(_means(data), [2.5, 97.5])
    return {
        "value": round(float(data.mean()), 4),
        "low": round(float(low), 4),
        "high": round(float(high), 4),
    }


def paired(first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """Return the mean of second − first with its 95 % interval and a two-sided p.

    Both runs are resampled by the same items. p is twice the share of resamples on the far side of
    zero, never below one resample.
    """
    data = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    means = _means(data)
    far = min(float((means <= 0).mean()), float((means >= 0).mean()))
    return interval(list(data)) | {"p": round(min(1.0, max(2 * far, 1 / RESAMPLES)), 4)}


def _means(data: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rng = np.random.default_rng(SEED)
    picks = rng.integers(0, len(data), size=(RESAMPLES, len(data)))
    return np.asarray(data[picks].mean(axis=1), dtype=np.float64)
