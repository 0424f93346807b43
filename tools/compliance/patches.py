"""Patches: what a project shares with a line or zone, polygon by polygon, with slivers set aside.

Slivers: a patch of less than `sliver_m2` (default 1 m²) counts as contact along a shared border, not
as occupation. Its area is kept and reported as a warning.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from tools.compliance.overlay import polygonal
from tools.geometry.area import ellipsoidal_areas_m2

SLIVER_M2 = 1.0
NOISE_M2 = 0.001
"""Below this a polygon is a rounding error of the overlay, not even contact."""


@dataclass(frozen=True)
class Patches:
    """Disjoint polygons with their areas; contact is what was too small to count."""

    polygons: npt.NDArray[np.object_]
    areas_m2: npt.NDArray[np.float64]
    contact_m2: float = 0.0
    rest: BaseGeometry | None = None
    """The project without these polygons, where that is known and nothing was set aside."""

    @property
    def total_m2(self) -> float:
        """Ellipsoidal area of all patches."""
        return float(self.areas_m2.sum())


def patches(geometry: BaseGeometry, epsg: int, sliver_m2: float) -> Patches:
    """Split into polygons and set aside those that are too small to count.

    Size is judged by the planar area: where two overlays round an edge differently they leave
    polygons of no planar area, whose ellipsoidal area is not zero because their edges are drawn
    straight in latitude and longitude.
    """
    polygons, contact_m2 = _counted(geometry, sliver_m2)
    return Patches(polygons, ellipsoidal_areas_m2(polygons, epsg), contact_m2)


def inside_and_outside(
    project: BaseGeometry, line: BaseGeometry, epsg: int, sliver_m2: float
) -> tuple[Patches, Patches]:
    """Part a project into what lies inside a line and what lies outside.

    Args:
        project: Valid (Multi)Polygon.
        line: Valid (Multi)Polygon of the whole line near the project.
        epsg: Coordinate system of both.
        sliver_m2: Smallest patch that counts.
    """
    inside, outside = shapely.intersection(project, line), shapely.difference(project, line)
    in_polygons, in_contact_m2 = _counted(inside, sliver_m2)
    out_polygons, out_contact_m2 = _counted(outside, sliver_m2)
    areas_m2 = ellipsoidal_areas_m2(np.concatenate([in_polygons, out_polygons]), epsg)
    count = len(in_polygons)
    return (
        Patches(
            in_polygons, areas_m2[:count], in_contact_m2, outside if in_contact_m2 == 0 else None
        ),
        Patches(
            out_polygons, areas_m2[count:], out_contact_m2, inside if out_contact_m2 == 0 else None
        ),
    )


def _counted(geometry: BaseGeometry, sliver_m2: float) -> tuple[npt.NDArray[Any], float]:
    """Return the polygons that count, and the planar area of those that are contact."""
    parts = shapely.get_parts(shapely.get_parts(polygonal(geometry)))
    planar = shapely.area(parts)
    counts = planar >= max(sliver_m2, NOISE_M2)
    contact = ~counts & (planar >= NOISE_M2)
    return parts[counts], float(planar[contact].sum())
