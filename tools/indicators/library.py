"""The indicator library as one of the four."""

from collections.abc import Mapping
from typing import Any

from cspon.errors import InputError
from cspon.registry import registry
from tools.indicators.compute import apply, check_examples
from tools.indicators.load import check_indicator, indicators
from tools.indicators.model import OUTPUT
from tools.library import explain
from tools.library.entry import Entry, Kind, Problem, problem_of
from tools.library.kinds import Context, entry
from tools.library.listing import listed
from tools.library.state import disabled, require_enabled
from tools.models.explain import mermaid, steps

_DIRECTIONS = {"higher": "越大越好", "lower": "越小越好", "none": "按目标值控制"}


class IndicatorLibrary:
    """All indicators."""

    kind: Kind = "indicator"

    def entries(self) -> tuple[Entry, ...]:
        """List the indicators."""
        off = disabled("indicator")
        return tuple(
            listed(
                "indicator",
                d,
                off,
                verified=d.said.verified,
                inputs=d.said.ports,
                outputs=check_indicator(d.said, d.file, code_allowed=d.origin == "shipped"),
                examples=len(d.said.examples),
                group=d.said.category,
            )
            for d in indicators().values()
        )

    def explain(self, entry_id: str) -> str:
        """Explain an indicator: definition, formula, steps, sources, examples."""
        shown = entry("indicator", entry_id)
        said = indicators()[shown.id].said
        listed = [
            (x.standard, x.number or "—", x.category or "—", x.attribute or "—", x.scope or "—")
            for x in said.listed
        ]
        constants = [
            (f"`{k}`", c.title, explain.shown(c.value), c.unit or "—", c.source)
            for k, c in said.constants.items()
        ]
        examples = [
            (
                e.name,
                "\n".join(f"{k}：{explain.shown(v)}" for k, v in e.inputs.items()),
                explain.shown(e.value),
            )
            for e in said.examples
        ]
        return explain.page(
            explain.head(shown),
            explain.section("定义", said.definition),
            explain.section(
                "计算公式",
                f"{said.formula}\n\n单位：{said.unit}；{_DIRECTIONS[said.direction]}；"
                f"保留 {said.digits} 位小数。",
            ),
            explain.section(
                "所在指标体系",
                explain.table(("文件", "序号", "类别", "属性", "层级"), listed) if listed else "",
            ),
            explain.section("须由使用单位确认", said.to_confirm),
            explain.ports("输入", said.inputs),
            explain.section(
                "常数与阈值",
                explain.table(("名称", "含义", "取值", "单位", "来源"), constants)
                if constants
                else "",
            ),
            explain.section(
                "计算步骤",
                steps(said.nodes)
                + "\n\n"
                + mermaid(said.nodes, said.ports, {OUTPUT: (said.title, said.result)})
                if said.nodes
                else "由软件函数计算。",
            ),
            explain.grounds(shown.basis),
            explain.section("备注", said.note),
            explain.section("算例", explain.table(("算例", "输入", "结果"), examples)),
            explain.changes(shown),
        )

    def check(self, entry_id: str) -> tuple[Problem, ...]:
        """Check an indicator's graph and run its examples."""
        shown = entry("indicator", entry_id)
        definition = indicators()[shown.id]
        try:
            check_examples(definition.said, definition.file)
        except InputError as error:
            return (problem_of("indicator", shown.id, definition.file, error),)
        return ()

    def run(self, entry_id: str, inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Compute an indicator as a node of a model."""
        shown = entry("indicator", entry_id)
        require_enabled("indicator", shown.id, shown.title)
        definition = indicators()[shown.id]
        return {OUTPUT: apply(definition.said, inputs, context, file=definition.file)[0]}


registry.add("library", "indicator", IndicatorLibrary())
