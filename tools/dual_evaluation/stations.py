"""Weather stations of a table: places, values, heights, and what cannot be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from tools.dual_evaluation.config import StationInput
from tools.dual_evaluation.csv_rows import number_of, read_csv

Floats = npt.NDArray[np.float64]
LEAST = 4
MOST = 5_000
FAR_M = 200_000.0
"""Stations of the counties around are welcome; farther than this a coordinate is wrong."""


@dataclass(frozen=True)
class Stations:
    """Points in the grid's system with a value."""

    names: tuple[str, ...]
    x: Floats
    y: Floats
    values: Floats
    heights: Floats | None


def read_stations(
    file: Path,
    entry: StationInput,
    epsg: int,
    *,
    bounds: tuple[float, float, float, float] | None = None,
    plausible: tuple[float, float] | None = None,
) -> Stations:
    """Read the stations of a CSV; rows with an empty value are left out.

    Args:
        file: CSV with heading; the first column is the station's name.
        entry: Names of the columns.
        epsg: Of the result.
        bounds: Of the grid; stations far from it are refused.
        plausible: Lowest and highest value, in the file's unit.

    Raises:
        InputError: a column is missing, a number is none, two stations at one place, one far away, a
            value that cannot be, or too few.
    """
    columns = [entry.x, entry.y, entry.value, *([entry.height] if entry.height else [])]
    rows = [
        (k, row)
        for k, row in enumerate(read_csv(file, columns), start=2)
        if (row[entry.value] or "").strip()
    ]
    if not LEAST <= len(rows) <= MOST:
        raise InputError(
            f"“{entry.value}”有值的站点有 {len(rows)} 个，插值需要 {LEAST} 到 {MOST} 个",
            file=file,
            field=entry.value,
            mend="补充周边县的站点；没有站点资料时改用栅格，或在 absent 中声明",
        )

    def column(name: str) -> Floats:
        return np.array([number_of(row[name], file, name, k) for k, row in rows])

    first = next(iter(rows[0][1]))
    names = tuple(str(row[first]) for _, row in rows)
    lines = [k for k, _ in rows]
    places = moved(np.column_stack([column(entry.x), column(entry.y)]), entry.epsg, epsg)
    check_places(places, names, lines, file, bounds)
    values = column(entry.value)
    if plausible is not None:
        _check_values(values, plausible, entry.value, names, lines, file)
    return Stations(
        names,
        places[:, 0],
        places[:, 1],
        values,
        column(entry.height) if entry.height else None,
    )


def moved(places: Floats, source: int | None, target: int) -> Floats:
    """Return places (n × 2) in the grid's system; None: they are."""
    from tools.geometry.crs import _transformer

    if source is None or source == target:
        return places
    return np.column_stack(_transformer(source, target).transform(places[:, 0], places[:, 1]))


def check_places(
    places: Floats,
    names: Sequence[str],
    lines: Sequence[int],
    file: Path,
    bounds: tuple[float, float, float, float] | None,
) -> None:
    """Refuse stations at one place, and stations that cannot be near the area of evaluation.

    Args:
        places: n × 2, in the grid's system.
        names: Of the stations.
        lines: In the file, for the error.
        file: For the error.
        bounds: West, south, east, north of the grid; None: the distance is not looked at.

    Raises:
        InputError: two at one place, or one farther than 200 km and twice the extent of the grid.
    """
    seen: dict[tuple[float, float], int] = {}
    for k, (x, y) in enumerate(np.round(places, 3).tolist()):
        if (x, y) in seen:
            raise InputError(
                f"站点“{names[k]}”与第 {lines[seen[x, y]]} 行的“{names[seen[x, y]]}”在同一位置",
                file=file, row=lines[k], mend="合并或删去重复的站点",
            )  # fmt: skip
        seen[x, y] = k
    if bounds is None:
        return
    west, south, east, north = bounds
    away = np.hypot(
        np.maximum(np.maximum(west - places[:, 0], places[:, 0] - east), 0),
        np.maximum(np.maximum(south - places[:, 1], places[:, 1] - north), 0),
    )
    far = ~(away <= max(FAR_M, 2 * np.hypot(east - west, north - south)))
    if far.any():
        k = int(np.flatnonzero(far)[0])
        told = (
            f"离评价范围 {away[k] / 1000:,.0f} 千米" if np.isfinite(away[k]) else "的坐标不能转换"
        )
        raise InputError(
            f"站点“{names[k]}”{told}（评价格网坐标 {places[k, 0]:.1f}，{places[k, 1]:.1f}）",
            file=file, row=lines[k],
            mend="核对 x、y 是否颠倒、是否带带号；坐标与评价格网不同时写明 epsg（经纬度为 4490）",
        )  # fmt: skip


def _check_values(
    values: Floats,
    plausible: tuple[float, float],
    column: str,
    names: Sequence[str],
    lines: Sequence[int],
    file: Path,
) -> None:
    low, high = plausible
    wrong = np.flatnonzero((values < low) | (values > high))
    if len(wrong):
        k = int(wrong[0])
        raise InputError(
            f"站点“{names[k]}”的值 {values[k]:g} 超出合理范围 {low:g} 到 {high:g}",
            file=file, row=lines[k], field=column,
            mend="核对单位并用 unit 写明（如 0.1℃·d、0.1mm），缺测的值留空",
        )  # fmt: skip
