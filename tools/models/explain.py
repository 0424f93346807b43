"""Draw a graph as Mermaid and as a table: what flows into which step."""

from collections.abc import Mapping
from typing import Any

from tools.library import explain
from tools.library.entry import Ports
from tools.library.kinds import entry
from tools.models.node import Node, Nodes, Reference, reference

_WORDS = {"operator": "算子", "rule": "规则", "indicator": "指标"}


def mermaid(nodes: Nodes, inputs: Ports, outputs: Mapping[str, tuple[str, str]]) -> str:
    """Return a Mermaid flow chart; names are prefixed, for `end` and `class` are words of Mermaid.

    Args:
        nodes: The graph.
        inputs: Inputs and constants; those that no node uses are left out.
        outputs: Output name to its title and `node.port`.
    """
    lines = ["```mermaid", "flowchart LR"]
    edges: list[str] = []
    used: dict[str, None] = {}
    for name, node in nodes.items():
        for key, target in _incoming(node):
            if target.node:
                edges.append(f"  n_{target.node} -->|{key}| n_{name}")
            else:
                used[target.port] = None
                edges.append(f"  in_{target.port} -->|{key}| n_{name}")
    lines += [f'  in_{name}[/"{_text(inputs[name].title)}"/]' for name in used]
    lines += [
        f'  n_{name}["{_text(node.title or name)}<br>{_what(node)}"]'
        for name, node in nodes.items()
    ]
    for key, (title, source) in outputs.items():
        node_name, _, port = source.partition(".")
        lines.append(f'  out_{key}(["{_text(title)}"])')
        edges.append(f"  n_{node_name} -->|{port}| out_{key}")
    return "\n".join([*lines, *edges, "```"])


def steps(nodes: Nodes) -> str:
    """Return the nodes as a table."""
    rows = [
        (
            f"`{name}`",
            node.title or "—",
            f"`{node.expression}`（{node.unit}）" if node.expression else _what(node),
            "\n".join(f"{key} ← {_written(value)}" for key, value in node.inputs.items()) or "—",
        )
        for name, node in nodes.items()
    ]
    return explain.table(("节点", "含义", "做什么", "输入"), rows)


def _incoming(node: Node) -> list[tuple[str, Reference]]:
    found = []
    for key, written in node.inputs.items():
        for item in written if isinstance(written, list) else [written]:
            if (target := reference(item)) is not None:
                found.append((key, target))
    return found


def _what(node: Node) -> str:
    if node.expression is not None:
        return "公式"
    assert node.kind is not None
    return f"{_WORDS[node.kind]}：{entry(node.kind, node.entry_id).title}"


def _written(value: Any) -> str:
    if isinstance(value, list) and any(reference(item) for item in value):
        return "、".join(_written(item) for item in value)
    return f"`{value}`" if reference(value) else explain.shown(value)


def _text(title: str) -> str:
    return title.replace('"', "'")
