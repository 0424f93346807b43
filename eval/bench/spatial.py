"""`cspon bench spatial`: the product's overlay against geopandas.overlay and PostGIS, same run, same data.

Every engine works on the same generated parcels and the same 500 ha project. Product and geopandas
run in a fresh process each, PostGIS in a private server. A ratio `vs_…` is the other's warm median
over ours: above 1 we are faster. PostGIS is asked in two forms, and the faster one is compared.
"""

import importlib.metadata
import os
import platform
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import shapely

from eval.bench.spatial_equality import equality
from eval.bench.spatial_figures import (
    batch_figures,
    check_figures,
    engine_figures,
    figures,
    method,
    warm_times,
    workload,
)
from eval.bench.spatial_runs import EngineFailed, Engines, run_warm
from eval.bench.spatial_workload import make_workload

COLD_RUNS, CHECK_RUNS, GEOPANDAS_RUNS = 5, 10, 3
AREA_SAMPLE, AREA_PIECES, AREA_CHECKED = 100_000, 2_000, 300
"""Parcels that are timed; pieces of the project, and whole parcels, held against the reference."""
MOST_COMPARED = 2_000_000
"""Parcels above which no other engine runs: geopandas holds 2.3 GB a million in memory, and loading
them into PostGIS takes longer than everything else."""
TOO_MANY = f"图斑多于 {MOST_COMPARED:,} 个，只测本项目"
BATCH_CHECKED = 200
"""Projects of the batch that are asked one by one as well."""


def run(*, parcels: int, projects: int, folder: Path) -> dict[str, Any]:
    """Run the benchmark and return the object that the command prints.

    Args:
        parcels: Number of generated land-use parcels.
        projects: Number of random projects in the batch.
        folder: Keeps the generated parcels between runs.

    Raises:
        SetupError: not enough disk space.
    """
    started = time.perf_counter()
    load_before = os.getloadavg()
    work = make_workload(folder, parcels=parcels, projects=projects, progress=_say)
    why: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="cspon-bench-") as scratch:
        engines = Engines(work, Path(scratch), _say)
        cold = [engines.run("cold", [work.project]) for _ in range(COLD_RUNS)]
        check = engines.run("check", [work.project], repeat=CHECK_RUNS, boundary=str(work.boundary))
        batch = engines.run("batch", list(work.batch), checked=BATCH_CHECKED)
        geographic = engines.run("geographic", [], sample=AREA_SAMPLE, checked=AREA_CHECKED)
        area = engines.run(
            "area", [work.project], sample=AREA_SAMPLE, pieces=AREA_PIECES, checked=AREA_CHECKED
        )
        compared = parcels <= MOST_COMPARED
        geopandas = None
        if compared:
            geopandas = _attempt(
                why, "vs_geopandas_overlay",
                lambda: engines.run("geopandas", [work.project], repeat=GEOPANDAS_RUNS),
            )  # fmt: skip
        else:
            why |= dict.fromkeys(("vs_geopandas_overlay", "vs_postgis"), TOO_MANY)
        warm, postgis = run_warm(engines, why, _say, postgis=compared)
    result = figures(cold, warm, batch, area, geopandas, postgis)
    result["results_equal"], result["equality"] = equality(warm, geopandas, postgis)
    if result["results_equal"] is None:
        why["results_equal"] = "没有可比对的基准：" + "；".join(dict.fromkeys(why.values()))
    return {
        **result,
        "why": why,
        "check": check_figures(check),
        "batch": batch_figures(batch),
        "geographic": geographic,
        "engines": engine_figures(cold, warm, geopandas, postgis),
        "workload": workload(work, warm, batch),
        "n": {
            "parcels": parcels,
            "projects": projects,
            "cold_runs": COLD_RUNS,
            "warm_queries": len(warm_times(warm)),
            "geopandas_runs": GEOPANDAS_RUNS,
            "area_polygons": area["polygons"],
            "area_checked": area["checked"],
        },
        "method": method(cold, area),
        "machine": _machine(load_before),
        "versions": _versions(postgis),
        "seconds": round(time.perf_counter() - started, 1),
    }


def _attempt(why: dict[str, str], key: str, engine: Any) -> dict[str, Any] | None:
    """Run a baseline; where it cannot run, note the reason."""
    try:
        result: dict[str, Any] = engine()
    except EngineFailed as problem:
        why[key] = str(problem)
        _say(f"未测：{problem}")
        return None
    return result


def _machine(load_before: tuple[float, float, float]) -> dict[str, Any]:
    names = {"model name": platform.machine()}
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        names[key.strip()] = value.strip()
    return {
        "cpu": names["model name"],
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "system": platform.system(),
        "load_average_before": [round(value, 2) for value in load_before],
    }


def _versions(postgis: dict[str, Any] | None) -> dict[str, Any]:
    versions: dict[str, Any] = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "geos": shapely.geos_version_string,
        "postgis": postgis["version"] if postgis else None,
    }
    for name in ("cspon-planner", "shapely", "numpy", "geopandas", "pyogrio", "pandas"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return versions


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
