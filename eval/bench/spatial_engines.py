"""One engine of the spatial benchmark in a process of its own: `python -m eval.bench.spatial_engines`.

Arguments: the engine's name and a JSON object. The result is one JSON object on stdout. A process
of its own makes peak memory and first-query time those of this engine alone.
"""

import ctypes
import json
import mmap
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.schemas.spatial import LayerSpec


def peak_rss_mb() -> float:
    """Return this process's peak memory.

    The kernel's VmHWM, not `ru_maxrss`: the latter is inherited through fork and exec, so that a
    child would report its parent's peak.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(row for row in status.splitlines() if row.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def drop_page_cache(file: Path) -> int | None:
    """Ask the kernel to forget a file's pages; returns how many bytes stay in memory, if known."""
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return _resident_bytes(opened.fileno())


def _resident_bytes(descriptor: int) -> int | None:
    size = os.fstat(descriptor).st_size
    pages = -(-size // mmap.PAGESIZE)
    vector = (ctypes.c_ubyte * pages)()
    with mmap.mmap(descriptor, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE) as view:
        holder = ctypes.c_char.from_buffer(view)
        libc = ctypes.CDLL(None, use_errno=True)
        status = libc.mincore(
            ctypes.c_void_p(ctypes.addressof(holder)), ctypes.c_size_t(size), vector
        )
        del holder
    return sum(page & 1 for page in vector) * mmap.PAGESIZE if status == 0 else None


def timed_ms(function: Callable[[], Any]) -> tuple[float, Any]:
    """Run a function and return its wall time in milliseconds with its result."""
    started = time.perf_counter()
    result = function()
    return (time.perf_counter() - started) * 1000, result


def run_cold(task: dict[str, Any]) -> dict[str, Any]:
    """Time the first query of a process whose imports are done, with the file out of memory."""
    from tools.compliance.overlay import overlay_layer

    spec, folder, projects = _read_task(task)
    resident = drop_page_cache(folder / spec.path)
    ms, _ = timed_ms(lambda: overlay_layer(projects[0], spec, folder))
    return {"ms": ms, "resident_bytes": resident}


def run_warm(task: dict[str, Any]) -> dict[str, Any]:
    """Answer queries on demand, so that the caller can alternate them with another engine's.

    Every line of stdin is the index of a project; the reply is a line with the milliseconds. At the
    end of stdin the result follows: memory, and the areas of the first project.
    """
    from tools.compliance.overlay import overlay_layer
    from tools.layers import read_window

    spec, folder, projects = _read_task(task)
    base = peak_rss_mb()
    for line in sys.stdin:
        project = projects[int(line)]
        ms, _ = timed_ms(partial(overlay_layer, project, spec, folder))
        print(ms, flush=True)
    peak = peak_rss_mb()
    rows = overlay_layer(projects[0], spec, folder)
    return {
        "peak_rss_mb": peak,
        "import_rss_mb": base,
        "candidates": len(read_window(spec, folder, projects[0])),
        "fids": rows.fids.tolist(),
        "codes": rows.codes.tolist(),
        "planar_m2": rows.planar_m2.tolist(),
    }


def run_check(task: dict[str, Any]) -> dict[str, Any]:
    """Time the whole tool: boundary file, land use, three control lines, rules, tables."""
    from tools.compliance.check import check_compliance

    spec, folder, _ = _read_task(task)
    drop_page_cache(folder / spec.path)
    boundary = Path(task["boundary"])
    first, _ = timed_ms(lambda: check_compliance(boundary, folder))
    warm = [timed_ms(lambda: check_compliance(boundary, folder))[0] for _ in range(task["repeat"])]
    return {"first_ms": first, "warm_ms": warm, "peak_rss_mb": peak_rss_mb()}


def run_batch(task: dict[str, Any]) -> dict[str, Any]:
    """Run many projects together; the time is CPU seconds of this process.

    A sample is then asked one project at a time, and the areas by code are compared.
    """
    from tools.compliance.batch import overlay_batch
    from tools.compliance.overlay import overlay_layer

    spec, folder, shapes = _read_task(task)
    projects = np.array(shapes, dtype=object)
    overlay_batch(projects[:20], spec, folder)
    started, wall = time.process_time(), time.perf_counter()
    areas = overlay_batch(projects, spec, folder)
    cpu, elapsed, peak = time.process_time() - started, time.perf_counter() - wall, peak_rss_mb()
    step = max(1, len(projects) // task["checked"])
    worst, sampled = 0.0, 0
    for index in range(0, len(projects), step):
        rows = overlay_layer(projects[index], spec, folder)
        mine = areas.projects == index
        codes, of_code = np.unique(rows.codes, return_inverse=True)
        sums = np.bincount(of_code, weights=rows.ellipsoidal_m2, minlength=len(codes))
        same = codes.tolist() == areas.codes[mine].tolist()
        differences = np.abs(areas.ellipsoidal_m2[mine] - sums) / sums if same else np.array([1.0])
        worst = max(worst, float(differences.max(initial=0.0)))
        sampled += 1
    return {
        "projects": len(projects),
        "cpu_s": cpu,
        "wall_s": elapsed,
        "peak_rss_mb": peak,
        "pieces": int(areas.parcels.sum()),
        "hectares": float(areas.ellipsoidal_m2.sum()) / 1e4,
        "checked": sampled,
        "max_rel_difference": worst,
        **_two_processes(projects, spec, folder),
    }


def _two_processes(projects: Any, spec: LayerSpec, folder: Path) -> dict[str, Any]:
    from tools.compliance.batch import overlay_batch

    wall, _ = timed_ms(lambda: overlay_batch(projects, spec, folder, workers=2))
    return {"two_processes_wall_s": wall / 1000}


def run_geographic(task: dict[str, Any]) -> dict[str, Any]:
    """Time areas from longitude and latitude, and the sum of a million stored areas by code."""
    from pyproj import Geod

    from tools.code_sums import sum_by_code
    from tools.geometry.area_geographic import ring_areas_m2
    from tools.geometry.area_reference import geographic_area_reference_m2
    from tools.geometry.ellipsoid import FLATTENING, SEMI_MAJOR_M

    rng, count, vertices = np.random.default_rng(1), task["sample"], 26
    centres = np.column_stack([rng.uniform(75, 134, count), rng.uniform(18, 53, count)])
    angle = np.linspace(0, 2 * np.pi, vertices)
    radius = rng.uniform(0.0003, 0.002, count)[:, None] * (1 + 0.2 * np.sin(3 * angle))
    rings = np.stack(
        [centres[:, :1] + radius * np.cos(angle), centres[:, 1:] + radius * np.sin(angle)], axis=2
    )
    rings[:, -1] = rings[:, 0]
    flat, counts = rings.reshape(-1, 2), np.full(count, vertices)
    seconds = [_cpu_s(lambda: ring_areas_m2(flat, counts)) for _ in range(5)]
    some = [shapely.Polygon(ring) for ring in rings[: task["checked"]]]
    fast = ring_areas_m2(flat, counts)[: len(some)]
    slow = np.array([geographic_area_reference_m2(shape) for shape in some])
    earth = Geod(a=SEMI_MAJOR_M, rf=float(1 / FLATTENING))
    geodesic = np.array([abs(earth.geometry_area_perimeter(shape)[0]) for shape in some])
    codes = rng.choice([f"{a:02d}{b:02d}" for a in range(1, 25) for b in range(1, 5)], 1_000_000)
    stored, amounts = codes.tolist(), rng.uniform(100, 1e5, len(codes))
    return {
        "polygons": count,
        "polygons_per_cpu_s": count / statistics.median(seconds),
        "max_rel_error": float((np.abs(fast - slow) / slow).max()),
        "max_rel_difference_to_geodesic": float((np.abs(fast - geodesic) / geodesic).max()),
        "sum_of_1m_by_code_cpu_s": statistics.median(
            _cpu_s(lambda: sum_by_code(stored, amounts)) for _ in range(5)
        ),
    }


def _cpu_s(function: Callable[[], Any]) -> float:
    started = time.process_time()
    function()
    return time.process_time() - started


def run_area(task: dict[str, Any]) -> dict[str, Any]:
    """Time ellipsoidal areas of whole parcels, and hold pieces and parcels against the reference.

    The reference is the printed formula in 34-digit decimals. Its relative error bound holds for
    rings that are no slivers: area at least 1e-6 of the squared extent.
    """
    from tools.compliance.overlay import overlay_layer
    from tools.geometry.area import ellipsoidal_areas_m2
    from tools.geometry.area_reference import ellipsoidal_area_reference_m2
    from tools.geopackage import open_table, read_boxes

    spec, folder, projects = _read_task(task)
    table = open_table(folder / spec.path, spec.layer)
    everywhere = [(-1e9, -1e9, 1e9, 1e9)]
    parcels = next(read_boxes(table, everywhere, (), chunk=task["sample"])).geometries
    ellipsoidal_areas_m2(parcels[:1000], spec.epsg)
    seconds = []
    for _ in range(5):
        started = time.process_time()
        ellipsoidal_areas_m2(parcels, spec.epsg)
        seconds.append(time.process_time() - started)
    pieces = overlay_layer(projects[0], spec, folder).geometries[: task["pieces"]]
    step = max(1, len(parcels) // task["checked"])
    checked = np.concatenate([pieces, parcels[::step], [projects[0]]])
    fast = ellipsoidal_areas_m2(checked, spec.epsg)
    slow = np.array([ellipsoidal_area_reference_m2(g, spec.epsg) for g in checked])
    boxes = shapely.bounds(checked)
    extent2 = (boxes[:, 2] - boxes[:, 0]) ** 2 + (boxes[:, 3] - boxes[:, 1]) ** 2
    sliver = slow < 1e-6 * extent2
    relative = np.abs(fast - slow) / slow
    return {
        "polygons": len(parcels),
        "vertices": int(shapely.get_num_coordinates(parcels).sum()),
        "cpu_s": statistics.median(seconds),
        "checked": len(checked),
        "slivers": int(sliver.sum()),
        "max_rel_error": float(relative[~sliver].max()),
        "max_abs_error_of_slivers_m2": float(np.abs(fast - slow)[sliver].max(initial=0.0)),
    }


def run_geopandas(task: dict[str, Any]) -> dict[str, Any]:
    """Time `geopandas.overlay` on parcels that are loaded already; loading is timed apart."""
    import geopandas

    spec, folder, projects = _read_task(task)
    load_ms, parcels = timed_ms(
        lambda: geopandas.read_file(folder / spec.path, layer=spec.layer, fid_as_index=True)
    )
    project = geopandas.GeoDataFrame(geometry=[projects[0]], crs=f"EPSG:{spec.epsg}")
    times, pieces = [], None
    for _ in range(task["repeat"]):
        ms, pieces = timed_ms(
            lambda: geopandas.overlay(parcels, project, how="intersection", keep_geom_type=True)
        )
        times.append(ms)
    assert pieces is not None
    areas = pieces.area.groupby(pieces[spec.code_field]).sum()
    return {
        "load_ms": load_ms,
        "ms": times,
        "codes_m2": {str(code): float(area) for code, area in areas.items()},
        "peak_rss_mb": peak_rss_mb(),
    }


ENGINES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "cold": run_cold,
    "warm": run_warm,
    "check": run_check,
    "batch": run_batch,
    "area": run_area,
    "geographic": run_geographic,
    "geopandas": run_geopandas,
}


def _read_task(task: dict[str, Any]) -> tuple[LayerSpec, Path, list[Any]]:
    projects = json.loads(Path(task["projects"]).read_text(encoding="ascii"))
    shapes = [shapely.from_wkb(shape) for shape in projects]
    return LayerSpec.model_validate(task["spec"]), Path(task["folder"]), shapes


def main() -> None:
    """Run the engine that the command line names."""
    result = ENGINES[sys.argv[1]](json.loads(sys.argv[2]))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
