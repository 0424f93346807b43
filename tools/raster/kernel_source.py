"""Write the source of the fused kernel for a program; only its shape goes in, never a text of the user.

The kernel walks column chunks that fit the first-level cache. For each row of a chunk every step is a
short loop over typed row buffers, which the compiler turns into vector instructions: loops hold few
arrays, because above eight pairs of arrays that may overlap it gives up. Values are tallied by rows of
counters of one byte each, emptied before they run over.
"""

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

CHUNK = 2048
TALLY_ROWS = 255
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


@dataclass
class KernelText:
    """The source of a kernel and the numbers it takes after the bands and outputs."""

    source: str
    parameters: list[Array] = field(default_factory=list)


def write_kernel(program: Program) -> KernelText:
    """Write the kernel `kernel(rows, width, bands…, outputs…, counts…, flags, parameters…)`.

    Shapes: a band is `(rows + 2·halo, width + 2·halo)`, an output `(rows, width)`. `counts` hold one
    int64 for each possible value of an output; `flags[k]` becomes 1 where check `k` found a bad cell.
    """
    return _Writer(program).text()


class _Writer:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.lines: list[str] = []
        self.setup: list[str] = []
        self.parameters: list[Array] = []
        self.flag_of = {check.step: k for k, check in enumerate(program.checks)}

    def text(self) -> KernelText:
        program = self.program
        for number, step in enumerate(program.steps):
            self._step(number, step)
        body = self.lines
        self.lines = []
        for position, layer in enumerate(program.outputs):
            self._output(position, layer)
        body += self.lines
        buffers = self._buffers()
        bands = [f"band{i}" for i in range(len(program.bands))]
        outs = [f"out{i}" for i in range(len(program.outputs))]
        counts = [f"counts{i}" for i in range(len(program.outputs))]
        names = [f"p{i}" for i in range(len(self.parameters))]
        arguments = ", ".join(["rows", "width", *bands, *outs, *counts, "flags", *names])
        source = [
            _HEADER,
            '@njit(nogil=True, cache=True, error_model="numpy")',
            f"def kernel({arguments}):",
            *self._indent(buffers + self.setup, 1),
            f"    for c0 in range(0, width, {CHUNK}):",
            f"        m = min({CHUNK}, width - c0)",
            f"        for first in range(0, rows, {TALLY_ROWS}):",
            *self._indent(self._empty_tallies(), 3),
            f"            for r in range(first, min(rows, first + {TALLY_ROWS})):",
            *self._indent(body, 4),
            *self._indent(self._sum_tallies(), 3),
            *self._indent(self._sum_flags(), 2),
        ]
        return KernelText("\n".join(source) + "\n", self.parameters)

    # frame

    def _buffers(self) -> list[str]:
        lines = [
            f"L{i} = np.empty({CHUNK}, np.{layer.dtype})"
            for i, layer in enumerate(self.program.layers)
        ]
        lines += [f"F{k}_ = np.zeros({CHUNK}, np.uint8)" for k in range(len(self.program.checks))]
        lines += [
            f"M = np.empty({CHUNK}, np.uint8)",
            f"A16 = np.empty({CHUNK}, np.uint16)",
            f"A64 = np.empty({CHUNK}, np.int64)",
            f"W64 = np.empty({CHUNK}, np.int64)",
        ]
        for position, layer in enumerate(self.program.outputs):
            if self._tallied(layer):
                values = np.array(
                    self.program.layers[layer].values, self.program.layers[layer].dtype
                )
                name = self._parameter(values)
                lines += [
                    f"V{position} = {name}",
                    f"T{position} = np.zeros((len(V{position}), {CHUNK}), np.uint8)",
                ]
        return lines

    def _tallied(self, layer: int) -> bool:
        return len(self.program.layers[layer].values) <= MAX_TALLIED

    def _empty_tallies(self) -> list[str]:
        empty = [
            f"T{i}[:, :m] = 0"
            for i, layer in enumerate(self.program.outputs)
            if self._tallied(layer)
        ]
        return empty or ["pass"]

    def _sum_tallies(self) -> list[str]:
        lines: list[str] = []
        for i, layer in enumerate(self.program.outputs):
            if self._tallied(layer):
                lines += [
                    f"for k in range(len(V{i})):",
                    f"    t = T{i}[k]",
                    "    n = 0",
                    "    for i in range(m):",
                    "        n += t[i]",
                    f"    counts{i}[k] += n",
                ]
        return lines or ["pass"]

    def _sum_flags(self) -> list[str]:
        lines: list[str] = []
        for k in range(len(self.program.checks)):
            lines += ["for i in range(m):", f"    if F{k}_[i] != 0:", f"        flags[{k}] = 1"]
        return lines or ["pass"]

    def _output(self, position: int, layer: int) -> None:
        self._emit(
            f"o = out{position}[r, c0:c0 + m]",
            "for i in range(m):",
            f"    o[i] = L{layer}[i]",
        )
        if self._tallied(layer):
            self._emit(
                f"for k in range(len(V{position})):",
                f"    value = V{position}[k]",
                f"    t = T{position}[k]",
                "    for i in range(m):",
                f"        t[i] = t[i] + (L{layer}[i] == value)",
            )
            return
        known = self.program.layers[layer]
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
            halo = known.halo if isinstance(known, Band) else 0
            row = f"band{band}[r + {halo}, c0 + {halo}:c0 + {halo} + m]"
            if np.dtype(known.dtype).kind == "f":
                return row, "x - x != F0"
            if known.nodata is None:
                return row, ""
            return row, f"x == {self._scalar(known.nodata, known.dtype)}"
        assert layer is not None
        return f"L{layer}", f"x == ND_{self.program.layers[layer].dtype}"

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
            flag = self.flag_of[number]
            self._emit(
                "for i in range(m):",
                "    x = v[i]",
                "    f = ZERO",
                f"    if (x < {low}) | (x > {high}):",
                "        f = ONE",
            )
            if missing:
                self._emit(f"    if {missing}:", "        f = ZERO")
            self._emit(f"    F{flag}_[i] = F{flag}_[i] | f")

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
        flag = self.flag_of.get(number)
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
                self._emit(f"    F{flag}_[i] = F{flag}_[i] | f")
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
            self._emit(f"    F{flag}_[i] = F{flag}_[i] | f")

    def _slope(self, number: int, step: Slope) -> None:
        band = self.program.bands[step.band]
        assert isinstance(band, Band)
        layer = self.program.layers[step.out]
        squares, scores = self._scalars(step.squares), self._scalars(step.scores)
        above, beside = band.halo - 1, band.halo - 1
        nodata = None if band.nodata is None else self._scalar(band.nodata, band.dtype)
        test = "x - x != F0" if nodata is None else f"x == {nodata}"
        q = f"q{number}_"
        self.setup += [f"{q}{k} = ZERO" for k in range(3)]
        for k, name in enumerate("abc"):
            self._emit(
                f"{name} = band{step.band}[r + {above + k}, c0 + {beside}:c0 + {beside} + m + 2]"
            )
        scan = lambda row, flag: [  # noqa: E731
            f"{flag} = ZERO",
            "for i in range(m + 2):",
            f"    x = {row}[i]",
            f"    if {test}:",
            f"        {flag} = ONE",
        ]
        self._emit("if r == first:", *self._indent(scan("a", f"{q}0") + scan("b", f"{q}1"), 1))
        self._emit("else:", f"    {q}0 = {q}1", f"    {q}1 = {q}2")
        self._emit(*scan("c", f"{q}2"))
        names = [f"z{i}{j}" for i in range(3) for j in range(3)]
        loads = [
            f"    z{i}{j} = np.float32({'abc'[i]}[i + {j}])" for i in range(3) for j in range(3)
        ]
        gradient = [
            "    gx = ((z02 - z00) + F2 * (z12 - z10)) + (z22 - z20)",
            "    gy = ((z20 - z00) + F2 * (z21 - z01)) + (z22 - z02)",
            "    g = gx * gx + gy * gy",
        ]
        self._emit(f"if {q}0 | {q}1 | {q}2 == 0:")
        fast, self.lines = self.lines, []
        self._emit("for i in range(m):", *[line for line in loads if "z11" not in line], *gradient)
        self._chain("    ", "g", squares, scores, step.closed)
        self._emit(f"    L{step.out}[i] = s")
        quick, self.lines = self.lines, []
        self._emit("for i in range(m):", *loads)
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
        self._emit(f"    L{step.out}[i] = s")
        slow, self.lines = self.lines, fast
        self._emit(*self._indent(quick, 1), "else:", *self._indent(slow, 1))

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
        """Pass an array and take its entries to locals before the loops."""
        name = self._parameter(array)
        names = [f"{name}_{k}" for k in range(len(array))]
        self.setup += [f"{local} = {name}[{k}]" for k, local in enumerate(names)]
        return names

    def _scalar(self, value: float, dtype: str) -> str:
        return self._scalars(np.array([value], dtype=dtype))[0]
