"""A small demo county in a private PostGIS server, beside the same county as files."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import shapely
import yaml

from eval.bench.postgis import PostgisUnavailable, find_binaries, private_server
from tests.tools.indicators.conftest import demo
from tools.feature_table import columns_of, read_table
from tools.layers import load_catalogue
from tools.postgis.connection import close_connections

__all__ = ["demo"]
SERVICE, SCHEMA = "cspon_test", "plan"


@dataclass
class Twins:
    """The same layers as files and as tables."""

    files: Path
    tables: Path
    connection: object


def load(connection, spec, folder, name):
    """Copy a layer: integer key as in the file, attributes by the type of their values."""
    columns = columns_of(spec, folder)
    windows = list(read_table(spec, folder, None, columns))
    types = {}
    for column in columns:
        values = [v for w in windows for v in w.columns[column] if v is not None]
        kinds = {type(v) for v in values}
        types[column] = (
            "bigint" if kinds == {int} else "double precision" if kinds & {float} else "text"
        )
    listed = "".join(f', "{c}" {types[c]}' for c in columns)
    connection.execute(
        f'CREATE TABLE {SCHEMA}."{name}" (fid bigint PRIMARY KEY, geom geometry(Geometry, {spec.epsg}){listed})'
    )
    into = "".join(f', "{c}"' for c in columns)
    with connection.cursor().copy(f'COPY {SCHEMA}."{name}" (fid, geom{into}) FROM STDIN') as copy:
        for window in windows:
            shapes = shapely.to_wkb(
                shapely.set_srid(window.geometries, spec.epsg), hex=True, include_srid=True
            )
            for i, fid in enumerate(window.fids.tolist()):
                copy.write_row((fid, shapes[i], *(window.columns[c][i] for c in columns)))
    connection.execute(f'CREATE INDEX ON {SCHEMA}."{name}" USING gist (geom)')
    connection.execute(f'ANALYZE {SCHEMA}."{name}"')


def as_tables(connection, source: Path, target: Path, prefix: str = "") -> None:
    """Write the catalogue of a folder anew, its vector layers as tables, everything else as it is."""
    shutil.copytree(
        source, target, ignore=shutil.ignore_patterns("*.gpkg", "plan_2020", "projects")
    )
    raw = yaml.safe_load((source / "layers.yaml").read_text(encoding="utf-8"))
    for spec, entry in zip(load_catalogue(source).layers, raw["layers"], strict=True):
        if spec.geometry != "raster":
            name = f"{prefix}{spec.name}".lower()
            load(connection, spec, source, name)
            entry.update(path=f"postgis:{SERVICE}", layer=f"{SCHEMA}.{name}")
    (target / "layers.yaml").write_text(yaml.safe_dump(raw, allow_unicode=True), encoding="utf-8")


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A private server; its address stands in a service file."""
    try:
        find_binaries()
    except PostgisUnavailable as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    with private_server() as connection:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
        host = connection.info.host
        service = tmp_path_factory.mktemp("service") / "pg_service.conf"
        service.write_text(
            f"[{SERVICE}]\nhost={host}\nuser=postgres\ndbname=postgres\n"
            f"[no_such_server]\nhost={host}/nothing\nuser=postgres\ndbname=postgres\n"
        )
        before = os.environ.get("PGSERVICEFILE")
        os.environ["PGSERVICEFILE"] = str(service)
        try:
            yield connection
        finally:
            close_connections()
            if before is None:
                del os.environ["PGSERVICEFILE"]
            else:
                os.environ["PGSERVICEFILE"] = before


@pytest.fixture(scope="session")
def twins(server, demo, tmp_path_factory) -> Twins:
    target = tmp_path_factory.mktemp("tables") / "county"
    as_tables(server, demo, target)
    as_tables(server, demo / "plan_2020", target / "plan_2020", "old_")
    return Twins(demo, target, server)


@pytest.fixture
def random_boxes():
    """Reproducible windows inside an extent."""

    def make(extent, number, seed=5):
        rng = np.random.default_rng(seed)
        west, south, east, north = extent
        for _ in range(number):
            x, y = rng.uniform(west, east), rng.uniform(south, north)
            w, h = rng.uniform(50, 2500, 2)
            yield shapely.box(x, y, x + w, y + h)

    return make
