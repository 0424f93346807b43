"""The same checks in PostGIS, on the same parcels in the same run, held against ours by feature."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import shapely

from eval.bench.postgis import private_server, version
from tools.quality_check.features import LayerFile
from tools.quality_check.model import Pack
from tools.quality_check.source import read_chunk, split

_DRAWN = "geom IS NOT NULL AND NOT ST_IsEmpty(geom)"
_POLYGON = f"{_DRAWN} AND ST_Dimension(geom) = 2"
_RING = "PARTITION BY path[1:array_length(path, 1) - 1] ORDER BY path"

SINGLE = {
    "null_geometry": "SELECT fid FROM parcels WHERE geom IS NULL",
    "empty_geometry": "SELECT fid FROM parcels WHERE ST_IsEmpty(geom)",
    "geometry_type": f"SELECT fid FROM parcels WHERE {_DRAWN} AND ST_Dimension(geom) <> 2",
    "invalid_geometry": f"SELECT fid FROM parcels WHERE {_POLYGON} AND NOT ST_IsValid(geom)",
    "raised_geometry": "SELECT fid FROM parcels WHERE ST_Zmflag(geom) <> 0",
    "multipart": f"SELECT fid FROM parcels WHERE {_DRAWN} AND ST_NumGeometries(geom) > 1",
    "small_area": (
        f"SELECT fid FROM parcels WHERE {_POLYGON} AND ST_Area(geom) < 1 AND ST_IsValid(geom)"
    ),
    "narrow": (
        "SELECT fid FROM (SELECT fid, ST_ExteriorRing(ST_OrientedEnvelope(geom)) AS ring "
        f"FROM parcels WHERE {_POLYGON} AND 2 * ST_Area(geom) <= 0.5 * ST_Perimeter(geom) "
        "AND ST_IsValid(geom)) AS r WHERE least("
        "ST_Distance(ST_PointN(ring, 1), ST_PointN(ring, 2)), "
        "ST_Distance(ST_PointN(ring, 2), ST_PointN(ring, 3))) < 0.5"
    ),
    "repeated_vertex": (
        f"SELECT fid FROM parcels WHERE {_POLYGON} "
        "AND ST_NPoints(ST_RemoveRepeatedPoints(geom, 0.000999)) < ST_NPoints(geom)"
    ),
    "spike": (
        f"SELECT p.fid FROM parcels p WHERE {_POLYGON} AND EXISTS (SELECT 1 FROM (SELECT dx, dy, "
        "coalesce(lead(dx) OVER w, first_value(dx) OVER w) AS ex, "
        "coalesce(lead(dy) OVER w, first_value(dy) OVER w) AS ey FROM ("
        "SELECT path, lead(ST_X(geom)) OVER v - ST_X(geom) AS dx, "
        "lead(ST_Y(geom)) OVER v - ST_Y(geom) AS dy FROM ST_DumpPoints(p.geom) "
        f"WINDOW v AS ({_RING})) AS s WHERE dx IS NOT NULL WINDOW w AS ({_RING})) AS t "
        "WHERE (dx <> 0 OR dy <> 0) AND (ex <> 0 OR ey <> 0) AND "
        "dx * ex + dy * ey < -cos(radians(1)) * sqrt((dx * dx + dy * dy) * (ex * ex + ey * ey)))"
    ),
    "duplicate_geometry": (
        "SELECT fid FROM (SELECT fid, row_number() OVER (PARTITION BY "
        f"md5(ST_AsBinary(ST_Normalize(ST_Force2D(geom)))) ORDER BY fid) AS n FROM parcels "
        f"WHERE {_DRAWN}) AS d WHERE n > 1"
    ),
    "unique_value": (
        "SELECT fid FROM (SELECT fid, row_number() OVER (PARTITION BY bsm ORDER BY fid) AS n "
        "FROM parcels WHERE btrim(bsm) <> '') AS d WHERE n > 1"
    ),
    "empty_value": (
        "SELECT fid FROM parcels WHERE coalesce(btrim(bsm), '') = '' "
        "UNION ALL SELECT fid FROM parcels WHERE coalesce(btrim(dlbm), '') = ''"
    ),
    "value_domain": (
        "SELECT fid FROM parcels WHERE btrim(dlbm) <> '' "
        "AND NOT EXISTS (SELECT 1 FROM codes WHERE codes.code = btrim(dlbm))"
    ),
    "value_pattern": ("SELECT fid FROM parcels WHERE btrim(bsm) <> '' AND bsm !~ '^[0-9]{18}$'"),
}
"""Checks of features: each query gives the fids that the check names."""
OVERLAP = (
    "SELECT fid, other, area FROM (SELECT a.fid AS fid, b.fid AS other, "
    "ST_Area(ST_Intersection(a.geom, b.geom)) AS area FROM parcels a JOIN parcels b "
    "ON a.fid < b.fid AND a.geom && b.geom WHERE ST_Relate(a.geom, b.geom, 'T********') "
    "AND ST_Dimension(a.geom) = 2 AND ST_Dimension(b.geom) = 2 "
    "AND NOT ST_Equals(a.geom, b.geom)) AS o WHERE area >= 0.01"
)
GAP = (
    "WITH tiles AS (SELECT ST_Union(ST_Force2D(geom)) AS geom FROM parcels "
    f"WHERE {_POLYGON} "
    "GROUP BY floor(ST_XMin(geom) / 3000), floor(ST_YMin(geom) / 3000)), "
    "parts AS (SELECT (ST_Dump(ST_Union(geom))).geom AS part FROM tiles), "
    "rings AS (SELECT ST_DumpRings(part) AS ring FROM parts WHERE ST_NumInteriorRings(part) > 0) "
    "SELECT ST_Area((ring).geom) FROM rings WHERE (ring).path[1] > 0 "
    "AND ST_Area((ring).geom) >= 0.01 "
    "AND 2 * ST_Area((ring).geom) > 0.001 * ST_Perimeter((ring).geom)"
)
"""By tiles first: a union of all at once takes PostGIS several times as long."""


def check_in_postgis(
    layer: LayerFile, codes: set[str], say: Callable[[str], None]
) -> dict[str, Any]:
    """Load the parcels into a private server and run every check.

    Args:
        layer: Parcels with BSM and DLBM.
        codes: Land-use codes that are allowed.
        say: Gets Chinese sentences.

    Raises:
        PostgisUnavailable: no server here.
    """
    seconds: dict[str, float] = {}
    found: dict[str, list[Any]] = {}
    with private_server() as connection:
        connection.execute("SET statement_timeout = 0")
        started = time.perf_counter()
        _load(connection, layer, codes)
        loaded = time.perf_counter() - started
        say(f"PostGIS：已装入 {layer.features:,} 个图斑，{loaded:.0f} 秒")

        def ask(name: str, query: str) -> None:
            before = time.perf_counter()
            found[name] = connection.execute(query).fetchall()
            seconds[name] = round(time.perf_counter() - before, 2)
            say(f"PostGIS：{name} {seconds[name]:.1f} 秒，{len(found[name])} 处")

        for name, query in SINGLE.items():
            ask(name, query)
        before = time.perf_counter()
        connection.execute(
            "UPDATE parcels SET geom = ST_MakeValid(geom, 'method=structure keepcollapsed=false') "
            "WHERE fid = ANY(%s)",
            ([row[0] for row in found["invalid_geometry"]],),
        )
        seconds["mend"] = round(time.perf_counter() - before, 2)
        ask("overlap", OVERLAP)
        ask("gap", GAP)
        return {
            "version": version(connection),
            "load_s": round(loaded, 1),
            "seconds": seconds,
            "total_s": round(sum(seconds.values()), 1),
            "rows": found,
        }


def _load(connection: Any, layer: LayerFile, codes: set[str]) -> None:
    connection.execute(
        "CREATE UNLOGGED TABLE parcels (fid integer, bsm text, dlbm text, geom geometry)"
    )
    connection.execute("CREATE TABLE codes (code text PRIMARY KEY)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO codes VALUES (%s)", [(code,) for code in sorted(codes)])
    with connection.cursor().copy("COPY parcels (fid, bsm, dlbm, geom) FROM STDIN") as copy:
        for part in split(layer):
            chunk = read_chunk(layer, part, ("BSM", "DLBM"))
            shapes = chunk.geometries.copy()
            shapes[chunk.raised] = shapely.force_3d(shapes[chunk.raised])
            drawn = np.asarray(shapely.to_wkb(shapes, hex=True, output_dimension=3), dtype=object)
            rows = zip(
                chunk.fids.tolist(), chunk.columns["BSM"], chunk.columns["DLBM"], drawn, strict=True
            )
            copy.write("".join("\t".join(map(_cell, row)) + "\n" for row in rows))
    connection.execute("CREATE INDEX ON parcels USING gist (geom)")
    connection.execute("ANALYZE parcels")


def _cell(value: Any) -> str:
    return "\\N" if value is None else str(value)


def unequal(ours: Any, theirs: dict[str, list[Any]], pack: Pack) -> list[str]:
    """Hold our findings against PostGIS's rows: fids of each check, pairs and areas, gaps.

    Args:
        ours: `tools.quality_check.survey.Quality` of the same parcels.
        theirs: Rows by check.
        pack: The pack that was used: each of its checks is held.

    Returns:
        What differs, one sentence each; empty when all is equal.
    """
    said = []
    for check in pack.checks:
        mine = [f for f in ours.findings if f.check == check.id]
        rows = theirs[check.id]
        if check.id == "gap":
            left = sorted(float(f.measured.split()[0]) for f in mine)
            right = sorted(float(row[0]) for row in rows)
            if len(left) != len(right) or not np.allclose(left, right, atol=0.01):
                said.append(
                    f"gap：{len(left)} 处 {sum(left):.3f} ㎡，PostGIS {len(right)} 处 {sum(right):.3f} ㎡"
                )
        elif check.id == "overlap":
            areas = {(f.fid, f.other_fid): float(f.measured.split()[0]) for f in mine}
            there = {(row[0], row[1]): float(row[2]) for row in rows}
            odd = set(areas) ^ set(there)
            odd |= {k for k in set(areas) & set(there) if abs(areas[k] - there[k]) > 0.01}
            if odd:
                said.append(f"overlap：{len(odd)} 对不同，如 {sorted(odd)[:3]}")
        elif sorted(f.fid for f in mine if f.fid is not None) != sorted(row[0] for row in rows):
            said.append(f"{check.id}：{len(mine)} 处，PostGIS {len(rows)} 处")
    return said
