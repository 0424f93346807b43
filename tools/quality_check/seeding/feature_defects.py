"""Defects of attributes, and the list of all defects of single features."""

from typing import Any

from tools.quality_check.seeding import geometry_defects as geometry
from tools.quality_check.seeding import line_defects as lines
from tools.quality_check.seeding.geometry_defects import parcels
from tools.quality_check.seeding.truth import Defect, Planter


def wrong_area(planter: Planter) -> None:
    """A stated area 5 % too large."""
    row, fid = _row(planter)
    row["TBMJ"] = row["TBDLMJ"] = round(row["TBMJ"] * 1.05, 2)
    planter.plant("wrong_area", "stated_area", "DLTB", fid)


def area_in_mu(planter: Planter) -> None:
    """A stated area in 亩 where m² are wanted."""
    row, fid = _row(planter)
    row["TBMJ"] = row["TBDLMJ"] = round(row["TBMJ"] * 0.0015, 2)
    planter.plant("area_in_mu", "stated_area", "DLTB", fid)
    planter.follows("area_in_mu", "parcels_to_county")
    planter.follows("area_in_mu", "survey_sum", "DLTB")


def _row(planter: Planter) -> tuple[dict[str, Any], int]:
    _, fid = planter.cell()
    return parcels(planter).rows[fid - 1], fid


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
    row["BSM"] = parcels(planter).rows[other - 1]["BSM"]
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


def too_exact_area(planter: Planter) -> None:
    """A stated area with five decimals."""
    row, fid = _row(planter)
    row["TBMJ"] = row["TBDLMJ"] = round(row["TBMJ"] + 0.00313, 5)
    planter.plant("too_exact_area", "value_decimals", "DLTB", fid, field="TBMJ")
    planter.follows("too_exact_area", "value_decimals", "DLTB", fid, field="TBDLMJ")


FEATURE_DEFECTS: tuple[Defect, ...] = (
    geometry.null_geometry,
    geometry.empty_geometry,
    geometry.wrong_kind,
    geometry.bow_tie,
    geometry.raised,
    geometry.multipart,
    geometry.repeated_vertex,
    geometry.spike,
    geometry.small_area,
    geometry.narrow,
    geometry.duplicate,
    geometry.overlap,
    geometry.thin_overlap,
    geometry.gap,
    geometry.hole,
    geometry.beyond_county,
    geometry.farmland_off_cultivated,
    lines.crossing_line,
    lines.dangling_line,
    lines.short_line,
    lines.line_overlap,
    lines.duplicate_line,
    lines.coarse,
    wrong_area,
    area_in_mu,
    repeated_identifier,
    wrong_form,
    other_county_identifier,
    derived_area,
    too_exact_area,
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

ONCE: tuple[Defect, ...] = (
    geometry.zone_overlap,
    geometry.zone_gap,
    geometry.redline_on_farmland,
)
"""Planted once in a database."""
