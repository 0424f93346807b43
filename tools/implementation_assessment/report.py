"""The report of the implementation assessment: Word, Markdown, charts, map, record, patches."""

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.schemas.spatial import ToolResult
from tools.assessment.assess import Assessed
from tools.assessment.charts import MOST_PANELS, draw_overview, draw_series
from tools.assessment.tool import in_order
from tools.implementation_assessment.tool import RHYTHMS, Implementation
from tools.indicators.workbook import write_workbook
from tools.map_style import font
from tools.outputs import published_together
from tools.result_files import Picture, save_tool_result
from tools.thematic_map import MapLabel, MapLayer, ThematicMap, draw_map

STEM = "规划实施评估报告"
_INK = "#22282d"
_DPI = 160


def save_implementation(
    result: ToolResult, folder: Path
) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Write the report with its charts and map; the matrix stands in the workbook and as a picture.

    Raises:
        SetupError: the folder cannot be written.
    """
    data = Implementation.model_validate(result.data)
    pictures = [
        Picture("overview.png", "各指标偏离程度", partial(draw_overview, data.items, data.grades)),
        Picture("layout.png", "各类规划用途的现状", partial(draw_layout, data)),
        Picture("matrix.png", "规划与现状面积转移矩阵", partial(draw_matrix, data)),
    ]
    drawn = [a for a in in_order(data.items) if len(a.points) > 1]
    for number, start in enumerate(range(0, len(drawn), MOST_PANELS), start=1):
        part: list[Assessed] = drawn[start : start + MOST_PANELS]
        pictures.append(
            Picture(
                f"series_{number}.png",
                f"指标逐年变化（{number}）",
                partial(draw_series, part, data.grades),
            )
        )
    if result.layers and result.layers[0].features:
        sheet = layout_map(data, result)
        pictures.append(Picture("map.png", "规划与现状不一致的图斑", partial(draw_map, sheet)))
    files, notices = save_tool_result(
        result,
        folder,
        title=f"{data.place}国土空间规划{RHYTHMS[data.rhythm]}报告",
        lead=_lead(data),
        pictures=pictures,
        sections=[_procedure(data), _method(data)],
        skip=("matrix",),
        stem=STEM,
    )
    with published_together(folder) as draft:
        write_workbook(result.tables, draft / f"{STEM}.xlsx")
    return {**files, "xlsx": folder / f"{STEM}.xlsx"}, notices


def _lead(data: Implementation) -> list[str]:
    grades = Counter(a.grade for a in data.items)
    counted = "，".join(f"{name} {grades[name]} 个" for name in data.grades.names if grades[name])
    layout = data.layout
    parts = "，".join(f"{word} {ha:.2f} 公顷" for word, ha in layout.judged_ha.items())
    text = [
        f"评估年：{data.year} 年。{data.headline}",
        f"指标：共 {len(data.items)} 个，{counted}。",
        f"布局：规划（{layout.plan_date}）与现状（{layout.present_date}）叠加 {layout.total_ha:.2f} 公顷，{parts}。",
    ]
    if data.projects:
        states = Counter(p.judgement for p in data.projects)
        text.append(
            f"项目：{len(data.projects)} 个，"
            + "，".join(f"{k} {n} 个" for k, n in states.items())
            + "。"
        )
    if data.policies:
        states = Counter(p.judgement for p in data.policies)
        text.append(
            f"政策：{len(data.policies)} 项，"
            + "，".join(f"{k} {n} 项" for k, n in states.items())
            + "。"
        )
    return [
        *text,
        f"由数字得出的问题 {len(data.problems)} 条，见下表；成因分析和修改建议须由编制机关补充。",
    ]


def _procedure(data: Implementation) -> str:
    lines = [
        "## 后续程序",
        "1. 采取论证会、听证会或者其他方式征求公众意见，意见情况附于评估报告（城乡规划法第四十六条）。",
        "2. 向本级人民代表大会常务委员会和原审批机关提出评估报告（城乡规划法第四十六条）。",
    ]
    if data.rhythm == "five_year":
        lines.append(
            "3. 认为确需修改规划的，对照城乡规划法第四十七条所列情形逐项论证，由原审批机关决定；"
            "本报告不判断是否具备修改条件。"
        )
    return "\n\n".join([lines[0], "\n".join(lines[1:])])


def _method(data: Implementation) -> str:
    book = data.book
    groups = "；".join(
        f"{book.families[f]}：{'、'.join(g.title for g in book.groups if g.family == f)}"
        for f in book.families
    )
    return "\n\n".join(
        [
            "## 方法与须确认的事项",
            f"{book.source}。归类：{groups}。",
            f"指标集 {data.set.id} 版本 {data.set.version}：{data.set.source}。",
            f"- {book.title}：{book.to_confirm}\n- {data.grades.title}：{data.grades.to_confirm}",
        ]
    )


def layout_map(data: Implementation, result: ToolResult) -> ThematicMap:
    """Draw the patches of each judgement that is mapped."""
    features = result.layers[0].features
    shapes = np.array([shapely.geometry.shape(f["geometry"]) for f in features], dtype=object)
    words = np.array([f["properties"]["judgement"] for f in features])
    areas = np.array([f["properties"]["area_ha"] for f in features])
    layers = [
        MapLayer(
            word, shapes[words == word], face=data.book.colours[word],
            edge=data.book.colours[word],
            width=1.4 if word == data.book.to_map[0] else 0.4, value=f"{areas[words == word].sum():.2f} 公顷",
        )
        for word in reversed(data.book.to_map)
        if (words == word).any()
    ]  # fmt: skip
    towns = next((layer.features for layer in result.layers if layer.name == "towns"), ())
    outlines = np.array([shapely.geometry.shape(f["geometry"]) for f in towns], dtype=object)
    labels = []
    if len(outlines):
        layers.insert(0, MapLayer("乡镇界", outlines, face="none", edge="#9aa0a6", width=0.6))
        centres = shapely.get_coordinates(shapely.point_on_surface(outlines))
        labels = [
            MapLabel(str(f["properties"]["town"]), float(x), float(y), colour=_INK)
            for f, (x, y) in zip(towns, centres, strict=True)
        ]
    everything = np.concatenate([shapes, outlines])
    west, south, east, north = (float(v) for v in shapely.total_bounds(everything))
    return ThematicMap(
        title=f"{data.place}规划与现状不一致的图斑（{data.year} 年）",
        layers=layers,
        labels=labels,
        bounds=(west, south, east, north),
        notes=(
            f"规划用途 {data.layout.plan_date}，现状用地 {data.layout.present_date}；"
            f"只画不小于 {data.layout.sliver_m2:g} 平方米的图斑。",
            data.book.title,
        ),
        synthetic=result.synthetic,
    )


def draw_layout(data: Implementation, out: Path) -> Path:
    """Draw for each planned class how its area stands to present use, in percent.

    Raises:
        SetupError: no Chinese font is installed.
    """
    from matplotlib.figure import Figure

    order = [g.title for g in data.book.groups]
    planned = [p for p in order if any(c.planned == p for c in data.layout.cells)]
    figure = Figure(figsize=(7.2, 1.3 + 0.3 * max(len(planned), 3)), dpi=_DPI)
    axes: Any = figure.subplots()
    totals = {p: sum(c.area_ha for c in data.layout.cells if c.planned == p) for p in planned}
    left = dict.fromkeys(planned, 0.0)
    for word in data.book.meanings:
        parts = {
            p: 100 * sum(c.area_ha for c in data.layout.cells if (c.planned, c.judgement) == (p, word)) / totals[p]
            for p in planned
        }  # fmt: skip
        if any(v > 0 for v in parts.values()):
            axes.barh(
                range(len(planned)), [parts[p] for p in planned], height=0.66, label=word,
                left=[left[p] for p in planned], color=data.book.colours[word],
            )  # fmt: skip
            left = {p: left[p] + parts[p] for p in planned}
    axes.set_yticks(range(len(planned)), [f"{p}（{totals[p]:.0f} 公顷）" for p in planned])
    axes.set_ylim(len(planned) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("占规划面积（%）", fontproperties=font(8), color=_INK)
    for label in (*axes.get_yticklabels(), *axes.get_xticklabels()):
        label.set_fontproperties(font(7.5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, prop=font(8), frameon=False, loc="upper center", ncols=max(1, len(labels))
    )
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.32 / figure.get_figheight()))
    figure.savefig(out)
    return out


def draw_matrix(data: Implementation, out: Path) -> Path:
    """Draw planned classes against present ones: hectares in cells coloured by judgement.

    Raises:
        SetupError: no Chinese font is installed.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    cells = {(c.planned, c.present): c for c in data.layout.cells if c.area_ha >= 0.005}
    seen = [g.title for g in data.book.groups] + [c.present for c in data.layout.cells]
    down = [t for t in dict.fromkeys(seen) if any(a == t for a, _ in cells)]
    across = [t for t in dict.fromkeys(seen) if any(b == t for _, b in cells)]
    figure = Figure(figsize=(9.6, 1.9 + 0.3 * len(down)), dpi=_DPI)
    axes: Any = figure.subplots()
    for (a, b), cell in cells.items():
        x, y = across.index(b), down.index(a)
        axes.add_patch(
            Rectangle((x, y), 1, 1, fc=data.book.colours[cell.judgement], alpha=0.75, ec="white")
        )
        text = f"{cell.area_ha:.0f}" if cell.area_ha >= 100 else f"{cell.area_ha:.2f}"
        axes.text(
            x + 0.5, y + 0.5, text, ha="center", va="center", fontproperties=font(6), color=_INK
        )
    axes.set(xlim=(0, len(across)), ylim=(len(down), 0))
    axes.set_xticks([x + 0.5 for x in range(len(across))], across, rotation=40, ha="left")
    axes.set_yticks([y + 0.5 for y in range(len(down))], down)
    axes.xaxis.tick_top()
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_fontproperties(font(7))
    axes.tick_params(length=0)
    axes.set_xlabel(
        "列：现状；行：规划；单位：公顷，不足 0.005 公顷的不列", fontproperties=font(7.5)
    )
    for side in axes.spines.values():
        side.set_visible(False)
    used = [w for w in data.book.meanings if any(c.judgement == w for c in cells.values())]
    handles = [Patch(color=data.book.colours[w], alpha=0.75, label=w) for w in used]
    figure.legend(
        handles=handles, prop=font(8), frameon=False, loc="lower center", ncols=max(1, len(used))
    )
    figure.tight_layout(rect=(0, 0.3 / figure.get_figheight(), 1, 1))
    figure.savefig(out)
    return out
