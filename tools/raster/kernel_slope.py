"""Horn's slope as vector code: the squared sum of differences that thresholds are compared with.

Differences of int16 heights are taken in int32. Every sum stays below 2²⁴, so float32 gives the same
numbers in any order; only the squares are rounded, in float32, as everywhere.
"""

from tools.raster.kernel_cells import Parts, Place
from tools.raster.program import Slope
from tools.raster.vectors import KINDS, LANES, PART, Vector

LANES_OF_PART = PART["float"]
AROUND = tuple((down, right) for down in (-1, 0, 1) for right in (-1, 0, 1))


def slope(place: Place, step: Slope) -> tuple[Parts, Parts]:
    """Return gx² + gy² and where there is none, in parts of 16 cells.

    Where none of the 66 × 3 cells around is missing, a shorter way is taken.
    """
    code = place.code
    lanes = PART[KINDS[place.program.bands[step.band].dtype]]
    halves = [
        code.either(
            [
                place.absent(step.band, place.near(step.band, down, right, first, lanes))
                for down in (-1, 0, 1)
                for right in (-1, 1)
            ]
        )
        for first in range(0, LANES, lanes)
    ]
    holes = code.either(halves)
    assert holes is not None
    some = code.put(f"icmp ne i{lanes} {code.put(f'bitcast {holes} to i{lanes}')}, 0")
    slow, fast, after = (code.name(word) for word in ("holes", "whole", "sloped"))
    code.do(f"br i1 {some}, label %{slow}, label %{fast}")
    firsts = range(0, LANES, LANES_OF_PART)
    code.start(slow)
    with_holes = [_part(place, step, first, holes=True) for first in firsts]
    code.do(f"br label %{after}")
    code.start(fast)
    whole = [_part(place, step, first, holes=False) for first in firsts]
    code.do(f"br label %{after}")
    code.start(after)

    def either_way(a: Vector, b: str) -> Vector:
        name = code.put(f"phi {a.type} [ {a.name}, %{slow} ], [ {b}, %{fast} ]")
        return Vector(name, a.kind, a.lanes)

    squared = tuple(either_way(a, b.name) for (a, _), (b, _) in zip(with_holes, whole, strict=True))
    lost = tuple(either_way(m, "zeroinitializer") for _, m in with_holes if m is not None)
    return squared, lost


def _part(place: Place, step: Slope, first: int, *, holes: bool) -> tuple[Vector, Vector | None]:
    """Return gx² + gy² of 16 cells, and where there is none."""
    code = place.code
    whole = place.program.bands[step.band].dtype == "int16"
    z, absent = {}, {}
    for at in AROUND:
        if not holes and at == (0, 0):
            continue
        value = place.near(step.band, *at, first, LANES_OF_PART)
        if holes:
            absent[at] = place.absent(step.band, value)
        z[at] = code.convert(value, "i32", signed=True) if whole else value
    lost = absent[0, 0] if holes else None
    if holes and step.missing == "centre":
        for at, mask in absent.items():
            if at != (0, 0) and mask is not None:
                z[at] = code.select(mask, z[0, 0], z[at])
    elif holes:
        lost = code.either(list(absent.values()))
    return _squared(place, z, whole=whole), lost


def _squared(place: Place, z: dict[tuple[int, int], Vector], *, whole: bool) -> Vector:
    """Return the square of eight cells of ground times the tangent, in stored units of height."""
    code = place.code
    add, subtract = ("add", "sub") if whole else ("fadd", "fsub")

    def gradient(pairs: tuple[tuple[tuple[int, int], tuple[int, int]], ...]) -> Vector:
        first, middle, last = (code.calculate(subtract, z[a], z[b]) for a, b in pairs)
        twice = code.calculate(add, middle, middle)
        return code.calculate(add, code.calculate(add, first, twice), last)

    east = gradient((((-1, 1), (-1, -1)), ((0, 1), (0, -1)), ((1, 1), (1, -1))))
    south = gradient((((1, -1), (-1, -1)), ((1, 0), (-1, 0)), ((1, 1), (-1, 1))))
    if whole:
        east, south = (code.convert(g, "float", signed=True) for g in (east, south))
    return code.calculate(
        "fadd", code.calculate("fmul", east, east), code.calculate("fmul", south, south)
    )
