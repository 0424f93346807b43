"""Defects of what must agree: lines and zones, survey, metadata, figures handed down."""

from collections.abc import Callable

import shapely

from tools.quality_check.seeding.draft import NAME
from tools.quality_check.seeding.line_defects import very_many_vertices
from tools.quality_check.seeding.truth import Planter


def _line_outside(name: str, colour: str, check: str) -> Callable[[Planter], None]:
    """Make a defect that moves an urban line 40 m beyond the central urban area."""

    def plant(planter: Planter) -> None:
        layer = planter.draft.layers[name]
        west, south, _, north = planter.draft.layers["ZXCQFW"].shapes[0].bounds
        middle = (south + north) / 2 + 0.123
        layer.shapes[0] = shapely.box(west - 40.5, middle, west + 60.25, middle + 30.375)
        layer.set_area(1)
        planter.plant(f"{colour}_line_outside", check, name, 1)

    return plant


def use_outside_zone(planter: Planter) -> None:
    """A planned industrial area in the zone of farmland protection."""
    row = planter.draft.layers["YDYHGHFQ"].rows[0]
    row |= {"YDYHFLDM": "1001", "YDYHFLMC": "工业用地"}
    planter.plant("use_outside_zone", "use_in_zone", "YDYHGHFQ", 1, field="YDYHFLDM")


def housing_in_ecology(planter: Planter) -> None:
    """Planned housing in the zone of ecological protection."""
    layer = planter.draft.layers["YDYHGHFQ"]
    fid = next(n for n, row in enumerate(layer.rows, start=1) if row["YDYHFLDM"] == "0301")
    layer.rows[fid - 1] |= {"YDYHFLDM": "070102", "YDYHFLMC": "二类城镇住宅用地"}
    planter.plant("housing_in_ecology", "use_in_zone", "YDYHGHFQ", fid, field="YDYHFLDM")


def survey_differs(planter: Planter) -> None:
    """A land-change survey with 6 ha more forest."""
    rows = planter.draft.survey
    at = next(n for n, row in enumerate(rows) if row[1] == "03")
    rows[at] = (rows[at][0], "03", f"{float(rows[at][2]) + 6:.4f}", "公顷")
    planter.plant("survey_differs", "survey_sum", "DLTB", field="DLBM")


def survey_in_mu(planter: Planter) -> None:
    """A land-change survey in 亩 that calls them hectares."""
    rows = planter.draft.survey
    rows[0] = (rows[0][0], rows[0][1], f"{float(rows[0][2]) * 15:.4f}", "公顷")
    planter.plant("survey_in_mu", "survey_sum", "DLTB", field="DLBM")


def survey_lacks_class(planter: Planter) -> None:
    """A land-change survey without a class that the layer has."""
    planter.draft.survey[:] = [row for row in planter.draft.survey if row[1] != "04"]
    planter.plant("survey_lacks_class", "survey_sum", "DLTB", field="DLBM")


def coarse_polygon(planter: Planter) -> None:
    """An urban line whose coordinates are rounded to whole metres."""
    layer = planter.draft.layers["ZXCQCSHX"]
    x, y = (round(v) for v in shapely.get_coordinates(layer.shapes[0].centroid)[0])
    layer.shapes[0] = shapely.box(x - 20, y - 20, x + 20, y + 20)
    layer.set_area(1)
    planter.plant("coarse_polygon", "coordinate_precision", "ZXCQCSHX", 1)


def _metadata(defect: str, check: str, name: str, value: str | None) -> Callable[[Planter], None]:
    def plant(planter: Planter) -> None:
        if value is None:
            del planter.draft.metadata[name]
        else:
            planter.draft.metadata[name] = value
        planter.plant(defect, check, field=name)

    return plant


def damaged_metadata(planter: Planter) -> None:
    """A metadata file that is no XML."""
    planter.draft.metadata["title"] = f"{NAME}<未闭合"
    planter.plant("damaged_metadata", "metadata_fields")
    planter.follows("damaged_metadata", "height_declared")


def metadata_other_system(planter: Planter) -> None:
    """Metadata that states another central meridian than the layers have."""
    planter.draft.metadata["crs"] = "EPSG:4548"
    planter.plant("metadata_other_system", "metadata_system", field="crs")


