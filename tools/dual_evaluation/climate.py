"""What is computed at weather stations: erosivity of rain, force of wind, comfort of the climate."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError
from tools.dual_evaluation import formulas
from tools.dual_evaluation.config import (
    DailyRainInput,
    DailyWindInput,
    MonthlyClimateInput,
    StationInput,
)
from tools.dual_evaluation.csv_rows import number_of, read_csv
from tools.dual_evaluation.inputs import Inputs, find
from tools.dual_evaluation.interpolation import (
    doubtful,
    interpolate,
    left_out,
    surface_blocks,
)
from tools.dual_evaluation.rasters import Rows
from tools.dual_evaluation.stations import (
    LEAST,
    Stations,
    check_places,
    moved,
    read_stations,
)
from tools.dual_evaluation.variables import Variable, conversion, variables
from tools.dual_evaluation.wind_erosion import weather_factor

MOST_RAIN_MM = 2000.0
"""The wettest day measured in China is below this."""
MOST_WIND_M_S = 80.0
"""No daily mean wind near the ground comes near this."""
CELSIUS, HUMIDITY = (-60.0, 60.0), (0.0, 100.0)
"""What a monthly mean can be."""
_YEAR = 365.25
MONTHS = range(1, 13)
_LEAST_DAYS = 360


def take_daily_rain(inputs: Inputs, variable: Variable, entry: DailyRainInput) -> None:
    """Compute R of every station and interpolate it.

    Raises:
        InputError: another variable than the erosivity, a wrong date or rain, or less than a year.
    """
    if variable.id != "rain_erosivity":
        raise InputError("daily_rain 只用于降雨侵蚀力", field=variable.id, mend="改用 stations")
    least = inputs.scheme.parameters["erosive_rain"].value
    factor = conversion(entry.unit, variables()["precipitation"])
    series = _daily(
        inputs, variable, entry, entry.rain,
        _Bounds("日降水量", "毫米", MOST_RAIN_MM, factor, "核对单位（0.1 mm 须写明 unit）和缺测标记"),
    )  # fmt: skip
    values = {
        name: formulas.rain_erosivity(
            [v for _, v in days], [d.month for d, _ in days], len(days) / _YEAR, least
        )
        for name, days in series.items()
    }
    how = f"{len(values)} 个站点的日雨量计算（≥{least:g} mm）后插值"
    _spread_stations(inputs, variable, entry, values, how)


def take_daily_wind(inputs: Inputs, variable: Variable, entry: DailyWindInput) -> None:
    """Compute WF of every station from its daily mean wind and interpolate it.

    Raises:
        InputError: another variable than WF, a wrong date or wind, or less than a year.
    """
    if variable.id != "wind_factor":
        raise InputError("daily_wind 只用于风蚀气象因子", field=variable.id, mend="改用 stations")
    value = {name: q.value for name, q in inputs.scheme.parameters.items()}
    series = _daily(
        inputs, variable, entry, entry.wind,
        _Bounds("日平均风速", "米每秒", MOST_WIND_M_S, 1.0, "核对单位（应为 m/s）和缺测标记"),
    )  # fmt: skip
    values = {
        name: weather_factor(
            [v for _, v in days], len(days) / _YEAR, height_m=entry.height_m,
            threshold_m_s=value["sand_wind"], air_kg_m3=value["air_density"],
            wetness=value["soil_wetness"], snow=value["snow_free"],
        )
        for name, days in series.items()
    }  # fmt: skip
    how = f"{len(values)} 个站点的日平均风速（{entry.height_m:g} 米高）计算 WF 后插值"
    _spread_stations(inputs, variable, entry, values, how)


@dataclass(frozen=True)
class _Bounds:
    """What a daily value may be."""

    title: str
    unit: str
    most: float
    factor: float
    mend: str


_Series = dict[str, list[tuple[date, float]]]


def _daily(
    inputs: Inputs,
    variable: Variable,
    entry: DailyRainInput | DailyWindInput,
    column: str,
    bounds: _Bounds,
) -> _Series:
    """Read days and values by station, every station with a year at least."""
    file = inputs.path(entry.file, variable.id)
    found: _Series = defaultdict(list)
    columns = (entry.station, entry.date, column)
    seen: set[tuple[str, date]] = set()
    for row, cells in enumerate(read_csv(file, columns), start=2):
        name, day, text = (cells[c] for c in columns)
        value = number_of(text, file, column, row) * bounds.factor
        if not 0 <= value <= bounds.most:
            raise InputError(
                f"{bounds.title} {value:g} {bounds.unit}不合理", file=file, row=row, field=column,
                mend=bounds.mend,
            )  # fmt: skip
        try:
            when = date.fromisoformat(day)
        except ValueError:
            raise InputError(
                f"“{day}”不是日期", file=file, row=row, field=entry.date, mend="写作 2024-05-01"
            ) from None
        if (name, when) in seen:
            raise InputError(
                f"站点“{name}”的 {day} 有两行", file=file, row=row, field=entry.date,
                mend="合并或删去重复的行",
            )  # fmt: skip
        seen.add((name, when))
        found[name].append((when, value))
    for name, days in sorted(found.items()):
        if len(days) < _LEAST_DAYS:
            raise InputError(
                f"站点“{name}”只有 {len(days)} 天的{bounds.title.removeprefix('日')}，至少要一年",
                file=file, field=entry.date, mend="补充资料，或删去该站点",
            )  # fmt: skip
    return dict(sorted(found.items()))


def _spread_stations(
    inputs: Inputs,
    variable: Variable,
    entry: DailyRainInput | DailyWindInput,
    values: dict[str, float],
    how: str,
) -> None:
    """Interpolate a value of every station and keep it, not below 0."""
    places = inputs.path(entry.stations, variable.id)
    table = read_csv(places, (entry.station, entry.x, entry.y))
    where = {row[entry.station]: (line, row) for line, row in enumerate(table, start=2)}
    for name in values:
        if name not in where:
            raise InputError(f"站点“{name}”没有坐标", file=places, field=entry.station, mend="补充")
    files = (inputs.path(entry.file, variable.id), places)
    if len(values) < LEAST:
        raise InputError(
            f"有逐日资料的站点有 {len(values)} 个，插值至少需要 {LEAST} 个", file=files[0],
            field=entry.station, mend="补充周边县的站点",
        )  # fmt: skip
    at = [where[name] for name in values]
    xy = np.array(
        [[number_of(row[c], places, c, line) for c in (entry.x, entry.y)] for line, row in at]
    ).reshape(-1, 2)
    xy = moved(xy, entry.epsg, inputs.epsg)
    check_places(xy, tuple(values), [line for line, _ in at], places, inputs.grid.bounds)
    stations = Stations(tuple(values), xy[:, 0], xy[:, 1], np.array([*values.values()]), None)
    strips, quality = interpolate(stations, inputs.grid)
    inputs.notices += doubtful(variable.title, quality)
    inputs.keep_strips(
        variable.id, ((part, np.clip(found, 0, None)) for part, found in strips), how=how,
        files={f.name: inputs.digest(f) for f in files}, extra=quality,
    )  # fmt: skip


def take_monthly_climate(inputs: Inputs, variable: Variable, entry: MonthlyClimateInput) -> None:
    """Compute the commonest comfort grade of the twelve months.

    Raises:
        InputError: another variable, or a column that is not there.
    """
    if variable.id != "thermal_comfort":
        raise InputError(
            "monthly_climate 只用于气候舒适度", field=variable.id, mend="改用 stations"
        )
    file = inputs.path(entry.file, variable.id)
    if not find(inputs, "elevation"):
        raise InputError("高程订正需要数字高程模型", field=variable.id, mend="补充 elevation")
    lapse = inputs.scheme.parameters["temperature_lapse"].value
    warmth = [
        _column(inputs, file, entry, entry.temperature.format(month=m), CELSIUS) for m in MONTHS
    ]
    damp = [_column(inputs, file, entry, entry.humidity.format(month=m), HUMIDITY) for m in MONTHS]
    first = warmth[0]
    if any(other.names != first.names for other in (*warmth, *damp)):
        raise InputError("有站点缺某个月的气温或湿度", file=file, mend="补齐 12 个月，或删去该站点")
    assert first.heights is not None
    reduced = [formulas.reduced_by_height(s.values, first.heights, -lapse) for s in warmth]
    values = np.column_stack([*reduced, *(s.values for s in damp)])
    blocks = surface_blocks(first, values, inputs.grid)

    def strips(heights: Rows) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
        for start, block in blocks:
            part = slice(start, start + len(block))
            ground = heights(part.start, part.stop)[:, :, None]
            celsius = formulas.reduced_by_height(block[:, :, :12], ground, lapse)
            humidity = np.clip(block[:, :, 12:], 0, 100)
            months = formulas.comfort_grade(formulas.thermal_humidity(celsius, humidity))
            found = formulas.commonest_grade(np.moveaxis(months, 2, 0))
            yield part, np.where(found == 0, np.nan, found)

    quality = [left_out(first, base, s.values) for base, s in zip(reduced, warmth, strict=True)]
    extra = max(quality, key=lambda q: q["rmse"] or 0.0)
    inputs.notices += doubtful(variable.title, extra)
    with inputs.rows("elevation") as heights:
        inputs.keep_strips(
            variable.id, strips(heights),
            how=f"{len(first.names)} 个站点的月均温（高程订正）和湿度计算温湿指数，取众数",
            files={file.name: inputs.digest(file)}, extra=extra,
        )  # fmt: skip


def _column(
    inputs: Inputs,
    file: Path,
    entry: MonthlyClimateInput,
    value: str,
    plausible: tuple[float, float],
) -> Stations:
    wanted = StationInput(
        kind="stations", file=str(file), x=entry.x, y=entry.y, epsg=entry.epsg, value=value,
        height=entry.height,
    )  # fmt: skip
    return read_stations(file, wanted, inputs.epsg, bounds=inputs.grid.bounds, plausible=plausible)
