"""Put what the engines of the spatial benchmark measured into the figures that the command prints."""

import statistics
from typing import Any

import shapely

from eval.bench.postgis import QUERIES
from eval.bench.spatial_equality import RELATIVE
from eval.bench.spatial_runs import SAME_RUNS
from eval.bench.spatial_workload import Workload
from tools.geometry.area import M2_PER_HA, ellipsoidal_area_m2


def warm_times(engine: dict[str, Any]) -> list[float]:
    """Return the milliseconds of all warm queries of an engine."""
    return [*engine["same_ms"], *engine["shifted_ms"]]


def figures(
    cold: list[dict[str, Any]],
    warm: dict[str, Any],
    batch: dict[str, Any],
    area: dict[str, Any],
    geopandas: dict[str, Any] | None,
    postgis: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return the figures that the benchmark is judged by."""
    same_ms = statistics.median(warm["same_ms"])
    warm_ms = statistics.median(warm_times(warm))
    forms = [statistics.median(warm_times(postgis[f])) for f in QUERIES] if postgis else []
    return {
        "cold_ms": round(statistics.median(run["ms"] for run in cold), 2),
        "warm_ms": round(warm_ms, 2),
        "peak_rss_mb": round(warm["peak_rss_mb"], 1),
        "vs_geopandas_overlay": (
            round(statistics.median(geopandas["ms"]) / same_ms, 1) if geopandas else None
        ),
        "vs_postgis": round(min(forms) / warm_ms, 2) if forms else None,
        "batch_projects_per_cpu_s": round(batch["projects"] / batch["cpu_s"], 1),
        "batch_peak_rss_mb": round(batch["peak_rss_mb"], 1),
        "area_polygons_per_cpu_s": round(area["polygons"] / area["cpu_s"]),
        "area_max_rel_error": area["max_rel_error"],
    }


def check_figures(check: dict[str, Any]) -> dict[str, Any]:
    """Return the times of the whole tool, from boundary file to result."""
    return {
        "what": "check_compliance：读边界文件、地类、三条控制线、规则与表格",
        "first_ms": round(check["first_ms"], 1),
        "warm_ms": round(statistics.median(check["warm_ms"]), 1),
        "peak_rss_mb": round(check["peak_rss_mb"], 1),
    }


def batch_figures(batch: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of the batch besides its rate and memory."""
    return {
        "cpu_s": round(batch["cpu_s"], 2),
        "wall_s": round(batch["wall_s"], 2),
        "two_processes_wall_s": round(batch["two_processes_wall_s"], 2),
        "checked_one_by_one": batch["checked"],
        "max_rel_difference": batch["max_rel_difference"],
        "equal": batch["max_rel_difference"] <= RELATIVE,
    }


def engine_figures(
    cold: list[dict[str, Any]],
    warm: dict[str, Any],
    geopandas: dict[str, Any] | None,
    postgis: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return each engine's own figures, in milliseconds where nothing else is said."""

    def times(engine: dict[str, Any]) -> dict[str, Any]:
        return {
            "warm_ms": round(statistics.median(warm_times(engine)), 2),
            "warm_same_ms": round(statistics.median(engine["same_ms"]), 2),
            "warm_shifted_ms": round(statistics.median(engine["shifted_ms"]), 2),
            "warm_worst_ms": round(max(warm_times(engine)), 2),
        }

    figures: dict[str, Any] = {
        "ours": {
            "cold_ms": [round(run["ms"], 1) for run in cold],
            **times(warm),
            "import_rss_mb": round(warm["import_rss_mb"], 1),
        }
    }
    if geopandas is not None:
        figures["geopandas_overlay"] = {
            "overlay_ms": [round(ms, 1) for ms in geopandas["ms"]],
            "load_ms": round(geopandas["load_ms"], 1),
            "peak_rss_mb": round(geopandas["peak_rss_mb"], 1),
        }
    if postgis is not None:
        figures["postgis"] = {
            "load_s": round(postgis["load_s"], 1),
            **{form: times(postgis[form]) for form in QUERIES},
        }
    return figures


def workload(work: Workload, warm: dict[str, Any], batch: dict[str, Any]) -> dict[str, Any]:
    """Say how large the work was."""
    return {
        "project_ha": round(ellipsoidal_area_m2(work.project, work.spec.epsg) / M2_PER_HA, 4),
        "project_vertices": int(shapely.get_num_coordinates(work.project)),
        "project_holes": len(work.project.interiors),
        "pairs": warm["candidates"],
        "pieces": len(warm["fids"]),
        "batch_pieces": batch["pieces"],
        "batch_hectares": round(batch["hectares"], 1),
        "file_mb": round((work.folder / work.spec.path).stat().st_size / 1e6, 1),
        "epsg": work.spec.epsg,
    }


def method(cold: list[dict[str, Any]], area: dict[str, Any]) -> dict[str, Any]:
    """Say how the figures were taken."""
    resident = [run["resident_bytes"] for run in cold]
    return {
        "cold": (
            "每次用新进程，已完成导入；先 posix_fadvise(DONTNEED) 清出该文件的页缓存，"
            "再计第一次查询（含打开文件）；取中位数"
        ),
        "cold_bytes_still_cached": resident,
        "warm": (
            f"同一进程内原项目 {SAME_RUNS} 次与平移副本 {SAME_RUNS} 次（此前各查过一次）的中位数，"
            "与 PostGIS 逐次交替；每次都重新读 R 树与图斑，不缓存结果"
        ),
        "peak_rss": "该引擎进程的 VmHWM（含 Python 与各库）",
        "vs_geopandas_overlay": "图斑已载入内存，只计 overlay；与本项目原项目暖查询之比",
        "vs_postgis": "ST_Intersection 逐图斑；原式与 ST_CoveredBy 短路式两者取快的一个",
        "area_reference": "34 位十进制逐边计算三调公式；相对误差就非碎屑图形而言",
        "area_slivers": area["slivers"],
        "area_max_abs_error_of_slivers_m2": area["max_abs_error_of_slivers_m2"],
    }
