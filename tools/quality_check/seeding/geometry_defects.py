"""Defects of single geometries; several of them go into one database."""

from typing import Any

import numpy as np
import shapely

from tools.quality_check.seeding.draft import DraftLayer
from tools.quality_check.seeding.truth import Defect, Planter


def parcels(planter: Planter) -> DraftLayer:
    """Return the layer that most defects go into."""
    return planter.draft.layers["DLTB"]


def _around(shape: Any, distance: float = 30.0) -> Any:
    return shapely.box(*shapely.buffer(shape, distance).bounds)


def _without_shape(defect: str, check: str, shape: Any) -> Defect:
    def plant(planter: Planter) -> None:
        layer = parcels(planter)
        _, fid = planter.cell()
        old, layer.shapes[fid - 1] = layer.shapes[fid - 1], shape
        planter.plant(defect, check, "DLTB", fid)
        planter.follows(defect, "gap", "DLTB", place=_around(old))

    return plant


def null_geometry(planter: Planter) -> None:
    """A parcel without geometry."""
    _without_shape("null_geometry", "null_geometry", None)(planter)


def empty_geometry(planter: Planter) -> None:
    """A parcel with an empty polygon."""
    _without_shape("empty_geometry", "empty_geometry", shapely.Polygon())(planter)


def wrong_kind(planter: Planter) -> None:
    """A line among the parcels."""
    layer = parcels(planter)
    _, fid = planter.cell()
    old = layer.shapes[fid - 1]
    layer.shapes[fid - 1] = shapely.LineString(shapely.get_coordinates(old)[:3])
    planter.plant("wrong_kind", "geometry_type", "DLTB", fid)
    planter.follows("wrong_kind", "gap", "DLTB", place=_around(old))


def bow_tie(planter: Planter) -> None:
    """Two vertices of a ring in the wrong order."""
    layer = parcels(planter)
    _, fid = planter.cell()
    old = layer.shapes[fid - 1]
    xy = shapely.get_coordinates(old)
    xy[[4, 7]] = xy[[7, 4]]
    layer.shapes[fid - 1] = shapely.Polygon(xy)
    planter.plant("bow_tie", "invalid_geometry", "DLTB", fid)
    for check in ("gap", "overlap", "spike"):
        planter.follows("bow_tie", check, "DLTB", place=_around(old))


def raised(planter: Planter) -> None:
    """Heights in a plane layer."""
    layer = parcels(planter)
    _, fid = planter.cell()
    layer.shapes[fid - 1] = shapely.force_3d(layer.shapes[fid - 1], 12.5)
    planter.plant("raised", "raised_geometry", "DLTB", fid)


def multipart(planter: Planter) -> None:
    """Two parcels far from each other as one feature."""
    layer = parcels(planter)
    _, fid = planter.cell()
    _, other = planter.cell()
    parts = [layer.shapes[fid - 1], layer.shapes[other - 1]]
    layer.shapes[fid - 1] = shapely.MultiPolygon(parts)
    layer.set_area(fid)
    # The other feature becomes a parcel of a cell that is cut in two, so that its row stays.
    _, third = planter.cell()
    west, east = _halves(layer.shapes[third - 1])
    layer.shapes[third - 1], layer.shapes[other - 1] = west, east
    layer.rows[other - 1] |= {k: layer.rows[third - 1][k] for k in ("XZQDM", "XZQMC")}
    layer.set_area(third)
    layer.set_area(other)
    planter.plant("multipart", "multipart", "DLTB", fid)


def _halves(shape: Any) -> tuple[Any, Any]:
    west, south, east, north = shape.bounds
    middle = (west + east) / 2
    return (
        shapely.intersection(shape, shapely.box(west - 1, south - 1, middle, north + 1)),
        shapely.intersection(shape, shapely.box(middle, south - 1, east + 1, north + 1)),
    )


def repeated_vertex(planter: Planter) -> None:
    """A vertex 0.4 mm from its neighbour."""
    layer = parcels(planter)
    _, fid = planter.cell()
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    step = (xy[3] - xy[2]) / np.hypot(*(xy[3] - xy[2])) * 0.0004
    layer.shapes[fid - 1] = shapely.Polygon(np.insert(xy, 3, xy[2] + step, axis=0))
    planter.plant("repeated_vertex", "repeated_vertex", "DLTB", fid)


def spike(planter: Planter) -> None:
    """A needle of 10 cm by 20 m out of a parcel's side."""
    layer = parcels(planter)
    _, fid = planter.cell()
    shape = layer.shapes[fid - 1]
    xy = shapely.get_coordinates(shape)
    along = (xy[2] - xy[1]) / np.hypot(*(xy[2] - xy[1]))
    outward = np.array([along[1], -along[0]])
    base = (xy[1] + xy[2]) / 2
    needle = [base - along * 0.05, base + outward * 20.0, base + along * 0.05]
    layer.shapes[fid - 1] = shapely.Polygon(np.insert(xy, 2, needle, axis=0))
    layer.set_area(fid)
    planter.plant("spike", "spike", "DLTB", fid)
    planter.follows("spike", "overlap", "DLTB", fid)


def small_area(planter: Planter) -> None:
    """A parcel of half a square metre cut out of another."""
    _cut_out(planter, "small_area", "small_area", 0.7, 0.7)


def narrow(planter: Planter) -> None:
    """A parcel 30 cm wide and 40 m long cut out of another."""
    _cut_out(planter, "narrow", "narrow", 0.3, 40.0)


