"""Write LLVM assembly over vectors of 64 cells: values, constants, comparisons, loops over lanes.

A value is a vector of one cell type. What the machine cannot hold in one register the compiler splits;
the text is the same on every machine.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from tools.raster.program import Array

LANES = 64
"""Cells that are worked on at once; a comparison of them is one whole number of 64 bits."""

KINDS = {
    "uint8": "i8",
    "int16": "i16",
    "uint16": "i16",
    "int32": "i32",
    "uint32": "i32",
    "int64": "i64",
    "float32": "float",
    "float64": "double",
}
PART = {"i8": 64, "i16": 32, "i32": 16, "i64": 8, "float": 16, "double": 8}
"""Lanes that fill 64 bytes: bands are worked on in parts of these."""
BYTES = {"i8": 1, "i16": 2, "i32": 4, "i64": 8, "float": 4, "double": 8}


@dataclass(frozen=True)
class Vector:
    """A named vector of `lanes` numbers; `i1` is the outcome of a comparison."""

    name: str
    kind: str
    lanes: int = LANES

    @property
    def type(self) -> str:
        """The type as LLVM writes it."""
        return f"<{self.lanes} x {self.kind}>"

    def __str__(self) -> str:
        return f"{self.type} {self.name}"


class Code:
    """Lines of a function: what is done once (`head`) and what is done for every 64 cells (`body`)."""

    def __init__(self) -> None:
        self.head: list[str] = []
        self.body: list[str] = []
        self.parameters: list[Array] = []
        self.block = "cells"
        self._names = 0
        self._splats: dict[tuple[int, int, int], Vector] = {}

    # text

    def name(self, prefix: str = "v") -> str:
        """Return a name that is not yet used."""
        self._names += 1
        return f"{prefix}{self._names}"

    def put(self, text: str) -> str:
        """Add an instruction to the body and return the name of its result."""
        name = f"%{self.name()}"
        self.body.append(f"  {name} = {text}")
        return name

    def once(self, text: str) -> str:
        """Add an instruction before the loops and return the name of its result."""
        name = f"%{self.name('h')}"
        self.head.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Add an instruction without a result to the body."""
        self.body.append(f"  {text}")

    def start(self, block: str) -> None:
        """Begin a block of the body."""
        self.body.append(f"{block}:")
        self.block = block

    # numbers that are passed

    def parameter(self, array: Array) -> int:
        """Pass an array to the kernel and return its number."""
        self.parameters.append(np.ascontiguousarray(array))
        return len(self.parameters) - 1

    def splat(self, parameter: int, entry: int = 0, lanes: int = LANES) -> Vector:
        """Return an entry of a passed array in every lane."""
        key = (parameter, entry, lanes)
        if key not in self._splats:
            kind = KINDS[str(self.parameters[parameter].dtype)]
            place = self.once(f"getelementptr {kind}, ptr %p{parameter}, i64 {entry}")
            number = self.once(f"load {kind}, ptr {place}, align {BYTES[kind]}")
            first = self.once(f"insertelement <{lanes} x {kind}> poison, {kind} {number}, i64 0")
            name = self.once(
                f"shufflevector <{lanes} x {kind}> {first}, <{lanes} x {kind}> poison, "
                f"<{lanes} x i32> zeroinitializer"
            )
            self._splats[key] = Vector(name, kind, lanes)
        return self._splats[key]

    def splats(self, array: Array, lanes: int = LANES) -> list[Vector]:
        """Pass an array and return each of its entries in every lane."""
        number = self.parameter(array)
        return [self.splat(number, entry, lanes) for entry in range(len(array))]

    def number(self, value: float, dtype: str, lanes: int = LANES) -> Vector:
        """Pass one number and return it in every lane."""
        return self.splats(np.array([value], dtype=dtype), lanes)[0]

    @staticmethod
    def constant(value: int, dtype: str, lanes: int = LANES) -> Vector:
        """Return a whole number that is part of the kernel's shape, in every lane."""
        kind = KINDS[dtype]
        return Vector(f"splat ({kind} {value})", kind, lanes)

    # arithmetic

    def calculate(self, operation: str, a: Vector, b: Vector) -> Vector:
        """Return `a operation b`, as LLVM names the operation (`add`, `fmul`, `and` …)."""
        return Vector(self.put(f"{operation} {a}, {b.name}"), a.kind, a.lanes)

    def compare(self, sign: str, a: Vector, b: Vector, *, unsigned: bool = False) -> Vector:
        """Compare with `>`, `>=`, `<`, `==`; a comparison with NaN does not hold."""
        if a.kind in ("float", "double"):
            word = {">": "ogt", ">=": "oge", "<": "olt", "==": "oeq"}[sign]
            return Vector(self.put(f"fcmp {word} {a}, {b.name}"), "i1", a.lanes)
        word = {">": "gt", ">=": "ge", "<": "lt", "==": "eq"}[sign]
        word = word if word == "eq" else f"{'u' if unsigned else 's'}{word}"
        return Vector(self.put(f"icmp {word} {a}, {b.name}"), "i1", a.lanes)

    def not_finite(self, value: Vector) -> Vector:
        """Return where floating numbers are NaN or infinite."""
        none = self.calculate("fsub", value, value)
        return Vector(self.put(f"fcmp une {none}, zeroinitializer"), "i1", value.lanes)

    def select(self, mask: Vector, a: Vector, b: Vector) -> Vector:
        """Return `a` where the mask holds, `b` elsewhere."""
        return Vector(self.put(f"select {mask}, {a}, {b}"), a.kind, a.lanes)

    def convert(self, value: Vector, kind: str, *, signed: bool = False) -> Vector:
        """Return whole numbers in another type, or as `float` or `double`."""
        if value.kind == kind:
            return value
        if kind in ("float", "double"):
            operation = "sitofp" if signed else "uitofp"
        elif BYTES[kind] < BYTES[value.kind]:
            operation = "trunc"
        else:
            operation = "sext" if signed else "zext"
        result = f"{operation} {value} to <{value.lanes} x {kind}>"
        return Vector(self.put(result), kind, value.lanes)

    def either(self, masks: Sequence[Vector | None]) -> Vector | None:
        """Return where one of several masks holds; None where there is none."""
        result: Vector | None = None
        for mask in masks:
            if mask is not None:
                result = mask if result is None else self.calculate("or", result, mask)
        return result

    def without(self, mask: Vector, excluded: Vector | None) -> Vector:
        """Return where a mask holds and another does not."""
        if excluded is None:
            return mask
        ones = Vector("splat (i1 true)", "i1", mask.lanes)
        return self.calculate("and", mask, self.calculate("xor", excluded, ones))

    def bits(self, mask: Vector) -> str:
        """Return a mask as a whole number of 64 bits, the first lane lowest."""
        return self.put(f"bitcast {mask} to i64")

    def join(self, parts: Sequence[Vector]) -> Vector:
        """Return two, four … vectors behind each other."""
        parts = list(parts)
        while len(parts) > 1:
            lanes = 2 * parts[0].lanes
            order = ", ".join(f"i32 {k}" for k in range(lanes))
            parts = [
                Vector(
                    self.put(f"shufflevector {a}, {b}, <{lanes} x i32> <{order}>"), a.kind, lanes
                )
                for a, b in zip(parts[::2], parts[1::2], strict=True)
            ]
        return parts[0]

    # memory

    def load(self, place: str, kind: str, lanes: int = LANES) -> Vector:
        """Read a vector that lies anywhere."""
        text = f"load <{lanes} x {kind}>, ptr {place}, align {BYTES[kind]}"
        return Vector(self.put(text), kind, lanes)

    def store(self, value: Vector, place: str) -> None:
        """Write a vector anywhere."""
        self.do(f"store {value}, ptr {place}, align {BYTES[value.kind]}")

    def at(self, base: str, kind: str, index: str) -> str:
        """Return the place of an element."""
        return self.put(f"getelementptr {kind}, ptr {base}, i64 {index}")

    @contextmanager
    def each_lane(self) -> Iterator[str]:
        """Loop over the lanes one by one; yields the name of the lane's number."""
        before, loop, after = self.block, self.name("lanes"), self.name("after")
        lane, following = f"%{self.name('lane')}", f"%{self.name('lane')}"
        self.do(f"br label %{loop}")
        self.start(loop)
        self.do(f"{lane} = phi i64 [ 0, %{before} ], [ {following}, %{loop} ]")
        yield lane
        self.do(f"{following} = add i64 {lane}, 1")
        more = self.put(f"icmp ult i64 {following}, {LANES}")
        self.do(f"br i1 {more}, label %{loop}, label %{after}")
        self.start(after)

    def scratch(self, value: Vector) -> str:
        """Write a vector to memory of its own and return the place, to read it lane by lane."""
        place = self.once(f"alloca {value.type}, align 64")
        self.store(value, place)
        return place
