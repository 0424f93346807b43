"""Bank lines of the river and its streams."""

import shapely
from shapely import LineString, Polygon

from tools.demo_county.plan_layer import plan_lines
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.terrain import Waters

_WATER = ("1701", "1702", "1703")
"""Codes of waters in which a river has no bank."""


@layer(
    LayerInfo(
        "rivers_line", "HLZXX", "主要河流岸线", id_field="BSM", code_field="HLDJ", name_field="MC",
        code_scheme="river_rank",
    )
)  # fmt: skip
def river_banks_layer(setting: Setting, county_outline: Polygon, waters: Waters) -> VectorLayer:
    """One row a connected line; all rivers are of no named basin (其他河流)."""
    rows = []
    for name, code, body in waters.bodies:
        if code == "1701":
            others = shapely.union_all(
                [b for n, c, b in waters.bodies if c in _WATER and n != name]
            )
            edge = shapely.difference(shapely.boundary(body), others)
            banks = shapely.line_merge(shapely.intersection(edge, county_outline))
            rows += [
                (name, part)
                for part in shapely.get_parts(banks)
                if isinstance(part, LineString) and part.length > 100
            ]
    own = {
        "MC": ("TEXT(100)", [f"{name}岸线" for name, _ in rows]),
        "HLDJ": ("TEXT(20)", ["其他河流"] * len(rows)),
    }
    return plan_lines(setting, 3013, [line for _, line in rows], own)
