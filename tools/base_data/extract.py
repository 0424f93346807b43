"""The tool `extract_base_data`: base maps and base figures of an area for one reader."""

from pathlib import Path
from typing import Any, Literal

from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import LayerCatalogue, LayerSpec, Provenance, ToolResult
from tools.base_data.area import extraction_area
from tools.base_data.desensitise import Withheld, readable_layers, reader_columns
from tools.base_data.figures import BaseFigures, base_figures, figures_table
from tools.base_data.filters import Filter
from tools.base_data.publish import FileFormat, publish
from tools.base_data.taking import Taken, take
from tools.catalogue import tool
from tools.compliance.rounding import hectares
from tools.feature_table import columns_of
from tools.geometry.area import ellipsoidal_area_m2
from tools.geometry.crs import require_metric
from tools.layer_health import Finding
from tools.layer_inspection import inspect_layer
from tools.layers import load_catalogue, open_layer
from tools.rules.lines import PARTITIONS
from tools.rules.model import COUNTY, LAND_USE

VERSION = "1"
MOST_FEATURES = 500_000
COARSEST_M = 10_000.0


class LayerExtract(Frozen):
    """What was taken of one layer."""

    name: str
    title: str
    role: str
    geometry: Literal["polygon", "line", "point"]
    date: str
    features: int
    cut: int
    """Features that the area's edge cuts."""
    figures: BaseFigures


class Extract(Frozen):
    """`ToolResult.data` of the tool."""

    area: str
    area_source: str
    area_ha: float | None
    epsg: int
    clearance: Secrecy
    where: tuple[str, ...]
    codes: tuple[str, ...]
    round_m: float | None
    layers: tuple[LayerExtract, ...]
    withheld: tuple[Withheld, ...]
    files: dict[str, str]
    """Written file to "sha256:…"; empty where nothing was exported."""


@tool(
    "extract_base_data",
    title="底图底数提取",
    version=VERSION,
    examples=(
        "把柳溪镇的地类图斑和控制线裁出来，导出成 GeoPackage，并统计底数。",
        "统计某乡镇现状耕地面积，按地类出一张底数表。",
        "给外单位提供脱敏后的底图数据。",
    ),
    needs=(COUNTY,),
)
def extract_base_data(
    layers: Path,
    boundary: Path | None = None,
    unit: str | None = None,
    names: tuple[str, ...] = (),
    where: tuple[Filter, ...] = (),
    codes: tuple[str, ...] = (),
    clearance: Secrecy = Secrecy.PUBLIC,
    drop_fields: tuple[str, ...] = (),
    round_m: float | None = None,
    out: Path | None = None,
    file_format: FileFormat = "gpkg",
    overwrite: bool = False,
    max_features: int = MOST_FEATURES,
    epsg: int | None = None,
) -> ToolResult:
    """Clip, filter and desensitise layers, count them by code, and export them.

    Layers above the reader's level are not exported at all. Areas are ellipsoidal, of the places before
    they are rounded; the rows of a layer sum to its whole.

    Args:
        layers: Folder with `layers.yaml`.
        boundary: Boundary file of the area; else `unit`, else everything.
        unit: Administrative unit by name or code.
        names: Layers by name or role; all vector layers that the reader may have when empty.
        where: Conditions on fields, all of which must hold.
        codes: Code prefixes of which one must hold.
        clearance: Level of the reader: 公开, 内部 or 敏感.
        drop_fields: Fields that are left out of every layer.
        round_m: Grid to which coordinates are rounded, metres.
        out: Folder to write to; without it only the figures are made.
        file_format: gpkg, shp, geojson or csv.
        overwrite: Whether files of the same name are replaced.
        max_features: More features of one layer are refused.
        epsg: Coordinate system of the boundary where the file does not say it.

    Raises:
        InputError: an unknown layer, field or unit, a wrong boundary, too much, or files that are
            there already.
        SetupError: the folder cannot be written.
    """
    if round_m is not None and not 0 < round_m <= COARSEST_M:
        raise InputError(
            f"坐标取整 {round_m:g} 米不合理",
            field="round_m",
            mend=f"改为 0 至 {COARSEST_M:g} 米之间",
        )
    if max_features < 1:
        raise InputError("要素上限须为正数", field="max_features", mend="例如 500000")
    catalogue = load_catalogue(layers)
    require_metric(catalogue.epsg)
    area, title, source = extraction_area(catalogue, layers, boundary, unit, epsg)
    chosen, withheld = _chosen(catalogue, names, clearance)
    filtered = bool(where or codes)
    findings: list[Finding] = []
    taken: list[Taken] = []
    figures: list[BaseFigures] = []
    for spec in chosen:
        findings += _findings(spec, catalogue, layers, area, clearance, drop_fields)
        found = take(
            spec,
            layers,
            area,
            clearance=clearance,
            where=where,
            codes=codes,
            dropped=drop_fields,
            round_m=round_m,
            max_features=max_features,
        )
        whole = not filtered and spec.role in (LAND_USE, *PARTITIONS)
        taken.append(found)
        figures.append(base_figures(found, area, whole=whole))
        withheld = (*withheld, *found.withheld)
    data = Extract(
        area=title,
        area_source=source,
        area_ha=None if area is None else hectares(ellipsoidal_area_m2(area, catalogue.epsg)),
        epsg=catalogue.epsg,
        clearance=clearance,
        where=tuple(condition.words for condition in where),
        codes=codes,
        round_m=round_m,
        layers=tuple(_layer(t, f) for t, f in zip(taken, figures, strict=True)),
        withheld=withheld,
        files={},
    )
    result = ToolResult(
        tool="extract_base_data",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tuple(figures_table(t, f) for t, f in zip(taken, figures, strict=True)),
        provenance=Provenance(
            tool="extract_base_data",
            version=VERSION,
            inputs={
                "area": source,
                **{s.name: f"{s.date} / {open_layer(s, layers).last_change}" for s in chosen},
            },
            parameters={
                "names": list(names),
                "where": list(data.where),
                "codes": list(codes),
                "clearance": clearance.value,
                "drop_fields": list(drop_fields),
                "round_m": round_m,
                "file_format": file_format if out is not None else None,
            },
            epsg=catalogue.epsg,
            layer_dates={s.name: s.date for s in chosen},
        ),
        warnings=(*(f.sentence() for f in findings), *_warnings(taken, figures, round_m)),
        secrecy=max((s.secrecy for s in chosen), key=lambda s: s.rank, default=Secrecy.PUBLIC),
        synthetic=catalogue.synthetic or any(s.synthetic for s in chosen),
    )
    if out is None:
        return result
    hashes = publish(result, taken, out, layers, file_format=file_format, overwrite=overwrite)
    return result.model_copy(update={"data": {**result.data, "files": hashes}})


