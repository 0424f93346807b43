"""Charts of the check-up: deviations at a glance, and series against their targets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.assessment.assess import Assessed
from tools.assessment.grades import Grades
from tools.map_style import font

INK, QUIET, LINE = "#22282d", "#8a8f94", "#2b5c8a"
COLUMNS, MOST_PANELS = 3, 12
_WIDEST_PERCENT = 40.0
_DPI = 160


def draw_overview(items: Sequence[Assessed], grades: Grades, out: Path) -> Path:
    """Draw the deviation of each indicator as a bar in the colour of its grade.

    Raises:
        SetupError: no Chinese font is installed.
    """
    from matplotlib.figure import Figure

    shown = sorted((a for a in items if a.deviation_percent is not None), key=_deviation)
    figure = Figure(figsize=(7.2, 1.0 + 0.27 * max(len(shown), 3)), dpi=_DPI)
    axes = figure.subplots()
    for row, item in enumerate(shown):
        percent = _deviation(item)
        bar = max(min(percent, _WIDEST_PERCENT), -_WIDEST_PERCENT)
        axes.barh(row, bar, height=0.62, color=grades.colour(item.grade))
        side, gap = ("left", 0.6) if bar >= 0 else ("right", -0.6)
        axes.text(
            bar + gap, row, f"{percent:+.1f}%", va="center", ha=side, color=INK,
            fontproperties=font(7),
        )  # fmt: skip
    axes.set_yticks(range(len(shown)), [a.now.title for a in shown], fontproperties=font(8))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlim(-_WIDEST_PERCENT - 9, _WIDEST_PERCENT + 9)
    axes.set_xlabel(
        "偏离率（%）：向右为落后于应达值，向左为优于应达值", fontproperties=font(8), color=INK
    )
    _plain(axes)
    present = [name for name in grades.names if any(a.grade == name for a in shown)]
    handles = [axes.barh([-5], [0], color=grades.colour(name), label=name) for name in present]
    axes.set_ylim(-0.7, max(len(shown), 1) - 0.3)
    if handles:
        figure.legend(
            handles=handles, labels=present, prop=font(8), frameon=False, loc="upper center",
            ncols=len(present), bbox_to_anchor=(0.5, 1.0),
        )  # fmt: skip
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))
    figure.savefig(out)
    return out


def draw_series(items: Sequence[Assessed], grades: Grades, out: Path) -> Path:
    """Draw up to twelve series, each with the straight line from base to target.

    Raises:
        SetupError: no Chinese font is installed.
    """
    from matplotlib.figure import Figure

    shown = list(items)[:MOST_PANELS]
    rows = max(1, -(-len(shown) // COLUMNS))
    figure = Figure(figsize=(7.2, 1.75 * rows + 0.35), dpi=_DPI)
    panels = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for panel, item in zip(panels, shown, strict=False):
        _panel(panel, item, grades)
    for panel in panels[len(shown) :]:
        panel.set_axis_off()
    figure.tight_layout(h_pad=1.3, w_pad=1.0, rect=(0, 0.35 / figure.get_figheight(), 1, 1))
    figure.text(
        0.5, 0.1 / figure.get_figheight(),
        "实线：逐年数值；虚线：基期到目标年的直线；空心点：目标值；标题颜色为预警等级",
        ha="center", color=QUIET, fontproperties=font(7.5),
    )  # fmt: skip
    figure.savefig(out)
    return out


def _panel(axes: Any, item: Assessed, grades: Grades) -> None:
    years, values = [p.year for p in item.points], [p.value for p in item.points]
    axes.plot(years, values, color=LINE, linewidth=1.4, marker="o", markersize=2.6)
    if item.target is not None and item.target_year is not None:
        if item.base_value is not None and item.base_year is not None:
            axes.plot(
                [item.base_year, item.target_year], [item.base_value, item.target],
                color=QUIET, linewidth=0.9, linestyle=(0, (4, 3)),
            )  # fmt: skip
        axes.plot(
            [item.target_year], [item.target], marker="o", markersize=4, color=QUIET,
            markerfacecolor="white", linestyle="none",
        )  # fmt: skip
    title = item.now.title if len(item.now.title) <= 12 else f"{item.now.title[:11]}…"
    axes.set_title(
        f"{title}（{item.now.unit}）", fontproperties=font(7.5, bold=True),
        color=grades.colour(item.grade), loc="left",
    )  # fmt: skip
    _plain(axes)
    axes.margins(x=0.06, y=0.18)
    axes.ticklabel_format(axis="both", useOffset=False, style="plain")
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))


def _plain(axes: Any) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=7, colors=INK, length=2)
    for label in (*axes.get_xticklabels(),):
        label.set_fontproperties(font(7))
    axes.grid(axis="x", color="#e6e8ea", linewidth=0.6)
    axes.set_axisbelow(True)


def _deviation(item: Assessed) -> float:
    assert item.deviation_percent is not None
    return item.deviation_percent
