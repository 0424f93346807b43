"""Write the source of the fused kernel for a program; only its shape goes in, never a text of the user.

The kernel walks blocks of whole rows whose buffers fit the second-level cache. In a block every step is
a short loop over typed flat buffers, which the compiler turns into vector instructions: loops hold few
arrays, because above eight pairs of arrays that may overlap it gives up. Blocks are long stretches of
memory, for short ones the processor does not fetch ahead. Values are tallied in rows of counters of one
byte each, emptied before they run over.

Each step is a function of its own, with names that depend on its shape alone: steps of one shape are
one function, compiled once for all plans.
"""

import hashlib
import re
from dataclasses import dataclass, field

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

BLOCK = 16_384
"""Cells of a block, at least one row."""
TALLY, TALLY_TIMES = 2_048, 255
MAX_COMPARED_CODES = 12
MAX_COMPARED_GRADES = 10
MAX_TALLIED = 16
GROUP = 4
"""Layers in one loop of a weighted sum."""

_HEADER = """\
import numpy as np
from numba import njit

ZERO = np.uint8(0)
ONE = np.uint8(1)
F0 = np.float32(0)
F2 = np.float32(2)
ND_uint8 = np.uint8(255)
ND_int16 = np.int16(-32768)
"""


_ARRAYS = re.compile(r"\b((?:band|out|counts|[LBTUVGQp])\d+|M|A16|A64|W64)(_\d+)?\b")
_FRAME = ("r", "here", "width", "base", "m")


@dataclass
class KernelText:
    """The source of a kernel, of its steps by digest, and the numbers it takes after the outputs."""

    source: str
    steps: dict[str, str] = field(default_factory=dict)
    parameters: list[Array] = field(default_factory=list)


def write_kernel(program: Program) -> KernelText:
    """Write the kernel `kernel(rows, width, bands…, outputs…, counts…, flags, parameters…)`.

    Shapes: a band with halo is `(rows + 2·halo, width + 2·halo)`; every other band and every output is
    flat, `rows · width`. `counts` hold one int64 for each possible value of an output; `flags[k]`
    becomes 1 where check `k` found a bad cell.
    """
    return _Writer(program).text()


