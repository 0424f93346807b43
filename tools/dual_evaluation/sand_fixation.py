"""The variables of 防风固沙 by RWEQ that are computed from others, cell by cell."""

from collections.abc import Callable
from typing import Any

from tools.dual_evaluation import wind_erosion
from tools.dual_evaluation.inputs import Inputs, find

_SOIL = ("soil_sand", "soil_silt", "soil_clay", "soil_organic_carbon")
_FACTORS = (
    "wind_factor", "erodible_fraction", "soil_crust", "soil_roughness", "wind_cover",
)  # fmt: skip


def _files(inputs: Inputs, *names: str) -> dict[str, str]:
    return {k: v for name in names for k, v in inputs.found[name].files.items()}


def _erodible_fraction(inputs: Inputs) -> str:
    """Without the lime content its term is left out, and that is said."""
    sand, silt, clay, carbon = (inputs.read(name) for name in _SOIL)
    names = [*_SOIL]
    lime: Any = 0.0
    if find(inputs, "soil_lime"):
        lime = inputs.read("soil_lime")
        names.append("soil_lime")
    else:
        inputs.missing.pop("soil_lime", None)
        inputs.notices.append("没有土壤碳酸钙含量，土壤可蚀因子未扣除碳酸钙项，在石灰性土壤上偏大")
    matter = wind_erosion.CARBON_TO_MATTER * carbon
    inputs.keep(
        "erodible_fraction", wind_erosion.erodible_fraction(sand, silt, clay, matter, lime),
        how="按 RWEQ 由土壤机械组成和有机质计算", files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _soil_crust(inputs: Inputs) -> str:
    names = ("soil_clay", "soil_organic_carbon")
    clay, carbon = (inputs.read(name) for name in names)
    inputs.keep(
        "soil_crust",
        wind_erosion.soil_crust_factor(clay, wind_erosion.CARBON_TO_MATTER * carbon),
        how="按 RWEQ 由黏粒和有机质计算", files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _soil_roughness(inputs: Inputs) -> str:
    from tools.dual_evaluation.derive import relief_window

    window = relief_window(inputs.scheme)
    length = window * inputs.grid.cell
    inputs.keep(
        "soil_roughness", wind_erosion.roughness_factor(inputs.read("relief"), length),
        how=f"由 {window}×{window} 邻域起伏度计算，L = {length:g} 米",
        files=_files(inputs, "elevation"),
    )  # fmt: skip
    return ""


def _wind_cover(inputs: Inputs) -> str:
    names = ("land_cover", "vegetation_cover")
    land, cover = (inputs.read(name) for name in names)
    inputs.keep(
        "wind_cover", wind_erosion.wind_cover_factor(land, cover),
        how="由地表覆被和植被覆盖度按指数式计算", files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _sand_retention(inputs: Inputs) -> str:
    distance = inputs.scheme.parameters["wind_distance"].value
    weather, erodible, crust, roughness, cover = (inputs.read(name) for name in _FACTORS)
    values = wind_erosion.sand_retention(weather, erodible, crust, roughness, cover, distance)
    inputs.keep(
        "sand_retention", values, how=f"RWEQ：潜在风蚀量 − 实际风蚀量，z = {distance:g} 米",
        files=_files(inputs, *_FACTORS),
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
