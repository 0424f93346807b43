"""What the plan says about each piece of the county: its planning zone and its planned use.

Zones follow the three control lines exactly; what lies between them takes the use of its parcel.
Planned use is today's, and inside the development boundary what the towns are to become.
"""

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import CORE, ELASTIC, SPECIAL, Boundary, Farmland, Redline
from tools.demo_county.land_cover import Faces
from tools.demo_county.land_use import LandUse, Neighbours
from tools.demo_county.mining import MineralSite
from tools.demo_county.noise import Fractal, hash01
from tools.demo_county.plan_2020 import EarlierPlan
from tools.demo_county.plan_faces import (
    LINEAR,
    Flags,
    Ints,
    PlanFaces,
    absorb,
    absorb_specks,
    cut_faces,
    dissolve,
)
from tools.demo_county.products import Setting, product
from tools.demo_county.projects import Project
from tools.demo_county.settlements import Town
from tools.demo_county.shapes import polygons
from tools.demo_county.terrain import Terrain

REDLINE_ZONE, CONTROL_ZONE, FARM_ZONE = "生态保护区", "生态控制区", "农田保护区"
VILLAGE_ZONE, FIELD_ZONE, FOREST_ZONE = "村庄建设区", "一般农业区", "林业发展区"
MINING_ZONE = "矿产能源发展区"
ZONES = (
    REDLINE_ZONE, CONTROL_ZONE, FARM_ZONE, CORE, ELASTIC, SPECIAL, VILLAGE_ZONE, FIELD_ZONE,
    FOREST_ZONE, MINING_ZONE,
)  # fmt: skip
CONTROL_ABOVE_M = 118.0
"""Hills above this outside the redline are 生态控制区."""
_RURAL = ("01", "02", "03", "04", "06", "16", "23")
_OPEN_CODES = ("1704", "1705", "0703", "0704")
_TILE_M = 1500.0


@dataclass(frozen=True)
class PlanLines:
    """The three lines of one version of the plan."""

    zones: tuple[tuple[str, BaseGeometry], ...]
    """Kind and area of the zones inside the development boundary."""
    redline: BaseGeometry
    farmland: Flags
    """Parcels that are permanent basic farmland."""

    @classmethod
    def of(cls, boundary: Boundary, redline: Redline, farmland: Farmland) -> "PlanLines":
        """The lines as they are drawn."""
        zones = tuple((kind, area) for _, kind, area in boundary.zones)
        return cls(zones, redline.area, farmland.parcels)


@dataclass(frozen=True)
class PlanMap:
    """Zone of each piece (index into ZONES) and its planned code (index into `codes`)."""

    zone: Ints
    use: Ints
    codes: NDArray[np.str_]


@product
def plan_faces(
    faces: Faces, face_neighbours: Neighbours, land_use: LandUse, development_boundary: Boundary, ecological_redline: Redline,
    plan_2020: EarlierPlan, projects: tuple[Project, ...], mineral_sites: tuple[MineralSite, ...],
) -> PlanFaces:  # fmt: skip
    """The county's faces cut along the lines of both plans and the planned school's site."""
    today = _lines(development_boundary, ecological_redline)
    known = {shapely.to_wkb(line) for line in today}
    before = _lines(plan_2020.boundary, plan_2020.redline)
    lines = [*today, *(line for line in before if shapely.to_wkb(line) not in known)]
    lines += [shapely.boundary(site.area) for site in mineral_sites]
    lines.append(shapely.boundary(projects[0].geometry))
    return cut_faces(faces, face_neighbours, land_use, lines)


def _lines(boundary: Boundary, redline: Redline) -> list[BaseGeometry]:
    areas = [part for _, _, area in boundary.zones for part in polygons(area)]
    areas += [area for _, _, area in redline.patches]
    return [shapely.boundary(area) for area in areas]


@product
def plan_map(
    setting: Setting, plan_faces: PlanFaces, land_use: LandUse, terrain: Terrain,
    towns: tuple[Town, ...], development_boundary: Boundary, ecological_redline: Redline,
    permanent_farmland: Farmland, projects: tuple[Project, ...],
    mineral_sites: tuple[MineralSite, ...],
) -> PlanMap:  # fmt: skip
    """Today's plan."""
    lines = PlanLines.of(development_boundary, ecological_redline, permanent_farmland)
    zone = zones_of(setting, plan_faces, land_use, terrain, lines, mineral_sites)
    return PlanMap(zone, *uses_of(setting, plan_faces, land_use, towns, zone, projects))


@product
def plan_map_2020(
    setting: Setting, plan_faces: PlanFaces, land_use: LandUse, terrain: Terrain,
    towns: tuple[Town, ...], plan_2020: EarlierPlan, projects: tuple[Project, ...],
    mineral_sites: tuple[MineralSite, ...],
) -> PlanMap:  # fmt: skip
    """The plan of 2020."""
    lines = PlanLines.of(plan_2020.boundary, plan_2020.redline, plan_2020.farmland)
    zone = zones_of(setting, plan_faces, land_use, terrain, lines, mineral_sites)
    return PlanMap(zone, *uses_of(setting, plan_faces, land_use, towns, zone, projects))


