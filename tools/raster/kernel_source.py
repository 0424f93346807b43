"""Write the fused kernel of a program as LLVM assembly; only its shape goes in, never a text of the user.

The kernel walks the rows 64 cells at a time. Bands are loaded, every step works in registers, outputs
are stored: nothing between is written to memory. The last cells of a row are done together with some
before them; bits that say which cells are new keep the counts right. Thresholds, scores, weights and
values of no data are numbers that are passed, so moving them compiles nothing.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np

from tools.raster.kernel_cells import Place
from tools.raster.kernel_steps import write_step
from tools.raster.program import (
    Array,
    Band,
    Grade,
    Lookup,
    Program,
    Slope,
)
from tools.raster.vectors import BYTES, KINDS, LANES, Code

MAX_COMPARED_VALUES = 16
"""Outputs with more values are counted cell by cell."""


@dataclass(frozen=True)
class KernelText:
    """The assembly of a kernel and the arrays that it takes after its own."""

    source: str
    parameters: tuple[Array, ...]


def write_kernel(program: Program) -> KernelText:
    """Write `kernel(rows, stride, width, arrays)`; arrays: bands, outputs, counts, flags, parameters.

    Shapes: a band with halo is `(rows + 2·halo, stride + 2·halo)`; every other band and every output is
    `(rows, stride)`, with `stride` ≥ 64. Cells from column `width` on are computed but not counted.
    `counts` hold one int64 for each possible value of an output; `flags[k]` becomes 1 where check `k`
    found a bad cell.
    """
    code = Code()
    place = Place(program, code)
    check_of = {check.step: k for k, check in enumerate(program.checks)}
    for number, step in enumerate(program.steps):
        place.steps[step.out] = partial(write_step, place, step, check_of.get(number))
    ends = [
        line
        for position, layer in enumerate(program.outputs)
        for line in _output(place, position, layer)
    ]
    for number in check_of:
        place.layer(program.steps[number].out)
    ends += [line for check in place.worst for line in _flag(place, check)]
    return KernelText("\n".join(_frame(program, code, ends)) + "\n", tuple(code.parameters))


def _output(place: Place, position: int, layer: int) -> list[str]:
    """Store and count an output; return the lines that add its counts at the end."""
    code, known = place.code, place.program.layers[layer]
    value = place.stored(layer)
    code.store(value, code.at(f"%out{position}.row", value.kind, "%column"))
    if len(known.values) > MAX_COMPARED_VALUES:
        _count_by_lane(place, position, layer)
        return []
    lines: list[str] = []
    for k, possible in enumerate(code.splats(np.array(known.values, known.dtype))):
        held = code.once("alloca i64, align 8")
        code.head.append(f"  store i64 0, ptr {held}, align 8")
        here = code.put(f"and i64 {code.bits(code.compare('==', value, possible))}, %counted")
        times = code.put(f"call i64 @llvm.ctpop.i64(i64 {here})")
        before = code.put(f"load i64, ptr {held}, align 8")
        after = code.put(f"add i64 {before}, {times}")
        code.do(f"store i64 {after}, ptr {held}, align 8")
        at, old, new, total = (f"%{code.name('e')}" for _ in range(4))
        lines += [
            f"  {at} = getelementptr i64, ptr %counts{position}, i64 {k}",
            f"  {old} = load i64, ptr {at}, align 8",
            f"  {new} = load i64, ptr {held}, align 8",
            f"  {total} = add i64 {old}, {new}",
            f"  store i64 {total}, ptr {at}, align 8",
        ]
    return lines


def _count_by_lane(place: Place, position: int, layer: int) -> None:
    code, known = place.code, place.program.layers[layer]
    index = np.zeros(max(known.values) + 1, dtype=np.int64)
    index[list(known.values)] = np.arange(len(known.values))
    number, value, missing = code.parameter(index), place.value(layer), place.missing(layer)
    counted = "%counted"
    if missing is not None:
        lost = code.put(f"xor i64 {code.bits(missing)}, -1")
        counted = code.put(f"and i64 {lost}, %counted")
        value = code.select(missing, code.constant(known.values[0], known.dtype), value)
    values = code.scratch(value)
    with code.each_lane() as lane:
        at = code.at(values, value.kind, lane)
        cell = code.put(f"load {value.kind}, ptr {at}, align {BYTES[value.kind]}")
        wide = code.put(f"zext {value.kind} {cell} to i64")
        entry = code.put(f"load i64, ptr {code.at(f'%p{number}', 'i64', wide)}, align 8")
        count = code.at(f"%counts{position}", "i64", entry)
        one = code.put(f"and i64 {code.put(f'lshr i64 {counted}, {lane}')}, 1")
        before = code.put(f"load i64, ptr {count}, align 8")
        code.do(f"store i64 {code.put(f'add i64 {before}, {one}')}, ptr {count}, align 8")


def _flag(place: Place, check: int) -> list[str]:
    """Return the lines that set a flag at the end where a number over the limit was kept."""
    kept, limit = place.worst[check]
    worst, over, bits, bad, at, old, new = (f"%{place.code.name('e')}" for _ in range(7))
    return [
        f"  {worst} = load {limit.type}, ptr {kept}, align 64",
        f"  {over} = icmp ugt {limit.type} {worst}, {limit.name}",
        f"  {bits} = bitcast <{limit.lanes} x i1> {over} to i{limit.lanes}",
        f"  {bad} = icmp ne i{limit.lanes} {bits}, 0",
        f"  {at} = getelementptr i8, ptr %flags, i64 {check}",
        f"  {old} = load i8, ptr {at}, align 1",
        f"  {new} = select i1 {bad}, i8 1, i8 {old}",
        f"  store i8 {new}, ptr {at}, align 1",
    ]


def _frame(program: Program, code: Code, ends: list[str]) -> list[str]:
    outs = range(len(program.outputs))
    names = [
        *(f"%band{i}" for i in range(len(program.bands))),
        *(f"%out{i}" for i in outs),
        *(f"%counts{i}" for i in outs),
        "%flags",
        *(f"%p{i}" for i in range(len(code.parameters))),
    ]
    arrays = [
        line
        for k, name in enumerate(names)
        for line in (
            f"  {name}.at = getelementptr ptr, ptr %arrays, i64 {k}",
            f"  {name} = load ptr, ptr {name}.at, align 8",
        )
    ]
    return [
        "declare i64 @llvm.ctpop.i64(i64)",
        "declare i64 @llvm.umin.i64(i64, i64)",
        "",
        "define void @kernel(i64 %rows, i64 %stride, i64 %width, ptr %arrays) {",
        "entry:",
        *arrays,
        *code.head,
        f"  %last = sub i64 %stride, {LANES}",
        "  br label %row",
        "row:",
        "  %r = phi i64 [ 0, %entry ], [ %r.next, %row.end ]",
        *_rows(program),
        "  br label %cells",
        "cells:",
        "  %start = phi i64 [ 0, %row ], [ %start.next, %cells.end ]",
        "  %column = call i64 @llvm.umin.i64(i64 %start, i64 %last)",
        "  %done = sub i64 %start, %column",
        "  %fresh = shl i64 -1, %done",
        "  %left = sub i64 %width, %column",
        f"  %whole = icmp uge i64 %left, {LANES}",
        f"  %short = and i64 %left, {LANES - 1}",
        "  %power = shl i64 1, %short",
        "  %below = sub i64 %power, 1",
        "  %inside = select i1 %whole, i64 -1, i64 %below",
        "  %counted = and i64 %fresh, %inside",
        *code.body,
        "  br label %cells.end",
        "cells.end:",
        f"  %start.next = add i64 %start, {LANES}",
        "  %more = icmp ult i64 %start.next, %width",
        "  br i1 %more, label %cells, label %row.end",
        "row.end:",
        "  %r.next = add i64 %r, 1",
        "  %again = icmp ult i64 %r.next, %rows",
        "  br i1 %again, label %row, label %exit",
        "exit:",
        *ends,
        "  ret void",
        "}",
    ]


def _rows(program: Program) -> list[str]:
    """Return the lines that find where a row of each array starts."""
    lines = ["  %flat = mul i64 %r, %stride"]
    for i, band in enumerate(program.bands):
        kind, halo = KINDS[band.dtype], halo_of(program, i)
        if not halo:
            lines.append(f"  %band{i}.row = getelementptr {kind}, ptr %band{i}, i64 %flat")
            continue
        lines += [
            f"  %band{i}.wide = add i64 %stride, {2 * halo}",
            f"  %band{i}.r = add i64 %r, {halo}",
            f"  %band{i}.cells = mul i64 %band{i}.r, %band{i}.wide",
            f"  %band{i}.first = add i64 %band{i}.cells, {halo}",
            f"  %band{i}.row = getelementptr {kind}, ptr %band{i}, i64 %band{i}.first",
            f"  %band{i}.back = sub i64 0, %band{i}.wide",
            f"  %band{i}.rowm = getelementptr {kind}, ptr %band{i}.row, i64 %band{i}.back",
            f"  %band{i}.rowp = getelementptr {kind}, ptr %band{i}.row, i64 %band{i}.wide",
        ]
    for position, layer in enumerate(program.outputs):
        kind = KINDS[program.layers[layer].dtype]
        lines.append(f"  %out{position}.row = getelementptr {kind}, ptr %out{position}, i64 %flat")
    return lines


def halo_of(program: Program, band: int) -> int:
    """Return the width of the frame around a band."""
    known = program.bands[band]
    return known.halo if isinstance(known, Band) else 0


def bands_read(program: Program) -> set[int]:
    """Return the bands that steps read; an elevation model may serve relief alone."""
    read: set[int] = set()
    for step in program.steps:
        match step:
            case Slope():
                read.add(step.band)
            case Grade() | Lookup() if step.band is not None:
                read.add(step.band)
            case _:
                pass
    return read
