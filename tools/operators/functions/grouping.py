"""Select features by code and merge them by a field."""

from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.land_use import SCHEME_TITLES
from tools.library.values import AnyLayer, Layer, concatenated
from tools.operators.model import operator


@operator("select")
def select(layer: AnyLayer, codes: tuple[str, ...], scheme: str) -> dict[str, Any]:
    """Keep the features whose code begins with one of `codes`; the scheme must be the layer's."""
    for spec in layer.specs:
        if spec.code_scheme not in ("none", scheme):
            raise InputError(
                f"图层“{spec.title}”的编码是{SCHEME_TITLES.get(spec.code_scheme, spec.code_scheme)}，"
                f"要选的是{SCHEME_TITLES.get(scheme, scheme)}：两套编码数字相同而含义不同",  # type: ignore[call-overload]
                layer=spec.name,
                field="code_scheme",
                mend="换用该编码体系的图层，或改正 scheme 与 codes",
            )
    kept: list[Layer] = []
    for part in layer.chunks():
        values = part.column("code").astype(str)
        kept.append(part.take(np.array([v.startswith(codes) for v in values], dtype=bool)))
    return {"result": concatenated(kept) if kept else layer.whole()}


@operator("select_named")
def select_named(layer: AnyLayer, names: tuple[str, ...]) -> dict[str, Any]:
    """Keep the features whose name is one of `names`, word for word."""
    kept = [part.take(np.isin(part.column("name").astype(str), names)) for part in layer.chunks()]
    return {"result": concatenated(kept) if kept else layer.whole()}


@operator("dissolve")
def dissolve(layer: Layer, by: str) -> dict[str, Any]:
    """Union the features of each value of a field; each value gives one feature."""
    values = layer.column(by)
    order = sorted(set(values.tolist()), key=str)
    merged = [shapely.union_all(layer.geometries[values == value]) for value in order]
    geometries = np.empty(len(merged), dtype=object)
    geometries[:] = merged
    counts = np.array([int((values == value).sum()) for value in order])
    fields = {by: np.array(order), "count": counts}
    return {"result": replace(layer, geometries=geometries, fields=fields)}
