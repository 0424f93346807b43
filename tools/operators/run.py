"""Run an operator: inputs are checked against the ports, outputs against the declaration."""

from collections.abc import Mapping
from typing import Any

from cspon.errors import InputError
from cspon.registry import registry
from tools.library.coerce import coerce
from tools.library.examples import compare
from tools.library.state import require_enabled
from tools.library.values import CatalogueLayer
from tools.operators.load import operators
from tools.operators.model import Operator


def run_operator(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Run one operator.

    Args:
        name: Its id.
        inputs: Inputs and parameters by port: typed values or their written form.

    Returns:
        Outputs by port. An operator with alternatives gives only those that apply.

    Raises:
        InputError: unknown operator, switched off, or an input that does not fit.
    """
    found = operators()
    if name not in found:
        raise InputError(f"没有算子 {name}", field="operator", mend=f"可用：{'、'.join(found)}")
    said = found[name].said
    require_enabled("operator", name, said.title)
    return _apply(said, inputs)


def check_examples(name: str) -> None:
    """Run the worked examples of an operator.

    Raises:
        InputError: an example does not come out.
    """
    definition = operators()[name]
    for example in definition.said.examples:
        got = _apply(definition.said, example.inputs, file=definition.file)
        compare(example.name, definition.said.outputs, got, example.expect, definition.file)


def _apply(said: Operator, inputs: Mapping[str, Any], *, file: object = None) -> dict[str, Any]:
    unknown = [key for key in inputs if key not in said.ports]
    if unknown:
        raise InputError(
            f"算子 {said.id} 没有输入 {'、'.join(unknown)}",
            file=file,
            field=unknown[0],
            mend=f"可用：{'、'.join(said.ports)}",
        )
    given: dict[str, Any] = {}
    for key, port in said.ports.items():
        value = inputs.get(key, port.default)
        if value is None:
            if port.optional:
                continue
            raise InputError(
                f"算子 {said.id} 缺少输入“{port.title}”",
                file=file,
                field=key,
                mend=f"给出 {key}（{port.described}）",
            )
        typed = coerce(key, port, value, file=file)
        if isinstance(typed, CatalogueLayer) and key not in said.streams:
            typed = typed.whole()
        given[key] = typed
    result: dict[str, Any] = registry.get("operator", said.id)(**given)
    assert set(result) <= set(said.outputs), f"operator {said.id} gave {set(result)}"
    return result
