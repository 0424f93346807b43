"""An earlier version of the plan, which differs from today's in known places.

Every difference is made on purpose and recorded: something added, removed, moved, or given another
kind. What is new today lies elsewhere or not at all in 2020; parcels that the old lines lie on were
no permanent basic farmland then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import shapely
import shapely.affinity
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import (
    CORE,
    ELASTIC,
    SPECIAL,
    Boundary,
    Farmland,
    Redline,
    farmland_patches,
)
from tools.demo_county.land_cover import PRECISION
from tools.demo_county.land_use import LandUse
from tools.demo_county.plan_faces import Flags
from tools.demo_county.products import Setting, product
from tools.demo_county.projects import Project
from tools.demo_county.settlements import Town, Village
from tools.demo_county.shapes import points_at, polygons
from tools.demo_county.zoning import CULTIVATED

ADDED, REMOVED, MOVED, CHANGED = "新增", "删除", "移动", "类型变化"
BOUNDARY, REDLINE, FARMLAND = "CZKFBJ", "STBHHX", "YJJBNT"
_STEPS = tuple(
    (round(r * np.cos(a), 1), round(r * np.sin(a), 1))
    for r in (220.0, 320.0, 450.0, 600.0, 900.0, 1300.0)
    for a in np.linspace(0, 2 * np.pi, 16, endpoint=False)
)
"""Ways in which something may have moved, near ones first, m."""


@dataclass(frozen=True)
class Change:
    """One known difference, seen from 2020 to today.

    Attributes:
        old, new: Where it was and is; None where it was or is not.
    """

    layer: str
    kind: str
    old_code: str
    new_code: str
    old: BaseGeometry | None
    new: BaseGeometry | None
    note: str


@dataclass(frozen=True)
class EarlierPlan:
    """The three lines of 2020 and how today's differ from them."""

    boundary: Boundary
    redline: Redline
    farmland: Farmland
    changes: tuple[Change, ...]


@product
def plan_2020(
    setting: Setting, land_use: LandUse, towns: tuple[Town, ...], villages: tuple[Village, ...],
    county_outline: Polygon, development_boundary: Boundary, ecological_redline: Redline,
    permanent_farmland: Farmland, projects: tuple[Project, ...],
) -> EarlierPlan:  # fmt: skip
    """Take today's lines back to 2020."""
    place = _Place(land_use, villages, county_outline, development_boundary, ecological_redline, projects)  # fmt: skip
    boundary, boundary_changes = _boundary(place, development_boundary, towns, permanent_farmland)
    redline, redline_changes = _redline(setting, place, ecological_redline)
    farmland, farmland_changes = _farmland(setting, place, permanent_farmland, boundary, redline)
    return EarlierPlan(
        boundary, redline, farmland, (*boundary_changes, *redline_changes, *farmland_changes)
    )


@dataclass(frozen=True)
class _Place:
    """What the old lines keep off."""

    land_use: LandUse
    villages: tuple[Village, ...]
    county: Polygon
    boundary: Boundary
    redline: Redline
    projects: tuple[Project, ...]

    def near(self, spot: tuple[float, float], reach: float) -> Flags:
        """Parcels whose inner point lies within a distance of a place."""
        return np.asarray(np.hypot(*(self.land_use.points - spot).T) < reach)

    def free(self, area: BaseGeometry, gap: float) -> bool:
        """Whether an area lies inside the county, off villages, projects and both of today's lines."""
        others = (self.boundary.area, self.redline.area, *(p.geometry for p in self.projects))
        return (
            self.county.contains(shapely.buffer(area, 50))
            and all(area.distance(other) > gap for other in others)
            and all(area.distance(v.outline) > 0 for v in self.villages)
        )


def _moved(area: BaseGeometry) -> Iterator[BaseGeometry]:
    for step in _STEPS:
        yield shapely.affinity.translate(area, *step)


def _solid(land_use: LandUse, chosen: Flags) -> BaseGeometry | None:
    """The largest piece of a group of parcels."""
    if not chosen.any():
        return None
    parts = polygons(shapely.coverage_union_all(shapely.get_parts(land_use.polygons[chosen])))
    return max(parts, key=lambda part: part.area)


def _boundary(
    place: _Place, today: Boundary, towns: tuple[Town, ...], farmland: Farmland
) -> tuple[Boundary, list[Change]]:
    zones: list[tuple[int, str, BaseGeometry]] = [
        (n, kind, part) for n, kind, area in today.zones for part in polygons(area)
    ]
    changes = []

    def largest(kind: str) -> int | None:
        found = [k for k, zone in enumerate(zones) if zone[1] == kind and zone[0] == 0]
        return max(found, key=lambda k: zones[k][2].area, default=None)

    gone = largest(ELASTIC)
    if gone is not None:
        n, kind, area = zones.pop(gone)
        changes.append(Change(BOUNDARY, ADDED, "", kind, None, area, f"{towns[n].name}弹性发展区"))
    other = largest(SPECIAL)
    if other is not None:
        n, kind, area = zones[other]
        zones[other] = (n, CORE, area)
        changes.append(
            Change(BOUNDARY, CHANGED, CORE, kind, area, area, f"{towns[n].name}城南片区")
        )
    small = [k for k, (n, _, a) in enumerate(zones) if n and 5_000 < a.area < 400_000]
    for k in sorted(small, key=lambda k: zones[k][2].area)[:1]:
        n, kind, area = zones[k]
        old = next((a for a in _moved(area) if place.free(a, 25)), None)
        if old is not None:
            old = shapely.set_precision(old, PRECISION)
            zones[k] = (n, kind, old)
            changes.append(Change(BOUNDARY, MOVED, kind, kind, old, area, f"{towns[n].name}片区"))
    for n in range(len(towns) - 1, 0, -1):  # a quarter that was given back to the fields
        x, y = towns[n].centre
        spot = x, y - 2.1 * towns[n].radius
        reach = place.near(spot, 290 * max(1.0, 0.5 * towns[n].radius / 250))
        extra = _solid(place.land_use, reach & farmland.parcels)
        if extra is not None and extra.area > 60_000 and place.free(extra, 25):
            zones.append((n, CORE, extra))
            changes.append(
                Change(BOUNDARY, REMOVED, CORE, "", extra, None, f"{towns[n].name}南片区")
            )
            break
    area = shapely.union_all([a for _, _, a in zones], grid_size=PRECISION)
    return Boundary(tuple(zones), area), changes


