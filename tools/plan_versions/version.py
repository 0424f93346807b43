"""One version of a layer, read whole: from a catalogue by role, or from a vector file."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import CodeScheme, LayerSpec
from tools.compliance.coverage import first_come
from tools.compliance.overlay import mended
from tools.compliance.patches import SLIVER_M2
from tools.compliance.zones import zone_name
from tools.feature_table import columns_of, read_table
from tools.geometry.area import ellipsoidal_areas_m2
from tools.geometry.crs import require_metric
from tools.geometry.vector import read_features
from tools.geopackage import open_table
from tools.layer_health import Finding, merged
from tools.layer_inspection import inspect_features, inspect_layer
from tools.layers import layer_by_role, load_catalogue

MOST_FEATURES = 300_000
INSIDE = "线内"
"""Stands for the code of a layer without codes."""


@dataclass
class Version:
    """Features of one version: valid, disjoint polygons; parallel arrays."""

    spec: LayerSpec
    geometries: npt.NDArray[Any]
    codes: npt.NDArray[np.str_]
    fids: npt.NDArray[np.int64]
    ids: npt.NDArray[np.str_] | None
    names: dict[str, str]
    areas_m2: npt.NDArray[np.float64]
    findings: tuple[Finding, ...] = ()
    overlapping_m2: float = 0.0
    synthetic: bool = False

    def totals_m2(self) -> dict[str, float]:
        """Ellipsoidal area by code."""
        return {
            code: float(self.areas_m2[self.codes == code].sum())
            for code in sorted(set(self.codes.tolist()))
        }


def read_version(
    place: Path, role: str, field: str | None, scheme: CodeScheme | None = None
) -> Version:
    """Read one version.

    Args:
        place: Folder with `layers.yaml`, or a GeoPackage or Shapefile with one polygon layer.
        role: Role or name of the layer in the catalogue.
        field: Field to compare by; the layer's code field when not given, one class without.
        scheme: Code scheme of a single file.

    Raises:
        InputError: no such file, role or field, no polygons, a wrong code, or too many features.
    """
    if place.is_dir():
        catalogue = load_catalogue(place)
        spec = layer_by_role(catalogue, role) or next(
            (s for s in catalogue.layers if s.name == role), None
        )
        if spec is None:
            listed = "、".join(
                f"{s.role}（{s.title}）" for s in catalogue.layers if s.geometry == "polygon"
            )
            raise InputError(
                f"目录里没有角色或名称为 {role} 的图层",
                file=place / "layers.yaml",
                field="role",
                mend=f"可比对：{listed or '（无面图层）'}",
            )
        folder, synthetic = place, catalogue.synthetic or spec.synthetic
    else:
        catalogue = None
        spec, folder, synthetic = _file_spec(place, field, scheme), place.parent, False
    if spec.geometry != "polygon":
        raise InputError(
            f"图层“{spec.title}”不是面图层", file=spec.path, layer=spec.name, mend="选面图层比对"
        )
    require_metric(spec.epsg)
    if catalogue is not None:
        findings = inspect_layer(spec, catalogue, folder)
    else:
        findings = merged(inspect_features(spec, folder))
    version = _read(spec, folder, field or spec.code_field)
    version.findings = findings
    version.synthetic = synthetic
    return version


def _file_spec(file: Path, field: str | None, scheme: CodeScheme | None) -> LayerSpec:
    if not file.exists():
        raise InputError("文件不存在", file=file, mend="给出图层目录（含 layers.yaml）或矢量文件")
    suffix = file.suffix.lower()
    if suffix not in (".gpkg", ".shp"):
        raise InputError(
            f"不支持的文件类型“{suffix or file.name}”",
            file=file,
            mend="用 GeoPackage 或 Shapefile，或图层目录",
        )
    if suffix == ".gpkg":
        table = open_table(file, None)
        name, epsg = table.name, table.srs_epsg
    else:
        name, epsg = file.stem, read_features(file, layer=file.stem, encoding="utf-8").epsg
    if epsg is None:
        raise InputError("文件没有写坐标系", file=file, mend="写入坐标系后重新导出")
    return LayerSpec(
        role="compared",
        name=name,
        title=name,
        path=file.name,
        layer=name,
        code_field=field,
        code_scheme=scheme or "none",
        epsg=epsg,
        date="",
        source=str(file),
    )


def _read(spec: LayerSpec, folder: Path, field: str | None) -> Version:
    columns = columns_of(spec, folder)
    if field is not None and field not in columns:
        raise InputError(
            f"图层“{spec.title}”没有字段 {field}；已有：{'、'.join(columns)}",
            file=spec.path,
            layer=spec.name,
            field=field,
            mend="改正 --field",
        )
    wanted = tuple(dict.fromkeys(c for c in (field, spec.name_field, spec.id_field) if c))
    shapes: list[Any] = []
    fids: list[int] = []
    values: dict[str, list[Any]] = {column: [] for column in wanted}
    for window in read_table(spec, folder, None, wanted):
        shapes.extend(window.geometries)
        fids.extend(window.fids.tolist())
        for column in wanted:
            values[column].extend(window.columns[column])
        if len(shapes) > MOST_FEATURES:
            raise InputError(
                f"图层“{spec.title}”多于 {MOST_FEATURES} 个要素",
                file=spec.path,
                layer=spec.name,
                mend="先用 cspon extract 按乡镇裁剪，再分别比对",
            )
    geometries = np.empty(len(shapes), dtype=object)
    geometries[:] = shapes
    geometries, _ = mended(geometries)
    codes = np.array(
        [_text(v) for v in values[field]] if field else [INSIDE] * len(shapes), np.str_
    )
    names = _names(spec, field, values, codes, fids)
    overlapping = 0.0
    if len(geometries):
        planar = float(shapely.area(geometries).sum())
        overlapping = planar - float(shapely.union_all(geometries).area)
        if overlapping > SLIVER_M2:
            geometries, _ = first_come(geometries, shapely.Polygon())
        else:
            overlapping = 0.0
    keep = shapely.area(geometries) > 0
    geometries, number = geometries[keep], np.array(fids, dtype=np.int64)
    return Version(
        spec=spec,
        geometries=geometries,
        codes=codes[keep],
        fids=number[keep],
        ids=np.array([_text(v) for v in values[spec.id_field]], np.str_)[keep]
        if spec.id_field
        else None,
        names=names,
        areas_m2=ellipsoidal_areas_m2(geometries, spec.epsg),
        overlapping_m2=overlapping,
    )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _names(
    spec: LayerSpec, field: str | None, values: dict[str, list[Any]], codes: Any, fids: list[int]
) -> dict[str, str]:
    """Name each code; where the codes have a scheme they are checked against it."""
    if field is None:
        return {INSIDE: spec.title}
    names: dict[str, str] = {}
    for i, code in enumerate(codes.tolist()):
        if code in names:
            continue
        if field == spec.code_field and spec.code_scheme != "none":
            own = _text(values[spec.name_field][i]) if spec.name_field else ""
            names[code] = zone_name(spec, code, own, fid=fids[i])
        elif not code:
            raise InputError(
                f"要素 {fids[i]} 的 {field} 为空，无法归类",
                file=spec.path,
                layer=spec.name,
                field=field,
                mend="补全该字段，或换一个字段比对",
            )
        else:
            names[code] = code
    return names
