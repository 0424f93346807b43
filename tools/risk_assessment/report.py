"""The report of the risk assessment: Word, Markdown, map of the towns, matrix, record."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.schemas.spatial import ToolResult
from tools.map_style import font
from tools.result_files import Picture, save_tool_result
from tools.risk_assessment.assess import KindRisk, title_of
from tools.risk_assessment.tables import sentence, source_of, worst_towns
from tools.risk_assessment.tool import RiskAssessment
from tools.thematic_map import MapLabel, MapLayer, ThematicMap, draw_map

STEM = "开发保护风险评估报告"
NO_GRADE = "没有数据或没有这类控制线内的用地"
_INK = "#22282d"
_DPI = 160


def save_risks(result: ToolResult, folder: Path) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the report with its map and matrix.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = RiskAssessment.model_validate(result.data)
    pictures = [Picture("matrix.png", "风险矩阵", partial(draw_matrix, data))]
    if result.layers:
        local = [kind for kind in data.kinds if kind.towns]
        sheet = town_map(data, result)
        pictures.append(Picture("map.png", "乡镇风险等级图", partial(draw_map, sheet)))
        pictures += [
            Picture(
                f"map_{kind.id}.png",
                f"{kind.title}乡镇等级图",
                partial(draw_map, town_map(data, result, kind)),
            )
            for kind in (local if len(local) > 1 else ())
        ]
    return save_tool_result(
        result,
        folder,
        title=f"{data.place}开发保护风险评估报告",
        lead=_lead(data),
        pictures=pictures,
        sections=[_by_kind(data), _sources(data), _method(data)],
        stem=STEM,
    )


def _lead(data: RiskAssessment) -> list[str]:
    return [
        f"评估年：{data.year} 年。本报告评估 {len(data.kinds)} 类风险的等级、依据和所在乡镇。",
        data.headline,
        "等级、证据指标和阈值的来源见文末；未核实的不能作为正式结论。",
    ]


def _by_kind(data: RiskAssessment) -> str:
    parts = ["## 分类评述"]
    for kind in data.kinds:
        lines = [f"### {kind.title}：{kind.grade}", _found(kind)]
        if places := worst_towns(kind, data.book):
            lines.append(f"突出的乡镇：{'、'.join(places)}。")
        if kind.responses:
            lines.append("\n".join(f"{n}. {text}" for n, text in enumerate(kind.responses, 1)))
        parts.append("\n\n".join(lines))
    return "\n\n".join(parts)


def _found(kind: KindRisk) -> str:
    known = [f"{sentence(m)}（{m.grade}）" for m in kind.measured if m.value is not None]
    lacking = [f"{m.now.title}：{m.why}" for m in kind.measured if m.value is None]
    text = f"{'；'.join(known)}。" if known else "没有可用的证据。"
    return text + (f"缺数据：{'；'.join(lacking)}。" if lacking else "")


def _sources(data: RiskAssessment) -> str:
    lines = dict.fromkeys(f"- {source_of(m)}" for kind in data.kinds for m in kind.measured)
    return "## 数据与界限的来源\n\n" + "\n".join(lines)


def _method(data: RiskAssessment) -> str:
    book = data.book
    confirm = dict.fromkeys(
        f"- {m.now.title}：{m.now.to_confirm}"
        for kind in data.kinds
        for m in kind.measured
        if m.now.to_confirm
    )
    return "\n\n".join(
        [
            "## 方法与须确认的事项",
            f"{book.source}。{book.method}。变化按 Theil–Sen 斜率占当年值的百分比计，各年方向不一致的按不变计。",
            f"- {book.title}：{book.to_confirm}\n" + "\n".join(confirm),
        ]
    )


def town_map(data: RiskAssessment, result: ToolResult, kind: KindRisk | None = None) -> ThematicMap:
    """Draw each town in the colour of its grade of one kind, or of its worst grade of all."""
    features = result.layers[0].features
    shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in features], dtype=object)
    key = "grade" if kind is None else kind.id
    grades = np.array([f["properties"][key] or data.book.missing for f in features])
    missing = grades == data.book.missing
    layers = [
        MapLayer(
            f"{g.name}风险", shapes[grades == g.name], face=g.colour, edge="#ffffff", width=0.8,
            value=f"{int((grades == g.name).sum())} 个",
        )
        for g in reversed(data.book.grades)
        if (grades == g.name).any()
    ]  # fmt: skip
    if missing.any():
        layers.append(
            MapLayer(
                NO_GRADE, shapes[missing], face=data.book.colour(data.book.missing), edge="#ffffff",
                width=0.8, value=f"{int(missing.sum())} 个",
            )
        )  # fmt: skip
    centres = shapely.get_coordinates(shapely.point_on_surface(shapes))
    labels = [
        MapLabel(str(f["properties"]["town"]), float(x), float(y), colour=_INK)
        for f, (x, y) in zip(features, centres, strict=True)
    ]
    shown = "、".join(k.title for k in data.kinds if k.towns)
    note = f"颜色为各乡镇{shown}中最高的等级。"
    if kind is not None:
        evidence = "、".join(title_of(m) for m in kind.measured if m.towns)
        note = f"证据：{evidence}，取最高的等级。"
    west, south, east, north = (float(v) for v in shapely.total_bounds(shapes))
    return ThematicMap(
        title=f"{data.place} {data.year} 年{'乡镇风险' if kind is None else f'{kind.title}乡镇'}等级",
        layers=layers,
        bounds=(west, south, east, north),
        labels=labels,
        notes=(note, data.book.title),
        synthetic=result.synthetic,
    )


def draw_matrix(data: RiskAssessment, out: Path) -> Path:
    """Draw kinds of risk against the whole place and its towns, each cell in its grade's colour.

    Raises:
        SetupError: no Chinese font is installed.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    rows: Sequence[str] = ("全域", *data.towns)
    figure = Figure(figsize=(7.2, 1.3 + 0.3 * len(rows)), dpi=_DPI)
    axes: Any = figure.subplots()
    for x, kind in enumerate(data.kinds):
        for y, row in enumerate(rows):
            grade = kind.grade if y == 0 else kind.towns.get(row, "")
            colour = data.book.colour(grade) if grade else "#f4f5f6"
            axes.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", lw=1.5))
            axes.text(
                x + 0.5, y + 0.5, grade or "—", ha="center", va="center",
                fontproperties=font(8, bold=y == 0), color="white" if grade else "#8a8f94",
            )  # fmt: skip
    axes.set(xlim=(0, len(data.kinds)), ylim=(len(rows), 0))
    axes.set_xticks([x + 0.5 for x in range(len(data.kinds))], [k.title for k in data.kinds])
    axes.set_yticks([y + 0.5 for y in range(len(rows))], rows)
    axes.xaxis.tick_top()
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font(8))
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    handles = [Patch(color=g.colour, label=g.name) for g in data.book.grades]
    figure.legend(
        handles=handles, prop=font(8), frameon=False, loc="lower center", ncols=len(handles)
    )
    figure.tight_layout(rect=(0, 0.3 / figure.get_figheight(), 1, 1))
    figure.savefig(out)
    return out
