"""Whole features of a vector layer with any of their attributes, window by window.

`tools.layers` reads what checks need (code, name); here every column may be read.
"""

from collections.abc import Iterator
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerSpec
from tools.geopackage import Box, Window, read_boxes
from tools.geopackage import Table as GpkgTable
from tools.layers import CHUNK, open_layer, search_boxes
from tools.ogr_layer import OgrTable, read_ogr_boxes

EVERYWHERE: Box = (-1e12, -1e12, 1e12, 1e12)


def columns_of(spec: LayerSpec, folder: Path) -> tuple[str, ...]:
    """Return the attribute columns of a layer, without key and geometry.

    Raises:
        InputError: as `open_layer`.
    """
    table = open_layer(spec, folder)
    if isinstance(table, OgrTable):
        return table.columns
    return tuple(c for c in table.columns if c not in (table.key, table.geometry_column))


def read_table(
    spec: LayerSpec,
    folder: Path,
    window: BaseGeometry | None,
    columns: tuple[str, ...] = (),
    *,
    widen_m: float = 0.0,
    chunk: int = CHUNK,
) -> Iterator[Window]:
    """Yield features with the named columns.

    Args:
        spec: A vector layer.
        folder: Folder of the catalogue.
        window: Features whose boxes are near it, in `spec.epsg`; None for all.
        columns: Attributes to read.
        widen_m: How near, in metres.
        chunk: Most features held at a time.

    Raises:
        InputError: as `open_layer`, or a feature does not parse.
    """
    boxes = [EVERYWHERE]
    if window is not None:
        boxes = [
            (x0 - widen_m, y0 - widen_m, x1 + widen_m, y1 + widen_m)
            for x0, y0, x1, y1 in search_boxes(window)
        ]
    table: GpkgTable | OgrTable = open_layer(spec, folder)
    if isinstance(table, OgrTable):
        yield from read_ogr_boxes(table, boxes, columns, chunk=chunk)
    else:
        yield from read_boxes(table, boxes, columns, chunk=chunk)
