"""Wind erosion by RWEQ (Fryrear et al. 1998, USDA-ARS bulletin 1), as used for 防风固沙 in China.

Pure functions of arrays; NaN goes through. The forms agree in two public implementations but for what
`schemes/sources.yaml` and the parameters of the schemes name.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.formulas import Floats, land_cover_table, product_of

GRAVITY = 9.8
"""m/s²."""
CARBON_TO_MATTER = 1.724
"""Organic matter to organic carbon (Van Bemmelen)."""
_KR = (1.86, 2.41, 0.934)
MOST_KR = (_KR[0] / (_KR[1] * _KR[2])) ** (1 / (_KR[2] - 1))
"""Roughness from which the published K′ would rise again, about 18: it is held from there."""


def weather_factor(
    wind_m_s: Any,
    years: float,
    *,
    height_m: float,
    threshold_m_s: float,
    air_kg_m3: float,
    wetness: float,
    snow: float,
) -> float:
    """Return the mean yearly WF of daily mean wind: `Σ u₂·(u₂ − u_t)²·ρ/g·SW·SD`, u₂ above u_t.

    Args:
        wind_m_s: Daily mean wind at `height_m`; brought to 2 m by the one-seventh power law.
        years: Length of the series.
        height_m: Of the instrument above the ground.
        threshold_m_s: Wind at 2 m from which sand moves.
        air_kg_m3: Density of the air.
        wetness: SW, the share of the erosive force that a damp soil leaves.
        snow: SD, the share of the time without snow.
    """
    low = np.asarray(wind_m_s, dtype=np.float64) * (2.0 / height_m) ** (1 / 7)
    force = np.where(low > threshold_m_s, low * (low - threshold_m_s) ** 2, 0.0)
    return float(force.sum() / years * air_kg_m3 / GRAVITY * wetness * snow)


def wind_erosion(
    weather: Any, erodible: Any, crust: Any, roughness: Any, cover: Any, distance_m: float
) -> Floats:
    """Return RWEQ's soil loss, kg/m²: `SL = 2z/S²·Qmax·exp(−(z/S)²)`.

    `S = 150.71·(WF·EF·SCF·K′·C)^−0.3711`, `Qmax = 109.8·(WF·EF·SCF·K′·C)`.

    Args:
        weather: WF.
        erodible: EF.
        crust: SCF.
        roughness: K′.
        cover: C.
        distance_m: z, downwind.
    """
    product = product_of(weather, erodible, crust, roughness, cover)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = 150.71 * product**-0.3711
        most = 109.8 * product
        loss = 2 * distance_m / scale**2 * most * np.exp(-((distance_m / scale) ** 2))
    return np.asarray(np.where(product > 0, loss, np.where(np.isnan(product), np.nan, 0.0)))


def sand_retention(
    weather: Any, erodible: Any, crust: Any, roughness: Any, cover: Any, distance_m: float
) -> Floats:
    """Return what the vegetation holds, kg/m²: soil loss without it (C = 1) less soil loss with it.

    Not below 0: beyond the range of the equation a smaller product can give the larger loss.
    """
    bare = wind_erosion(weather, erodible, crust, roughness, 1.0, distance_m)
    covered = wind_erosion(weather, erodible, crust, roughness, cover, distance_m)
    return np.asarray(np.maximum(bare - covered, 0.0))


def erodible_fraction(sand: Any, silt: Any, clay: Any, organic: Any, lime: Any) -> Floats:
    """Return EF, 0–1: `(29.09 + 0.31sa + 0.17si + 0.33sa/cl − 2.59OM − 0.95CaCO3)/100`, per cents."""
    sand, silt, clay = (np.asarray(v, dtype=np.float64) for v in (sand, silt, clay))
    with np.errstate(divide="ignore", invalid="ignore"):
        total = 29.09 + 0.31 * sand + 0.17 * silt + 0.33 * sand / clay
    share = (total - 2.59 * np.asarray(organic) - 0.95 * np.asarray(lime)) / 100
    return np.asarray(np.clip(share, 0.0, 1.0))


def soil_crust_factor(clay: Any, organic: Any) -> Floats:
    """Return SCF: `1/(1 + 0.0066cl² + 0.021OM²)`, per cents."""
    clay, organic = np.asarray(clay, dtype=np.float64), np.asarray(organic, dtype=np.float64)
    return np.asarray(1 / (1 + 0.0066 * clay**2 + 0.021 * organic**2))


def roughness_factor(relief_m: Any, length_m: float) -> Floats:
    """Return K′ of the terrain: `exp(1.86Kr − 2.41Kr^0.934)`, `Kr = 0.2·ΔH²/L`.

    Random roughness (Crr) is taken as 0, as in the implementations that were seen. The published curve
    falls up to Kr ≈ 18 and would rise from there without limit; it is held at its lowest.

    Args:
        relief_m: ΔH, the difference in height within the length.
        length_m: L.
    """
    kr = np.minimum(0.2 * np.asarray(relief_m, dtype=np.float64) ** 2 / length_m, MOST_KR)
    return np.asarray(np.exp(_KR[0] * kr - _KR[1] * kr ** _KR[2]))


def wind_cover_factor(land_cover: npt.NDArray[np.uint8], cover: Any) -> Floats:
    """Return C: `exp(a·SVC)`, a by cover class and SVC the vegetation cover in per cent; NaN unknown.

    Args:
        land_cover: Codes of `land_cover.yaml`, whose `wind` is a.
        cover: Vegetation cover, 0–1.
    """
    table = np.full(256, math.nan)
    for entry in land_cover_table()["classes"].values():
        table[entry["code"]] = entry["wind"]
    return np.asarray(np.exp(table[land_cover] * 100 * np.asarray(cover, dtype=np.float64)))
