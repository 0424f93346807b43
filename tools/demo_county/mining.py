"""Where minerals are kept for mining: two sites on wooded foothills off all other lines."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.control_lines import Boundary, Farmland, Redline
from tools.demo_county.land_use import LandUse
from tools.demo_county.plan_layer import areas
from tools.demo_county.products import Setting, product
from tools.demo_county.settlements import Village
from tools.demo_county.shapes import blob, points_at
from tools.demo_county.terrain import Terrain

_REACH_M = 330.0
MINERALS = ("建筑石料用灰岩", "饰面用花岗岩")


@dataclass(frozen=True)
class MineralSite:
    """A mineral and the area kept for it."""

    mineral: str
    area: BaseGeometry


@product
def mineral_sites(
    setting: Setting, county_outline: Polygon, land_use: LandUse, terrain: Terrain, villages: tuple[Village, ...],
    development_boundary: Boundary, ecological_redline: Redline, permanent_farmland: Farmland,
) -> tuple[MineralSite, ...]:  # fmt: skip
    """Where most woodland off the lines lies near; two places apart from each other."""
    rng = setting.rng("minerals")
    hill = terrain.hill.sample(*land_use.points.T)
    wood = (land_use.kinds == "hill") & (hill > 40) & ~permanent_farmland.parcels
    places = land_use.points[wood]
    shapely.prepare(ecological_redline.area)
    inner = ~shapely.contains(ecological_redline.area, points_at(places))
    places, size = places[inner], land_use.area_m2[wood][inner]
    order = rng.permutation(len(places))[:400]
    one, other = shapely.STRtree(points_at(places)).query(
        points_at(places[order]), "dwithin", distance=_REACH_M
    )
    near = np.bincount(one, size[other], len(order))
    patches = shapely.STRtree([area for _, area in permanent_farmland.patches])
    edge = county_outline.boundary
    found: list[MineralSite] = []
    for k in np.argsort(-near)[:60].tolist():
        x, y = (float(v) for v in places[order[k]])
        sketch = blob((x, y), _REACH_M, rng, rough=0.2, stretch=1.3)
        frame = sketch.buffer(300)
        apart = all(sketch.distance(site.area) > 2500 for site in found)
        if not apart or edge.distance(sketch) < 300:
            continue
        off = [shapely.buffer(shapely.intersection(ecological_redline.area, frame.envelope), 60)]
        off += [shapely.buffer(patches.geometries[n], 5) for n in patches.query(sketch)]
        off += [shapely.buffer(v.outline, 200) for v in villages if v.outline.intersects(frame)]
        off += [shapely.buffer(development_boundary.area, 300)] if development_boundary.area.intersects(frame) else []  # fmt: skip
        left = shapely.difference(sketch, shapely.union_all(off))
        area = areas(shapely.buffer(shapely.buffer(left, -25), 25), 30_000)
        if not area.is_empty:
            found.append(MineralSite(MINERALS[len(found)], area))
        if len(found) == len(MINERALS):
            break
    return tuple(found)
