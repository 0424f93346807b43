"""Defects of lines; several of them go into one database."""

import numpy as np
import shapely

from tools.quality_check.seeding.geometry_defects import copied, parcels
from tools.quality_check.seeding.truth import Planter


def crossing_line(planter: Planter) -> None:
    """A road that crosses itself."""
    layer = planter.draft.layers["DLZXX"]
    _, parcel = planter.cell()
    shape = parcels(planter).shapes[parcel - 1]
    x, y = shapely.get_coordinates(shape.centroid)[0]
    loop = [(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)]
    new = copied(layer, 1, shapely.LineString(loop))
    planter.plant("crossing_line", "self_crossing_line", "DLZXX", new)


def very_many_vertices(planter: Planter) -> None:
    """A line of 600,000 vertices, back and forth in one parcel."""
    layer = planter.draft.layers["DLZXX"]
    _, parcel = planter.cell()
    x, y = shapely.get_coordinates(parcels(planter).shapes[parcel - 1].centroid)[0]
    number = np.arange(600_000)
    row, along = number // 20_000, number % 20_000
    east = np.where(row % 2 == 0, along, 19_999 - along) * 0.002
    xy = np.column_stack([x - 20 + east, y - 6 + row * 0.4])
    new = copied(layer, 1, shapely.LineString(xy))
    planter.plant("very_many_vertices", "many_vertices", "DLZXX", new)


def dangling_line(planter: Planter) -> None:
    """A road that ends 30 cm before another."""
    layer = planter.draft.layers["DLZXX"]
    fid = int(planter.rng.integers(1, planter.roads // 2))
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    along = (xy[1] - xy[0]) / np.hypot(*(xy[1] - xy[0]))
    middle = (xy[0] + xy[1]) / 2
    normal = np.array([-along[1], along[0]])
    new = copied(layer, fid, shapely.LineString([middle + normal * 40, middle + normal * 0.3]))
    planter.plant("dangling_line", "dangling", "DLZXX", new)


def short_line(planter: Planter) -> None:
    """A road of 4 cm."""
    layer = planter.draft.layers["DLZXX"]
    _, parcel = planter.cell()
    x, y = shapely.get_coordinates(parcels(planter).shapes[parcel - 1].centroid)[0]
    new = copied(layer, 1, shapely.LineString([(x, y), (x + 0.04, y)]))
    planter.plant("short_line", "short_line", "DLZXX", new)


def line_overlap(planter: Planter) -> None:
    """A road that runs along half of another."""
    layer = planter.draft.layers["DLZXX"]
    fid = int(planter.rng.integers(planter.roads // 2, planter.roads - 20))
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    new = copied(layer, fid, shapely.LineString([xy[0], xy[0] + (xy[1] - xy[0]) * 0.5]))
    planter.plant("line_overlap", "line_overlap", "DLZXX", new)


def duplicate_line(planter: Planter) -> None:
    """The same road twice, drawn the other way round."""
    layer = planter.draft.layers["DLZXX"]
    fid = planter.roads - int(planter.rng.integers(0, 20))
    new = copied(layer, fid, shapely.reverse(layer.shapes[fid - 1]))
    planter.plant("duplicate_line", "duplicate_geometry", "DLZXX", new)


def coarse(planter: Planter) -> None:
    """A road whose vertices are rounded to whole metres."""
    layer = planter.draft.layers["DLZXX"]
    _, parcel = planter.cell()
    x, y = np.round(shapely.get_coordinates(parcels(planter).shapes[parcel - 1].centroid)[0])
    line = [(x, y), (x + 7, y + 3), (x + 15, y + 2), (x + 18, y + 9)]
    new = copied(layer, 1, shapely.LineString(line))
    planter.plant("coarse", "coordinate_precision", "DLZXX", new)
