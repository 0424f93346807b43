"""Run a graph: nodes in order, each with its provenance."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.library.entry import Ports
from tools.library.expression import evaluate
from tools.library.kinds import Context, entry, library
from tools.library.raster import Raster
from tools.library.units import Quantity
from tools.library.values import Layer
from tools.models.graph import order
from tools.models.node import VALUE, Node, Nodes, Reference, reference

Progress = Callable[[str], None]


class NodeRun(Frozen):
    """What one node did: enough to check it."""

    node: str
    kind: str
    id: str
    version: str
    title: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    elapsed_ms: float


def quiet(message: str) -> None:
    """Say nothing."""


def run_graph(
    nodes: Nodes,
    given: Mapping[str, Any],
    inputs: Ports,
    context: Context,
    *,
    file: Path,
    progress: Progress = quiet,
) -> tuple[dict[str, dict[str, Any]], tuple[NodeRun, ...]]:
    """Run all nodes.

    Args:
        nodes: A checked graph.
        given: Typed values of inputs and constants.
        inputs: Their ports.
        context: Layers and date for rules.
        file: For messages.
        progress: Told of each node before it runs.

    Returns:
        Outputs by node and port, and one record a node.

    Raises:
        InputError: a node fails; names file and node.
    """
    done: dict[str, dict[str, Any]] = {"": dict(given)}
    records: list[NodeRun] = []
    wanted = order(nodes, file)
    for number, name in enumerate(wanted, 1):
        node = nodes[name]
        title = node.title or name
        progress(f"[{number}/{len(wanted)}] {title}")
        values = {
            key: value
            for key, written in node.inputs.items()
            if (value := _value(written, done)) is not None
        }
        started = time.perf_counter()
        try:
            done[name] = _run(node, values, context)
        except InputError as error:
            raise InputError(
                f"节点“{title}”不能计算：{error.message}",
                file=file.name,
                layer=error.layer,
                field=f"nodes.{name}" + (f"（{error.field}）" if error.field else ""),
                mend=error.mend,
            ) from None
        records.append(_record(name, node, values, done[name], time.perf_counter() - started))
    return done, tuple(records)


def summary(value: Any) -> str:
    """Describe a value in a few words for the record of a node."""
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, Raster):
        return f"{value.grid.rows} × {value.grid.columns} 栅格，像元 {value.grid.cell:g} m"
    if isinstance(value, Layer):
        return f"{len(value)} 个要素"
    if hasattr(value, "spec"):
        return f"图层 {value.spec.name}（{value.spec.date}）"
    if isinstance(value, tuple) and value and isinstance(value[0], dict):
        return f"{len(value)} 行"
    if isinstance(value, list | tuple):
        return "、".join(summary(item) for item in value[:8]) + ("…" if len(value) > 8 else "")
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _run(node: Node, values: dict[str, Any], context: Context) -> dict[str, Any]:
    if node.expression is None:
        kind = node.kind
        assert kind is not None
        return library(kind).run(node.entry_id, values, context)
    assert node.unit is not None
    numbers = {key: v if isinstance(v, Quantity) else _number(key, v) for key, v in values.items()}
    return {VALUE: evaluate(node.expression, numbers).to(node.unit)}


def _number(key: str, value: Any) -> Quantity:
    from tools.library.coerce import coerce
    from tools.library.entry import Port

    number: Quantity = coerce(key, Port(type="number", title=key), value)
    return number


def _value(written: Any, done: dict[str, dict[str, Any]]) -> Any:
    if isinstance(written, list):
        return tuple(_value(item, done) for item in written)
    target: Reference | None = reference(written)
    return written if target is None else done[target.node].get(target.port)


def _record(
    name: str, node: Node, values: dict[str, Any], outputs: dict[str, Any], seconds: float
) -> NodeRun:
    if node.expression is not None:
        kind, entry_id, version = "expression", node.expression, ""
    else:
        assert node.kind is not None
        kind, entry_id = node.kind, node.entry_id
        version = entry(node.kind, entry_id).version
    return NodeRun(
        node=name,
        kind=kind,
        id=entry_id,
        version=version,
        title=node.title or name,
        inputs={key: summary(value) for key, value in values.items()},
        outputs={key: summary(value) for key, value in outputs.items()},
        elapsed_ms=round(seconds * 1000, 1),
    )
