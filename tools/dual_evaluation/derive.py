"""Variables that are computed from other variables, cell by cell."""

from collections.abc import Callable

import numpy as np

from tools.dual_evaluation import formulas, sand_fixation
from tools.dual_evaluation.inputs import Found, Inputs, find
from tools.dual_evaluation.rasters import UNKNOWN_CODE
from tools.dual_evaluation.scheme import Scheme
from tools.dual_evaluation.variables import variables
from tools.raster.sources import Terrain


def _files(inputs: Inputs, *names: str) -> dict[str, str]:
    return {k: v for name in names for k, v in inputs.found[name].files.items()}


def relief_window(scheme: Scheme) -> int:
    """Return the odd window of relief, cells."""
    return max(3, int(scheme.parameters["relief_window_cells"].value) // 2 * 2 + 1)


def _terrain(inputs: Inputs, name: str, how: str, window: int = 3) -> str:
    elevation = inputs.found["elevation"]
    assert isinstance(elevation.source, Terrain)
    measure = "slope" if name == "slope" else "relief"
    source = Terrain(measure=measure, dem=elevation.source.dem, window=window)
    inputs.found[name] = Found(
        variables()[name], source, how, {}, dict(elevation.files), elevation.date
    )
    return ""


def _slope(inputs: Inputs) -> str:
    return _terrain(inputs, "slope", "由高程按 Horn 算法计算")


def _relief(inputs: Inputs) -> str:
    window = relief_window(inputs.scheme)
    return _terrain(inputs, "relief", f"由高程按 {window}×{window} 邻域计算", window)


def _erodibility(inputs: Inputs) -> str:
    names = ("soil_sand", "soil_silt", "soil_clay", "soil_organic_carbon")
    values = formulas.soil_erodibility(*(inputs.read(name) for name in names))
    inputs.keep("soil_erodibility", values, how="按 EPIC 公式计算", files=_files(inputs, *names))
    return ""


def _slope_length(inputs: Inputs) -> str:
    find(inputs, "slope")
    values = formulas.slope_length_factor(inputs.read("slope"), inputs.grid.cell)
    inputs.keep(
        "slope_length", values, how="由坡度计算，坡长取像元边长", files=_files(inputs, "elevation")
    )
    return ""


def _cover_factor(inputs: Inputs) -> str:
    names = ("land_cover", "vegetation_cover")
    values = formulas.cover_factor(*(inputs.read(name) for name in names))
    inputs.keep(
        "cover_factor", values, how="由地表覆被和植被覆盖度查表", files=_files(inputs, *names)
    )
    return ""


_RUSLE = ("rain_erosivity", "soil_erodibility", "slope_length", "cover_factor")


def _soil_loss(inputs: Inputs) -> str:
    values = formulas.soil_loss(*(inputs.read(name) for name in _RUSLE))
    inputs.keep("soil_loss", values, how="RUSLE：R·K·LS·C", files=_files(inputs, *_RUSLE))
    return ""


def _soil_retention(inputs: Inputs) -> str:
    values = formulas.soil_retention(*(inputs.read(name) for name in _RUSLE))
    inputs.keep("soil_retention", values, how="RUSLE：R·K·LS·(1−C)", files=_files(inputs, *_RUSLE))
    return ""


def _water_yield(inputs: Inputs) -> str:
    names = ("precipitation", "evapotranspiration", "land_cover")
    rain, evaporation, cover = (inputs.read(name) for name in names)
    values = formulas.water_yield(rain, evaporation, formulas.runoff_coefficient(cover))
    inputs.keep(
        "water_yield", values, how="降水量 − 地表径流量 − 蒸散发量", files=_files(inputs, *names)
    )
    return ""


def _texture(inputs: Inputs) -> str:
    names = ("soil_sand", "soil_silt", "soil_clay")
    codes = formulas.texture_class(*(inputs.read(name) for name in names))
    values = np.where(inputs.inside & (codes > 0), codes, UNKNOWN_CODE).astype(np.uint8)
    book = {name: code for code, name in enumerate(formulas.TEXTURES, start=1)}
    inputs.keep(
        "soil_texture_class", values, how="由砂、粉、黏粒含量归类", codes=book,
        files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _pollution(inputs: Inputs) -> str:
    """Take the worst of the elements whose content is there; at least cadmium is."""
    cover = inputs.read("land_cover")
    paddy = cover == formulas.land_cover_table()["classes"]["水田"]["code"]
    ph = inputs.read("soil_ph")
    names = [name for name in formulas.soil_limit_table()["elements"] if find(inputs, name)]
    levels = [formulas.pollution_level(inputs.read(n), ph, paddy, n) for n in names]
    titles = "、".join(formulas.soil_limit_table()["elements"][n]["title"] for n in names)
    inputs.keep(
        "soil_pollution", np.max(np.stack(levels), axis=0),
        how=f"按 pH 分档与 GB 15618 比较（{titles}）", files=_files(inputs, "soil_ph", *names),
    )  # fmt: skip
    others = [
        e["title"] for n, e in formulas.soil_limit_table()["elements"].items() if n not in names
    ]
    if others:
        inputs.notices.append(f"土壤污染只比较了{titles}，没有{'、'.join(others)}的数据")
    for name in others:
        inputs.missing.pop(name, None)
    return ""


DERIVED: dict[str, Callable[[Inputs], str]] = {
    "slope": _slope,
    "relief": _relief,
    "soil_erodibility": _erodibility,
    "slope_length": _slope_length,
    "cover_factor": _cover_factor,
    "soil_loss": _soil_loss,
    "soil_retention": _soil_retention,
    "water_yield": _water_yield,
    "soil_texture_class": _texture,
    "soil_pollution": _pollution,
    **sand_fixation.DERIVED,
}
"""Each computes and keeps its variable; returns what hinders it, or nothing."""
