import datetime
import os
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import shapely

from cspon.errors import CsponError, InputError, SetupError
from tools.geopackage import count_indexed, open_table
from tools.layers import layer_by_role, layer_state, load_catalogue, open_layer, read_window
from tools.postgis.connection import (
    close_connections,
    in_postgis,
    one_state,
    service_of,
    transaction,
)
from tools.postgis.table import _plain, open_postgis, read_postgis_boxes, split_layer

PATH = "postgis:cspon_test"


def test_a_path_names_a_service():
    assert in_postgis(PATH) and service_of(PATH) == "cspon_test"
    assert not in_postgis("DLTB.gpkg")


@pytest.mark.parametrize("layer", [None, "", "a.b.c", ".a", "a."])
def test_a_layer_that_is_no_table_is_refused(layer):
    with pytest.raises(InputError, match=r"模式\.表"):
        split_layer(layer, PATH)


def test_a_table_without_schema_is_public():
    assert split_layer("dltb", PATH) == ("public", "dltb")
    assert split_layer("plan.dltb", PATH) == ("plan", "dltb")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Decimal("1.50"), 1.5), (True, 1), (None, None), ("水田", "水田"), (7, 7),
        (datetime.date(2025, 12, 31), "2025-12-31"), (memoryview(b"x"), b"x"),
    ],
)  # fmt: skip
def test_values_are_those_of_a_geopackage(value, plain):
    assert _plain(value) == plain
    assert type(_plain(value)) is type(plain)


@pytest.mark.integration
def test_windows_are_those_of_the_file(twins, random_boxes):
    files, tables = load_catalogue(twins.files), load_catalogue(twins.tables)
    for role in ("land_use", "roads", "population", "ecological_redline"):
        ours, theirs = layer_by_role(tables, role), layer_by_role(files, role)
        extent = open_layer(theirs, twins.files).extent
        assert open_layer(ours, twins.tables).extent == pytest.approx(extent, abs=1e-3)
        shapes = [*random_boxes(extent, 20), shapely.MultiPolygon(list(random_boxes(extent, 6)))]
        for window in shapes:
            a = read_window(theirs, twins.files, window)
            b = read_window(ours, twins.tables, window)
            order = np.argsort(a.fids)
            assert np.array_equal(np.sort(b.fids), a.fids[order])
            again = np.argsort(b.fids)
            assert shapely.equals_exact(a.geometries[order], b.geometries[again]).all()
            assert (a.codes[order] == b.codes[again]).all()
            assert (a.names[order] == b.names[again]).all()


@pytest.mark.integration
def test_pieces_hold_no_more_than_asked_and_miss_nothing(twins):
    table = open_postgis(PATH, "plan.dltb")
    everywhere = [(-1e9, -1e9, 1e9, 1e9)]
    sizes, fids = [], []
    for window in read_postgis_boxes(table, everywhere, ("DLBM",), chunk=300):
        sizes.append(len(window))
        fids += window.fids.tolist()
    assert max(sizes) <= 300
    assert (
        len(fids) == len(set(fids)) == count_indexed(open_table(twins.files / "DLTB.gpkg", "DLTB"))
    )


@pytest.mark.integration
def test_a_read_sees_one_state_and_writes_nothing(twins):
    table = open_postgis(PATH, "plan.dltb")
    before = layer_state(layer_by_role(load_catalogue(twins.tables), "land_use"), twins.tables)
    windows = read_postgis_boxes(table, [(-1e9, -1e9, 1e9, 1e9)], (), chunk=500)
    seen = len(next(windows))
    twins.connection.execute("CREATE TABLE plan.kept AS SELECT * FROM plan.dltb")
    twins.connection.execute("DELETE FROM plan.dltb")
    try:
        seen += sum(len(w) for w in windows)
        assert open_postgis(PATH, "plan.dltb").last_change != table.last_change
        assert before == (table.last_change,)
    finally:
        twins.connection.execute("INSERT INTO plan.dltb SELECT * FROM plan.kept")
        twins.connection.execute("DROP TABLE plan.kept")
    assert seen == count_indexed(open_table(twins.files / "DLTB.gpkg", "DLTB"))
    with pytest.raises(CsponError), transaction(PATH) as connection:
        connection.execute("DELETE FROM plan.dltb")