def upper_missing(planter: Planter) -> None:
    """A figure that was not handed down."""
    rows = planter.draft.upper
    rows[:] = [row for row in rows if row[0] != "耕地保有量"]
    planter.plant("upper_missing", "upper_complete", "DLTB", field="耕地保有量")


def upper_unknown(planter: Planter) -> None:
    """A figure handed down that the pack does not know."""
    planter.draft.upper.append(("新增绿道", "公顷", "12", "≥"))
    planter.plant("upper_unknown", "upper_complete", field="新增绿道")


def upper_not_held(planter: Planter) -> None:
    """A figure handed down that neither layers nor table hold."""
    planter.draft.upper.append(("国土开发强度", "%", "12", "≤"))
    planter.plant("upper_not_held", "upper_complete", field="国土开发强度")


def upper_turned(planter: Planter) -> None:
    """At most where at least is meant."""
    rows = planter.draft.upper
    at = next(n for n, row in enumerate(rows) if row[0] == "生态保护红线面积")
    rows[at] = (*rows[at][:3], "≤")
    planter.plant("upper_turned", "upper_complete", "STBHHX", field="生态保护红线面积")
    planter.follows("upper_turned", "upper_level", "STBHHX", field="生态保护红线面积")


def share_below_upper(planter: Planter) -> None:
    """A share below what was handed down, in the table alone."""
    _set_own(planter, "自然岸线保有率", "30")
    planter.plant("share_below_upper", "upper_level", field="自然岸线保有率")


def water_above_upper(planter: Planter) -> None:
    """More water than was handed down, in another unit."""
    _set_own(planter, "用水总量", "2.4")
    planter.plant("water_above_upper", "upper_level", field="用水总量")


def _set_own(planter: Planter, name: str, value: str) -> None:
    rows = planter.draft.indicators
    at = next(n for n, row in enumerate(rows) if row[0] == name)
    rows[at] = (name, rows[at][1], value)


def unit_of_table(planter: Planter) -> None:
    """An area in per cent."""
    rows = planter.draft.indicators
    at = next(n for n, row in enumerate(rows) if row[0] == "林地保有量")
    rows[at] = (rows[at][0], "%", rows[at][2])
    planter.plant("unit_of_table", "indicator_unit", "DLTB", field="林地保有量")


def unit_of_upper(planter: Planter) -> None:
    """A figure handed down in a unit that is none of area."""
    rows = planter.draft.upper
    at = next(n for n, row in enumerate(rows) if row[0] == "林地保有量")
    rows[at] = (rows[at][0], "万元", *rows[at][2:])
    planter.plant("unit_of_upper", "indicator_unit", "DLTB", field="林地保有量")


CONSISTENCY_DEFECTS: tuple[Callable[[Planter], None], ...] = (
    _line_outside("ZXCQCSLVX", "green", "green_line_inside"),
    _line_outside("ZXCQCSZX", "purple", "purple_line_inside"),
    _line_outside("ZXCQCSLX", "blue", "blue_line_inside"),
    _line_outside("ZXCQCSHX", "yellow", "yellow_line_inside"),
    use_outside_zone,
    housing_in_ecology,
    survey_differs,
    survey_in_mu,
    survey_lacks_class,
    coarse_polygon,
    very_many_vertices,
    _metadata("metadata_empty_title", "metadata_fields", "title", ""),
    _metadata("metadata_no_secrecy", "metadata_fields", "secrecy", None),
    _metadata("metadata_wrong_secrecy", "metadata_fields", "secrecy", "一般"),
    _metadata("metadata_wrong_date", "metadata_fields", "date", "2026年1月"),
    _metadata("metadata_future_date", "metadata_fields", "date", "2999-01-01"),
    _metadata("metadata_other_county", "metadata_fields", "code", "110101"),
    _metadata("no_height", "height_declared", "heightDatum", None),
    _metadata("other_height_stated", "height_declared", "heightDatum", "1956年黄海高程系"),
    _metadata("metadata_unknown_system", "metadata_system", "crs", "当地坐标系"),
    metadata_other_system,
    damaged_metadata,
    upper_missing,
    upper_unknown,
    upper_not_held,
    upper_turned,
    share_below_upper,
    water_above_upper,
    unit_of_table,
    unit_of_upper,
)
