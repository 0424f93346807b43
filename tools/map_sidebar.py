"""Draw the column beside the map: location, north, scale, verdict, legend with areas, notes.

Coordinates are millimetres of the column, y upward; drawing proceeds downward.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Polygon, Rectangle
from matplotlib.path import Path as Outline

from tools.land_use import UNCOVERED
from tools.map_content import Conflict, ControlLine, Sheet
from tools.map_labels import MM_PER_POINT, text_width_mm, wrap
from tools.map_style import (
    INK,
    PALE,
    PROJECT_EDGE,
    VERDICTS,
    class_style,
    font,
    line_style,
    outline,
)

WIDTH, HEIGHT = 70.0, 168.0
SWATCH_MM = 8.0
HEAD_MM = 5.8
HEAD_SIZE, ROW_SIZE, NOTE_SIZE = 9.5, 8.0, 6.3
MOST_CLASSES = 15
MOST_ROWS = 34
"""Of the whole legend; with many lines fewer classes are named."""
MOST_LINE_ROWS = 18
MOST_MISSING = 2


@dataclass(frozen=True)
class Row:
    """One legend entry: a swatch, words, and a figure or a word at the right."""

    text: str
    value: str = ""
    style: dict[str, Any] = field(default_factory=dict)
    """Patch properties of the swatch; `hatch_width` in points."""
    line_only: bool = False
    strong: bool = False


def draw_sidebar(axes: Axes, sheet: Sheet) -> None:
    """Fill the column from the top; notes stand at its foot."""
    y = _draw_orientation(axes, sheet)
    y = _draw_verdict(axes, sheet, y - 2.5)
    foot = _draw_notes(axes, sheet)
    lines = _line_rows(sheet)
    classes = _class_rows(sheet, min(MOST_CLASSES, max(5, MOST_ROWS - len(lines))))
    gap = 2.0
    room = y - foot - 2 * (gap + HEAD_MM) - 1.0
    height = min(5.6, room / (len(lines) + len(classes)))
    y = _draw_heading(axes, "图例", "面积（公顷）", y - gap)
    for row in lines:
        y = _draw_row(axes, row, y, height)
    y = _draw_heading(axes, "用地现状（一级类）", "项目内（公顷）", y - gap)
    for row in classes:
        y = _draw_row(axes, row, y, height)


def _draw_orientation(axes: Axes, sheet: Sheet) -> float:
    """Draw the location map, the north arrow, the numeric scale and the scale bar."""
    bottom, left = HEIGHT - 32.0, 0.0
    if sheet.county is not None:
        left = _draw_location(axes, sheet, bottom)
    middle = (left + WIDTH) / 2
    tip = HEIGHT - 5.5
    for side, colour in ((-1, INK), (1, "white")):
        corners = [(middle, tip), (middle + 2.6 * side, tip - 10.5), (middle, tip - 8.2)]
        axes.add_patch(Polygon(corners, closed=True, fc=colour, ec=INK, lw=0.8))
    axes.text(middle, HEIGHT - 0.5, "北", fontproperties=font(9, bold=True), ha="center", va="top")
    axes.text(
        middle, bottom + 11.5, f"1:{sheet.scale:,.0f}".replace(",", " "),
        fontproperties=font(9, bold=True), ha="center", va="center", color=INK,
    )  # fmt: skip
    _draw_scale_bar(axes, sheet.scale, middle, bottom + 5.5, WIDTH - left - 8)
    return bottom


def _draw_scale_bar(axes: Axes, scale: float, middle: float, y: float, most: float) -> None:
    """Draw four alternating fields of a round ground length."""
    longest = min(most, 34.0) * scale / 1000 / 4
    power = 10.0 ** np.floor(np.log10(longest))
    step = max(m * power for m in (1.0, 2.0, 2.5, 5.0) if m * power <= longest)
    width = step * 1000 / scale
    left = middle - 2 * width
    for i in range(4):
        colour = INK if i % 2 == 0 else "white"
        axes.add_patch(Rectangle((left + i * width, y), width, 1.3, fc=colour, ec=INK, lw=0.6))
    unit, divisor = ("千米", 1000) if 4 * step >= 2000 else ("米", 1)
    for i in (0, 2, 4):
        text = f"{i * step / divisor:g}" + (unit if i == 4 else "")
        axes.text(
            left + i * width, y - 0.8, text,
            fontproperties=font(6.5), ha="center", va="top", color=INK,
        )  # fmt: skip


def _draw_location(axes: Axes, sheet: Sheet, bottom: float) -> float:
    """Draw the county with the project's place; returns the right edge."""
    side = 31.0
    assert sheet.county is not None
    min_x, min_y, max_x, max_y = sheet.county.bounds
    factor = (side - 4) / max(max_x - min_x, max_y - min_y)
    shape = outline([sheet.county.simplify(0.2 / factor)])

    def to_column(xy: Any) -> Any:
        centre = np.array([(min_x + max_x) / 2, (min_y + max_y) / 2])
        return (xy - centre) * factor + np.array([side / 2 + 0.3, bottom + side / 2])

    axes.add_patch(Rectangle((0.3, bottom), side, side, fc="#f8f9fa", ec=INK, lw=0.6))
    path = Outline(to_column(shape.vertices), shape.codes)
    axes.add_patch(PathPatch(path, fc="#e9ecef", ec="#495057", lw=0.7))
    corners = np.array([sheet.window[:2], sheet.window[2:]])
    (x0, y0), (x1, y1) = to_column(corners)
    x, y = to_column(np.array(sheet.project.centroid.coords[0]))
    if 2.5 < max(x1 - x0, y1 - y0) < side:
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=PROJECT_EDGE, lw=0.8))
    axes.plot([x], [y], "*", color=PROJECT_EDGE, ms=8, mec="white", mew=0.6)
    axes.text(1.3, bottom + side - 1, sheet.place, fontproperties=font(6.5), va="top", color=INK)
    return side