def zones_of(
    setting: Setting, faces: PlanFaces, land_use: LandUse, terrain: Terrain, lines: PlanLines,
    sites: tuple[MineralSite, ...],
) -> Ints:  # fmt: skip
    """Zone of each piece, as an index into ZONES."""
    number = {name: k for k, name in enumerate(ZONES)}
    kind, code = land_use.kinds[faces.parcel], land_use.codes[faces.parcel]
    x, y = faces.points.T
    zone = np.full(len(kind), number[FIELD_ZONE])
    zone[(kind == "hill") | np.char.startswith(code, "03")] = number[FOREST_ZONE]
    height = terrain.hill.sample(x, y) + 25 * Fractal(setting.seed, 201, 1800, 2)(x, y)
    zone[(kind == "hill") & (height > CONTROL_ABOVE_M)] = number[CONTROL_ZONE]
    zone[np.isin(code, ["1701", "1702", "1703", "0506"])] = number[CONTROL_ZONE]
    zone[kind == "village"] = number[VILLAGE_ZONE]
    for site in sites:
        zone[faces.within(site.area)] = number[MINING_ZONE]
    farmland = lines.farmland[faces.parcel]
    zone[farmland] = number[FARM_ZONE]
    held = np.zeros(len(kind), bool)  # pieces inside a line keep its zone, and others never take it
    for name, area in (*lines.zones, (REDLINE_ZONE, lines.redline)):
        inside = faces.within(area)
        zone[inside] = number[name]
        held |= inside
    thin = np.isin(kind, LINEAR) | (np.isin(kind, ["open", "hill", "pond"]) & (faces.area_m2 < 400))
    zone = absorb(faces, zone, thin & ~held & ~farmland, ~held)
    return absorb_specks(
        faces, zone, held | farmland, ~held,
        least_m2=12_000 * setting.scale, least_width_m=14.0, rounds=3,
    )  # fmt: skip


def uses_of(
    setting: Setting, faces: PlanFaces, land_use: LandUse, towns: tuple[Town, ...], zone: Ints,
    projects: tuple[Project, ...],
) -> tuple[Ints, NDArray[np.str_]]:  # fmt: skip
    """Planned code of each piece, as an index into the codes."""
    kind, code = land_use.kinds[faces.parcel], land_use.codes[faces.parcel].astype("<U6")
    urban = np.isin(zone, [ZONES.index(CORE), ZONES.index(ELASTIC)])
    open_ = urban & (np.isin(code.astype("<U2"), _RURAL) | np.isin(code, _OPEN_CODES))
    new = _town_uses(setting, faces, towns)
    planned = np.where(open_ & (kind != "street"), new, code)
    track = np.isin(kind, ["track", "ditch"]) | np.isin(code, ["060102", "1705"])
    site = faces.within(projects[0].geometry)
    planned[site] = projects[0].code
    codes, use = np.unique(planned, return_inverse=True)
    small = np.isin(kind, ["open", "hill", "built_up"]) & (faces.area_m2 < 300)
    use = absorb(faces, use, (track | small) & ~site, ~site & ~np.isin(kind, ["road", "street"]))
    return use, codes


def _town_uses(setting: Setting, faces: PlanFaces, towns: tuple[Town, ...]) -> NDArray[np.str_]:
    """What open land inside the boundary becomes: quarters of homes and works with parks between."""
    x, y = faces.points.T
    centres = np.array([t.centre for t in towns])[faces.town]
    dx = x - centres[:, 0]
    seat = faces.town == 0
    radius = np.array([t.radius for t in towns])[faces.town]
    works = np.where(seat, dx > 0.55 * radius, dx > 0.35 * radius)
    grain = Fractal(setting.seed, 202, 420, 2)(x, y)
    unit = hash01(setting.seed, 203, np.arange(len(x)))
    homes = np.select(
        [grain > 0.34, grain < -0.42, unit < 0.05, unit < 0.08],
        ["1401", "0901", "080403", "080602"],
        "0701",
    )
    jobs = np.select([grain > 0.38, grain < -0.40, unit < 0.04], ["1402", "1101", "1301"], "1001")
    return np.where(works, jobs, homes)


def use_areas(
    setting: Setting, faces: PlanFaces, plan: PlanMap
) -> tuple[NDArray[np.object_], Ints]:
    """Areas of one planned code within a town and a square of about a kilometre and a half."""
    tile = _TILE_M * setting.scale
    column, row = (faces.points // tile).astype(np.int64).T
    column, row = column - column.min(), row - row.min()
    place = column * (int(row.max()) + 1) + row
    town_land = np.isin(plan.zone, [ZONES.index(CORE), ZONES.index(ELASTIC)])
    label = plan.use * (int(place.max()) + 2) + np.where(town_land, place.max() + 1, place)
    return dissolve(faces, label)
