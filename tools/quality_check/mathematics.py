"""Checks of the mathematical basis: coordinate system, zone, height datum, extent."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.geometry.crs import GEOGRAPHIC, describe, reproject, zone_of
from tools.layer_placement import gcj02_offset_m
from tools.quality_check.context import LayerContext, Survey
from tools.quality_check.hits import Hit
from tools.quality_check.mend import mended
from tools.quality_check.registry import check


@check("coordinate_system", scope="layer")
def coordinate_system(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers without a CGCS2000 Gauss–Krüger system of the pack's zone widths."""
    epsg = context.file.epsg
    if epsg is None:
        yield Hit(f"坐标系不合要求：{context.file.crs_problem}", layer=context.name)
        return
    zone = zone_of(epsg)
    widths = context.pack.zone_widths
    wanted = f"CGCS2000 {'或'.join(map(str, widths))} 度带高斯—克吕格投影"
    if zone is None or zone.width not in widths:
        yield Hit(
            f"坐标系是 {describe(epsg)}，应为{wanted}",
            layer=context.name, measured=f"EPSG:{epsg}", tolerance=wanted,
        )  # fmt: skip


@check("height_datum", scope="layer")
def height_datum(context: LayerContext, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers that declare another height datum; one that declares none is not judged."""
    found = context.file.height_epsg
    if found is not None and found not in context.pack.height_epsg:
        allowed = "、".join(f"EPSG:{code}" for code in context.pack.height_epsg)
        yield Hit(
            f"高程基准是 EPSG:{found}，应为 1985 国家高程基准（{allowed}）",
            layer=context.name, measured=f"EPSG:{found}", tolerance=allowed,
        )  # fmt: skip


@check("one_coordinate_system", scope="after")
def one_coordinate_system(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers in another system than the county's layer."""
    wanted = survey.region.epsg
    if wanted is None:
        return
    for name, context in survey.layers.items():
        if context.file.epsg is not None and context.file.epsg != wanted:
            yield Hit(
                f"坐标系 EPSG:{context.file.epsg} 与行政区图层 EPSG:{wanted} 不同",
                layer=name, measured=f"EPSG:{context.file.epsg}", tolerance=f"EPSG:{wanted}",
            )  # fmt: skip


@check("zone_coordinates", scope="after")
def zone_coordinates(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find layers whose coordinates cannot be of their declared zone: degrees, wrong zone number."""
    for name, context in survey.layers.items():
        bounds = survey.gathered[name].bounds
        zone = zone_of(context.file.epsg) if context.file.epsg else None
        known = bounds[np.isfinite(bounds).all(axis=1)]
        if not len(known):
            continue
        low, high = known[:, 0].min(), known[:, 2].max()
        if zone is None:
            if context.file.epsg in GEOGRAPHIC and (abs(known) > 360).any():
                yield Hit("声明为经纬度，坐标却像是米", layer=name, measured=f"东坐标 {low:.0f}")
            continue
        if (abs(known) <= 360).all():
            yield Hit("声明为投影坐标，坐标却像经纬度", layer=name, measured=f"东坐标 {low:.4f}")
            continue
        reach = 250_000.0 if zone.width == 3 else 400_000.0
        centre = zone.false_easting_m
        if low < centre - reach or high > centre + reach:
            yield Hit(
                f"东坐标 {low:.0f}～{high:.0f} 与声明的{describe(context.file.epsg or 0)}不符（带号）",
                layer=name,
                measured=f"{low:.0f}～{high:.0f}",
                tolerance=f"{centre - reach:.0f}～{centre + reach:.0f}",
            )


@check("shifted_layer", scope="gathered", parameters=("least_outside",))
def shifted_layer(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Recognise a layer in GCJ-02: what lies outside the county comes back without its offset.

    The published approximation of the offset is good to a few metres, so boxes are compared.
    """
    gathered, region = survey.gathered[layer], survey.region
    epsg = survey.layers[layer].file.epsg
    if region.outline is None or region.epsg != epsg or epsg is None or zone_of(epsg) is None:
        return
    county = shapely.from_wkb(region.outline)
    shapely.prepare(county)
    boxes = gathered.bounds[np.isfinite(gathered.bounds).all(axis=1)]
    if not len(boxes) or layer == survey.pack.region_layer:
        return
    longitude, latitude = shapely.get_coordinates(reproject(county.centroid, epsg, 4490))[0]
    east, north = gcj02_offset_m(float(longitude), float(latitude))
    least = float(parameters["least_outside"])
    before = _outside_share(county, boxes)
    after = _outside_share(county, boxes - (east, north, east, north))
    if before >= least and after < before / 4:
        shift = float(np.hypot(east, north))
        yield Hit(
            f"{before:.1%}的范围在行政区外，反向平移 {shift:.0f} 米后为 {after:.1%}：像是 GCJ-02（火星坐标）",
            layer=layer,
            measured=f"偏移约 {shift:.0f} 米",
        )


def _outside_share(county: Any, boxes: npt.NDArray[np.float64]) -> float:
    """Return the share of the boxes' middles and corners that lie outside the county."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    points = np.concatenate([middle, (boxes[:, :2] + middle) / 2, (boxes[:, 2:] + middle) / 2])
    return float(1 - shapely.contains_xy(county, points).mean())


@check("inside_region", scope="gathered", parameters=("tolerance_m",))
def inside_region(survey: Survey, parameters: dict[str, Any], layer: str) -> Iterator[Hit]:
    """Find features that reach beyond the county by more than a distance."""
    from tools.quality_check.source import read_features

    context, gathered, region = survey.layers[layer], survey.gathered[layer], survey.region
    if region.outline is None or region.epsg != context.file.epsg:
        return
    if layer == survey.pack.region_layer:
        return
    most = float(parameters["tolerance_m"])
    county = shapely.from_wkb(region.outline)
    wide = shapely.buffer(county, most, join_style="mitre")
    shapely.prepare(wide)
    known = np.flatnonzero(np.isfinite(gathered.bounds).all(axis=1))
    boxes = shapely.box(*gathered.bounds[known].T)
    suspects = gathered.fids[known[~shapely.covers(wide, boxes)]].tolist()
    id_field = survey.pack.id_field
    columns = (id_field,) if id_field in context.file.column_names else ()
    for start in range(0, len(suspects), 5000):
        chunk = read_features(context.file, suspects[start : start + 5000], columns)
        shapes = mended(chunk.geometries)
        outside = ~shapely.covers(wide, shapes) & ~shapely.is_missing(shapes)
        for row in np.flatnonzero(outside):
            beyond = shapely.difference(shapes[row], wide)
            if beyond.is_empty:
                continue
            far = float(
                shapely.distance(county, shapely.points(shapely.get_coordinates(beyond))).max()
            )
            hit = Hit(
                f"超出行政区范围，最远 {far:.2f} 米",
                layer=layer,
                fid=int(chunk.fids[row]),
                identifier=str(chunk.columns[id_field][row] or "") if columns else "",
                measured=f"{far:.2f} 米",
                tolerance=f"{most:g} 米",
            )
            yield hit.at(beyond)
