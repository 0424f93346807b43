"""The graph of a model or an indicator: nodes with typed ports, checked before anything runs."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from tools.library.coerce import coerce
from tools.library.entry import Entry, Port, Ports
from tools.library.expression import names_in, unit_of
from tools.library.kinds import entry
from tools.library.units import UnitError, parse_unit
from tools.models.node import VALUE, Node, Nodes, Reference, reference, references


def check_graph(nodes: Nodes, inputs: Ports, wanted: Mapping[str, str], file: Path) -> Ports:
    """Check a graph before anything runs.

    Args:
        nodes: Nodes by name.
        inputs: What `$name` may mean: inputs and constants.
        wanted: Output name to `node.port`.
        file: For messages.

    Returns:
        The outputs' ports, with units where they are known.

    Raises:
        InputError: unknown node, port or entry, cycle, wrong type, missing or wrong unit, or a node
            that nothing uses; names file and node.
    """
    known: dict[str, Ports] = {"": inputs}
    for name in order(nodes, file):
        known[name] = _signature(name, nodes[name], known, file)
    outputs: Ports = {}
    used = {ref.node for node in nodes.values() for ref in references(node)}
    for name, written in wanted.items():
        target = reference(written)
        if target is None:
            raise _wrong(
                file, f"outputs.{name}", f"“{written}”不是 节点.端口", "写作 节点名.输出名"
            )
        outputs[name] = _port(target, known, file, f"outputs.{name}")
        used.add(target.node)
    idle = [name for name in nodes if name not in used]
    if idle:
        raise _wrong(
            file,
            f"nodes.{idle[0]}",
            "节点的结果没有用到",
            "在 outputs 或其他节点中引用，或删去该节点",
        )
    return outputs


def order(nodes: Nodes, file: Path) -> list[str]:
    """Return the nodes so that each comes after those it needs.

    Raises:
        InputError: a cycle, or a reference to a node that does not exist.
    """
    needs: dict[str, list[str]] = {}
    for name, node in nodes.items():
        needs[name] = [ref.node for ref in references(node) if ref.node]
        for needed in needs[name]:
            if needed not in nodes:
                raise _wrong(
                    file,
                    f"nodes.{name}",
                    f"引用了不存在的节点 {needed}",
                    f"节点有：{'、'.join(nodes)}",
                )
    try:
        return list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        path = " → ".join(error.args[1])
        raise _wrong(
            file, f"nodes.{error.args[1][0]}", f"节点成环：{path}", "去掉其中一个引用"
        ) from None


def _signature(name: str, node: Node, known: dict[str, Ports], file: Path) -> Ports:
    """Check a node's inputs and return its outputs."""
    place = f"nodes.{name}"
    if node.expression is not None:
        return _formula(place, node, node.expression, known, file)
    kind = node.kind
    assert kind is not None
    try:
        found: Entry = entry(kind, node.entry_id)
    except InputError as error:
        raise _wrong(file, place, error.message, error.mend) from None
    if node.unit is not None:
        raise _wrong(file, f"{place}.unit", "只有 expression 节点写 unit", "删去 unit")
    for key in node.inputs:
        if key not in found.inputs:
            raise _wrong(
                file,
                f"{place}.inputs.{key}",
                f"{found.title}没有输入 {key}",
                f"输入有：{'、'.join(found.inputs)}",
            )
    units: dict[str, str | None] = {}
    for key, port in found.inputs.items():
        if key not in node.inputs:
            if port.required and port.role is None:
                raise _wrong(
                    file,
                    f"{place}.inputs",
                    f"缺少输入 {key}（{port.title}）",
                    f"补上 {key}: $输入、节点.端口 或常数",
                )
            continue
        units[key] = _connect(f"{place}.inputs.{key}", port, node.inputs[key], known, file)
    return {key: _resolved(port, units, node) for key, port in found.outputs.items()}


