"""What a rule file says; unknown fields fail loudly."""

from datetime import date
from typing import Any, Literal

from pydantic import Field

from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import Verdict

FARMLAND = "permanent_basic_farmland"
REDLINE = "ecological_redline"
BOUNDARY = "urban_development_boundary"
LAND_USE = "land_use"
COUNTY = "admin_county"
PLANNED_USE = "planned_land_use"
ZONES = "planning_zones"
DEM = "dem"


class LineFigures(Frozen):
    """A project against one control line, in hectares."""

    inside_ha: float
    outside_ha: float
    patches: int = 0


class NearFigures(Frozen):
    """A project against the distances that one rule keeps from a line layer."""

    distance_m: float | None = None
    """To the nearest feature that the rule concerns; None when none was found near."""
    inside_ha: float = 0.0
    """Of the project, nearer than the rule allows."""
    margin_ha: float = 0.0
    """Not so near, but nearer than the limit and the margin of its class together."""
    by_class: dict[str, float] = Field(default_factory=dict)
    """Hectares too near to features of each class; one place may be too near to several."""
    classes: tuple[str, ...] = ()
    """Classes of the features that are too near or in the margin, the nearest first."""
    names: tuple[str, ...] = ()
    searched_m: float = 1_000.0
    """How far was looked."""


class SlopeFigures(Frozen):
    """Slope within a project."""

    max_degrees: float
    mean_degrees: float
    over_ha: dict[str, float]
    """Hectares steeper than a threshold; the key is the threshold in degrees, e.g. "25"."""
    unknown_ha: float = 0.0
    """Of the project, where the raster says nothing."""


class Site(Frozen):
    """What predicates may know of a project; areas are rounded as users see them."""

    area_ha: float
    project_type: str = "unspecified"
    asked_on: date = date(2026, 11, 22)
    lines: dict[str, LineFigures] = Field(default_factory=dict)
    """By role; a role that is not here has no layer."""
    codes: dict[str, float] | None = None
    """Hectares by 用地用海 code; None without a land-use layer in that scheme."""
    crossings: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Hectares by code on each line, and outside the urban development boundary."""
    uncovered_ha: float = 0.0
    """Inside the project but covered by no parcel."""
    outside_county_ha: float | None = 0.0
    """None without a county layer."""
    land_use_problem: str = "缺少土地利用现状图层"
    """Why `codes` is None."""
    zones: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Hectares by zone code, by role of a zoned layer; what no zone covers is 未覆盖."""
    schemes: dict[str, str] = Field(default_factory=dict)
    """Code scheme of each zoned layer, by role."""
    near: dict[str, NearFigures] = Field(default_factory=dict)
    """By the id of the rule that keeps the distance."""
    slope: SlopeFigures | None = None
    """None without an elevation raster."""
    absent: dict[str, str] = Field(default_factory=dict)
    """Roles that the place does not have, with the declared reason."""

    def line(self, role: str) -> LineFigures:
        """Return the figures of a line; one that the place does not have occupies nothing."""
        if role in self.absent:
            return LineFigures(inside_ha=0.0, outside_ha=self.area_ha)
        return self.lines[role]


class RuleBasis(Basis):
    """A clause, and the outcomes for which it is cited (none named: all)."""

    when: tuple[str, ...] = ()

    def plain(self) -> Basis:
        """Return the clause without our own field."""
        return Basis(**{name: getattr(self, name) for name in Basis.model_fields})


class Outcome(Frozen):
    """What is said when the predicate comes to this outcome."""

    verdict: Verdict
    message: str
    """One sentence; `{figure}` is replaced by a named figure of the predicate."""
    headline: str = ""
    """A clause of the overall sentence, for what is not 符合."""
    procedure: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    approval: str | None = None


class Upcoming(Frozen):
    """A change of the law that is known but not yet in force."""

    title: str
    effective_from: date
    note: str


class Example(Frozen):
    """A worked example: it is a test of the rule."""

    name: str
    site: Site
    outcome: str
    verdict: Verdict
    says: tuple[str, ...] = ()
    """Words that the message must contain."""


class Rule(Frozen):
    """One rule of a pack."""

    id: str
    version: str = "1"
    title: str
    order: int
    """Where the rule stands in the order that a planner follows."""
    severity: Literal["prohibition", "restriction", "procedure", "data"]
    line: str | None = None
    needs: tuple[str, ...]
    """Roles of layers; without one of them the outcome is 数据缺失."""
    predicate: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    area: str = ""
    """Figure that is reported as the rule's area."""
    outcomes: dict[str, Outcome]
    basis: tuple[RuleBasis, ...]
    valid_from: date
    valid_to: date | None = None
    """First day on which the rule no longer holds."""
    replaces: str | None = None
    """The rule that held before this one."""
    only_for: tuple[str, ...] = ()
    """Project types that the rule is on; for others it is not applied."""
    not_for: tuple[str, ...] = ()
    """Project types for which the rule is not applied."""
    verified: bool
    """False when a constant or a reading of the law has not been seen in a source text."""
    note: str = ""
    upcoming: tuple[Upcoming, ...] = ()
    examples: tuple[Example, ...] = Field(min_length=1)


class ProjectType(Frozen):
    """A kind of construction project that rules tell apart."""

    id: str
    title: str
    aliases: tuple[str, ...] = ()
    note: str = ""
