"""Load the operators: each YAML file has a function with the same ports, and the other way round."""

import importlib
import inspect
import threading
from functools import cache
from pathlib import Path

from cspon.errors import InputError
from cspon.registry import registry
from tools.library.definitions import Definition, shipped
from tools.library.units import parse_unit
from tools.operators.model import GROUPS, Operator

FOLDER = Path(__file__).parent / "definitions"
MODULES = ("overlay", "grouping", "nearby", "measures", "rasters", "numbers")
_loading = threading.Lock()


def operators() -> dict[str, Definition[Operator]]:
    """Return the operators by id, in the order of their groups.

    Raises:
        InputError: a file has a mistake, or does not fit its function.
    """
    with _loading:
        return _operators()


@cache
def _operators() -> dict[str, Definition[Operator]]:
    for module in MODULES:
        importlib.import_module(f"tools.operators.functions.{module}")
    found = shipped(FOLDER, Operator)
    for name, definition in found.items():
        _check(name, definition)
    orphans = set(registry.names("operator")) - set(found)
    assert not orphans, f"operator functions without a file: {orphans}"
    ordered = sorted(found, key=lambda name: (GROUPS.index(found[name].said.group), name))
    return {name: found[name] for name in ordered}


def _check(name: str, definition: Definition[Operator]) -> None:
    said, file = definition.said, definition.file
    if name not in registry.names("operator"):
        raise InputError("没有同名的算子函数", file=file, field="id", mend="在 functions 中登记")
    if said.group not in GROUPS:
        raise InputError(
            f"没有“{said.group}”这一组", file=file, field="group", mend="、".join(GROUPS)
        )
    arguments = list(inspect.signature(registry.get("operator", name)).parameters)
    if list(said.ports) != arguments:
        raise InputError(
            f"端口 {list(said.ports)} 与函数参数 {arguments} 不同",
            file=file,
            field="inputs",
            mend="改正文件或函数",
        )
    for port in {**said.ports, **said.outputs}.values():
        if port.fixed_unit:
            parse_unit(port.fixed_unit)
