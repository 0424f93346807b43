"""What a rule pack says: files, layers, fields, checks; and what a check found."""

from typing import Any, Literal

from pydantic import Field

from cspon.schemas.base import Frozen

Severity = Literal["error", "warning", "notice"]
SEVERITIES: dict[str, str] = {"error": "错误", "warning": "警告", "notice": "提示"}
GEOMETRIES: dict[str, str] = {"polygon": "面", "line": "线", "point": "点"}
FIELD_TYPES: dict[str, str] = {
    "text": "文本",
    "integer": "整数",
    "number": "数值",
    "date": "日期",
}


class FileRule(Frozen):
    """A directory or file that the database must or may hold."""

    id: str
    kind: Literal["directory", "file"]
    title: str
    pattern: str
    """Regular expression of the path relative to the database, with / between folders."""
    required: bool = True


class FieldRule(Frozen):
    """One attribute of a layer."""

    name: str
    title: str
    type: Literal["text", "integer", "number", "date"]
    length: int | None = None
    """Most characters of a text; the file may declare no other length."""
    required: bool = True
    """Whether the field must be there."""
    filled: bool = False
    """Whether every feature needs a value."""
    unique: bool = False
    pattern: str | None = None
    values: tuple[str, ...] = ()
    scheme: str | None = None
    """A code scheme: ydyh_2023, or one of `tools/data/zone_schemes.yaml`."""
    name_field: str | None = None
    """Field that holds the name of the scheme's code."""
    minimum: float | None = None
    maximum: float | None = None
    decimals: int | None = Field(None, ge=0)
    """Most decimals of a number."""


class LayerRule(Frozen):
    """One layer of the database."""

    name: str
    aliases: tuple[str, ...] = ()
    title: str
    geometry: Literal["polygon", "line", "point"]
    required: bool = True
    element_codes: tuple[str, ...] = ()
    """Values that YSDM may have in this layer; none: not checked."""
    area_field: str | None = None
    area_unit: Literal["m2", "ha", "mu"] = "m2"
    fields: tuple[FieldRule, ...]
    source: str
    verified: bool


class CheckRule(Frozen):
    """One check with its parameters."""

    id: str
    kind: str
    """Name of the registered check function."""
    title: str
    layers: tuple[str, ...] = ()
    """Layer names, or `polygon`, `line`, `point`, `all`."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    severity: Severity = "error"
    mend: str
    basis: str
    verified: bool = False


class IndicatorRule(Frozen):
    """An indicator whose figure a layer must bear out."""

    name: str
    aliases: tuple[str, ...] = ()
    layer: str = ""
    """Layer whose area it is; empty: only the tables state it."""
    measure: Literal["area", "percent", "volume"] = "area"
    required: bool = True
    """Whether the tables must hold it."""
    field: str | None = None
    """Code field that chooses features; with `codes`."""
    codes: tuple[str, ...] = ()
    """Code prefixes that count; none: all features."""
    upper: Literal["at_least", "at_most", "equal"] | None = None
    """How the figure stands to the one handed down from above."""


class Pack(Frozen):
    """What one kind of plan database must look like."""

    id: str
    title: str
    version: str
    source: str
    verified: bool
    region_layer: str
    """Layer of the county; features must lie inside it."""
    town_layer: str | None = None
    region_code_field: str = "XZQDM"
    region_name_field: str = "XZQMC"
    id_field: str = "BSM"
    element_code_field: str = "YSDM"
    zone_widths: tuple[int, ...] = (3,)
    height_epsg: tuple[int, ...] = (5737,)
    grid_m: float = Field(0.0001, gt=0)
    """Coordinates that agree to this are the same point in topology."""
    files: tuple[FileRule, ...] = ()
    layers: tuple[LayerRule, ...]
    checks: tuple[CheckRule, ...]
    indicators: tuple[IndicatorRule, ...] = ()

    def layer(self, name: str) -> LayerRule | None:
        """Return a layer's rule by its name or an alias, whatever the case."""
        wanted = name.upper()
        for rule in self.layers:
            if wanted in (rule.name.upper(), *(alias.upper() for alias in rule.aliases)):
                return rule
        return None

    def checks_of(self, layer: LayerRule, kinds: set[str]) -> list[CheckRule]:
        """List the checks of some kinds that a layer is subject to."""
        groups = {"all", layer.geometry, layer.name}
        return [c for c in self.checks if c.kind in kinds and groups & set(c.layers)]


class Finding(Frozen):
    """One thing that is wrong, with its place."""

    check: str
    """Id of the check."""
    title: str
    severity: Severity
    layer: str = ""
    fid: int | None = None
    other_fid: int | None = None
    """The other feature of an overlap or a duplicate."""
    identifier: str = ""
    """BSM of the feature."""
    field: str = ""
    x: float | None = None
    y: float | None = None
    measured: str = ""
    tolerance: str = ""
    message: str
    mend: str
    basis: str
    verified: bool
    geometry: str | None = Field(None, repr=False)
    """WKT of the place, where it is more than a point."""
