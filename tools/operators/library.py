"""The operator library as one of the four."""

from collections.abc import Mapping
from typing import Any

from cspon.errors import InputError
from cspon.registry import registry
from tools.library import explain
from tools.library.entry import Entry, Kind, Problem, problem_of
from tools.library.kinds import Context, entry
from tools.library.listing import listed
from tools.library.state import disabled
from tools.operators.load import operators
from tools.operators.run import check_examples, run_operator


class OperatorLibrary:
    """All operators."""

    kind: Kind = "operator"

    def entries(self) -> tuple[Entry, ...]:
        """List the operators by group."""
        off = disabled("operator")
        return tuple(
            listed(
                "operator",
                d,
                off,
                verified=d.said.verified,
                inputs=d.said.ports,
                outputs=d.said.outputs,
                examples=len(d.said.examples),
                group=d.said.group,
            )
            for d in operators().values()
        )

    def explain(self, entry_id: str) -> str:
        """Explain an operator: method, ports, parameters, source, examples."""
        shown = entry("operator", entry_id)
        said = operators()[shown.id].said
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
            explain.ports("输入", said.inputs),
            explain.ports("参数", said.parameters),
            explain.ports("输出", said.outputs),
            explain.section("计算库", said.library),
            explain.grounds(shown.basis),
            explain.section("备注", said.note),
            explain.section("算例", explain.table(("算例", "输入", "输出"), examples)),
            explain.changes(shown),
        )

    def check(self, entry_id: str) -> tuple[Problem, ...]:
        """Run an operator's examples."""
        shown = entry("operator", entry_id)
        try:
            check_examples(shown.id)
        except InputError as error:
            return (problem_of("operator", shown.id, operators()[shown.id].file, error),)
        return ()

    def run(self, entry_id: str, inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Run an operator."""
        return run_operator(entry("operator", entry_id).id, inputs)


registry.add("library", "operator", OperatorLibrary())
