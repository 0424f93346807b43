"""Tables of what a scheme holds beside its steps: parameters, shared formulas, publications read."""

from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.scheme import Scheme
from tools.dual_evaluation.sources import (
    Secondary,
    corroboration,
    formula_sources,
    publications,
)

_COLUMNS = (
    Column(key="source", title="来源"),
    Column(key="verified", title="已核对原文"),
    Column(key="secondary", title="旁证"),
)


def parameter_table(scheme: Scheme) -> Table:
    """Return the parameters with unit, source and mark."""
    rows = [
        {
            "title": q.title,
            "value": f"{q.value:g}" + ("" if q.unit == "无" else f" {q.unit}"),
            "source": f"{q.source}。{q.note}".rstrip("。"),
            "verified": "是" if q.verified else "否",
            "secondary": corroboration(q.secondary),
        }
        for q in scheme.parameters.values()
    ]
    return Table(
        name="parameters_scheme",
        title="参数与来源",
        columns=(Column(key="title", title="参数"), Column(key="value", title="数值"), *_COLUMNS),
        rows=tuple(rows),
        note="演示值须改为本地数值后使用。",
    )


def formula_table() -> Table:
    """Return the formulas that the schemes share, with source and mark."""
    rows = [
        {
            "title": f.title,
            "value": f.figures,
            "source": f.source,
            "verified": "是" if f.verified else "否",
            "secondary": corroboration(f.secondary),
        }
        for f in formula_sources()
    ]
    return Table(
        name="formulas_scheme",
        title="公式与通用数值的来源",
        columns=(Column(key="title", title="项目"), Column(key="value", title="内容"), *_COLUMNS),
        rows=tuple(rows),
    )


def publication_table(scheme: Scheme) -> Table:
    """Return the publications that a scheme's figures and the formulas name, and what was read."""
    entries: list[Secondary] = [s for q in scheme.parameters.values() for s in q.secondary]
    entries += [s for e in scheme.evaluations for step in e.steps for s in step.secondary]
    entries += [s for f in formula_sources() for s in f.secondary]
    named = {entry.by for entry in entries}
    return Table(
        name="publications_scheme",
        title="旁证所用的二手来源",
        columns=(
            Column(key="title", title="名称"),
            Column(key="publisher", title="出版或发布"),
            Column(key="address", title="网址"),
            Column(key="kind", title="类别"),
            Column(key="extent", title="查阅范围"),
            Column(key="read", title="查阅日期"),
        ),
        rows=tuple(
            {**p.model_dump(), "address": p.address or "—"}
            for key, p in publications().items()
            if key in named
        ),
        note="二手来源只说明他处如何记载，不能代替与指南原文核对。",
    )


def scheme_level_tables(scheme: Scheme) -> tuple[Table, ...]:
    """Return the tables of a scheme that belong to no single evaluation."""
    return parameter_table(scheme), formula_table(), publication_table(scheme)
