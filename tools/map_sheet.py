"""Draw the sheet of a control-line check with matplotlib's objects, without its global state.

The page is A4 landscape in millimetres. Knows drawing; what is drawn comes as a `Sheet`.
"""

import math
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from shapely.geometry.base import BaseGeometry

from tools.compliance.conflicts import STUDY
from tools.map_content import FRAME_MM, Conflict, Sheet
from tools.map_labels import MM_PER_POINT, place_labels
from tools.map_sidebar import draw_sidebar
from tools.map_style import INK, PROJECT_EDGE, class_style, font, line_style, outline
from tools.rules.lines import PARTITIONS

PAGE_MM = (297.0, 210.0)
DPI = 180
FRAME_AT = (13.0, 13.0)
"""Lower left corner of the map frame on the page."""
SIDEBAR = (219.0, 13.0, 70.0, 168.0)
"""Left, bottom, width and height of the legend column."""
MOST_LABELS = 12
MOST_DISSOLVED = 1_000
"""Above this many features of a control line its inner borders stay, drawn thin."""
LABEL_SIZE = 8.0


def save_sheet(sheet: Sheet, out: Path) -> None:
    """Draw and write the PNG: under a temporary name first, then renamed.

    Raises:
        SetupError: no Chinese font.
    """
    figure = draw_sheet(sheet)
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=".png", dir=out.parent)
    os.close(descriptor)
    try:
        with Path(name).open("wb") as file:
            canvas: Any = FigureCanvasAgg(figure)
            canvas.print_png(
                file,
                metadata={"Title": title(sheet), "Software": "CSPON Planner"},
                pil_kwargs={"compress_level": 3},
            )
        Path(name).chmod(0o644)
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)
        figure.clear()  # frees the artists, which hold the parcels' coordinates


def title(sheet: Sheet) -> str:
    """Return the title of the sheet."""
    return f"{sheet.compliance.project}控制线合规性检查图"


def draw_sheet(sheet: Sheet) -> Figure:
    """Draw the whole page."""
    figure = Figure(figsize=(PAGE_MM[0] / 25.4, PAGE_MM[1] / 25.4), dpi=DPI, facecolor="white")
    page = _axes(figure, (0, 0, *PAGE_MM))
    page.set(xlim=(0, PAGE_MM[0]), ylim=(0, PAGE_MM[1]))
    page.axis("off")
    _draw_title(page, sheet)
    axes = _axes(figure, (*FRAME_AT, *FRAME_MM))
    min_x, min_y, max_x, max_y = sheet.window
    axes.set(xlim=(min_x, max_x), ylim=(min_y, max_y))
    _draw_land_use(axes, sheet)
    _draw_lines(axes, sheet)
    _draw_conflicts(axes, sheet)
    _draw_project(axes, sheet)
    _draw_grid(axes, sheet)
    _draw_labels(axes, sheet)
    if sheet.synthetic:
        _draw_watermark(axes)
    sidebar = _axes(figure, SIDEBAR)
    sidebar.set(xlim=(0, SIDEBAR[2]), ylim=(0, SIDEBAR[3]))
    sidebar.axis("off")
    draw_sidebar(sidebar, sheet)
    return figure


