"""Rivers' courses and the shape of the land: hills in the north and west, a plain in the south."""

from dataclasses import dataclass

import numpy as np
import shapely
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from tools.demo_county.noise import Floats, Fractal, Warp, smoothstep
from tools.demo_county.products import FRAME_KM, Setting, product
from tools.demo_county.shapes import blob, meander, polygons, ribbon, warped


@dataclass(frozen=True)
class Grid:
    """A surface on cell centres; row 0 is the south."""

    west: float
    south: float
    cell: float
    values: Floats

    def sample(self, x: Floats, y: Floats) -> Floats:
        """Bilinear values at places; outside, the edge's value."""
        rows, columns = self.values.shape
        u = np.clip((x - self.west) / self.cell - 0.5, 0, columns - 1.001)
        v = np.clip((y - self.south) / self.cell - 0.5, 0, rows - 1.001)
        i, j = u.astype(int), v.astype(int)
        s, t = u - i, v - j
        z = self.values
        low = z[j, i] * (1 - s) + z[j, i + 1] * s
        return np.asarray(low * (1 - t) + (z[j + 1, i] * (1 - s) + z[j + 1, i + 1] * s) * t)

    @property
    def x(self) -> Floats:
        """Eastings of the columns."""
        return np.asarray(self.west + self.cell * (np.arange(self.values.shape[1]) + 0.5))

    @property
    def y(self) -> Floats:
        """Northings of the rows."""
        return np.asarray(self.south + self.cell * (np.arange(self.values.shape[0]) + 0.5))


@dataclass(frozen=True)
class Courses:
    """Centre lines of the running waters with their widths, m."""

    river: Floats
    river_width: Floats
    streams: tuple[Floats, ...]
    stream_width: float


@dataclass(frozen=True)
class Terrain:
    """Heights (1985 datum by name only: it is all made up), hilliness and slope."""

    height: Grid
    hill: Grid
    """Height of the hills above the plain, m."""
    slope: Grid
    """Degrees."""


@dataclass(frozen=True)
class Waters:
    """Water areas: (name, code, area)."""

    bodies: tuple[tuple[str, str, BaseGeometry], ...]
    river: BaseGeometry
    reservoir: BaseGeometry


@product
def courses(setting: Setting) -> Courses:
    """One meandering river from west to south-east and four streams from the hills into it."""
    rng = setting.rng("courses")
    start, end = np.array(setting.at(-1.5, 11.5)), np.array(setting.at(31.5, 5.0))
    river = meander(start, end, rng, wavelength=5200, swing=1.0)
    t = np.linspace(0, 1, len(river))
    width = 95 + 70 * t + 14 * np.sin(23 * t) + 8 * np.sin(61 * t + 1)
    streams = []
    for u, v, mouth in (
        (3.2, 22.5, 0.2),
        (10.5, 24.5, 0.36),
        (19.0, 24.0, 0.58),
        (27.5, 22.0, 0.82),
    ):
        source = np.array(setting.at(u + rng.uniform(-0.5, 0.5), v))
        goal = river[int(mouth * len(river))]
        streams.append(meander(source, goal, rng, wavelength=1900, swing=1.05))
    return Courses(river, width, tuple(streams), 22.0)


