"""Read features of any layer in chunks, or by their ids, whatever its format."""

from collections.abc import Iterator

import numpy as np

from tools.quality_check.features import Chunk, LayerFile
from tools.quality_check.source_geopackage import layer_keys, read_keys, read_range
from tools.quality_check.source_ogr import read_ogr

CHUNK = 25_000
"""Features that one process holds at a time."""
CHUNK_BYTES = 64 * 1024 * 1024
"""Bytes of geometry that one process holds at a time, unless a single one is larger."""


def split(layer: LayerFile, *, size: int = CHUNK) -> list[tuple[int, int]]:
    """Divide a layer into ranges for `read_chunk`: keys of a GeoPackage, else positions."""
    if layer.key:
        return list(_ranges(layer_keys(layer), size))
    return [(start, size) for start in range(0, layer.features, size)]


def _ranges(keys: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """Divide keys so that a range holds few enough features and bytes; a large one stands alone."""
    first, last, count, held = None, 0, 0, 0
    for key, weight in keys:
        if first is not None and (count == size or held + weight > CHUNK_BYTES):
            yield first, last
            first, count, held = None, 0, 0
        first = key if first is None else first
        last, count, held = key, count + 1, held + weight
    if first is not None:
        yield first, last


def _parts(keys: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def read_chunk(layer: LayerFile, part: tuple[int, int], columns: tuple[str, ...]) -> Chunk:
    """Read a range of `split`, whatever its geometry is like.

    Raises:
        InputError: the file is damaged.
    """
    if layer.key:
        return read_range(layer, part, columns)
    return read_ogr(layer, columns, skip_features=part[0], max_features=part[1])


def read_features(layer: LayerFile, fids: list[int], columns: tuple[str, ...]) -> Chunk:
    """Read single features by their ids, in ascending order of id."""
    fids = sorted(set(fids))
    if not layer.key:
        return read_ogr(layer, columns, fids=fids)
    chunks = [read_keys(layer, part, columns) for part in _parts(fids, 500)]
    if not chunks:
        return read_keys(layer, [], columns)
    return Chunk(
        fids=np.concatenate([c.fids for c in chunks]),
        geometries=np.concatenate([c.geometries for c in chunks]),
        missing=np.concatenate([c.missing for c in chunks]),
        broken=np.concatenate([c.broken for c in chunks]),
        raised=np.concatenate([c.raised for c in chunks]),
        columns={name: [v for c in chunks for v in c.columns[name]] for name in columns},
    )
