"""Numbers that carry their unit: adding hectares to square metres is an error, not a wrong number.

A small table of the units of the field; no library of physical units knows 亩, 万人 or 万元.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

from cspon.errors import InputError

Dimensions = tuple[tuple[str, int], ...]
"""Base quantity to exponent, sorted, without zeros."""

_TABLE: dict[str, tuple[dict[str, int], float]] = {
    "1": ({}, 1.0),
    "%": ({}, 0.01),
    "‰": ({}, 0.001),
    "倍": ({}, 1.0),
    "m": ({"length": 1}, 1.0),
    "km": ({"length": 1}, 1000.0),
    "m²": ({"length": 2}, 1.0),
    "亩": ({"length": 2}, 10_000.0 / 15.0),
    "ha": ({"length": 2}, 10_000.0),
    "公顷": ({"length": 2}, 10_000.0),
    "km²": ({"length": 2}, 1_000_000.0),
    "m³": ({"length": 3}, 1.0),
    "万m³": ({"length": 3}, 1e4),
    "亿m³": ({"length": 3}, 1e8),
    "度": ({"angle": 1}, 1.0),
    "人": ({"people": 1}, 1.0),
    "千人": ({"people": 1}, 1e3),
    "万人": ({"people": 1}, 1e4),
    "元": ({"money": 1}, 1.0),
    "万元": ({"money": 1}, 1e4),
    "亿元": ({"money": 1}, 1e8),
    "个": ({"count": 1}, 1.0),
    "件": ({"count": 1}, 1.0),
    "处": ({"count": 1}, 1.0),
    "幢": ({"count": 1}, 1.0),
    "种": ({"count": 1}, 1.0),
    "张": ({"bed": 1}, 1.0),
    "吨标准煤": ({"coal": 1}, 1.0),
    "万吨标准煤": ({"coal": 1}, 1e4),
    "分": ({"score": 1}, 1.0),
    "min": ({"time": 1}, 1.0),
    "h": ({"time": 1}, 60.0),
    "年": ({"year": 1}, 1.0),
    "天": ({"day": 1}, 1.0),
    "人次": ({"trip": 1}, 1.0),
    "万人次": ({"trip": 1}, 1e4),
}
UNITS = tuple(_TABLE)
_SPELLINGS = {
    "m2": "m²",
    "km2": "km²",
    "㎡": "m²",
    "m3": "m³",
    "hm²": "ha",
    "hm2": "ha",
    "": "1",
    "米": "m",
    "千米": "km",
    "平方米": "m²",
    "万平方米": "ha",
    "平方千米": "km²",
    "平方公里": "km²",
    "立方米": "m³",
    "万立方米": "万m³",
    "亿立方米": "亿m³",
    "分钟": "min",
}


class UnitError(InputError):
    """Units that do not fit together."""


@dataclass(frozen=True)
class Unit:
    """A unit: its dimensions, its size in base units and how it is written."""

    dimensions: Dimensions
    factor: float
    text: str

    def same(self, other: "Unit") -> bool:
        """Whether numbers of both may be added as they stand."""
        return self.dimensions == other.dimensions and math.isclose(
            self.factor, other.factor, rel_tol=1e-12
        )


def _sorted(dimensions: dict[str, int]) -> Dimensions:
    return tuple(sorted((base, exponent) for base, exponent in dimensions.items() if exponent))


@cache
def parse_unit(text: str) -> Unit:
    """Read a unit such as `ha`, `m²/人` or `km/km²`.

    Raises:
        UnitError: an unknown unit; lists those that are known.
    """
    dimensions: dict[str, int] = {}
    factor = 1.0
    for place, side in enumerate(text.replace(" ", "").split("/")):
        sign = 1 if place == 0 else -1
        for raw in side.split("·"):
            name = _SPELLINGS.get(raw, raw)
            if name not in _TABLE:
                raise UnitError(
                    f"不认识的计量单位“{raw}”", field="unit", mend=f"可用：{'、'.join(UNITS)}"
                )
            exponents, size = _TABLE[name]
            factor *= size**sign
            for base, exponent in exponents.items():
                dimensions[base] = dimensions.get(base, 0) + sign * exponent
    shown = text.replace(" ", "") or "1"
    return Unit(_sorted(dimensions), factor, shown)


ONE = parse_unit("1")


@dataclass(frozen=True, eq=False)
class Quantity:
    """A number with its unit; arithmetic checks the units."""

    value: float
    unit: Unit

    @classmethod
    def of(cls, value: float, unit: str = "1") -> "Quantity":
        """Make a quantity from a number and the name of its unit."""
        return cls(float(value), parse_unit(unit))

    def to(self, unit: str | Unit) -> "Quantity":
        """Convert.

        Raises:
            UnitError: another kind of quantity.
        """
        target = parse_unit(unit) if isinstance(unit, str) else unit
        if target.dimensions != self.unit.dimensions:
            raise UnitError(
                f"单位 {self.unit.text} 不能换算为 {target.text}：不是同一种量",
                mend="核对公式与声明的单位",
            )
        if target.same(self.unit):
            return Quantity(self.value, target)
        return Quantity(self.value * (self.unit.factor / target.factor), target)

    def __str__(self) -> str:
        return f"{self.value:g}" if self.unit.text == "1" else f"{self.value:g} {self.unit.text}"

    def __add__(self, other: Any) -> "Quantity":
        return Quantity(self.value + self._like(other, "相加"), self.unit)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Quantity":
        return Quantity(self.value - self._like(other, "相减"), self.unit)

    def __rsub__(self, other: Any) -> "Quantity":
        return quantity(other) - self

    def __mul__(self, other: Any) -> "Quantity":
        return _combined(self, quantity(other), 1)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Quantity":
        return _combined(self, quantity(other), -1)

    def __rtruediv__(self, other: Any) -> "Quantity":
        return _combined(quantity(other), self, -1)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.value, self.unit)

    def __pos__(self) -> "Quantity":
        return self

    def __abs__(self) -> "Quantity":
        return Quantity(abs(self.value), self.unit)

    def __lt__(self, other: Any) -> bool:
        return self.value < self._like(other, "比较")

    def __le__(self, other: Any) -> bool:
        return self.value <= self._like(other, "比较")

    def __gt__(self, other: Any) -> bool:
        return self.value > self._like(other, "比较")

    def __ge__(self, other: Any) -> bool:
        return self.value >= self._like(other, "比较")

    def __eq__(self, other: object) -> bool:
        return self.value == self._like(other, "比较")

    def __hash__(self) -> int:
        return hash((self.value, self.unit))

    def __bool__(self) -> bool:
        raise UnitError("数值不能当作条件", mend="写成比较式，例如 a > convert(0, 'ha')")

    def _like(self, other: Any, verb: str) -> float:
        """Return the other's number, which must be in the same unit; a plain 0 fits any."""
        if isinstance(other, int | float) and not isinstance(other, bool) and other == 0:
            return 0.0
        given = quantity(other)
        if not given.unit.same(self.unit):
            raise UnitError(
                f"单位不同不能{verb}：{self.unit.text} 与 {given.unit.text}",
                mend=f"先换算，例如 convert(x, '{self.unit.text}')",
            )
        return given.value


def quantity(value: Any) -> Quantity:
    """Take a plain number as a quantity without unit.

    Raises:
        UnitError: not a number.
    """
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnitError(f"{value!r} 不是数值", mend="公式中只能用数值")
    return Quantity(float(value), ONE)


def _combined(left: Quantity, right: Quantity, sign: int) -> Quantity:
    if sign < 0 and right.value == 0:
        raise UnitError("除数为零", mend="核对输入数据；或在公式中先判断分母是否为零")
    dimensions = dict(left.unit.dimensions)
    for base, exponent in right.unit.dimensions:
        dimensions[base] = dimensions.get(base, 0) + sign * exponent
    value = left.value * right.value if sign > 0 else left.value / right.value
    factor = left.unit.factor * right.unit.factor**sign
    return Quantity(value, Unit(_sorted(dimensions), factor, _written(left.unit, right.unit, sign)))


def _written(left: Unit, right: Unit, sign: int) -> str:
    if right.text == "1":
        return left.text
    if sign > 0:
        return right.text if left.text == "1" else f"{left.text}·{right.text}"
    if left.text == right.text:
        return "1"
    return f"{left.text}/{right.text}"
