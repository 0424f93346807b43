"""A private PostgreSQL server with PostGIS for comparison: made, used and removed in one run.

It listens on a Unix socket in its own temporary folder alone, so it meets no other server. Data
safety is off (fsync), as no data has to survive.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from cspon.schemas.spatial import LayerSpec
from tools.compliance.overlay import overlay_layer
from tools.geopackage import open_table, read_boxes
from tools.postgis.connection import close_connections, one_state

OPTIONS = {
    "listen_addresses": "''",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "1GB",
    "maintenance_work_mem": "512MB",
    "work_mem": "64MB",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "jit": "off",
    "random_page_cost": "1.1",
}
"""Settings that favour PostGIS on this workload: everything is cached, nothing is compiled per query."""
BYTES_PER_PARCEL = 2_500
START_S, STATEMENT_S = 60, 600

QUERIES = {
    "plain": """SELECT p.fid, p.code, ST_Area(ST_Intersection(p.geom, q.geom)) FROM parcels p,
(SELECT ST_GeomFromWKB(%b, {epsg}) AS geom OFFSET 0) q WHERE ST_Intersects(p.geom, q.geom)""",
    "covered": """SELECT p.fid, p.code, CASE WHEN ST_CoveredBy(p.geom, q.geom) THEN ST_Area(p.geom)
ELSE ST_Area(ST_Intersection(p.geom, q.geom)) END FROM parcels p,
(SELECT ST_GeomFromWKB(%b, {epsg}) AS geom OFFSET 0) q WHERE ST_Intersects(p.geom, q.geom)""",
}
"""The plain intersection, and a form that does not cut parcels that lie inside."""


class PostgisUnavailable(Exception):
    """PostGIS cannot be measured here; the message says why."""


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's server programs, newest version with PostGIS first.

    Raises:
        PostgisUnavailable: not installed.
    """
    versions = sorted(
        (int(p.parent.name) for p in Path("/usr/lib/postgresql").glob("*/bin")), reverse=True
    )
    for version in versions:
        programs = Path(f"/usr/lib/postgresql/{version}/bin")
        extension = Path(f"/usr/share/postgresql/{version}/extension/postgis.control")
        if (programs / "initdb").is_file() and extension.is_file():
            return programs
    raise PostgisUnavailable(
        "未安装 PostGIS 服务端（apt-get install --no-install-recommends postgresql-15-postgis-3）"
    )


@contextmanager
def private_server() -> Iterator[Any]:
    """Start a server in a temporary folder and yield a connection; always stopped and removed.

    Raises:
        PostgisUnavailable: no server, no driver, or it does not start.
    """
    programs = find_binaries()
    try:
        import psycopg
    except ImportError:
        raise PostgisUnavailable("未安装 psycopg（pip install -e '.[bench]'）") from None
    folder = Path(tempfile.mkdtemp(prefix="cspon-pg-"))
    server: subprocess.Popen[bytes] | None = None
    try:
        user = _server_user(folder)
        _initialise(programs, folder, user)
        server = _start(programs, folder, user)
        with psycopg.connect(_wait(psycopg, folder, server), autocommit=True) as connection:
            connection.execute(f"SET statement_timeout = '{STATEMENT_S}s'")
            connection.execute("CREATE EXTENSION postgis")
            yield connection
    finally:
        if server is not None and server.poll() is None:
            server.send_signal(signal.SIGQUIT)  # at once: nothing has to be kept
            server.wait(timeout=30)
        shutil.rmtree(folder)


