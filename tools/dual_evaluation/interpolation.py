"""Values of stations to a surface: thin-plate spline, reduced to height 0 and back, cross-validated.

The spline is SciPy's `RBFInterpolator` (docs/decisions/0014-station-interpolation.md).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from tools.dual_evaluation.formulas import reduced_by_height
from tools.dual_evaluation.rasters import Rows
from tools.dual_evaluation.stations import Stations
from tools.raster.grid import Grid

Floats = npt.NDArray[np.float64]
_NEIGHBOURS = 64
_ROWS = 64


def interpolate(
    stations: Stations,
    grid: Grid,
    *,
    factor: float = 1.0,
    lapse_per_100m: float = 0.0,
    heights: Rows | None = None,
    smoothing: float = 0.0,
) -> tuple[Iterator[tuple[slice, Floats]], dict[str, Any]]:
    """Interpolate onto the cell centres.

    Args:
        stations: At least four.
        grid: Of the result.
        factor: On the values first, to the variable's unit.
        lapse_per_100m: Fall for every 100 m, in the variable's unit.
        heights: Reads heights of the cells, m, NaN where unknown; needed where there is a lapse.
        smoothing: Of the spline; 0 meets every station.

    Returns:
        Strips of rows from the north, and the leave-one-out errors: stations, rmse, mae, bias, r2, worst.

    Raises:
        InputError: the stations lie on a line.
    """
    values = stations.values * factor
    base = values
    if lapse_per_100m:
        assert stations.heights is not None and heights is not None
        base = reduced_by_height(values, stations.heights, -lapse_per_100m)
    blocks = surface_blocks(stations, base[:, None], grid, smoothing=smoothing)

    def strips() -> Iterator[tuple[slice, Floats]]:
        for start, block in blocks:
            part = slice(start, start + len(block))
            found = block[:, :, 0]
            if lapse_per_100m and heights is not None:
                found = reduced_by_height(found, heights(part.start, part.stop), lapse_per_100m)
            yield part, found

    return strips(), left_out(stations, base, values, smoothing)


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
    return _blocks(_spline(places, values, smoothing), centre, size, grid)


def _blocks(surface: Any, centre: Floats, size: float, grid: Grid) -> Iterator[tuple[int, Floats]]:
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


def doubtful(title: str, quality: dict[str, Any]) -> list[str]:
    """Say that an interpolation predicts no better than the mean of the stations, where it does not."""
    r2 = quality["r2"]
    if r2 is None or r2 >= 0:
        return []
    return [
        f"“{title}”的站点插值逐站留一检验决定系数为 {r2:.2f}（小于 0）："
        "预测不如直接取站点平均值，须增加站点或改用栅格数据"
    ]
