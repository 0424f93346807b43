"""Measure a project against control lines and land use: areas, crossings, conflict patches.

Areas here are exact square metres; rounding happens once, in `tools.compliance.tables`.

Slivers: a patch of less than `sliver_m2` (default 1 m²) counts as contact along a shared border, not
as occupation. Its area is kept and reported as a warning.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerSpec
from tools.compliance.coverage import covers_once, first_come
from tools.compliance.overlay import (
    Cutter,
    OverlayRows,
    cut_features,
    overlay_chunks,
    overlay_layer,
    polygonal,
)
from tools.geometry.area import ellipsoidal_areas_m2
from tools.land_use import UNCOVERED, CodeLabel, label_code
from tools.layers import read_windows

SLIVER_M2 = 1.0


@dataclass(frozen=True)
class Patches:
    """Disjoint polygons with their areas; contact is what was too small to count."""

    polygons: npt.NDArray[np.object_]
    areas_m2: npt.NDArray[np.float64]
    contact_m2: float = 0.0

    @property
    def total_m2(self) -> float:
        """Ellipsoidal area of all patches."""
        return float(self.areas_m2.sum())


@dataclass(frozen=True)
class LineMeasure:
    """A project against one control line."""

    spec: LayerSpec
    inside: Patches
    outside: Patches
    repaired: tuple[int, ...] = ()


@dataclass
class CodeMeasure:
    """One land-use code inside a project."""

    name: str
    area_m2: float = 0.0
    parcels: int = 0


@dataclass
class LandUseMeasure:
    """Land use inside a project; the areas sum to the project's."""

    codes: dict[str, CodeMeasure] = field(default_factory=dict)
    crossings: dict[str, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    """Conflict name to code to m²."""
    patch_codes: dict[tuple[str, int], dict[str, float]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """Conflict name and patch to code to m²."""
    uncovered: Patches | None = None
    overlapping_m2: float = 0.0
    repaired: tuple[int, ...] = ()

    def add(self, rows: OverlayRows, labels: list[CodeLabel]) -> None:
        """Count pieces under their codes."""
        for label, area in zip(labels, rows.ellipsoidal_m2.tolist(), strict=True):
            entry = self.codes.setdefault(label.code, CodeMeasure(label.name))
            entry.area_m2 += area
            entry.parcels += 1


def measure_line(
    project: BaseGeometry, spec: LayerSpec, folder: Path, *, sliver_m2: float = SLIVER_M2
) -> LineMeasure:
    """Measure the parts of a project inside and outside a control line.

    Overlapping features of the line are dissolved first: no place counts twice.

    Args:
        project: Valid (Multi)Polygon in `spec.epsg`.
        spec: Layer of the control line.
        folder: Folder of the catalogue.
        sliver_m2: Smallest patch that counts.
    """
    rows = overlay_layer(project, spec, folder)
    inside = shapely.union_all(rows.geometries) if len(rows) > 1 else shapely.Polygon()
    if len(rows) == 1:
        inside = rows.geometries[0]
    outside = shapely.difference(project, inside) if len(rows) else project
    return LineMeasure(
        spec=spec,
        inside=patches(inside, spec.epsg, sliver_m2),
        outside=patches(outside, spec.epsg, sliver_m2),
        repaired=rows.repaired,
    )


def patches(geometry: BaseGeometry, epsg: int, sliver_m2: float) -> Patches:
    """Split into polygons and set aside those that are too small to count."""
    parts = shapely.get_parts(shapely.get_parts(polygonal(geometry)))
    areas = ellipsoidal_areas_m2(parts, epsg)
    counts = (areas > 0) & (areas >= sliver_m2)
    return Patches(parts[counts], areas[counts], float(areas[~counts].sum()))


def measure_land_use(
    project: BaseGeometry,
    spec: LayerSpec,
    folder: Path,
    conflicts: Mapping[str, Patches],
    *,
    sliver_m2: float = SLIVER_M2,
) -> LandUseMeasure:
    """Measure land-use codes inside a project, and inside each of its conflict patches.

    Args:
        project: Valid (Multi)Polygon in `spec.epsg`.
        spec: The land-use layer.
        folder: Folder of the catalogue.
        conflicts: Patches by name, e.g. the role of a control line.
        sliver_m2: Smallest uncovered part that becomes a row of its own.

    Raises:
        InputError: the layer cannot be read, or a code is not one of its scheme.
    """
    measure = LandUseMeasure()
    cutter = Cutter(project)
    planar, chunks, matched = 0.0, 0, True
    for features in read_windows(spec, folder, project):
        rows = cut_features(cutter, features, spec.epsg)
        planar += float(rows.planar_m2.sum())
        chunks += 1
        matched = chunks == 1 and covers_once(
            features.geometries[np.isin(features.fids, rows.fids)], project
        )
        _count(measure, rows, spec, conflicts)
    fits = abs(planar - project.area) <= max(1e-9 * project.area, 1e-4)
    if fits and (matched or chunks > 1):
        return measure
    covered = shapely.union_all(
        [shapely.union_all(r.geometries) for r in overlay_chunks(project, spec, folder)]
    )
    if planar - covered.area > SLIVER_M2:
        measure = LandUseMeasure(overlapping_m2=planar - covered.area)
        _count_disjoint(measure, project, spec, folder, conflicts)
    uncovered = patches(shapely.difference(project, covered), spec.epsg, 0.0)
    if uncovered.total_m2 >= min(sliver_m2, SLIVER_M2):
        measure.uncovered = uncovered
        measure.codes[UNCOVERED] = CodeMeasure(UNCOVERED, uncovered.total_m2)
        _cross(
            measure,
            np.array([shapely.multipolygons(uncovered.polygons)], dtype=object),
            [CodeLabel(UNCOVERED, UNCOVERED)],
            spec.epsg,
            conflicts,
        )
    return measure


def _count(
    measure: LandUseMeasure, rows: OverlayRows, spec: LayerSpec, conflicts: Mapping[str, Patches]
) -> None:
    labels = [
        label_code(spec, code, name, fid=fid)
        for code, name, fid in zip(
            rows.codes.tolist(), rows.names.tolist(), rows.fids.tolist(), strict=True
        )
    ]
    measure.add(rows, labels)
    measure.repaired += rows.repaired
    _cross(measure, rows.geometries, labels, spec.epsg, conflicts)


def _count_disjoint(
    measure: LandUseMeasure,
    project: BaseGeometry,
    spec: LayerSpec,
    folder: Path,
    conflicts: Mapping[str, Patches],
) -> None:
    """Count overlapping parcels once: a shared place goes to the parcel that comes first."""
    taken: BaseGeometry = shapely.Polygon()
    for rows in overlay_chunks(project, spec, folder):
        geometries, taken = first_come(rows.geometries, taken)
        disjoint = OverlayRows(
            fids=rows.fids,
            codes=rows.codes,
            names=rows.names,
            planar_m2=shapely.area(geometries),
            ellipsoidal_m2=ellipsoidal_areas_m2(geometries, spec.epsg),
            geometries=geometries,
            repaired=rows.repaired,
        )
        _count(measure, disjoint, spec, conflicts)


def _cross(
    measure: LandUseMeasure,
    pieces: npt.NDArray[Any],
    labels: list[CodeLabel],
    epsg: int,
    conflicts: Mapping[str, Patches],
) -> None:
    """Add the areas of land-use pieces inside conflict patches."""
    if not any(len(group.polygons) for group in conflicts.values()) or len(pieces) == 0:
        return
    tree = shapely.STRtree(pieces)
    for name, group in conflicts.items():
        by_code = measure.crossings[name]
        for index, patch in enumerate(group.polygons):
            near = np.sort(tree.query(patch))
            cut, _ = Cutter(patch).cut(pieces[near])
            areas = ellipsoidal_areas_m2(cut, epsg)
            of_patch = measure.patch_codes[name, index]
            for i, area in zip(near.tolist(), areas.tolist(), strict=True):
                if area > 0:
                    code = labels[i].code
                    by_code[code] = by_code.get(code, 0.0) + area
                    of_patch[code] = of_patch.get(code, 0.0) + area
