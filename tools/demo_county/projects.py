"""Three projects whose relation to the control lines is known, placed by search."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
import shapely.affinity
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import Boundary, Farmland, Redline
from tools.demo_county.land_cover import PRECISION
from tools.demo_county.land_use import LandUse
from tools.demo_county.noise import Floats
from tools.demo_county.products import Setting, product
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import points_at, polygons, subdivide

LABEL = "合成数据"
_VACANT = ("16", "2301")


@dataclass(frozen=True)
class Project:
    """A project: its folder's name, what it is, and its land as one geometry per parcel."""

    folder: str
    name: str
    kind: str
    """Chinese kind, e.g. 产业园."""
    type_id: str
    """Kind as the compliance check takes it, e.g. industrial_park."""
    use: str
    code: str
    """用地用海 code of the planned use."""
    parcels: tuple[Polygon, ...]

    @property
    def geometry(self) -> Polygon | MultiPolygon:
        """All parcels."""
        return self.parcels[0] if len(self.parcels) == 1 else MultiPolygon(self.parcels)


def _arc(a: tuple[float, float], b: tuple[float, float], bulge: float, count: int = 24) -> Floats:
    """Points of a circular arc from a towards b (b left out); `bulge` is rise over half chord."""
    start, end = np.array(a), np.array(b)
    half = (end - start) / 2
    normal = np.array([half[1], -half[0]])
    turn = 2 * np.arctan(bulge)
    centre = start + half - normal / np.tan(2 * np.arctan(bulge)) if bulge else start
    arm = start - centre
    angles = np.linspace(0, 2 * turn, count, endpoint=False)
    c, s = np.cos(angles), np.sin(angles)
    return np.column_stack(
        [centre[0] + c * arm[0] - s * arm[1], centre[1] + s * arm[0] + c * arm[1]]
    )


def _park() -> list[Polygon]:
    """About 50 ha in two parcels: a curved edge, a village left out as a hole, odd corners."""
    shell = np.concatenate(
        [
            np.array([(-430.0, -300.0), (-120.0, -345.0), (150.0, -318.0)]),
            _arc((300.0, -290.0), (390.0, 180.0), 0.28, 32),
            np.array([(390.0, 180.0), (265.0, 305.0), (40.0, 286.0), (18.0, 345.0), (-210.0, 330.0), (-455.0, 190.0), (-402.0, 20.0)]),
        ]
    )  # fmt: skip
    angle = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    radius = 74 + 11 * np.cos(3 * angle + 0.5)
    hole = np.column_stack([-95 + radius * np.cos(angle), 40 + 0.8 * radius * np.sin(angle)])
    annex = np.concatenate(
        [np.array([(-410.0, -336.0), (-455.0, -470.0), (-300.0, -515.0)]), _arc((-150.0, -500.0), (-110.0, -372.0), 0.2, 12), np.array([(-110.0, -372.0)])]
    )  # fmt: skip
    return [Polygon(shell, [hole[::-1]]), Polygon(annex)]


def _school() -> list[Polygon]:
    """About 6 ha, one rounded corner."""
    shell = np.concatenate(
        [np.array([(-130.0, -105.0), (118.0, -122.0)]), _arc((131.0, 40.0), (60.0, 112.0), 0.41, 16), np.array([(60.0, 112.0), (-122.0, 124.0)])]
    )  # fmt: skip
    return [Polygon(shell)]


def _depot() -> list[Polygon]:
    """About 11 ha, one curved side."""
    shell = np.concatenate(
        [np.array([(-190.0, -130.0)]), _arc((-20.0, -165.0), (190.0, -92.0), 0.12, 14), np.array([(190.0, -92.0), (166.0, 128.0), (-70.0, 152.0), (-176.0, 96.0)])]
    )  # fmt: skip
    return [Polygon(shell)]


class _Lines:
    """Areas of a geometry within each of the lines, fast."""

    def __init__(self, *areas: BaseGeometry) -> None:
        pieces = [[p for part in polygons(area) for p in subdivide(part)] for area in areas]
        self.pieces = [np.array(p, dtype=object) for p in pieces]
        self.trees = [shapely.STRtree(p) for p in self.pieces]

    def within(self, geometry: BaseGeometry) -> list[float]:
        """Area inside each line, m²."""
        return [
            float(shapely.area(shapely.intersection(pieces[tree.query(geometry, "intersects")], geometry)).sum())
            for pieces, tree in zip(self.pieces, self.trees, strict=True)
        ]  # fmt: skip