def _cut_out(planter: Planter, defect: str, check: str, width: float, height: float) -> None:
    layer = parcels(planter)
    _, fid = planter.cell()
    shape = layer.shapes[fid - 1]
    x, y = np.round(shapely.get_coordinates(shape.centroid)[0], 3)
    piece = shapely.box(x, y, x + width, y + height)
    layer.shapes[fid - 1] = shapely.difference(shape, piece)
    layer.set_area(fid)
    new = copied(layer, fid, piece)
    planter.plant(defect, check, "DLTB", new)


def copied(layer: DraftLayer, fid: int, shape: Any) -> int:
    """Append a feature like another with its own identifier and area."""
    row = dict(layer.rows[fid - 1])
    row["BSM"] = f"{str(row['BSM'])[:10]}{90_000_000 + len(layer.rows):08d}"
    new = layer.add(shape, row)
    if layer.area_field:
        layer.set_area(new)
    return new


def duplicate(planter: Planter) -> None:
    """The same polygon twice."""
    layer = parcels(planter)
    _, fid = planter.cell()
    new = copied(layer, fid, layer.shapes[fid - 1])
    planter.plant("duplicate", "duplicate_geometry", "DLTB", new)
    planter.follows("duplicate", "parcels_to_county")
    planter.follows("duplicate", "survey_sum", "DLTB")


def overlap(planter: Planter) -> None:
    """A parcel that reaches 2 m over its neighbour's border."""
    _grow(planter, "overlap", 2.0)


def thin_overlap(planter: Planter) -> None:
    """A parcel that reaches 5 mm over its neighbour's border."""
    _grow(planter, "thin_overlap", 0.005)


def _grow(planter: Planter, defect: str, reach: float) -> None:
    layer = parcels(planter)
    at, fid = planter.cell()
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    along = (xy[2] - xy[1]) / np.hypot(*(xy[2] - xy[1]))
    outward = np.array([along[1], -along[0]]) * reach
    moved = np.insert(xy, 2, [xy[1] + along + outward, xy[2] - along + outward], axis=0)
    layer.shapes[fid - 1] = shapely.Polygon(moved)
    layer.set_area(fid)
    planter.plant(defect, "overlap", "DLTB", planter.draft.cells[at[0], at[1] - 1])


def gap(planter: Planter) -> None:
    """A notch of 3 m in a parcel's side that nobody fills."""
    layer = parcels(planter)
    _, fid = planter.cell()
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    along = (xy[2] - xy[1]) / np.hypot(*(xy[2] - xy[1]))
    inward = np.array([-along[1], along[0]]) * 3.0
    notch = [xy[1] + along * 9, xy[1] + along * 9 + inward, xy[1] + along * 12 + inward]
    moved = np.insert(xy, 2, [*notch, xy[1] + along * 12], axis=0)
    layer.shapes[fid - 1] = shapely.Polygon(moved)
    layer.set_area(fid)
    planter.plant("gap", "gap", "DLTB", place=_around(shapely.MultiPoint(notch), 5.0))


def hole(planter: Planter) -> None:
    """A hole inside a parcel that nobody fills."""
    layer = parcels(planter)
    _, fid = planter.cell()
    shape = layer.shapes[fid - 1]
    pit = shapely.buffer(shape.centroid, 4.0, quad_segs=2)
    layer.shapes[fid - 1] = shapely.difference(shape, pit)
    layer.set_area(fid)
    planter.plant("hole", "gap", "DLTB", place=pit)


def beyond_county(planter: Planter) -> None:
    """A parcel that reaches 12 m beyond the county."""
    layer = parcels(planter)
    _, fid = planter.cell(border=True)
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    bulge = [xy[1] + (0.0, -12.0), xy[2] + (0.0, -12.0)]
    layer.shapes[fid - 1] = shapely.Polygon(np.insert(xy, 2, bulge, axis=0))
    layer.set_area(fid)
    planter.plant("beyond_county", "inside_region", "DLTB", fid)


def zone_overlap(planter: Planter) -> None:
    """A planning zone that reaches into its neighbour by a whole parcel."""
    zones = planter.draft.layers["GHFQ"]
    extra = planter.draft.cells[planter.draft.size // 4, 2]
    zones.shapes[0] = shapely.union(zones.shapes[0], planter.draft.layers["DLTB"].shapes[extra - 1])
    zones.set_area(1)
    planter.plant("zone_overlap", "overlap", "GHFQ", 1)


def zone_gap(planter: Planter) -> None:
    """A parcel that no planning zone covers."""
    zones = planter.draft.layers["GHFQ"]
    at = (planter.draft.size - 1, planter.draft.size - 1)
    missing = planter.draft.layers["DLTB"].shapes[planter.draft.cells[at] - 1]
    fid = len(zones.shapes)
    zones.shapes[fid - 1] = shapely.difference(zones.shapes[fid - 1], missing)
    zones.set_area(fid)
    planter.plant("zone_gap", "gap", "GHFQ", place=missing)


def redline_on_farmland(planter: Planter) -> None:
    """The ecological redline over a corner of permanent basic farmland."""
    draft = planter.draft
    farm, line = draft.layers["YJJBNT"], draft.layers["STBHHX"]
    fid = draft.size + 3
    x, y = shapely.get_coordinates(farm.shapes[fid - 1].centroid)[0]
    new = copied(line, 1, shapely.box(x, y, x + 12, y + 12))
    planter.plant("redline_on_farmland", "three_lines_disjoint", "YJJBNT", fid, new)


def farmland_off_cultivated(planter: Planter) -> None:
    """Permanent basic farmland on 20 m × 20 m of grassland."""
    layer = planter.draft.layers["YJJBNT"]
    _, parcel = planter.cell()
    x, y = shapely.get_coordinates(parcels(planter).shapes[parcel - 1].centroid)[0]
    new = copied(layer, 1, shapely.box(x, y, x + 20, y + 20))
    planter.plant("farmland_off_cultivated", "farmland_on_cultivated", "YJJBNT", new)
