"""What is known of one indicator in one place and year, and where it came from."""

from typing import Literal

from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis
from tools.indicators.model import Listing

Status = Literal["computed", "reported", "missing", "refused"]
STATUS_TITLES: dict[Status, str] = {
    "computed": "计算",
    "reported": "填报",
    "missing": "数据缺失",
    "refused": "数据有误",
}


class IndicatorValue(Frozen):
    """One value. `value` is None when data is missing or wrong; it is never a made-up zero."""

    id: str
    title: str
    category: str
    value: float | None
    unit: str
    digits: int
    direction: Literal["higher", "lower", "none"]
    scope: str
    year: int
    period: str
    status: Status
    method: str
    """How the value was reached, or why there is none."""
    sources: tuple[str, ...] = ()
    """Layers with their dates, items of the yearly statistics with their source."""
    reported: float | None = None
    """What the yearly statistics state for a computed indicator, in `unit`."""
    difference_percent: float | None = None
    """Computed against reported."""
    listed: tuple[Listing, ...] = ()
    basis: tuple[Basis, ...] = ()
    verified: bool
    to_confirm: str = ""

    @property
    def shown(self) -> str:
        """The number as printed, without its unit."""
        return "—" if self.value is None else f"{self.value:.{self.digits}f}"
