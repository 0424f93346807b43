"""Measure a project against a zoned layer: how much of it lies in which zone.

Codes are checked against the scheme that the catalogue declares; a feature with another code is an
error with layer, feature and code, because equal words of two schemes mean different things.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.compliance.overlay import Cutter, mended, polygonal
from tools.compliance.patches import NOISE_M2, SLIVER_M2, Patches, patches
from tools.geometry.area import ellipsoidal_areas_m2
from tools.land_use import UNCOVERED, label_code
from tools.layer_health import Finding, check_window
from tools.layer_inspection import invalid
from tools.layers import read_windows
from tools.rules.lines import line_roles, zone_schemes


@dataclass
class ZoneMeasure:
    """A project against a zoned layer."""

    spec: LayerSpec
    areas_m2: dict[str, float] = field(default_factory=dict)
    """By code; for a partition also 未覆盖, and then they sum to the project but for rounding."""
    names: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, BaseGeometry] = field(default_factory=dict)
    """By code: the part of the project in the zone."""
    overlapping_m2: float = 0.0
    findings: tuple[Finding, ...] = ()

    def patches(self, code: str, sliver_m2: float) -> Patches:
        """Return the part of the project in a zone, or in none, as patches."""
        return patches(self.shapes[code], self.spec.epsg, sliver_m2)


def measure_zones(
    project: BaseGeometry,
    spec: LayerSpec,
    folder: Path,
    *,
    partition: bool,
    sliver_m2: float = SLIVER_M2,
) -> ZoneMeasure:
    """Measure the zones that a project lies in.

    Args:
        project: Valid (Multi)Polygon in `spec.epsg`.
        spec: The zoned layer.
        folder: Folder of the catalogue.
        partition: Whether the zones should cover a place once and wholly: then shared places count
            once, under the code that comes first, and what no zone covers is a row of its own.
        sliver_m2: Smallest part of a zone that counts.

    Raises:
        InputError: the layer has no codes or the wrong scheme, or a feature has another code.
    """
    check_scheme(spec)
    cutter = Cutter(project)
    pieces: dict[str, list[npt.NDArray[Any]]] = defaultdict(list)
    measure = ZoneMeasure(spec)
    findings: list[Finding] = []
    for features in read_windows(spec, folder, project, attributes=True):
        findings += check_window(spec, features)
        geometries, broken = mended(features.geometries)
        if len(broken):
            findings.append(invalid(spec, tuple(features.fids[broken].tolist())))
        cut, _ = cutter.cut(geometries)
        areas = shapely.area(cut)
        for i in np.flatnonzero(areas > 0).tolist():
            code = str(features.codes[i])
            if code not in measure.names:
                label = zone_name(spec, code, str(features.names[i]), fid=int(features.fids[i]))
                measure.names[code] = label
            pieces[code].append(cut[i])
    measure.findings = tuple(findings)
    whole = {code: np.array(parts, dtype=object) for code, parts in sorted(pieces.items())}
    if partition:
        _share_out_once(measure, project, whole, sliver_m2)
    else:
        for code, parts in whole.items():
            measure.shapes[code] = shapely.union_all(parts)
            measure.areas_m2[code] = measure.patches(code, sliver_m2).total_m2
    return measure


def _share_out_once(
    measure: ZoneMeasure,
    project: BaseGeometry,
    pieces: dict[str, npt.NDArray[Any]],
    sliver_m2: float,
) -> None:
    """Give every place of a project to one zone, or to none."""
    planar = float(sum(shapely.area(parts).sum() for parts in pieces.values()))
    shapes = {code: shapely.union_all(parts) for code, parts in pieces.items()}
    covered = shapely.union_all(list(shapes.values()))
    measure.overlapping_m2 = max(0.0, planar - float(covered.area))
    if measure.overlapping_m2 > SLIVER_M2:
        taken: BaseGeometry = shapely.Polygon()
        for code, shape in shapes.items():
            shapes[code] = polygonal(shapely.difference(shape, taken))
            taken = shapely.union_all([taken, shape])
    else:
        measure.overlapping_m2 = 0.0
    epsg = measure.spec.epsg
    parts = list(shapes.values())
    areas = ellipsoidal_areas_m2(np.array(parts, dtype=object), epsg)
    measure.shapes = shapes
    measure.areas_m2 = {
        code: float(area)
        for code, shape, area in zip(shapes, parts, areas, strict=True)
        if shape.area >= NOISE_M2
    }
    bare = patches(shapely.difference(project, covered), epsg, 0.0)
    if bare.total_m2 >= min(sliver_m2, SLIVER_M2):
        measure.areas_m2[UNCOVERED] = bare.total_m2
        measure.names[UNCOVERED] = UNCOVERED
        measure.shapes[UNCOVERED] = shapely.union_all(bare.polygons)


def check_scheme(spec: LayerSpec) -> None:
    """Check that a layer of a role that has codes declares one of the schemes of its role.

    Raises:
        InputError: it does not.
    """
    role = line_roles()[spec.role]
    if spec.code_scheme in role.schemes:
        return
    said = f"编码体系是 {spec.code_scheme}" if spec.code_scheme != "none" else "没有写编码体系"
    raise InputError(
        f"图层“{spec.title}”{said}，{role.title}图层应为 {' 或 '.join(role.schemes)}",
        file="layers.yaml",
        layer=spec.name,
        field="code_scheme",
        mend="改正 code_scheme，并核对 code_field 中的代码",
    )


def zone_name(spec: LayerSpec, code: str, name: str, *, fid: int) -> str:
    """Return what a code of a layer is called in its scheme.

    Raises:
        InputError: an empty code, or one that the scheme does not have.
    """
    if spec.code_scheme in ("ydyh_2023", "sandiao_2020"):
        return label_code(spec, code, name, fid=fid).name
    scheme = zone_schemes()[spec.code_scheme]
    if code in scheme.codes:
        return scheme.codes[code]
    others = [s.title for s in zone_schemes().values() if code and code in s.codes]
    hint = f"，它属于“{others[0]}”" if others else ""
    problem = f"的代码“{code}”不在“{scheme.title}”中{hint}" if code else "没有代码"
    raise InputError(
        f"要素 {fid} {problem}",
        file=spec.path,
        layer=spec.name,
        field=spec.code_field,
        mend=f"改正该要素的代码，可用：{'、'.join(scheme.codes)}；或改正 layers.yaml 的 code_scheme",
    )
