"""A sensitivity as a table and as a plot, in one order."""

from pathlib import Path
from typing import Any

from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.sensitivity import Sensitivity

MOST_SHOWN = 12


def sensitivity_table(found: Sensitivity) -> Table:
    """Return the effects as a table."""
    return Table(
        name=f"sensitivity_{found.part}",
        title=f"{found.title}阈值敏感性",
        columns=(
            Column(key="title", title="阈值"),
            Column(key="lower", title=f"降低 {found.spread:.0%} 时{found.class_title}面积变化", unit="公顷"),
            Column(key="higher", title=f"提高 {found.spread:.0%} 时{found.class_title}面积变化", unit="公顷"),
            Column(key="mu", title="Morris μ*", unit="公顷"),
            Column(key="sigma", title="Morris σ", unit="公顷"),
        ),
        rows=tuple(
            {
                "title": e.threshold.title, "lower": round(e.lower_ha, 4),
                "higher": round(e.higher_ha, 4), "mu": round(e.mu_star, 4), "sigma": round(e.sigma, 4),
            }
            for e in found.effects
        ),
        note=f"基准面积 {found.base_ha:,.1f} 公顷；每次只动一个阈值，另以 Morris 法同时变动（{found.runs} 次计算）。"
        f"μ* 为阈值走过整个变动范围的平均影响，σ 大表示影响随其他阈值而变。"
        + (f"每 {found.thinning} 个像元取一个计算。" if found.thinning > 1 else ""),
    )  # fmt: skip


def sensitivity_figure(found: Sensitivity) -> Any:
    """Return the figure: a row a threshold in the order of the table, those without effect left out.

    Raises:
        SetupError: no font with Chinese glyphs is installed.
    """
    from matplotlib.figure import Figure

    from tools.map_style import INK, font

    effects = [e for e in found.effects if e.largest or e.mu_star]
    shown = effects[:MOST_SHOWN] or list(found.effects[:6])
    rows = max(len(shown), 3)
    figure = Figure(figsize=(10.5, 2.2 + 0.42 * rows), dpi=150, facecolor="white")
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1.0))
    words = found.class_title
    for k, effect in enumerate(shown):
        first = k == 0
        left.barh(
            k - 0.18, effect.lower_ha, color="#4dabf7", height=0.34,
            label=f"阈值降低 {found.spread:.0%}" if first else None,
        )  # fmt: skip
        left.barh(
            k + 0.18, effect.higher_ha, color="#f76707", height=0.34,
            label=f"阈值提高 {found.spread:.0%}" if first else None,
        )  # fmt: skip
        right.barh(k, effect.mu_star, color="#868e96", height=0.5, label="μ*" if first else None)
        right.plot([effect.sigma], [k], "o", color="#c92a2a", ms=5, label="σ" if first else None)
    left.set_yticks(range(len(shown)), [e.threshold.title for e in shown], fontproperties=font(8.5))
    right.set_yticks([])
    left.axvline(0, color=INK, lw=0.8)
    for axes, label in ((left, f"{words}面积变化（公顷）"), (right, "Morris 法的影响（公顷）")):
        axes.set_ylim(rows - 0.4, -0.6)
        axes.set_xlabel(label, fontproperties=font(8.5))
        axes.legend(prop=font(8), loc="lower right", frameon=False)
        for tick in axes.get_xticklabels():
            tick.set_fontproperties(font(8))
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{found.title}阈值敏感性", fontproperties=font(13, bold=True))
    rest = len(found.effects) - len(effects)
    told = [f"基准{words}面积 {found.base_ha:,.0f} 公顷"]
    told += [f"另有 {rest} 个阈值变动没有影响"] if rest else []
    told += [f"影响较小的 {len(effects) - MOST_SHOWN} 个未画"] if len(effects) > MOST_SHOWN else []
    told += [f"每 {found.thinning} 个像元取一个计算"] if found.thinning > 1 else []
    figure.text(0.01, 0.01, "；".join(told) + "。", fontproperties=font(7.5), color="#495057")
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    return figure


def draw_sensitivity(found: Sensitivity, out: Path) -> Path:
    """Draw one-at-a-time changes as bars and Morris' measures beside them.

    Raises:
        SetupError: no font with Chinese glyphs is installed.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = sensitivity_figure(found)
    draft = out.with_name(f".{out.name}")
    canvas: Any = FigureCanvasAgg(figure)
    with draft.open("wb") as file:
        canvas.print_png(file, metadata={"Software": "CSPON Planner"})
    draft.replace(out)
    return out
