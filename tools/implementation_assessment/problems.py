"""Problems that the figures show, each with its suggestion; nothing here is a model's opinion."""

from collections import defaultdict
from collections.abc import Sequence

from cspon.schemas.base import Frozen
from tools.assessment.assess import Assessed
from tools.assessment.grades import Grades
from tools.implementation_assessment.book import Book, Cause
from tools.implementation_assessment.layout import Cell, Layout
from tools.implementation_assessment.schedule import Policy, Project

DEVIATION, RESTORE = "偏离", "待恢复"
BINDING = "约束性"


class Problem(Frozen):
    """One finding."""

    field: str
    """指标, 布局, 项目 or 政策."""
    cause: Cause
    text: str
    suggestion: str


def find_problems(
    items: Sequence[Assessed],
    grades: Grades,
    layout: Layout,
    projects: Sequence[Project],
    policies: Sequence[Policy],
    book: Book,
) -> tuple[Problem, ...]:
    """List what lags behind the plan, by field, the gravest indicators first."""
    found = [*_indicators(items, grades, book), *_layout(layout), *_schedule(projects, policies)]
    return tuple(
        Problem(field=field, cause=cause, text=text, suggestion=book.suggestions[cause])
        for field, cause, text in found
    )


def _indicators(
    items: Sequence[Assessed], grades: Grades, book: Book
) -> list[tuple[str, Cause, str]]:
    first = grades.tables[grades.standard][0].name
    behind = sorted(
        (a for a in items if a.deviation_percent is not None and a.grade != first),
        key=lambda a: -(a.deviation_percent or 0.0),
    )
    found: list[tuple[str, Cause, str]] = []
    for a in behind:
        assert a.required is not None
        kind = f"{a.attribute}指标" if a.attribute else "指标"
        found.append(
            (
                "指标",
                "behind_binding"
                if a.attribute == BINDING and "behind_binding" in book.suggestions
                else "behind",
                f"{kind}“{a.now.title}”现状 {value_shown(a)} {a.now.unit}，应达"
                f" {a.required:.{max(a.now.digits, 1)}f} {a.now.unit}，偏离 {a.deviation_percent:.2f}%（{a.grade}）",
            )
        )
    for a in items:
        if a.grade == first and a.forecast is not None and a.forecast_grade not in ("", first):
            found.append(
                (
                    "指标",
                    "heading_off",
                    f"“{a.now.title}”现在达标，按近年趋势 {a.target_year} 年为"
                    f" {a.forecast:.{max(a.now.digits, 1)}f} {a.now.unit}，将达不到目标（{a.forecast_grade}）",
                )
            )
    return found


def _layout(layout: Layout) -> list[tuple[str, Cause, str]]:
    """Patches below the tolerance are no problem: they may be the drawing's."""
    rows: dict[tuple[str, str], list[Cell]] = defaultdict(list)
    for cell in layout.cells:
        if cell.judgement in (DEVIATION, RESTORE) and cell.patches:
            rows[cell.judgement, cell.planned].append(cell)
    found: list[tuple[str, Cause, str]] = []
    for (judgement, planned), cells in rows.items():
        area, count = sum(c.patches_ha for c in cells), sum(c.patches for c in cells)
        largest = sorted(cells, key=lambda c: -c.patches_ha)[:3]
        words = "、".join(f"{c.present} {c.patches_ha:.4f} 公顷" for c in largest)
        cause: Cause = "deviation" if judgement == DEVIATION else "restore"
        found.append(
            (
                "布局",
                cause,
                f"规划为{planned}的 {area:.4f} 公顷（{count} 个图斑）现状已是其他用途，其中{words}",
            )
        )
    return sorted(found, key=lambda f: f[1] != "deviation")


def _schedule(
    projects: Sequence[Project], policies: Sequence[Policy]
) -> list[tuple[str, Cause, str]]:
    found: list[tuple[str, Cause, str]] = []
    causes: dict[str, Cause] = {"逾期未完成": "overdue_project", "未按期开工": "late_start"}
    for p in projects:
        if (cause := causes.get(p.judgement)) is not None:
            found.append(
                (
                    "项目",
                    cause,
                    f"“{p.name}”（{p.area_ha:g} 公顷，{p.begin}—{p.end} 年，{p.state}）{p.judgement}，责任单位：{p.responsible or '未写'}",
                )
            )
    found += [
        (
            "政策",
            "overdue_policy",
            f"“{p.name}”应于 {p.due} 年出台，{p.state}，责任单位：{p.responsible or '未写'}",
        )
        for p in policies
        if p.judgement == "逾期未出台"
    ]
    return found


def value_shown(a: Assessed) -> str:
    """Write the value of the year that the series has."""
    return f"{a.points[-1].value:.{a.now.digits}f}" if a.points else a.now.shown


def completion_percent(a: Assessed) -> float | None:
    """Return how much of the way from base to target is done; None without base, target or way."""
    if a.target is None or a.base_value is None or not a.points or a.target == a.base_value:
        return None
    return round(100 * (a.points[-1].value - a.base_value) / (a.target - a.base_value), 1)
