"""Whole features of a vector layer with any of their attributes, window by window.

`tools.layers` reads what checks need (code, name); here every column may be read.
"""

from collections.abc import Iterator
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerSpec
from tools.geopackage import Box, Window
from tools.geopackage import Table as GpkgTable
from tools.layers import CHUNK, open_layer, read_boxes_of, search_boxes

EVERYWHERE: Box = (-1e12, -1e12, 1e12, 1e12)


def columns_of(spec: LayerSpec, folder: Path) -> tuple[str, ...]:
    """Return the attribute columns of a layer, without key and geometry.

    Raises:
        InputError: as `open_layer`.
    """
    table = open_layer(spec, folder)
    if not isinstance(table, GpkgTable):
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
    yield from read_boxes_of(open_layer(spec, folder), boxes, columns, chunk=chunk)
