"""Patches: what a project shares with a line or zone, polygon by polygon, with slivers set aside.

Slivers: a patch of less than `sliver_m2` (default 1 m²) counts as contact along a shared border, not
as occupation. Its area is kept and reported as a warning.
"""

from dataclasses import dataclass
from functools import cached_property

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
    epsg: int
    contact_m2: float = 0.0
    rest: BaseGeometry | None = None
    """The project without these polygons, where that is known and nothing was set aside."""

    @cached_property
    def areas_m2(self) -> npt.NDArray[np.float64]:
        """Ellipsoidal area of each polygon, computed when first asked for."""
        return ellipsoidal_areas_m2(self.polygons, self.epsg)

    @property
    def total_m2(self) -> float:
        """Ellipsoidal area of all patches."""
        return float(self.areas_m2.sum())


def patches(
    geometry: BaseGeometry, epsg: int, sliver_m2: float, *, rest: BaseGeometry | None = None
) -> Patches:
    """Split into polygons and set aside those that are too small to count.

    Size is judged by the planar area: where two overlays round an edge differently they leave
    polygons of no planar area, whose ellipsoidal area is not zero because their edges are drawn
    straight in latitude and longitude.

    Args:
        geometry: A part of a project.
        epsg: Its coordinate system.
        sliver_m2: Smallest patch that counts.
        rest: The other part of the project, where known.
    """
    parts = shapely.get_parts(shapely.get_parts(polygonal(geometry)))
    planar = shapely.area(parts)
    counts = planar >= max(sliver_m2, NOISE_M2)
    contact = planar[~counts & (planar >= NOISE_M2)]
    return Patches(parts[counts], epsg, float(contact.sum()), None if len(contact) else rest)


def inside_and_outside(
    project: BaseGeometry, line: BaseGeometry, epsg: int, sliver_m2: float
) -> tuple[Patches, Patches]:
    """Part a project into what lies inside a line and what lies outside.

    Args:
        project: Valid (Multi)Polygon, prepared.
        line: Valid (Multi)Polygon of the whole line near the project.
        epsg: Coordinate system of both.
        sliver_m2: Smallest patch that counts.
    """
    inside: BaseGeometry
    outside: BaseGeometry
    if line.is_empty:
        inside, outside = shapely.Polygon(), project
    elif shapely.covers(line, project):
        inside, outside = project, shapely.Polygon()
    else:
        inside, outside = shapely.intersection(project, line), shapely.difference(project, line)
    return (
        patches(inside, epsg, sliver_m2, rest=outside),
        patches(outside, epsg, sliver_m2, rest=inside),
    )
