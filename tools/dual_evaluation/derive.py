"""Variables that are computed from other variables, cell by cell."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

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
    inputs.compute(
        "soil_erodibility", formulas.soil_erodibility, *names, how="按 EPIC 公式计算",
        files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _slope_length(inputs: Inputs) -> str:
    find(inputs, "slope")
    inputs.compute(
        "slope_length", lambda slope: formulas.slope_length_factor(slope, inputs.grid.cell), "slope",
        how="由坡度计算，坡长取像元边长", files=_files(inputs, "elevation"),
    )  # fmt: skip
    return ""


def _cover_factor(inputs: Inputs) -> str:
    names = ("land_cover", "vegetation_cover")
    inputs.compute(
        "cover_factor", formulas.cover_factor, *names, how="由地表覆被和植被覆盖度查表",
        files=_files(inputs, *names),
    )  # fmt: skip
    return ""


_RUSLE = ("rain_erosivity", "soil_erodibility", "slope_length", "cover_factor")


def _soil_loss(inputs: Inputs) -> str:
    inputs.compute(
        "soil_loss", formulas.soil_loss, *_RUSLE, how="RUSLE：R·K·LS·C",
        files=_files(inputs, *_RUSLE),
    )  # fmt: skip
    return ""


def _soil_retention(inputs: Inputs) -> str:
    inputs.compute(
        "soil_retention", formulas.soil_retention, *_RUSLE, how="RUSLE：R·K·LS·(1−C)",
        files=_files(inputs, *_RUSLE),
    )  # fmt: skip
    return ""


def _water_yield(inputs: Inputs) -> str:
    names = ("precipitation", "evapotranspiration", "land_cover")
    inputs.compute(
        "water_yield",
        lambda rain, evaporation, cover: formulas.water_yield(
            rain, evaporation, formulas.runoff_coefficient(cover)
        ),
        *names, how="降水量 − 地表径流量 − 蒸散发量", files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _texture(inputs: Inputs) -> str:
    names = ("soil_sand", "soil_silt", "soil_clay")
    book = {name: code for code, name in enumerate(formulas.TEXTURES, start=1)}

    def classes() -> Iterator[tuple[slice, npt.NDArray[np.uint8]]]:
        for part, arrays in inputs.strips(*names):
            codes = formulas.texture_class(*arrays)
            known = inputs.inside[part] & (codes > 0)
            yield part, np.where(known, codes, UNKNOWN_CODE).astype(np.uint8)

    inputs.keep_strips(
        "soil_texture_class", classes(), how="由砂、粉、黏粒含量归类", codes=book,
        files=_files(inputs, *names),
    )  # fmt: skip
    return ""


def _pollution(inputs: Inputs) -> str:
    """Take the worst of the elements whose content is there; at least cadmium is."""
    paddy = formulas.land_cover_table()["classes"]["水田"]["code"]
    names = [name for name in formulas.soil_limit_table()["elements"] if find(inputs, name)]

    def worst(
        cover: npt.NDArray[Any], ph: npt.NDArray[Any], *contents: npt.NDArray[Any]
    ) -> npt.NDArray[Any]:
        levels = [
            formulas.pollution_level(content, ph, cover == paddy, name)
            for name, content in zip(names, contents, strict=True)
        ]
        return np.asarray(np.max(np.stack(levels), axis=0))

    titles = "、".join(formulas.soil_limit_table()["elements"][n]["title"] for n in names)
    inputs.compute(
        "soil_pollution", worst, "land_cover", "soil_ph", *names,
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
