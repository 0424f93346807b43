"""The tool `assess_implementation`: how far a plan has been carried out."""

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal

import shapely

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import LayerOutput, Provenance, Table, ToolResult
from tools.assessment.assess import Assessed, assess
from tools.assessment.grades import Grades, load_grades
from tools.assessment.tool import SET
from tools.catalogue import Sent, tool
from tools.implementation_assessment import tables
from tools.implementation_assessment.blocks import Listed
from tools.implementation_assessment.book import Book, load_book
from tools.implementation_assessment.headline import (
    indicators_said,
    layout_said,
    policies_said,
    projects_said,
)
from tools.implementation_assessment.layout import SLIVER_M2, Layout, compare_layout
from tools.implementation_assessment.problems import Problem, find_problems
from tools.implementation_assessment.schedule import (
    Policy,
    Project,
    read_policies,
    read_projects,
)
from tools.indicators.scopes import town_shapes
from tools.indicators.sets import IndicatorSet, indicator_set
from tools.indicators.tool import default_year, definitions, find_statistics, provenance_inputs
from tools.layers import load_catalogue
from tools.library.kinds import entry
from tools.library.state import disabled

VERSION = "1"
Rhythm = Literal["yearly", "five_year"]
Part = Literal["indicators", "layout", "projects", "policies"]
PARTS: dict[Part, str] = {
    "indicators": "指标", "layout": "布局", "projects": "项目", "policies": "政策",
}  # fmt: skip
PROJECTS, POLICIES = "projects.csv", "policies.csv"
"""Looked for beside the plan's layers, else beside the present ones, when no list is named."""
RHYTHMS: dict[Rhythm, str] = {"yearly": "年度评估", "five_year": "五年评估"}


class Implementation(Frozen):
    """`ToolResult.data` of the tool."""

    headline: str
    place: str
    year: int
    rhythm: Rhythm
    set: IndicatorSet
    grades: Grades
    items: tuple[Assessed, ...]
    layout: Layout
    projects: tuple[Project, ...]
    policies: tuple[Policy, ...]
    problems: tuple[Problem, ...]
    book: Book


@tool(
    "assess_implementation",
    title="国土空间规划实施评估",
    version=VERSION,
    examples=(
        "评估现行规划的实施情况：指标完成得怎样，布局是否一致，有什么问题？",
        "做规划五年实施评估，现状和规划用途的转移矩阵是什么样",
        "哪些地方现状建设偏离了规划，哪些项目逾期",
    ),
)
def assess_implementation(
    layers: Path,
    plan: Annotated[Path | None, Sent("version")] = None,
    statistics: Annotated[Path | None, Sent("table")] = None,
    year: int | None = None,
    rhythm: Rhythm = "yearly",
    indicator_set_id: str = SET,
    version: int | None = None,
    projects: Annotated[Path | None, Sent("table")] = None,
    policies: Annotated[Path | None, Sent("table")] = None,
    filled: dict[str, str] | None = None,
    sliver_m2: float = SLIVER_M2,
    book: Path | None = None,
    parts: tuple[Part, ...] = (),
) -> ToolResult:
    """Assess indicators against targets, present land use against the plan, projects and policies.

    Problems and suggestions follow from the figures by rule; causes are left to people.

    Args:
        layers: Folder with `layers.yaml` of the present state.
        plan: Folder with `layers.yaml` of the plan that is assessed; `layers` when not given.
        statistics: Yearly statistics (CSV); `statistics.csv` beside the layers when not given.
        year: Of the assessment; that of the land-use layer, else the last of the statistics.
        rhythm: Against last year, or against the base year.
        indicator_set_id: Indicators with their targets.
        version: Of the set; the last when not given.
        projects: List of projects (CSV); `projects.csv` beside the layers when not given.
        policies: List of measures (CSV); `policies.csv` beside the layers when not given.
        filled: Values given directly for the year, by indicator id, with unit.
        sliver_m2: Patches below this are not listed.
        book: The bureau's own classes, judgements and suggestions (YAML).
        parts: Parts whose tables and problems are wanted; all when empty.

    Raises:
        InputError: no such set, indicator, layer or file, or one of them is wrong.
    """
    if not 0 <= sliver_m2 < 1e6:
        raise InputError(f"容差 {sliver_m2:g} 不合理", field="sliver_m2", mend="例如 200")
    catalogue, said, limits = load_catalogue(layers), load_book(book), load_grades()
    table = find_statistics(layers, statistics)
    when = year if year is not None else default_year(catalogue, table)
    projects = projects or _beside(PROJECTS, plan, layers)
    policies = policies or _beside(POLICIES, plan, layers)
    towns = town_shapes(layers, catalogue)
    listed = read_projects(projects, said, when, towns) if projects is not None else ()
    measures = read_policies(policies, said, when) if policies is not None else ()
    chosen = indicator_set(indicator_set_id, version)
    off = disabled("indicator")
    active = chosen.model_copy(
        update={"members": tuple(m for m in chosen.members if m.id not in off)}
    )
    direct = {entry("indicator", name).id: value for name, value in (filled or {}).items()}
    items = assess(active, limits, layers, table, when, direct)
    layout, features, (planned, present) = compare_layout(
        plan or layers, layers, said, towns, sliver_m2
    )
    wanted_parts = tuple(part for part in PARTS if part in parts or not parts)
    said_of = {
        "indicators": indicators_said(items, limits),
        "layout": layout_said(layout, said),
        "projects": projects_said(listed if projects else None),
        "policies": policies_said(measures if policies else None),
    }
    problems = tuple(
        problem
        for problem in find_problems(items, limits, layout, listed, measures, said)
        if problem.field in {PARTS[part] for part in wanted_parts}
    )
    data = Implementation(
        headline=f"{catalogue.region_name} {when} 年规划实施："
        f"{'；'.join(said_of[part] for part in wanted_parts)}。",
        place=catalogue.region_name,
        year=when,
        rhythm=rhythm,
        set=chosen,
        grades=limits,
        items=items,
        layout=layout,
        projects=listed,
        policies=measures,
        problems=problems,
        book=said,
    )
    secrecy = max((planned.spec.secrecy, present.spec.secrecy), key=lambda s: s.rank)
    wanted = definitions(tuple(m.id for m in active.members))
    files = {"projects": projects, "policies": policies}
    return ToolResult(
        tool="assess_implementation",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=_tables(data, wanted_parts),
        layers=(
            LayerOutput(
                name="layout", title="规划与现状不一致的图斑", epsg=present.spec.epsg,
                features=features, secrecy=secrecy,
            ),
            *_town_layer(towns, catalogue.epsg, secrecy),
        ),
        basis=said.basis,
        provenance=Provenance(
            tool="assess_implementation",
            version=VERSION,
            inputs={
                **provenance_inputs(wanted, table),
                **{name: _digest(file) for name, file in files.items() if file is not None},
            },
            parameters={
                "year": when,
                "rhythm": rhythm,
                "set": f"{chosen.id} v{chosen.version}",
                "sliver_m2": sliver_m2,
                "filled": direct,
                "book": said.title,
                "parts": list(wanted_parts),
            },
            epsg=present.spec.epsg,
            layer_dates={
                f"规划 {planned.spec.name}": planned.spec.date,
                f"现状 {present.spec.name}": present.spec.date,
            },
        ),
        warnings=_warnings(data, (planned, present), projects, policies, off),
        secrecy=secrecy,
        synthetic=catalogue.synthetic or planned.synthetic or present.synthetic,
    )  # fmt: skip


