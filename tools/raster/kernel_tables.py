"""Tables as vector code: class codes, judgment matrices, values that exclude.

Short tables are compared entry by entry, in all lanes at once; long ones are looked up lane by lane.
"""

import numpy as np

from tools.raster.kernel_cells import Cells, Place, only
from tools.raster.kernel_compare import compared, refuse
from tools.raster.program import Array, Exclude, Lookup, Table
from tools.raster.vectors import KINDS, Vector

MAX_COMPARED_CODES = 64
MAX_COMPARED_PAIRS = 100
_EVERY = "splat (i1 true)"


def lookup(place: Place, step: Lookup, dtype: str, check: int | None) -> Cells:
    """Write scores by class code."""
    code = place.code
    values, lost, source = place.input(step.band, step.layer)
    info = np.iinfo(source)
    held = (step.codes >= info.min) & (step.codes <= info.max)
    codes, scores = step.codes[held].astype(source), step.code_scores[held]
    nodata = place.program.layers[step.out].nodata
    empty = step.unlisted is None or step.unlisted == nodata
    unlisted = 0 if step.unlisted is None or empty else step.unlisted
    cells = Cells(dtype, lost)
    if 0 < len(codes) <= MAX_COMPARED_CODES:
        cells.masks = compared(place, values, codes, "==")
        cells.scores = np.array([unlisted, *scores], dtype=np.int64)
        parts = zip(*cells.masks, strict=True)
        listed = [found for masks in parts if (found := code.either(masks)) is not None]
    else:
        value = code.join(values)
        found = _look_up(place, step.table, step.base, value, signed=not source.startswith("u"))
        inside = code.compare(">=", found, code.constant(0, "int16"))
        other = code.number(unlisted, "int16")
        cells.value = code.convert(code.select(inside, found, other), KINDS[dtype])
        listed, cells.missing = [inside], None if lost is None else (code.join(lost),)
    if empty:
        before = cells.missing or (None,) * len(listed)
        unknown = [code.without(Vector(_EVERY, "i1", a.lanes), a) for a in listed]
        pairs = list(zip(unknown, before, strict=True))
        if check is not None:
            refuse(place, [code.without(a, b) for a, b in pairs], check)
        cells.missing = tuple(code.calculate("or", a, b) if b else a for a, b in pairs)
    return cells


def _look_up(place: Place, table: Array, base: int, value: Vector, *, signed: bool) -> Vector:
    """Return the entries of an int16 table that starts at a code; -1 outside."""
    code = place.code
    number, start = code.parameter(table), code.parameter(np.array([base], np.int64))
    first = code.once(f"load i64, ptr %p{start}, align 8")
    longest = code.parameter(np.array([len(table)], np.int64))
    size = code.once(f"load i64, ptr %p{longest}, align 8")

    def look(numbers: list[str]) -> str:
        wide = code.put(f"{'sext' if signed else 'zext'} {value.kind} {numbers[0]} to i64")
        index = code.put(f"sub i64 {wide}, {first}")
        inside = code.put(f"icmp ult i64 {index}, {size}")
        held = code.put(f"select i1 {inside}, i64 {index}, i64 0")
        entry = code.put(f"load i16, ptr {code.at(f'%p{number}', 'i16', held)}, align 2")
        return code.put(f"select i1 {inside}, i16 {entry}, i16 -1")

    return place.by_lane([value], "int16", look)


def table(place: Place, step: Table, dtype: str) -> Cells:
    """Write a judgment matrix of two layers."""
    code, layers = place.code, place.program.layers
    lost = code.either([place.missing(step.rows), place.missing(step.columns)])
    possible = [layers[step.rows].values, layers[step.columns].values]
    inputs = [place.value(step.rows), place.value(step.columns)]
    chosen = step.table[
        np.ix_(step.row_index[list(possible[0])], step.column_index[list(possible[1])])
    ]
    if chosen.size > MAX_COMPARED_PAIRS:
        return Cells(dtype, only(lost), _look_up_pair(place, step, inputs, dtype))
    is_column = [
        code.compare("==", inputs[1], c)
        for c in code.splats(np.array(possible[1][1:], place.layer(step.columns).dtype))
    ]
    is_row = [
        code.compare("==", inputs[0], r)
        for r in code.splats(np.array(possible[0][1:], place.layer(step.rows).dtype))
    ]
    result: Vector | None = None
    for k, scores in enumerate(chosen.astype(dtype)):
        value, *others = code.splats(scores)
        for mask, score in zip(is_column, others, strict=True):
            value = code.select(mask, score, value)
        result = value if result is None else code.select(is_row[k - 1], value, result)
    return Cells(dtype, only(lost), result)


def _look_up_pair(place: Place, step: Table, inputs: list[Vector], dtype: str) -> Vector:
    code, columns = place.code, step.table.shape[1]
    flat = code.parameter(step.table.astype(dtype))
    indices = [
        code.parameter(step.row_index.astype(np.int64) * columns),
        code.parameter(step.column_index.astype(np.int64)),
    ]

    def look(numbers: list[str]) -> str:
        parts = []
        for number, vector, index in zip(numbers, inputs, indices, strict=True):
            wide = code.put(f"zext {vector.kind} {number} to i64")
            parts.append(code.put(f"load i64, ptr {code.at(f'%p{index}', 'i64', wide)}, align 8"))
        entry = code.put(f"add i64 {parts[0]}, {parts[1]}")
        kind = KINDS[dtype]
        return code.put(f"load {kind}, ptr {code.at(f'%p{flat}', kind, entry)}, align 1")

    return place.by_lane(inputs, dtype, look)


def exclude(place: Place, step: Exclude, dtype: str) -> Cells:
    """Write a layer where another excludes nothing, and what it becomes elsewhere."""
    code, by = place.code, place.program.layers[step.by]
    value, kept = place.value(step.by), code.convert(place.value(step.layer), KINDS[dtype])
    possible = [v for v in by.values if step.excluded[v]]
    names = code.splats(np.array(possible, by.dtype))
    excluded = code.either([code.compare("==", value, name) for name in names])
    missing = place.missing(step.layer)
    if step.becomes is None:
        return Cells(dtype, only(code.either([place.missing(step.by), excluded, missing])), kept)
    if excluded is not None:
        kept = code.select(excluded, code.number(step.becomes, dtype), kept)
        missing = None if missing is None else code.without(missing, excluded)
    return Cells(dtype, only(code.either([place.missing(step.by), missing])), kept)
