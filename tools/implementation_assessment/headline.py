"""One sentence on how a plan is carried out: what an answer begins with."""

from collections.abc import Sequence

from tools.assessment.assess import Assessed
from tools.assessment.grades import Grades
from tools.implementation_assessment.book import Book
from tools.implementation_assessment.layout import Layout
from tools.implementation_assessment.schedule import Policy, Project

LATE = ("逾期未完成", "未按期开工")


def indicators_said(items: Sequence[Assessed], grades: Grades) -> str:
    """Count the indicators that lag and those without data."""
    first = grades.tables[grades.standard][0].name
    behind = [a for a in items if a.deviation_percent is not None and a.grade != first]
    lacking = sum(not a.points for a in items)
    more = f"，{lacking} 个没有数据" if lacking else ""
    return f"{len(items)} 个指标中 {len(behind)} 个落后于目标{more}"


def layout_said(layout: Layout, book: Book) -> str:
    """Say how much of the plan's area is used otherwise, by judgement."""
    parts = [(w, ha) for w in book.to_map if (ha := layout.judged_ha.get(w, 0.0)) > 0]
    area = sum(ha for _, ha in parts)
    share = 100 * area / layout.total_ha if layout.total_ha else 0.0
    words = "、".join(f"{w} {ha:.2f} 公顷" for w, ha in sorted(parts, key=lambda p: -p[1]))
    said = f"规划与现状不一致 {area:.2f} 公顷，占 {share:.2f}%"
    return f"{said}（{words}），图斑 {layout.patches} 个" if parts else said


def projects_said(projects: Sequence[Project] | None) -> str:
    """Name the projects that are late."""
    if projects is None:
        return "没有项目清单，不能判断项目是否按期"
    late = [
        f"{word} {len(names)} 个（{'、'.join(names)}）"
        for word in reversed(LATE)
        if (names := [p.name for p in projects if p.judgement == word])
    ]
    return f"{len(projects)} 个项目中" + ("，".join(late) if late else "没有逾期的")


def policies_said(policies: Sequence[Policy] | None) -> str:
    """Name the measures that are late."""
    if policies is None:
        return "没有政策清单，不能判断政策是否出台"
    late = [p.name for p in policies if p.judgement == "逾期未出台"]
    named = f"逾期未出台 {len(late)} 项（{'、'.join(late)}）" if late else "没有逾期的"
    return f"{len(policies)} 项政策中{named}"
