"""Long-distance oil and gas pipelines."""

import numpy as np
import shapely
from shapely import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from tools.demo_county.corridors import corridor
from tools.demo_county.plan_layer import Columns, plan_lines
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer

_PIPES = (
    ("示例天然气管道", "输气管道", ((-1, 7.1), (10, 7.6), (20, 6.4), (31, 3.9)), 813),
    ("示例成品油管道", "输油管道", ((3.6, -1), (6.6, 3.2), (14.5, 2.1), (31, 1.3)), 508),
)
"""Name, kind, stops in km, diameter in mm."""


@layer(
    LayerInfo(
        "oil_gas_pipelines", "YQGD", "油气管道", id_field="BSM", code_field="GDLX", name_field="MC",
        code_scheme="pipeline_kind",
    )
)  # fmt: skip
def pipelines_layer(
    setting: Setting, county_outline: Polygon, settled: tuple[BaseGeometry, ...]
) -> VectorLayer:
    """One row a pipeline."""
    rows: list[tuple[str, str, int, LineString]] = []
    for name, kind, stops, diameter in _PIPES:
        path = np.array([setting.at(*stop) for stop in stops])
        line = corridor(path, settled, keep_m=40.0, span_m=500.0)
        rows += [
            (name, kind, diameter, part)
            for part in shapely.get_parts(shapely.intersection(line, county_outline))
            if isinstance(part, LineString) and part.length > 50
        ]
    own: Columns = {
        "MC": ("TEXT(100)", [f"{row[0]}（合成）" for row in rows]),
        "GDLX": ("TEXT(20)", [row[1] for row in rows]),
        "GJ": ("INTEGER", [row[2] for row in rows]),
    }
    return plan_lines(setting, 3012, [row[3] for row in rows], own)
