"""Quality-check benchmark: recall and precision on planted defects, and the speed on many parcels.

The truth comes from the generator of defects, which knows what it planted, never from the checks.
"""

import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eval.bench.spatial_workload import make_workload
from eval.wilson import interval
from tools.quality_check.model import Pack
from tools.quality_check.packs import load_pack
from tools.quality_check.schemes import scheme_codes
from tools.quality_check.seeding.measure import PACK, measure
from tools.quality_check.survey import check_database

GEOMETRY_CHECKS = (
    "null_geometry", "empty_geometry", "geometry_type", "invalid_geometry", "raised_geometry",
    "multipart", "repeated_vertex", "spike", "small_area", "narrow", "duplicate_geometry",
    "overlap", "gap", "unique_value", "empty_value", "value_domain", "value_pattern",
)  # fmt: skip
"""What the speed is measured on: every check of geometry and topology, and the fields there are."""
LIMIT_S, LIMIT_MB = 120.0, 3_000.0
"""The aim for a million parcels."""
_SAMPLE_S = 0.1


def run(*, seed: int, times: int, parcels: int, postgis: int, folder: Path) -> dict[str, Any]:
    """Measure recall, precision and speed.

    Args:
        seed: Equal seeds plant equal defects.
        times: How often each defect of a feature is planted.
        parcels: Parcels of the speed run; 0 leaves it out.
        postgis: Parcels of the comparison with PostGIS; 0 leaves it out.
        folder: Where generated parcels are kept between runs.
    """
    say: Callable[[str], None] = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    started = time.perf_counter()
    result = measure(seed=seed, times=times, progress=say)
    planted = sum(score.planted for score in result.kinds.values())
    found = sum(score.found for score in result.kinds.values())
    figures: dict[str, Any] = {
        "seed": seed,
        "kinds": len(result.kinds),
        "planted": planted,
        **_share("recall", found, planted),
        "findings": result.findings,
        **_share("precision", result.right, result.findings),
        "clean_findings": result.clean,
        "by_kind": {
            name: {"planted": s.planted, "found": s.found, **_share("recall", s.found, s.planted)}
            for name, s in result.kinds.items()
        },
        "precision_by_check": {
            name: {"findings": total, **_share("precision", right, total)}
            for name, (right, total) in sorted(result.by_check.items())
        },
        "missed": [f"{t.defect}：{t.layer} {t.fids}" for t in result.missed],
        "false": [f"{f.check}：{f.layer} {f.fid} {f.message}" for f in result.false[:50]],
        "seconds": round(time.perf_counter() - started, 1),
    }
    if parcels:
        figures |= speed(folder, parcels, say)
    if postgis:
        figures["postgis"] = beside_postgis(folder, postgis, say)
    return figures


def _share(name: str, right: int, of: int) -> dict[str, Any]:
    """Return a share with its 95 % Wilson interval; empty where there is nothing to share."""
    if not of:
        return {}
    found = interval([1.0] * right + [0.0] * (of - right))
    return {
        name: round(right / of, 4),
        f"{name}_95": [round(found["low"], 4), round(found["high"], 4)],
    }


def beside_postgis(folder: Path, parcels: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Check the same spoiled parcels here and in PostGIS; says why where there is no server."""
    from eval.bench.postgis import PostgisUnavailable, find_binaries
    from eval.bench.qc_postgis import check_in_postgis, unequal
    from eval.bench.qc_spoiled import spoil

    try:
        find_binaries()
    except PostgisUnavailable as error:
        return {"parcels": parcels, "unavailable": str(error)}
    work = make_workload(folder, parcels=parcels, projects=0, progress=say)
    pack, codes = speed_pack(), scheme_codes("ydyh_2023")
    assert codes is not None
    with tempfile.TemporaryDirectory(dir=folder) as place:
        layer = spoil(work.folder / "DLTB.gpkg", Path(place) / "DLTB.gpkg", seed=1, parcels=parcels)
        started = time.perf_counter()
        quality = check_database(layer.file, pack, workers=2, progress=say)
        ours = time.perf_counter() - started
        say(f"本软件：{ours:.1f} 秒，{len(quality.findings)} 处")
        try:
            theirs = check_in_postgis(layer, set(codes), say)
        except PostgisUnavailable as error:
            return {"parcels": parcels, "unavailable": str(error)}
    rows = theirs.pop("rows")
    odd = unequal(quality, rows, pack)
    return {
        "parcels": parcels,
        "checks": len(pack.checks),
        "found": {c.check.id: c.found for c in quality.counts},
        "equal": not odd,
        "unequal": odd,
        "ours_s": round(ours, 1),
        **theirs,
        "ratio": round(theirs["total_s"] / ours, 1),
    }


def speed(folder: Path, parcels: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Check generated parcels with every rule of geometry and topology."""
    place = make_workload(folder, parcels=parcels, projects=0, progress=say).folder
    started, before = time.perf_counter(), _cpu_s()
    with _peak_mb() as peak:
        quality = check_database(place / "DLTB.gpkg", speed_pack(), workers=2, progress=say)
    seconds = time.perf_counter() - started
    return {
        "parcels": parcels,
        "parcels_s": round(seconds, 1),
        "parcels_cpu_s": round(_cpu_s() - before, 1),
        "parcels_per_s": round(parcels / seconds),
        "peak_mb": round(peak[0]),
        "parcels_findings": {c.check.id: c.found for c in quality.counts if c.found},
        "aim_met": seconds <= LIMIT_S * parcels / 1e6 and peak[0] <= LIMIT_MB,
    }


def speed_pack() -> Pack:
    """Return the county pack cut down to parcels with an identifier and a code."""
    pack = load_pack(PACK)
    rule = pack.layer("DLTB")
    assert rule is not None
    fields = [f for f in rule.fields if f.name in ("BSM", "DLBM")]
    parcels = rule.model_copy(update={"fields": tuple(fields), "area_field": None})
    checks = tuple(c for c in pack.checks if c.kind in GEOMETRY_CHECKS)
    return pack.model_copy(
        update={"layers": (parcels,), "checks": checks, "indicators": (), "files": ()}
    )


def _cpu_s() -> float:
    """Return the CPU seconds of this process and of its children that have ended."""
    import resource

    used = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


@contextmanager
def _peak_mb() -> Iterator[list[float]]:
    """Sample the memory of this process and its children together; the list holds the peak."""
    peak, over = [0.0], threading.Event()

    def sample() -> None:
        last = False
        while not last:
            last = over.wait(_SAMPLE_S)
            pids = ["self", *(str(child.pid) for child in multiprocessing.active_children())]
            peak[0] = max(peak[0], sum(_rss_mb(pid) for pid in pids))

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        over.set()
        thread.join()


def _rss_mb(pid: str) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0.0
    line = next((x for x in text.splitlines() if x.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(line.split()[1]) / 1024
