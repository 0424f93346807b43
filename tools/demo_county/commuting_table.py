"""Commuting of the central urban area as an origin–destination table of coordinates.

Homes send workers to workplaces by size and distance (a gravity model); the model is the demo's own.
"""

import csv
import io

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tools.demo_county.land_use import LandUse
from tools.demo_county.products import Setting, VectorLayer, document

HOMES, CHOICES = 240, 3
REACH_M = 1_500.0
"""Distance over which the pull of a workplace falls to 1/e."""
WORKING_SHARE = 0.52
WORKPLACES = ("0801", "0803", "0804", "0806", "0901", "0902", "1001", "1101")
HEAD = ("起点X", "起点Y", "终点X", "终点Y", "人数", "说明")


@document("commuting.csv")
def commuting_csv(
    setting: Setting, land_use: LandUse, population_layer: VectorLayer, urban_area: BaseGeometry
) -> bytes:
    """UTF-8; a row a pair of home and workplace, places in the layers' coordinates."""
    shapely.prepare(urban_area)
    homes = shapely.get_coordinates(population_layer.geometries)
    people = np.array(population_layer.columns["RKS"], float)
    inside = np.flatnonzero(shapely.intersects_xy(urban_area, *homes.T))
    inside = inside[np.argsort(-people[inside], kind="stable")][:HOMES]
    code = land_use.codes.astype("<U4")
    work = np.flatnonzero(
        np.isin(code, WORKPLACES) & shapely.intersects_xy(urban_area, *land_use.points.T)
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEAD)
    rng = setting.rng("commuting")
    for home in inside.tolist():
        distance = np.hypot(*(land_use.points[work] - homes[home]).T)
        pull = land_use.area_m2[work] * np.exp(-distance / REACH_M)
        count = min(CHOICES, len(work))
        chosen = rng.choice(len(work), count, replace=False, p=pull / pull.sum())
        workers = max(1, round(float(people[home]) * WORKING_SHARE / count))
        for k in np.sort(chosen).tolist():
            x, y = land_use.points[work[k]].tolist()
            place = [f"{v:.3f}" for v in (*homes[home].tolist(), x, y)]
            writer.writerow([*place, workers, "合成数据"])
    return text.getvalue().encode("utf-8-sig")
