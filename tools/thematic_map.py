"""A plain thematic map: filled areas, lines and labels with a legend, on an A4 landscape PNG.

Knows drawing only; colours and words come from the caller. The sheet of the compliance check, with
its verdict and conflict labels, is `tools.map_sheet`.
"""

import math
import os
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

_drawing = threading.Lock()
FRAME = (13.0, 13.0, 205.0, 168.0)
"""Left, bottom, width and height of the map on the page, mm."""
PAGE = (297.0, 210.0)
MARGIN = 0.06
MOST_LEGEND = 26
LABEL_MM = 4.5


@dataclass(frozen=True)
class MapLayer:
    """Features that are drawn alike; polygons are filled, lines are not."""

    title: str
    """In the legend; empty: not there."""
    geometries: npt.NDArray[Any]
    face: str = "none"
    edge: str = "#495057"
    width: float = 0.6
    hatch: str = ""
    dash: tuple[float, ...] = ()
    value: str = ""
    """At the right of the legend, e.g. an area."""


@dataclass(frozen=True)
class MapImage:
    """A raster below all layers, with a legend of its own."""

    rgba: npt.NDArray[np.uint8]
    """Rows × columns × 4, the first row is the northernmost."""
    bounds: tuple[float, float, float, float]
    legend: Sequence[tuple[str, str, str]]
    """Title, #rrggbb, and the words at the right, e.g. an area."""


@dataclass(frozen=True)
class MapLabel:
    """Words at a place."""

    text: str
    x: float
    y: float
    colour: str = "#c92a2a"


@dataclass(frozen=True)
class ThematicMap:
    """What the sheet shows."""

    title: str
    layers: Sequence[MapLayer]
    """The first is drawn first."""
    bounds: tuple[float, float, float, float]
    labels: Sequence[MapLabel] = ()
    notes: Sequence[str] = ()
    synthetic: bool = False
    image: MapImage | None = None


def draw_map(sheet: ThematicMap, out: Path) -> Path:
    """Draw and write the PNG: under a temporary name first, then renamed.

    Raises:
        SetupError: no font with Chinese glyphs is installed.
    """
    with _drawing:
        return _draw(sheet, out)


def _draw(sheet: ThematicMap, out: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    from tools.map_style import INK, font

    figure = Figure(figsize=(PAGE[0] / 25.4, PAGE[1] / 25.4), dpi=160, facecolor="white")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, PAGE[0]), ylim=(0, PAGE[1]))
    page.axis("off")
    page.text(
        PAGE[0] / 2, 194, sheet.title,
        fontproperties=font(min(20, 700 / max(1, len(sheet.title))), bold=True),
        ha="center", va="center", color=INK,
    )  # fmt: skip
    page.add_patch(Rectangle((4, 4), 289, 202, fill=False, ec=INK, lw=1.2))
    left, bottom, width, height = FRAME
    axes = figure.add_axes((left / PAGE[0], bottom / PAGE[1], width / PAGE[0], height / PAGE[1]))
    window, scale = window_of(sheet.bounds)
    axes.set(xlim=(window[0], window[2]), ylim=(window[1], window[3]), xticks=[], yticks=[])
    if sheet.image is not None:
        west, south, east, north = sheet.image.bounds
        axes.imshow(
            sheet.image.rgba, extent=(west, east, south, north), interpolation="nearest", zorder=-1
        )
        axes.set(xlim=(window[0], window[2]), ylim=(window[1], window[3]), aspect="auto")
    for z, layer in enumerate(sheet.layers):
        _draw_layer(axes, layer, z)
    for label in _legible(sheet.labels, scale):
        axes.text(
            label.x, label.y, label.text, color=label.colour, zorder=100, ha="center", va="center",
            fontproperties=font(8, bold=True),
            bbox={"boxstyle": "round,pad=0.15", "fc": "#ffffffd0", "ec": label.colour, "lw": 0.5},
        )  # fmt: skip
    if sheet.synthetic:
        for x, y in ((0.25, 0.75), (0.75, 0.75), (0.25, 0.25), (0.75, 0.25)):
            axes.text(
                x, y, "合成数据", transform=axes.transAxes, fontproperties=font(30, bold=True),
                color="#343a40", alpha=0.12, rotation=28, ha="center", va="center", zorder=90,
            )  # fmt: skip
    _draw_side(page, sheet, scale)
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{out.stem}-", suffix=".png", dir=out.parent)
    os.close(descriptor)
    try:
        with Path(name).open("wb") as file:
            canvas: Any = FigureCanvasAgg(figure)
            canvas.print_png(file, metadata={"Title": sheet.title, "Software": "CSPON Planner"})
        Path(name).chmod(0o644)
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)
        figure.clear()
    return out


def _legible(labels: Sequence[MapLabel], scale: float) -> list[MapLabel]:
    """Leave out labels that would lie over an earlier one."""
    shown: list[MapLabel] = []
    for label in labels:
        wide = (2.0 * len(label.text) + 4.0) * scale / 1000
        if all(
            abs(label.x - other.x) > wide or abs(label.y - other.y) > LABEL_MM * scale / 1000
            for other in shown
        ):
            shown.append(label)
    return shown


