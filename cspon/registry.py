"""One registry for everything that is found by name: tools, rules, layers, providers.

A kind is a noun ("tool", "rule"); a name is unique within its kind. Nothing here knows what a
kind's objects look like: the folder that owns the kind does.
"""

from collections.abc import Iterator
from typing import Any

from cspon.errors import CsponError


class NotRegistered(CsponError):
    """No object of that kind has that name."""


class Registry:
    """Objects by kind and name, in order of registration."""

    def __init__(self) -> None:
        self._kinds: dict[str, dict[str, Any]] = {}

    def add(self, kind: str, name: str, value: Any) -> None:
        """Register `value`; a second registration of a different object is a bug."""
        names = self._kinds.setdefault(kind, {})
        assert name not in names or names[name] is value, f"{kind} {name!r} registered twice"
        names[name] = value

    def get(self, kind: str, name: str) -> Any:
        """Return the object.

        Raises:
            NotRegistered: with the known names, so that a typo is seen at once.
        """
        try:
            return self._kinds[kind][name]
        except KeyError:
            known = "、".join(self.names(kind)) or "（无）"
            raise NotRegistered(f"没有名为 {name!r} 的 {kind}；已有：{known}") from None

    def names(self, kind: str) -> list[str]:
        """List the names of a kind."""
        return list(self._kinds.get(kind, {}))

    def items(self, kind: str) -> Iterator[tuple[str, Any]]:
        """Iterate over names and objects of a kind."""
        return iter(self._kinds.get(kind, {}).items())


registry = Registry()
