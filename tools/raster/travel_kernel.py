"""Dijkstra inside one tile in whole milliseconds, by buckets instead of a heap; compiled where numba is.

A bucket is as wide as the shortest step or narrower, so what is in the lowest bucket is final and its order does
not matter (Dinic 1978: buckets of the smallest arc length). Without numba the same function runs in Python.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tools.raster.program import Array

FAR = 2**31 - 1
"""Milliseconds that stand for a cell that is not reached: 24.8 days."""
CHUNK = 64
MOST_BUCKETS = 4_096
"""Where the longest step is more than so many times the shortest, buckets are wider and cells may come twice."""


def spread(
    arrival: Array,
    codes: Array,
    table: Array,
    columns: int,
    seeds: Array,
    seeded: Array,
    shift: int,
    count: int,
) -> None:
    """Lower the arrivals of a tile until no step from seeds or ring makes one earlier.

    Cells of the ring are lowered where the tile reaches them earlier, and not gone on from.

    Args:
        arrival: int32 ms by cell with a ring, row after row; changed in place.
        codes: Row of `table` by cell.
        table: `(codes, 2)` int32: half the crossing, straight and diagonal; FAR cannot be crossed, for no
            sum with it is below FAR.
        columns: Of the tile with its ring.
        seeds: Cells within the ring whose arrivals are new, by rising arrival.
        seeded: Their arrivals.
        shift: Buckets are 2^shift ms wide.
        count: Buckets; a power of two above the longest step over their width.
    """
    steps = np.array(
        [-columns, columns, -1, 1, -columns - 1, -columns + 1, columns - 1, columns + 1]
    )
    fresh = np.zeros(len(arrival), np.uint8)  # 1: waits, or has waited; 2: of the ring
    fresh[:columns] = fresh[-columns:] = 2
    fresh[::columns] = fresh[columns - 1 :: columns] = 2
    for cell in seeds:
        fresh[cell] = 1
    mask = count - 1
    head = np.full(count, -1, np.int32)  # the open chunk of each bucket, and how many cells it has
    filled = np.full(count, CHUNK, np.int32)
    items = np.empty((count + 64, CHUNK), np.int32)
    below = np.full(count + 64, -1, np.int32)  # the full chunk under each one, or the next free one
    used, free, waiting, at = 0, -1, 0, 0
    bucket = 0
    while waiting > 0 or at < len(seeds):
        if waiting == 0:
            bucket = seeded[at] >> shift
        place = bucket & mask
        while True:
            chunk = head[place]
            if chunk >= 0:
                filled[place] -= 1
                waiting -= 1
                cell = items[chunk, filled[place]]
                if filled[place] == 0:
                    head[place] = below[chunk]
                    below[chunk] = free
                    free = chunk
                    filled[place] = CHUNK
            elif at < len(seeds) and seeded[at] >> shift <= bucket:
                cell = seeds[at]
                at += 1
            else:
                break
            reached = np.int64(arrival[cell])
            if reached >> shift != bucket:
                continue  # it was reached in an earlier bucket
            straight = reached + np.int64(table[codes[cell], 0])
            diagonal = reached + np.int64(table[codes[cell], 1])
            for k in range(8):
                other = np.uint64(cell + steps[k])
                before = np.int64(arrival[other])
                if k < 4:
                    then = straight + np.int64(table[codes[other], 0])
                else:
                    then = diagonal + np.int64(table[codes[other], 1])
                if then >= before:
                    continue
                arrival[other] = then
                wanted, state = then >> shift, fresh[other]
                if state == 2 or (state == 1 and before >> shift == wanted and wanted != bucket):
                    continue  # it is of the ring, or waits there already
                fresh[other] = 1
                to = wanted & mask
                if filled[to] == CHUNK:
                    if free >= 0:
                        new = free
                        free = below[new]
                    else:
                        if used == len(items):
                            more = np.empty((2 * used, CHUNK), np.int32)
                            more[:used] = items
                            items = more
                            longer = np.full(2 * used, -1, np.int32)
                            longer[:used] = below
                            below = longer
                        new = used
                        used += 1
                    below[new] = head[to]
                    head[to] = new
                    filled[to] = 0
                items[head[to], filled[to]] = other
                filled[to] += 1
                waiting += 1
        bucket += 1


def enter(arrival: Array, codes: Array, table: Array, columns: int) -> Array:
    """Take one step from every cell of the ring into the tile; return the cells that are reached earlier."""
    rows = len(arrival) // columns
    fresh = np.zeros(len(arrival), np.uint8)
    found = np.empty(4 * (rows + columns), np.int64)
    many = 0
    for row in range(rows):
        step = columns - 1 if 0 < row < rows - 1 else 1
        for column in range(0, columns, step):
            cell = row * columns + column
            reached = np.int64(arrival[cell])
            if reached == 2**31 - 1:
                continue
            for y in range(max(row - 1, 1), min(row + 2, rows - 1)):
                for x in range(max(column - 1, 1), min(column + 2, columns - 1)):
                    kind = 0 if y == row or x == column else 1
                    other = y * columns + x
                    then = reached + np.int64(table[codes[cell], kind])
                    then += np.int64(table[codes[other], kind])
                    if then < arrival[other]:
                        arrival[other] = then
                        if fresh[other] == 0:
                            fresh[other] = 1
                            found[many] = other
                            many += 1
    return found[:many]


@cache
def kernels() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return `enter` and `spread`, compiled where numba is installed; the numbers are the same."""
    from tools.raster.kernel import numba_missing

    if numba_missing():
        return enter, spread
    from numba import njit

    compiled = njit(nogil=True, cache=True)
    return compiled(enter), compiled(spread)
