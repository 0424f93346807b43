"""Defects of whole layers, files and tables; each in a database of its own."""

from collections.abc import Callable

import numpy as np
import shapely

from tools.geometry.crs import reproject
from tools.layer_placement import gcj02_offset_m
from tools.quality_check.seeding.draft import CODE, EPSG, DraftLayer
from tools.quality_check.seeding.truth import Planter


def missing_layer(planter: Planter) -> None:
    """No ecological redline."""
    planter.draft.left_out.add("STBHHX")
    planter.plant("missing_layer", "required_layer", "STBHHX")


def unknown_layer(planter: Planter) -> None:
    """A layer under a name that no rule knows."""
    old = planter.draft.layers["DLZXX"]
    extra = DraftLayer("DLZX_TMP", old.kind, old.fields, old.shapes[:3], old.rows[:3])
    planter.draft.layers["DLZX_TMP"] = extra
    planter.plant("unknown_layer", "unknown_layer", "DLZX_TMP")


def repeated_layer(planter: Planter) -> None:
    """A layer in two files."""
    planter.draft.extra_layers.append(planter.draft.layers["CZKFBJ"])
    planter.plant("repeated_layer", "repeated_layer", "CZKFBJ")


def empty_layer(planter: Planter) -> None:
    """A layer without features."""
    layer = planter.draft.layers["DLZXX"]
    layer.shapes, layer.rows = [], []
    planter.plant("empty_layer", "empty_layer", "DLZXX")


def declared_as_line(planter: Planter) -> None:
    """A polygon layer declared as lines."""
    planter.draft.layers["CZKFBJ"].kind = "LINESTRING"
    planter.plant("declared_as_line", "declared_geometry", "CZKFBJ")


def missing_field(planter: Planter) -> None:
    """No field for the land-use name."""
    del planter.draft.layers["DLTB"].fields["DLMC"]
    planter.plant("missing_field", "required_field", "DLTB", field="DLMC")


def unknown_field(planter: Planter) -> None:
    """A field that no rule knows."""
    planter.draft.layers["DLTB"].fields["TEMP1"] = "TEXT(10)"
    planter.plant("unknown_field", "unknown_field", "DLTB", field="TEMP1")


def text_for_area(planter: Planter) -> None:
    """An area field declared as text."""
    planter.draft.layers["STBHHX"].fields["MJ"] = "TEXT(20)"
    planter.plant("text_for_area", "field_type", "STBHHX", field="MJ")


def other_length(planter: Planter) -> None:
    """An identifier of 20 characters."""
    planter.draft.layers["YJJBNT"].fields["BSM"] = "TEXT(20)"
    planter.plant("other_length", "field_length", "YJJBNT", field="BSM")


def no_system(planter: Planter) -> None:
    """A layer without a coordinate system."""
    planter.draft.layers["DLZXX"].epsg = None
    planter.plant("no_system", "coordinate_system", "DLZXX")


def old_datum(planter: Planter) -> None:
    """A layer in Xian 1980."""
    planter.draft.layers["CZKFBJ"].epsg = 2383
    planter.plant("old_datum", "coordinate_system", "CZKFBJ")


def other_meridian(planter: Planter) -> None:
    """A layer declared about another central meridian."""
    planter.draft.layers["YJJBNT"].epsg = 4548
    planter.plant("other_meridian", "one_coordinate_system", "YJJBNT")
    planter.follows("other_meridian", "metadata_system", "YJJBNT")


def zone_in_eastings(planter: Planter) -> None:
    """Eastings with the zone's number in a system without it."""
    layer = planter.draft.layers["STBHHX"]
    layer.shapes = [shapely.transform(s, lambda xy: np.add(xy, (38e6, 0.0))) for s in layer.shapes]
    planter.plant("zone_in_eastings", "zone_coordinates", "STBHHX")
    for check in ("inside_region", "stated_area", "table_and_layers", "upper_level"):
        planter.follows("zone_in_eastings", check, "STBHHX")


def other_height(planter: Planter) -> None:
    """Heights of another datum."""
    planter.draft.layers["GHFQ"].definition = "EPSG:4547+5703"
    planter.plant("other_height", "height_datum", "GHFQ")


def shifted_coordinates(planter: Planter) -> None:
    """A layer in the shifted coordinates of web maps (GCJ-02)."""
    longitude, latitude = shapely.get_coordinates(
        reproject(planter.draft.layers["XZQ"].shapes[0].centroid, EPSG, 4490)
    )[0]
    east, north = gcj02_offset_m(float(longitude), float(latitude))
    layer = planter.draft.layers["YJJBNT"]
    layer.shapes = [
        shapely.transform(s, lambda xy: np.add(xy, (east, north))) for s in layer.shapes
    ]
    planter.plant("shifted_coordinates", "shifted_layer", "YJJBNT")
    for check in ("inside_region", "farmland_on_cultivated", "three_lines_disjoint", "stated_area"):
        planter.follows("shifted_coordinates", check, "YJJBNT")


