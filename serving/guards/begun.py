"""From a pattern to the pattern of its beginnings: may a text that ends here still become a match?

A stream has to hold back what could grow into something that must not leave. For `ab[0-9]{2}` the
beginnings are nothing, `a`, `ab` and `ab` with a digit; the whole match is one, too, since it may be
extended. Works on the parse tree of Python's own `re`; knows the part of the syntax that rules may
use (no look-around, no back reference, no anchors, no unbounded repeat).

Long repeats are not counted: the pattern matches some texts more that are no beginnings, and its
automaton stays small. Who uses it bounds what it holds by `longest`.
"""

from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from cspon.errors import InputError

Tree = list[tuple[Any, Any]]
CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
MOST_REPEATS = 1000
"""RE2 takes no more."""
COUNTED = 4
"""Repeats that are counted."""


def beginnings(pattern: str) -> str:
    """Return a pattern that matches every beginning of a match, the empty and the whole one included.

    Raises:
        InputError: the pattern uses what rules may not use.
    """
    tree = parser.parse(pattern)
    if tree.state.flags & parser.SRE_FLAG_IGNORECASE:
        raise InputError(f"大小写开关只能写在括号里：{pattern[:60]}", mend="写作 (?i:…)")
    return _begun(list(tree))


def longest(pattern: str) -> int:
    """Return the most characters that a match can have.

    Raises:
        InputError: there is no such bound.
    """
    most = int(parser.parse(pattern).getwidth()[1])
    if most > 10 * MOST_REPEATS:
        raise InputError(f"表达式没有长度上限：{pattern[:60]}", mend="用 {m,n} 代替 * 和 +")
    return most


def _whole(tree: Tree) -> str:
    return "".join(_whole_item(kind, value) for kind, value in tree)


def _begun(tree: Tree) -> str:
    text = ""
    for kind, value in reversed(tree):
        first = _begun_item(kind, value)
        text = f"(?:{first}|{_whole_item(kind, value)}{text})"
    return text


def _whole_item(kind: Any, value: Any) -> str:
    match kind:
        case op.LITERAL:
            return _char(value)
        case op.NOT_LITERAL:
            return f"[^{_char(value)}]"
        case op.ANY:
            return "."
        case op.IN:
            return _set(value)
        case op.BRANCH:
            return f"(?:{'|'.join(_whole(list(branch)) for branch in value[1])})"
        case op.SUBPATTERN:
            return f"(?{_flags(value)}:{_whole(list(value[3]))})"
        case op.MAX_REPEAT | op.MIN_REPEAT:
            least, most, inner = value
            lazy = "?" if kind is op.MIN_REPEAT else ""
            return f"(?:{_whole(list(inner))}){_times(least, _bounded(most))}{lazy}"
    raise InputError(f"规则的表达式不能用 {kind}", mend="不用环视、反向引用和定位符")


def _begun_item(kind: Any, value: Any) -> str:
    match kind:
        case op.BRANCH:
            return f"(?:{'|'.join(_begun(list(branch)) for branch in value[1])})"
        case op.SUBPATTERN:
            return f"(?{_flags(value)}:{_begun(list(value[3]))})"
        case op.MAX_REPEAT | op.MIN_REPEAT:
            _, most, inner = value
            tree = list(inner)
            return f"(?:{_whole(tree)}){_times(0, _bounded(most) - 1)}{_begun(tree)}"
    return ""


def _times(least: int, most: int) -> str:
    return f"{{{least},{most}}}" if most <= COUNTED else f"{{{min(least, COUNTED)},}}"


def _bounded(most: Any) -> int:
    if most is op.MAXREPEAT or int(most) > MOST_REPEATS:
        raise InputError(f"规则的表达式每处至多重复 {MOST_REPEATS} 次", mend="用 {m,n} 代替 * 和 +")
    return int(most)


def _flags(value: Any) -> str:
    """Only letter case may be switched inside a pattern."""
    return "i" if value[1] & parser.SRE_FLAG_IGNORECASE else ""


def _set(items: Any) -> str:
    text = ""
    for kind, value in items:
        if kind is op.NEGATE:
            text += "^"
        elif kind is op.LITERAL:
            text += _char(value)
        elif kind is op.RANGE:
            text += f"{_char(value[0])}-{_char(value[1])}"
        else:
            text += CATEGORIES[value]
    return f"[{text}]"


def _char(code: int) -> str:
    return rf"\x{{{code:x}}}"