def _town_layer(towns: dict[str, Any], epsg: int, secrecy: Secrecy) -> tuple[LayerOutput, ...]:
    """Give the towns for orientation on the map."""
    features = tuple(
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(shape),
            "properties": {"town": name},
        }
        for name, shape in towns.items()
    )
    if not features:
        return ()
    return (
        LayerOutput(name="towns", title="乡镇界", epsg=epsg, features=features, secrecy=secrecy),
    )


def _beside(name: str, plan: Path | None, layers: Path) -> Path | None:
    places = [folder / name for folder in (plan, layers) if folder is not None]
    return next((file for file in places if file.is_file()), None)


def _tables(data: Implementation, parts: tuple[Part, ...]) -> tuple[Table, ...]:
    by_part: dict[Part, list[Table]] = {
        "indicators": [
            tables.indicator_table(data.items, data.year),
            tables.progress_table(data.items, data.year, data.rhythm),
        ],
        "layout": [
            tables.judgement_table(data.layout, data.book),
            tables.pair_table(data.layout, data.book),
            tables.matrix_table(data.layout),
            tables.place_table(data.layout, data.book),
        ],
        "projects": [tables.project_table(data.projects)],
        "policies": [tables.policy_table(data.policies)],
    }
    found = [tables.problem_table(data.problems), *(t for part in parts for t in by_part[part])]
    return tuple(table for table in found if table.rows)


def _digest(file: Path) -> str:
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"


def _warnings(
    data: Implementation,
    compared: tuple[Listed, Listed],
    projects: Path | None,
    policies: Path | None,
    off: dict[str, str],
) -> tuple[str, ...]:
    found = [f"{data.book.title}：{data.book.to_confirm}。"] if not data.book.verified else []
    found += dict.fromkeys(f.sentence() for listed in compared for f in listed.findings)
    if data.layout.listed < data.layout.patches:
        found.append(
            f"规划与现状不一致的图斑共 {data.layout.patches} 个，只列出最大的 {data.layout.listed} 个；"
            "各表的面积和个数是全部的。"
        )
    if not data.set.verified:
        found.append(f"指标集“{data.set.title}”的目标值和权重未经核实：{data.set.source}。")
    lacking = [a.now.title for a in data.items if not a.points]
    if lacking:
        found.append(f"没有数据的指标：{'、'.join(lacking)}。")
    retired = [m.id for m in data.set.members if m.id in off]
    if retired:
        found.append(f"已停用、未评估的指标：{'、'.join(retired)}。")
    if projects is None:
        found.append("没有给出项目清单，未评估项目实施情况。")
    if policies is None:
        found.append("没有给出政策清单，未评估政策落实情况。")
    plan_year, land_year = data.layout.plan_date[:4], data.layout.present_date[:4]
    if plan_year >= land_year:
        found.append(
            f"规划图层时点（{data.layout.plan_date}）不早于现状（{data.layout.present_date}）："
            "布局一致性反映的是规划与现状的差别，不是实施结果；评估上一版规划请用 plan 指定。"
        )
    return tuple(found)
