"""Overhead power lines by voltage."""

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.corridors import corridor
from tools.demo_county.noise import Floats
from tools.demo_county.plan_layer import plan_lines
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.road_network import Road
from tools.demo_county.settlements import Town

SUBSTATION_KM = (19.3, 10.6)
_TRUNKS = (
    (
        "500千伏示例Ⅰ线",
        "500千伏",
        ((-1, 12.9), (7, 12.7), (11.5, 15.8), (20.2, 15.9), (31, 12.2)),
        80.0,
    ),
    ("220千伏城东线", "220千伏", ((31, 8.9), SUBSTATION_KM), 50.0),
)
_FEEDERS = ((1, "110千伏"), (2, "110千伏"), (8, "110千伏"), (7, "110千伏"), (9, "110千伏"), (6, "35千伏"), (0, "110千伏"))  # fmt: skip
_BRANCHES = ((6, 5, "35千伏"), (5, 4, "35千伏"), (1, 3, "35千伏"))
_KEEP_M = {"110千伏": 35.0, "35千伏": 25.0}


@layer(
    LayerInfo(
        "power_lines", "DLXL", "电力线路", id_field="BSM", code_field="DYDJ", name_field="MC",
        code_scheme="power_voltage",
    )
)  # fmt: skip
def power_lines_layer(
    setting: Setting, county_outline: Polygon, towns: tuple[Town, ...],
    settled: tuple[BaseGeometry, ...], road_network: tuple[Road, ...],
) -> VectorLayer:  # fmt: skip
    """Trunks across the county, feeders from the substation to the towns, and 10 kV along lanes."""
    rows: list[tuple[str, str, BaseGeometry]] = []
    for name, voltage, stops, keep in _TRUNKS:
        path = np.array([setting.at(*stop) for stop in stops])
        rows.append((name, voltage, corridor(path, settled, keep_m=keep)))
    station = np.array(setting.at(*SUBSTATION_KM))
    edges = {n: _edge(towns[n], station) for n in range(len(towns))}
    for n, voltage in _FEEDERS:
        path = np.array([station, edges[n]])
        rows.append((f"{voltage}{towns[n].name}线", voltage, corridor(path, _others(settled, edges[n]), keep_m=_KEEP_M[voltage])))  # fmt: skip
    for a, b, voltage in _BRANCHES:
        ends = np.array([_edge(towns[a], np.array(towns[b].centre)), _edge(towns[b], np.array(towns[a].centre))])  # fmt: skip
        rows.append((f"{voltage}{towns[a].name}至{towns[b].name}线", voltage, corridor(ends, _others(_others(settled, ends[0]), ends[1]), keep_m=_KEEP_M[voltage])))  # fmt: skip
    lanes = [road for road in road_network if road.kind == "乡道"]
    for road in lanes:
        beside = shapely.offset_curve(shapely.simplify(road.line, 6.0), 9.0)
        rows += [(f"10千伏{road.name.removesuffix('路')}线", "10千伏", part) for part in shapely.get_parts(beside)]  # fmt: skip
    rows = [
        (name, voltage, part)
        for name, voltage, line in rows
        for part in shapely.get_parts(shapely.intersection(line, county_outline))
        if isinstance(part, LineString) and part.length > 50
    ]
    own = {
        "MC": ("TEXT(100)", [f"{name}（合成）" for name, _, _ in rows]),
        "DYDJ": ("TEXT(20)", [voltage for _, voltage, _ in rows]),
    }
    return plan_lines(setting, 3011, [line for _, _, line in rows], own)


def _edge(town: Town, goal: Floats) -> Floats:
    """Where a line from the town's middle towards a place leaves the built-up area, and a little on."""
    out = shapely.buffer(town.built_up, 60).exterior
    way = LineString([town.centre, tuple(goal)])
    cuts = shapely.get_coordinates(shapely.intersection(way, out))
    return cuts[np.argmax(np.hypot(*(cuts - town.centre).T))] if len(cuts) else goal


def _others(settled: tuple[BaseGeometry, ...], place: Floats) -> tuple[BaseGeometry, ...]:
    """All settlements but those that a line ends at."""
    spot = shapely.Point(place)
    return tuple(body for body in settled if body.distance(spot) > 120)
