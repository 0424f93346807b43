"""Commuting: times of the pairs of an origin–destination table on the road network.

A table is CSV (UTF-8 or GBK) with a header. Places are coordinates in the layers' system or codes
of the town layer, whose inner point stands for all who live or work there.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely

from cspon.errors import InputError
from tools.accessibility.attach import attach
from tools.accessibility.distances import network_distances
from tools.accessibility.network import Floats, Network
from tools.accessibility.parameters import Mode
from tools.accessibility.place import Place
from tools.feature_table import read_table

ZONES = "admin_town"
_PEOPLE = ("人数", "people")
_CODES = (("起点", "终点"), ("from", "to"))
_COORDINATES = (
    ("起点X", "起点Y", "终点X", "终点Y"),
    ("from_x", "from_y", "to_x", "to_y"),
)
_CELLS = 4_000_000
HEADER = "起点,终点,人数（起讫点为乡镇代码）或 起点X,起点Y,终点X,终点Y,人数"


@dataclass(frozen=True)
class Pairs:
    """Rows of the table: parallel arrays."""

    origins: Floats
    """Shape (rows, 2)."""
    destinations: Floats
    people: Floats


def read_pairs(file: Path, place: Place) -> Pairs:
    """Read an origin–destination table.

    Raises:
        InputError: no such file, a column is missing, or a row is wrong: named by its number.
    """
    rows = _rows(file)
    header = rows[0].keys() if rows else ()
    people = next((c for c in _PEOPLE if c in header), None)
    codes = next((pair for pair in _CODES if set(pair) <= set(header)), None)
    xy = next((four for four in _COORDINATES if set(four) <= set(header)), None)
    if people is None or (codes is None and xy is None):
        raise InputError(
            f"起讫点表的列不符；现有：{'、'.join(map(str, header)) or '（无数据行）'}",
            file=file,
            mend=f"表头写 {HEADER}",
        )
    counts = np.array([_number(file, k, row, people, least=0) for k, row in enumerate(rows)])
    if xy is not None:
        at = np.array([[_number(file, k, row, c) for c in xy] for k, row in enumerate(rows)])
        return Pairs(at[:, :2], at[:, 2:], counts)
    assert codes is not None
    centres = _zone_points(file, place)
    ends = [[_zone(file, k, row, c, centres) for c in codes] for k, row in enumerate(rows)]
    found = np.array(ends, dtype=float)
    return Pairs(found[:, 0], found[:, 1], counts)


def _rows(file: Path) -> list[dict[str, str]]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"起讫点表打不开（{error.strerror}）", file=file, mend="检查 --table 的路径"
        ) from None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        try:
            reader = csv.DictReader(io.StringIO(text), strict=True)
            return [{(k or "").strip(): v for k, v in row.items()} for row in reader]
        except csv.Error as error:
            raise InputError(f"不是 CSV 表（{error}）", file=file, mend="另存为 CSV") from None
    raise InputError("不是文本文件", file=file, mend="把表另存为 CSV（UTF-8）")


def _number(
    file: Path, index: int, row: dict[str, str], column: str, least: float = -np.inf
) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = np.nan
    if not least <= value < np.inf:
        raise InputError(
            f"“{row[column]}”不是有效的数", file=file, row=index + 2, field=column, mend="改正该值"
        )
    return value


def _zone_points(file: Path, place: Place) -> dict[str, tuple[float, float]]:
    spec = place.layer(ZONES)
    if spec is None or spec.id_field is None:
        raise InputError(
            f"起讫点表用代码写起讫点，但没有带代码字段的乡镇图层（角色 {ZONES}）",
            file=file,
            mend="补充该图层和 id_field，或在表中改用坐标",
        )
    place.notices.append(f"起讫点为“{spec.title}”的代码，以各单元面内一点代表")
    points = {}
    for window in read_table(spec, place.folder, None, (spec.id_field,)):
        for code, geometry in zip(window.columns[spec.id_field], window.geometries, strict=True):
            inner = shapely.point_on_surface(geometry)
            points[str(code).strip()] = (float(inner.x), float(inner.y))
    return points


def _zone(
    file: Path, index: int, row: dict[str, str], column: str, known: dict[str, tuple[float, float]]
) -> tuple[float, float]:
    code = (row[column] or "").strip()
    if code not in known:
        raise InputError(
            f"没有代码为“{code}”的乡镇", file=file, row=index + 2, field=column,
            mend=f"代码应在乡镇图层中，如 {next(iter(known), '')}",
        )  # fmt: skip
    return known[code]


def commuting_minutes(network: Network, pairs: Pairs, mode: Mode) -> Floats:
    """Return the minutes of each pair; infinite where there is no way, 0 from a place to itself."""
    origins, of_origin = np.unique(pairs.origins, axis=0, return_inverse=True)
    targets, of_target = np.unique(pairs.destinations, axis=0, return_inverse=True)
    minutes = np.full(len(pairs.people), np.inf)
    stops = attach(network, np.asarray(shapely.points(targets)), mode.farthest_access_m)
    step = max(1, _CELLS // len(targets))
    for first in range(0, len(origins), step):
        chunk = origins[first : first + step]
        starts = attach(network, np.asarray(shapely.points(chunk)), mode.farthest_access_m)
        found = network_distances(
            network, starts, stops, cost="seconds", access_m_s=mode.access_m_s
        ).total
        rows = np.flatnonzero((of_origin >= first) & (of_origin < first + step))
        minutes[rows] = found[of_origin[rows] - first, of_target[rows]] / 60
    minutes[(pairs.origins == pairs.destinations).all(axis=1)] = 0.0
    return minutes
