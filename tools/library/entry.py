"""An entry of a library as all four kinds show it, its typed ports, and a problem found in one."""

from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis

Kind = Literal["indicator", "operator", "rule", "model"]
KINDS: tuple[Kind, ...] = get_args(Kind)
KIND_TITLES: dict[Kind, str] = {
    "indicator": "指标库",
    "operator": "算子库",
    "rule": "规则库",
    "model": "模型库",
}

PortType = Literal["layer", "raster", "table", "number", "text", "geometry"]
TYPE_TITLES: dict[PortType, str] = {
    "layer": "矢量图层",
    "raster": "栅格",
    "table": "表",
    "number": "数值",
    "text": "文本",
    "geometry": "项目范围",
}
GEOMETRY_TITLES = {"polygon": "面", "line": "线", "point": "点", "any": "矢量"}

Origin = Literal["shipped", "own"]
"""With the software, or the bureau's own."""


class Port(Frozen):
    """One typed input or output."""

    type: PortType
    title: str
    geometry: Literal["polygon", "line", "point", "any"] = "any"
    """For layers."""
    unit: str | None = None
    """For numbers: a unit; "=other" for the unit of another port, "$other" for the unit that the text
    parameter of that name says; None for any unit."""
    many: bool = False
    """A list of such values."""
    role: str | None = None
    """Role of the catalogue's layer that is taken when nothing is given."""
    default: Any = None
    """Value that is taken when nothing is given; None together with no role: required."""
    optional: bool = False
    """May be left out altogether."""
    choices: tuple[str, ...] = ()
    """For text: the only values."""
    minimum: float | None = None
    maximum: float | None = None
    note: str = ""

    @property
    def required(self) -> bool:
        """Whether a caller must give it when there is no catalogue."""
        return self.default is None and not self.optional

    @property
    def fixed_unit(self) -> str | None:
        """The unit when the declaration itself says it."""
        return None if self.unit is None or self.unit[0] in "=$" else self.unit

    @property
    def described(self) -> str:
        """The type in Chinese, with geometry or unit."""
        text = TYPE_TITLES[self.type]
        if self.type == "layer":
            text = f"{GEOMETRY_TITLES[self.geometry]}图层"
        elif self.type == "number" and self.unit:
            how = {"=": f"同 {self.unit[1:]}", "$": "由参数定"}.get(self.unit[0], self.unit)
            text += f"，单位 {how}" if how != "1" else "，无单位"
        return f"{text}，可多个" if self.many else text


Ports = dict[str, Port]


class Header(Frozen):
    """What every YAML file of a library says of itself."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{1,63}$")
    title: str
    version: str = Field(pattern=r"^\d+(\.\d+){0,2}$")
    summary: str
    basis: tuple[Basis, ...]
    verified: bool
    valid_from: date
    valid_to: date | None = None
    """First day on which it no longer holds."""
    note: str = ""


class Entry(Frozen):
    """One entry as it is listed."""

    kind: Kind
    id: str
    title: str
    version: str
    enabled: bool = True
    disabled_because: str = ""
    origin: Origin = "shipped"
    group: str = ""
    basis: tuple[Basis, ...] = ()
    verified: bool
    valid_from: date | None = None
    valid_to: date | None = None
    summary: str
    inputs: Ports = Field(default_factory=dict)
    outputs: Ports = Field(default_factory=dict)
    examples: int
    file: str
    """Relative to the folder of its origin."""
    sha256: str


class Problem(Frozen):
    """Something that is wrong with an entry."""

    kind: Kind
    id: str
    file: str
    field: str = ""
    message: str
    mend: str


def problem_of(kind: Kind, entry_id: str, file: Path, error: InputError) -> Problem:
    """Turn the error of a check into a line of the validation report."""
    return Problem(
        kind=kind,
        id=entry_id,
        file=Path(error.file or file).name,
        field=error.field or "",
        message=error.message,
        mend=error.mend,
    )
