"""Public facilities as points with what they hold: schools, hospitals, homes for the aged, …"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.land_use import LandUse
from tools.demo_county.noise import hash01
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town, Village
from tools.demo_county.shapes import points_at


@dataclass(frozen=True)
class Kind:
    """A kind of facility: its name, unit, and size per m² of its site with bounds."""

    name: str
    unit: str
    per_m2: float
    least: int
    most: int


PRIMARY = Kind("小学", "学生座位", 0.05, 180, 2400)
MIDDLE = Kind("初中", "学生座位", 0.045, 300, 2600)
KINDERGARTEN = Kind("幼儿园", "学生座位", 0.07, 90, 450)
HOSPITAL = Kind("医院", "床位", 0.012, 40, 800)
CLINIC = Kind("基层医疗卫生机构", "床位", 0.001, 1, 20)
AGED = Kind("养老设施", "床位", 0.008, 8, 200)
CULTURE = Kind("文化活动设施", "平方米建筑面积", 0.5, 200, 9000)
SPORT = Kind("体育设施", "平方米场地面积", 0.6, 400, 20000)
FIRE = Kind("消防站", "消防车", 0.001, 2, 10)
SHELTER = Kind("应急避难场所", "平方米有效面积", 0.55, 500, 60000)
BEDS_PER_THOUSAND, CARE_BEDS_PER_THOUSAND = 6.8, 29.0
"""Of residents and of those aged 60 and over: the demo county's own figures."""
BY_CODE = {
    "080404": KINDERGARTEN, "080601": HOSPITAL, "080602": CLINIC, "080701": AGED,
    "080302": CULTURE, "080501": SPORT, "1310": FIRE, "1401": SHELTER, "1403": SHELTER,
}  # fmt: skip
_IN_VILLAGES = ((CLINIC, 0.5), (CULTURE, 0.42), (AGED, 0.18), (PRIMARY, 0.11), (KINDERGARTEN, 0.13))

Row = tuple[float, float, Kind, str, float, int]


@layer(LayerInfo("facilities", "GGFWSS", "公共服务设施", id_field="BSM", name_field="MC"))
def facilities_layer(
    setting: Setting, land_use: LandUse, towns: tuple[Town, ...], villages: tuple[Village, ...],
    population_layer: VectorLayer,
) -> VectorLayer:  # fmt: skip
    """One point a facility, on the site that carries its land-use code."""
    rows = _on_sites(setting, land_use, towns) + _in_villages(setting, land_use, villages)
    count = len(rows)
    xy = np.array([row[:2] for row in rows])
    size = [int(np.clip(row[2].per_m2 * row[4], row[2].least, row[2].most)) for row in rows]
    people = float(np.sum(population_layer.columns["RKS"]))
    old = float(np.sum(population_layer.columns["RK60"]))
    _fit(rows, size, (HOSPITAL, CLINIC), BEDS_PER_THOUSAND * people / 1000)
    _fit(rows, size, (AGED,), CARE_BEDS_PER_THOUSAND * old / 1000)
    points: NDArray[np.object_] = np.asarray(points_at(np.round(xy, 3)))
    return VectorLayer(
        "point",
        points,
        {
            "BSM": "TEXT(18)", "SSLX": "TEXT(40)", "MC": "TEXT(100)", "GM": "INTEGER",
            "GMDW": "TEXT(40)", "YDMJ": "REAL", "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)",
            "BZ": "TEXT(255)",
        },
        {
            "BSM": [f"{setting.region_code}3101{k:08d}" for k in range(1, count + 1)],
            "SSLX": [row[2].name for row in rows],
            "MC": [row[3] for row in rows],
            "GM": size,
            "GMDW": [row[2].unit for row in rows],
            "YDMJ": [round(row[4], 2) for row in rows],
            "XZQDM": [towns[row[5]].code for row in rows],
            "XZQMC": [towns[row[5]].name for row in rows],
            "BZ": ["合成数据"] * count,
        },
    )  # fmt: skip


def _fit(rows: list[Row], size: list[int], kinds: tuple[Kind, ...], total: float) -> None:
    """Change the sizes of some kinds in proportion, so that they sum to about a total."""
    chosen = [k for k, row in enumerate(rows) if row[2] in kinds]
    factor = total / max(1, sum(size[k] for k in chosen))
    for k in chosen:
        size[k] = max(1, round(size[k] * factor))


def _on_sites(setting: Setting, land_use: LandUse, towns: tuple[Town, ...]) -> list[Row]:
    unit = hash01(setting.seed, 110, np.arange(len(land_use.codes)))
    rows: list[Row] = []
    number: dict[tuple[str, int], int] = {}
    for k in np.flatnonzero(np.isin(land_use.codes, ["080403", *BY_CODE])).tolist():
        code, area, town = str(land_use.codes[k]), float(land_use.area_m2[k]), int(land_use.town[k])
        kind = (PRIMARY if unit[k] < 0.62 else MIDDLE) if code == "080403" else BY_CODE[code]
        if kind is SHELTER and area < 3000:
            continue
        number[kind.name, town] = number.get((kind.name, town), 0) + 1
        name = f"{towns[town].name}第{number[kind.name, town]}{kind.name}"
        x, y = land_use.points[k].tolist()
        rows.append((x, y, kind, name, area, town))
    return rows


def _in_villages(setting: Setting, land_use: LandUse, villages: tuple[Village, ...]) -> list[Row]:
    """Small facilities without a parcel of their own."""
    tree = shapely.STRtree(points_at(land_use.points))
    nearest = tree.query_nearest(
        points_at(np.array([v.centre for v in villages])), all_matches=False
    )[1]
    rows: list[Row] = []
    for salt, (kind, share) in enumerate(_IN_VILLAGES):
        chance = hash01(setting.seed, 111 + salt, np.arange(len(villages)))
        for k in np.flatnonzero(chance < share).tolist():
            village = villages[k]
            site = min(2500.0, 0.05 * village.outline.area)
            turn = 2 * np.pi * salt / len(_IN_VILLAGES)
            x, y = village.centre[0] + 20 * np.cos(turn), village.centre[1] + 20 * np.sin(turn)
            rows.append(
                (x, y, kind, f"{village.name}村{kind.name}", site, int(land_use.town[nearest[k]]))
            )
    return rows