def _chosen(
    catalogue: LayerCatalogue, names: tuple[str, ...], clearance: Secrecy
) -> tuple[tuple[LayerSpec, ...], tuple[Withheld, ...]]:
    """Return the layers to take; one that the reader may not have is as good as not there."""
    readable, withheld = readable_layers(catalogue, clearance)
    by_name = {key: spec for spec in readable for key in (spec.role, spec.name)}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        listed = "、".join(f"{s.name}（{s.title}）" for s in readable if s.geometry != "raster")
        raise InputError(
            f"没有图层“{unknown[0]}”，或者按权限“{clearance}”不能导出",
            file="layers.yaml",
            layer=unknown[0],
            mend=f"可导出：{listed or '（无）'}",
        )
    wanted = [by_name[name] for name in names] if names else list(readable)
    vectors = [spec for spec in dict.fromkeys(wanted) if spec.geometry != "raster"]
    rasters = [spec for spec in dict.fromkeys(wanted) if spec.geometry == "raster"]
    said: tuple[Withheld, ...] = ()
    if rasters:
        listed = "、".join(f"{spec.name}（{spec.title}）" for spec in rasters)
        why = "是栅格，本工具只导出矢量图层"
        said = (Withheld(what=f"{len(rasters)} 个图层：{listed}", why=why),)
    if not vectors:
        raise InputError("没有可导出的矢量图层", field="names", mend="核对图层名称、角色与权限")
    return tuple(vectors), (*(withheld if not names else ()), *said)


def _findings(
    spec: LayerSpec,
    catalogue: LayerCatalogue,
    folder: Path,
    area: BaseGeometry | None,
    clearance: Secrecy,
    dropped: tuple[str, ...],
) -> tuple[Finding, ...]:
    """Inspect a layer; of a field that the reader may not see whole nothing is said."""
    kept, levels, _ = reader_columns(spec, columns_of(spec, folder), clearance, dropped)
    shown = {column for column in kept if column not in levels}
    found = inspect_layer(spec, catalogue, folder, area)
    return tuple(f for f in found if f.field is None or f.field in shown)


def _layer(taken: Taken, figures: BaseFigures) -> LayerExtract:
    spec = taken.spec
    assert spec.geometry != "raster"
    return LayerExtract(
        name=spec.name,
        title=spec.title,
        role=spec.role,
        geometry=spec.geometry,
        date=spec.date,
        features=len(taken),
        cut=taken.cut,
        figures=figures,
    )


def _warnings(
    taken: list[Taken], figures: list[BaseFigures], round_m: float | None
) -> tuple[str, ...]:
    said: list[Any] = []
    cut = [t.spec.name for t in taken if t.cut and t.spec.geometry != "point"]
    if cut:
        said.append(
            f"{'、'.join(cut)} 有要素被范围线切割：原有的面积、长度属性未改，面图层另附 AREA_HA（切割后的椭球面积，公顷）。"
        )
    if round_m is not None:
        said.append(f"导出坐标已取整到 {round_m:g} 米，不能用于精确量算；底数按取整前的图形计算。")
    for found, counted in zip(taken, figures, strict=True):
        if counted.overlapping_ha:
            said.append(
                f"{found.spec.title}的要素相互重叠约 {counted.overlapping_ha:.4f} 公顷，底数重复计入。"
            )
    empty = [t.spec.title for t in taken if not len(t)]
    if empty:
        said.append(f"范围内没有符合条件的要素：{'、'.join(empty)}。")
    return tuple(said)
