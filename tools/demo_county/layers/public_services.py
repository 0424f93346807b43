"""Public services of all kinds that neighbourhood circles are measured with, with capacities.

The facilities of GGFWSS come first; kinds that it lacks (parks, squares, markets, pitches, service
stations, upper schools, libraries) are added. Some neighbourhoods have none near on purpose.
"""

from dataclasses import dataclass

import numpy as np

from tools.demo_county.land_use import LandUse
from tools.demo_county.noise import Floats, hash01
from tools.demo_county.plan_layer import Columns, plan_points
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town

GROUPS = {
    "幼儿园": "教育", "小学": "教育", "初中": "教育", "高中": "教育", "医院": "卫生",
    "基层医疗卫生机构": "卫生", "养老设施": "养老", "文化活动设施": "文化", "图书馆": "文化",
    "博物馆": "文化", "体育设施": "体育", "足球场地": "体育", "公园": "公园广场", "广场": "公园广场",
    "菜市场": "商业", "社区服务站": "社区服务", "消防站": "消防", "应急避难场所": "应急避难",
}  # fmt: skip
"""Kind and the group that it counts to."""


@dataclass(frozen=True)
class _Missing:
    """A kind that is put on homes and shops, no two nearer than `gap_m`."""

    kind: str
    unit: str
    capacity: tuple[int, int]
    gap_m: float
    share: float
    seat_only: bool = False


_MISSING = (
    _Missing("菜市场", "平方米营业面积", (600, 4000), 700.0, 0.85),
    _Missing("社区服务站", "平方米建筑面积", (200, 900), 620.0, 0.85),
    _Missing("足球场地", "平方米场地面积", (800, 8250), 1100.0, 0.8),
    _Missing("高中", "学生座位", (900, 3000), 1500.0, 0.9, seat_only=True),
    _Missing("图书馆", "平方米建筑面积", (1800, 6000), 2500.0, 1.0, seat_only=True),
    _Missing("博物馆", "平方米建筑面积", (2500, 6000), 3000.0, 1.0, seat_only=True),
)
Row = tuple[float, float, str, str, int, str]


@layer(
    LayerInfo(
        "public_services", "GGFWSS_QL", "公共服务设施（全类）", id_field="BSM", name_field="MC"
    )
)
def public_services_layer(
    setting: Setting, facilities_layer: VectorLayer, land_use: LandUse, towns: tuple[Town, ...]
) -> VectorLayer:
    """One point a facility: SSLX kind, SSDL group, GM capacity in GMDW."""
    old = facilities_layer
    rows: list[Row] = [
        (float(point.x), float(point.y), kind, name, int(size), unit)
        for point, kind, name, size, unit in zip(
            old.geometries, *(old.columns[key] for key in ("SSLX", "MC", "GM", "GMDW")), strict=True
        )
    ]
    rows += _parks(land_use, towns)
    for number, item in enumerate(_MISSING):
        rows += _spread(setting, item, 230 + number, land_use, towns)
    own: Columns = {
        "SSLX": ("TEXT(40)", [row[2] for row in rows]),
        "SSDL": ("TEXT(40)", [GROUPS[row[2]] for row in rows]),
        "MC": ("TEXT(100)", [row[3] for row in rows]),
        "GM": ("INTEGER", [row[4] for row in rows]),
        "GMDW": ("TEXT(40)", [row[5] for row in rows]),
    }
    return plan_points(setting, 3102, np.array([row[:2] for row in rows]), own, towns)


def _parks(land_use: LandUse, towns: tuple[Town, ...]) -> list[Row]:
    found = []
    for code, kind, least in (("1401", "公园", 1000), ("1403", "广场", 800)):
        for n, k in enumerate(np.flatnonzero((land_use.codes == code) & (land_use.area_m2 >= least)), start=1):  # fmt: skip
            x, y = land_use.points[k].tolist()
            name = f"{towns[int(land_use.town[k])].name}{kind}{n}"
            found.append((x, y, kind, name, int(land_use.area_m2[k]), "平方米"))
    return found


def _spread(
    setting: Setting, item: _Missing, salt: int, land_use: LandUse, towns: tuple[Town, ...]
) -> list[Row]:
    homes = np.isin(land_use.codes, ["0701", "0901"]) & (land_use.area_m2 > 300)
    if item.seat_only:
        homes &= land_use.town == 0
    sites = np.flatnonzero(homes)
    unit = hash01(setting.seed, salt, sites)
    chosen: list[int] = []
    places: Floats = np.empty((0, 2))
    for k in sites[np.argsort(unit)].tolist():
        if not len(places) or np.hypot(*(places - land_use.points[k]).T).min() > item.gap_m:
            chosen.append(k)
            places = land_use.points[chosen]
    kept = hash01(setting.seed, salt + 20, np.array(chosen)) < item.share
    size = hash01(setting.seed, salt + 40, np.array(chosen))
    low, high = item.capacity
    return [
        (*land_use.points[k].tolist(), item.kind, f"{towns[int(land_use.town[k])].name}{item.kind}{n}",
         int(low + (high - low) * float(s) ** 2), item.unit)
        for n, (k, keep, s) in enumerate(zip(chosen, kept, size, strict=True), start=1) if keep
    ]  # fmt: skip
