"""Figures that several benchmarks take: quantiles of times, memory of a process."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def quantile(values: Sequence[float], percent: float) -> float:
    """Return a percentile, rounded to a microsecond where values are milliseconds."""
    return round(float(np.percentile(values, percent)), 3)


def rss_mb() -> float:
    """Return the resident memory of this process in MB, file pages that it maps included."""
    return _status("VmRSS")


def private_mb() -> float:
    """Return the part of the resident memory that is this process's own, without mapped files."""
    return _status("RssAnon")


def _status(field: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise AssertionError(f"no {field} in /proc/self/status")
