"""Add the pieces of the blocks up: areas by class, patches by town, the largest patches.

Areas are added as whole units of 1e-6 m², so that no order of the blocks changes a sum.
"""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.geometry.area import M2_PER_HA
from tools.implementation_assessment.book import Book, Group
from tools.implementation_assessment.cut import Pieces
from tools.plan_versions.overlay import NOTHING

PER_M2 = 1_000_000
"""Units of a square metre."""
PER_HA = PER_M2 * M2_PER_HA
OTHER, OUTSIDE = "未归类", "（乡镇外）"
MOST_LISTED = 50_000
"""Patches that are kept with their shape; all are counted and added up."""


class Tally:
    """Sums over the blocks so far.

    Args:
        book: Classes and judgements.
        towns: Polygon of each town by name; may be empty.
        sliver_m2: Patches below this are not listed.
        most: Patches that are kept.
    """

    def __init__(
        self, book: Book, towns: dict[str, Any], sliver_m2: float, most: int = MOST_LISTED
    ) -> None:
        self.book, self.most, self._least = book, most, round(sliver_m2 * PER_M2)
        self.groups: dict[str, Group | None] = {}
        self.sums: dict[tuple[str, str], int] = defaultdict(int)
        """Area by planned and present code."""
        self.places: dict[tuple[str, str], tuple[int, int]] = {}
        """Area and number of patches by town and judgement."""
        self.pairs: dict[tuple[str, str], tuple[int, int]] = {}
        """Area and number of patches by planned and present class."""
        self.patches = 0
        self.slivers = 0
        self._rows: list[tuple[int, int, int, dict[str, Any]]] = []
        self._names = list(towns)
        self._towns = shapely.STRtree([towns[name] for name in self._names]) if towns else None

    def add(self, pieces: Pieces) -> None:
        """Add the pieces of a block."""
        if not len(pieces.areas_m2):
            return
        units = np.rint(pieces.areas_m2 * PER_M2).astype(np.int64)
        pairs, pair = np.unique(
            np.stack([pieces.planned, pieces.present], axis=1), axis=0, return_inverse=True
        )
        totals = np.zeros(len(pairs), dtype=np.int64)
        np.add.at(totals, pair, units)
        words = []
        for (planned, present), total in zip(pairs.tolist(), totals.tolist(), strict=True):
            self.sums[planned, present] += total
            words.append(self.book.judge(self._group(planned), self._group(present)))
        mapped = np.isin(words, self.book.to_map)[pair]
        small = units < self._least
        self.slivers += int(units[mapped & small].sum())
        shown = np.flatnonzero(mapped & ~small)
        self._list(pieces, shown, units, [words[i] for i in pair[shown].tolist()])

    def features(self) -> tuple[dict[str, Any], ...]:
        """Return the largest patches as GeoJSON features, largest first."""
        self._prune()
        return tuple(row[3] for row in self._rows)

    def _group(self, code: str) -> Group | None:
        if code not in self.groups:
            self.groups[code] = self.book.group(code)
        return self.groups[code]

    def _list(
        self,
        pieces: Pieces,
        shown: npt.NDArray[np.intp],
        units: npt.NDArray[np.int64],
        words: list[str],
    ) -> None:
        local = self._town_of(pieces.geometries[shown])
        self.patches += len(shown)
        for i, word, town in zip(shown.tolist(), words, local, strict=True):
            area, count = self.places.get((town, word), (0, 0))
            self.places[town, word] = area + int(units[i]), count + 1
            planned, present = str(pieces.planned[i]), str(pieces.present[i])
            pair = title_of(planned, self.groups[planned]), title_of(present, self.groups[present])
            area, count = self.pairs.get(pair, (0, 0))
            self.pairs[pair] = area + int(units[i]), count + 1
            properties = {
                "judgement": word,
                "planned_code": planned,
                "planned": pair[0],
                "present_code": present,
                "present": pair[1],
                "area_ha": round(float(pieces.areas_m2[i]) / M2_PER_HA, 4),
                "town": town,
            }
            feature = {
                "type": "Feature",
                "geometry": shapely.geometry.mapping(pieces.geometries[i]),
                "properties": properties,
            }
            one, other = pieces.fids[i].tolist()
            self._rows.append((-int(units[i]), one, other, feature))
        if len(self._rows) > 2 * self.most:
            self._prune()

    def _prune(self) -> None:
        self._rows = sorted(self._rows, key=lambda row: row[:3])[: self.most]

    def _town_of(self, geometries: npt.NDArray[Any]) -> list[str]:
        """Name the town that a point on each patch lies in; empty where there is none."""
        if self._towns is None or not len(geometries):
            return [""] * len(geometries)
        patch, town = self._towns.query(
            shapely.point_on_surface(geometries), predicate="intersects"
        )
        found = dict(zip(patch.tolist(), town.tolist(), strict=True))
        return [self._names[found[i]] if i in found else "" for i in range(len(geometries))]


def title_of(code: str, group: Group | None) -> str:
    """Name the class of a code."""
    return code if code == NOTHING else OTHER if group is None else group.title
