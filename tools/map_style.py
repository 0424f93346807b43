"""Colours, hatches, fonts and outlines of planning maps.

Hues follow the custom of territorial planning maps (farmland pale yellow, forest green, housing
yellow, industry brown, water blue) and are muted, so that control lines and conflicts stand out.
No standard's colour table has been copied or checked: `verified: false`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import shapely
from matplotlib import font_manager
from matplotlib.path import Path as Outline

from cspon.errors import SetupError
from cspon.schemas.spatial import CodeScheme
from tools.land_use import land_use_name

FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Noto Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "Hiragino Sans GB",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "DengXian",
    "Heiti SC",
    "SimSun",
    "Noto Serif CJK SC",
    "Noto Sans CJK JP",
    "AR PL UMing CN",
    "Arial Unicode MS",
)
"""Families with Chinese glyphs, best first."""

CLASSES_2023 = {
    "01": "#f6f3d0", "02": "#d5e8b4", "03": "#a3cb9b", "04": "#d4edb9", "05": "#9fd6c3",
    "06": "#dcd7ac", "07": "#fbe48f", "08": "#f3b5cf", "09": "#f0a096", "10": "#c9aa8c",
    "11": "#bfaedb", "12": "#cccccc", "13": "#93b3bd", "14": "#8fd68f", "15": "#b3bb96",
    "16": "#f7f7f7", "17": "#9fc9e6", "18": "#b8dff0", "19": "#9db7cf", "20": "#b5c3d9",
    "21": "#c2e6e6", "22": "#a9bcc2", "23": "#e6e2da", "24": "#c9e4f5",
}  # fmt: skip
CLASSES_SANDIAO = {
    "00": ("湿地", "#9fd6c3"), "01": ("耕地", "#f6f3d0"), "02": ("种植园用地", "#d5e8b4"),
    "03": ("林地", "#a3cb9b"), "04": ("草地", "#d4edb9"), "05": ("商业服务业用地", "#f0a096"),
    "06": ("工矿用地", "#c9aa8c"), "07": ("住宅用地", "#fbe48f"),
    "08": ("公共管理与公共服务用地", "#f3b5cf"), "09": ("特殊用地", "#b3bb96"),
    "10": ("交通运输用地", "#cccccc"), "11": ("水域及水利设施用地", "#9fc9e6"),
    "12": ("其他土地", "#e6e2da"),
}  # fmt: skip
OTHER = "#eeeeee"


@dataclass(frozen=True)
class LineStyle:
    """How a control line, and a conflict with it, is drawn."""

    title: str
    face: str
    hatch: str
    hatch_colour: str
    edge: str
    width: float
    """Points."""
    dash: tuple[float, ...]
    conflict: str
    """Colour of the conflict patches."""
    short: str
    """Label of a conflict patch."""
    conflict_title: str


LINE_STYLES = {
    "permanent_basic_farmland": LineStyle(
        "永久基本农田", "#f4f06a40", "////", "#a8ad1c", "#8f9411", 0.8, (),
        "#e8590c", "占永农", "占用永久基本农田",
    ),
    "ecological_redline": LineStyle(
        "生态保护红线", "#4caf5030", "\\\\\\\\", "#2f9e44", "#d6293e", 1.5, (),
        "#c2255c", "占红线", "占用生态保护红线",
    ),
    "urban_development_boundary": LineStyle(
        "城镇开发边界", "none", "", "none", "#5f3dc4", 2.0, (7, 2, 1.5, 2),
        "#5f3dc4", "界外", "城镇开发边界外",
    ),
    "nature_reserve": LineStyle(
        "自然保护地", "#2b8a3e20", "..", "#2b8a3e", "#2b8a3e", 1.2, (),
        "#087f5b", "占保护地", "占用自然保护地",
    ),
    "flood_risk_line": LineStyle(
        "洪涝风险控制线", "#1c7ed618", "--", "#4dabf7", "#1864ab", 1.2, (),
        "#1864ab", "占洪涝线", "占用洪涝风险控制线",
    ),
    "heritage_line": LineStyle(
        "历史文化保护线", "#a0522d18", "xx", "#c08457", "#8d4b1f", 1.2, (),
        "#8d4b1f", "占文保", "占用历史文化保护线",
    ),
    "urban_green_line": LineStyle(
        "城市绿线", "none", "", "none", "#37b24d", 1.4, (4, 1.5),
        "#2b8a3e", "占绿线", "占用城市绿线",
    ),
    "urban_purple_line": LineStyle(
        "城市紫线", "none", "", "none", "#ae3ec9", 1.4, (4, 1.5),
        "#9c36b5", "占紫线", "占用城市紫线",
    ),
    "urban_blue_line": LineStyle(
        "城市蓝线", "none", "", "none", "#1c7ed6", 1.4, (4, 1.5),
        "#1971c2", "占蓝线", "占用城市蓝线",
    ),
    "urban_yellow_line": LineStyle(
        "城市黄线", "none", "", "none", "#f59f00", 1.4, (4, 1.5),
        "#e67700", "占黄线", "占用城市黄线",
    ),
    "mineral_line": LineStyle(
        "矿产资源控制线", "#49505710", "++", "#868e96", "#495057", 1.0, (),
        "#495057", "占矿产线", "占用矿产资源控制线",
    ),
    "industrial_land_line": LineStyle(
        "工业用地控制线", "none", "", "none", "#8d6e63", 1.4, (6, 2),
        "#795548", "工业线", "位于工业用地控制线内",
    ),
    "planning_zones": LineStyle(
        "规划分区", "none", "", "none", "#b02a37", 1.0, (2, 2),
        "#b02a37", "分区不符", "规划分区不符",
    ),
    "planned_land_use": LineStyle(
        "用地用海规划分区", "none", "", "none", "#d6336c", 1.0, (2, 2),
        "#d6336c", "用途不符", "规划用途不符",
    ),
    "roads": LineStyle(
        "道路中心线", "none", "", "none", "#495057", 0.9, (9, 1.5),
        "#343a40", "近公路", "公路限距以内",
    ),
    "power_lines": LineStyle(
        "电力线路", "none", "", "none", "#f76707", 1.2, (5, 1.5, 1, 1.5),
        "#d9480f", "近电力线", "电力线路限距以内",
    ),
    "oil_gas_pipelines": LineStyle(
        "油气管道", "none", "", "none", "#c2255c", 1.4, (2, 1.2),
        "#a61e4d", "近管道", "油气管道限距以内",
    ),
    "rivers_line": LineStyle(
        "主要河流岸线", "none", "", "none", "#1098ad", 1.5, (),
        "#0b7285", "近河岸", "河流岸线限距以内",
    ),
    "dem": LineStyle(
        "坡度", "none", "", "none", "#6741d9", 1.0, (),
        "#6741d9", "陡坡", "坡度超限",
    ),
}  # fmt: skip
PLAIN_LINE = LineStyle(
    "", "none", "", "none", "#1971c2", 1.2, (4, 2), "#1971c2", "占用", "占用"
)  # fmt: skip
"""For control lines without a style of their own."""

INK, PALE = "#212529", "#6c757d"
PROJECT_EDGE = "#e00000"
VERDICTS = {"符合": "#2b8a3e", "不符合": "#c92a2a", "需论证": "#e67700", "数据缺失": "#5c636a"}


def class_style(scheme: CodeScheme, code: str) -> tuple[str, str]:
    """Return name and colour of a first-level land-use code."""
    if scheme == "sandiao_2020":
        return CLASSES_SANDIAO.get(code, (f"三调 {code}", OTHER))
    return land_use_name(code) or f"其他（{code}）", CLASSES_2023.get(code, OTHER)


def line_style(role: str) -> LineStyle:
    """Return the style of a control line by its role."""
    return LINE_STYLES.get(role, PLAIN_LINE)


@cache
def font_families() -> tuple[str, ...]:
    """Return the families to write with: a Chinese one, then one for rare symbols.

    Raises:
        SetupError: no font with Chinese glyphs is installed.
    """
    installed = {entry.name for entry in font_manager.fontManager.ttflist}
    chinese = next((name for name in FONTS if name in installed), None)
    if chinese is None:
        raise SetupError(
            "没有找到中文字体，无法绘制地图",
            mend="安装中文字体后重试：apt-get install fonts-noto-cjk（或 dnf install google-noto-sans-cjk-fonts）",
        )
    return (chinese, "DejaVu Sans")


def font(size: float, *, bold: bool = False) -> font_manager.FontProperties:
    """Return the Chinese font at a size in points.

    Raises:
        SetupError: no font with Chinese glyphs is installed.
    """
    return font_manager.FontProperties(
        family=list(font_families()), size=size, weight="bold" if bold else "normal"
    )


def outline(geometries: Iterable[Any]) -> Outline:
    """Make one path of polygons; rings are oriented, so that holes stay open."""
    polygons = shapely.get_parts(shapely.get_parts(np.asarray(geometries, dtype=object)))
    polygons = polygons[shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON]
    rings = shapely.get_rings(shapely.orient_polygons(polygons[~shapely.is_empty(polygons)]))
    if not len(rings):
        return Outline(np.empty((0, 2)))
    ends = np.cumsum(shapely.get_num_coordinates(rings))
    codes = np.full(ends[-1], Outline.LINETO, dtype=Outline.code_type)
    codes[ends - 1] = Outline.CLOSEPOLY
    codes[np.concatenate([[0], ends[:-1]])] = Outline.MOVETO
    return Outline(shapely.get_coordinates(rings), codes)
