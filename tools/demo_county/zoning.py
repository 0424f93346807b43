"""Which 用地用海 code a place gets: forest on slopes, crops on the plain, zones in towns.

The codes are those of 用地用海分类 2023 (自然资发〔2023〕234号).
"""

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.noise import Floats, Fractal, hash01
from tools.demo_county.products import Setting
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import points_at
from tools.demo_county.terrain import Terrain

NAMES = {
    "0101": "水田", "0102": "水浇地", "0103": "旱地", "0201": "果园", "0202": "茶园",
    "0301": "乔木林地", "0302": "竹林地", "0303": "灌木林地", "0304": "其他林地",
    "0403": "其他草地", "0506": "内陆滩涂", "060101": "村道用地", "060102": "田间道",
    "060201": "种植设施建设用地", "060202": "畜禽养殖设施建设用地", "0701": "城镇住宅用地",
    "0703": "农村宅基地", "0704": "农村社区服务设施用地", "0801": "机关团体用地",
    "080302": "文化活动用地", "080403": "中小学用地", "080404": "幼儿园用地",
    "080501": "体育场馆用地", "080601": "医院用地", "080602": "基层医疗卫生设施用地",
    "080701": "老年人社会福利用地", "0901": "商业用地", "0902": "商务金融用地",
    "1001": "工业用地", "1101": "物流仓储用地", "1201": "铁路用地", "1202": "公路用地",
    "1207": "城镇村道路用地", "120801": "对外交通场站用地", "1301": "供水用地",
    "1303": "供电用地", "1310": "消防用地", "1401": "公园绿地", "1402": "防护绿地",
    "1403": "广场用地", "16": "留白用地", "1701": "河流水面", "1702": "湖泊水面",
    "1703": "水库水面", "1704": "坑塘水面", "1705": "沟渠", "2301": "空闲地",
    "2307": "裸岩石砾地",
}  # fmt: skip
"""Codes that the county uses, with their names."""

CULTIVATED = ("0101", "0102", "0103")
_RESERVE_ANGLE, _RESERVE_AT, _RESERVE_RADIUS = 0.35, 0.66, 0.36
"""Where the seat's vacant land for new industry lies: direction, distance and radius (of the town's)."""

Codes = NDArray[np.str_]


def _pick(u: Floats, shares: dict[str, float]) -> Codes:
    """Choose codes by numbers in 0..1."""
    edges = np.cumsum(list(shares.values()))
    index = np.searchsorted(edges[:-1] / edges[-1], u, side="right")
    return np.array(list(shares))[index]


def _even(u: Floats) -> Floats:
    """Spread smooth noise about evenly over 0..1."""
    return np.asarray(1 / (1 + np.exp(-5.2 * u)))


def forest_codes(setting: Setting, points: Floats, terrain: Terrain, unit: Floats) -> Codes:
    """Codes of hill stands; `unit` is a random number of each in 0..1."""
    x, y = points.T
    hill, slope = terrain.hill.sample(x, y), terrain.slope.sample(x, y)
    kind = _even(Fractal(setting.seed, 61, 1500, 2)(x, y) + 0.5 * (unit - 0.5))
    codes = _pick(kind, {"0303": 0.16, "0301": 0.62, "0302": 0.10, "0304": 0.12})
    foot = (hill < 95) & (slope < 13)
    garden = Fractal(setting.seed, 62, 900, 2)(x, y)
    codes = np.where(foot & (garden > 0.22), np.where(unit < 0.55, "0202", "0201"), codes)
    codes = np.where(foot & (slope < 7) & (unit < 0.30), "0103", codes)
    codes = np.where((hill > 260) & (garden < -0.42), "0403", codes)
    return np.where((slope > 33) & (unit > 0.86), "2307", codes)


