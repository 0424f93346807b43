"""Reports of a run: a terminal table, Markdown with the misses, a picture of the intervals."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eval.task import Item

if TYPE_CHECKING:
    from rich.table import Table

SYSTEM = "本系统"
MOST_MISSES = 50
SLICE_NAMES = {
    "set": "检索集",
    "names_a_law": "题中写出法名",
    "length": "题长",
    "gold": "应引条数",
    "law": "应引法规",
    "kind_part": "全体",
    "attack_tune": "检出率（调试）",
    "attack_held": "检出率（留出）",
    "innocent_tune": "放行率（调试）",
    "innocent_held": "放行率（留出）",
    "attack_language": "检出率（语言）",
    "innocent_language": "放行率（语言）",
}
VALUE_NAMES = {
    "yes": "是",
    "no": "否",
    "short": "短",
    "medium": "中",
    "long": "长",
    "one": "一条",
    "several": "多条",
    "attack_tune": "攻击（调试）",
    "attack_held": "攻击（留出）",
    "innocent_tune": "正常（调试）",
    "innocent_held": "正常（留出）",
    "zh": "中文",
    "en": "英文",
}
MOST_VALUES = 12
"""Values of a slice that a table shows; the result has them all."""


def rows_of_systems(
    result: dict[str, Any], *, intervals_of: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: the system first, then each baseline; 0.874 or 0.874 [0.82, 0.92]."""
    metrics = list(result["metrics"])
    systems = {SYSTEM: result["metrics"], **result["baselines"]}
    rows = [
        [
            name,
            *(
                _cell(figures[m]["value"], figures[m])
                if m in intervals_of
                else f"{figures[m]['value']:.3f}"
                for m in metrics
            ),
        ]
        for name, figures in systems.items()
    ]
    return ["系统", *metrics], rows


def rows_of_slices(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of the main score by slice, the largest values first."""
    rows = []
    for name, values in result["by_slice"].items():
        for value, figure in list(values.items())[:MOST_VALUES]:
            rows.append(
                [
                    SLICE_NAMES.get(name, name),
                    VALUE_NAMES.get(value, value),
                    str(figure["n"]),
                    _cell(figure["score"], figure),
                ]
            )
    return ["切片", "值", "题数", result["metric"]], rows


def _cell(value: float, figure: dict[str, float]) -> str:
    return f"{value:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"


def tables(result: dict[str, Any]) -> "list[Table]":
    """Return the tables for a terminal; intervals of the main score alone, to fit 80 columns."""
    from rich.table import Table

    made = []
    for title, (header, rows) in (
        (
            f"{result['task']} 第{result['version']}版，{result['n']} 题",
            rows_of_systems(result, intervals_of=[result["metric"]]),
        ),
        ("按切片", rows_of_slices(result)),
    ):
        table = Table(*header, title=title)
        for row in rows:
            table.add_row(*row)
        made.append(table)
    return made


def markdown(result: dict[str, Any], items: Sequence[Item]) -> str:
    """Return the report of a run as Markdown: scores, slices, and the worst items to read."""
    main = result["metric"]
    missed = sorted((i for i in items if i.scores[main] < 1), key=lambda i: i.scores[main])
    parts = [
        f"# 评测报告：{result['task']}（第 {result['version']} 版）",
        f"{main} = **{_cell(result['score'], result)}**，{result['n']} 题，{result['started']}，"
        f"用时 {result['seconds']} 秒。方括号内为 95% 置信区间（{result['interval']}）。",
        f"大模型：{result['model']}；向量模型：{result['embedder']}；{result['machine']}。",
        "## 各系统",
        _markdown_table(*rows_of_systems(result, intervals_of=list(result["metrics"]))),
        "## 按切片",
        _markdown_table(*rows_of_slices(result)),
        f"## 未全部命中的题（{len(missed)} 题，列出前 {min(len(missed), MOST_MISSES)} 题）",
        *(_miss(item, main) for item in missed[:MOST_MISSES]),
    ]
    return "\n\n".join(parts) + "\n"


def _miss(item: Item, metric: str) -> str:
    detail = item.detail
    lines = [f"**{item.id}**（{metric} {item.scores[metric]:.2f}）{_inline(detail.get('query'))}"]
    for name, key in (("应引", "gold"), ("检索到", "found")):
        if detail.get(key):
            lines.append(f"- {name}：{'；'.join(_inline(v) for v in detail[key])}")
    return "\n".join([lines[0], "", *lines[1:]])


def _markdown_table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_inline(c) for c in line) + " |" for line in lines)


def _inline(text: object) -> str:
    """Keep a value from breaking the table or the list that it stands in."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def plot(result: dict[str, Any], path: Path) -> None:
    """Draw each system's scores with their intervals as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    systems = {"system": result["metrics"], **result["baselines"]}
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / len(systems)
    for place, (name, figures) in enumerate(systems.items()):
        values = [f["value"] for f in figures.values()]
        errors = [
            [f["value"] - f["low"] for f in figures.values()],
            [f["high"] - f["value"] for f in figures.values()],
        ]
        positions = [i + (place - (len(systems) - 1) / 2) * width for i in range(len(values))]
        axes.bar(positions, values, width * 0.92, yerr=errors, capsize=2, label=name)
    axes.set_xticks(range(len(result["metrics"])), list(result["metrics"]))
    axes.set_ylim(0, 1)
    axes.set_title(f"{result['task']} v{result['version']}, n = {result['n']}, 95 % intervals")
    axes.legend(ncols=len(systems), fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.08))
    partial = path.with_suffix(".partial")
    figure.savefig(partial, format="png", dpi=130)
    partial.rename(path)
