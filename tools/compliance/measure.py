"""Measure a project against control lines and land use: areas, crossings, conflict patches.

Areas here are exact square metres; rounding happens once, in `tools.compliance.tables`.
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
from tools.compliance.crossings import crossings
from tools.compliance.overlay import (
    Cutter,
    OverlayRows,
    cut_features,
    is_areal,
    mended,
    polygonal,
)
from tools.compliance.patches import SLIVER_M2, Patches, inside_and_outside, patches
from tools.land_use import UNCOVERED, CodeLabel, label_code
from tools.layer_health import Finding, check_window
from tools.layers import Features, read_windows


@dataclass(frozen=True)
class LineMeasure:
    """A project against one control line."""

    spec: LayerSpec
    inside: Patches
    outside: Patches
    repaired: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()


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
    findings: tuple[Finding, ...] = ()

    def add(self, rows: OverlayRows, labels: list[CodeLabel]) -> None:
        """Count pieces under their codes."""
        for label, area in zip(labels, rows.ellipsoidal_m2.tolist(), strict=True):
            entry = self.codes.setdefault(label.code, CodeMeasure(label.name))
            entry.area_m2 += area
            entry.parcels += 1

    def add_crossing(self, conflict: str, patch: int, code: str, area_m2: float) -> None:
        """Count land of a code inside a conflict patch."""
        if area_m2 > 0:
            for by_code in (self.crossings[conflict], self.patch_codes[conflict, patch]):
                by_code[code] = by_code.get(code, 0.0) + area_m2


def measure_line(
    project: BaseGeometry,
    spec: LayerSpec,
    folder: Path,
    *,
    sliver_m2: float = SLIVER_M2,
) -> LineMeasure:
    """Measure the parts of a project inside and outside a control line.

    Overlapping features of the line are dissolved first: no place counts twice.

    Args:
        project: Valid (Multi)Polygon in `spec.epsg`.
        spec: Layer of the control line.
        folder: Folder of the catalogue.
        sliver_m2: Smallest patch that counts.
    """
    shapely.prepare(project)
    found: list[BaseGeometry] = []
    repaired: set[int] = set()
    findings: list[Finding] = []
    for features in read_windows(spec, folder, project, attributes=True):
        findings += check_window(spec, features)
        parts, owner = shapely.get_parts(features.geometries, return_index=True)
        areal = is_areal(parts)
        parts, owner = parts[areal], owner[areal]
        meets = shapely.intersects(project, parts)
        found.extend(parts[meets])
        invalid = ~shapely.is_valid(parts[meets])
        repaired.update(features.fids[owner[meets][invalid]].tolist())
    if repaired:
        found = [polygonal(part) for part in shapely.make_valid(np.array(found))]
    line = found[0] if len(found) == 1 else shapely.union_all(found)
    inside, outside = inside_and_outside(project, line, spec.epsg, sliver_m2)
    return LineMeasure(
        spec=spec,
        inside=inside,
        outside=outside,
        repaired=tuple(sorted(repaired)),
        findings=tuple(findings),
    )


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
        sliver_m2: Smallest uncovered part that becomes a row of its own, 1 m² at most.

    Raises:
        InputError: the layer cannot be read, or a code is not one of its scheme.
    """
    measure = LandUseMeasure()
    cutter = Cutter(project)
    planar, chunks, matched = 0.0, 0, True
    findings: list[Finding] = []
    for features in read_windows(spec, folder, project, attributes=True):
        findings += check_window(spec, features)
        rows = cut_features(cutter, features, spec.epsg)
        parcels = features.geometries[rows.positions]
        planar += float(rows.planar_m2.sum())
        chunks += 1
        matched = chunks == 1 and covers_once(parcels, project)
        _count(measure, rows, parcels, spec, conflicts)
    measure.findings = tuple(findings)
    fits = abs(planar - project.area) <= max(1e-9 * project.area, 1e-4)
    if fits and (matched or chunks > 1):
        return measure
    covered, planar, repaired = _covered(cutter, spec, folder)
    overlapping = planar - shapely.intersection(project, covered).area
    if overlapping > SLIVER_M2 or repaired:
        measure = LandUseMeasure(findings=measure.findings)
        measure.overlapping_m2 = overlapping if overlapping > SLIVER_M2 else 0.0
        _count_disjoint(measure, cutter, spec, folder, conflicts)
        measure.repaired = repaired
    uncovered = patches(shapely.difference(project, covered), spec.epsg, 0.0)
    if uncovered.total_m2 >= min(sliver_m2, SLIVER_M2):
        measure.uncovered = uncovered
        measure.codes[UNCOVERED] = CodeMeasure(UNCOVERED, uncovered.total_m2)
        for name, group in conflicts.items():
            for index, patch in enumerate(group.polygons):
                bare = patches(shapely.difference(patch, covered), spec.epsg, 0.0)
                measure.add_crossing(name, index, UNCOVERED, bare.total_m2)
    return measure


