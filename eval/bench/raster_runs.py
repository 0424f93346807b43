"""One measured run of the raster benchmark in a process of its own: `python -m eval.bench.raster_runs`.

Prints wall time, CPU time and peak memory of what it did, as JSON.
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from tools.raster.plan import Plan


def main(job: str, plan_file: str, out: str) -> dict[str, Any]:
    """Run `read`, `run`, `blocks`, `dask` or `load` over a plan."""
    plan = Plan.model_validate_json(Path(plan_file).read_text(encoding="utf-8"))
    jobs = {"read": _read, "run": _run, "blocks": _blocks, "dask": _dask, "load": _load}
    usage = resource.getrusage(resource.RUSAGE_SELF)
    wall, cpu = time.perf_counter(), usage.ru_utime + usage.ru_stime
    extra = jobs[job](plan, Path(out))
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "wall_s": round(time.perf_counter() - wall, 3),
        "cpu_s": round(usage.ru_utime + usage.ru_stime - cpu, 3),
        "peak_rss_mb": _status_mb("VmHWM"),
        **extra,
    }


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
