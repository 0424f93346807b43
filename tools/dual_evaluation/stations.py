"""Station points to a surface: thin-plate spline, reduced to height 0 and back, cross-validated.

The spline is SciPy's `RBFInterpolator` (docs/decisions/0014-station-interpolation.md).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from tools.dual_evaluation.config import StationInput
from tools.dual_evaluation.formulas import reduced_by_height
from tools.raster.grid import Grid

Floats = npt.NDArray[np.float64]
LEAST = 4
MOST = 5_000
_NEIGHBOURS = 64
_ROWS = 64


@dataclass(frozen=True)
class Stations:
    """Points in the grid's system with a value."""

    names: tuple[str, ...]
    x: Floats
    y: Floats
    values: Floats
    heights: Floats | None


def read_stations(file: Path, entry: StationInput, epsg: int) -> Stations:
    """Read the stations of a CSV; rows with an empty value are left out.

    Raises:
        InputError: a column is missing, a number is none, two stations at one place, or too few.
    """
    from tools.dual_evaluation.csv_rows import number_of, read_csv
    from tools.geometry.crs import _transformer

    columns = [entry.x, entry.y, entry.value, *([entry.height] if entry.height else [])]
    rows = [
        (k, row)
        for k, row in enumerate(read_csv(file, columns), start=2)
        if (row[entry.value] or "").strip()
    ]
    if not LEAST <= len(rows) <= MOST:
        raise InputError(
            f"站点有 {len(rows)} 个，插值需要 {LEAST} 到 {MOST} 个", file=file, mend="补充站点"
        )

    def column(name: str) -> Floats:
        return np.array([number_of(row[name], file, name, k) for k, row in rows])

    x, y = column(entry.x), column(entry.y)
    if entry.epsg is not None and entry.epsg != epsg:
        x, y = _transformer(entry.epsg, epsg).transform(x, y)
    places = np.column_stack([x, y])
    if len(np.unique(np.round(places, 3), axis=0)) < len(rows):
        raise InputError("有两个站点在同一位置", file=file, mend="合并或删去重复的站点")
    first = next(iter(rows[0][1]))
    return Stations(
        tuple(str(row[first]) for _, row in rows),
        np.asarray(x, float),
        np.asarray(y, float),
        column(entry.value),
        column(entry.height) if entry.height else None,
    )


def interpolate(
    stations: Stations,
    grid: Grid,
    *,
    factor: float = 1.0,
    lapse_per_100m: float = 0.0,
    heights: Floats | None = None,
    smoothing: float = 0.0,
) -> tuple[Floats, dict[str, Any]]:
    """Interpolate onto the cell centres.

    Args:
        stations: At least four.
        grid: Of the result.
        factor: On the values first, to the variable's unit.
        lapse_per_100m: Fall for every 100 m, in the variable's unit.
        heights: Of the cells, m, NaN where unknown; needed where there is a lapse.
        smoothing: Of the spline; 0 meets every station.

    Returns:
        Rows × columns, and the leave-one-out errors: stations, rmse, mae, bias, r2, worst.
    """
    values = stations.values * factor
    base = values
    if lapse_per_100m:
        assert stations.heights is not None and heights is not None
        base = reduced_by_height(values, stations.heights, -lapse_per_100m)
    result = np.empty((grid.height, grid.width))
    for start, block in surface_blocks(stations, base[:, None], grid, smoothing=smoothing):
        result[start : start + len(block)] = block[:, :, 0]
    if lapse_per_100m and heights is not None:
        result = reduced_by_height(result, heights, lapse_per_100m)
    return result, left_out(stations, base, values, smoothing)


def surface_blocks(
    stations: Stations, values: Floats, grid: Grid, *, smoothing: float = 0.0
) -> Iterator[tuple[int, Floats]]:
    """Yield first row and rows × columns × k of the surfaces of k values a station.

    Args:
        stations: Their places.
        values: Stations × k.
        grid: Of the surfaces.
        smoothing: Of the spline.

    Raises:
        InputError: the stations lie on a line.
    """
    places, centre, size = _places(stations)
    surface = _spline(places, values, smoothing)
    x = (grid.west + grid.cell * (np.arange(grid.width) + 0.5) - centre[0]) / size
    y = (grid.north - grid.cell * (np.arange(grid.height) + 0.5) - centre[1]) / size
    for start in range(0, grid.height, _ROWS):
        part = y[start : start + _ROWS]
        xx, yy = np.meshgrid(x, part)
        block = surface(np.column_stack([xx.ravel(), yy.ravel()]))
        yield start, np.asarray(block).reshape(len(part), grid.width, -1)


def _places(stations: Stations) -> tuple[Floats, Floats, float]:
    """Return the places centred and scaled, for metres of a projection are badly conditioned."""
    centre = np.array([stations.x.mean(), stations.y.mean()])
    size = max(float(np.ptp(stations.x)), float(np.ptp(stations.y)), 1.0)
    return (np.column_stack([stations.x, stations.y]) - centre) / size, centre, size


def _spline(places: Floats, values: Floats, smoothing: float) -> Any:
    from scipy.interpolate import RBFInterpolator

    several = _NEIGHBOURS if len(places) > _NEIGHBOURS else None
    try:
        return RBFInterpolator(
            places, values, kernel="thin_plate_spline", smoothing=smoothing, neighbors=several
        )
    except np.linalg.LinAlgError:
        raise InputError("站点在一条直线上，不能插值", mend="补充不在一条线上的站点") from None


def left_out(
    stations: Stations, base: Floats, values: Floats, smoothing: float = 0.0
) -> dict[str, Any]:
    """Predict every station from the others.

    Args:
        stations: Their places.
        base: What is interpolated, one a station.
        values: As measured, for r².
        smoothing: Of the spline.
    """
    places, _, _ = _places(stations)
    count = len(values)
    errors = np.full(count, np.nan)
    for k in range(count):
        rest = np.arange(count) != k
        try:
            errors[k] = _spline(places[rest], base[rest], smoothing)(places[k : k + 1])[0] - base[k]
        except InputError:  # the others lie on a line
            continue
    known = np.isfinite(errors)
    if not known.any():
        return {
            "stations": count,
            "rmse": None,
            "mae": None,
            "bias": None,
            "r2": None,
            "worst": None,
        }
    sure = errors[known]
    spread = float(((values[known] - values[known].mean()) ** 2).sum())
    worst = int(np.nanargmax(np.abs(errors)))
    return {
        "stations": count,
        "rmse": float(np.sqrt((sure**2).mean())),
        "mae": float(np.abs(sure).mean()),
        "bias": float(sure.mean()),
        "r2": 1 - float((sure**2).sum()) / spread if spread else None,
        "worst": {"station": stations.names[worst], "error": float(errors[worst])},
    }