def _covered(
    cutter: Cutter, spec: LayerSpec, folder: Path
) -> tuple[BaseGeometry, float, tuple[int, ...]]:
    """Dissolve the parcels that meet a project. They are not cut before: cutting moves a vertex by a
    rounding error, and the difference would leave spikes along the project's edges.

    Returns:
        The dissolved parcels, the sum of their planar areas inside the project, and the parcels that
        had to be repaired.
    """
    parts: list[BaseGeometry] = []
    planar = 0.0
    repaired: list[int] = []
    for features in read_windows(spec, folder, cutter.project):
        parcels, broken = mended(features.geometries)
        met = shapely.intersects(cutter.project, parcels)
        repaired += features.fids[broken[met[broken]]].tolist()
        planar += float(np.nansum(shapely.area(cutter.cut(parcels[met])[0])))
        parts.append(shapely.union_all(parcels[met]))
    return shapely.union_all(parts), planar, tuple(sorted(repaired))


def _count(
    measure: LandUseMeasure,
    rows: OverlayRows,
    parcels: npt.NDArray[Any],
    spec: LayerSpec,
    conflicts: Mapping[str, Patches],
) -> None:
    """Count pieces under their codes, and their parcels under the conflicts they lie in."""
    named: dict[tuple[str, str], CodeLabel] = {}
    labels = []
    for key in zip(rows.codes.tolist(), rows.names.tolist(), rows.fids.tolist(), strict=True):
        code, name, fid = key
        if (code, name) not in named:
            named[code, name] = label_code(spec, code, name, fid=fid)
        labels.append(named[code, name])
    measure.add(rows, labels)
    measure.repaired += rows.repaired
    codes = list(measure.codes)
    code_of = np.array([codes.index(label.code) for label in labels], dtype=np.intp)
    for crossing in crossings(rows, parcels, conflicts, spec.epsg):
        sums = np.zeros((len(conflicts[crossing.name].polygons), len(codes)))
        np.add.at(sums, (crossing.patches, code_of[crossing.rows]), crossing.areas_m2)
        for patch, code in np.argwhere(sums > 0).tolist():
            measure.add_crossing(crossing.name, patch, codes[code], float(sums[patch, code]))


def _count_disjoint(
    measure: LandUseMeasure,
    cutter: Cutter,
    spec: LayerSpec,
    folder: Path,
    conflicts: Mapping[str, Patches],
) -> None:
    """Count overlapping parcels once: a shared place goes to the parcel that comes first."""
    taken: BaseGeometry = shapely.Polygon()
    for features in read_windows(spec, folder, cutter.project):
        geometries, _ = mended(features.geometries)
        meets = np.flatnonzero(shapely.intersects(cutter.project, geometries))
        parcels, taken = first_come(geometries[meets], taken)
        disjoint = Features(
            fids=features.fids[meets],
            geometries=parcels,
            codes=features.codes[meets],
            names=features.names[meets],
        )
        rows = cut_features(cutter, disjoint, spec.epsg)
        _count(measure, rows, parcels[rows.positions], spec, conflicts)
