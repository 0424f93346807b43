"""Whether the engines of the spatial benchmark came to the same areas."""

from collections import defaultdict
from typing import Any

import numpy as np

from eval.bench.postgis import QUERIES

RELATIVE, FLOOR_M2 = 1e-9, 1e-6
"""Two planar areas are equal within 1e-9 of the area plus 1 mm²: a coordinate of 3,300 km holds
0.5 nm, so the area of a sliver 100 m long is uncertain by 5e-8 m² whatever the algorithm."""


def equality(
    warm: dict[str, Any], geopandas: dict[str, Any] | None, postgis: dict[str, Any] | None
) -> tuple[bool | None, dict[str, Any]]:
    """Compare planar areas parcel by parcel with PostGIS, and totals by code with both."""
    ours = dict(zip(warm["fids"], warm["planar_m2"], strict=True))
    codes: dict[str, float] = defaultdict(float)
    for code, area in zip(warm["codes"], warm["planar_m2"], strict=True):
        codes[code] += area
    details: dict[str, Any] = {"relative": RELATIVE, "floor_m2": FLOOR_M2}
    verdicts = []
    if postgis is not None:
        for form in QUERIES:
            rows = postgis[form]["rows"]
            theirs = {fid: area for fid, _, area in rows}
            details[f"postgis_{form}"] = compare = compare_areas(ours, theirs)
            totals: dict[str, float] = defaultdict(float)
            for _, code, area in rows:
                totals[code] += area
            details[f"postgis_{form}_codes"] = by_code = compare_areas(codes, totals)
            verdicts += [compare["equal"], by_code["equal"]]
    if geopandas is not None:
        details["geopandas_codes"] = by_code = compare_areas(codes, geopandas["codes_m2"])
        verdicts.append(by_code["equal"])
    return (all(verdicts) if verdicts else None), details


def compare_areas(ours: dict[Any, float], theirs: dict[Any, float]) -> dict[str, Any]:
    """Compare areas by key; a key that one side lacks counts as area 0."""
    keys = sorted({*ours, *theirs})
    left = np.array([ours.get(key, 0.0) for key in keys])
    right = np.array([theirs.get(key, 0.0) for key in keys])
    difference = np.abs(left - right)
    whole = np.minimum(left, right) >= 1.0
    relative = difference[whole] / right[whole]
    return {
        "equal": bool((difference <= RELATIVE * right + FLOOR_M2).all()),
        "compared": len(keys),
        "max_rel_difference_from_1_m2": float(relative.max(initial=0.0)),
        "max_difference_m2": float(difference.max(initial=0.0)),
        "total_m2": float(left.sum()),
        "total_difference_m2": float(abs(left.sum() - right.sum())),
    }
