"""What is looked at before a tool counts on a layer: its coordinate system, its place, its features."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.feature_table import EVERYWHERE
from tools.layer_health import Finding, check_window, label, merged
from tools.layer_placement import check_placement
from tools.layers import Features, layer_by_role, read_windows
from tools.rules.lines import PARTITIONS
from tools.rules.model import COUNTY, LAND_USE


def check_place(spec: LayerSpec, catalogue: LayerCatalogue, folder: Path) -> tuple[Finding, ...]:
    """Check that a layer has the catalogue's coordinate system and lies where the county is.

    Args:
        spec: A layer of the catalogue.
        catalogue: The catalogue.
        folder: Its folder.

    Returns:
        Features without geometry, which no window ever shows.

    Raises:
        InputError: another system, or the layer is shifted, in degrees or somewhere else.
    """
    if spec.epsg != catalogue.epsg:
        raise InputError(
            f"图层“{spec.title}”的坐标系 EPSG:{spec.epsg} 与目录的 EPSG:{catalogue.epsg} 不同",
            file="layers.yaml",
            layer=spec.name,
            field="epsg",
            mend="把该图层转换到目录的坐标系",
        )
    county = layer_by_role(catalogue, COUNTY)
    if county is None or spec.geometry == "raster":
        return ()
    coverage = spec.role == LAND_USE or spec.role in PARTITIONS
    return check_placement(spec, county, folder, coverage=coverage)


def inspect_layer(
    spec: LayerSpec, catalogue: LayerCatalogue, folder: Path, area: BaseGeometry | None = None
) -> tuple[Finding, ...]:
    """Check a layer's place and its features; it is read for that.

    Args:
        spec: A layer of the catalogue; of a raster only the coordinate system is checked.
        catalogue: The catalogue.
        folder: Its folder.
        area: Near which features are read; None for all.

    Raises:
        InputError: as `check_place`, or the layer cannot be read.
    """
    placed = check_place(spec, catalogue, folder)
    if spec.geometry == "raster":
        return placed
    return merged([*placed, *inspect_features(spec, folder, area)])


def inspect_features(
    spec: LayerSpec, folder: Path, area: BaseGeometry | None = None
) -> Iterator[Finding]:
    """Yield what is wrong with the features of a vector layer, chunk by chunk."""
    window = shapely.box(*EVERYWHERE) if area is None else area
    for features in read_windows(spec, folder, window, attributes=True):
        yield from check_window(spec, features)
        yield from _check_rings(spec, features)


def _check_rings(spec: LayerSpec, features: Features) -> list[Finding]:
    """Find polygons that cross themselves."""
    if spec.geometry != "polygon":
        return []
    broken = np.flatnonzero(~shapely.is_valid(features.geometries))
    if not len(broken):
        return []
    return [invalid(spec, tuple(features.fids[broken].tolist()))]


def invalid(spec: LayerSpec, fids: tuple[int, ...]) -> Finding:
    """Say which features were repaired before they were used."""
    message = "有自相交等无效图形，已修复后计算，请修正源数据"
    return Finding("invalid", label(spec), message, fids)
