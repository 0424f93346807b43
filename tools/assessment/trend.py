"""The trend of a short yearly series: Theil–Sen slope and how well the pairs agree (Kendall).

The median of the slopes of all pairs is not moved by one odd year, as least squares would be.
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

from cspon.schemas.base import Frozen

METHOD = "Theil–Sen 斜率（各年两两连线斜率的中位数），一致度为 Kendall 系数"


class Trend(Frozen):
    """A line through a series, in the unit of the series a year."""

    slope: float
    intercept: float
    """At year 0."""
    agreement: float
    """Kendall: 1 where every later year is higher, -1 where every later year is lower."""

    def at(self, year: int) -> float:
        """Return the line's value in a year."""
        return self.intercept + self.slope * year


def theil_sen(years: Sequence[int], values: Sequence[float]) -> Trend | None:
    """Fit a line; None for fewer than two different years.

    Args:
        years: Distinct years.
        values: One a year.
    """
    pairs = list(combinations(sorted(zip(years, values, strict=True)), 2))
    if not pairs:
        return None
    slope = median((b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs)
    signs = [(b[1] > a[1]) - (b[1] < a[1]) for a, b in pairs]
    return Trend(
        slope=slope,
        intercept=median(v - slope * y for y, v in zip(years, values, strict=True)),
        agreement=sum(signs) / len(pairs),
    )
