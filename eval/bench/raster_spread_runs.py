"""Patches and travel time of the raster benchmark, measured in processes of their own.

`python -m eval.bench.raster_spread_runs KIND FILE SIZE OUT` is one run of the engine; `plain` before
KIND is its whole-raster baseline, which writes OUT as a numpy array.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.raster_runs import alone, measured
from eval.bench.raster_spread import baseline, carry_out, make_raster

JOB_TIMEOUT_S = 3_600
PLAIN_SIZE = 2_048
"""Side of the raster that is compared with the baseline: the graph of the whole raster fits in memory."""


def measure_spread(
    scratch: Path, kind: str, size: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure the engine at `size`, and against the baseline at `PLAIN_SIZE` or less.

    Args:
        scratch: Folder of rasters and results; what is written is removed.
        kind: `patches` or `travel`.
        size: Rows and columns.
        say: Told what is done.

    Returns:
        The run, and `plain`: both runs of the smaller raster and whether they are equal.

    Raises:
        RuntimeError: a run failed.
    """
    small = min(size, PLAIN_SIZE)
    ours, out = _run(scratch, kind, small, say)
    plain, expected = _run(scratch, kind, small, say, "plain")
    result = {
        "size": small,
        "equal": _equal(kind, out, expected),
        "ours": ours,
        "baseline": plain,
        "baseline_is": "scipy.ndimage.label" if kind == "patches" else "scipy.sparse.csgraph",
    }
    out.unlink()
    expected.unlink()
    if size != small:
        ours, out = _run(scratch, kind, size, say)
        out.unlink()
    (scratch / f"{kind}_{size}.tif").unlink()
    return {"size": size, **ours, "plain": result}


def _run(
    scratch: Path, kind: str, size: int, say: Callable[[str], None], *plain: str
) -> tuple[dict[str, Any], Path]:
    file = scratch / f"{kind}_{size}.tif"
    if not file.exists():
        make_raster(scratch, kind, size, say)
    out = scratch / f"{kind}_{size}_{'plain.npy' if plain else 'out.tif'}"
    name = f"{'对照 ' if plain else ''}{kind}（{size}）"
    say(f"运行 {name}")
    arguments = (*plain, kind, str(file), str(size), str(out))
    result = alone("raster_spread_runs", *arguments, name=name, timeout_s=JOB_TIMEOUT_S)
    say(f"  {result['wall_s']} 秒，CPU {result['cpu_s']} 秒，峰值 {result['peak_rss_mb']} MB")
    return result, out


def _equal(kind: str, file: Path, expected_file: Path) -> bool:
    """Compare rasters: seconds cell by cell, patches up to the order of their numbers."""
    import rasterio

    with rasterio.open(file) as dataset:
        found = dataset.read(1).ravel()
    expected = np.load(expected_file).ravel()
    if kind == "travel":
        return bool((found == expected).all())
    counts = int(found.max()), int(expected.max())
    pairs = np.unique(found.astype(np.int64) << 32 | expected)
    return counts[0] == counts[1] and len(pairs) == counts[0] + bool((found == 0).any())


def main(*arguments: str) -> dict[str, Any]:
    """Do one run; see the module."""
    plain = arguments[0] == "plain"
    kind, file, size, out = arguments[1:] if plain else arguments

    def work() -> dict[str, Any]:
        if not plain:
            return carry_out(kind, Path(file), int(size), Path(out))
        np.save(out, baseline(kind, Path(file), int(size)))
        return {}

    return measured(work)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
