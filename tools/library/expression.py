"""Formulas of indicators and models: simpleeval with our own short list of what may stand in one.

Allowed are numbers, names, + - * / and **, comparisons, and/or/not, `a if c else b`, and the functions
below. There is no attribute access, no subscript, no string but a unit, no assignment, no power
above 4; length, depth and number of names are bounded, so that evaluation ends at once. Numbers
carry units; `convert(x, 'ha')` is the only way from one unit to another.
"""

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from simpleeval import InvalidExpression, SimpleEval

from cspon.errors import InputError
from tools.library.units import Quantity, Unit, UnitError, parse_unit, quantity

MAX_LENGTH = 500
MAX_NODES = 200
MAX_DEPTH = 30
MAX_POWER = 4

_ALLOWED = (
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.UnaryOp,
    ast.USub,
    ast.UAdd,
    ast.Not,
    ast.BinOp,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.Pow,
    ast.BoolOp,
    ast.And,
    ast.Or,
    ast.Compare,
    ast.Lt,
    ast.LtE,
    ast.Gt,
    ast.GtE,
    ast.Eq,
    ast.NotEq,
    ast.IfExp,
    ast.Call,
)
_WRITE = "只能用数字、变量名、+ - * / **、比较、and/or/not、if else 和函数 "


def names_in(expression: str) -> set[str]:
    """Return the variables of a formula.

    Raises:
        InputError: it is no formula that may be used.
    """
    tree = parse(expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called
    }


def parse(expression: str) -> ast.expr:
    """Parse a formula and check everything in it before anything is computed.

    Raises:
        InputError: too long, too deep, or something that is not allowed.
    """
    if len(expression) > MAX_LENGTH:
        raise _refused(expression, f"公式超过 {MAX_LENGTH} 个字符")
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _refused(expression, "公式写法有误") from None
    nodes = list(ast.walk(tree))
    if len(nodes) > MAX_NODES or _depth(tree) > MAX_DEPTH:
        raise _refused(expression, "公式过于复杂", mend="拆成几个 expression 节点")
    units = {id(node.args[1]) for node in nodes if _is_convert(node)}
    for node in nodes:
        if not isinstance(node, _ALLOWED):
            raise _refused(expression, f"公式中不能用 {type(node).__name__}")
        if isinstance(node, ast.Call):
            _check_call(expression, node)
        if isinstance(node, ast.Constant) and not _plain_number(node.value):
            if id(node) not in units or not isinstance(node.value, str):
                raise _refused(expression, f"公式中不能用 {node.value!r}")
            parse_unit(node.value)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            _check_power(expression, node)
    return tree


def evaluate(expression: str, variables: Mapping[str, Quantity]) -> Quantity:
    """Compute a formula.

    Args:
        expression: The formula.
        variables: Quantities by name.

    Raises:
        InputError: the formula is not allowed, or names an unknown variable.
        UnitError: units that do not fit together, division by zero, or no finite number.
    """
    tree = parse(expression)
    result = _run(SimpleEval, expression, tree, variables)
    if not math.isfinite(result.value):
        raise UnitError(f"公式 {expression} 的结果不是有限数", mend="核对输入数据")
    return result


def unit_of(expression: str, units: Mapping[str, str]) -> Unit:
    """Work out a formula's unit from those of its variables, both branches of every `if` included.

    Raises:
        InputError: as `evaluate`, before there is any data.
    """
    tree = parse(expression)
    probes = {name: Quantity(math.nan, parse_unit(unit)) for name, unit in units.items()}
    return _run(_Probe, expression, tree, probes).unit


