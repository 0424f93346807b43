"""A clock that is neither set back nor stands still."""

import time
from collections.abc import Callable


class Steady:
    """UTC seconds for the windows of the limits.

    A clock that is set back would open windows again that are past. While it lags behind what was told
    before, time goes on from there at its own pace, so that a window does not last for ever either.

    Args:
        clock: UTC seconds; may jump.
        ticks: Seconds that never jump.
    """

    def __init__(
        self, clock: Callable[[], float], ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._ticks = clock, ticks
        self._latest, self._at = 0.0, ticks()

    def __call__(self) -> float:
        """Return the time; never less than before."""
        at = self._ticks()
        self._latest = max(self._clock(), self._latest + (at - self._at))
        self._at = at
        return self._latest