@pytest.mark.integration
def test_what_is_wrong_is_told(server):
    server.execute("CREATE TABLE plan.bare (fid bigint PRIMARY KEY, geom geometry)")
    server.execute("CREATE TABLE plan.keyless (geom geometry(Polygon, 4547))")
    server.execute(
        "CREATE TABLE plan.curved (fid int PRIMARY KEY, geom geometry(CurvePolygon, 4547))"
    )
    server.execute(
        "INSERT INTO plan.curved VALUES (9, ST_GeomFromText("
        "'CURVEPOLYGON(CIRCULARSTRING(0 0, 1 1, 2 0, 1 -1, 0 0))', 4547))"
    )
    with pytest.raises(InputError, match="没有声明坐标系"):
        open_postgis(PATH, "plan.bare")
    with pytest.raises(InputError, match="没有整数主键"):
        open_postgis(PATH, "plan.keyless")
    with pytest.raises(InputError, match=r"plan\.none 不在库里.*plan\.bare"):
        open_postgis(PATH, "plan.none")
    with pytest.raises(InputError, match="不在库里"):
        open_postgis(PATH, 'plan.x"; DROP TABLE y; --')
    curved = open_postgis(PATH, "plan.curved")
    assert not curved.indexed
    with pytest.raises(InputError, match="fid=9"):
        list(read_postgis_boxes(curved, [(-5, -5, 5, 5)], (), chunk=10))
    with pytest.raises(SetupError, match="没有名为 nowhere 的数据库服务"):
        open_postgis("postgis:nowhere", "plan.bare")
    with pytest.raises(SetupError, match="no_such_server 连接"):
        open_postgis("postgis:no_such_server", "plan.bare")


@pytest.mark.integration
def test_no_right_to_read_is_told(server):
    server.execute("CREATE TABLE plan.secret (fid int PRIMARY KEY, geom geometry(Point, 4547))")
    server.execute("CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA plan TO reader")
    with Path(os.environ["PGSERVICEFILE"]).open("a") as out:
        out.write(f"[as_reader]\nhost={server.info.host}\nuser=reader\ndbname=postgres\n")
    with pytest.raises(InputError, match="SELECT"):
        list(
            read_postgis_boxes(
                open_postgis("postgis:as_reader", "plan.secret"), [(0, 0, 1, 1)], (), chunk=5
            )
        )


@pytest.mark.integration
def test_one_result_sees_one_state(server):
    server.execute("CREATE TABLE plan.moving (fid int PRIMARY KEY, geom geometry(Point, 4547))")
    server.execute("INSERT INTO plan.moving VALUES (1, ST_SetSRID(ST_MakePoint(1, 1), 4547))")

    def fids(table):
        windows = read_postgis_boxes(table, [(-9, -9, 9, 9)], (), chunk=5)
        return [fid for window in windows for fid in window.fids.tolist()]

    with one_state():
        before = open_postgis(PATH, "plan.moving")
        server.execute("INSERT INTO plan.moving VALUES (2, ST_SetSRID(ST_MakePoint(2, 2), 4547))")
        with one_state():
            again = open_postgis(PATH, "plan.moving")
            side_by_side = zip(
                read_postgis_boxes(again, [(-9, -9, 9, 9)], (), chunk=1),
                read_postgis_boxes(again, [(-9, -9, 9, 9)], (), chunk=1),
                strict=True,
            )
            assert all(a.fids.tolist() == b.fids.tolist() for a, b in side_by_side)
        assert again.last_change == before.last_change and fids(again) == [1]
    after = open_postgis(PATH, "plan.moving")
    assert after.last_change != before.last_change and fids(after) == [1, 2]
    server.execute("UPDATE plan.moving SET geom = geom WHERE fid = 1")
    assert open_postgis(PATH, "plan.moving").last_change != after.last_change


@pytest.mark.integration
def test_a_connection_that_died_is_replaced(server):
    close_connections()
    with transaction(PATH) as connection:
        process = connection.info.backend_pid
    server.execute("SELECT pg_terminate_backend(%s)", (process,))
    with transaction(PATH) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
