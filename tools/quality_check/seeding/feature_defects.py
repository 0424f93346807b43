"""Defects of single features; several of them go into one database."""

from typing import Any

import numpy as np
import shapely

from tools.quality_check.seeding.draft import DraftLayer
from tools.quality_check.seeding.truth import Defect, Planter


def _parcels(planter: Planter) -> DraftLayer:
    return planter.draft.layers["DLTB"]


def _around(shape: Any, distance: float = 30.0) -> Any:
    return shapely.box(*shapely.buffer(shape, distance).bounds)


def _without_shape(defect: str, check: str, shape: Any) -> Defect:
    def plant(planter: Planter) -> None:
        layer = _parcels(planter)
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
    layer = _parcels(planter)
    _, fid = planter.cell()
    old = layer.shapes[fid - 1]
    layer.shapes[fid - 1] = shapely.LineString(shapely.get_coordinates(old)[:3])
    planter.plant("wrong_kind", "geometry_type", "DLTB", fid)
    planter.follows("wrong_kind", "gap", "DLTB", place=_around(old))


def bow_tie(planter: Planter) -> None:
    """Two vertices of a ring in the wrong order."""
    layer = _parcels(planter)
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
    layer = _parcels(planter)
    _, fid = planter.cell()
    layer.shapes[fid - 1] = shapely.force_3d(layer.shapes[fid - 1], 12.5)
    planter.plant("raised", "raised_geometry", "DLTB", fid)


def multipart(planter: Planter) -> None:
    """Two parcels far from each other as one feature."""
    layer = _parcels(planter)
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
    layer = _parcels(planter)
    _, fid = planter.cell()
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    step = (xy[3] - xy[2]) / np.hypot(*(xy[3] - xy[2])) * 0.0004
    layer.shapes[fid - 1] = shapely.Polygon(np.insert(xy, 3, xy[2] + step, axis=0))
    planter.plant("repeated_vertex", "repeated_vertex", "DLTB", fid)


def spike(planter: Planter) -> None:
    """A needle of 10 cm by 20 m out of a parcel's side."""
    layer = _parcels(planter)
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
    layer = _parcels(planter)
    _, fid = planter.cell()
    shape = layer.shapes[fid - 1]
    x, y = np.round(shapely.get_coordinates(shape.centroid)[0], 3)
    piece = shapely.box(x, y, x + width, y + height)
    layer.shapes[fid - 1] = shapely.difference(shape, piece)
    layer.set_area(fid)
    new = _copy(layer, fid, piece)
    planter.plant(defect, check, "DLTB", new)


def _copy(layer: DraftLayer, fid: int, shape: Any) -> int:
    """Append a feature like another with its own identifier and area."""
    row = dict(layer.rows[fid - 1])
    row["BSM"] = f"{str(row['BSM'])[:10]}{90_000_000 + len(layer.rows):08d}"
    new = layer.add(shape, row)
    if layer.area_field:
        layer.set_area(new)
    return new


def duplicate(planter: Planter) -> None:
    """The same polygon twice."""
    layer = _parcels(planter)
    _, fid = planter.cell()
    new = _copy(layer, fid, layer.shapes[fid - 1])
    planter.plant("duplicate", "duplicate_geometry", "DLTB", new)
    planter.follows("duplicate", "parcels_to_county")


def overlap(planter: Planter) -> None:
    """A parcel that reaches 2 m over its neighbour's border."""
    _grow(planter, "overlap", 2.0)


def thin_overlap(planter: Planter) -> None:
    """A parcel that reaches 5 mm over its neighbour's border."""
    _grow(planter, "thin_overlap", 0.005)


def _grow(planter: Planter, defect: str, reach: float) -> None:
    layer = _parcels(planter)
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
    layer = _parcels(planter)
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
    layer = _parcels(planter)
    _, fid = planter.cell()
    shape = layer.shapes[fid - 1]
    pit = shapely.buffer(shape.centroid, 4.0, quad_segs=2)
    layer.shapes[fid - 1] = shapely.difference(shape, pit)
    layer.set_area(fid)
    planter.plant("hole", "gap", "DLTB", place=pit)


def beyond_county(planter: Planter) -> None:
    """A parcel that reaches 12 m beyond the county."""
    layer = _parcels(planter)
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
    new = _copy(line, 1, shapely.box(x, y, x + 12, y + 12))
    planter.plant("redline_on_farmland", "three_lines_disjoint", "YJJBNT", fid, new)


def farmland_off_cultivated(planter: Planter) -> None:
    """Permanent basic farmland on 20 m × 20 m of grassland."""
    layer = planter.draft.layers["YJJBNT"]
    _, parcel = planter.cell()
    x, y = shapely.get_coordinates(_parcels(planter).shapes[parcel - 1].centroid)[0]
    new = _copy(layer, 1, shapely.box(x, y, x + 20, y + 20))
    planter.plant("farmland_off_cultivated", "farmland_on_cultivated", "YJJBNT", new)


def crossing_line(planter: Planter) -> None:
    """A road that crosses itself."""
    layer = planter.draft.layers["DLZXX"]
    _, parcel = planter.cell()
    shape = _parcels(planter).shapes[parcel - 1]
    x, y = shapely.get_coordinates(shape.centroid)[0]
    loop = [(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)]
    new = _copy(layer, 1, shapely.LineString(loop))
    planter.plant("crossing_line", "self_crossing_line", "DLZXX", new)


