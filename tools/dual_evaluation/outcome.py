"""`ToolResult.data` of the tool, and how an evaluation becomes it."""

import re
from typing import Literal

from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import Column, LayerOutput, Provenance, Table, ToolResult
from tools.dual_evaluation.carrying import Carrying, CarryingRow, carrying_tables
from tools.dual_evaluation.checks import Finding, findings_table
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.explain import Explanation
from tools.dual_evaluation.explain_text import limits_table
from tools.dual_evaluation.readiness import Readiness, readiness_table
from tools.dual_evaluation.scheme_tables import scheme_level_tables
from tools.dual_evaluation.sensitivity import Sensitivity
from tools.dual_evaluation.tables import area_table, class_areas, scheme_table, step_table

CLAUSE = re.compile(r"《([^》]{2,60})》[^《》]{0,60}?(第[一二三四五六七八九十百千零〇两\d]+条)")
TOOL, VERSION = "dual_evaluation", "1"
Status = Literal["完整", "不完整", "未评价"]


class PartOutcome(Frozen):
    """One evaluation in figures."""

    id: str
    title: str
    layer: str
    status: Status
    headline: str
    areas_ha: dict[str, float]
    """By title of the class; with `unknown_ha` they sum to the area of evaluation."""
    unknown_ha: float
    missing: dict[str, str]
    """Step to what it lacks."""
    absent: dict[str, str]
    """Step to the declared reason why it does not apply."""


