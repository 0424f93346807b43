"""Road and railway centre lines, split where they meet at grade, so that they form a network."""

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.land_cover import PRECISION
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.road_network import Road
from tools.demo_county.settlements import Town
from tools.demo_county.town_plan import TownPlan

SPEED_KMH = {
    "铁路": 160, "高速公路": 120, "国道": 80, "省道": 70, "县道": 50, "乡道": 40, "村道": 30,
    "城市主干路": 50, "城市支路": 30, "镇区街道": 30,
}  # fmt: skip
"""Design speed by class: plausible figures, not from a standard."""
_GRADE_SEPARATED = ("铁路", "高速公路")


@layer(
    LayerInfo(
        "roads",
        "DLZXX",
        "道路中心线",
        id_field="BSM",
        code_field="DLDJ",
        name_field="MC",
        code_scheme="road_class",
    )
)
def roads_layer(
    setting: Setting, road_network: tuple[Road, ...], towns: tuple[Town, ...],
    town_plans: tuple[TownPlan, ...], county_outline: shapely.Polygon,
) -> VectorLayer:  # fmt: skip
    """One row a piece between crossings; railway and motorway pass over the others."""
    rows: list[tuple[str, str, float, int, shapely.geometry.base.BaseGeometry]] = [
        (r.name, r.kind, r.width, r.rank, r.line) for r in road_network
    ]
    for n, (town, plan) in enumerate(zip(towns, town_plans, strict=True)):
        for k, (line, width) in enumerate(plan.centre_lines, start=1):
            kind = "镇区街道" if n else ("城市主干路" if width > 20 else "城市支路")
            rows.append((f"{town.name}{k}号路", kind, width, 9, line))
    lines = shapely.intersection([row[-1] for row in rows], county_outline)
    apart = np.array([row[1] in _GRADE_SEPARATED for row in rows])
    pieces, source = _network(lines, np.flatnonzero(~apart))
    over, owner = shapely.get_parts(lines[apart], return_index=True)
    pieces = np.concatenate([pieces, shapely.set_precision(over, PRECISION)])
    source = np.concatenate([source, np.flatnonzero(apart)[owner]])
    order = np.lexsort((source, [rows[k][3] for k in source]))
    pieces, chosen = pieces[order], [rows[k] for k in source[order]]
    count = len(chosen)
    return VectorLayer(
        "line",
        pieces,
        {
            "BSM": "TEXT(18)", "MC": "TEXT(100)", "DLDJ": "TEXT(20)", "KD": "REAL", "SJSD": "MEDIUMINT",
            "CD": "REAL", "BZ": "TEXT(255)",
        },
        {
            "BSM": [f"{setting.region_code}3001{k:08d}" for k in range(1, count + 1)],
            "MC": [row[0] for row in chosen],
            "DLDJ": [row[1] for row in chosen],
            "KD": [row[2] for row in chosen],
            "SJSD": [SPEED_KMH[row[1]] for row in chosen],
            "CD": np.round(shapely.length(pieces), 2).tolist(),
            "BZ": ["合成数据"] * count,
        },
    )  # fmt: skip


def _network(
    lines: NDArray[np.object_], wanted: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    """Node the wanted lines; returns the pieces and the line that each came from."""
    noded = shapely.get_parts(shapely.union_all(lines[wanted], grid_size=PRECISION))
    middle = shapely.line_interpolate_point(noded, 0.5, normalized=True)
    source = shapely.STRtree(lines[wanted]).query_nearest(middle, all_matches=False)[1]
    return noded, wanted[source]
