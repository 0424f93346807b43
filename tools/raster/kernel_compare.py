"""Comparisons as vector code: values with thresholds and codes, and with what refuses a run."""

from collections.abc import Sequence

import numpy as np

from tools.raster.kernel_cells import Parts, Place
from tools.raster.program import Array
from tools.raster.vectors import Vector

_UNSIGNED = {1: "uint8", 2: "uint16", 4: "uint32"}


def compared(
    place: Place, values: Parts, bounds: Array, closed: str, *, unsigned: bool = False
) -> tuple[Parts, ...]:
    """Return where values pass each bound, or equal it where `closed` is `==`."""
    sign = {"right": ">", "left": ">=", "==": "=="}[closed]
    limits = place.code.splats(bounds, values[0].lanes)
    return tuple(
        tuple(place.code.compare(sign, value, limit, unsigned=unsigned) for value in values)
        for limit in limits
    )


def refuse_outside(
    place: Place, values: Parts, missing: Parts | None, valid: Array, check: int
) -> None:
    """Refuse values outside a range; of whole numbers, how far they lie above its lower end, wrapped."""
    code, kind, lanes = place.code, values[0].kind, values[0].lanes
    lost = missing or (None,) * len(values)
    if kind in ("float", "double") or valid[0] > valid[1]:
        low, high = code.splats(valid, lanes)
        unsigned = valid.dtype.kind == "u"
        outside = [
            code.calculate(
                "or",
                code.compare("<", value, low, unsigned=unsigned),
                code.compare(">", value, high, unsigned=unsigned),
            )
            for value in values
        ]
        refuse(place, [code.without(o, m) for o, m in zip(outside, lost, strict=True)], check)
        return
    low = code.splats(valid[:1], lanes)[0]
    above = [code.calculate("sub", value, low) for value in values]
    zero = Vector("zeroinitializer", kind, lanes)
    held = [a if m is None else code.select(m, zero, a) for a, m in zip(above, lost, strict=True)]
    width = np.array([int(valid[1]) - int(valid[0])]).astype(_UNSIGNED[valid.dtype.itemsize])
    place.refuse(check, tuple(held), width)


def refuse(place: Place, bad: Sequence[Vector], check: int) -> None:
    """Refuse where a mask holds."""
    code = place.code
    one, zero = (code.constant(k, "uint8", bad[0].lanes) for k in (1, 0))
    place.refuse(check, tuple(code.select(b, one, zero) for b in bad), np.zeros(1, np.uint8))
