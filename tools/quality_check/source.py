"""Read a plan database: its files, its layers as the files declare them, and features in chunks.

GeoPackages are read through stdlib SQLite by ranges of keys, other formats through pyogrio (GDAL).
Unlike `tools.geopackage`, nothing is left out or refused: a missing, broken or three-dimensional
geometry is what the check is after.
"""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from tools.geometry.crs import epsg_of_definition
from tools.geometry.shapefile import shapefile_parts, table_encoding

CHUNK = 25_000
"""Features that one process holds at a time."""
SUFFIXES = (".gpkg", ".shp", ".gdb")
_ENVELOPE_BYTES = (0, 32, 48, 48, 64)
_SKIP = {f: 8 + _ENVELOPE_BYTES[(f >> 1) & 7] for f in range(256) if (f >> 1) & 7 < 5}
_DECLARED = re.compile(r"^\s*([A-Z ]+?)\s*(?:\(\s*(\d+)[\s,\d]*\))?\s*$")
_INTEGERS = {"INTEGER", "INT", "MEDIUMINT", "SMALLINT", "TINYINT", "BOOLEAN", "BIGINT"}
_NUMBERS = {"REAL", "DOUBLE", "FLOAT", "NUMERIC", "DECIMAL", "DOUBLE PRECISION"}


@dataclass(frozen=True)
class FieldInfo:
    """A field as the file declares it."""

    name: str
    type: str
    """text, integer, number, date or other."""
    length: int | None
    """Declared most characters; None where the file does not say."""


@dataclass(frozen=True)
class LayerFile:
    """A vector layer in a file."""

    file: Path
    name: str
    geometry_type: str
    """Upper case, as declared, e.g. MULTIPOLYGON or UNKNOWN."""
    fields: tuple[FieldInfo, ...]
    epsg: int | None
    """Of the plane coordinates; None when not declared or not a CGCS2000 system."""
    crs_problem: str
    """Why `epsg` is None, for a reader."""
    height_epsg: int | None
    features: int
    key: str = ""
    geometry_column: str = ""
    encoding: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(info.name for info in self.fields)


@dataclass
class Chunk:
    """Features of a layer: parallel arrays, one element a feature."""

    fids: npt.NDArray[np.int64]
    geometries: npt.NDArray[np.object_]
    """Two-dimensional; None where there is none or it does not parse."""
    missing: npt.NDArray[np.bool_]
    broken: npt.NDArray[np.bool_]
    raised: npt.NDArray[np.bool_]
    """Whether the geometry carries Z or M."""
    columns: dict[str, list[Any]]
    cache: dict[str, Any] = field(default_factory=dict)
    """What several checks compute once."""

    def __len__(self) -> int:
        return len(self.fids)


@dataclass(frozen=True)
class Database:
    """A plan database: a folder, or one file with layers."""

    path: Path
    is_folder: bool
    entries: tuple[str, ...]
    """Relative paths of files and directories, with / between folders; a .gdb is one entry."""
    layers: tuple[LayerFile, ...]
    unreadable: tuple[tuple[str, str], ...]
    """Files that should hold layers and do not open, with the reason."""


def open_database(path: Path) -> Database:
    """List a database's files and describe its layers.

    Raises:
        InputError: there is no such file or folder, or it is no database.
    """
    if not path.exists():
        raise InputError("找不到成果数据库", file=path, mend="写出成果文件夹、.gpkg 或 .gdb 的路径")
    is_folder = path.is_dir() and path.suffix.lower() != ".gdb"
    if not is_folder and path.suffix.lower() not in SUFFIXES:
        raise InputError(
            "不是成果文件夹、GeoPackage、Shapefile 或 FileGDB",
            file=path,
            mend="其他格式先用 GIS 软件转为 GeoPackage",
        )
    entries = tuple(_entries(path)) if is_folder else (path.name,)
    files = [path / entry for entry in entries] if is_folder else [path]
    layers: list[LayerFile] = []
    unreadable = []
    for file in files:
        if file.suffix.lower() not in SUFFIXES:
            continue
        try:
            layers += _describe(file)
        except InputError as error:
            unreadable.append(
                (str(file.relative_to(path)) if is_folder else file.name, error.message)
            )
    if not is_folder and unreadable:
        raise InputError(unreadable[0][1], file=path, mend="重新复制或重新导出该文件")
    return Database(path, is_folder, entries, tuple(layers), tuple(unreadable))


