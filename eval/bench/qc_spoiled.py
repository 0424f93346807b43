"""Generated parcels with planted defects, so that equal findings of two engines say something."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from tools.quality_check.database import open_database
from tools.quality_check.features import LayerFile
from tools.quality_check.source import read_features

SRS = 4547
MOST_OF_EACH = 50
"""Planted times of each defect: few enough that every finding is listed, not only counted."""


@dataclass(frozen=True)
class Parcel:
    """A parcel that a defect starts from."""

    fid: int
    shape: Any
    bsm: str
    dlbm: str


def spoil(source: Path, out: Path, *, seed: int, parcels: int) -> LayerFile:
    """Copy a GeoPackage of parcels and plant each defect up to `MOST_OF_EACH` times.

    Args:
        source: GeoPackage with the layer DLTB (fid, geom, BSM, DLBM).
        out: The copy; replaced.
        seed: Equal seeds plant equal defects.
        parcels: Parcels in the source.
    """
    shutil.copyfile(source, out)
    layer = open_database(out).layers[0]
    times = min(MOST_OF_EACH, max(1, parcels // (60 * len(DEFECTS))))
    chosen = np.random.default_rng(seed).choice(parcels, times * len(DEFECTS), replace=False) + 1
    chunk = read_features(layer, chosen.tolist(), ("BSM", "DLBM"))
    order = np.random.default_rng(seed).permutation(len(chunk))
    database = sqlite3.connect(out)
    triggers = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'rtree_%'"
    ).fetchall()
    for (name,) in triggers:  # they need functions that plain SQLite lacks
        database.execute(f'DROP TRIGGER "{name}"')
    for number, row in enumerate(order.tolist()):
        parcel = Parcel(
            int(chunk.fids[row]),
            chunk.geometries[row],
            str(chunk.columns["BSM"][row]),
            str(chunk.columns["DLBM"][row]),
        )
        DEFECTS[number % len(DEFECTS)](database, parcel)
    database.commit()
    database.close()
    return open_database(out).layers[0]


def _blob(shape: Any) -> bytes:
    flags = 0b10001 if shape.is_empty else 0b1
    wkb: bytes = shapely.to_wkb(shape, byte_order=1)
    return b"GP\x00" + bytes([flags]) + SRS.to_bytes(4, "little") + wkb


def _set(database: sqlite3.Connection, parcel: Parcel, shape: Any) -> None:
    blob = None if shape is None else _blob(shape)
    database.execute("UPDATE DLTB SET geom = ? WHERE fid = ?", (blob, parcel.fid))


def _add(database: sqlite3.Connection, parcel: Parcel, shape: Any) -> None:
    (last,) = database.execute("SELECT max(fid) FROM DLTB").fetchone()
    database.execute(
        "INSERT INTO DLTB VALUES (?, ?, ?, ?)",
        (last + 1, _blob(shape), f"99{last + 1:016d}", parcel.dlbm),
    )


def _middle(parcel: Parcel) -> tuple[float, float]:
    point = shapely.point_on_surface(parcel.shape)
    return float(point.x), float(point.y)


def _moved(database: sqlite3.Connection, parcel: Parcel) -> None:
    _set(database, parcel, shapely.transform(parcel.shape, lambda xy: np.add(xy, (2.0, 1.3))))


def _removed(database: sqlite3.Connection, parcel: Parcel) -> None:
    database.execute("DELETE FROM DLTB WHERE fid = ?", (parcel.fid,))


def _doubled(database: sqlite3.Connection, parcel: Parcel) -> None:
    _add(database, parcel, parcel.shape)


def _tiny(database: sqlite3.Connection, parcel: Parcel) -> None:
    x, y = _middle(parcel)
    _add(database, parcel, shapely.box(x, y, x + 0.7, y + 0.7))


def _thin(database: sqlite3.Connection, parcel: Parcel) -> None:
    x, y = _middle(parcel)
    _add(database, parcel, shapely.box(x, y, x + 0.3, y + 9.0))


def _crossed(database: sqlite3.Connection, parcel: Parcel) -> None:
    """Give the parcel a hole whose ring crosses itself.

    Not its outer ring: whether two pieces meet in a crossing on a neighbour's edge hangs on the last
    bit of a rounded number, and engines differ there for no fault of theirs.
    """
    x, y = np.round(_middle(parcel), 3)
    ring = [(x - 0.5, y - 0.5), (x + 0.5, y + 0.5), (x + 0.5, y - 0.5), (x - 0.5, y + 0.5)]
    _set(database, parcel, shapely.Polygon(parcel.shape.exterior, [ring]))


def _needle(database: sqlite3.Connection, parcel: Parcel) -> None:
    xy = shapely.get_coordinates(parcel.shape.exterior)
    along = (xy[1] - xy[0]) / np.hypot(*(xy[1] - xy[0]))
    base = (xy[0] + xy[1]) / 2
    tip = base + np.array([along[1], -along[0]]) * 20.0
    _set(
        database,
        parcel,
        shapely.Polygon(np.insert(xy, 1, [base - along * 0.05, tip, base + along * 0.05], 0)),
    )


def _close_vertex(database: sqlite3.Connection, parcel: Parcel) -> None:
    xy = shapely.get_coordinates(parcel.shape.exterior)
    step = (xy[1] - xy[0]) / np.hypot(*(xy[1] - xy[0])) * 0.0004
    _set(database, parcel, shapely.Polygon(np.insert(xy, 1, xy[0] + step, 0)))


def _halved(database: sqlite3.Connection, parcel: Parcel) -> None:
    x, _ = _middle(parcel)
    _set(database, parcel, shapely.difference(parcel.shape, shapely.box(x - 2, -1e7, x, 1e7)))


def _heights(database: sqlite3.Connection, parcel: Parcel) -> None:
    _set(database, parcel, shapely.force_3d(parcel.shape, 12.5))


def _as_line(database: sqlite3.Connection, parcel: Parcel) -> None:
    _set(database, parcel, shapely.LineString(shapely.get_coordinates(parcel.shape)[:3]))


def _null(database: sqlite3.Connection, parcel: Parcel) -> None:
    _set(database, parcel, None)


def _empty(database: sqlite3.Connection, parcel: Parcel) -> None:
    _set(database, parcel, shapely.Polygon())


def _value(field: str, value: str | None) -> Any:
    def plant(database: sqlite3.Connection, parcel: Parcel) -> None:
        database.execute(f"UPDATE DLTB SET {field} = ? WHERE fid = ?", (value, parcel.fid))

    return plant


DEFECTS = (
    _moved, _removed, _doubled, _tiny, _thin, _crossed, _needle, _close_vertex, _halved, _heights,
    _as_line, _null, _empty, _value("BSM", "990200200100000001"), _value("BSM", "9902"),
    _value("BSM", None), _value("DLBM", "9999"), _value("DLBM", " "),
)  # fmt: skip
