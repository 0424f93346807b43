"""Fetch the rows of a window in bounded memory, and say what in them cannot be read."""

import sqlite3
from typing import TYPE_CHECKING, Any

from cspon.errors import InputError

if TYPE_CHECKING:
    from tools.geopackage import Table

MAX_WINDOW_BYTES = 512 * 2**20
"""Geometry held at a time: some 30 million vertices."""
_STEP = 256
"""Features fetched between two looks at the sum of bytes."""


def quoted(identifier: str) -> str:
    """Return an identifier as SQL writes it."""
    return '"' + identifier.replace('"', '""') + '"'


def fetch(table: "Table", cursor: sqlite3.Cursor, chunk: int) -> list[tuple[Any, ...]]:
    """Fetch at most `chunk` rows, fewer where their geometry is very large.

    Raises:
        InputError: more than `MAX_WINDOW_BYTES`, a text that is not UTF-8, or a damaged file.
    """
    rows: list[tuple[Any, ...]] = []
    size = 0
    try:
        while len(rows) < chunk and size < MAX_WINDOW_BYTES // 2:
            more = cursor.fetchmany(min(_STEP, chunk - len(rows)))
            if not more:
                break
            size += sum([len(row[1]) for row in more if row[1] is not None])
            rows += more
    except sqlite3.OperationalError as error:
        if "decode" not in str(error).lower():
            raise
        raise _not_utf8(table, str(error)) from None
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"读取要素时出错（{error}）",
            file=table.file,
            layer=table.name,
            mend="文件可能已损坏，重新导出该图层",
        ) from None
    if size > MAX_WINDOW_BYTES:
        largest = max((row for row in rows if row[1] is not None), key=lambda row: len(row[1]))
        raise InputError(
            f"项目附近的图形过大（{size / 2**20:.0f} MB），其中 {table.key}={largest[0]} 的图形"
            f" {len(largest[1]) / 2**20:.0f} MB、约 {len(largest[1]) // 16} 个顶点",
            file=table.file,
            layer=table.name,
            mend="把该图层切分（如按格网）后重新导出，再检查",
        )
    return rows


def _not_utf8(table: "Table", problem: str) -> InputError:
    """Name the field of a text that is not UTF-8, and the first feature that has one."""
    column = next((c for c in table.columns if f"'{c}'" in problem), None)
    fid = None
    if column is not None:
        table.connection.text_factory = bytes
        try:
            query = (
                f"SELECT {quoted(table.key)}, {quoted(column)} FROM {quoted(table.name)} "
                f"WHERE typeof({quoted(column)}) = 'text'"
            )
            for key, value in table.connection.execute(query):
                try:
                    value.decode("utf-8")
                except UnicodeDecodeError:
                    fid = key
                    break
        finally:
            table.connection.text_factory = str
    return InputError(
        "文字不是 UTF-8 编码" + ("" if fid is None else f"（{table.key}={fid}）"),
        file=table.file,
        layer=table.name,
        field=column,
        mend="GeoPackage 的文字须为 UTF-8；用 GIS 软件按 GBK 读入后重新导出",
    )
