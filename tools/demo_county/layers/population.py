"""Population as points on homes: how many, how many of them old, how many of school age."""

import numpy as np
from numpy.typing import NDArray

from cspon.schemas.base import Secrecy
from tools.demo_county.land_use import LandUse
from tools.demo_county.noise import hash01
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import points_at

PER_M2_SEAT, PER_M2_TOWN, PER_M2_VILLAGE = 0.024, 0.015, 0.0062
"""Residents per m² of residential parcel: plausible for a county of about 250,000."""


@layer(LayerInfo("population", "RKFB", "人口分布", id_field="BSM", secrecy=Secrecy.INTERNAL))
def population_layer(setting: Setting, land_use: LandUse, towns: tuple[Town, ...]) -> VectorLayer:
    """One point a residential parcel; RKS residents, RK60 aged 60 and over, RK6_14 of school age."""
    urban, rural = land_use.codes == "0701", land_use.codes == "0703"
    chosen = np.flatnonzero((urban | rural) & (land_use.area_m2 > 150))
    town = land_use.town[chosen]
    density = np.where(rural[chosen], PER_M2_VILLAGE, np.where(town == 0, PER_M2_SEAT, PER_M2_TOWN))
    unit = hash01(setting.seed, 120, np.arange(len(chosen)))
    people = np.maximum(1, np.rint(land_use.area_m2[chosen] * density * (0.6 + 0.8 * unit)))
    old = np.rint(people * np.where(rural[chosen], 0.27, 0.17) * (0.8 + 0.4 * unit[::-1]))
    pupils = np.rint(people * np.where(rural[chosen], 0.085, 0.115))
    count = len(chosen)
    points: NDArray[np.object_] = np.asarray(points_at(np.round(land_use.points[chosen], 3)))
    return VectorLayer(
        "point",
        points,
        {
            "BSM": "TEXT(18)", "RKLX": "TEXT(10)", "RKS": "INTEGER", "RK60": "INTEGER",
            "RK6_14": "INTEGER", "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)", "BZ": "TEXT(255)",
        },
        {
            "BSM": [f"{setting.region_code}3201{k:08d}" for k in range(1, count + 1)],
            "RKLX": np.where(urban[chosen], "城镇", "农村").tolist(),
            "RKS": people.astype(int).tolist(),
            "RK60": old.astype(int).tolist(),
            "RK6_14": pupils.astype(int).tolist(),
            "XZQDM": [towns[k].code for k in town.tolist()],
            "XZQMC": [towns[k].name for k in town.tolist()],
            "BZ": ["合成数据"] * count,
        },
    )  # fmt: skip
