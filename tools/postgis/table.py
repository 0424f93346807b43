"""A table of PostGIS as the tools read layers: near boxes, in pieces, each feature once.

Gives the same windows as `tools.geopackage`. The geometry column's own index answers `&&`; curves are
refused as they are there, Z and M are dropped.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.geopackage import Box, Window
from tools.geopackage_rows import MAX_WINDOW_BYTES
from tools.postgis.connection import transaction

_INTEGERS = ("smallint", "integer", "bigint")
_STEP = 256
_MOST_DESCRIBED = 512
_described: dict[tuple[str, str, str, str], "PostgisTable"] = {}
"""By service, schema, table and snapshot: the same snapshot is the same table."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class PostgisTable:
    """A feature table of a PostGIS database."""

    file: str
    """`postgis:` and the service: what error messages name."""
    schema: str
    name: str
    key: str
    """Integer primary key."""
    geometry_column: str
    columns: tuple[str, ...]
    """Attributes, without key and geometry."""
    srid: int
    srs_epsg: int | None
    last_change: str
    """Database, rows and youngest row version (greatest `xmin`): every insert, update and delete that
    is visible changes it. It is no hash of the content, and a restored dump has another."""
    geometry_type: str
    indexed: bool
    """Whether the geometry column has a spatial index."""

    @property
    def extent(self) -> Box | None:
        """Extent of all features; measured once for each state of the table."""
        return _extent(self)


def open_postgis(path: str, layer: str | None) -> PostgisTable:
    """Describe a table.

    Args:
        path: `postgis:` and the service.
        layer: `schema.table`, or a table of schema `public`.

    Raises:
        InputError: no such table, no geometry column, no SRID, no integer primary key.
        SetupError: as `transaction`.
    """
    schema, name = split_layer(layer, path)
    with transaction(path) as connection:
        state = connection.execute("SELECT pg_current_snapshot()::text").fetchone()[0]
        known = (path, schema, name, state)
        if known not in _described:
            while len(_described) >= _MOST_DESCRIBED:
                _described.pop(next(iter(_described)), None)
            _described[known] = _describe(connection, path, schema, name)
        return _described[known]


