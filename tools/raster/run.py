"""Carry out a plan: read strips, grade and combine, write cloud-optimised GeoTIFFs."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from cspon.errors import SetupError
from tools.raster.blocks import evaluate
from tools.raster.cog import OutputFile
from tools.raster.kernel import Kernel, compile_kernel, numba_missing
from tools.raster.lower import lower
from tools.raster.plan import Plan
from tools.raster.program import Array, Band, Program, ReliefBand
from tools.raster.relief import relief
from tools.raster.result import Count, RunResult, Written
from tools.raster.strips import Pool, Strip, read_strips

if TYPE_CHECKING:
    from tools.raster.cluster import Cluster

Progress = Callable[[int, int], None]
"""Called with rows done and rows in all."""
Engine = Literal["numba", "numpy"]
STRIP_ROWS = 512
"""A whole number of the usual tiles (256, 512)."""
THREADS = 2
"""Threads that decode or encode tiles of one strip."""


def run(
    plan: Plan,
    out: Path,
    *,
    workers: int = 1,
    progress: Progress | None = None,
    kernel_cache: Path | None = None,
    engine: Engine | None = None,
    strip_rows: int = STRIP_ROWS,
    cluster: "Cluster | None" = None,
) -> RunResult:
    """Write every output of a plan into a folder; the pixels do not depend on `workers`.

    Args:
        plan: What is computed.
        out: Folder; made where it is missing. A file of the same name is replaced at the very end.
        workers: Strips that are computed side by side; each needs the memory of two strips.
        progress: Told after each strip.
        kernel_cache: Where compiled kernels are kept; default: the user's cache folder.
        engine: None: numba where it is installed, else numpy blocks with a notice.
        strip_rows: Rows of a strip; the pixels do not depend on it.
        cluster: Compute the strips on Ray in place of `workers` threads; the pixels are the same.

    Raises:
        InputError: an input that does not fit, naming factor and file; nothing is written.
        SetupError: no space for the outputs.
    """
    started = time.perf_counter()
    program = lower(plan)
    notices = list(program.notices)
    kernel, engine, notice = choose_kernel(program, kernel_cache, engine)
    notices += [notice] if notice else []
    size = max([strip_rows, *(b.halo for b in program.bands if isinstance(b, Band))])
    with ExitStack() as stack:
        files = _open_outputs(plan, program, out, stack)
        done = _Rows(plan.grid.height, progress)
        parts = shares(plan.grid.height, size, workers)

        def take(first: int, values: list[Array]) -> None:
            for file, array in zip(files, values, strict=True):
                file.write(first, array)
            done.add(len(values[0]))

        def work(rows: range) -> list[Array]:
            counts = empty_counts(program)
            for first, values in compute_rows(plan, program, kernel, rows, size, counts, done.stop):
                take(first, values)
            return counts

        if cluster is not None:
            from tools.raster.cluster import compute

            tallies = compute(cluster, plan, engine, size, take)
        else:
            tallies = [work(parts[0])] if len(parts) == 1 else _side_by_side(work, parts, done.stop)
        for file in files:
            file.finish()
        for file in files:
            file.publish()
    counts = [np.sum([tally[i] for tally in tallies], axis=0) for i in range(len(files))]
    return RunResult(
        outputs=written(plan, program, out, counts),
        engine=engine,
        notices=tuple(notices),
        seconds=round(time.perf_counter() - started, 3),
    )


def choose_kernel(
    program: Program, cache: Path | None, engine: Engine | None
) -> tuple[Kernel, Engine, str | None]:
    """Return the kernel, its engine and a notice where numba is missing."""
    missing = numba_missing() if engine is None else None
    if engine == "numpy" or missing:
        outs = len(program.outputs)

        def blocks(rows: int, width: int, *arrays: Array) -> None:
            n = len(program.bands)
            evaluate(program, arrays[:n], arrays[n : n + outs], arrays[n + outs : -1], arrays[-1])

        return blocks, "numpy", missing
    return compile_kernel(program, cache), "numba", None


def empty_counts(program: Program) -> list[Array]:
    """Return one counter for each possible value of each output."""
    return [np.zeros(len(program.layers[i].values), dtype=np.int64) for i in program.outputs]


def compute_rows(
    plan: Plan,
    program: Program,
    kernel: Kernel,
    rows: range,
    size: int,
    counts: list[Array],
    stop: threading.Event,
) -> Iterator[tuple[int, list[Array]]]:
    """Yield first row and output arrays of each strip; a thread reads one strip ahead.

    The arrays are used again for the next strip.

    Raises:
        InputError: a value outside the plausible range, or a class code that is not listed.
    """
    pool = Pool()
    bands = [band for band in program.bands if isinstance(band, Band)]
    flags = np.zeros(max(1, len(program.checks)), dtype=np.uint8)
    width = plan.grid.width
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as ahead:
        strips = read_strips(bands, plan.grid, rows, size, pool=pool, threads=THREADS)
        upcoming = ahead.submit(next, strips, None)
        try:
            while (strip := upcoming.result()) is not None and not stop.is_set():
                upcoming = ahead.submit(next, strips, None)
                height = strip.last - strip.first
                outs = [pool_out(pool, height, width, program, i) for i in program.outputs]
                kernel(height, width, *_inputs(program, strip), *outs, *counts, flags)
                if flags.any():
                    _refuse(plan, program, strip, flags)
                yield strip.first, outs
                for array in (*strip.bands, *outs):
                    pool.give(array)
        finally:
            upcoming.cancel()
            wait([upcoming])
            ahead.submit(strips.close).result()  # type: ignore[attr-defined]


def pool_out(pool: Pool, height: int, width: int, program: Program, layer: int) -> Array:
    """Return an array for the strip of an output."""
    return pool.take((height, width), program.layers[layer].dtype)


def written(plan: Plan, program: Program, out: Path, counts: list[Array]) -> tuple[Written, ...]:
    """Describe the rasters that were written."""
    cells = plan.grid.width * plan.grid.height
    result = []
    for output, index, tally in zip(plan.outputs, program.outputs, counts, strict=True):
        layer = program.layers[index]
        result.append(
            Written(
                layer=output.layer,
                file=out / output.file,
                dtype=layer.dtype,
                nodata=layer.nodata,
                counts=tuple(
                    Count(value=value, cells=int(n), area_m2=int(n) * plan.grid.cell_m2)
                    for value, n in zip(layer.values, tally, strict=True)
                    if n
                ),
                nodata_cells=cells - int(tally.sum()),
            )
        )
    return tuple(result)


class _Rows:
    """Rows that are done, over all workers."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.total, self.progress, self.done = total, progress, 0
        self.stop = threading.Event()
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        with self._lock:
            self.done += rows
            if self.progress is not None:
                self.progress(self.done, self.total)


