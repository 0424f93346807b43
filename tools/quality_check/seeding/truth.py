"""What was planted and where: the truth that findings are held against."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely

from tools.quality_check.model import Finding
from tools.quality_check.seeding.draft import Draft


@dataclass(frozen=True)
class Truth:
    """One planted defect, or what follows from it: a finding that must come, or that may."""

    defect: str
    check: str
    layer: str = ""
    fids: tuple[int, ...] = ()
    """The finding names one of them; none: it names no feature."""
    field: str = ""
    place: Any = None
    """Geometry that the finding's place lies in, for findings that name no feature."""
    consequence: bool = False
    """True where a finding may come besides: right, but not what was planted."""

    def meets(self, finding: Finding) -> bool:
        """Say whether a finding is this defect."""
        if finding.check != self.check or (self.layer and finding.layer != self.layer):
            return False
        if self.field and finding.field != self.field:
            return False
        if self.fids and not {finding.fid, finding.other_fid} & set(self.fids):
            return False
        if self.place is None:
            return True
        if finding.x is None or finding.y is None:
            return False
        return bool(shapely.intersects(self.place, shapely.Point(finding.x, finding.y)))


@dataclass
class Planter:
    """A draft under work: hands out places that do not touch each other."""

    draft: Draft
    rng: np.random.Generator
    truths: list[Truth] = field(default_factory=list)
    roads: int = 0
    """Roads of the clean database; those that are planted come after them."""
    _free: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.roads = len(self.draft.layers["DLZXX"].rows)
        self._free = [(int(i), int(j)) for i, j in self.rng.permutation(list(self.draft.cells))]

    def cell(self, code: str = "0401", *, border: bool = False) -> tuple[tuple[int, int], int]:
        """Take a parcel of a land use whose neighbours are free too: its place and fid.

        Args:
            code: Land-use code.
            border: One on the county's southern border instead of one inside.
        """
        rows, last = self.draft.layers["DLTB"].rows, self.draft.size - 1
        for at in self._free:
            fid = self.draft.cells[at]
            on_border = at[1] == 0 and 0 < at[0] < last
            inside = 0 < at[0] < last and 0 < at[1] < last
            if rows[fid - 1]["DLBM"] == code and (on_border if border else inside):
                self._free = [
                    other
                    for other in self._free
                    if max(abs(other[0] - at[0]), abs(other[1] - at[1])) > 2
                ]
                return at, fid
        raise AssertionError(f"no free parcel of {code} is left")

    def plant(self, defect: str, check: str, layer: str = "", *fids: int, **more: Any) -> None:
        """Note a defect."""
        self.truths.append(Truth(defect, check, layer, fids, **more))

    def follows(self, defect: str, check: str, layer: str = "", *fids: int, **more: Any) -> None:
        """Note a finding that may follow from a defect."""
        self.truths.append(Truth(defect, check, layer, fids, consequence=True, **more))


Defect = Callable[[Planter], None]
