"""Load the indicators that ship with the software and the bureau's own; every graph is checked."""

import importlib
import threading
from functools import cache
from pathlib import Path

from cspon.errors import InputError
from cspon.registry import registry
from tools.indicators.model import OUTPUT, Indicator
from tools.library.definitions import Definition, own, own_files, shipped
from tools.library.entry import Ports, Problem
from tools.library.units import UnitError, parse_unit
from tools.models.graph import check_graph

FOLDER = Path(__file__).parent / "definitions"
MODULES: tuple[str, ...] = ()
"""Modules with `@indicator` functions; each registers when imported."""
_loading = threading.RLock()


def indicators() -> dict[str, Definition[Indicator]]:
    """Return all indicators by id.

    Raises:
        InputError: a shipped file has a mistake.
    """
    return {**_shipped_indicators(), **own_indicators()[0]}


def own_indicators() -> tuple[dict[str, Definition[Indicator]], tuple[Problem, ...]]:
    """Return the bureau's own indicators whose examples pass, and what is wrong with the others."""
    if not own_files("indicator"):
        return {}, ()
    return own("indicator", Indicator, set(_shipped_indicators()), _check_own)


def check_indicator(said: Indicator, file: Path, *, code_allowed: bool) -> Ports:
    """Check an indicator's graph or function and return its one output.

    Raises:
        InputError: names file, node and mend.
    """
    try:
        declared = parse_unit(said.unit)
    except UnitError as error:
        raise InputError(error.message, file=file, field="unit", mend=error.mend) from None
    if not said.nodes:
        if not code_allowed:
            raise InputError(
                "没有写计算步骤 nodes", file=file, field="nodes", mend="用算子和公式写出计算步骤"
            )
        if said.id not in registry.names("indicator"):
            raise InputError("没有同名的指标函数", file=file, field="id", mend="登记函数或写 nodes")
        return _output(said)
    found = check_graph(said.nodes, said.ports, {OUTPUT: said.result}, file)[OUTPUT]
    unit = found.fixed_unit
    if found.type != "number" or unit is None or not parse_unit(unit).same(declared):
        raise InputError(
            f"结果 {said.result} 的单位是 {unit or '不定'}，指标声明为 {said.unit}",
            file=file,
            field="result",
            mend="加一个换算的 expression 节点，或改正 unit",
        )
    return _output(said)


def _output(said: Indicator) -> Ports:
    from tools.library.entry import Port

    return {OUTPUT: Port(type="number", title=said.title, unit=said.unit)}


def _shipped_indicators() -> dict[str, Definition[Indicator]]:
    with _loading:
        return _load()


@cache
def _load() -> dict[str, Definition[Indicator]]:
    for module in MODULES:
        importlib.import_module(module)
    found = shipped(FOLDER, Indicator)
    for definition in found.values():
        check_indicator(definition.said, definition.file, code_allowed=True)
    without = {name for name, d in found.items() if not d.said.nodes}
    orphans = set(registry.names("indicator")) - without
    assert not orphans, f"indicator functions without a file of their own: {orphans}"
    return found


def _check_own(said: Indicator, file: Path) -> None:
    from tools.indicators.compute import check_examples

    check_indicator(said, file, code_allowed=False)
    check_examples(said, file)