def _resolved(port: Port, units: dict[str, str | None], node: Node) -> Port:
    """Put in the unit that depends on an input or on a text parameter."""
    if port.unit is None or port.fixed_unit is not None:
        return port
    if port.unit[0] == "=":
        return port.model_copy(update={"unit": units.get(port.unit[1:])})
    written = node.inputs.get(port.unit[1:], "1")
    known = written if isinstance(written, str) and reference(written) is None else None
    return port.model_copy(update={"unit": known})


def _connect(
    place: str, port: Port, written: Any, known: dict[str, Ports], file: Path
) -> str | None:
    """Check one connection; returns the unit that flows, when it is known."""
    if port.many and isinstance(written, list):
        single = port.model_copy(update={"many": False})
        for item in written:
            _connect(place, single, item, known, file)
        return port.fixed_unit
    target = reference(written)
    if target is None:
        value = coerce(place, port, written, file=file)
        return value.unit.text if port.type == "number" and not port.many else None
    source = _port(target, known, file, place)
    shown = written
    if not _fits(source, port):
        raise _wrong(
            file,
            place,
            f"需要{port.described}，{shown} 是{source.described}",
            "改接类型相同的端口，或在中间加一个转换的节点",
        )
    if port.type == "number" and source.fixed_unit and port.fixed_unit:
        have, need = parse_unit(source.fixed_unit), parse_unit(port.fixed_unit)
        if have.dimensions != need.dimensions:
            raise _wrong(
                file,
                place,
                f"单位应为 {port.fixed_unit}，{shown} 的单位是 {source.fixed_unit}",
                "改接同一种量，或在公式中换算",
            )
    return source.fixed_unit


def _fits(source: Port, port: Port) -> bool:
    types = {source.type, port.type}
    same = source.type == port.type or types == {"layer", "geometry"}
    if not same or (source.many and not port.many):
        return False
    if port.type in ("layer", "geometry"):
        wanted = "polygon" if port.type == "geometry" else port.geometry
        return wanted == "any" or source.geometry in (wanted, "any") or source.type == "geometry"
    return True


def _formula(place: str, node: Node, expression: str, known: dict[str, Ports], file: Path) -> Ports:
    if node.unit is None:
        raise _wrong(file, f"{place}.unit", "公式没有声明结果的单位", '写 unit，没有单位的写 "1"')
    number = Port(type="number", title="")
    units: dict[str, str] = {}
    try:
        declared = parse_unit(node.unit)
        for key, written in node.inputs.items():
            where = f"{place}.inputs.{key}"
            unit = _connect(where, number, written, known, file)
            if unit is None:
                raise _wrong(file, where, "该输入的单位不确定", "先用 ratio 等算子声明单位")
            units[key] = unit
        missing = names_in(expression) - set(units)
        if missing:
            raise _wrong(
                file,
                f"{place}.inputs",
                f"公式中的变量 {'、'.join(sorted(missing))} 没有接入",
                "在 inputs 中写明每个变量取自哪里",
            )
        computed = unit_of(expression, units)
    except UnitError as error:
        raise _wrong(file, place, error.message, error.mend) from None
    except InputError as error:
        if error.file is not None:
            raise
        raise _wrong(file, f"{place}.expression", error.message, error.mend) from None
    if not computed.same(declared):
        raise _wrong(
            file,
            f"{place}.unit",
            f"公式的单位是 {computed.text}，声明为 {node.unit}",
            f"在公式中换算：convert(…, '{node.unit}')，或改正 unit",
        )
    return {VALUE: Port(type="number", title=node.title or expression, unit=node.unit)}


def _port(target: Reference, known: dict[str, Ports], file: Path, place: str) -> Port:
    if target.node not in known:
        nodes = "、".join(name for name in known if name)
        raise _wrong(file, place, f"没有节点 {target.node}", f"节点有：{nodes}")
    ports = known[target.node]
    if target.port not in ports:
        what = (
            f"节点 {target.node} 没有输出 {target.port}"
            if target.node
            else f"没有输入 ${target.port}"
        )
        raise _wrong(file, place, what, f"可用：{'、'.join(ports)}")
    return ports[target.port]


def _wrong(file: Path, field: str, message: str, mend: str) -> InputError:
    return InputError(message, file=file, field=field, mend=mend)
