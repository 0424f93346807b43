"""A plan database on disk: its files, and the layers that they hold."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cspon.errors import InputError
from tools.quality_check.features import LayerFile
from tools.quality_check.source_geopackage import describe_geopackage
from tools.quality_check.source_ogr import describe_ogr

SUFFIXES = (".gpkg", ".shp", ".gdb")


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
        return describe_geopackage(file)
    return describe_ogr(file)
