"""What values a variable has within the area of evaluation, from one pass over its strips."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.rasters import UNKNOWN_CODE

_LEAST_BAND = 2
Cell = tuple[int, int]


@dataclass
class Survey:
    """Counts and extremes of a variable inside the area."""

    cells: int = 0
    unknown: int = 0
    uncovered: bool = False
    """A category has cells without a feature."""
    lowest: float | None = None
    highest: float | None = None
    lowest_at: Cell | None = None
    """Row and column, 0 first."""
    highest_at: Cell | None = None
    empty_rows: Cell | None = None
    """First and last row of the longest band of rows without any data."""
    empty_columns: Cell | None = None


def survey(inputs: Inputs, name: str) -> Survey:
    """Look at a variable; memory is that of a strip."""
    if name in inputs.surveys:
        return inputs.surveys[name]
    found, category = Survey(), inputs.found[name].variable.category
    width = inputs.grid.width
    rows_known, rows_inside = [], []
    columns_known, columns_inside = np.zeros(width, bool), np.zeros(width, bool)
    for part, (values,) in inputs.strips(name):
        inside = inputs.inside[part]
        gaps = values == UNKNOWN_CODE if category else ~np.isfinite(values)
        known = inside & ~gaps
        found.cells += int(inside.sum())
        found.unknown += int((inside & gaps).sum())
        rows_known.append(known.any(axis=1))
        rows_inside.append(inside.any(axis=1))
        columns_known |= known.any(axis=0)
        columns_inside |= inside.any(axis=0)
        if category:
            found.uncovered |= bool((known & (values == 0)).any())
        elif known.any():
            _extremes(found, values, known, part.start)
    found.empty_rows = _longest(np.concatenate(rows_inside) & ~np.concatenate(rows_known))
    found.empty_columns = _longest(columns_inside & ~columns_known)
    inputs.surveys[name] = found
    return found


def _extremes(
    found: Survey, values: npt.NDArray[np.float64], known: npt.NDArray[np.bool_], first: int
) -> None:
    least = np.where(known, values, np.inf)
    at = divmod(int(least.argmin()), values.shape[1])
    low = float(least[at])
    if found.lowest is None or low < found.lowest:
        found.lowest, found.lowest_at = low, (first + at[0], at[1])
    np.copyto(least, -np.inf, where=~known)
    at = divmod(int(least.argmax()), values.shape[1])
    high = float(least[at])
    if found.highest is None or high > found.highest:
        found.highest, found.highest_at = high, (first + at[0], at[1])


def _longest(empty: npt.NDArray[np.bool_]) -> Cell | None:
    """Return first and last of the longest run, of two at least."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    if not len(edges):
        return None
    starts, stops = edges[::2], edges[1::2]
    k = int((stops - starts).argmax())
    if stops[k] - starts[k] < _LEAST_BAND or stops[k] - starts[k] == len(empty):
        return None
    return int(starts[k]), int(stops[k]) - 1