def _open_outputs(plan: Plan, program: Program, out: Path, stack: ExitStack) -> list[OutputFile]:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SetupError(
            f"不能建立输出文件夹 {out}：{problem}", mend="换一个可写的文件夹"
        ) from None
    files = []
    for output, index in zip(plan.outputs, program.outputs, strict=True):
        layer = program.layers[index]
        file = OutputFile(
            out / output.file,
            plan.grid,
            dtype=layer.dtype,
            nodata=layer.nodata,
            categories=output.categories,
            title=output.title,
            threads=THREADS,
        )
        stack.callback(file.discard)
        files.append(file)
    return files


def shares(height: int, size: int, workers: int) -> list[range]:
    """Cut the rows into a contiguous share for each worker, at the edges of strips."""
    strips = -(-height // size)
    workers = max(1, min(workers, strips))
    edges = [min(height, (strips * k // workers) * size) for k in range(workers + 1)]
    edges[-1] = height
    return [range(a, b) for a, b in itertools.pairwise(edges)]


def _side_by_side(
    work: Callable[[range], list[Array]], parts: list[range], stop: threading.Event
) -> list[list[Array]]:
    with ThreadPoolExecutor(len(parts), thread_name_prefix="strips") as pool:
        futures = [pool.submit(work, rows) for rows in parts]
        wait(futures, return_when=FIRST_EXCEPTION)
        if any(f.done() and f.exception() for f in futures):
            stop.set()
        return [future.result() for future in futures]


def _inputs(program: Program, strip: Strip) -> list[Array]:
    read = iter(strip.bands)
    arrays: list[Array] = []
    for band in program.bands:
        if isinstance(band, Band):
            arrays.append(next(read))
        else:
            dem = program.bands[band.dem]
            assert isinstance(band, ReliefBand) and isinstance(dem, Band)
            arrays.append(relief(arrays[band.dem], dem, band))
    return arrays


def _refuse(plan: Plan, program: Program, strip: Strip, flags: Array) -> None:
    """Raise the error of the first check that found a bad cell, with the values that are bad."""
    from tools.raster.refusal import refusal

    number = int(np.flatnonzero(flags)[0])
    arrays = _inputs(program, strip)
    raise refusal(program, program.checks[number], arrays, plan.grid, strip.first)
