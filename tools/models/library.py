"""The model library as one of the four."""

from collections.abc import Mapping
from typing import Any

from cspon.errors import InputError
from cspon.registry import registry
from tools.library import explain
from tools.library.entry import Entry, Kind, Problem, problem_of
from tools.library.kinds import Context, entry
from tools.library.listing import listed
from tools.library.state import disabled, require_enabled
from tools.models.explain import mermaid, steps
from tools.models.load import models, outputs_of
from tools.models.run import apply, check_examples


class ModelLibrary:
    """All models."""

    kind: Kind = "model"

    def entries(self) -> tuple[Entry, ...]:
        """List the models."""
        off = disabled("model")
        return tuple(
            listed(
                "model",
                d,
                off,
                verified=d.said.verified and all(c.verified for c in d.said.constants.values()),
                inputs=d.said.ports,
                outputs=outputs_of(d.said, d.file),
                examples=len(d.said.examples),
                group=d.said.group,
            )
            for d in models().values()
        )

    def explain(self, entry_id: str) -> str:
        """Explain a model: method, graph, nodes, constants with sources, examples."""
        shown = entry("model", entry_id)
        said = models()[shown.id].said
        wanted = {key: (output.title, output.source) for key, output in said.outputs.items()}
        constants = [
            (
                f"`{name}`",
                c.title,
                explain.shown(c.value) + (f" {c.unit}" if c.unit not in (None, "1") else ""),
                c.source,
                "是" if c.verified else "**否**",
            )
            for name, c in said.constants.items()
        ]
        examples = [
            (
                e.name,
                "\n".join(f"{k}：{explain.shown(v)}" for k, v in e.inputs.items()),
                "\n".join(f"{k}：{explain.shown(v)}" for k, v in e.expect.items()),
            )
            for e in said.examples
        ]
        return explain.page(
            explain.head(shown),
            explain.section("计算方法", said.method),
            explain.section("流程图", mermaid(said.nodes, said.ports, wanted)),
            explain.section("节点", steps(said.nodes)),
            explain.ports("输入", said.inputs),
            explain.section(
                "常数与阈值",
                explain.table(("名称", "含义", "取值", "来源", "已核实"), constants)
                + "\n\n常数可用 `--input 名称=值` 替换，替换会写进结果的提示。"
                if constants
                else "",
            ),
            explain.ports("输出", shown.outputs),
            explain.grounds(shown.basis),
            explain.section("备注", said.note),
            explain.section("算例", explain.table(("算例", "输入", "输出"), examples)),
            explain.changes(shown),
        )

    def check(self, entry_id: str) -> tuple[Problem, ...]:
        """Check a model's graph and run its examples."""
        shown = entry("model", entry_id)
        definition = models()[shown.id]
        try:
            check_examples(definition.said, definition.file)
        except InputError as error:
            return (problem_of("model", shown.id, definition.file, error),)
        return ()

    def run(self, entry_id: str, inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Run a model; for a `ToolResult` use `tools.models.run.compute_model`."""
        shown = entry("model", entry_id)
        require_enabled("model", shown.id, shown.title)
        definition = models()[shown.id]
        return apply(definition.said, inputs, context, file=definition.file)[0]


registry.add("library", "model", ModelLibrary())
