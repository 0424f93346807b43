"""The same checks of geometry and topology in PostGIS, on the same parcels in the same run."""

import time
from typing import Any

from eval.bench.postgis import load_parcels, private_server, version
from eval.bench.spatial_workload import Workload

QUERIES = {
    "invalid_geometry": "SELECT count(*) FROM parcels WHERE NOT ST_IsValid(geom)",
    "small_area": "SELECT count(*) FROM parcels WHERE ST_Area(geom) < 1",
    "narrow": ("SELECT count(*) FROM parcels WHERE 2 * ST_Area(geom) <= 0.5 * ST_Perimeter(geom)"),
    "duplicate_geometry": (
        "SELECT coalesce(sum(n - 1), 0) FROM "
        "(SELECT count(*) AS n FROM parcels GROUP BY ST_AsBinary(ST_Normalize(geom))) AS g"
    ),
    "overlap": (
        "SELECT count(*) FROM parcels a JOIN parcels b ON a.fid < b.fid AND a.geom && b.geom "
        "WHERE ST_Relate(a.geom, b.geom, 'T********') "
        "AND ST_Area(ST_Intersection(a.geom, b.geom)) >= 0.01"
    ),
    "gap": (
        "SELECT coalesce(sum(ST_NumInteriorRings(part)), 0) FROM "
        "(SELECT (ST_Dump(ST_Union(geom))).geom AS part FROM parcels) AS u"
    ),
}
"""What one query can say; spikes and repeated vertices are left to ours, which does them besides."""


def compare(work: Workload) -> dict[str, Any]:
    """Run the queries in a private server; seconds and counts by check.

    Raises:
        PostgisUnavailable: no server here.
    """
    seconds, counts = {}, {}
    with private_server() as connection:
        loaded = load_parcels(connection, work.spec, work.folder)
        for name, query in QUERIES.items():
            started = time.perf_counter()
            counts[name] = int(connection.execute(query).fetchone()[0])
            seconds[name] = round(time.perf_counter() - started, 2)
        return {
            "version": version(connection),
            "load_s": round(loaded, 1),
            "seconds": seconds,
            "total_s": round(sum(seconds.values()), 1),
            "found": {name: count for name, count in counts.items() if count},
        }
