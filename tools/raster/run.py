"""Carry out a plan: read strips, grade and combine, write cloud-optimised GeoTIFFs."""

from collections.abc import Callable
from pathlib import Path

from tools.raster.plan import Plan
from tools.raster.result import RunResult

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""


def run(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    kernel_cache: Path | None = None,
) -> RunResult:
    """Write every output of a plan into a folder; the pixels do not depend on `workers`.

    Args:
        plan: What is computed.
        out: Folder; made where it is missing. A file of the same name is replaced at the very end.
        workers: Strips that are computed side by side.
        progress: Told after each strip.
        kernel_cache: Where compiled kernels are kept; default: the user's cache folder.

    Raises:
        InputError: an input that does not fit, naming factor and file; nothing is written.
        SetupError: no space for the outputs.
    """
    raise NotImplementedError
