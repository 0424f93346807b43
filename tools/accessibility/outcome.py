"""`ToolResult.data` of the accessibility tool."""

from typing import Any, Literal

from cspon.schemas.base import Frozen

COMPUTED = "已计算"
MISSING = "数据缺失"
Status = Literal["已计算", "数据缺失"]
Weight = Literal["area", "population"]


class GroupRow(Frozen):
    """One kind of facility; figures are None where data are missing."""

    id: str
    title: str
    status: Status
    facilities: int
    demand: float | None = None
    covered: float | None = None
    share_percent: float | None = None
    mean_minutes: float | None = None
    """To the nearest one, weighted, over the places that have a way."""
    without_way: float | None = None
    """Demand that has no way on the network."""
    missing: str = ""


class BandRow(Frozen):
    """Commuters whose way takes between two times."""

    title: str
    people: float
    share_percent: float


class NetworkFigures(Frozen):
    """The network that was searched."""

    mode: str
    length_km: float
    edges: int
    nodes: int
    largest_part_percent: float
    snap_m: float


class Accessibility(Frozen):
    """A measure, its figures, what they rest on, and what is missing."""

    kind: str
    title: str
    status: Status
    headline: str
    value: float | None
    """Share in percent (all kinds at once), or mean minutes of commuting."""
    unit: Literal["%", "分钟"]
    weight: Weight
    demand_title: str
    demand_unit: str
    scope: str
    groups: tuple[GroupRow, ...] = ()
    bands: tuple[BandRow, ...] = ()
    within_limit_percent: float | None = None
    network: NetworkFigures | None = None
    missing: tuple[str, ...] = ()
    parameters: dict[str, Any]
    definition: str
    source: str
    verified: bool