def _place(parts: list[Polygon], centre: Floats, turn: float) -> MultiPolygon:
    whole = shapely.affinity.rotate(MultiPolygon(parts), turn, origin=(0, 0))
    whole = shapely.affinity.translate(whole, *np.round(centre, 1))
    return shapely.set_precision(whole, PRECISION, mode="pointwise")


@product
def projects(
    setting: Setting, county_outline: Polygon, land_use: LandUse, towns: tuple[Town, ...],
    development_boundary: Boundary, ecological_redline: Redline, permanent_farmland: Farmland,
) -> tuple[Project, ...]:  # fmt: skip
    """Clean, in conflict with all three lines, and partly outside the development boundary."""
    farmland = MultiPolygon([area for _, area in permanent_farmland.patches])
    cultivated = land_use.polygons[np.char.startswith(land_use.codes, "01")]
    taken = np.isin(land_use.kinds, ["built_up", "street", "water"]) & ~np.isin(
        land_use.codes, _VACANT
    )
    lines = _Lines(
        farmland, ecological_redline.area, development_boundary.area,
        MultiPolygon(list(shapely.get_parts(cultivated))),
        MultiPolygon(list(shapely.get_parts(land_use.polygons[taken]))),
    )  # fmt: skip
    rng = setting.rng("projects")
    vacant = np.isin(land_use.codes, _VACANT) & (land_use.kinds == "built_up")
    inside = land_use.points[vacant]
    edge = _along(development_boundary.area, 60.0)
    river_edge = _along(ecological_redline.area, 90.0)
    clean = _search(_school(), inside, rng, lambda g: _clean_score(lines.within(g), g.area), 1.97)
    conflict = _search(_park(), _near(edge, river_edge, 900.0), rng, lambda g: _conflict_score(lines.within(g), g.area), 1.66)  # fmt: skip
    partly = _search(_depot(), edge, rng, lambda g: _partly_score(lines.within(g), g.area), 1.93)
    return (
        Project("1_clean", "示例县第三中学（合成）", "公共服务", "public_service", "中小学用地", "080403", clean),
        Project("2_conflict", "示例县循环经济产业园（合成）", "产业园", "industrial_park", "工业用地", "1001", conflict),
        Project("3_partly_outside", "城郊物流中转站（合成）", "物流仓储", "logistics", "物流仓储用地", "1101", partly),
    )  # fmt: skip


def _along(area: BaseGeometry, step: float) -> Floats:
    rings = shapely.get_rings(shapely.get_parts(area))
    places: Floats = shapely.get_coordinates(shapely.segmentize(rings, step))
    return places


def _near(points: Floats, others: Floats, reach: float) -> Floats:
    tree = shapely.STRtree(points_at(others))
    near = tree.query(points_at(points), "dwithin", distance=reach)[0]
    return np.asarray(points[np.unique(near)])


def _search(
    parts: list[Polygon],
    centres: Floats,
    rng: np.random.Generator,
    score: Callable[[MultiPolygon], float],
    enough: float,
) -> tuple[Polygon, ...]:
    """Try places and directions until one is good enough; else take the best."""
    best, found = 0.0, None
    picks = centres[rng.permutation(len(centres))[:600]]
    shift = rng.uniform(-260, 260, picks.shape)
    for centre, move in zip(picks, shift, strict=True):
        area = _place(
            parts, centre + move * min(1.0, parts[0].area / 3e5), float(rng.uniform(0, 360))
        )
        value = score(area)
        if value > best:
            best, found = value, area
        if best >= enough:
            break
    assert found is not None, "no place for a project; choose another seed"
    return tuple(polygons(found))


def _clean_score(within: list[float], area: float) -> float:
    farmland, redline, boundary, cultivated, taken = within
    if farmland > 0 or redline > 0 or boundary < area * (1 - 1e-9):
        return 0.0
    return 2.0 - (cultivated + 0.2 * taken) / area


def _conflict_score(within: list[float], area: float) -> float:
    """All three lines are cut; a park goes on open land rather than over a town or a river."""
    farmland, redline, boundary, _, taken = (part / area for part in within)
    if min(farmland, redline, boundary) < 0.04:
        return 0.0
    return 1 + min(farmland, 0.35) + min(redline, 0.12) + min(boundary, 0.25) - 1.6 * taken


def _partly_score(within: list[float], area: float) -> float:
    farmland, redline, boundary, _, taken = (part / area for part in within)
    if farmland > 0 or redline > 0 or not 0.3 < boundary < 0.75:
        return 0.0
    return 2.0 - abs(boundary - 0.55) - taken