def dangling_line(planter: Planter) -> None:
    """A road that ends 30 cm before another."""
    layer = planter.draft.layers["DLZXX"]
    fid = int(planter.rng.integers(1, planter.roads // 2))
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    along = (xy[1] - xy[0]) / np.hypot(*(xy[1] - xy[0]))
    middle = (xy[0] + xy[1]) / 2
    normal = np.array([-along[1], along[0]])
    new = _copy(layer, fid, shapely.LineString([middle + normal * 40, middle + normal * 0.3]))
    planter.plant("dangling_line", "dangling", "DLZXX", new)


def short_line(planter: Planter) -> None:
    """A road of 4 cm."""
    layer = planter.draft.layers["DLZXX"]
    _, parcel = planter.cell()
    x, y = shapely.get_coordinates(_parcels(planter).shapes[parcel - 1].centroid)[0]
    new = _copy(layer, 1, shapely.LineString([(x, y), (x + 0.04, y)]))
    planter.plant("short_line", "short_line", "DLZXX", new)


def line_overlap(planter: Planter) -> None:
    """A road that runs along half of another."""
    layer = planter.draft.layers["DLZXX"]
    fid = int(planter.rng.integers(planter.roads // 2, planter.roads - 20))
    xy = shapely.get_coordinates(layer.shapes[fid - 1])
    new = _copy(layer, fid, shapely.LineString([xy[0], xy[0] + (xy[1] - xy[0]) * 0.5]))
    planter.plant("line_overlap", "line_overlap", "DLZXX", new)


def duplicate_line(planter: Planter) -> None:
    """The same road twice, drawn the other way round."""
    layer = planter.draft.layers["DLZXX"]
    fid = planter.roads - int(planter.rng.integers(0, 20))
    new = _copy(layer, fid, shapely.reverse(layer.shapes[fid - 1]))
    planter.plant("duplicate_line", "duplicate_geometry", "DLZXX", new)


def wrong_area(planter: Planter) -> None:
    """A stated area 5 % too large."""
    row, fid = _row(planter)
    row["TBMJ"] = row["TBDLMJ"] = round(row["TBMJ"] * 1.05, 2)
    planter.plant("wrong_area", "stated_area", "DLTB", fid)


def area_in_mu(planter: Planter) -> None:
    """A stated area in 亩 where m² are wanted."""
    row, fid = _row(planter)
    row["TBMJ"] = row["TBDLMJ"] = round(row["TBMJ"] * 0.0015, 4)
    planter.plant("area_in_mu", "stated_area", "DLTB", fid)
    planter.follows("area_in_mu", "parcels_to_county")


def _row(planter: Planter) -> tuple[dict[str, Any], int]:
    _, fid = planter.cell()
    return _parcels(planter).rows[fid - 1], fid


def _value(defect: str, check: str, field: str, value: Any, **changes: Any) -> Defect:
    """Make a defect that gives one field of a parcel a wrong value."""

    def plant(planter: Planter) -> None:
        row, fid = _row(planter)
        row |= {field: value, **changes}
        planter.plant(defect, check, "DLTB", fid, field=field)

    plant.__name__ = defect
    return plant


def repeated_identifier(planter: Planter) -> None:
    """An identifier that another parcel has."""
    row, fid = _row(planter)
    other = planter.draft.cells[0, 0]
    row["BSM"] = _parcels(planter).rows[other - 1]["BSM"]
    planter.plant("repeated_identifier", "unique_value", "DLTB", fid, field="BSM")


def wrong_form(planter: Planter) -> None:
    """An identifier of the wrong form."""
    row, fid = _row(planter)
    row["BSM"] = f"99020020{fid}"
    planter.plant("wrong_form", "value_pattern", "DLTB", fid, field="BSM")


def other_county_identifier(planter: Planter) -> None:
    """An identifier that begins with another county's code."""
    row, fid = _row(planter)
    row["BSM"] = f"110101{str(row['BSM'])[6:]}"
    planter.plant("other_county_identifier", "identifier_region", "DLTB", fid, field="BSM")


def derived_area(planter: Planter) -> None:
    """A net area that is not the whole less the deduction."""
    row, fid = _row(planter)
    row["TBDLMJ"] = round(row["TBDLMJ"] + 10, 2)
    planter.plant("derived_area", "derived_area", "DLTB", fid)


FEATURE_DEFECTS: tuple[Defect, ...] = (
    null_geometry,
    empty_geometry,
    wrong_kind,
    bow_tie,
    raised,
    multipart,
    repeated_vertex,
    spike,
    small_area,
    narrow,
    duplicate,
    overlap,
    thin_overlap,
    gap,
    hole,
    beyond_county,
    farmland_off_cultivated,
    crossing_line,
    dangling_line,
    short_line,
    line_overlap,
    duplicate_line,
    wrong_area,
    area_in_mu,
    repeated_identifier,
    wrong_form,
    other_county_identifier,
    derived_area,
    _value("empty_name", "empty_value", "DLMC", None),
    _value("blank_name", "empty_value", "DLMC", "  "),
    _value("unknown_code", "value_domain", "DLBM", "9999"),
    _value("name_of_other_code", "code_name", "DLMC", "果园"),
    _value("code_of_other_scheme", "code_name", "DLMC", "工业用地", DLBM="0601"),
    _value("too_long_text", "value_length", "BZ", "长" * 300),
    _value("out_of_range", "value_range", "KCXS", 1.5),
    _value("text_for_number", "value_type", "KCXS", "无"),
    _value("wrong_element_code", "element_code", "YSDM", "2001010200"),
    _value("other_region_code", "region_code", "XZQDM", "110101001"),
    _value("wrong_region_name", "region_code", "XZQMC", "无此镇"),
    _value("broken_text", "value_encoding", "BZ", b"\xb2\xe2\xca\xd4"),
)
"""Each can be planted several times in one database."""

ONCE: tuple[Defect, ...] = (zone_overlap, zone_gap, redline_on_farmland)
"""Planted once in a database."""
