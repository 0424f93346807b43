"""A million land-use parcels for benchmarks, streamed into one GeoPackage with bounded memory.

The same field pattern as the county's, without terrain, rivers and roads: what a benchmark of
reading and intersecting needs, and nothing that would take minutes to make.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.field_pattern import (
    CELLS_PER_BLOCK,
    FieldPattern,
    cell_polygons,
    make_tile,
)
from tools.demo_county.geopackage import GeoPackage
from tools.demo_county.noise import Fractal, Warp, hash01

EPSG = 4547
SPACING = 141.4
"""Mean side of a parcel, m: 2 ha each."""
SOUTH_WEST = (430_000.0, 3_300_000.0)
TILE = 16
"""Blocks along a tile's side: 4,096 parcels are made at a time."""

_CODES = ("0101", "0103", "0102", "0201", "0301", "0303", "1704", "0703", "0601", "0701", "1001")
_SHARES = (0.34, 0.20, 0.04, 0.06, 0.14, 0.05, 0.04, 0.06, 0.03, 0.02, 0.02)


def generate_parcels(
    path: Path,
    *,
    n: int,
    seed: int,
    progress: Callable[[str], None] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
) -> None:
    """Write `n` parcels as table `DLTB` (EPSG:4547, fields BSM and DLBM) with an R-tree.

    Args:
        path: GeoPackage to write; made under a temporary name and renamed.
        n: Number of parcels.
        seed: Equal seeds give equal files.
        progress: Gets Chinese sentences.
        bbox: minx, miny, maxx, maxy that the parcels about cover (m); a square of 2 ha parcels
            by default.
    """
    blocks = math.ceil(n / CELLS_PER_BLOCK)
    if bbox is None:
        columns = math.ceil(math.sqrt(blocks))
        rows, spacing, origin = math.ceil(blocks / columns), SPACING, SOUTH_WEST
    else:
        width, height = bbox[2] - bbox[0], bbox[3] - bbox[1]
        columns = max(1, math.ceil(math.sqrt(blocks * width / height)))
        rows, origin = math.ceil(blocks / columns), (bbox[0], bbox[1])
        spacing = math.sqrt(width * height / n)
    pattern = FieldPattern(seed, spacing, origin, field_warp(seed, spacing), steps=24)
    cover = Fractal(seed, 900, spacing * 12, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    try:
        with GeoPackage(draft, epsg=EPSG) as package:
            _fill(package, pattern, cover, n, columns, rows, progress)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _fill(
    package: GeoPackage,
    pattern: FieldPattern,
    cover: Fractal,
    n: int,
    columns: int,
    rows: int,
    progress: Callable[[str], None] | None,
) -> None:
    fields = {"BSM": "TEXT(18)", "DLBM": "TEXT(6)"}
    step = max(1, n // 10)  # parcels between two reports
    with package.table(
        "DLTB", geometry="POLYGON", fields=fields, title="地类图斑", description="合成数据"
    ) as table:
        for i0, j0 in _tiles(columns, rows):
            ni, nj = min(TILE, columns - i0), min(TILE, rows - j0)
            tile = make_tile(pattern, i0, j0, ni, nj)
            cells = cell_polygons(tile)[_z_order(ni, nj)][: n - table.rows]
            if not len(cells):
                break
            ids = np.arange(table.rows + 1, table.rows + 1 + len(cells))
            codes = _codes(pattern, cover, ids, cells)
            table.add(cells, {"BSM": (f"9901012001{k:08d}" for k in ids.tolist()), "DLBM": codes})
            if progress and table.rows // step != (table.rows - len(cells)) // step:
                progress(f"已生成 {table.rows:,} / {n:,} 个图斑")


def field_warp(seed: int, spacing: float) -> Warp:
    """The bends that make field lines look grown: from valley-wide down to a furrow's."""
    return Warp(
        seed, 1, ((3.2 * spacing, 62 * spacing), (0.2 * spacing, 6 * spacing), (0.02 * spacing, 0.7 * spacing))
    )  # fmt: skip


def _tiles(columns: int, rows: int) -> Iterator[tuple[int, int]]:
    """South-west corners of the tiles, to and fro, so that neighbours in space follow in the file."""
    for north, j0 in enumerate(range(0, rows, TILE)):
        starts = range(0, columns, TILE)
        for i0 in starts if north % 2 == 0 else reversed(starts):
            yield i0, j0


def _z_order(ni: int, nj: int) -> NDArray[np.int64]:
    """Order of a tile's parcels with its blocks along a Morton curve."""
    i, j = np.meshgrid(np.arange(ni), np.arange(nj), indexing="ij")
    key = np.zeros(i.shape, np.int64)
    for bit in range(TILE.bit_length()):
        key |= ((i >> bit) & 1) << (2 * bit) | ((j >> bit) & 1) << (2 * bit + 1)
    blocks = np.argsort(key.ravel(), kind="stable")
    return (blocks[:, None] * CELLS_PER_BLOCK + np.arange(CELLS_PER_BLOCK)).ravel()


def _codes(
    pattern: FieldPattern, cover: Fractal, ids: NDArray[np.int64], cells: NDArray[np.object_]
) -> list[str]:
    centre = shapely.bounds(cells).reshape(-1, 2, 2).mean(1)
    smooth = cover(centre[:, 0], centre[:, 1])
    mixed = 0.5 + 0.75 * smooth + 0.35 * (hash01(pattern.seed, 901, ids) - 0.5)
    chosen = np.searchsorted(np.cumsum(_SHARES)[:-1], np.clip(mixed, 0, 0.999999))
    return [_CODES[k] for k in chosen.tolist()]