def missing_folder(planter: Planter) -> None:
    """No folder of texts."""
    planter.draft.left_out.add("规划文本")
    planter.plant("missing_folder", "required_entry")


def missing_file(planter: Planter) -> None:
    """No metadata."""
    planter.draft.left_out.add("元数据文件")
    planter.plant("missing_file", "required_entry")
    planter.follows("missing_file", "height_declared")


def misnamed_file(planter: Planter) -> None:
    """A file outside the naming rules."""
    planter.draft.extra_files["空间数据/最终版(2).zip"] = b"PK"
    planter.plant("misnamed_file", "entry_name")


def damaged_file(planter: Planter) -> None:
    """A GeoPackage that does not open."""
    name = f"空间数据/{CODE}损坏.gpkg"
    planter.draft.extra_files[name] = b"SQLite format 3\x00" + b"\xff" * 4000
    planter.plant("damaged_file", "readable_file")


def towns_sum(planter: Planter) -> None:
    """A town whose stated area is 3 ha too large."""
    row = planter.draft.layers["XZQ_XZ"].rows[1]
    row["DCMJ"] = round(row["DCMJ"] + 30_000, 2)
    planter.plant("towns_sum", "towns_to_county")
    planter.follows("towns_sum", "stated_area", "XZQ_XZ", 2)


def parcels_sum(planter: Planter) -> None:
    """Parcels that are missing in the sum of the county."""
    row = planter.draft.layers["XZQ"].rows[0]
    row["DCMJ"] = round(row["DCMJ"] - 50_000, 2)
    planter.plant("parcels_sum", "parcels_to_county")
    planter.follows("parcels_sum", "stated_area", "XZQ", 1)
    planter.follows("parcels_sum", "towns_to_county")


def table_figure(planter: Planter) -> None:
    """A figure of the table 2 ha off the layer."""
    _shift_figure(planter, "生态保护红线面积", 2.0)
    planter.plant("table_figure", "table_and_layers", "STBHHX", field="生态保护红线面积")
    planter.follows("table_figure", "table_and_text", field="生态保护红线面积")


def table_unit(planter: Planter) -> None:
    """A figure in 亩 that the table calls hectares."""
    rows = planter.draft.indicators
    at = next(n for n, row in enumerate(rows) if row[0] == "林地保有量")
    rows[at] = (rows[at][0], rows[at][1], f"{float(rows[at][2]) * 15:.2f}")
    planter.plant("table_unit", "table_and_layers", "DLTB", field="林地保有量")
    planter.follows("table_unit", "table_and_text", field="林地保有量")


def missing_indicator(planter: Planter) -> None:
    """An indicator that the table lacks."""
    rows = planter.draft.indicators
    rows[:] = [row for row in rows if row[0] != "城镇开发边界面积"]
    planter.plant("missing_indicator", "table_and_layers", "CZKFBJ", field="城镇开发边界面积")


def _shift_figure(planter: Planter, name: str, by: float) -> None:
    rows = planter.draft.indicators
    at = next(n for n, row in enumerate(rows) if row[0] == name)
    rows[at] = (rows[at][0], rows[at][1], f"{float(rows[at][2]) + by:.4f}")


def text_figure(planter: Planter) -> None:
    """A figure of the text that is not the table's."""
    planter.draft.paragraphs.append("到2035年，耕地保有量不低于 1234.5 亩。")
    planter.plant("text_figure", "table_and_text", field="耕地保有量")


def below_upper(planter: Planter) -> None:
    """Less farmland than was handed down."""
    _set_upper(planter, "永久基本农田保护面积", 1.1)
    planter.plant("below_upper", "upper_level", "YJJBNT", field="永久基本农田保护面积")


def above_upper(planter: Planter) -> None:
    """A larger urban boundary than was handed down."""
    _set_upper(planter, "城镇开发边界面积", 0.8)
    planter.plant("above_upper", "upper_level", "CZKFBJ", field="城镇开发边界面积")


def _set_upper(planter: Planter, name: str, factor: float) -> None:
    held = next(float(row[2]) for row in planter.draft.indicators if row[0] == name)
    rows = planter.draft.upper
    at = next(n for n, row in enumerate(rows) if row[0] == name)
    rows[at] = (rows[at][0], rows[at][1], f"{held * factor:.4f}", rows[at][3])


DATABASE_DEFECTS: tuple[Callable[[Planter], None], ...] = (
    missing_layer, unknown_layer, repeated_layer, empty_layer, declared_as_line, missing_field,
    unknown_field, text_for_area, other_length, no_system, old_datum, other_meridian,
    zone_in_eastings, other_height, shifted_coordinates, missing_folder, missing_file,
    misnamed_file, damaged_file, towns_sum, parcels_sum, table_figure, table_unit,
    missing_indicator, text_figure, below_upper, above_upper,
)  # fmt: skip
