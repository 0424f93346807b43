"""`ToolResult.data` of the tool, and how an evaluation becomes it."""

from typing import Literal

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, Provenance, Table, ToolResult
from tools.dual_evaluation.carrying import Carrying, CarryingRow, carrying_tables
from tools.dual_evaluation.checks import Finding, findings_table
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.explain import Explanation, limits_table
from tools.dual_evaluation.readiness import Readiness, readiness_table
from tools.dual_evaluation.scheme_tables import scheme_level_tables
from tools.dual_evaluation.tables import area_table, class_areas, scheme_table, step_table

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
    headline: str
    epsg: int
    cell_m: float
    area_ha: float
    parts: tuple[PartOutcome, ...]
    readiness: tuple[Readiness, ...]
    notices: tuple[str, ...] = ()
    carrying: tuple[CarryingRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    explanation: Explanation | None = None


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
    explanation: Explanation | None = None,
) -> DualOutcome:
    """Say everything in figures."""
    inputs = made.inputs
    wanted = [p for n, p in made.parts.items() if n in inputs.config.parts]
    parts = tuple(part_outcome(made, part) for part in wanted)
    headlines = [part.headline for part in parts]
    if carrying is not None:
        headlines.append(carrying_headline(carrying))
    if explanation is not None:
        headlines.append(explanation.text)
    return DualOutcome(
        title=inputs.config.title,
        scheme=made.scheme.id,
        scheme_title=made.scheme.title,
        document=made.scheme.document,
        scheme_verified=made.scheme.verified,
        overrides=dict(inputs.config.overrides),
        headline=" ".join(headlines),
        epsg=inputs.epsg,
        cell_m=inputs.grid.cell,
        area_ha=round(float(inputs.inside.sum()) * inputs.grid.cell_m2 / 1e4, 4),
        parts=parts,
        readiness=made.readiness,
        carrying=carrying.rows if carrying is not None else (),
        findings=found,
        explanation=explanation,
        notices=tuple(dict.fromkeys(inputs.notices)),
    )


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
    explanation: Explanation | None = None,
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
    if explanation is not None:
        tables.append(limits_table(explanation))
    tables += more
    for name, part in made.parts.items():
        if name in made.inputs.config.parts:
            tables.append(scheme_table(made, part))
    return (*tables, *scheme_level_tables(made.scheme))


def tool_result(made: DualEvaluation, data: DualOutcome, tables: tuple[Table, ...]) -> ToolResult:
    """Wrap an evaluation as the tool's result."""
    inputs = made.inputs
    secrecy = max((s.secrecy for s in inputs.used.values()), key=lambda s: s.rank)
    return ToolResult(
        tool=TOOL,
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables,
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


def _caveat(made: DualEvaluation) -> tuple[str, ...]:
    if made.scheme.verified:
        return ()
    return (f"评价方案为{made.scheme.title}：{made.scheme.note}",)
