"""One pass over a layer: every feature check on every chunk, in processes of their own.

A process reads its chunk itself and hands back hits, areas, boxes and the edges that did not cancel:
memory stays bounded by the chunk, and both cores work.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from tools.quality_check.areas import areas_m2, stated_m2
from tools.quality_check.context import Gathered, LayerContext
from tools.quality_check.edges import Edges, edges_of, joined
from tools.quality_check.features import Chunk
from tools.quality_check.hits import Hit
from tools.quality_check.mend import mended_polygons
from tools.quality_check.model import CheckRule
from tools.quality_check.registry import check_kinds
from tools.quality_check.shapes import of_kind, usable, valid
from tools.quality_check.source import read_chunk, split
from tools.quality_check.vertices import rings, split_rings

MOST_HITS = 2_000
"""Hits of one check in one layer that are listed; all are counted."""
_FEW = 60_000
"""A smaller layer is read in this process: starting others takes longer."""
_TOGETHER = 8
"""Parts whose edges are joined before they are kept."""


@dataclass
class Tally:
    """Hits of one check: the first of them, and how many."""

    listed: list[Hit] = field(default_factory=list)
    count: int = 0

    def add(self, hits: Iterable[Hit]) -> None:
        """Count hits and keep the first."""
        found = iter(hits)
        kept = list(islice(found, max(0, MOST_HITS - len(self.listed))))
        self.listed += kept
        self.count += len(kept) + sum(1 for _ in found)

    def merge(self, other: "Tally") -> None:
        """Take over another tally of the same check."""
        self.listed += other.listed[: MOST_HITS - len(self.listed)]
        self.count += other.count


@dataclass(frozen=True)
class Plan:
    """What a pass over one layer does; goes to the processes."""

    context: LayerContext
    checks: tuple[CheckRule, ...]
    columns: tuple[str, ...]
    kept: tuple[str, ...]
    """Columns that later checks need whole."""
    with_edges: bool


@dataclass
class _Part:
    gathered: Gathered
    tallies: dict[str, Tally]


def scan_layer(
    plan: Plan, *, workers: int, progress: Callable[[str], None]
) -> tuple[Gathered, dict[str, Tally]]:
    """Read a layer once and run its feature checks.

    Args:
        plan: Layer, checks and columns.
        workers: Processes; 1 works in this one.
        progress: Gets Chinese sentences.
    """
    file = plan.context.file
    parts = split(file)
    collected: list[_Part] = []
    tallies: dict[str, Tally] = {check.id: Tally() for check in plan.checks}
    done = 0
    for part in _run(plan, parts, workers if file.features > _FEW else 1):
        for name, tally in part.tallies.items():
            tallies[name].merge(tally)
        collected.append(part)
        done += len(part.gathered.fids)
        if len(collected) % _TOGETHER == 0:
            _join_edges(collected)
            progress(f"图层 {plan.context.name}：已读 {done:,} / {file.features:,} 个要素")
    return _together(plan, collected), tallies


def _run(plan: Plan, parts: list[tuple[int, int]], workers: int) -> Iterator[_Part]:
    if workers <= 1 or len(parts) < 2:
        for part in parts:
            yield _scan(plan, part)
        return
    context = multiprocessing.get_context("spawn")  # threads of the caller hold no locks in a copy
    with ProcessPoolExecutor(min(workers, len(parts)), mp_context=context) as pool:
        waiting = iter(parts)
        running = [pool.submit(_scan, plan, part) for part in islice(waiting, workers + 1)]
        while running:
            yield running.pop(0).result()
            running += [pool.submit(_scan, plan, part) for part in islice(waiting, 1)]


def _scan(plan: Plan, part: tuple[int, int]) -> _Part:
    """Read one part and check it; runs in a process of its own."""
    kinds = check_kinds()
    chunk = read_chunk(plan.context.file, part, plan.columns)
    tallies = {}
    with np.errstate(invalid="ignore"):
        for check in plan.checks:
            tally = Tally()
            tally.add(kinds[check.kind].function(chunk, plan.context, check.parameters))
            tallies[check.id] = tally
        polygons = plan.context.rule.geometry == "polygon"
        gathered = Gathered(
            fids=chunk.fids,
            bounds=shapely.bounds(chunk.geometries),
            areas_m2=areas_m2(chunk, plan.context) if polygons else np.zeros(len(chunk)),
            stated_m2=stated_m2(chunk, plan.context),
            keys=_keys(chunk),
            columns={name: chunk.columns[name] for name in plan.kept},
            edges=_edges(chunk, plan.context.pack.grid_m) if plan.with_edges else None,
        )
    return _Part(gathered, tallies)


def _keys(chunk: Chunk) -> npt.NDArray[np.uint64]:
    """Hash extent, length and vertex count: equal geometries have equal keys."""
    bounds = shapely.bounds(chunk.geometries)
    rounded = np.column_stack([bounds, shapely.length(chunk.geometries)])
    numbers = np.nan_to_num(np.rint(rounded * 1000)).astype(np.int64).astype(np.uint64)
    key = shapely.get_num_coordinates(chunk.geometries).astype(np.uint64)
    for column in range(numbers.shape[1]):
        key = (key ^ numbers[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(31)
    key[~usable(chunk)] = 0
    return key


def _edges(chunk: Chunk, grid_m: float) -> Edges:
    """Return the chunk's net edges; invalid polygons count as what they cover once mended."""
    wrong = np.flatnonzero(of_kind(chunk, "polygon") & ~valid(chunk))
    if not len(wrong):
        return edges_of(rings(chunk), grid_m)
    rows = np.flatnonzero(of_kind(chunk, "polygon"))
    shapes = chunk.geometries.copy()
    shapes[wrong] = [mended_polygons(shape) for shape in shapes[wrong]]
    return edges_of(split_rings(shapes[rows], rows), grid_m)


def _join_edges(parts: list[_Part]) -> None:
    """Keep the joined edges of all parts in the last one."""
    edges = [p.gathered.edges for p in parts if p.gathered.edges is not None]
    if not edges:
        return
    for part in parts:
        part.gathered.edges = None
    parts[-1].gathered.edges = joined(edges)


def _together(plan: Plan, parts: list[_Part]) -> Gathered:
    _join_edges(parts)
    all_of = [part.gathered for part in parts]

    def stacked(name: str, empty: npt.NDArray[Any]) -> Any:
        return np.concatenate([empty, *(getattr(g, name) for g in all_of)])

    return Gathered(
        fids=stacked("fids", np.empty(0, np.int64)),
        bounds=stacked("bounds", np.empty((0, 4))),
        areas_m2=stacked("areas_m2", np.empty(0)),
        stated_m2=stacked("stated_m2", np.empty(0)),
        keys=stacked("keys", np.empty(0, np.uint64)),
        columns={name: [v for g in all_of for v in g.columns[name]] for name in plan.kept},
        edges=all_of[-1].edges
        if all_of and plan.with_edges
        else (joined([]) if plan.with_edges else None),
    )
