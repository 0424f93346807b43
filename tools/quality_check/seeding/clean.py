"""A clean plan database on a crooked grid: every check passes on it.

Neighbours share their edges point by point, every layer is made of whole grid cells, areas are
stated as they are, the table and the text say what the layers hold.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from tools.quality_check.schemes import scheme_codes
from tools.quality_check.seeding.draft import CODE, NAME, Draft, DraftLayer

WEST, SOUTH, STEP = 480_000.0, 3_300_000.0, 100.0
_BSM = {"XZQ": 1006, "XZQ_XZ": 1007, "DLTB": 2001, "YJJBNT": 2005, "STBHHX": 2201}
_BSM |= {"CZKFBJ": 2202, "GHFQ": 2301, "DLZXX": 3001}
_BSM |= {"YDYHGHFQ": 2302, "ZXCQFW": 2310}
_URBAN_LINES = {"ZXCQCSLVX": "2090020232", "ZXCQCSZX": "2090020233", "ZXCQCSLX": "2090020233"}
_URBAN_LINES |= {"ZXCQCSHX": "2090020234"}
_BSM |= {name: 2311 + number for number, name in enumerate(_URBAN_LINES)}
_COMMON = {"BSM": "TEXT(18)", "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)"}
_FIGURES = (
    ("自然岸线保有率", "%", "36.5", ("35", "≥")),
    ("用水总量", "亿立方米", "2.1", ("22000", "≤")),
)
"""Figures that no layer gives: name, unit, own value, the value and direction handed down."""
_GRASS, _FOREST, _FARM, _TOWN = "0401", "0301", "0101", "0701"


def clean_draft(size: int, seed: int) -> Draft:
    """Make a clean database of `size` × `size` parcels of about one hectare.

    Args:
        size: Cells a side, a multiple of 4, at least 12.
        seed: Equal seeds give equal databases.
    """
    cells = _cells(size, np.random.default_rng(seed))
    quarter = size // 4
    towns = {(i, j): f"{CODE}{1 + (i >= size // 2) + 2 * (j >= size // 2):03d}" for i, j in cells}
    names = {code: f"第{n}镇" for n, code in enumerate(sorted(set(towns.values())), start=1)}
    draft = Draft({}, [], [], [], size=size)
    county = _layer(
        "XZQ", {**_COMMON, "YSDM": "TEXT(10)", "DCMJ": "REAL", "BZ": "TEXT(255)"}, "DCMJ"
    )
    _add(county, shapely.coverage_union_all(list(cells.values())), CODE, NAME, YSDM="1000600100")
    town = _layer("XZQ_XZ", dict(county.fields), "DCMJ")
    for code, name in names.items():
        parts = [cells[at] for at in cells if towns[at] == code]
        _add(town, shapely.coverage_union_all(parts), code, name, YSDM="1000600100")
    draft.layers = {"XZQ": county, "XZQ_XZ": town, "DLTB": _parcels(draft, cells, towns, names)}
    for name, title_fields, chosen in (
        ("YJJBNT", {"JBNTTBBH": "TEXT(20)"}, _block(0, quarter, 0, size)),
        ("STBHHX", {"HXMC": "TEXT(100)"}, _block(size - quarter + 1, size, 0, size)),
        ("CZKFBJ", {"FQLX": "TEXT(30)"}, _block(quarter + 1, quarter + 4, 1, 4)),
    ):
        layer = _layer(name, {**_COMMON, **title_fields, "MJ": "REAL", "BZ": "TEXT(255)"}, "MJ")
        more = {"FQLX": "城镇集中建设区"} if name == "CZKFBJ" else {}
        if name == "YJJBNT":
            for at in chosen:
                _add(layer, cells[at], towns[at], names[towns[at]], **more)
        else:
            _add(
                layer, shapely.coverage_union_all([cells[at] for at in chosen]), CODE, NAME, **more
            )
        draft.layers[name] = layer
    draft.layers["GHFQ"] = _zones(cells, size, quarter)
    draft.layers["YDYHGHFQ"] = _uses(draft, cells, quarter)
    draft.layers |= _urban(cells, quarter)
    draft.layers["DLZXX"] = _roads(cells, size)
    for layer in draft.layers.values():
        if layer.area_field:
            layer.set_areas()
    _figures(draft)
    return draft


def _cells(size: int, rng: np.random.Generator) -> dict[tuple[int, int], Any]:
    """Make crooked quadrilaterals with two bends on each side, millimetre coordinates."""
    nodes = (
        np.stack(np.meshgrid(np.arange(size + 1), np.arange(size + 1), indexing="ij"), -1) * STEP
    )
    nodes = nodes + rng.uniform(-18, 18, nodes.shape) + (WEST, SOUTH)
    nodes = nodes.round(3)

    def bent(start: Any, end: Any) -> Any:
        along = np.array([[1 / 3], [2 / 3]])
        return (start + (end - start) * along + rng.uniform(-4, 4, (2, 2))).round(3)

    flat = {
        (i, j): bent(nodes[i, j], nodes[i + 1, j]) for i in range(size) for j in range(size + 1)
    }
    steep = {
        (i, j): bent(nodes[i, j], nodes[i, j + 1]) for i in range(size + 1) for j in range(size)
    }
    return {
        (i, j): shapely.Polygon(
            np.concatenate(
                [
                    nodes[i, j][None], flat[i, j], nodes[i + 1, j][None], steep[i + 1, j],
                    nodes[i + 1, j + 1][None], flat[i, j + 1][::-1],
                    nodes[i, j + 1][None], steep[i, j][::-1],
                ]
            )
        )
        for i in range(size)
        for j in range(size)
    }  # fmt: skip


def _block(i0: int, i1: int, j0: int, j1: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(i0, i1) for j in range(j0, j1)]


def _layer(name: str, fields: dict[str, str], area_field: str, kind: str = "POLYGON") -> DraftLayer:
    return DraftLayer(name, kind, fields, [], [], area_field=area_field)


def _add(layer: DraftLayer, shape: Any, code: str, name: str, **values: Any) -> int:
    serial = f"{CODE}{_BSM[layer.name]:04d}{len(layer.rows) + 1:08d}"
    row = dict.fromkeys(layer.fields) | {"BSM": serial, "BZ": "合成数据"}
    if "XZQDM" in row:
        row |= {"XZQDM": code, "XZQMC": name}
    return layer.add(shape, row | values)


def _parcels(draft: Draft, cells: dict[tuple[int, int], Any], towns: Any, names: Any) -> DraftLayer:
    fields = {
        "BSM": "TEXT(18)", "YSDM": "TEXT(10)", "DLBM": "TEXT(6)", "DLMC": "TEXT(60)",
        "XZQDM": "TEXT(12)", "XZQMC": "TEXT(100)", "TBMJ": "REAL", "KCXS": "REAL", "KCMJ": "REAL",
        "TBDLMJ": "REAL", "BZ": "TEXT(255)",
    }  # fmt: skip
    layer = _layer("DLTB", fields, "TBMJ")
    codes = scheme_codes("ydyh_2023")
    assert codes is not None
    size, quarter = draft.size, draft.size // 4
    for at, shape in cells.items():
        code = _FARM if at[0] < quarter else _FOREST if at[0] > size - quarter else _GRASS
        if quarter + 1 <= at[0] < quarter + 4 and 1 <= at[1] < 4:
            code = _TOWN
        draft.cells[at] = _add(
            layer, shape, towns[at], names[towns[at]], YSDM="2001010100", DLBM=code,
            DLMC=codes[code], KCXS=0.0, KCMJ=0.0,
        )  # fmt: skip
    return layer


def _zones(cells: dict[tuple[int, int], Any], size: int, quarter: int) -> DraftLayer:
    fields = {**_COMMON, "YSDM": "TEXT(10)", "GHFQDM": "TEXT(30)", "MJ": "REAL", "BZ": "TEXT(255)"}
    layer = _layer("GHFQ", fields, "MJ")
    kinds = ("农田保护区", "乡村发展区", "特别用途区", "生态保护区")
    for i in range(4):
        for j in range(4):
            chosen = _block(i * quarter, (i + 1) * quarter, j * quarter, (j + 1) * quarter)
            shape = shapely.coverage_union_all([cells[at] for at in chosen])
            _add(layer, shape, CODE, NAME, YSDM="2090020610", GHFQDM=kinds[i])
    return layer


def _uses(draft: Draft, cells: dict[tuple[int, int], Any], quarter: int) -> DraftLayer:
    """Planned uses: the present ones, one feature a zone and code."""
    fields = {
        **_COMMON, "YSDM": "TEXT(10)", "YDYHFLDM": "TEXT(10)", "YDYHFLMC": "TEXT(60)", "MJ": "REAL",
        "BZ": "TEXT(255)",
    }  # fmt: skip
    layer, rows = _layer("YDYHGHFQ", fields, "MJ"), draft.layers["DLTB"].rows
    groups: dict[tuple[int, int, str], list[Any]] = {}
    for (i, j), shape in cells.items():
        code = str(rows[draft.cells[i, j] - 1]["DLBM"])
        groups.setdefault((i // quarter, j // quarter, code), []).append(shape)
    names = scheme_codes("ydyh_2023")
    assert names is not None
    for (_, _, code), shapes in groups.items():
        parts = shapely.get_parts(shapely.coverage_union_all(shapes))
        for part in parts:
            _add(layer, part, CODE, NAME, YSDM="2090020610", YDYHFLDM=code, YDYHFLMC=names[code])
    return layer


def _urban(cells: dict[tuple[int, int], Any], quarter: int) -> dict[str, DraftLayer]:
    """The central urban area, and one cell of it in each of the four urban lines."""
    fields = {**_COMMON, "MC": "TEXT(100)", "MJ": "REAL", "BZ": "TEXT(255)"}
    area = _layer("ZXCQFW", fields, "MJ")
    block = [cells[at] for at in _block(quarter + 1, quarter + 4, 1, 4)]
    _add(area, shapely.coverage_union_all(block), CODE, NAME, MC="中心城区")
    layers = {"ZXCQFW": area}
    for number, (name, element) in enumerate(_URBAN_LINES.items()):
        layer = _layer(name, {**fields, "YSDM": "TEXT(10)"}, "MJ")
        at = (quarter + 1 + number % 2, 1 + number // 2)
        _add(layer, cells[at], CODE, NAME, YSDM=element, MC="示例")
        layers[name] = layer
    return layers


def _roads(cells: dict[tuple[int, int], Any], size: int) -> DraftLayer:
    """Roads along the grid: straight pieces between crossings, so that every end meets another."""
    fields = {"BSM": "TEXT(18)", "MC": "TEXT(100)", "DLDJ": "TEXT(20)", "BZ": "TEXT(255)"}
    layer = _layer("DLZXX", fields, "", kind="LINESTRING")
    corner = {at: shapely.get_coordinates(cell)[0] for at, cell in cells.items()}
    stops = list(range(1, size - 1, 2))
    for j in stops:
        for a, b in pairwise(stops):
            for start, end in (((a, j), (b, j)), ((j, a), (j, b))):
                shape = shapely.LineString([corner[start], corner[end]])
                _add(layer, shape, CODE, NAME, DLDJ="村道", MC=f"路{len(layer.rows) + 1}")
    return layer


def _figures(draft: Draft) -> None:
    """State in table, upper level and text what the layers hold."""
    parcels = draft.layers["DLTB"]
    areas = parcels.areas() / 1e4
    codes = [str(row["DLBM"]) for row in parcels.rows]

    def of(prefix: str) -> float:
        return float(sum(a for a, c in zip(areas, codes, strict=True) if c.startswith(prefix)))

    held = {
        "永久基本农田保护面积": (float(draft.layers["YJJBNT"].areas().sum()) / 1e4, "≥"),
        "生态保护红线面积": (float(draft.layers["STBHHX"].areas().sum()) / 1e4, "≥"),
        "城镇开发边界面积": (float(draft.layers["CZKFBJ"].areas().sum()) / 1e4, "≤"),
        "耕地保有量": (of("01"), "≥"),
        "林地保有量": (of("03"), "≥"),
    }
    for name, unit, value, own in _FIGURES:
        draft.indicators.append((name, unit, value))
        draft.upper.append((name, "万立方米" if "立方米" in unit else unit, *own))
    for prefix in sorted({code[:2] for code in codes}):
        draft.survey.append(("2025", prefix, f"{of(prefix):.4f}", "公顷"))
    words = {"≥": "不低于", "≤": "控制在"}
    for name, (hectares, sign) in held.items():
        draft.indicators.append((name, "公顷", f"{hectares:.4f}"))
        slack = -5.0 if sign == "≥" else 5.0
        draft.upper.append((name, "公顷", f"{hectares + slack:.4f}", sign))
        draft.paragraphs.append(f"到2035年，{name}{words[sign]} {hectares:.4f} 公顷。")