def _server_user(folder: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: then it runs as `postgres`, who gets the folder."""
    if os.geteuid() != 0:
        return {}
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise PostgisUnavailable("以 root 运行且系统没有 postgres 用户") from None
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _initialise(programs: Path, folder: Path, user: dict[str, Any]) -> None:
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-A", "trust"]
    command += ["-U", "postgres", "-N", "--locale=C", "--encoding=UTF8"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, **user)
    if done.returncode != 0:
        raise PostgisUnavailable(f"initdb 失败：{done.stderr.strip()}")


def _start(programs: Path, folder: Path, user: dict[str, Any]) -> subprocess.Popen[bytes]:
    options = [part for key, value in OPTIONS.items() for part in ("-c", f"{key}={value}")]
    options[options.index("listen_addresses=''")] = "listen_addresses="
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", "-k", folder, *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,  # an interrupt at the terminal must reach us first
            **user,
        )


def _wait(psycopg: Any, folder: Path, server: subprocess.Popen[bytes]) -> str:
    """Wait until the server answers; returns its address."""
    address = f"host={folder} user=postgres dbname=postgres"
    until = time.monotonic() + START_S
    while time.monotonic() < until and server.poll() is None:
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return address
    tail = (folder / "log").read_text(errors="replace").strip().splitlines()[-1:]
    raise PostgisUnavailable(f"PostgreSQL 没有启动：{''.join(tail)}")


def load_parcels(connection: Any, spec: LayerSpec, folder: Path) -> float:
    """Copy the parcels, index and analyse them; returns seconds."""
    started = time.perf_counter()
    connection.execute(
        "CREATE UNLOGGED TABLE parcels "
        f"(fid integer, code text, geom geometry(Polygon, {int(spec.epsg)}))"
    )
    assert spec.code_field is not None
    table = open_table(folder / spec.path, spec.layer)
    with connection.cursor().copy("COPY parcels (fid, code, geom) FROM STDIN") as copy:
        for window in read_boxes(table, [(-1e9, -1e9, 1e9, 1e9)], (spec.code_field,), chunk=20_000):
            rows = zip(
                window.fids.tolist(),
                window.columns[spec.code_field],
                _hex_ewkb(window.geometries, spec.epsg),
                strict=True,
            )
            copy.write("".join(f"{fid}\t{code}\t{geometry}\n" for fid, code, geometry in rows))
    connection.execute("CREATE INDEX ON parcels USING gist (geom)")
    connection.execute("ANALYZE parcels")
    return time.perf_counter() - started


def _hex_ewkb(geometries: Any, epsg: int) -> Any:
    import shapely

    return shapely.to_wkb(shapely.set_srid(geometries, epsg), hex=True, include_srid=True)


def ask(connection: Any, form: str, spec: LayerSpec, project: Any) -> list[Any]:
    """Intersect a project with the parcels; returns rows of fid, code and area in m².

    Args:
        connection: Server with the parcels loaded.
        form: A key of `QUERIES`.
        spec: The land-use layer.
        project: Polygon in the layer's coordinate system.
    """
    query = QUERIES[form].format(epsg=int(spec.epsg))
    rows: list[Any] = connection.execute(query, (project.wkb,), prepare=True).fetchall()
    return rows


def time_adapter(
    connection: Any, spec: LayerSpec, folder: Path, project: Any, *, runs: int = 7
) -> dict[str, Any]:
    """Time one project against the parcels in the file and, by the same tool, in their table.

    Args:
        connection: Server with the parcels loaded.
        spec: The land-use layer in its file.
        folder: Its folder.
        project: Polygon in the layer's coordinate system.
        runs: Warm runs of each, taken in turn.

    Returns:
        Median milliseconds of both, pieces, and the largest relative difference of an area.
    """
    connection.execute("ALTER TABLE parcels ADD PRIMARY KEY (fid)")
    with tempfile.TemporaryDirectory(prefix="cspon-pg-service-") as place:
        services = Path(place) / "pg_service.conf"
        services.write_text(
            f"[cspon_bench]\nhost={connection.info.host}\nuser=postgres\ndbname=postgres\n"
        )
        before = os.environ.get("PGSERVICEFILE")
        os.environ["PGSERVICEFILE"] = str(services)
        try:
            return _alternating(spec, folder, project, runs)
        finally:
            close_connections()
            if before is None:
                del os.environ["PGSERVICEFILE"]
            else:
                os.environ["PGSERVICEFILE"] = before


def _alternating(spec: LayerSpec, folder: Path, project: Any, runs: int) -> dict[str, Any]:
    table = spec.model_copy(
        update={
            "path": "postgis:cspon_bench",
            "layer": "public.parcels",
            "code_field": "code",
            "id_field": None,
            "name_field": None,
            "area_field": None,
        }
    )
    times: dict[str, list[float]] = {"file": [], "table": []}
    rows: dict[str, Any] = {}
    for turn in range(runs + 1):
        for name, layer in (("file", spec), ("table", table)):
            started = time.perf_counter()
            with one_state():
                rows[name] = overlay_layer(project, layer, folder)
            if turn:  # the first run of each opens and describes
                times[name].append((time.perf_counter() - started) * 1000)
    areas = {
        name: dict(zip(found.fids.tolist(), found.planar_m2.tolist(), strict=True))
        for name, found in rows.items()
    }
    assert areas["file"].keys() == areas["table"].keys()
    return {
        "geopackage_ms": round(median(times["file"]), 2),
        "postgis_ms": round(median(times["table"]), 2),
        "pieces": len(areas["file"]),
        "max_rel_difference": max(
            (abs(areas["table"][f] - a) / max(a, 1.0) for f, a in areas["file"].items()),
            default=0.0,
        ),
    }


def version(connection: Any) -> str:
    """Name server, PostGIS and GEOS."""
    row = connection.execute("SELECT version(), postgis_lib_version(), postgis_geos_version()")
    server, postgis, geos = row.fetchone()
    return f"{server.split(' on ')[0]}, PostGIS {postgis}, GEOS {geos}"
