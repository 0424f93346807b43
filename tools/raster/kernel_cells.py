"""What is known of 64 cells while a kernel is written: bands at a place, layers, bad cells.

A step is written when a later one first asks for its layer, so that its comparisons are used up before
the next are made. A layer of grades is kept as comparisons with the scores that they lead to, so that a
weighted sum can take weight times score at once; its value is written only where something asks for it.
Where cells have no data a layer's value is some number of 0 or more that its inputs could give.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tools.raster.program import Array, Program
from tools.raster.vectors import BYTES, KINDS, LANES, PART, Code, Vector

Parts = tuple[Vector, ...]
"""64 lanes in one vector, or in several behind each other."""


def only(vector: Vector | None) -> Parts | None:
    """Return one vector as parts."""
    return None if vector is None else (vector,)


@dataclass
class Cells:
    """One layer in 64 cells."""

    dtype: str
    missing: Parts | None
    """Where there is no data; None: nowhere."""
    value: Vector | None = None
    masks: tuple[Parts, ...] = ()
    scores: Array | None = None
    """Score where no mask holds, then one for each mask; the last mask that holds decides."""
    nested: bool = False
    """Each mask holds only where the one before holds; else no two hold together."""


class Place:
    """The code of a kernel together with what the steps before have left."""

    def __init__(self, program: Program, code: Code) -> None:
        self.program, self.code = program, code
        self.steps: dict[int, Callable[[], Cells]] = {}
        self.worst: dict[int, tuple[str, Vector]] = {}
        self._layers: dict[int, Cells] = {}
        self._loaded: dict[int, Parts] = {}
        self._nodata: dict[int, int] = {}

    # bands

    def near(self, number: int, down: int, right: int, first: int, lanes: int) -> Vector:
        """Return cells of a band that lie some rows down and columns right, from lane `first` on."""
        kind = KINDS[self.program.bands[number].dtype]
        row = f"%band{number}.row" if not down else f"%band{number}.row{'m' if down < 0 else 'p'}"
        index = "%column"
        if right + first:
            index = self.code.put(f"add i64 %column, {right + first}")
        return self.code.load(self.code.at(row, kind, index), kind, lanes)

    def band(self, number: int) -> Parts:
        """Return the 64 cells of a band, in parts of one register."""
        if number not in self._loaded:
            lanes = PART[KINDS[self.program.bands[number].dtype]]
            self._loaded[number] = tuple(
                self.near(number, 0, 0, first, lanes) for first in range(0, LANES, lanes)
            )
        return self._loaded[number]

    def absent(self, number: int, value: Vector) -> Vector | None:
        """Return where values of a band are no data; None where it has none."""
        known = self.program.bands[number]
        if value.kind in ("float", "double"):
            return self.code.not_finite(value)
        if known.nodata is None:
            return None
        if number not in self._nodata:
            self._nodata[number] = self.code.parameter(np.array([known.nodata], known.dtype))
        nodata = self.code.splat(self._nodata[number], 0, value.lanes)
        return self.code.compare("==", value, nodata)

    def input(self, band: int | None, layer: int | None) -> tuple[Parts, Parts | None, str]:
        """Return values, where they are missing, and their type."""
        if band is not None:
            values = self.band(band)
            missing = tuple(m for v in values if (m := self.absent(band, v)) is not None)
            return values, missing or None, self.program.bands[band].dtype
        assert layer is not None
        return (self.value(layer),), only(self.missing(layer)), self.layer(layer).dtype

    # layers

    def layer(self, number: int) -> Cells:
        """Return a layer; its step is written now if it is not yet."""
        if number not in self._layers:
            self._layers[number] = self.steps[number]()
        return self._layers[number]

    def missing(self, layer: int) -> Vector | None:
        """Return where a layer has no data."""
        missing = self.layer(layer).missing
        if missing is not None and len(missing) > 1:
            missing = self.layer(layer).missing = (self.code.join(missing),)
        return None if missing is None else missing[0]

    def value(self, layer: int) -> Vector:
        """Return the values of a layer; meaningless where it has no data."""
        cells = self.layer(layer)
        if cells.value is None:
            assert cells.scores is not None
            number = self.code.parameter(cells.scores.astype(cells.dtype))
            parts = []
            for masks in zip(*cells.masks, strict=True):
                value = self.code.splat(number, 0, masks[0].lanes)
                for k, mask in enumerate(masks):
                    value = self.code.select(
                        mask, self.code.splat(number, k + 1, mask.lanes), value
                    )
                parts.append(value)
            cells.value = self.code.join(parts) if parts else self.code.splat(number)
        return cells.value

    def stored(self, layer: int) -> Vector:
        """Return the values of a layer as they are written, no data included."""
        value, missing = self.value(layer), self.missing(layer)
        if missing is None:
            return value
        nodata = self.code.constant(self.program.layers[layer].nodata, self.layer(layer).dtype)
        return self.code.select(missing, nodata, value)

    # sums and checks

    def weighted(self, layer: int, weight: int, dtype: str) -> Vector:
        """Return weight times score of a layer."""
        total = Total(self, dtype)
        total.add(layer, weight)
        return total.sum()

    def refuse(self, check: int, badness: Parts, limit: Array) -> None:
        """Keep the largest of unsigned whole numbers; one over a limit is a bad cell."""
        code, (worst, *others) = self.code, badness
        place = code.once(f"alloca {worst.type}, align 64")
        code.head.append(f"  store {worst.type} zeroinitializer, ptr {place}, align 64")
        before = Vector(
            code.put(f"load {worst.type}, ptr {place}, align 64"), worst.kind, worst.lanes
        )
        for other in (*others, before):
            more = code.compare(">", other, worst, unsigned=True)
            worst = code.select(more, other, worst)
        code.do(f"store {worst}, ptr {place}, align 64")
        self.worst[check] = (place, code.splat(code.parameter(limit), 0, worst.lanes))

    def by_lane(self, inputs: list[Vector], dtype: str, look: Callable[[list[str]], str]) -> Vector:
        """Return a vector whose lanes are looked up one by one; `look` gets and returns numbers."""
        code, kind = self.code, KINDS[dtype]
        places = [(code.scratch(value), value.kind) for value in inputs]
        result = code.once(f"alloca <{LANES} x {kind}>, align 64")
        with code.each_lane() as lane:
            numbers = [
                code.put(f"load {k}, ptr {code.at(place, k, lane)}, align {BYTES[k]}")
                for place, k in places
            ]
            found = look(numbers)
            code.do(f"store {kind} {found}, ptr {code.at(result, kind, lane)}, align {BYTES[kind]}")
        return code.load(result, kind)


class Total:
    """A sum of weight times score in whole numbers that wrap around, and where it has no data.

    Layers in parts of one width are added up in those parts; the sums are joined at the end.
    """

    def __init__(self, place: Place, dtype: str) -> None:
        self.place, self.dtype = place, dtype
        self.sums: dict[int, list[Vector]] = {}
        self.lost: dict[int, list[Vector]] = {}

    def add(self, layer: int, weight: int) -> None:
        """Add a layer."""
        place, code = self.place, self.place.code
        cells = place.layer(layer)
        for mask in (cells.missing,) if cells.missing else ():
            held = self.lost.get(len(mask))
            parts = zip(held, mask, strict=True) if held else ()
            self.lost[len(mask)] = [code.calculate("or", a, b) for a, b in parts] or list(mask)
        if cells.scores is None or not cells.masks:
            value = code.convert(place.value(layer), KINDS[self.dtype])
            self._join([code.calculate("mul", value, code.number(weight, self.dtype))])
            return
        scores = cells.scores.astype(np.int64) * weight
        steps = np.diff(scores) if cells.nested else scores[1:] - scores[0]
        number = code.parameter(np.concatenate([scores[:1], steps]).astype(self.dtype))
        lanes = cells.masks[0][0].lanes
        self._join([code.splat(number, 0, lanes)] * (LANES // lanes))
        sums = self.sums[LANES // lanes]
        for part in range(LANES // lanes):
            for k, masks in enumerate(cells.masks):
                step = code.splat(number, k + 1, lanes)
                more = code.calculate("add", sums[part], step)
                sums[part] = code.select(masks[part], more, sums[part])

    def _join(self, terms: list[Vector]) -> None:
        held = self.sums.get(len(terms))
        parts = zip(held, terms, strict=True) if held else ()
        self.sums[len(terms)] = [self.place.code.calculate("add", a, b) for a, b in parts] or terms

    def sum(self) -> Vector:
        """Return the sum."""
        first, *others = (self.place.code.join(parts) for parts in self.sums.values())
        for other in others:
            first = self.place.code.calculate("add", first, other)
        return first

    def missing(self) -> Parts | None:
        """Return where one of the layers has no data."""
        return only(self.place.code.either([self.place.code.join(m) for m in self.lost.values()]))