class _Probe(SimpleEval):  # type: ignore[misc]
    """Visits every branch, so that a unit error in the one not taken is found."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.nodes[ast.IfExp] = self._both
        self.nodes[ast.BoolOp] = self._every

    def _both(self, node: ast.IfExp) -> Any:
        self._eval(node.test)
        yes, no = quantity(self._eval(node.body)), quantity(self._eval(node.orelse))
        if not yes.unit.same(no.unit):
            raise UnitError(
                f"if 两侧的单位不同：{yes.unit.text} 与 {no.unit.text}", mend="两侧先换算为同一单位"
            )
        return yes

    def _every(self, node: ast.BoolOp) -> Any:
        first, *_ = [self._eval(value) for value in node.values]
        return first


def _run(
    evaluator: type[SimpleEval], expression: str, tree: ast.expr, variables: Mapping[str, Quantity]
) -> Quantity:
    machine = evaluator(operators=_OPERATORS, functions=_FUNCTIONS, names=dict(variables))
    try:
        return quantity(machine.eval(expression, previously_parsed=tree))
    except UnitError as error:
        raise UnitError(f"{error.message}（公式 {expression}）", mend=error.mend) from None
    except InvalidExpression as error:
        unknown = names_in(expression) - set(variables)
        if unknown:
            known = "、".join(variables) or "（无）"
            raise _refused(
                expression, f"没有变量 {'、'.join(sorted(unknown))}", mend=f"可用的变量：{known}"
            ) from None
        raise _refused(expression, str(error)) from None
    except OverflowError:
        raise UnitError(f"公式 {expression} 的结果过大", mend="核对输入数据") from None


def _power(base: Any, exponent: Any) -> Quantity:
    """Raise to a small whole power by multiplying, so that the unit follows."""
    result = quantity(1)
    for _ in range(int(quantity(exponent).value)):
        result = result * quantity(base)
    return result


def _convert(value: Any, unit: str) -> Quantity:
    return quantity(value).to(unit)


def _least(*values: Any) -> Quantity:
    first, *rest = (quantity(value) for value in values)
    for value in rest:
        first = value if value < first else first
    return first


def _greatest(*values: Any) -> Quantity:
    first, *rest = (quantity(value) for value in values)
    for value in rest:
        first = value if value > first else first
    return first


def _rounded(value: Any, digits: Any = 0) -> Quantity:
    given = quantity(value)
    if math.isnan(given.value):
        return given
    return Quantity(round(given.value, int(quantity(digits).value)), given.unit)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "convert": _convert,
    "min": _least,
    "max": _greatest,
    "abs": lambda value: abs(quantity(value)),
    "round": _rounded,
}
FUNCTIONS = tuple(_FUNCTIONS)
_ARGUMENTS = {"convert": (2, 2), "min": (1, 10), "max": (1, 10), "abs": (1, 1), "round": (1, 2)}

_OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: lambda a, b: quantity(a) + b,
    ast.Sub: lambda a, b: quantity(a) - b,
    ast.Mult: lambda a, b: quantity(a) * b,
    ast.Div: lambda a, b: quantity(a) / b,
    ast.Pow: _power,
    ast.USub: lambda a: -quantity(a),
    ast.UAdd: quantity,
    ast.Not: lambda a: not a,
    ast.Lt: lambda a, b: quantity(a) < b,
    ast.LtE: lambda a, b: quantity(a) <= b,
    ast.Gt: lambda a, b: quantity(a) > b,
    ast.GtE: lambda a, b: quantity(a) >= b,
    ast.Eq: lambda a, b: quantity(a) == b,
    ast.NotEq: lambda a, b: quantity(a) != b,
}


def _check_call(expression: str, node: ast.Call) -> None:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name not in _FUNCTIONS or node.keywords:
        raise _refused(expression, f"公式中没有函数 {name or ast.unparse(node.func)}")
    least, most = _ARGUMENTS[name]
    if not least <= len(node.args) <= most:
        raise _refused(expression, f"函数 {name} 的参数个数不对")
    if name == "convert" and not (
        isinstance(node.args[1], ast.Constant) and isinstance(node.args[1].value, str)
    ):
        raise _refused(expression, "convert 的第二个参数须是写明的单位，如 'ha'")
    if name == "round" and len(node.args) == 2:
        digits = node.args[1]
        if not (isinstance(digits, ast.Constant) and digits.value in range(13)):
            raise _refused(expression, "round 的位数须是 0 到 12 的整数")


def _check_power(expression: str, node: ast.BinOp) -> None:
    exponent = node.right
    if not (isinstance(exponent, ast.Constant) and exponent.value in range(1, MAX_POWER + 1)):
        raise _refused(expression, f"乘方的指数须是 1 到 {MAX_POWER} 的整数")


def _is_convert(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "convert"
        and len(node.args) == 2
    )


def _plain_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15


def _depth(node: ast.AST) -> int:
    """Measure the nesting without recursion: a deep formula must not exhaust the stack."""
    deepest, level = 0, [node]
    while level:
        deepest += 1
        level = [child for parent in level for child in ast.iter_child_nodes(parent)]
    return deepest


def _refused(expression: str, message: str, *, mend: str = "") -> InputError:
    shown = expression if len(expression) <= 80 else f"{expression[:80]}…"
    return InputError(
        f"{message}：{shown}", field="expression", mend=mend or f"{_WRITE}{'、'.join(FUNCTIONS)}"
    )