def _draw_verdict(axes: Axes, sheet: Sheet, top: float) -> float:
    compliance = sheet.compliance
    colour = VERDICTS.get(compliance.verdict, INK)
    lines = wrap(compliance.headline, WIDTH - 5, ROW_SIZE, most=5)
    step = ROW_SIZE * MM_PER_POINT * 1.42
    height = 8.6 + step * len(lines)
    axes.add_patch(
        Rectangle((0.3, top - height), WIDTH - 0.6, height, fc="#f8f9fa", ec=colour, lw=1)
    )
    axes.add_patch(Rectangle((0.3, top - 6.4), WIDTH - 0.6, 6.4, fc=colour, ec=colour, lw=1))
    axes.text(
        WIDTH / 2, top - 3.3, f"检查结论：{compliance.verdict}",
        fontproperties=font(10.5, bold=True), color="white", ha="center", va="center",
    )  # fmt: skip
    for i, line in enumerate(lines):
        axes.text(
            2.5, top - 7.6 - step * (i + 0.5), line,
            fontproperties=font(ROW_SIZE), color=INK, va="center",
        )  # fmt: skip
    return top - height


def _line_rows(sheet: Sheet) -> list[Row]:
    """Legend of the project, the lines in the view and the conflicts with them.

    Where there are very many, a line that is in conflict has the conflict's row alone.
    """
    rows = [
        Row(
            "项目用地范围", f"{sheet.compliance.area_ha:.4f}",
            {"fc": "none", "ec": PROJECT_EDGE, "lw": 2.2}, strong=True,
        )
    ]  # fmt: skip
    groups: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in sheet.conflicts:
        groups[conflict.group].append(conflict)
    crowded = len(sheet.lines) + len(groups) > MOST_LINE_ROWS
    for line in sheet.lines:
        own = [g for g, found in groups.items() if found[0].role == line.role]
        if not line.missing and not (crowded and own and line.overlap is not None):
            rows.append(_line_row(line))
        rows += [_conflict_row(sheet, groups.pop(group), line) for group in own]
    rows += [_conflict_row(sheet, found, None) for found in groups.values()]
    return rows + _missing_rows(sheet)


def _line_row(line: ControlLine) -> Row:
    style = line_style(line.role)
    swatch: dict[str, Any] = {"fc": "none", "ec": style.edge, "lw": style.width}
    if style.hatch:
        swatch |= {
            "fc": style.face, "hatch": style.hatch,
            "hatchcolor": style.hatch_colour, "hatch_width": 0.5,
        }  # fmt: skip
    swatch["ls"] = (0, style.dash) if style.dash else "solid"
    return Row(line.title, "", swatch, bool(style.dash) or line.overlap is None)


def _conflict_row(sheet: Sheet, found: list[Conflict], line: ControlLine | None) -> Row:
    """Legend of one group of patches; areas on a line or in zones are those of the tables."""
    style = line_style(found[0].role)
    area, words = sum(conflict.area_ha for conflict in found), found[0].title
    outside = line is not None and line.outside
    if line is not None and line.overlap is not None:
        area = (line.overlap.outside_ha if outside else line.overlap.area_ha) or 0.0
        words = style.conflict_title if style.title else f"{line.title}{'外' if outside else '内'}"
    elif not found[0].rule:
        words = words.split("（")[0]
        zones = {conflict.zone for conflict in found}
        rows = [z for z in sheet.compliance.zones if z.role == found[0].role and z.code in zones]
        area = sum(zone.area_ha for zone in rows)
    on_line = line is not None and line.overlap is not None and not outside
    shade = "66" if on_line else "30"
    patch = {"fc": style.conflict + shade, "ec": style.conflict, "lw": 0.9}
    return Row(words, f"{area:.4f}", patch, strong=True)


