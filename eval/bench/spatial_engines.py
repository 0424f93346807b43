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
    """Run many projects one after another; the time is CPU seconds of this process."""
    from tools.compliance.overlay import overlay_layer

    spec, folder, projects = _read_task(task)
    overlay_layer(projects[0], spec, folder)
    started, wall, pieces, hectares = time.process_time(), time.perf_counter(), 0, 0.0
    for project in projects:
        rows = overlay_layer(project, spec, folder)
        pieces += len(rows)
        hectares += float(rows.ellipsoidal_m2.sum()) / 1e4
    return {
        "projects": len(projects),
        "cpu_s": time.process_time() - started,
        "wall_s": time.perf_counter() - wall,
        "pieces": pieces,
        "hectares": hectares,
        "peak_rss_mb": peak_rss_mb(),
    }


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
