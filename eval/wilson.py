"""Wilson score intervals of shares: for scores that are right or wrong."""

import math
from collections.abc import Sequence

Z = 1.959964
"""Of 95 %."""


def interval(values: Sequence[float]) -> dict[str, float]:
    """Return the share and its 95 % interval, as `value`, `low`, `high`.

    Args:
        values: 0 or 1 each, at least one.
    """
    n, share = len(values), sum(values) / len(values)
    middle = share + Z * Z / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    low, high = ((middle + side * half) / (1 + Z * Z / n) for side in (-1, 1))
    return {
        "value": round(share, 4),
        "low": round(max(0.0, low), 4),
        "high": round(min(1.0, high), 4),
    }