def _missing_rows(sheet: Sheet) -> list[Row]:
    """Name the lines without a layer; many of them in one row."""
    missing = [line.title for line in sheet.lines if line.missing]
    if len(missing) > MOST_MISSING:
        missing = [f"{missing[0]}等 {len(missing)} 条控制线"]
    return [
        Row(title, "缺图层", {"fc": "white", "ec": PALE, "ls": (0, (2, 2))}) for title in missing
    ]


def _class_rows(sheet: Sheet, most: int) -> list[Row]:
    """Legend of land use in the window, with the areas of the result summed by first-level class."""
    compliance = sheet.compliance
    areas: dict[str, float] = defaultdict(float)
    for row in compliance.codes:
        areas[row.code if row.code == UNCOVERED else row.code[:2]] += row.area_ha
    uncovered = areas.pop(UNCOVERED, 0.0)
    shown = sorted({*sheet.land_use, *areas}, key=lambda code: (-areas.get(code, 0.0), code))
    rows = []
    for code in sorted(shown[:most]):
        name, colour = class_style(compliance.code_scheme, code)
        value = f"{areas[code]:.4f}" if areas.get(code) else "—"
        rows.append(Row(f"{code} {name}", value, {"fc": colour, "ec": "#868e96", "lw": 0.4}))
    if len(shown) > most:
        rest = sum(areas.get(code, 0.0) for code in shown[most:])
        rows.append(Row("其他地类", f"{rest:.4f}" if rest else "—", {"fc": "white", "ec": PALE}))
    if uncovered:
        rows.append(Row("无地类数据", f"{uncovered:.4f}", {"fc": "white", "ec": PALE, "lw": 0.4}))
    return rows


def _draw_heading(axes: Axes, text: str, unit: str, top: float) -> float:
    y = top - HEAD_MM * 0.42
    axes.text(0.5, y, text, fontproperties=font(HEAD_SIZE, bold=True), va="center", color=INK)
    axes.text(WIDTH - 0.5, y, unit, fontproperties=font(6.5), va="center", ha="right", color=PALE)
    axes.add_line(Line2D([0.3, WIDTH - 0.3], [top - HEAD_MM * 0.88] * 2, color=INK, lw=0.7))
    return top - HEAD_MM


def _draw_row(axes: Axes, row: Row, top: float, height: float) -> float:
    y, tall = top - height / 2, min(height * 0.66, 3.7)
    style = dict(row.style)
    if row.line_only:
        axes.add_line(
            Line2D(
                [0.6, 0.6 + SWATCH_MM], [y, y], color=style["ec"], lw=style["lw"], ls=style["ls"]
            )
        )
    else:
        hatch_width = style.pop("hatch_width", None)
        swatch = Rectangle((0.8, y - tall / 2), SWATCH_MM - 0.4, tall, **style)
        if hatch_width is not None:
            swatch.set_hatch_linewidth(hatch_width)
        axes.add_patch(swatch)
    size = min(ROW_SIZE, height / MM_PER_POINT * 0.72)
    room = WIDTH - SWATCH_MM - 3 - text_width_mm(row.value, size)
    size_of_text = min(size, size * room / max(text_width_mm(row.text, size), 1e-6))
    axes.text(
        SWATCH_MM + 2.2, y, row.text,
        fontproperties=font(size_of_text, bold=row.strong), va="center", color=INK,
    )  # fmt: skip
    axes.text(
        WIDTH - 0.5, y, row.value,
        fontproperties=font(size, bold=row.strong), va="center", ha="right",
        color=PALE if row.value == "缺图层" else INK,
    )  # fmt: skip
    return top - height


def _draw_notes(axes: Axes, sheet: Sheet) -> float:
    """Write the notes from the bottom up; returns their upper edge."""
    notes = [
        f"坐标系：{sheet.crs}；图廓注记单位：千米",
        "面积：CGCS2000 椭球面积，取自检查结果",
        f"数据时点：{sheet.data_date}　检查日期：{sheet.compliance.asked_on.isoformat()}",
    ]
    if sheet.synthetic:
        notes.append("本图所用为合成数据，仅供演示，不反映任何真实地块")
    lines = [part for note in notes for part in wrap(note, WIDTH - 1, NOTE_SIZE, most=3)]
    step = NOTE_SIZE * MM_PER_POINT * 1.45
    top = step * len(lines) + 1.0
    axes.add_line(Line2D([0.3, WIDTH - 0.3], [top] * 2, color=INK, lw=0.7))
    for i, line in enumerate(lines):
        axes.text(
            0.5, top - 1.0 - step * (i + 0.5), line,
            fontproperties=font(NOTE_SIZE), va="center", color=PALE,
        )  # fmt: skip
    return top
