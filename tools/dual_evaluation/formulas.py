"""The formulas of 双评价 that are no grading: soil, rain, water, climate, pollution.

Pure functions of arrays; NaN goes through. Each names its source; figures are in the scheme or here.
Wind erosion is in `wind_erosion`.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

Floats = npt.NDArray[np.float64]
_FOLDER = Path(__file__).parent
WARM, COLD = 0.3937, 0.3101
"""α of the daily rain erosivity, from May to September and else (章文波等 2002, as implemented)."""
_WARM_MONTHS = (5, 6, 7, 8, 9)
CROPLAND_C = (0.221, 0.595)
_UNIT_PLOT_M = 22.13


def soil_erodibility(sand: Any, silt: Any, clay: Any, organic_carbon: Any) -> Floats:
    """Return K by EPIC (Williams 1990) with the Chinese correction (张科利等 2007), metric units.

    `K = (−0.01383 + 0.51575·K_EPIC)·0.1317` in t·hm²·h/(hm²·MJ·mm); the parts are in per cent.
    """
    sand, silt, clay, carbon = (
        np.asarray(v, dtype=np.float64) for v in (sand, silt, clay, organic_carbon)
    )
    rest = 1 - sand / 100
    with np.errstate(divide="ignore", invalid="ignore"):
        epic = (
            (0.2 + 0.3 * np.exp(-0.0256 * sand * (1 - silt / 100)))
            * (silt / (clay + silt)) ** 0.3
            * (1 - 0.25 * carbon / (carbon + np.exp(3.72 - 2.95 * carbon)))
            * (1 - 0.7 * rest / (rest + np.exp(-5.51 + 22.9 * rest)))
        )
    return np.asarray((-0.01383 + 0.51575 * epic) * 0.1317)


def rain_erosivity(rain_mm: Any, months: Any, years: float, least_mm: float) -> float:
    """Return the mean yearly erosivity of daily rain, MJ·mm/(hm²·h·a).

    `R_d = α·P^1.7265` of the days with at least `least_mm`, summed and divided by the years.

    Args:
        rain_mm: Daily rain.
        months: Month (1–12) of each day.
        years: Length of the series.
        least_mm: Erosive rain.
    """
    rain, month = np.asarray(rain_mm, dtype=np.float64), np.asarray(months)
    erosive = np.where(rain >= least_mm, rain, 0.0)
    alpha = np.where(np.isin(month, _WARM_MONTHS), WARM, COLD)
    return float((alpha * erosive**1.7265).sum() / years)


def slope_length_factor(slope_degrees: Any, cell_m: float) -> Floats:
    """Return LS of a cell: S of McCool 1987 and Liu 1994, L with the cell's side as slope length.

    `S` = 10.8·sinθ + 0.03 below 5°, 16.8·sinθ − 0.5 below 10°, else 21.9·sinθ − 0.96;
    `L = (λ/22.13)^m` with m = 0.2, 0.3, 0.4, 0.5 for slopes below 1°, 3°, 5°, and from 5°.
    """
    slope = np.asarray(slope_degrees, dtype=np.float64)
    sine = np.sin(np.radians(slope))
    steepness = np.select(
        [slope < 5, slope < 10, slope >= 10],
        [10.8 * sine + 0.03, 16.8 * sine - 0.5, 21.9 * sine - 0.96],
        default=np.nan,
    )
    power = np.select([slope < 1, slope < 3, slope < 5], [0.2, 0.3, 0.4], default=0.5)
    length = cell_m / np.cos(np.radians(np.clip(slope, 0, 80)))
    return np.asarray(steepness * (length / _UNIT_PLOT_M) ** power)


def cropland_cover_factor(cover: Any) -> Floats:
    """Return C of dry farmland: `0.221 − 0.595·lg(c)`, c the cover as a share (蔡崇法 2000).

    Clipped to 0–1; the implementation that was seen takes c as a share, so bare ground gives 1.
    """
    share = np.asarray(cover, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = CROPLAND_C[0] - CROPLAND_C[1] * np.log10(share)
    return np.asarray(np.clip(value, 0.0, 1.0))


def cover_factor(land_cover: npt.NDArray[np.uint8], cover: Any) -> Floats:
    """Return C by cover class and vegetation cover; NaN where either is unknown.

    Args:
        land_cover: Codes of `land_cover.yaml`.
        cover: Vegetation cover, 0–1.
    """
    table = land_cover_table()
    share = np.asarray(cover, dtype=np.float64)
    band = np.digitize(np.nan_to_num(share), table["cover_breaks"])
    result = np.full(share.shape, np.nan)
    for entry in table["classes"].values():
        here = land_cover == entry["code"]
        if entry["c"] == "cropland":
            result[here] = cropland_cover_factor(share[here])
        elif isinstance(entry["c"], list):
            result[here] = np.asarray(entry["c"])[band[here]]
        else:
            result[here] = entry["c"]
    return np.where(np.isfinite(share), result, np.nan)


def soil_loss(erosivity: Any, erodibility: Any, slope_length: Any, cover: Any) -> Floats:
    """Return RUSLE's `A = R·K·LS·C` in t/(km²·a): 100 times t/(hm²·a). P is taken as 1."""
    return np.asarray(100.0 * product_of(erosivity, erodibility, slope_length) * np.asarray(cover))