def _entries(folder: Path) -> Iterator[str]:
    for item in sorted(folder.iterdir()):
        if item.name.startswith(".") or item.name.endswith(("-wal", "-shm", "-journal")):
            continue
        yield item.name
        if item.is_dir() and item.suffix.lower() != ".gdb":
            yield from (f"{item.name}/{entry}" for entry in _entries(item))


def _describe(file: Path) -> list[LayerFile]:
    if file.suffix.lower() == ".gpkg":
        return _describe_geopackage(file)
    return _describe_ogr(file)


def _connect(file: Path) -> sqlite3.Connection:
    wal = file.with_name(file.name + "-wal")
    mode = "mode=ro" if wal.exists() and wal.stat().st_size else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(file.resolve()))}?{mode}", uri=True)
    connection.execute("PRAGMA query_only = 1")
    return connection


def _describe_geopackage(file: Path) -> list[LayerFile]:
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
            epsg, height, problem = _crs(
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


def _describe_ogr(file: Path) -> list[LayerFile]:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    lengths: dict[str, int] = {}
    encoding = None
    try:
        if file.suffix.lower() == ".shp":
            parts = shapefile_parts(file)
            missing = [s for s in (".shx", ".dbf") if s not in parts]
            if missing:
                raise InputError(f"Shapefile 不完整，缺少 {'、'.join(missing)}", file=file)
            encoding = table_encoding(parts)
            lengths = _dbf_lengths(parts[".dbf"], encoding)
        layers = []
        for name, kind in pyogrio.list_layers(file):
            if kind is None:
                continue
            info = pyogrio.read_info(
                file,
                layer=name,
                encoding="ISO-8859-1" if encoding else None,
                force_feature_count=True,
            )
            fields = tuple(
                FieldInfo(
                    _recoded(str(n), encoding),
                    _ogr_type(str(t)),
                    lengths.get(_recoded(str(n), encoding)),
                )
                for n, t in zip(info["fields"], info["ogr_types"], strict=True)
            )
            epsg, height, problem = _crs(info["crs"])
            layers.append(
                LayerFile(
                    file,
                    str(name),
                    str(kind).upper().replace(" ", ""),
                    fields,
                    epsg,
                    problem,
                    height,
                    int(info["features"]),
                    encoding=encoding,
                )
            )
    except (DataSourceError, DataLayerError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
        raise InputError(f"无法打开，可能已损坏（{reason}）", file=file) from None
    return layers


def _ogr_type(name: str) -> str:
    kinds = {"OFTString": "text", "OFTReal": "number", "OFTDate": "date", "OFTDateTime": "date"}
    return "integer" if name.startswith("OFTInteger") else kinds.get(name, "other")


def _dbf_lengths(file: Path, encoding: str) -> dict[str, int]:
    """Read the lengths of text fields from the header of a .dbf, in bytes as it declares them."""
    content = file.read_bytes()[:65_536]
    lengths, at = {}, 32
    while at + 32 <= len(content) and content[at] != 0x0D:
        name = content[at : at + 11].split(b"\0")[0].decode(encoding, "ignore")
        if content[at + 11 : at + 12] == b"C":
            lengths[name] = content[at + 16]
        at += 32
    return lengths


def _crs(definition: str | None) -> tuple[int | None, int | None, str]:
    """Return the plane system, the height system, and what is wrong with the plane one."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if not definition or "undefined" in definition.lower():
        return None, None, "没有定义坐标系"
    height = None
    try:
        crs = CRS.from_user_input(definition)
        if crs.is_compound:
            vertical = crs.sub_crs_list[1].to_epsg(min_confidence=70)
            height = int(vertical) if vertical else None
            definition = crs.sub_crs_list[0].to_wkt()
        else:
            definition = crs.to_wkt()
    except CRSError:
        return None, None, "坐标系定义无法识别"
    try:
        return epsg_of_definition(definition), height, ""
    except InputError as error:
        return None, height, error.message


def split(layer: LayerFile, *, size: int = CHUNK) -> list[tuple[int, int]]:
    """Divide a layer into ranges for `read_chunk`: keys of a GeoPackage, else positions."""
    if layer.key:
        connection = _connect(layer.file)
        keys = [
            row[0]
            for row in connection.execute(
                f"SELECT {_quoted(layer.key)} FROM {_quoted(layer.name)} ORDER BY 1"
            )
        ]
        connection.close()
        return [(part[0], part[-1]) for part in _parts(keys, size)]
    return [(start, size) for start in range(0, layer.features, size)]


def _parts(keys: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def read_chunk(layer: LayerFile, part: tuple[int, int], columns: tuple[str, ...]) -> Chunk:
    """Read a range of `split`, whatever its geometry is like.

    Raises:
        InputError: the file is damaged.
    """
    if layer.key:
        where = f"{_quoted(layer.key)} BETWEEN ? AND ?"
        return _read_rows(layer, where, part, columns)
    return _read_ogr(layer, columns, skip_features=part[0], max_features=part[1])


def read_features(layer: LayerFile, fids: list[int], columns: tuple[str, ...]) -> Chunk:
    """Read single features by their ids, in ascending order of id."""
    fids = sorted(set(fids))
    if not layer.key:
        return _read_ogr(layer, columns, fids=fids)
    chunks = [
        _read_rows(layer, f"{_quoted(layer.key)} IN ({','.join('?' * len(part))})", part, columns)
        for part in _parts(fids, 500)
    ]
    if not chunks:
        return _read_rows(layer, "0", (), columns)
    return Chunk(
        fids=np.concatenate([c.fids for c in chunks]),
        geometries=np.concatenate([c.geometries for c in chunks]),
        missing=np.concatenate([c.missing for c in chunks]),
        broken=np.concatenate([c.broken for c in chunks]),
        raised=np.concatenate([c.raised for c in chunks]),
        columns={name: [v for c in chunks for v in c.columns[name]] for name in columns},
    )


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
        raise InputError(
            f"读取要素时出错（{error}）", file=layer.file, layer=layer.name, mend="重新导出该图层"
        ) from None
    finally:
        connection.close()
    by_column = list(zip(*rows, strict=True)) or [()] * (2 + len(columns))
    wkb = [
        None if blob is None else blob[_SKIP.get(blob[3], 8) :] if len(blob) > 8 else b""
        for blob in by_column[1]
    ]
    return _chunk(
        np.array(by_column[0], dtype=np.int64),
        np.array([*wkb, None], dtype=object)[:-1],
        {name: list(by_column[2 + i]) for i, name in enumerate(columns)},
    )


def _read_ogr(layer: LayerFile, columns: tuple[str, ...], **which: Any) -> Chunk:
    from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, GeometryError
    from pyogrio.raw import read

    encoding = layer.encoding
    try:
        meta, fids, wkb, values = read(
            layer.file,
            layer=layer.name,
            encoding="ISO-8859-1" if encoding else None,
            return_fids=True,
            **which,
        )
    except (DataSourceError, DataLayerError, FeatureError, GeometryError) as error:
        raise InputError(
            f"读取要素时出错（{error}）", file=layer.file, layer=layer.name, mend="重新导出该图层"
        ) from None
    names = [_recoded(str(name), encoding) for name in meta["fields"]]
    return _chunk(
        fids.astype(np.int64),
        wkb,
        {
            name: [_plain(v, encoding) for v in values[names.index(name)].tolist()]
            for name in columns
        },
    )


def _plain(value: Any, encoding: str | None) -> Any:
    """Return None for what GDAL gives for a missing number, and decoded text."""
    if isinstance(value, str):
        return _recoded(value, encoding)
    return None if isinstance(value, float) and value != value else value


def _recoded(value: str, encoding: str | None) -> str:
    return value.encode("latin-1", "ignore").decode(encoding, "replace") if encoding else value


def _chunk(
    fids: npt.NDArray[np.int64], wkb: npt.NDArray[Any], columns: dict[str, list[Any]]
) -> Chunk:
    missing = np.array([blob is None for blob in wkb], dtype=bool)
    try:
        with np.errstate(invalid="ignore"):
            geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    except (NotImplementedError, TypeError):
        geometries = np.array([_one(blob) for blob in wkb] + [None], dtype=object)[:-1]
    none = np.array([g is None for g in geometries], dtype=bool)
    raised = shapely.has_z(geometries) | shapely.has_m(geometries)
    if raised.any():
        geometries[raised] = shapely.force_2d(geometries[raised])
    return Chunk(fids, geometries, missing, none & ~missing, raised, columns)


def _one(blob: bytes | None) -> Any:
    try:
        return shapely.from_wkb(blob, on_invalid="ignore")
    except (NotImplementedError, TypeError):
        return None


def _quoted(identifier: str) -> str:
    return identifier if identifier == "rowid" else '"' + identifier.replace('"', '""') + '"'