class DualOutcome(Frozen):
    """The whole 双评价 in figures."""

    title: str
    scheme: str
    scheme_title: str
    document: str
    scheme_verified: bool
    overrides: dict[str, object]
    own_figures: tuple[str, ...] = ()
    """The overrides in words."""
    region: str
    headline: str
    """The verdict in a few sentences."""
    explained: str = ""
    """What was asked beside it, as a Markdown list: places, single factors, scenarios, sensitivity."""
    epsg: int
    cell_m: float
    area_ha: float
    parts: tuple[PartOutcome, ...]
    readiness: tuple[Readiness, ...]
    notices: tuple[str, ...] = ()
    carrying: tuple[CarryingRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    explanations: tuple[Explanation, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()


def part_outcome(made: DualEvaluation, part: Part) -> PartOutcome:
    """Say one evaluation in figures."""
    evaluation, found = part.evaluation, part.feasible
    if not part.grades:
        return PartOutcome(
            id=evaluation.id, title=evaluation.title, layer=evaluation.layer, status="未评价",
            headline=found.refused + "。", areas_ha={}, unknown_ha=0.0, missing=found.missing,
            absent=found.absent,
        )  # fmt: skip
    areas, _ = class_areas(made, part.result)
    total = sum(areas.values())
    named = {c.title: round(areas.get(c.value, 0.0), 4) for c in evaluation.classes}
    told = "，".join(
        f"{title} {area:,.0f} 公顷（{area / total:.1%}）" for title, area in named.items() if area
    )
    status: Status = "完整" if found.complete else "不完整"
    rest = f"；结果不完整，未计入：{'、'.join(found.missing)}" if found.missing else ""
    return PartOutcome(
        id=evaluation.id, title=evaluation.title, layer=evaluation.layer, status=status,
        headline=f"{evaluation.title}（{made.scheme.id} 版）：{told}{rest}。", areas_ha=named,
        unknown_ha=round(areas.get(0, 0.0), 4), missing=found.missing, absent=found.absent,
    )  # fmt: skip


def dual_outcome(
    made: DualEvaluation,
    *,
    carrying: Carrying | None = None,
    found: tuple[Finding, ...] = (),
    explanations: tuple[Explanation, ...] = (),
    sensitivity: tuple[Sensitivity, ...] = (),
    told: tuple[str, ...] = (),
) -> DualOutcome:
    """Say everything in figures.

    Args:
        made: The evaluation.
        carrying: Its carrying scale, where it was asked for.
        found: Checks and conflicts.
        explanations: By place and evaluation.
        sensitivity: Of evaluations whose thresholds were moved.
        told: Further sentences that answer what was asked.
    """
    inputs = made.inputs
    wanted = [p for n, p in made.parts.items() if n in inputs.config.parts]
    parts = tuple(part_outcome(made, part) for part in wanted)
    headlines = [part.headline for part in parts]
    if len(wanted) == 1 and not explanations and wanted[0].grades:
        headlines.append(town_sentence(made, wanted[0]))
    if carrying is not None:
        headlines.append(carrying_headline(carrying))
    lines = [*told]
    for explanation in explanations:
        lines += explanation.lines
    return DualOutcome(
        title=inputs.config.title,
        scheme=made.scheme.id,
        scheme_title=made.scheme.title,
        document=made.scheme.document,
        scheme_verified=made.scheme.verified,
        overrides=dict(inputs.config.overrides),
        own_figures=own_figures(made),
        region=inputs.catalogue.region_name,
        headline="".join(headlines),
        explained="\n".join(f"- {line}" for line in dict.fromkeys(lines)),
        epsg=inputs.epsg,
        cell_m=inputs.grid.cell,
        area_ha=round(float(inputs.inside.sum()) * inputs.grid.cell_m2 / 1e4, 4),
        parts=parts,
        readiness=made.readiness,
        carrying=carrying.rows if carrying is not None else (),
        findings=found,
        explanations=explanations,
        sensitivity=sensitivity,
        notices=tuple(dict.fromkeys(inputs.notices)),
    )


def town_sentence(made: DualEvaluation, part: Part) -> str:
    """Name the units with the largest area of the best class, and those with the least share."""
    rows = [row for row in area_table(made, part).rows[:-1] if row["share"] is not None]
    if len(rows) < 2:
        return ""
    best = part.evaluation.classes[0]
    key = f"c{best.value}"
    most = sorted(rows, key=lambda row: -row[key])[:3]
    least = min(rows, key=lambda row: row["share"])
    named = "、".join(f"{row['unit']} {row[key]:,.0f} 公顷" for row in most if row[key])
    if not named:
        return ""
    return (
        f"{best.title}面积最大的是{named}；"
        f"占比最低的是{least['unit']}（{least['share'] / 100:.1%}）。"
    )


def own_figures(made: DualEvaluation) -> tuple[str, ...]:
    """Say the overrides of the scheme in words."""
    return tuple(_own(made, path, value) for path, value in made.inputs.config.overrides.items())


def _own(made: DualEvaluation, path: str, value: object) -> str:
    parts = path.split(".")
    if parts[0] == "parameters":
        parameter = made.scheme.parameters[parts[1]]
        return f"{parameter.title}改为 {parameter.value:g} {parameter.unit}（`{path}`）"
    evaluation = made.scheme.evaluation(parts[0])
    assert evaluation is not None, "an override was checked when the scheme was loaded"
    said = "，".join(f"{k}：{v}" for k, v in value.items()) if isinstance(value, dict) else value
    return f"{evaluation.title}·{evaluation.step(parts[1]).title}改为 {said}（`{path}`）"


def carrying_headline(carrying: Carrying) -> str:
    """Say the carrying scale in one sentence."""
    told = []
    for use in ("耕地", "城镇建设用地"):
        total = carrying.total(use)
        told.append(f"{use} {'数据缺失' if total is None else f'{total:,.0f} 公顷'}")
    rest = f"（{'；'.join(carrying.missing)}）" if carrying.missing else ""
    return f"承载规模（水、土约束取小）：{'，'.join(told)}{rest}。"


def station_table(made: DualEvaluation) -> Table | None:
    """Return the leave-one-out errors of the interpolations; None where there are none."""
    rows = []
    for found in made.inputs.found.values():
        if "rmse" in found.extra:
            worst = found.extra["worst"]
            rows.append(
                {
                    "title": found.variable.title,
                    **{
                        key: None if found.extra[key] is None else float(f"{found.extra[key]:.4g}")
                        for key in ("rmse", "mae", "bias", "r2")
                    },
                    "worst": f"{worst['station']}（{worst['error']:.4g}）" if worst else "—",
                }
            )  # fmt: skip
    if not rows:
        return None
    return Table(
        name="interpolation",
        title="站点插值的交叉检验",
        columns=(
            Column(key="title", title="因子"),
            Column(key="rmse", title="均方根误差"),
            Column(key="mae", title="平均绝对误差"),
            Column(key="bias", title="平均误差"),
            Column(key="r2", title="决定系数"),
            Column(key="worst", title="误差最大的站点"),
        ),
        rows=tuple(rows),
        note="逐站留一：每个站点由其余站点预测。单位同因子；气候舒适度为月均温（℃）误差最大的月份。",
    )


def result_tables(
    made: DualEvaluation,
    *,
    carrying: Carrying | None = None,
    found: tuple[Finding, ...] = (),
    explanations: tuple[Explanation, ...] = (),
    more: tuple[Table, ...] = (),
) -> tuple[Table, ...]:
    """Return the tables: readiness, areas, steps, carrying, checks, figures of the scheme."""
    tables = [readiness_table(made.readiness)]
    stations = station_table(made)
    if stations is not None:
        tables.append(stations)
    for name, part in made.parts.items():
        if name in made.inputs.config.parts and part.grades:
            tables += [area_table(made, part), step_table(made, part)]
    if carrying is not None:
        tables += carrying_tables(carrying)
    if found:
        tables.append(findings_table(found))
    tables += [limits_table(one, number) for number, one in enumerate(explanations, 1)]
    tables += more
    for name, part in made.parts.items():
        if name in made.inputs.config.parts:
            tables.append(scheme_table(made, part))
    return (*tables, *scheme_level_tables(made.scheme))


def tool_result(
    made: DualEvaluation,
    data: DualOutcome,
    tables: tuple[Table, ...],
    layers: tuple[LayerOutput, ...] = (),
) -> ToolResult:
    """Wrap an evaluation as the tool's result."""
    inputs = made.inputs
    secrecy = max((s.secrecy for s in inputs.used.values()), key=lambda s: s.rank)
    return ToolResult(
        tool=TOOL,
        version=VERSION,
        basis=clauses_of(tables),
        data=data.model_dump(mode="json"),
        tables=tables,
        layers=layers,
        provenance=Provenance(
            tool=TOOL,
            version=VERSION,
            inputs={name: d for f in inputs.found.values() for name, d in f.files.items()},
            parameters={
                "config": inputs.config.model_dump(mode="json", exclude_defaults=True),
                "layers": inputs.catalogue.title,
                "scheme": made.scheme.id,
            },
            epsg=inputs.epsg,
            layer_dates={s.name: s.date for s in inputs.used.values()},
        ),
        warnings=(*data.notices, *_caveat(made)),
        secrecy=secrecy,
        synthetic=inputs.catalogue.synthetic or any(s.synthetic for s in inputs.used.values()),
    )


def clauses_of(tables: tuple[Table, ...]) -> tuple[Basis, ...]:
    """List the clauses that sources of the scheme name, so that they are checked against the base."""
    found: dict[tuple[str, str], Basis] = {}
    for table in tables:
        for row in table.rows:
            cells = "，".join(str(row.get(column.key) or "") for column in table.columns)
            for match in CLAUSE.finditer(cells):
                title, article = match[1], match[2]
                point = "评价方案所引"
                found.setdefault((title, article), Basis(title=title, article=article, point=point))
    return tuple(found.values())


def _caveat(made: DualEvaluation) -> tuple[str, ...]:
    """Say in short what is missing and what was not verified."""
    told = []
    for name, part in made.parts.items():
        if name in made.inputs.config.parts and part.grades and part.feasible.missing:
            told.append(
                f"{part.evaluation.title}的结果不完整，未计入：{'、'.join(part.feasible.missing)}"
                "（没有输入，不作推断）。"
            )
    if not made.scheme.verified:
        told.append(f"评价方案为{made.scheme.title}：{made.scheme.note}")
    return tuple(told)
