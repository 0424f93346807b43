"""Figures that several benchmarks take: quantiles of times, memory of a process."""

import importlib.metadata
import os
import platform
import resource
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


def machine() -> str:
    """Say what machine this is."""
    return f"{platform.platform()}, {platform.machine()}, {os.cpu_count()} cores"


def versions(*packages: str) -> dict[str, str]:
    """Return the versions of packages."""
    return {name: importlib.metadata.version(name) for name in packages}


def raise_open_files(wanted: int) -> int:
    """Raise the limit on open files of this process and its children; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for top in (max(hard, wanted), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, wanted), top), top))
            break
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
