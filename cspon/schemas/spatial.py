"""Layers, tool results with provenance, and the outcome of a control-line check."""

from datetime import date
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Basis

CodeScheme = Literal[
    "ydyh_2023",
    "sandiao_2020",
    "planning_zones",
    "reserve_zones_2026",
    "reserve_zones_2017",
    "heritage_zones",
    "flood_zones",
    "road_class",
    "power_voltage",
    "pipeline_kind",
    "river_rank",
    "none",
]
"""用地用海分类 2023, 三调工作分类, a scheme of `tools/data/zone_schemes.yaml`, or no code.

Equal digits of the first two mean different things: schemes are never mixed.
"""


class FieldLevel(Frozen):
    """A field that stands above its layer's secrecy level, and how it is shown to others."""

    field: str
    secrecy: Secrecy
    above: Literal["drop", "mask", "round"] = "drop"
    """For readers below the level: leave the field out, keep the first characters of each value, or
    round numbers."""
    keep: int = Field(0, ge=0)
    """Characters that `mask` keeps."""
    step: float | None = Field(None, gt=0)
    """What `round` rounds to."""


class ControlField(Frozen):
    """A field that holds a control figure of a plan (容积率 …) under a name of its own."""

    figure: str
    """plot_ratio, building_density, … of `tools/planning_conditions/control_figures.yaml`."""
    field: str


class LayerSpec(Frozen):
    """One entry of a layer catalogue (`layers.yaml`)."""

    role: str
    """What the layer is for: land_use, permanent_basic_farmland, ecological_redline,
    urban_development_boundary, admin_county, admin_town, roads, facilities, population, dem, …"""
    name: str
    """Layer name in the field's standard, e.g. DLTB."""
    title: str
    path: str
    """File relative to the catalogue's folder, or `postgis:` and a libpq service."""
    layer: str | None = None
    """Table inside a GeoPackage, `schema.table` in PostGIS; None for a raster or a one-layer file."""
    geometry: Literal["polygon", "line", "point", "raster"] = "polygon"
    id_field: str | None = None
    code_field: str | None = None
    name_field: str | None = None
    area_field: str | None = None
    """Field that states each feature's area; compared with the computed one."""
    area_unit: Literal["m2", "ha", "mu"] = "m2"
    code_scheme: CodeScheme = "none"
    control_fields: tuple[ControlField, ...] = ()
    field_levels: tuple[FieldLevel, ...] = ()
    control: Literal["avoid", "within", "inform"] | None = None
    """For a bureau's own line (role `custom_…`): stay out of it, stay within it, or tell only."""
    epsg: int
    secrecy: Secrecy = Secrecy.PUBLIC
    date: str
    """As-of date of the data, ISO."""
    synthetic: bool = False
    source: str


class AbsentRole(Frozen):
    """The owner of the data declares that a place has no such thing (本县不临长江)."""

    role: str
    reason: str = Field(min_length=1)


class LayerCatalogue(Frozen):
    """All layers of one place, read from `layers.yaml`."""

    title: str
    region_code: str
    region_name: str
    epsg: int
    synthetic: bool = False
    layers: tuple[LayerSpec, ...]
    absent: tuple[AbsentRole, ...] = ()
    """Roles without a layer because the place has nothing of the kind; any other role without a
    layer is missing data."""


class Column(Frozen):
    """A table column; `unit` is empty for text."""

    key: str
    title: str
    unit: str = ""


class Table(Frozen):
    """A table that is shown to users and exported."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[dict[str, Any], ...]
    note: str = ""


class LayerOutput(Frozen):
    """A result layer as GeoJSON geometry collection in a metric CRS, or a file."""

    name: str
    title: str
    epsg: int
    features: tuple[dict[str, Any], ...] = ()
    """GeoJSON features, coordinates in `epsg`."""
    path: str | None = None
    secrecy: Secrecy = Secrecy.PUBLIC


class Provenance(Frozen):
    """What a result was made from: enough to make it again."""

    tool: str
    version: str
    inputs: dict[str, str] = Field(default_factory=dict)
    """Name of an input to "sha256:…" of its content (files) or a layer's data version."""
    parameters: dict[str, Any] = Field(default_factory=dict)
    epsg: int | None = None
    layer_dates: dict[str, str] = Field(default_factory=dict)
    elapsed_ms: float | None = None