def field_codes(
    setting: Setting, points: Floats, terrain: Terrain, unit: Floats, seat: Town,
    to_village: Floats,
) -> Codes:  # fmt: skip
    """Codes of open fields; `to_village` is the distance to the nearest village, m."""
    x, y = points.T
    hill = terrain.hill.sample(x, y)
    north = (y - setting.south_west[1]) / 1000
    wet = Fractal(setting.seed, 63, 2600, 3)(x, y) - 0.045 * hill - 0.035 * (north - 9)
    codes = np.where(wet + 0.35 * (unit - 0.5) > -0.10, "0101", "0103")
    town_side = np.hypot(x - seat.centre[0], y - seat.centre[1]) < 2.4 * seat.radius
    codes = np.where(town_side & (unit < 0.45), "0102", codes)
    orchard = Fractal(setting.seed, 64, 1100, 2)(x, y)
    codes = np.where((orchard > 0.47) & (wet < 0.15), "0201", codes)
    codes = np.where((to_village < 180) & (unit > 0.90), "0201", codes)
    codes = np.where((to_village < 260) & (unit > 0.965), "0304", codes)
    fish = Fractal(setting.seed, 65, 1700, 2)(x, y) + 0.05 * (6 - north)
    codes = np.where((fish > 0.60) & (hill < 4), "1704", codes)
    rare = _pick(hash01(setting.seed, 66, np.arange(len(unit))), {
        "": 0.962, "0301": 0.012, "0403": 0.008, "060202": 0.005, "060201": 0.006, "2301": 0.007,
    })  # fmt: skip
    return np.where(rare == "", codes, rare)


def town_codes(setting: Setting, number: int, town: Town, points: Floats, area: Floats) -> Codes:
    """Codes of the lots of one town: a core, homes, works in the east, and vacant land."""
    x, y = points.T
    dx, dy = x - town.centre[0], y - town.centre[1]
    away, angle = np.hypot(dx, dy) / town.radius, np.arctan2(dy, dx)
    seat = number == 0
    zone = _even(Fractal(setting.seed, 70 + number, 340 if seat else 170, 2)(x, y))
    unit = hash01(setting.seed, 80 + number, np.arange(len(x)))
    codes = _pick(zone, {"1401": 0.07, "0701": 0.74, "0901": 0.12, "0801": 0.04, "1402": 0.03})
    codes = np.where(away < (0.24 if seat else 0.3), _pick(zone, {"0901": 0.5, "0801": 0.16, "0902": 0.12, "1403": 0.04, "0701": 0.18}), codes)  # fmt: skip
    works = (np.abs(angle + 0.35) < 0.75) & (away > 0.5) if seat else (dx > 0.35 * town.radius)
    codes = np.where(works, _pick(zone, {"1401": 0.05, "1001": 0.70, "1101": 0.15, "0901": 0.04, "2301": 0.06}), codes)  # fmt: skip
    if seat:
        spot = np.array([np.cos(_RESERVE_ANGLE), np.sin(_RESERVE_ANGLE)]) * _RESERVE_AT
        vacant = np.hypot(dx / town.radius - spot[0], dy / town.radius - spot[1]) < _RESERVE_RADIUS
        codes = np.where(vacant, np.where(zone > 0.45, "2301", "16"), codes)
    return _services(codes, unit, area, seat)


def _services(codes: Codes, unit: Floats, area: Floats, seat: bool) -> Codes:
    """Give some lots of fitting size to public services: single lots, spread over the town."""
    homes = np.isin(codes, ["0701", "0901"])
    shares = {
        "080403": 0.030, "080404": 0.028, "080601": 0.010, "080602": 0.016, "080302": 0.012,
        "080501": 0.010, "080701": 0.014, "1310": 0.006, "1301": 0.004, "1303": 0.006,
        "120801": 0.005,
    }  # fmt: skip
    need = sum(shares.values()) * (1.0 if seat else 1.6)
    lots = np.flatnonzero(homes & (unit < need) & (area > 900))
    if not seat and len(lots) < 8:  # a small town still has one of each
        lots = np.flatnonzero(homes)[np.argsort(-area[homes])][:11]
    order = np.array(list(shares))
    codes = codes.astype("<U6")
    if len(lots) >= len(order):
        codes[lots[: len(order)]] = order
        rest = lots[len(order) :]
        codes[rest] = _pick(unit[rest] / need, shares)
    elif len(lots):
        codes[lots] = order[: len(lots)]
    return codes


def nearest_distance(
    points: Floats, places: NDArray[np.float64]
) -> tuple[NDArray[np.int64], Floats]:
    """Index of and distance to the nearest place."""
    index, distance = shapely.STRtree(points_at(places)).query_nearest(
        points_at(points), return_distance=True, all_matches=False
    )
    return index[1], distance