def split_layer(layer: str | None, path: str) -> tuple[str, str]:
    """Return schema and table.

    Raises:
        InputError: no table is named, or too many parts.
    """
    parts = (layer or "").split(".")
    if len(parts) > 2 or not all(parts):
        raise InputError(
            f"“{layer or ''}”不是 模式.表", file=path, field="layer", mend="例如 layer: plan.dltb"
        )
    return ("public", parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def _describe(connection: Any, path: str, schema: str, name: str) -> PostgisTable:
    row = connection.execute(
        "SELECT f_geometry_column, srid, type FROM geometry_columns "
        "WHERE f_table_schema = %s AND f_table_name = %s",
        (schema, name),
    ).fetchall()
    layer = f"{schema}.{name}"
    if len(row) != 1:
        raise _no_table(connection, path, schema, name, len(row))
    column, srid, kind = row[0]
    if not srid:
        raise InputError(
            "图形字段没有声明坐标系（SRID 为 0）", file=path, layer=layer, field=column,
            mend=f"SELECT UpdateGeometrySRID('{schema}', '{name}', '{column}', 4547)",
        )  # fmt: skip
    epsg = connection.execute(
        "SELECT auth_srid FROM spatial_ref_sys WHERE srid = %s AND upper(auth_name) = 'EPSG'",
        (srid,),
    ).fetchone()
    types = connection.execute(
        "SELECT a.attname, format_type(a.atttypid, NULL), coalesce(i.indisprimary, false), c.oid "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
        "LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary "
        "AND array_length(i.indkey::int2[], 1) = 1 AND a.attnum = i.indkey[0] "
        "WHERE n.nspname = %s AND c.relname = %s ORDER BY a.attnum",
        (schema, name),
    ).fetchall()
    key = next(
        (n for n, type_name, primary, _ in types if primary and type_name in _INTEGERS), None
    )
    if key is None:
        raise InputError(
            "表没有整数主键，不能指明要素", file=path, layer=layer,
            mend=f"ALTER TABLE {schema}.{name} ADD COLUMN fid bigserial PRIMARY KEY",
        )  # fmt: skip
    oid = types[0][3]
    rows, youngest = connection.execute(
        f"SELECT count(*), max(xmin::text::int8) FROM {_quoted(schema)}.{_quoted(name)}"
    ).fetchone()
    indexed = connection.execute(
        "SELECT EXISTS (SELECT FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid "
        "JOIN pg_am m ON m.oid = x.relam JOIN pg_attribute a ON a.attrelid = i.indrelid "
        "AND a.attnum = i.indkey[0] WHERE i.indrelid = %s AND a.attname = %s "
        "AND m.amname IN ('gist', 'spgist', 'brin') AND i.indpred IS NULL)",
        (oid, column),
    ).fetchone()
    return PostgisTable(
        file=path,
        schema=schema,
        name=name,
        key=key,
        geometry_column=column,
        columns=tuple(n for n, *_ in types if n not in (key, column)),
        srid=srid,
        srs_epsg=int(epsg[0]) if epsg else None,
        last_change=f"{connection.info.dbname}/{layer}（{rows} 行，xmin {youngest or 0}）",
        geometry_type=str(kind).upper(),
        indexed=bool(indexed[0]),
    )


@lru_cache(maxsize=256)
def _extent(table: PostgisTable) -> Box | None:
    column = _quoted(table.geometry_column)
    sides = "min(ST_XMin(g)), min(ST_YMin(g)), max(ST_XMax(g)), max(ST_YMax(g))"
    with transaction(table.file) as connection:
        row = connection.execute(
            f"SELECT {sides} FROM (SELECT {column} AS g FROM {_place(table)}) t"
        ).fetchone()
    west, south, east, north = row
    return None if west is None else (west, south, east, north)


def without_geometry(table: PostgisTable, most: int) -> tuple[int, tuple[int, ...]]:
    """Count the features without a geometry and name some of them."""
    column = _quoted(table.geometry_column)
    missing = f"FROM {_place(table)} WHERE {column} IS NULL OR ST_IsEmpty({column})"
    with transaction(table.file) as connection:
        total = int(connection.execute(f"SELECT count(*) {missing}").fetchone()[0])
        key = _quoted(table.key)
        rows = connection.execute(
            f"SELECT {key} {missing} ORDER BY {key} LIMIT %s", (most,)
        ).fetchall()
    return total, tuple(int(row[0]) for row in rows)


def read_postgis_boxes(
    table: PostgisTable, boxes: list[Box], columns: tuple[str, ...], *, chunk: int
) -> Iterator[Window]:
    """Yield the features whose boxes meet any of the boxes, each feature once, all of one snapshot.

    Raises:
        InputError: a feature does not parse, or those near are too large to hold.
        SetupError: as `transaction`.
    """
    if not boxes:
        return
    with transaction(table.file) as connection, connection.cursor(name=_cursor_name()) as cursor:
        cursor.execute(_box_query(table, columns, len(boxes)), _box_parameters(table, boxes))
        while rows := _fetch(table, cursor, chunk):
            yield _window(table, rows, columns)


def _cursor_name() -> str:
    """Name a cursor: several may be open in one transaction."""
    return f"cspon_{next(_numbers)}"


def _box_query(table: PostgisTable, columns: tuple[str, ...], boxes: int) -> str:
    """One box is asked for directly; several through the keys of what they meet, each once."""
    key, column = _quoted(table.key), _quoted(table.geometry_column)
    wanted = "".join(f", t.{_quoted(name)}" for name in columns)
    head = f"SELECT t.{key}, ST_AsBinary(ST_Force2D(t.{column})){wanted} FROM {_place(table)} t"
    some = f"NOT ST_IsEmpty(t.{column})"
    if boxes == 1:
        near = f"t.{column} && ST_MakeEnvelope(%s, %s, %s, %s, %s)"
        return f"{head} WHERE {some} AND {near} ORDER BY t.{key}"
    sides = ", ".join(["%s::float8[]"] * 4)
    return (
        f"{head} JOIN (SELECT DISTINCT s.{key} AS hit FROM unnest({sides}) AS box(a, b, c, d) "
        f"JOIN {_place(table)} s ON s.{column} && ST_MakeEnvelope(a, b, c, d, %s)) h "
        f"ON h.hit = t.{key} WHERE {some} ORDER BY t.{key}"
    )


def _box_parameters(table: PostgisTable, boxes: list[Box]) -> tuple[Any, ...]:
    if len(boxes) == 1:
        return (*boxes[0], table.srid)
    return (*(list(side) for side in zip(*boxes, strict=True)), table.srid)


def _fetch(table: PostgisTable, cursor: Any, chunk: int) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    while len(rows) < chunk and size < MAX_WINDOW_BYTES // 2:
        more = cursor.fetchmany(min(_STEP, chunk - len(rows)))
        if not more:
            break
        size += sum(len(row[1]) for row in more)
        rows += more
    if size > MAX_WINDOW_BYTES:
        largest = max(rows, key=lambda row: len(row[1]))
        raise InputError(
            f"项目附近的图形过大（{size / 2**20:.0f} MB），其中 {table.key}={largest[0]} 的图形"
            f" {len(largest[1]) / 2**20:.0f} MB",
            file=table.file,
            layer=f"{table.schema}.{table.name}",
            mend="用 ST_Subdivide 切分该要素后再检查",
        )
    return rows


def _window(table: PostgisTable, rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> Window:
    by_column = list(zip(*rows, strict=True))
    try:
        geometries = shapely.from_wkb(np.array(by_column[1], dtype=object))
    except (TypeError, NotImplementedError, shapely.errors.GEOSException):
        raise InputError(
            f"图形无法解析（{table.key}={_first_broken(rows)}）",
            file=table.file,
            layer=f"{table.schema}.{table.name}",
            field=table.geometry_column,
            mend="修复或删除该要素（圆弧用 ST_CurveToLine 打散为折线）",
        ) from None
    return Window(
        fids=np.array(by_column[0], dtype=np.int64),
        geometries=geometries,
        columns={name: [_plain(v) for v in by_column[2 + i]] for i, name in enumerate(columns)},
    )


def _first_broken(rows: list[tuple[Any, ...]]) -> int:
    for row in rows:
        try:
            shapely.from_wkb(row[1])
        except (TypeError, NotImplementedError, shapely.errors.GEOSException):
            return int(row[0])
    raise AssertionError("the rows parse one by one but not together")


def _plain(value: Any) -> Any:
    """Return a value as a GeoPackage would hold it: text, number, bytes or nothing."""
    match value:
        case bool():
            return int(value)
        case None | str() | int() | float() | bytes():
            return value
        case Decimal():
            return float(value)
        case datetime() | date():
            return value.isoformat()
        case memoryview():
            return bytes(value)
        case _:
            return str(value)


def _no_table(connection: Any, path: str, schema: str, name: str, found: int) -> InputError:
    known = connection.execute(
        "SELECT f_table_schema || '.' || f_table_name FROM geometry_columns ORDER BY 1 LIMIT 30"
    ).fetchall()
    hidden = connection.execute(
        "SELECT NOT has_table_privilege(c.oid, 'SELECT') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = %s AND relname = %s",
        (schema, name),
    ).fetchone()
    if hidden is not None and hidden[0]:
        return InputError(
            f"没有读取表 {schema}.{name} 的权限", file=path, layer=f"{schema}.{name}",
            mend="请数据库管理员授予该表的 SELECT 权限",
        )  # fmt: skip
    problem = "有不止一个图形字段" if found else "不在库里，或没有图形字段"
    listed = "、".join(row[0] for row in known) or "（无）"
    return InputError(
        f"表 {schema}.{name} {problem}；库里有：{listed}", file=path, field="layer",
        mend="改正 layers.yaml 的 layer",
    )  # fmt: skip


def _place(table: PostgisTable) -> str:
    return f"{_quoted(table.schema)}.{_quoted(table.name)}"


def _quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
