"""The quantities that schemes read: unit, plausible range, default layer, what they are made from."""

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field

from cspon.errors import InputError
from cspon.schemas.base import Frozen

FILE = Path(__file__).with_name("variables.yaml")
FACTORS: dict[tuple[str, str], float] = {
    ("0.1mm", "mm"): 0.1,
    ("cm", "mm"): 10.0,
    ("m", "mm"): 1000.0,
    ("km", "m"): 1000.0,
    ("cm", "m"): 0.01,
    ("dm", "m"): 0.1,
    ("%", "1"): 0.01,
    ("1", "%"): 100.0,
    ("g/kg", "%"): 0.1,
    ("h", "min"): 60.0,
    ("s", "min"): 1 / 60,
    ("0.1℃·d", "℃·d"): 0.1,
    ("m³/km²", "万m³/km²"): 1e-4,
    ("t/(hm²·a)", "t/(km²·a)"): 100.0,
}
"""Exact conversions from a unit that data come in to the unit of a variable."""
_SPELLINGS = {
    "度": "°",
    "degree": "°",
    "毫米": "mm",
    "米": "m",
    "0.1 mm": "0.1mm",
    "℃": "℃·d",
    "天": "d",
    "分钟": "min",
}


class Variable(Frozen):
    """One quantity, or a category."""

    id: str
    title: str
    unit: str = ""
    range: tuple[float, float] | None = None
    """Lowest and highest plausible value."""
    category: bool = False
    role: str | None = None
    """Role of the layer of the catalogue that gives it."""
    made_from: tuple[str, ...] = Field(default=())


@cache
def variables() -> dict[str, Variable]:
    """Return all variables by id; a mistake in the file is a bug of this project."""
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {key: Variable.model_validate({"id": key, **entry}) for key, entry in raw.items()}


def spelling(unit: str) -> str:
    """Return the unit as this project writes it."""
    return _SPELLINGS.get(unit, unit)


def conversion(unit: str, variable: Variable) -> float:
    """Return the factor from a unit of data to the variable's.

    Raises:
        InputError: the units do not fit together.
    """
    given = spelling(unit)
    if given in ("", variable.unit):
        return 1.0
    factor = FACTORS.get((given, variable.unit))
    if factor is None:
        known = "、".join(
            dict.fromkeys([variable.unit, *(a for a, b in FACTORS if b == variable.unit)])
        )
        raise InputError(
            f"“{variable.title}”的单位“{unit}”不能换算为“{variable.unit}”",
            field=variable.id,
            mend=f"可用的单位：{known}"
            + ("；坡度须为度，百分比坡度请改由高程计算" if variable.id == "slope" else ""),
        )
    return factor