class ToolResult(Frozen):
    """What a tool decided, with its tables, layers, grounds and provenance."""

    tool: str
    version: str
    data: dict[str, Any]
    tables: tuple[Table, ...] = ()
    layers: tuple[LayerOutput, ...] = ()
    basis: tuple[Basis, ...] = ()
    provenance: Provenance
    warnings: tuple[str, ...] = ()
    secrecy: Secrecy = Secrecy.PUBLIC
    synthetic: bool = False


class Verdict(StrEnum):
    """Outcome of a rule; missing data never passes."""

    PASS = "符合"  # noqa: S105 - a verdict
    FAIL = "不符合"
    NEEDS_STUDY = "需论证"
    MISSING_DATA = "数据缺失"


class RuleOutcome(Frozen):
    """One rule applied to one project."""

    rule_id: str
    title: str
    verdict: Verdict
    message: str
    """One Chinese sentence with the figures."""
    line: str | None = None
    """Role of the control line concerned."""
    area_ha: float | None = None
    procedure: tuple[str, ...] = ()
    """Steps to go through, each one sentence, in order."""
    documents: tuple[str, ...] = ()
    approval: str | None = None
    """Level that approves, e.g. 国务院."""
    basis: tuple[Basis, ...] = ()
    verified: bool = True


class LineOverlap(Frozen):
    """Overlap of the project with one control line."""

    role: str
    name: str
    title: str
    control: Literal["avoid", "within", "inform"] = "avoid"
    """What is asked of a project: stay out, stay within, or nothing (partition of the whole)."""
    present: bool
    """False when the layer is missing: then the area is None and never zero."""
    absent: str = ""
    """The declared reason why the place has no such line; then `present` is False."""
    area_ha: float | None = None
    area_mu: float | None = None
    share: float | None = None
    """Of the project's area, 0..1."""
    patches: int = 0
    outside_ha: float | None = None
    """For lines a project should lie within: the part outside."""
    contact_m2: float = 0.0
    """Slivers below the tolerance, planar: contact along the line, not counted."""


class CodeOverlap(Frozen):
    """Area of one land-use code within the project; the rows sum to the whole."""

    code: str
    name: str
    area_ha: float
    area_mu: float
    share: float
    parcels: int


class ZoneOverlap(Frozen):
    """Area of one zone of a zoned layer within the project.

    The rows of a partition (planning zones, planned land use) sum to the project.
    """

    role: str
    title: str
    scheme: CodeScheme
    code: str
    name: str
    area_ha: float
    area_mu: float
    share: float


class NearOverlap(Frozen):
    """The project against the distances that one rule keeps from a line layer."""

    rule_id: str
    role: str
    title: str
    limits: str
    """Distances by class, e.g. 国道 20 米."""
    distance_m: float | None
    """To the nearest feature that the rule concerns; None when there is none near."""
    searched_m: float
    """How far was looked."""
    area_ha: float
    """Of the project, inside the distances."""
    area_mu: float
    classes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class SlopeOverlap(Frozen):
    """Slope within the project, from the elevation raster."""

    max_degrees: float
    mean_degrees: float
    cell_m: float
    over_ha: dict[str, float]
    """Area steeper than a threshold in degrees (the key)."""


class Compliance(Frozen):
    """`ToolResult.data` of the control-line check."""

    project: str
    area_ha: float
    planar_area_m2: float
    epsg: int
    verdict: Verdict
    headline: str
    """One sentence that says whether the site is feasible and why."""
    lines: tuple[LineOverlap, ...]
    codes: tuple[CodeOverlap, ...]
    code_scheme: CodeScheme
    crossings: tuple[dict[str, Any], ...] = ()
    """Land-use code × control line areas (ha)."""
    zones: tuple[ZoneOverlap, ...] = ()
    near: tuple[NearOverlap, ...] = ()
    slope: SlopeOverlap | None = None
    sliver_m2: float = 1.0
    """Smallest patch that counts as occupation."""
    rules: tuple[RuleOutcome, ...]
    unknowns: tuple[str, ...] = ()
    """What was not checked or is not known, one sentence each."""
    area_definition: str
    asked_on: date