def _axes(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    left, bottom, width, height = place
    return figure.add_axes(
        (left / PAGE_MM[0], bottom / PAGE_MM[1], width / PAGE_MM[0], height / PAGE_MM[1])
    )


def _draw_title(page: Axes, sheet: Sheet) -> None:
    text, size = title(sheet), 20.0
    widest = 250.0
    size = min(size, widest / (len(text) * MM_PER_POINT))
    page.text(
        PAGE_MM[0] / 2, 195, text,
        fontproperties=font(size, bold=True), ha="center", va="center", color=INK,
    )  # fmt: skip
    page.add_patch(Rectangle((4, 4), 289, 202, fill=False, ec=INK, lw=0.6))
    page.add_patch(Rectangle((5.2, 5.2), 286.6, 199.6, fill=False, ec=INK, lw=1.4))
    page.add_patch(Rectangle(FRAME_AT, *FRAME_MM, fill=False, ec=INK, lw=1.6))


def _add(axes: Axes, geometries: Iterable[Any], z: float, **style: Any) -> None:
    hatch_width = style.pop("hatch_width", None)
    patch = PathPatch(outline(geometries), zorder=z, **style)
    if hatch_width is not None:
        patch.set_hatch_linewidth(hatch_width)
    axes.add_artist(patch)  # not add_patch, which walks every vertex for limits that are fixed


def _add_lines(axes: Axes, geometries: Iterable[Any], z: float, **style: Any) -> None:
    """Draw line features as one collection."""
    parts = shapely.get_parts(shapely.get_parts(np.asarray(geometries, dtype=object)))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]
    paths = [shapely.get_coordinates(part) for part in parts]
    axes.add_artist(LineCollection(paths, zorder=z, **style))


def _draw_land_use(axes: Axes, sheet: Sheet) -> None:
    many = sum(map(len, sheet.land_use.values())) > 5_000
    for code, geometries in sheet.land_use.items():
        _, colour = class_style(sheet.compliance.code_scheme, code)
        _add(axes, geometries, 1, fc=colour, ec="#9a9a9a", lw=0.08 if many else 0.25)
    veil = shapely.box(*sheet.window).difference(sheet.project)
    _add(axes, [veil], 2, fc="#ffffff6b", ec="none")


def _draw_lines(axes: Axes, sheet: Sheet) -> None:
    for z, line in enumerate(sheet.lines):
        style = line_style(line.role)
        if not len(line.geometries):
            continue
        few = len(line.geometries) <= MOST_DISSOLVED
        dash = (0, style.dash) if style.dash else "solid"
        if line.overlap is None:
            _add_lines(
                axes, line.geometries, 3.7 + z / 100, color=style.edge, lw=style.width, ls=dash
            )
            continue
        shapes = [shapely.union_all(line.geometries)] if few else line.geometries
        if style.hatch:
            _add(
                axes, shapes, 3 + z / 100,
                fc=style.face, ec="none", hatch=style.hatch, hatchcolor=style.hatch_colour,
                hatch_width=0.5,
            )  # fmt: skip
        width = style.width if few else style.width / 3
        _add(axes, shapes, 3.5 + z / 100, fc="none", ec=style.edge, lw=width, ls=dash)


def _draw_conflicts(axes: Axes, sheet: Sheet) -> None:
    outside = {line.role for line in sheet.lines if line.outside}
    areal = {line.role for line in sheet.lines if line.overlap is not None}
    for group, role in {c.group: c.role for c in sheet.conflicts}.items():
        patches = [c.geometry for c in sheet.conflicts if c.group == group]
        style = line_style(role)
        on_line = role in areal and role not in outside
        alpha = "66" if on_line else "30" if role in outside else "1c"
        _add(axes, patches, 4, fc=style.conflict + alpha, ec="none")
        _add(axes, patches, 4.1, fc="none", ec=style.conflict, lw=0.9)


def _draw_project(axes: Axes, sheet: Sheet) -> None:
    _add(axes, [sheet.project], 5, fc="none", ec="white", lw=4.0, joinstyle="round")
    _add(axes, [sheet.project], 5.1, fc="none", ec=PROJECT_EDGE, lw=2.2, joinstyle="round")


