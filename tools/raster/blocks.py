"""Evaluate a program on one strip with numpy: what runs where numba is absent, bit for bit the same."""

from collections.abc import Sequence

import numpy as np

from tools.raster.program import (
    Array,
    Band,
    Exclude,
    Grade,
    Limit,
    Lookup,
    Program,
    Slope,
    Table,
    Times,
    WeightedMean,
)

MAX_COUNTED = 16
BLOCK_ROWS = 64
"""Rows that are worked on at once: temporaries of 20,000 columns stay in the cache."""


def evaluate(
    program: Program,
    bands: Sequence[Array],
    outs: Sequence[Array],
    counts: Sequence[Array],
    flags: Array,
) -> None:
    """Fill outputs of `rows × width`, add to counts, set flags, as the kernel does."""
    rows = outs[0].shape[0]
    for first in range(0, rows, BLOCK_ROWS):
        last = min(rows, first + BLOCK_ROWS)
        block = [
            values[first : last + 2 * band.halo] if isinstance(band, Band) else values[first:last]
            for values, band in zip(bands, program.bands, strict=True)
        ]
        layers = _Block(program, block, flags).layers()
        for out, tally, layer in zip(outs, counts, program.outputs, strict=True):
            out[first:last] = layers[layer]
            known = program.layers[layer]
            if len(known.values) <= MAX_COUNTED:
                for k, value in enumerate(known.values):
                    tally[k] += np.count_nonzero(layers[layer] == value)
                continue
            times = np.bincount(layers[layer][layers[layer] != known.nodata])
            tally[: len(known.values)] += np.pad(times, (0, known.values[-1] + 1 - len(times)))[
                list(known.values)
            ]