class _Writer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines: list[str] = []
        self.steps: dict[str, str] = {}
        self.parameters: list[Array] = []
        self.flat: set[int] = set()
        self.flag_of = {check.step: k for k, check in enumerate(program.checks)}

    def text(self) -> KernelText:
        program = self.program
        buffers = self._buffers()
        calls: list[str] = []
        for number, step in enumerate(program.steps):
            self._step(number, step)
            calls.append(self._call())
        for position, layer in enumerate(program.outputs):
            self._output(position, layer)
            calls.append(self._call())
        last: list[str] = []
        for position in self._tallied():
            self._emit(*self._sum_tallies(position))
            last.append(self._call())
        bands = [f"band{i}" for i in range(len(program.bands))]
        outs = [f"out{i}" for i in range(len(program.outputs))]
        counts = [f"counts{i}" for i in range(len(program.outputs))]
        names = [f"p{i}" for i in range(len(self.parameters))]
        arguments = ", ".join(["rows", "width", *bands, *outs, *counts, "flags", *names])
        source = [
            _HEADER,
            *[f"from cspon_kernel_{digest} import step as step_{digest}" for digest in self.steps],
            "",
            '@njit(nogil=True, cache=True, error_model="numpy")',
            f"def kernel({arguments}):",
            f"    high = max(1, {BLOCK} // width)",
            "    size = high * width",
            *self._indent(buffers, 1),
            "    for r in range(0, rows, high):",
            "        here = min(high, rows - r)",
            "        m = here * width",
            "        base = r * width",
            *self._indent(calls, 2),
            *self._indent(last, 1),
        ]
        return KernelText("\n".join(source) + "\n", self.steps, self.parameters)

    # frame

    def _call(self) -> str:
        """Make a function of the lines so far, with names by order of appearance; return its call."""
        lines, self.lines = self.lines, []
        names: dict[str, str] = {}
        locals_: dict[str, str] = {}

        def rename(found: re.Match[str]) -> str:
            array, entry = found[1], found[2] or ""
            name = names.setdefault(array, f"a{len(names)}")
            if entry:
                locals_[f"{name}{entry}"] = f"{name}[{entry[1:]}]"
            return f"{name}{entry}"

        body = [_ARRAYS.sub(rename, line) for line in lines]
        head = [f"{local} = {array}" for local, array in locals_.items()]
        text = "\n".join(
            [
                _HEADER,
                '@njit(nogil=True, cache=True, error_model="numpy")',
                f"def step({', '.join([*_FRAME, *names.values()])}):",
                *self._indent([*head, *body], 1),
                "",
            ]
        )
        digest = hashlib.sha256(text.encode()).hexdigest()[:24]
        self.steps[digest] = text
        return f"step_{digest}({', '.join([*_FRAME, *names])})"

    def _buffers(self) -> list[str]:
        lines = [
            f"L{i} = np.empty(size, np.{layer.dtype})"
            for i, layer in enumerate(self.program.layers)
        ]
        lines += [
            "M = np.empty(size, np.uint8)",
            "A16 = np.empty(size, np.uint16)",
            "A64 = np.empty(size, np.int64)",
            "W64 = np.empty(size, np.int64)",
        ]
        for i, band in enumerate(self.program.bands):
            if isinstance(band, Band) and band.halo:
                lines.append(f"B{i} = np.empty(size, np.{band.dtype})")
        for position in self._tallied():
            known = self.program.layers[self.program.outputs[position]]
            name = self._parameter(np.array(known.values, known.dtype))
            lines += [
                f"V{position} = {name}",
                f"T{position} = np.zeros((len({name}), {TALLY}), np.uint8)",
                f"U{position} = np.zeros(1, np.int64)",
            ]
        lines += [f"G{k} = flags[{k}:{k + 1}]" for k in range(len(self.program.checks))]
        lines += [
            f"Q{number} = np.zeros(3, np.uint8)"
            for number, step in enumerate(self.program.steps)
            if isinstance(step, Slope)
        ]
        return lines

    def _tallied(self) -> list[int]:
        """Return the outputs whose values are few enough to be counted value by value."""
        layers = [self.program.layers[i] for i in self.program.outputs]
        return [k for k, layer in enumerate(layers) if len(layer.values) <= MAX_TALLIED]

    def _sum_tallies(self, position: int) -> list[str]:
        return [
            f"for k in range(len(V{position})):",
            f"    t = T{position}[k]",
            "    n = 0",
            f"    for i in range({TALLY}):",
            "        n += t[i]",
            "        t[i] = ZERO",
            f"    counts{position}[k] += n",
        ]

    def _output(self, position: int, layer: int) -> None:
        known = self.program.layers[layer]
        self._emit(
            f"o = out{position}[base:base + m]", "for i in range(m):", f"    o[i] = L{layer}[i]"
        )
        if len(known.values) <= MAX_TALLIED:
            self._emit(
                f"for start in range(0, m, {TALLY}):",
                f"    part = L{layer}[start:min(m, start + {TALLY})]",
                f"    for k in range(len(V{position})):",
                f"        value = V{position}[k]",
                f"        t = T{position}[k]",
                "        for i in range(len(part)):",
                "            t[i] = t[i] + (part[i] == value)",
                f"    U{position}[0] += 1",
                f"    if U{position}[0] == {TALLY_TIMES}:",
                f"        U{position}[0] = 0",
                *self._indent(self._sum_tallies(position), 2),
            )
            return
        index = np.zeros(max(known.values) + 1, dtype=np.int32)
        index[list(known.values)] = np.arange(len(known.values), dtype=np.int32)
        name = self._parameter(index)
        self._emit(
            "for i in range(m):",
            f"    if L{layer}[i] != ND_{known.dtype}:",
            f"        counts{position}[{name}[L{layer}[i]]] += 1",
        )

    # steps

    def _step(self, number: int, step: object) -> None:
        match step:
            case Grade():
                self._grade(number, step)
            case Lookup():
                self._lookup(number, step)
            case Slope():
                self._slope(number, step)
            case WeightedMean():
                self._weighted(number, step)
            case Limit():
                self._limit(step)
            case Times():
                self._times(step)
            case Table():
                self._table(step)
            case Exclude():
                self._exclude(step)

    def _value(self, band: int | None, layer: int | None) -> tuple[str, str]:
        """Return the row of values as an expression, and the test of `x` for no data."""
        if band is not None:
            known = self.program.bands[band]
            row = f"band{band}[base:base + m]"
            if isinstance(known, Band) and known.halo:
                self._without_halo(band, known.halo)
                row = f"B{band}"
            if np.dtype(known.dtype).kind == "f":
                return row, "x - x != F0"
            if known.nodata is None:
                return row, ""
            return row, f"x == {self._scalar(known.nodata, known.dtype)}"
        assert layer is not None
        return f"L{layer}", f"x == ND_{self.program.layers[layer].dtype}"

    def _without_halo(self, band: int, halo: int) -> None:
        """Copy the rows of a band with halo to its flat buffer, once."""
        if band in self.flat:
            return
        self.flat.add(band)
        self._emit(
            "for row in range(here):",
            f"    a = band{band}[r + row + {halo}, {halo}:{halo} + width]",
            f"    flat = B{band}[row * width:(row + 1) * width]",
            "    for i in range(width):",
            "        flat[i] = a[i]",
        )

    def _grade(self, number: int, step: Grade) -> None:
        row, missing = self._value(step.band, step.layer)
        dtype = self.program.layers[step.out].dtype
        bounds = self._scalars(step.bounds)
        scores = self._scalars(step.scores)
        self._emit(f"v = {row}", "for i in range(m):", "    x = v[i]")
        self._chain("    ", "x", bounds, scores, step.closed)
        if missing:
            self._emit(f"    if {missing}:", f"        s = ND_{dtype}")
        self._emit(f"    L{step.out}[i] = s")
        if step.valid is not None:
            low, high = self._scalars(step.valid)
            self._emit(
                "for i in range(m):",
                "    x = v[i]",
                "    f = ZERO",
                f"    if (x < {low}) | (x > {high}):",
                "        f = ONE",
            )
            if missing:
                self._emit(f"    if {missing}:", "        f = ZERO")
            self._emit("    M[i] = f")
            self._flag(self.flag_of[number])

    def _flag(self, flag: int) -> None:
        """Set a flag where M holds a one; a largest value of bytes is what the compiler vectorises."""
        self._emit(
            "f = ZERO",
            "for i in range(m):",
            "    y = M[i]",
            "    if y > f:",
            "        f = y",
            "if f == ONE:",
            f"    G{flag}[0] = ONE",
        )

    def _chain(self, pad: str, x: str, bounds: list[str], scores: list[str], closed: str) -> None:
        self._emit(f"{pad}s = {scores[0]}")
        sign = ">" if closed == "right" else ">="
        for bound, score in zip(bounds, scores[1:], strict=True):
            self._emit(f"{pad}if {x} {sign} {bound}:", f"{pad}    s = {score}")

    def _lookup(self, number: int, step: Lookup) -> None:
        row, missing = self._value(step.band, step.layer)
        layer = self.program.layers[step.out]
        source = (
            self.program.bands[step.band].dtype
            if step.band is not None
            else self.program.layers[step.layer or 0].dtype
        )
        info = np.iinfo(source)
        held = (step.codes >= info.min) & (step.codes <= info.max)
        codes, code_scores = step.codes[held], step.code_scores[held]
        refuses = step.unlisted is None and number in self.flag_of
        if step.unlisted is None or step.unlisted == layer.nodata:
            unlisted = f"ND_{layer.dtype}"
        else:
            unlisted = self._scalar(step.unlisted, layer.dtype)
        if len(codes) <= MAX_COMPARED_CODES:
            names = self._scalars(codes.astype(source))
            scores = self._scalars(code_scores)
            self._emit(f"v = {row}", "for i in range(m):", "    x = v[i]", f"    s = {unlisted}")
            for code, score in zip(names, scores, strict=True):
                self._emit(f"    if x == {code}:", f"        s = {score}")
            if missing:
                self._emit(f"    if {missing}:", f"        s = ND_{layer.dtype}")
            self._emit(f"    L{step.out}[i] = s")
            if refuses:
                self._emit("for i in range(m):", "    x = v[i]", "    f = ONE")
                for code in names:
                    self._emit(f"    if x == {code}:", "        f = ZERO")
                if missing:
                    self._emit(f"    if {missing}:", "        f = ZERO")
                self._emit("    M[i] = f")
                self._flag(self.flag_of[number])
            return
        table = self._parameter(step.table)
        base = self._scalar(step.base, "int64")
        self._emit(
            f"v = {row}",
            "for i in range(m):",
            "    x = v[i]",
            f"    k = np.int64(x) - {base}",
            f"    s = {unlisted}",
            "    f = ONE",
            f"    if 0 <= k < len({table}):",
            f"        if {table}[k] >= 0:",
            f"            s = np.{layer.dtype}({table}[k])",
            "            f = ZERO",
        )
        if missing:
            self._emit(f"    if {missing}:", f"        s = ND_{layer.dtype}", "        f = ZERO")
        self._emit(f"    L{step.out}[i] = s")
        if refuses:
            self._emit("    M[i] = f")
            self._flag(self.flag_of[number])

    def _slope(self, number: int, step: Slope) -> None:
        band = self.program.bands[step.band]
        assert isinstance(band, Band)
        layer = self.program.layers[step.out]
        squares, scores = self._scalars(step.squares), self._scalars(step.scores)
        spare = band.halo - 1
        nodata = None if band.nodata is None else self._scalar(band.nodata, band.dtype)
        test = "x - x != F0" if nodata is None else f"x == {nodata}"
        q = [f"Q{number}[{k}]" for k in range(3)]
        outer, self.lines = self.lines, []
        for k, name in enumerate("abc"):
            self._emit(
                f"{name} = band{step.band}[r + row + {spare + k}, {spare}:{spare} + width + 2]"
            )
        self._emit(f"flat = L{step.out}[row * width:(row + 1) * width]")
        self._emit(
            "if r + row == 0:", *self._indent(_scan("a", q[0], test) + _scan("b", q[1], test), 1)
        )
        self._emit("else:", f"    {q[0]} = {q[1]}", f"    {q[1]} = {q[2]}")
        self._emit(*_scan("c", q[2], test))
        names = [f"z{i}{j}" for i in range(3) for j in range(3)]
        loads = [
            f"    z{i}{j} = np.float32({'abc'[i]}[i + {j}])" for i in range(3) for j in range(3)
        ]
        gradient = [
            "    gx = ((z02 - z00) + F2 * (z12 - z10)) + (z22 - z20)",
            "    gy = ((z20 - z00) + F2 * (z21 - z01)) + (z22 - z02)",
            "    g = gx * gx + gy * gy",
        ]
        self._emit(f"whole = ({q[0]} | {q[1]} | {q[2]}) == ZERO", "if whole:")
        fast, self.lines = self.lines, []
        self._emit(
            "for i in range(width):", *[line for line in loads if "z11" not in line], *gradient
        )
        self._chain("    ", "g", squares, scores, step.closed)
        self._emit("    flat[i] = s")
        quick, self.lines = self.lines, []
        self._emit(
            "for side in range(2):",
            "    start = (width - 1) * side",
            "    stop = start + 1 if whole else width * (1 - side)",
        )
        sides, self.lines = self.lines, []
        self._emit("for i in range(start, stop):", *loads)
        for name in names:
            if name == "z11":
                continue
            value = f"{'abc'[int(name[1])]}[i + {name[2]}]"
            bad = f"{name} - {name} != F0" if nodata is None else f"{value} == {nodata}"
            self._emit(f"    n{name[1:]} = ZERO", f"    if {bad}:", f"        n{name[1:]} = ONE")
            if step.missing == "centre":
                self._emit(f"    if n{name[1:]} == ONE:", f"        {name} = z11")
        self._emit(*gradient)
        self._chain("    ", "g", squares, scores, step.closed)
        centre = "z11 - z11 != F0" if nodata is None else f"b[i + 1] == {nodata}"
        self._emit(f"    if {centre}:", f"        s = ND_{layer.dtype}")
        if step.missing == "nodata":
            for name in names:
                if name != "z11":
                    self._emit(f"    if n{name[1:]} == ONE:", f"        s = ND_{layer.dtype}")
        self._emit("    flat[i] = s")
        slow, self.lines = self.lines, fast
        self._emit(*self._indent(quick, 1), *sides, *self._indent(slow, 1))
        inner, self.lines = self.lines, outer
        self._emit("for row in range(here):", *self._indent(inner, 1))

    def _weighted(self, number: int, step: WeightedMean) -> None:
        layer = self.program.layers[step.out]
        if step.skip:
            self._weighted_skip(step)
            return
        weights = [int(w) for w in step.weights]
        largest = sum(
            w * max(self.program.layers[i].values) for w, i in zip(weights, step.of, strict=True)
        )
        short = largest <= 65_535
        total, values = sum(weights), layer.values
        buffer, kind = ("A16", "uint16") if short else ("A64", "int64")
        names = self._scalars(step.weights.astype(kind))
        for start in range(0, len(step.of), GROUP):
            group = list(zip(names, step.of, strict=True))[start : start + GROUP]
            terms = " + ".join(f"{name} * np.{kind}(L{i}[i])" for name, i in group)
            tests = " | ".join(f"(L{i}[i] == ND_{self.program.layers[i].dtype})" for _, i in group)
            first = start == 0
            self._emit(
                "for i in range(m):",
                f"    {buffer}[i] = {terms}"
                if first
                else f"    {buffer}[i] = {buffer}[i] + {terms}",
                "for i in range(m):",
                f"    M[i] = {tests}" if first else f"    M[i] = M[i] | {tests}",
            )
        if len(values) <= MAX_COMPARED_GRADES:
            steps = [-(-(2 * total * k - total) // (2 * step.factor)) for k in values[1:]]
            limits = self._scalars(np.array(steps, dtype=kind))
            grades = self._scalars(np.array(values, dtype=layer.dtype))
            self._emit("for i in range(m):", f"    x = {buffer}[i]")
            self._chain("    ", "x", limits, grades, "left")
        else:
            doubled = self._scalar(2.0 * total, "float64")
            scaled = self._scalar(2.0 * step.factor, "float64")
            half = self._scalar(float(total), "float64")
            self._emit(
                "for i in range(m):",
                f"    s = np.{layer.dtype}(np.floor((np.float64({buffer}[i]) * {scaled} + {half}) / {doubled}))",
            )
        self._emit(
            "    if M[i] != ZERO:", f"        s = ND_{layer.dtype}", f"    L{step.out}[i] = s"
        )

    def _weighted_skip(self, step: WeightedMean) -> None:
        layer = self.program.layers[step.out]
        names = self._scalars(step.weights)
        self._emit("for i in range(m):", "    A64[i] = 0", "    W64[i] = 0")
        for name, i in zip(names, step.of, strict=True):
            self._emit(
                "for i in range(m):",
                f"    if L{i}[i] != ND_{self.program.layers[i].dtype}:",
                f"        A64[i] += {name} * L{i}[i]",
                f"        W64[i] += {name}",
            )
        scaled = self._scalar(2.0 * step.factor, "float64")
        self._emit(
            "for i in range(m):",
            f"    s = ND_{layer.dtype}",
            "    if W64[i] > 0:",
            "        w = np.float64(W64[i])",
            f"        s = np.{layer.dtype}(np.floor((np.float64(A64[i]) * {scaled} + w) / (w + w)))",
            f"    L{step.out}[i] = s",
        )

    def _limit(self, step: Limit) -> None:
        layer = self.program.layers[step.out]
        none = f"ND_{layer.dtype}"
        first, sign = step.of[0], ">" if step.largest else "<"
        self._copy(first, step.out)
        for other in step.of[1:]:
            none_other = f"ND_{self.program.layers[other].dtype}"
            self._emit(
                "for i in range(m):",
                f"    x = L{step.out}[i]",
                f"    y = np.{layer.dtype}(L{other}[i])",
                f"    if L{other}[i] == {none_other}:",
                f"        y = {none}",
                "    s = x",
                f"    if y {sign} x:",
                "        s = y",
            )
            if step.skip:
                self._emit(
                    f"    if x == {none}:", "        s = y", f"    if y == {none}:", "        s = x"
                )
            else:
                self._emit(f"    if (x == {none}) | (y == {none}):", f"        s = {none}")
            self._emit(f"    L{step.out}[i] = s")

    def _copy(self, layer: int, out: int) -> None:
        dtype = self.program.layers[out].dtype
        self._emit(
            "for i in range(m):",
            f"    s = np.{dtype}(L{layer}[i])",
            f"    if L{layer}[i] == ND_{self.program.layers[layer].dtype}:",
            f"        s = ND_{dtype}",
            f"    L{out}[i] = s",
        )

    def _times(self, step: Times) -> None:
        dtype = self.program.layers[step.out].dtype
        none = f"ND_{dtype}"
        self._copy(step.of[0], step.out)
        for other in step.of[1:]:
            self._emit(
                "for i in range(m):",
                f"    s = np.{dtype}(L{step.out}[i] * L{other}[i])",
                f"    if (L{step.out}[i] == {none}) | (L{other}[i] == ND_{self.program.layers[other].dtype}):",
                f"        s = {none}",
                f"    L{step.out}[i] = s",
            )

    def _table(self, step: Table) -> None:
        layers = self.program.layers
        dtype = layers[step.out].dtype
        rows, columns = self._parameter(step.row_index), self._parameter(step.column_index)
        table = self._parameter(step.table)
        self._emit(
            "for i in range(m):",
            f"    s = ND_{dtype}",
            f"    if (L{step.rows}[i] != ND_{layers[step.rows].dtype}) & "
            f"(L{step.columns}[i] != ND_{layers[step.columns].dtype}):",
            f"        s = {table}[{rows}[L{step.rows}[i]], {columns}[L{step.columns}[i]]]",
            f"    L{step.out}[i] = s",
        )

    def _exclude(self, step: Exclude) -> None:
        layers = self.program.layers
        dtype = layers[step.out].dtype
        excluded = self._parameter(step.excluded)
        becomes = f"ND_{dtype}" if step.becomes is None else self._scalar(step.becomes, dtype)
        self._copy(step.layer, step.out)
        self._emit(
            "for i in range(m):",
            f"    x = L{step.by}[i]",
            f"    if x == ND_{layers[step.by].dtype}:",
            f"        L{step.out}[i] = ND_{dtype}",
            f"    elif {excluded}[x] == ONE:",
            f"        L{step.out}[i] = {becomes}",
        )

    # text

    def _emit(self, *lines: str) -> None:
        self.lines.extend(lines)

    @staticmethod
    def _indent(lines: list[str], depth: int) -> list[str]:
        return ["    " * depth + line for line in lines]

    def _parameter(self, array: Array) -> str:
        self.parameters.append(np.ascontiguousarray(array))
        return f"p{len(self.parameters) - 1}"

    def _scalars(self, array: Array) -> list[str]:
        """Pass an array; `_call` takes its entries to locals before the loops."""
        name = self._parameter(array)
        return [f"{name}_{k}" for k in range(len(array))]

    def _scalar(self, value: float, dtype: str) -> str:
        return self._scalars(np.array([value], dtype=dtype))[0]


def _scan(row: str, flag: str, test: str) -> list[str]:
    """Return the lines that set a flag where a row, without its outer cells, has no data."""
    return [
        f"{flag} = ZERO",
        "for i in range(1, width + 1):",
        f"    x = {row}[i]",
        f"    if {test}:",
        f"        {flag} = ONE",
    ]
