"""The variables of 防风固沙 by RWEQ that are computed from others, cell by cell."""

from collections.abc import Callable
from typing import Any

from tools.dual_evaluation import wind_erosion
from tools.dual_evaluation.formulas import Floats
from tools.dual_evaluation.inputs import Inputs, find
from tools.dual_evaluation.wind_erosion import CARBON_TO_MATTER

_SOIL = ("soil_sand", "soil_silt", "soil_clay", "soil_organic_carbon")
_FACTORS = (
    "wind_factor", "erodible_fraction", "soil_crust", "soil_roughness", "wind_cover",
)  # fmt: skip


def _files(inputs: Inputs, *names: str) -> dict[str, str]:
    return {k: v for name in names for k, v in inputs.found[name].files.items()}


def _erodible_fraction(inputs: Inputs) -> str:
    """Without the lime content its term is left out, and that is said."""
    names: tuple[str, ...] = _SOIL
    if find(inputs, "soil_lime"):
        names = (*_SOIL, "soil_lime")
    else:
        inputs.missing.pop("soil_lime", None)
        inputs.notices.append("没有土壤碳酸钙含量，土壤可蚀因子未扣除碳酸钙项，在石灰性土壤上偏大")

    def fraction(sand: Any, silt: Any, clay: Any, carbon: Any, lime: Any = 0.0) -> Floats:
        return wind_erosion.erodible_fraction(sand, silt, clay, CARBON_TO_MATTER * carbon, lime)

    inputs.compute(
        "erodible_fraction", fraction, *names, how="按 RWEQ 由土壤机械组成和有机质计算",
        files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _soil_crust(inputs: Inputs) -> str:
    names = ("soil_clay", "soil_organic_carbon")
    inputs.compute(
        "soil_crust",
        lambda clay, carbon: wind_erosion.soil_crust_factor(clay, CARBON_TO_MATTER * carbon),
        *names, how="按 RWEQ 由黏粒和有机质计算", files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _soil_roughness(inputs: Inputs) -> str:
    from tools.dual_evaluation.derive import relief_window

    window = relief_window(inputs.scheme)
    length = window * inputs.grid.cell
    inputs.compute(
        "soil_roughness", lambda relief: wind_erosion.roughness_factor(relief, length), "relief",
        how=f"由 {window}×{window} 邻域起伏度计算，L = {length:g} 米",
        files=_files(inputs, "elevation"),
    )  # fmt: skip
    return ""


def _wind_cover(inputs: Inputs) -> str:
    names = ("land_cover", "vegetation_cover")
    inputs.compute(
        "wind_cover", wind_erosion.wind_cover_factor, *names,
        how="由地表覆被和植被覆盖度按指数式计算", files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _sand_retention(inputs: Inputs) -> str:
    distance = inputs.scheme.parameters["wind_distance"].value

    def held(weather: Any, erodible: Any, crust: Any, roughness: Any, cover: Any) -> Floats:
        return wind_erosion.sand_retention(weather, erodible, crust, roughness, cover, distance)

    inputs.compute(
        "sand_retention", held, *_FACTORS,
        how=f"RWEQ：潜在风蚀量 − 实际风蚀量，z = {distance:g} 米", files=_files(inputs, *_FACTORS),
    )  # fmt: skip
    return ""


DERIVED: dict[str, Callable[[Inputs], str]] = {
    "erodible_fraction": _erodible_fraction,
    "soil_crust": _soil_crust,
    "soil_roughness": _soil_roughness,
    "wind_cover": _wind_cover,
    "sand_retention": _sand_retention,
}
"""Each computes and keeps its variable; returns what hinders it, or nothing."""
