"""What stands for a masked value, and how it is put back for the caller who gave it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PLACEHOLDER = re.compile(r"【([一-鿿A-Za-z0-9]{1,8})[#＃]([0-9]{1,3})】")
MOST = 999


def hidden(label: str) -> str:
    """Return what stands for a value that is not put back."""
    return f"【{label}已隐去】"


def bare(value: str) -> str:
    """Return a value as it is compared: without what groups it."""
    return (value if value.isalnum() else re.sub(r"[\s\-]", "", value)).upper()


@dataclass(frozen=True)
class Vault:
    """Placeholders of one request and the values behind them; lives as long as the request."""

    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    known: frozenset[str] = field(default=frozenset(), repr=False)
    """Bare forms of the values: the caller's own, who may see them again."""

    def value(self, placeholder: str) -> str | None:
        """Return what stands behind a placeholder; None where nothing does."""
        return self.values.get(placeholder.replace("＃", "#"))

    def owns(self, value: str) -> bool:
        """Say whether the caller gave this value."""
        return bool(self.known) and bare(value) in self.known

    def restore(self, text: str) -> str:
        """Put every value back."""
        if not self.values or "【" not in text:
            return text
        return PLACEHOLDER.sub(lambda m: self.value(m.group()) or m.group(), text)


NOTHING = Vault()
"""Nothing was masked."""


class VaultBuilder:
    """Gives out placeholders; one value has one placeholder, in whatever text it occurs.

    Args:
        taken: Texts in which placeholders may stand already: their names are not given out.
    """

    def __init__(self, taken: str = "") -> None:
        self._values: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._taken = set(PLACEHOLDER.findall(taken)) if "【" in taken else set()
        self._counts: dict[str, int] = {}

    def placeholder(self, label: str, value: str) -> str:
        """Return the placeholder of a value."""
        key = bare(value)
        if key not in self._names:
            number = self._counts.get(label, 0) + 1
            while (label, str(number)) in self._taken:
                number += 1
            if number > MOST:
                return hidden(label)
            self._counts[label] = number
            self._names[key] = f"【{label}#{number}】"
            self._values[self._names[key]] = value
        return self._names[key]

    def vault(self) -> Vault:
        """Return what was given out."""
        return Vault(MappingProxyType(self._values), frozenset(self._names))
