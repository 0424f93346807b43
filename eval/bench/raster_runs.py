"""One measured run of the raster benchmark in a process of its own: `python -m eval.bench.raster_runs`.

Prints wall time, CPU time and peak memory of what it did, as JSON.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.raster.plan import Plan


def main(job: str, plan_file: str, out: str) -> dict[str, Any]:
    """Run `read`, `run`, `blocks`, `dask` or `load` over a plan."""
    plan = Plan.model_validate_json(Path(plan_file).read_text(encoding="utf-8"))
    jobs = {"read": _read, "run": _run, "blocks": _blocks, "dask": _dask, "load": _load}
    return measured(lambda: jobs[job](plan, Path(out)))


def measured(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do the work; return seconds of wall and CPU (user and system), peak memory, and what it returns."""
    before, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    extra = work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return {
        "wall_s": round(time.perf_counter() - wall, 3),
        "cpu_s": round(user + system, 3),
        "user_s": round(user, 3),
        "system_s": round(system, 3),
        "peak_rss_mb": _status_mb("VmHWM"),
        **extra,
    }


def alone(module: str, *arguments: str, name: str, timeout_s: float) -> dict[str, Any]:
    """Run a module of the benchmark in a fresh process; return the object on its last line.

    Raises:
        RuntimeError: it failed or ran out of time; the message starts with `name`.
    """
    command = [sys.executable, "-m", f"eval.bench.{module}", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name} 超过 {timeout_s:.0f} 秒未完成") from None
    if done.returncode:
        raise RuntimeError(f"{name} 失败：{''.join(done.stderr.strip().splitlines()[-1:])}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _read(plan: Plan, out: Path) -> dict[str, Any]:
    """Read every input as the engine does, and do nothing with it."""
    from tools.raster.lower import lower
    from tools.raster.program import Band
    from tools.raster.run import STRIP_ROWS, THREADS
    from tools.raster.strips import Pool, read_strips

    bands = [band for band in lower(plan).bands if isinstance(band, Band)]
    pool = Pool()
    rows = range(plan.grid.height)
    for strip in read_strips(bands, plan.grid, rows, STRIP_ROWS, pool=pool, threads=THREADS):
        for array in strip.bands:
            pool.give(array)
    return {}


def _run(plan: Plan, out: Path) -> dict[str, Any]:
    from tools.raster.run import run

    result = run(plan, out, engine="numba")
    return {"counts": {str(c.value): c.cells for c in result.outputs[0].counts}}


def _blocks(plan: Plan, out: Path) -> dict[str, Any]:
    from tools.raster.run import run

    result = run(plan, out, engine="numpy")
    return {"counts": {str(c.value): c.cells for c in result.outputs[0].counts}}


def _dask(plan: Plan, out: Path) -> dict[str, Any]:
    from eval.bench.raster_dask import overlay

    return {"counts": overlay(plan, out)}


def _load(plan: Plan, out: Path) -> dict[str, Any]:
    """Take a kernel that an earlier process compiled from its folder."""
    from tools.raster.lower import lower

    program = lower(plan)
    started = time.perf_counter()
    from tools.raster.kernel import compile_kernel

    compile_kernel(program, out)
    return {"load_s": round(time.perf_counter() - started, 3)}


def _status_mb(field: str) -> float:
    """Return a memory figure of this process; getrusage would count the parent's before exec."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{field}:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise AssertionError(f"no {field} in /proc/self/status")


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4])))
