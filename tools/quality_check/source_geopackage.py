"""Read layers of GeoPackages through stdlib SQLite, by ranges of keys."""

import re
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from cspon.errors import InputError
from tools.quality_check.features import (
    Chunk,
    FieldInfo,
    LayerFile,
    declared_systems,
    make_chunk,
)

MOST_BYTES = 512 * 1024 * 1024
"""A larger geometry is refused: its vertices would not fit beside their checks."""
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_SKIP = {f: 8 + _ENVELOPE_BYTES[(f >> 1) & 7] for f in range(256) if (f >> 1) & 7 < 5}
_DECLARED = re.compile(r"^\s*([A-Z ]+?)\s*(?:\(\s*(\d+)[\s,\d]*\))?\s*$")
_INTEGERS = {"INTEGER", "INT", "MEDIUMINT", "SMALLINT", "TINYINT", "BOOLEAN", "BIGINT"}
_NUMBERS = {"REAL", "DOUBLE", "FLOAT", "NUMERIC", "DECIMAL", "DOUBLE PRECISION"}


def _connect(file: Path) -> sqlite3.Connection:
    wal = file.with_name(file.name + "-wal")
    mode = "mode=ro" if wal.exists() and wal.stat().st_size else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(file.resolve()))}?{mode}", uri=True)
    connection.execute("PRAGMA query_only = 1")
    return connection


def describe_geopackage(file: Path) -> list[LayerFile]:
    """Describe the layers of a GeoPackage.

    Raises:
        InputError: it is damaged, or no GeoPackage.
    """
    try:
        connection = _connect(file)
        rows = connection.execute(
            "SELECT g.table_name, g.column_name, g.geometry_type_name, s.organization, "
            "s.organization_coordsys_id, s.definition FROM gpkg_geometry_columns g "
            "LEFT JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id ORDER BY g.table_name"
        ).fetchall()
        layers = []
        for name, column, kind, organization, code, definition in rows:
            info = connection.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
            key = next((row[1] for row in info if row[5]), "rowid")
            fields = tuple(
                _declared(row[1], row[2] or "") for row in info if row[1] not in (key, column)
            )
            count = connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()[0]
            epsg, height, problem = declared_systems(
                f"EPSG:{code}" if (organization or "").upper() == "EPSG" else definition
            )
            layers.append(
                LayerFile(
                    file, name, str(kind).upper(), fields, epsg, problem, height, count, key, column
                )
            )
        connection.close()
    except sqlite3.DatabaseError as error:
        raise InputError(f"不是可用的 GeoPackage（{error}）", file=file) from None
    return layers


def _declared(name: str, declared: str) -> FieldInfo:
    match = _DECLARED.match(declared.upper())
    kind, length = (match[1], match[2]) if match else (declared.upper(), None)
    if kind in _INTEGERS:
        return FieldInfo(name, "integer", None)
    if kind in _NUMBERS:
        return FieldInfo(name, "number", None)
    if kind.startswith(("TEXT", "VARCHAR", "CHAR", "NVARCHAR")):
        return FieldInfo(name, "text", int(length) if length else None)
    return FieldInfo(name, "date" if kind.startswith("DATE") else "other", None)


def layer_keys(layer: LayerFile) -> list[tuple[int, int]]:
    """List the keys of a layer in order, each with the bytes of its geometry.

    Raises:
        InputError: the file is damaged, or a geometry is too large to be read.
    """
    connection = _connect(layer.file)
    try:
        query = (
            f"SELECT {_quoted(layer.key)}, coalesce(length({_quoted(layer.geometry_column)}), 0) "
            f"FROM {_quoted(layer.name)} ORDER BY 1"
        )
        keys: list[tuple[int, int]] = connection.execute(query).fetchall()
    except sqlite3.DatabaseError as error:
        raise _damaged(layer, error) from None
    finally:
        connection.close()
    for fid, size in keys:
        if size > MOST_BYTES:
            raise InputError(
                f"要素 {fid} 的图形有 {size:,} 字节，超过 {MOST_BYTES:,} 字节的上限",
                file=layer.file,
                layer=layer.name,
                row=fid,
                mend="切分或概化该图形",
            )
    return keys


def read_range(layer: LayerFile, part: tuple[int, int], columns: tuple[str, ...]) -> Chunk:
    """Read the features between two keys, both included."""
    return _read_rows(layer, f"{_quoted(layer.key)} BETWEEN ? AND ?", part, columns)


def read_keys(layer: LayerFile, keys: list[int], columns: tuple[str, ...]) -> Chunk:
    """Read a few hundred features by their keys."""
    marks = ",".join("?" * len(keys))
    return _read_rows(layer, f"{_quoted(layer.key)} IN ({marks})", keys, columns)


def _read_rows(layer: LayerFile, where: str, values: Any, columns: tuple[str, ...]) -> Chunk:
    names = "".join(f", {_quoted(name)}" for name in columns)
    key = _quoted(layer.key)
    query = (
        f"SELECT {key}, {_quoted(layer.geometry_column)}{names} FROM {_quoted(layer.name)} "
        f"WHERE {where} ORDER BY {key}"
    )
    connection = _connect(layer.file)
    try:
        try:
            rows = connection.execute(query, tuple(values)).fetchall()
        except sqlite3.OperationalError as error:
            if "decode" not in str(error).lower():
                raise
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            rows = connection.execute(query, tuple(values)).fetchall()
    except sqlite3.DatabaseError as error:
        raise _damaged(layer, error) from None
    finally:
        connection.close()
    by_column = list(zip(*rows, strict=True)) or [()] * (2 + len(columns))
    wkb = [
        None if blob is None else blob[_SKIP.get(blob[3], 8) :] if len(blob) > 8 else b""
        for blob in by_column[1]
    ]
    return make_chunk(
        np.array(by_column[0], dtype=np.int64),
        np.array([*wkb, None], dtype=object)[:-1],
        {name: list(by_column[2 + i]) for i, name in enumerate(columns)},
    )


def _damaged(layer: LayerFile, error: Exception) -> InputError:
    return InputError(
        f"读取要素时出错，文件可能已损坏（{error}）",
        file=layer.file,
        layer=layer.name,
        mend="重新复制或重新导出该图层",
    )


def _quoted(identifier: str) -> str:
    return identifier if identifier == "rowid" else '"' + identifier.replace('"', '""') + '"'
