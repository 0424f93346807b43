"""DLTB, the land-use parcels: a coverage of the whole county."""

import numpy as np

from tools.demo_county.land_use import LandUse
from tools.demo_county.products import LayerInfo, Setting, VectorLayer, layer
from tools.demo_county.settlements import Town, Village
from tools.demo_county.terrain import Terrain
from tools.demo_county.zoning import CULTIVATED, NAMES
from tools.geometry.area import ellipsoidal_areas_m2

LAYER_CODE = "2001"
"""Third part of BSM: region (6), layer (4), number (8)."""
BANK_STRIP = 0.08
"""Share of field banks (田坎系数) on cultivated slopes: made up, one value for the county."""

FIELDS = {
    "BSM": "TEXT(18)", "YSDM": "TEXT(10)", "TBBH": "TEXT(8)", "DLBM": "TEXT(6)", "DLMC": "TEXT(60)",
    "QSXZ": "TEXT(2)", "QSDWMC": "TEXT(60)", "ZLDWDM": "TEXT(19)", "ZLDWMC": "TEXT(60)",
    "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)", "TBMJ": "REAL", "KCXS": "REAL", "KCMJ": "REAL",
    "TBDLMJ": "REAL", "CZCSXM": "TEXT(4)", "GDPDJB": "TEXT(2)", "SJNF": "MEDIUMINT",
    "BZ": "TEXT(255)",
}  # fmt: skip


@layer(
    LayerInfo(
        "land_use", "DLTB", "地类图斑", id_field="BSM", code_field="DLBM", name_field="DLMC",
        code_scheme="ydyh_2023",
    )
)  # fmt: skip
def land_use_layer(
    setting: Setting, land_use: LandUse, towns: tuple[Town, ...], villages: tuple[Village, ...],
    terrain: Terrain,
) -> VectorLayer:  # fmt: skip
    """One row a parcel; TBMJ is the ellipsoidal area in m², to 0.01."""
    codes: list[str] = land_use.codes.tolist()
    count = len(codes)
    area = np.round(ellipsoidal_areas_m2(land_use.polygons, setting.epsg), 2)
    slope = terrain.slope.sample(*land_use.points.T)
    grade = np.searchsorted([2, 6, 15, 25], slope, side="right") + 1
    field = np.isin(land_use.codes, CULTIVATED)
    share = np.where(field & (grade > 1), BANK_STRIP, 0.0)
    banks = np.round(area * share, 2)
    town = [towns[k] for k in land_use.town.tolist()]
    village = [villages[k].name for k in land_use.village.tolist()]
    place = [
        f"{t.code}{201 + k % 700:03d}" for t, k in zip(town, land_use.village.tolist(), strict=True)
    ]
    state = [_is_state_land(code) for code in codes]
    columns = {
        "BSM": [f"{setting.region_code}{LAYER_CODE}{k:08d}" for k in range(1, count + 1)],
        "YSDM": ["2001010100"] * count,
        "TBBH": [str(k) for k in range(1, count + 1)],
        "DLBM": codes,
        "DLMC": [NAMES[code] for code in codes],
        "QSXZ": ["20" if s else "30" for s in state],
        "QSDWMC": [
            f"{setting.region_name}人民政府" if s else f"{t.name}{v}村"
            for s, t, v in zip(state, town, village, strict=True)
        ],
        "ZLDWDM": [f"{code}0000000" for code in place],
        "ZLDWMC": [f"{t.name}{v}村" for t, v in zip(town, village, strict=True)],
        "XZQDM": [t.code for t in town],
        "XZQMC": [t.name for t in town],
        "TBMJ": area.tolist(),
        "KCXS": share.tolist(),
        "KCMJ": banks.tolist(),
        "TBDLMJ": np.round(area - banks, 2).tolist(),
        "CZCSXM": _settlement_kinds(land_use),
        "GDPDJB": [str(g) if f else None for g, f in zip(grade.tolist(), field, strict=True)],
        "SJNF": [int(setting.date[:4])] * count,
        "BZ": ["合成数据"] * count,
    }
    return VectorLayer("polygon", land_use.polygons, FIELDS, columns)


def _is_state_land(code: str) -> bool:
    return (code[:2] in {"07", "08", "09", "10", "11", "12", "13", "14", "16"} and code != "0703") or code in {"1701", "1702", "1703"}  # fmt: skip


def _settlement_kinds(land_use: LandUse) -> list[str | None]:
    """城镇村属性码: 201 city, 202 town, 203 village, A for works on their own."""
    found: list[str | None] = []
    for kind, _code, town in zip(
        land_use.kinds.tolist(), land_use.codes.tolist(), land_use.town.tolist(), strict=True
    ):
        if kind == "village":
            found.append("203")
        elif kind in ("built_up", "street"):
            found.append("201" if town == 0 else "202")
        else:
            found.append(None)
    return found