def soil_retention(erosivity: Any, erodibility: Any, slope_length: Any, cover: Any) -> Floats:
    """Return `R·K·LS·(1 − C)` in t/(hm²·a)."""
    return np.asarray(product_of(erosivity, erodibility, slope_length) * (1 - np.asarray(cover)))


def product_of(*factors: Any) -> Floats:
    """Return the product of arrays, as floats."""
    result = np.asarray(factors[0], dtype=np.float64)
    for factor in factors[1:]:
        result = result * np.asarray(factor, dtype=np.float64)
    return result


def water_yield(rain_mm: Any, evapotranspiration_mm: Any, runoff: Any) -> Floats:
    """Return what an area holds back, mm: `P − P·α − ET` (α the surface runoff coefficient)."""
    rain = np.asarray(rain_mm, dtype=np.float64)
    return np.asarray(rain - rain * np.asarray(runoff) - np.asarray(evapotranspiration_mm))


def runoff_coefficient(land_cover: npt.NDArray[np.uint8]) -> Floats:
    """Return the runoff coefficient by cover class; NaN where the class is unknown."""
    table = np.full(256, np.nan)
    for entry in land_cover_table()["classes"].values():
        table[entry["code"]] = entry["runoff"]
    return np.asarray(table[land_cover])


def reduced_by_height(value: Any, height_m: Any, fall_per_100m: float) -> Floats:
    """Return a value at a height from its value at height 0."""
    return np.asarray(np.asarray(value) - fall_per_100m * np.asarray(height_m) / 100.0)


def thermal_humidity(celsius: Any, humidity_percent: Any) -> Floats:
    """Return `THI = T − 0.55·(1 − f)·(T − 58)` with T in °F and f the relative humidity."""
    fahrenheit = np.asarray(celsius, dtype=np.float64) * 1.8 + 32
    share = np.asarray(humidity_percent, dtype=np.float64) / 100
    return np.asarray(fahrenheit - 0.55 * (1 - share) * (fahrenheit - 58))


def comfort_grade(thi: Any) -> npt.NDArray[np.uint8]:
    """Return 1–5 (5 the best, 0 unknown): 50–70; 45–50, 70–75; 40–45, 75–80; 35–40, 80–85; else."""
    value = np.asarray(thi, dtype=np.float64)
    grades = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1], dtype=np.uint8)
    place = np.digitize(np.nan_to_num(value), [35, 40, 45, 50, 70, 75, 80, 85])
    return np.where(np.isfinite(value), grades[place], 0).astype(np.uint8)


def commonest_grade(months: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the grade that most of the months have; of equals the lower, 0 where one is unknown.

    Args:
        months: 12 × rows × columns.
    """
    counts = np.stack([(months == grade).sum(axis=0) for grade in range(1, 6)])
    best = counts.argmax(axis=0).astype(np.uint8) + 1
    return np.where((months == 0).any(axis=0), 0, best).astype(np.uint8)


def pollution_level(
    content_mg_kg: Any, ph: Any, paddy: npt.NDArray[np.bool_], element: str
) -> Floats:
    """Return 0 up to the screening value, 1 up to the control value, 2 above it; NaN unknown.

    Args:
        content_mg_kg: Content of the element.
        ph: Soil pH, same shape.
        paddy: True for paddy fields.
        element: Key of `soil_limits.yaml`, e.g. soil_cadmium.
    """
    limits = soil_limit_table()
    entry = limits["elements"][element]
    content, acidity = np.asarray(content_mg_kg, float), np.asarray(ph, float)
    band = np.digitize(np.nan_to_num(acidity), limits["ph_breaks"], right=True)
    screening = np.where(
        paddy,
        np.asarray(entry["screening"]["paddy"])[band],
        np.asarray(entry["screening"]["other"])[band],
    )
    level = (content > screening).astype(float) + (content > np.asarray(entry["control"])[band])
    return np.where(np.isfinite(content) & np.isfinite(acidity), level, np.nan)


TEXTURES = ("细砂土", "面砂土", "壤土", "砂粉土", "粉土", "黏土")
"""Classes of `texture_class`, code 1 first."""


def texture_class(sand: Any, silt: Any, clay: Any) -> npt.NDArray[np.uint8]:
    """Return the texture class as a code of `TEXTURES`, 0 unknown.

    The project's own simple division (the guide's is not to hand): clay ≥ 40 % 黏土; sand ≥ 80 %
    细砂土; silt ≥ 80 % 粉土; silt ≥ 60 % 砂粉土; sand ≥ 55 % 面砂土; else 壤土.
    """
    sand, silt, clay = (np.asarray(v, dtype=np.float64) for v in (sand, silt, clay))
    known = np.isfinite(sand) & np.isfinite(silt) & np.isfinite(clay)
    code = np.select(
        [~known, clay >= 40, sand >= 80, silt >= 80, silt >= 60, sand >= 55],
        [0, 6, 1, 5, 4, 2],
        default=3,
    )
    return code.astype(np.uint8)


@cache
def land_cover_table() -> dict[str, Any]:
    """Return the classes of cover with runoff and C."""
    return dict(yaml.safe_load((_FOLDER / "land_cover.yaml").read_text(encoding="utf-8")))


@cache
def soil_limit_table() -> dict[str, Any]:
    """Return the limits of soil pollution."""
    return dict(yaml.safe_load((_FOLDER / "soil_limits.yaml").read_text(encoding="utf-8")))