@product
def terrain(setting: Setting, courses: Courses) -> Terrain:
    """Hills where the distance from the plain is large, cut by the streams' valleys."""
    west, south = setting.south_west
    cell = setting.cell
    shape = round(FRAME_KM[1] * 1000 / cell), round(FRAME_KM[0] * 1000 / cell)
    x, y = np.meshgrid(
        west + cell * (np.arange(shape[1]) + 0.5), south + cell * (np.arange(shape[0]) + 0.5)
    )
    u, v = (x - west) / 1000, (y - south) / 1000
    broad = Fractal(setting.seed, 11, 6500, 3)(x, y)
    ridge = 1 - np.abs(Fractal(setting.seed, 12, 2600, 4)(x, y)) * 1.6
    rise = (
        (v - 15.2) / 8.5
        + 0.75 * smoothstep(9.0, 0.0, u) * smoothstep(6.0, 14.0, v)
        + 0.55 * broad
        + 0.16 * Fractal(setting.seed, 14, 1900, 2)(x, y)
    )
    knoll = (
        np.clip(Fractal(setting.seed, 13, 2900, 2)(x, y) - 0.34, 0, 1)
        * smoothstep(4.5, 1.0, v)
        * 1.6
    )
    valley = _distance(x, y, [LineString(s) for s in courses.streams])
    river = _distance(x, y, [LineString(courses.river)])
    open_valley = smoothstep(90, 620 + 420 * broad, valley) * smoothstep(250, 1300, river)
    hill = 520 * np.clip(np.maximum(rise, knoll), 0, 1) ** 1.3 * (0.35 + 0.65 * ridge) * open_valley
    hill = np.clip(hill, 0, None)
    height = 24 + 0.7 * v + 1.6 * broad + hill - 3.5 * np.exp(-((river / 260) ** 2))
    height += 14 * smoothstep(12, 24, v) - 1.5 * np.exp(-((valley / 60) ** 2))
    north, east = np.gradient(height, cell)
    slope = np.degrees(np.arctan(np.hypot(north, east)))
    grid = [Grid(west, south, cell, values) for values in (height, hill, slope)]
    return Terrain(*grid)


def _distance(x: Floats, y: Floats, lines: list[LineString]) -> Floats:
    """Distance to the nearest line, m; from a four times coarser grid, which is smooth enough."""
    rows, columns = x.shape
    cell, step = float(x[0, 1] - x[0, 0]), 4
    coarse_x, coarse_y = x[::step, ::step], y[::step, ::step]
    points = shapely.points(coarse_x.ravel(), coarse_y.ravel())
    tree = shapely.STRtree(
        np.concatenate([_pieces(np.asarray(shapely.get_coordinates(line))) for line in lines])
    )
    _, distance = tree.query_nearest(points, return_distance=True, all_matches=False)
    coarse = Grid(x[0, 0] - cell * step / 2, y[0, 0] - cell * step / 2, cell * step,
                  distance.reshape(coarse_x.shape))  # fmt: skip
    return coarse.sample(x.ravel(), y.ravel()).reshape(rows, columns)


def _pieces(points: Floats) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array([LineString(points[k : k + 21]) for k in range(0, len(points) - 1, 20)], object)


@product
def waters(setting: Setting, courses: Courses) -> Waters:
    """The river, its streams, a reservoir in the hills and a lake with an island in the plain."""
    rng = setting.rng("waters")
    river = ribbon(courses.river, courses.river_width)
    bodies: list[tuple[str, str, BaseGeometry]] = [("示例河", "1701", river)]
    for name, line in zip(("西溪", "柳溪", "北溪", "青石河"), courses.streams, strict=True):
        width = courses.stream_width * np.linspace(0.5, 1.5, len(line))
        bodies.append((name, "1701", shapely.union_all(polygons(ribbon(line, width)))))
    stream = courses.streams[1]
    middle = stream[int(0.30 * len(stream)) : int(0.44 * len(stream))]
    shore = Warp(setting.seed, 21, ((65.0, 800.0), (10.0, 160.0)))
    reservoir = warped(shapely.buffer(LineString(middle), 210), shore, step=30)
    bodies.append(("柳溪水库", "1703", reservoir))
    lake = blob(setting.at(24.6, 3.2), 780, rng, rough=0.35, stretch=1.5, points=160)
    island = blob((lake.centroid.x, lake.centroid.y), 150, rng, points=40)
    bodies.append(("南湖", "1702", lake.difference(island)))
    # Bars along the inner banks: named last, so that all other waters lie over them.
    phase = np.linspace(0, 60, len(courses.river))
    shore_width = courses.river_width * (1.25 + 0.35 * np.sin(phase) + 0.2 * np.sin(2.7 * phase))
    for a in range(0, len(courses.river) - 90, 170):
        bar = ribbon(courses.river[a : a + 90], shore_width[a : a + 90])
        bodies.append(("河漫滩", "0506", shapely.union_all(polygons(bar))))
    return Waters(tuple(bodies), river, reservoir)
