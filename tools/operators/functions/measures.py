"""Areas, lengths and counts; areas are ellipsoidal and the parts sum to the whole."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import shapely

from tools.geometry.area import M2_PER_HA, MU_PER_HA, ellipsoidal_areas_m2
from tools.land_use import land_use_name
from tools.library.units import Quantity
from tools.library.values import AnyLayer, Layer
from tools.operators.model import operator

AREA_DIGITS = 4


@operator("area_by_code")
def area_by_code(layer: AnyLayer, by: str) -> dict[str, Any]:
    """Sum ellipsoidal hectares by a field; the rows sum to the total as it is shown.

    Raises:
        InputError: the layer has no such field.
    """
    areas: dict[str, float] = defaultdict(float)
    counts: dict[str, int] = defaultdict(int)
    names: dict[str, str] = {}
    for part in layer.chunks():
        measured = ellipsoidal_areas_m2(part.geometries, part.epsg)
        keys = part.column(by).astype(str)
        found, which = np.unique(keys, return_inverse=True)
        sums = np.bincount(which, weights=measured)
        for index, key in enumerate(found.tolist()):
            areas[key] += float(sums[index])
            counts[key] += int((which == index).sum())
            if by == "code" and "name" in part.fields and key not in names:
                names[key] = str(part.fields["name"][int(np.argmax(which == index))])
    total = round(sum(areas.values()) / M2_PER_HA, AREA_DIGITS)
    shares = rounded_to_sum({k: v / M2_PER_HA for k, v in areas.items()}, total)
    scheme = {spec.code_scheme for spec in layer.specs}
    rows = tuple(
        {
            by: key,
            "name": (land_use_name(key) if scheme == {"ydyh_2023"} else None) or names.get(key, ""),
            "area_ha": shares[key],
            "area_mu": round(shares[key] * MU_PER_HA, 2),
            "share_percent": round(100 * shares[key] / total, 2) if total else 0.0,
            "count": counts[key],
        }
        for key in sorted(areas)
    )
    return {"table": rows, "total": Quantity.of(total, "ha")}


@operator("area")
def area(layer: AnyLayer) -> dict[str, Any]:
    """Sum the ellipsoidal area of a layer and count its features."""
    square_metres, count = 0.0, 0
    for part in layer.chunks():
        square_metres += float(ellipsoidal_areas_m2(part.geometries, part.epsg).sum())
        count += len(part)
    return {
        "area": Quantity.of(round(square_metres / M2_PER_HA, AREA_DIGITS), "ha"),
        "count": Quantity.of(count, "个"),
    }


@operator("drop_small")
def drop_small(layer: Layer, min_area: Quantity) -> dict[str, Any]:
    """Split into single polygons and drop those below an ellipsoidal area."""
    parts, owner = shapely.get_parts(layer.geometries, return_index=True)
    areas = ellipsoidal_areas_m2(parts, layer.epsg) / M2_PER_HA
    fields = {name: values[owner] for name, values in layer.fields.items()}
    fields["area_ha"] = np.round(areas, AREA_DIGITS)
    single = replace(layer, geometries=parts, fields=fields)
    return {"result": single.take(fields["area_ha"] >= min_area.value)}


@operator("length")
def length(layer: AnyLayer) -> dict[str, Any]:
    """Sum the length of lines, or the outlines of polygons, in the plane of the projection."""
    metres = sum(float(shapely.length(part.geometries).sum()) for part in layer.chunks())
    return {"length": Quantity.of(round(metres / 1000, 6), "km")}


@operator("count")
def count(layer: AnyLayer) -> dict[str, Any]:
    """Count the features of a layer."""
    return {"count": Quantity.of(sum(len(part) for part in layer.chunks()), "个")}


def rounded_to_sum(parts: dict[str, float], total: float) -> dict[str, float]:
    """Round so that the parts sum to the rounded total (largest remainders get the last digit)."""
    step = 10**-AREA_DIGITS
    floors = {key: int(value / step + 1e-9) for key, value in parts.items()}
    missing = round(total / step) - sum(floors.values())
    by_remainder = sorted(parts, key=lambda k: (floors[k] - parts[k] / step, k))
    for key in by_remainder[: max(0, missing)]:
        floors[key] += 1
    return {key: round(value * step, AREA_DIGITS) for key, value in floors.items()}
