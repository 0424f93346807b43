"""Coverage: how much of a demand reaches a facility within a limit, on the network."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.accessibility.attach import attach
from tools.accessibility.distances import Nearest, nearest_facility
from tools.accessibility.network import Flags, Floats, Network
from tools.accessibility.parameters import Mode


@dataclass(frozen=True)
class KindCoverage:
    """One kind of facility."""

    facilities: int
    unattached: npt.NDArray[np.int64]
    """Facilities that no road of the mode comes near: they serve nobody."""
    nearest: Nearest
    covered: Flags
    """Of each place of the demand."""


@dataclass(frozen=True)
class Coverage:
    """A demand against several kinds of facilities."""

    kinds: dict[str, KindCoverage]
    weights: Floats
    unattached: npt.NDArray[np.int64]
    """Places of the demand that no road comes near: they are not covered."""

    def share(self, covered: Flags) -> float:
        """Return the covered share of the demand, 0 to 1."""
        return float(self.weights[covered].sum() / self.weights.sum())

    @property
    def covered_by_all(self) -> Flags:
        """Places that reach every kind."""
        return np.asarray(np.all([kind.covered for kind in self.kinds.values()], axis=0))


def coverage(
    network: Network,
    demand: npt.NDArray[np.object_],
    weights: Floats,
    facilities: dict[str, npt.NDArray[np.object_]],
    *,
    limit_s: float,
    mode: Mode,
    from_facility: bool = False,
) -> Coverage:
    """Find which places reach a facility of each kind within a limit.

    Args:
        network: Of the mode.
        demand: Points of demand, in the network's system.
        weights: Of each point: hectares or people; their sum is positive.
        facilities: Points or polygons by kind.
        limit_s: Seconds, straight legs included.
        mode: For the speed on the straight legs and their longest.
        from_facility: The way leads from the facility and not to it.
    """
    places = attach(network, demand, mode.farthest_access_m)
    kinds = {}
    for kind, geometries in facilities.items():
        stops = attach(network, geometries, mode.farthest_access_m)
        nearest = nearest_facility(
            network, places, stops, access_m_s=mode.access_m_s, from_facility=from_facility
        )
        kinds[kind] = KindCoverage(
            len(geometries), stops.outside, nearest, nearest.total <= limit_s
        )
    return Coverage(kinds, weights, places.outside)