class _Block:
    def __init__(self, program: Program, bands: Sequence[Array], flags: Array) -> None:
        self.program, self.bands, self.flags = program, bands, flags
        self.done: dict[int, Array] = {}
        self.flag_of = {check.step: k for k, check in enumerate(program.checks)}

    def layers(self) -> dict[int, Array]:
        with np.errstate(invalid="ignore", over="ignore"):
            for number, step in enumerate(self.program.steps):
                match step:
                    case Grade():
                        result = self._grade(number, step)
                    case Lookup():
                        result = self._lookup(number, step)
                    case Slope():
                        result = self._slope(step)
                    case WeightedMean():
                        result = self._weighted(step)
                    case Limit():
                        result = self._limit(step)
                    case Times():
                        result = self._times(step)
                    case Table():
                        result = self._table(step)
                    case Exclude():
                        result = self._exclude(step)
                self.done[step.out] = result
        return self.done

    def _values(self, band: int | None, layer: int | None) -> tuple[Array, Array]:
        """Return values and where they are missing."""
        if band is None:
            assert layer is not None
            values = self.done[layer]
            return values, values == self.program.layers[layer].nodata
        known, values = self.program.bands[band], self.bands[band]
        if isinstance(known, Band) and known.halo:
            values = values[known.halo : -known.halo, known.halo : -known.halo]
        return values, _missing(values, known.nodata)

    def _grade(self, number: int, step: Grade) -> Array:
        values, missing = self._values(step.band, step.layer)
        result = _graded(values, step.bounds, step.scores, step.closed)
        result[missing] = self.program.layers[step.out].nodata
        if step.valid is not None:
            low, high = step.valid
            if bool((((values < low) | (values > high)) & ~missing).any()):
                self.flags[self.flag_of[number]] = 1
        return result

    def _lookup(self, number: int, step: Lookup) -> Array:
        values, missing = self._values(step.band, step.layer)
        layer = self.program.layers[step.out]
        position = values.astype(np.int64) - step.base
        inside = (position >= 0) & (position < len(step.table))
        scores = step.table[np.where(inside, position, 0)]
        listed = inside & (scores >= 0)
        unlisted = layer.nodata if step.unlisted is None else step.unlisted
        result = np.where(listed, scores, unlisted).astype(layer.dtype)
        result[missing] = layer.nodata
        if step.unlisted is None and number in self.flag_of and bool((~listed & ~missing).any()):
            self.flags[self.flag_of[number]] = 1
        return result

    def _slope(self, step: Slope) -> Array:
        band = self.program.bands[step.band]
        assert isinstance(band, Band)
        spare = band.halo - 1
        around = self.bands[step.band]
        if spare:
            around = around[spare:-spare, spare:-spare]
        absent = _missing(around, band.nodata)
        heights = around.astype(np.float32)
        rows, columns = heights.shape[0] - 2, heights.shape[1] - 2
        centre = heights[1:-1, 1:-1]
        lost = absent[1:-1, 1:-1].copy()
        z = {}
        for i in range(3):
            for j in range(3):
                value = heights[i : i + rows, j : j + columns]
                missing = absent[i : i + rows, j : j + columns]
                if step.missing == "centre":
                    value = np.where(missing, centre, value)
                else:
                    lost |= missing
                z[i, j] = value
        two = np.float32(2)
        east = ((z[0, 2] - z[0, 0]) + two * (z[1, 2] - z[1, 0])) + (z[2, 2] - z[2, 0])
        north = ((z[2, 0] - z[0, 0]) + two * (z[2, 1] - z[0, 1])) + (z[2, 2] - z[0, 2])
        squared = east * east + north * north
        result = _graded(squared, step.squares, step.scores, step.closed)
        result[lost] = self.program.layers[step.out].nodata
        return result

    def _weighted(self, step: WeightedMean) -> Array:
        layer = self.program.layers[step.out]
        shape = self.done[step.of[0]].shape
        total, weight = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        for w, i in zip(step.weights, step.of, strict=True):
            here = self.done[i] != self.program.layers[i].nodata
            total += np.where(here, self.done[i].astype(np.int64) * w, 0)
            weight += np.where(here, w, 0)
        lost = weight == 0 if step.skip else weight < int(step.weights.sum())
        divisor = np.where(lost, 1, weight)
        result: Array = ((2 * step.factor * total + divisor) // (2 * divisor)).astype(layer.dtype)
        result[lost] = layer.nodata
        return result

    def _limit(self, step: Limit) -> Array:
        layer = self.program.layers[step.out]
        worst = -1 if step.largest else 1 << 30
        choose = np.maximum if step.largest else np.minimum
        result: Array | None = None
        lost: Array | None = None
        for i in step.of:
            missing = self.done[i] == self.program.layers[i].nodata
            values = np.where(missing, worst, self.done[i].astype(np.int32))
            if result is None or lost is None:
                result, lost = values, missing
            else:
                result = choose(result, values)
                lost = lost & missing if step.skip else lost | missing
        assert result is not None and lost is not None
        limited: Array = np.where(lost, layer.nodata, result).astype(layer.dtype)
        return limited

    def _times(self, step: Times) -> Array:
        layer = self.program.layers[step.out]
        result = np.ones(self.done[step.of[0]].shape, np.int64)
        lost = np.zeros(result.shape, bool)
        for i in step.of:
            result = result * self.done[i]
            lost |= self.done[i] == self.program.layers[i].nodata
        return np.where(lost, layer.nodata, result).astype(layer.dtype)

    def _table(self, step: Table) -> Array:
        layers = self.program.layers
        rows, columns = self.done[step.rows], self.done[step.columns]
        lost = (rows == layers[step.rows].nodata) | (columns == layers[step.columns].nodata)
        result: Array = step.table[
            step.row_index[np.where(lost, 0, rows)], step.column_index[np.where(lost, 0, columns)]
        ]
        result[lost] = layers[step.out].nodata
        return result

    def _exclude(self, step: Exclude) -> Array:
        layers, out = self.program.layers, self.program.layers[step.out]
        values, by = self.done[step.layer], self.done[step.by]
        missing = by == layers[step.by].nodata
        excluded = step.excluded[np.where(missing, 0, by)] == 1
        becomes = out.nodata if step.becomes is None else step.becomes
        kept = np.where(values == layers[step.layer].nodata, out.nodata, values.astype(np.int32))
        return np.where(missing, out.nodata, np.where(excluded, becomes, kept)).astype(out.dtype)


def _graded(values: Array, bounds: Array, scores: Array, closed: str) -> Array:
    passes = np.greater if closed == "right" else np.greater_equal
    grade = np.zeros(values.shape, dtype=np.uint8)
    for bound in bounds:
        grade += passes(values, bound)
    result: Array = scores[grade]
    return result


def _missing(values: Array, nodata: int | None) -> Array:
    if values.dtype.kind == "f":
        missing: Array = ~np.isfinite(values)
    elif nodata is None:
        missing = np.zeros(values.shape, bool)
    else:
        missing = values == nodata
    return missing