def _draw_grid(axes: Axes, sheet: Sheet) -> None:
    """Draw ticks with kilometre values on all sides, and crosses where grid lines would meet."""
    min_x, min_y, max_x, max_y = sheet.window
    step = grid_step((max_x - min_x) / 5)
    xs = np.arange(math.ceil(min_x / step), math.floor(max_x / step) + 1) * step
    ys = np.arange(math.ceil(min_y / step), math.floor(max_y / step) + 1) * step
    corner = (max_x - min_x) / FRAME_MM[0] * 5  # no value within 5 mm of a corner
    xs = xs[(xs > min_x + corner) & (xs < max_x - corner)]
    ys = ys[(ys > min_y + corner) & (ys < max_y - corner)]
    decimals = max(0, 3 - math.floor(math.log10(step) + 1e-9))
    axes.set_xticks(xs, [f"{x / 1000:.{decimals}f}" for x in xs])
    axes.set_yticks(ys, [f"{y / 1000:.{decimals}f}" for y in ys])
    axes.tick_params(direction="in", top=True, right=True, length=4, width=0.7, pad=2.5)
    for label in axes.get_yticklabels():
        label.set(rotation=90, va="center")
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set_fontproperties(font(6.5))
        label.set_color(INK)
    east, north = (a.ravel() for a in np.meshgrid(xs, ys))
    axes.plot(east, north, "+", color="#495057", ms=6, mew=0.5, zorder=4.5)
    for spine in axes.spines.values():
        spine.set(linewidth=0.8, zorder=8)


def grid_step(about: float) -> float:
    """Return the round number of metres (1, 2 or 5 times a power of ten) nearest below."""
    power = 10.0 ** math.floor(math.log10(about))
    return max(m * power for m in (1, 2, 5) if m * power <= about)


def _draw_labels(axes: Axes, sheet: Sheet) -> None:
    """Label the largest conflict patches, each control line's own first."""
    origin, factor = np.array(sheet.window[:2]), 1000 / sheet.scale
    first = {c.group: c for c in reversed(sheet.conflicts)}
    chosen = [c for c in sheet.conflicts if first[c.group] is c][:MOST_LABELS]
    others = [c for c in sheet.conflicts if first[c.group] is not c and c.role not in PARTITIONS]
    chosen += others[: MOST_LABELS - len(chosen)]

    def on_paper(geometry: BaseGeometry) -> BaseGeometry:
        return shapely.transform(geometry, lambda xy: (xy - origin) * factor).simplify(0.1)

    labels = place_labels(
        [on_paper(c.geometry) for c in chosen],
        [_label(sheet, c) for c in chosen],
        size=LABEL_SIZE,
        frame=FRAME_MM,
        keep_clear=on_paper(sheet.project).boundary,
    )
    for label in labels:
        colour = line_style(chosen[label.index].role).conflict
        x, y = np.array(label.centre) / factor + origin
        if label.anchor is not None:
            ax, ay = np.array(label.anchor) / factor + origin
            axes.add_line(Line2D([ax, x], [ay, y], color=colour, lw=0.8, zorder=6))
            axes.plot([ax], [ay], "o", color=colour, ms=3, mec="white", mew=0.5, zorder=6.1)
        axes.text(
            x, y, label.text,
            fontproperties=font(LABEL_SIZE, bold=True), color=colour, ha="center", va="center",
            zorder=7,
            bbox={"boxstyle": "round,pad=0.22", "fc": "#ffffffe6", "ec": colour, "lw": 0.7},
        )  # fmt: skip


def _label(sheet: Sheet, conflict: Conflict) -> str:
    """Name a patch with its number, where its line has several, and its hectares."""
    several = sum(c.group == conflict.group for c in sheet.conflicts) > 1
    digits = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
    number = conflict.number
    mark = digits[number - 1] if number <= len(digits) else f"（{number}）"
    short = line_style(conflict.role).short
    if STUDY in conflict.title:
        short = short.replace("不符", "待论证")
    return f"{short}{mark if several else ''} {conflict.area_ha:.4f} 公顷"


def _draw_watermark(axes: Axes) -> None:
    for x, y in ((0.22, 0.8), (0.78, 0.8), (0.22, 0.2), (0.78, 0.2)):
        axes.text(
            x, y, "合成数据",
            transform=axes.transAxes, fontproperties=font(34, bold=True), color="#343a40",
            alpha=0.13, rotation=28, ha="center", va="center", zorder=4.8,
        )  # fmt: skip