def _redline(setting: Setting, place: _Place, today: Redline) -> tuple[Redline, list[Change]]:
    patches = list(today.patches)
    changes = []
    river = sorted((p for p in patches if p[0] == "示例河"), key=lambda p: p[2].area)
    if len(river) > 1:
        patches.remove(river[0])
        changes.append(Change(REDLINE, ADDED, "", river[0][0], None, river[0][2], "示例河河段"))
    whole = today.area
    for patch in sorted(patches, key=lambda p: p[2].area):
        name, function, area = patch
        if not 20_000 < area.area < 800_000:
            continue
        rest = shapely.MultiPolygon([p[2] for p in today.patches if p is not patch])
        clear = replace(place, redline=Redline((), rest))
        old = next((a for a in _moved(area) if clear.free(a, 30)), None)
        if old is not None:
            old = polygons(shapely.set_precision(old, PRECISION))[0]
            patches[patches.index(patch)] = (name, function, old)
            changes.append(Change(REDLINE, MOVED, name, name, old, area, f"{name}小斑块"))
            break
    rng = setting.rng("plan 2020 redline")
    wood = (place.land_use.kinds == "hill") & np.char.startswith(place.land_use.codes, "03")
    for k in rng.permutation(np.flatnonzero(wood))[:300].tolist():
        spot = tuple(place.land_use.points[k].tolist())
        extra = _solid(place.land_use, wood & place.near(spot, 420.0 * max(1.0, setting.scale / 2)))
        taken = shapely.MultiPolygon([p[2] for p in patches])
        if isinstance(extra, Polygon) and extra.area > 150_000 and extra.distance(taken) > 30 and place.free(extra, 30):  # fmt: skip
            patches.append(("北部山地", "水源涵养", extra))
            changes.append(Change(REDLINE, REMOVED, "北部山地", "", extra, None, "山前林地"))
            break
    assert whole is today.area
    return Redline(tuple(patches), shapely.MultiPolygon([p[2] for p in patches])), changes


def _farmland(
    setting: Setting, place: _Place, today: Farmland, boundary: Boundary, redline: Redline
) -> tuple[Farmland, list[Change]]:
    land_use = place.land_use
    tree = shapely.STRtree(land_use.polygons)
    old = today.parcels.copy()
    lines = [*polygons(boundary.area), *polygons(redline.area)]
    free = np.ones(len(old), bool)
    free[tree.query(np.array(lines, dtype=object), "intersects")[1]] = False
    old &= free
    rng = setting.rng("plan 2020 farmland")
    fields = np.isin(land_use.codes, CULTIVATED) & (land_use.area_m2 > 1500)
    spots = shapely.STRtree(points_at(land_use.points))

    def cluster(wanted: Flags, reach: float, least_m2: float) -> Flags:
        """Wanted parcels around the place, of some tried, that has most of them."""
        centres = rng.permutation(np.flatnonzero(wanted))[:80]
        one, other = spots.query(
            points_at(land_use.points[centres]), "dwithin", distance=reach * setting.scale
        )
        size = np.bincount(one, land_use.area_m2[other] * wanted[other], len(centres))
        order = np.argsort(-size)
        best = int(order[0]) if size[order[0]] > least_m2 else None
        found = np.zeros(len(old), bool)
        if best is not None:
            found[other[one == best]] = True
        return found & wanted

    far = np.ones(len(old), bool)
    for project in place.projects:
        far &= ~np.asarray(shapely.dwithin(points_at(land_use.points), project.geometry, 900))
    added = cluster(today.parcels & old & far, 260.0, 30_000)
    old &= ~added
    removed = cluster(fields & ~today.parcels & free & far, 500.0, 30_000)
    old |= removed
    lost = today.parcels & ~old & ~added
    changes = []
    for kind, chosen, note in ((ADDED, added, "新划入地块"), (ADDED, lost, "原规划建设、红线用地退出后划入"), (REMOVED, removed, "调出地块")):  # fmt: skip
        if chosen.any():
            area = shapely.coverage_union_all(shapely.get_parts(land_use.polygons[chosen]))
            before, after = (None, area) if kind == ADDED else (area, None)
            changes.append(Change(FARMLAND, kind, "" if kind == ADDED else "永久基本农田", "永久基本农田" if kind == ADDED else "", before, after, note))  # fmt: skip
    return Farmland(farmland_patches(setting, land_use, old), old), changes
