"""Many projects against one polygon layer: areas by project and code, without a result per piece.

The same areas as `overlay_layer` gives one project at a time. Projects are taken along a space-filling
curve, a few thousand parcels are decoded together, and every step runs over all pairs at once, so
that a pair costs little more than its intersection in GEOS. Memory is bounded by the chunk, whatever
the layer's size. Projects with very many vertices go through `overlay_layer`, which cuts them up.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.schemas.spatial import LayerSpec
from tools.code_sums import code_places
from tools.compliance.overlay import MANY_VERTICES, overlay_layer
from tools.geometry.area import ellipsoidal_areas_m2
from tools.geopackage import Table, Window, read_each_box
from tools.layers import open_layer

CHUNK_PARCELS = 20_000
SHARE = 500
"""Projects that one process takes at a time."""

Floats = npt.NDArray[np.float64]
Progress = Callable[[int], None]


@dataclass(frozen=True)
class BatchAreas:
    """Areas by project and code: parallel arrays, sorted by project, then by code."""

    projects: npt.NDArray[np.intp]
    """Index of the project in the array that was asked about."""
    codes: npt.NDArray[np.str_]
    parcels: npt.NDArray[np.int64]
    """Features of that code that share area with the project."""
    planar_m2: Floats
    ellipsoidal_m2: Floats
    repaired: tuple[int, ...] = ()
    """Features whose invalid geometry was repaired before it was intersected."""

    def __len__(self) -> int:
        return len(self.projects)


def overlay_batch(
    projects: npt.NDArray[Any],
    spec: LayerSpec,
    folder: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> BatchAreas:
    """Intersect many projects with a polygon layer.

    Args:
        projects: Valid (Multi)Polygons in `spec.epsg`; they may overlap one another.
        spec: The layer.
        folder: Folder of the catalogue.
        workers: Processes; 1 works in this one.
        progress: Told how many projects are done.

    Returns:
        One row a project and code with some area; a project that meets nothing has no row.

    Raises:
        InputError: the layer cannot be read.
    """
    open_layer(spec, folder)
    order = _along_curve(projects)
    shares = [order[start : start + SHARE] for start in range(0, len(order), SHARE)]
    done, parts = 0, []
    for share, part in zip(shares, _shares(projects, shares, spec, folder, workers), strict=True):
        parts.append(part)
        done += len(share)
        if progress is not None:
            progress(done)
    return _merged(parts)


def _shares(
    projects: npt.NDArray[Any],
    shares: list[npt.NDArray[np.intp]],
    spec: LayerSpec,
    folder: Path,
    workers: int,
) -> Iterator[BatchAreas]:
    if workers <= 1 or len(shares) <= 1:
        for share in shares:
            yield _overlay_share(projects[share], share, spec, folder)
        return
    context = multiprocessing.get_context("spawn")  # threads of the caller hold no locks in a copy
    with ProcessPoolExecutor(min(workers, len(shares)), mp_context=context) as pool:
        tasks = [
            pool.submit(_overlay_wkb, shapely.to_wkb(projects[share]), share, spec, folder)
            for share in shares
        ]
        for task in tasks:
            yield task.result()


def _overlay_wkb(
    wkb: npt.NDArray[Any], numbers: npt.NDArray[np.intp], spec: LayerSpec, folder: Path
) -> BatchAreas:
    return _overlay_share(shapely.from_wkb(wkb), numbers, spec, folder)


def _overlay_share(
    projects: npt.NDArray[Any], numbers: npt.NDArray[np.intp], spec: LayerSpec, folder: Path
) -> BatchAreas:
    table = open_layer(spec, folder)
    large = shapely.get_num_coordinates(projects) > MANY_VERTICES
    if not isinstance(table, Table):  # only a GeoPackage gives its rows by R-tree
        large[:] = True
    parts = [
        _one_large(project, number, spec, folder)
        for project, number in zip(projects[large], numbers[large].tolist(), strict=True)
    ]
    projects, numbers = projects[~large], numbers[~large]
    if len(projects) == 0 or not isinstance(table, Table):
        return _merged(parts)
    columns = (spec.code_field,) if spec.code_field else ()
    shapely.prepare(projects)
    boxes = [tuple(box) for box in shapely.bounds(projects).tolist()]
    for owners, window in read_each_box(table, boxes, columns, chunk=CHUNK_PARCELS):
        kept, pieces, repaired = _cut_pairs(projects[owners], window.geometries)
        parts.append(
            _grouped(
                numbers[owners[kept]],
                _codes(window, spec.code_field)[kept],
                np.ones(len(kept), dtype=np.int64),
                shapely.area(pieces),
                ellipsoidal_areas_m2(pieces, spec.epsg),
                tuple(window.fids[repaired].tolist()),
            )
        )
    return _merged(parts)


def _codes(window: Window, column: str | None) -> npt.NDArray[np.str_]:
    if column is None:
        return np.full(len(window), "", dtype="U1")
    names, places = code_places(window.columns[column])
    return names[places]


def _one_large(project: Any, number: int, spec: LayerSpec, folder: Path) -> BatchAreas:
    rows = overlay_layer(project, spec, folder)
    return _grouped(
        np.full(len(rows), number, dtype=np.intp),
        rows.codes,
        np.ones(len(rows), dtype=np.int64),
        rows.planar_m2,
        rows.ellipsoidal_m2,
        rows.repaired,
    )


def _cut_pairs(
    projects: npt.NDArray[Any], parcels: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[Any], npt.NDArray[np.intp]]:
    """Intersect pair by pair; parcels properly inside their project are taken whole.

    Returns:
        Indices of the pairs that share area, their pieces, and the indices of repaired parcels.
    """
    meets = np.flatnonzero(shapely.intersects(projects, parcels))
    pieces = parcels[meets]
    edge = np.flatnonzero(~shapely.contains_properly(projects[meets], pieces))
    repaired = np.empty(0, dtype=np.intp)
    try:
        cut = shapely.intersection(pieces[edge], projects[meets[edge]])
    except shapely.errors.GEOSException:
        invalid = ~shapely.is_valid(pieces[edge])
        repaired = meets[edge[invalid]]
        pieces[edge[invalid]] = shapely.make_valid(pieces[edge[invalid]])
        cut = shapely.intersection(pieces[edge], projects[meets[edge]])
    pieces[edge] = cut
    some = shapely.area(pieces) > 0
    return meets[some], pieces[some], repaired


def _grouped(
    projects: npt.NDArray[np.intp],
    codes: npt.NDArray[np.str_],
    parcels: npt.NDArray[np.int64],
    planar_m2: Floats,
    ellipsoidal_m2: Floats,
    repaired: Iterable[int],
) -> BatchAreas:
    """Sum rows of the same project and code."""
    names, code_of = np.unique(codes, return_inverse=True)
    keys, row_of = np.unique(projects * np.intp(len(names)) + code_of, return_inverse=True)
    counted = np.zeros(len(keys), dtype=np.int64)
    planar, ellipsoidal = np.zeros(len(keys)), np.zeros(len(keys))
    np.add.at(counted, row_of, parcels)
    np.add.at(planar, row_of, planar_m2)
    np.add.at(ellipsoidal, row_of, ellipsoidal_m2)
    return BatchAreas(
        projects=keys // max(len(names), 1),
        codes=names[keys % max(len(names), 1)],
        parcels=counted,
        planar_m2=planar,
        ellipsoidal_m2=ellipsoidal,
        repaired=tuple(sorted(set(repaired))),
    )


def _merged(parts: list[BatchAreas]) -> BatchAreas:
    return _grouped(
        np.concatenate([np.empty(0, np.intp), *(p.projects for p in parts)]),
        np.concatenate([np.empty(0, "U1"), *(p.codes for p in parts)]),
        np.concatenate([np.empty(0, np.int64), *(p.parcels for p in parts)]),
        np.concatenate([np.empty(0), *(p.planar_m2 for p in parts)]),
        np.concatenate([np.empty(0), *(p.ellipsoidal_m2 for p in parts)]),
        (fid for p in parts for fid in p.repaired),
    )


def _along_curve(projects: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Order projects by the Morton code of their centres: neighbours share pages of the file."""
    if len(projects) == 0:
        return np.empty(0, dtype=np.intp)
    boxes = shapely.bounds(projects)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    low, span = centres.min(axis=0), np.ptp(centres, axis=0)
    cells = ((centres - low) / np.where(span > 0, span, 1.0) * 0xFFFF).astype(np.uint64)
    code = np.zeros(len(projects), dtype=np.uint64)
    for bit in range(16):
        for axis in (0, 1):
            code |= ((cells[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(2 * bit + axis)
    return np.argsort(code, kind="stable")
