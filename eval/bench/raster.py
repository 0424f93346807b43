"""`cspon bench raster`: the fused kernel against copying memory, numpy blocks, reading and dask.

Bytes of a cell are the stored inputs once and the stored output once; the copy counts a byte read and a
byte written for each byte copied. Kernel and copy take turns in one thread of one process.
"""

import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.raster_runs import alone
from eval.bench.raster_spread_runs import measure_spread
from eval.bench.raster_workload import make_rasters
from tools.raster.plan import Plan

REPEATS = 25
FILE_REPEATS = 2
JOB_TIMEOUT_S = 900
BANDWIDTH_GOAL, BLOCKS_GOAL, WINDOWED_GOAL, RSS_GOAL_MB, DASK_GOAL = 0.40, 10.0, 1.4, 800.0, 0.25


def run(
    *, size: int, windowed: int, folder: Path, patches: int = 0, travel: int = 0
) -> dict[str, Any]:
    """Measure the raster engine and return the object that the command prints.

    Args:
        size: Rows and columns of the rasters in memory.
        windowed: Rows and columns of the rasters on disk; 0 leaves that part out.
        folder: Scratch space; everything is removed at the end.
        patches: Rows and columns of the raster that is divided into patches; 0 leaves that part out.
        travel: The same of the raster that travel time spreads over.

    Raises:
        SetupError: numba is not installed.
    """
    from cspon.errors import missing_extra
    from tools.raster.kernel import numba_missing

    if numba_missing():
        raise missing_extra("numba", "raster")
    started, load = time.perf_counter(), os.getloadavg()
    folder.mkdir(parents=True, exist_ok=True)
    why: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="raster-", dir=folder) as name:
        scratch = Path(name)
        result = _in_memory(scratch, size)
        result |= _on_disk(scratch, windowed, why) if windowed else {}
        for kind, side in (("patches", patches), ("travel", travel)):
            result |= {kind: measure_spread(scratch, kind, side, _say)} if side else {}
    return {
        **result,
        "why": why,
        "n": {
            "size": size,
            "windowed": windowed,
            "patches": patches,
            "travel": travel,
            "repeats": REPEATS,
            "file_repeats": FILE_REPEATS,
        },
        "machine": _machine(load),
        "versions": _versions(),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _in_memory(scratch: Path, size: int) -> dict[str, Any]:
    from tools.raster.blocks import evaluate
    from tools.raster.kernel import compile_kernel
    from tools.raster.lower import lower
    from tools.raster.program import Band
    from tools.raster.strips import Pool, read_strips

    plan = make_rasters(scratch, size, _say)
    program = lower(plan)
    bands = [band for band in program.bands if isinstance(band, Band)]
    strip = next(read_strips(bands, plan.grid, range(size), size, pool=Pool(), threads=2))
    started = time.perf_counter()
    kernel = compile_kernel(program, scratch / "kernels")
    out, counts = (
        np.empty((size, size), np.uint8),
        np.zeros(len(program.layers[-1].values), np.int64),
    )
    flags = np.zeros(len(program.checks), np.uint8)
    kernel(size, size, *strip.bands, out, counts, flags)
    compile_s = time.perf_counter() - started
    moved = program.bytes_per_cell * size * size
    copied = np.ones(max(moved // 2, 1), np.uint8)
    target = np.empty_like(copied)
    target[:] = copied
    kernel_s, copy_s = [], []
    _say("内核与内存拷贝轮流计时")
    for _ in range(REPEATS):
        kernel_s.append(_timed(lambda: kernel(size, size, *strip.bands, out, counts, flags)))
        copy_s.append(_timed(lambda: np.copyto(target, copied)))
    blocks_out, blocks_counts = np.empty_like(out), np.zeros_like(counts)
    _say("numpy 分块")
    blocks_s = _timed(lambda: evaluate(program, strip.bands, [blocks_out], [blocks_counts], flags))
    best, copy = min(kernel_s), min(copy_s)
    _say("整幅 numpy 对照")
    loaded = _job("load", _plan_file(scratch, plan, "memory"), scratch / "kernels")
    return {
        "bandwidth_ratio": round((moved / best) / (2 * (moved // 2) / copy), 3),
        "vs_numpy_blocks": round(blocks_s / best, 1),
        "equal_to_oracle": bool((out == blocks_out).all()) and _equal_to_oracle(plan, scratch, out),
        "kernel_ms": {"best": round(best * 1e3, 2), "all": [round(s * 1e3, 2) for s in kernel_s]},
        "copy_ms": {"best": round(copy * 1e3, 2), "all": [round(s * 1e3, 2) for s in copy_s]},
        "kernel_gb_per_s": round(moved / best / 1e9, 2),
        "copy_gb_per_s": round(2 * (moved // 2) / copy / 1e9, 2),
        "kernel_mpx_per_s": round(size * size / best / 1e6, 1),
        "numpy_blocks_s": round(blocks_s, 3),
        "compile_s": round(compile_s, 2),
        "load_s": loaded["load_s"],
        "bytes": {
            "per_cell": program.bytes_per_cell,
            "counted": moved,
            "types": {b.source.file.stem: b.dtype for b in bands} | {"suitability": "uint8"},
            "rule": "每个输入像元读一次、输出像元写一次；拷贝按读一次、写一次计",
        },
        "goals": {"bandwidth_ratio": BANDWIDTH_GOAL, "vs_numpy_blocks": BLOCKS_GOAL},
    }


def _equal_to_oracle(plan: Plan, scratch: Path, kernel_out: Any) -> bool:
    """Compare the written raster of a whole run, and the kernel's array, with the whole-array oracle."""
    import rasterio

    from eval.bench.raster_oracle import carry_out
    from tools.raster.run import run as run_plan

    written = run_plan(plan, scratch / "out", engine="numba", workers=2).outputs[0]
    with rasterio.open(written.file) as dataset:
        pixels = dataset.read(1)
    expected = carry_out(plan)[written.layer]
    expected = np.where(expected < 0, written.nodata, expected).astype(np.uint8)
    return bool((pixels == expected).all() and (kernel_out == expected).all())


def _on_disk(scratch: Path, size: int, why: dict[str, str]) -> dict[str, Any]:
    plan_file = _plan_file(scratch, make_rasters(scratch, size, _say), "whole")
    read, ours = [], []
    _job("run", plan_file, scratch / "warm")
    for _ in range(FILE_REPEATS):
        read.append(_job("read", plan_file, scratch / "out"))
        ours.append(_job("run", plan_file, scratch / "out"))
    read_s, run_s = (min(r["wall_s"] for r in runs) for runs in (read, ours))
    megabytes = sum(f.stat().st_size for f in scratch.glob(f"*_{size}.tif")) / 1e6
    for file in scratch.glob(f"*_{size}.tif"):
        file.unlink()
    quarter = _plan_file(scratch, make_rasters(scratch, size // 2, _say), "quarter")
    ours_quarter = _job("run", quarter, scratch / "out")
    result = {
        "windowed_vs_read": round(run_s / read_s, 3),
        "peak_rss_mb": max(r["peak_rss_mb"] for r in ours),
        "windowed": {
            "read_wall_s": [r["wall_s"] for r in read],
            "run_wall_s": [r["wall_s"] for r in ours],
            "read_cpu_s": [r["cpu_s"] for r in read],
            "run_cpu_s": [r["cpu_s"] for r in ours],
            "input_mb": round(megabytes, 1),
            "output": "云优化 GeoTIFF（zstd、金字塔、色表），含在运行时间内",
        },
        "quarter": {"ours": ours_quarter, "size": size // 2},
    }
    goals = {
        "windowed_vs_read": WINDOWED_GOAL,
        "peak_rss_mb": RSS_GOAL_MB,
        "cpu_vs_dask": DASK_GOAL,
    }
    try:
        dask = _job("dask", quarter, scratch / "dask")
    except RuntimeError as problem:
        why["cpu_vs_dask"] = str(problem)
        return {**result, "cpu_vs_dask": None, "windowed_goals": goals}
    result["quarter"] |= {"dask": dask, "equal": dask["counts"] == ours_quarter["counts"]}
    ratio = round(ours_quarter["cpu_s"] / dask["cpu_s"], 3)
    return {**result, "cpu_vs_dask": ratio, "windowed_goals": goals}


def _plan_file(scratch: Path, plan: Plan, name: str) -> Path:
    file = scratch / f"{name}.json"
    file.write_text(plan.model_dump_json(), encoding="utf-8")
    return file


def _job(job: str, plan_file: Path, out: Path) -> dict[str, Any]:
    """Run a job of `raster_runs` in a fresh process."""
    _say(f"运行 {job}（{plan_file.stem}）")
    try:
        result = alone(
            "raster_runs", job, str(plan_file), str(out), name=job, timeout_s=JOB_TIMEOUT_S
        )
    finally:
        shutil.rmtree(out, ignore_errors=True)
    _say(f"  {result['wall_s']} 秒，CPU {result['cpu_s']} 秒，峰值 {result['peak_rss_mb']} MB")
    return result


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _machine(load_before: tuple[float, float, float]) -> dict[str, Any]:
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            model = value.strip()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load_before": [round(v, 2) for v in load_before],
        "load_after": [round(v, 2) for v in os.getloadavg()],
    }


def _versions() -> dict[str, str | None]:
    from importlib.metadata import PackageNotFoundError, version

    versions: dict[str, str | None] = {"python": platform.python_version()}
    for name in ("numpy", "llvmlite", "rasterio", "dask", "rioxarray"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    return versions


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
