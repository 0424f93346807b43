"""Sums by code over whole layers: a million rows in a fraction of a second."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


def code_places(
    values: Sequence[Any],
) -> tuple[npt.NDArray[np.str_], npt.NDArray[np.intp]]:
    """Number the different codes of a column, in order of appearance.

    There are few different codes in many rows, so each is stripped once and no row is compared.

    Args:
        values: Codes as a layer holds them; None is an empty code.

    Returns:
        The stripped codes, and for each row the place of its code among them. Two spellings that
        differ in blanks only keep two places with the same code.
    """
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    names = np.array(["" if v is None else str(v).strip() for v in places] or [""], dtype=np.str_)
    return names, np.fromiter(map(places.__getitem__, values), np.intp, len(values))


def sum_by_code(codes: Sequence[Any], amounts: npt.NDArray[np.float64]) -> dict[str, float]:
    """Sum amounts (areas in m² or ha, lengths …) by code, codes in ascending order.

    Args:
        codes: One a row.
        amounts: One a row; NaN makes the sum of its code NaN: a missing area is never zero.
    """
    names, places = code_places(codes)
    totals = np.bincount(places, weights=amounts, minlength=len(names))
    sums: dict[str, float] = {}
    for name, total in zip(names.tolist(), totals.tolist(), strict=True):
        if len(codes):
            sums[name] = sums.get(name, 0.0) + total
    return dict(sorted(sums.items()))