def window_of(
    bounds: tuple[float, float, float, float],
) -> tuple[tuple[float, float, float, float], float]:
    """Return the window on the ground in the frame's shape, and the scale's denominator."""
    min_x, min_y, max_x, max_y = bounds
    width = max(max_x - min_x, 50.0) * (1 + 2 * MARGIN)
    height = max(max_y - min_y, 50.0) * (1 + 2 * MARGIN)
    scale = max(width / FRAME[2], height / FRAME[3]) * 1000
    half_x, half_y = scale * FRAME[2] / 2000, scale * FRAME[3] / 2000
    x, y = (min_x + max_x) / 2, (min_y + max_y) / 2
    return (x - half_x, y - half_y, x + half_x, y + half_y), scale


def _draw_layer(axes: Any, layer: MapLayer, z: int) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patches import PathPatch

    from tools.map_style import outline

    dash = (0, layer.dash) if layer.dash else "solid"
    parts = shapely.get_parts(shapely.get_parts(np.asarray(layer.geometries, dtype=object)))
    kinds = shapely.get_type_id(parts)
    lines = parts[kinds == shapely.GeometryType.LINESTRING]
    if len(lines):
        paths = [shapely.get_coordinates(line) for line in lines]
        axes.add_artist(
            LineCollection(
                paths, colors=layer.edge, linewidths=layer.width, linestyles=dash, zorder=z
            )
        )
    points = shapely.get_coordinates(parts[kinds == shapely.GeometryType.POINT])
    if len(points):
        axes.plot(
            points[:, 0], points[:, 1], "o", ms=4, mfc=layer.face, mec=layer.edge, mew=0.5, zorder=z
        )
    areas = parts[kinds == shapely.GeometryType.POLYGON]
    if len(areas):
        axes.add_artist(
            PathPatch(
                outline(areas), fc=layer.face, ec=layer.edge, lw=layer.width, ls=dash,
                hatch=layer.hatch or None, zorder=z,
            )
        )  # fmt: skip


def _draw_side(page: Any, sheet: ThematicMap, scale: float) -> None:
    """Draw north, scale bar, legend and notes."""
    from matplotlib.patches import Polygon, Rectangle

    from tools.map_labels import text_width_mm, wrap
    from tools.map_style import INK, PALE, font

    left = 223.0
    page.add_patch(Polygon([(230, 168), (233, 180), (236, 168), (233, 171)], fc=INK, ec="none"))
    page.text(233, 182.5, "北", fontproperties=font(9, bold=True), ha="center", color=INK)
    ground = 40.0 * scale / 1000
    power = 10.0 ** math.floor(math.log10(ground))
    length = max(m * power for m in (1.0, 2.0, 5.0) if m * power <= ground)
    bar = length * 1000 / scale
    page.add_patch(Rectangle((245, 172), bar / 2, 1.5, fc=INK, ec=INK, lw=0.5))
    page.add_patch(Rectangle((245 + bar / 2, 172), bar / 2, 1.5, fc="white", ec=INK, lw=0.5))
    words = f"{length / 1000:g} 千米" if length >= 1000 else f"{length:g} 米"
    page.text(245, 169, "0", fontproperties=font(7), ha="center", color=INK)
    page.text(245 + bar, 169, words, fontproperties=font(7), ha="center", color=INK)
    page.text(left, 158, "图例", fontproperties=font(10, bold=True), color=INK)
    y = 151.0
    for title, colour, words in sheet.image.legend if sheet.image is not None else ():
        page.add_patch(Rectangle((left, y - 0.5), 7, 3.2, fc=colour, ec=INK, lw=0.3))
        room = 290 - left - 10 - (text_width_mm(words, 7.5) + 2 if words else 0)
        page.text(
            left + 9, y, wrap(title, room, 7.5, most=1)[0], fontproperties=font(7.5), color=INK
        )
        page.text(290, y, words, fontproperties=font(7.5), color=INK, ha="right")
        y -= 4.7
    shown = [layer for layer in sheet.layers if layer.title and len(layer.geometries)]
    for layer in shown[:MOST_LEGEND]:
        if layer.face == "none" and not layer.hatch:
            page.plot([left, left + 7], [y + 1, y + 1], color=layer.edge, lw=max(layer.width, 0.8),
                      ls=(0, layer.dash) if layer.dash else "solid")  # fmt: skip
        else:
            page.add_patch(
                Rectangle((left, y - 0.5), 7, 3.2, fc=layer.face, ec=layer.edge, lw=0.6,
                          hatch=layer.hatch or None)
            )  # fmt: skip
        room = 290 - left - 10 - (text_width_mm(layer.value, 7.5) + 2 if layer.value else 0)
        title = wrap(layer.title, room, 7.5, most=1)[0]
        page.text(left + 9, y, title, fontproperties=font(7.5), color=INK)
        if layer.value:
            page.text(290, y, layer.value, fontproperties=font(7.5), color=INK, ha="right")
        y -= 4.7
    if len(shown) > MOST_LEGEND:
        page.text(
            left,
            y,
            f"另有 {len(shown) - MOST_LEGEND} 类未列出",
            fontproperties=font(6.5),
            color=PALE,
        )
    lines = [line for note in sheet.notes for line in wrap(note, 66, 6.5, most=6)]
    for number, line in enumerate(reversed(lines)):
        page.text(left, 8 + number * 3.1, line, fontproperties=font(6.5), color=PALE)
