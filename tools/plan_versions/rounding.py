"""Round a matrix so that every cell, both margins and the total still close.

Each cell goes to the whole unit below or above; a rounding that keeps all margins always exists, for the
exact matrix is a fractional flow and flows with whole margins have whole solutions. It is found by
augmenting paths. Source: M. Bacharach, Matrix rounding problems, Management Science 12 (1966).
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Cell = tuple[str, str]
_PASSES = 50
_NOISE = 1e-6
"""Units; sums of areas of a county carry about 1e-7."""


def fitted(
    cells: Mapping[Cell, float], rows: Mapping[str, float], columns: Mapping[str, float]
) -> dict[Cell, float]:
    """Spread a tiny misfit over a matrix so that it meets its margins (iterative proportional fit).

    Args:
        cells: Amounts by row and column.
        rows: Margin by row; a row that is not named keeps its sum.
        columns: Margin by column, likewise.
    """
    result = dict(cells)
    for _ in range(_PASSES):
        for place, margin in ((0, rows), (1, columns)):
            sums: dict[str, float] = {}
            for key, value in result.items():
                sums[key[place]] = sums.get(key[place], 0.0) + value
            result = {
                key: value * margin[key[place]] / sums[key[place]]
                if key[place] in margin and sums[key[place]] > 0
                else value
                for key, value in result.items()
            }
    return result


def rounded_matrix(cells: Mapping[Cell, float]) -> dict[Cell, int]:
    """Round a matrix of amounts to whole units; rows, columns and total are sums of it.

    Every cell, every margin and the total lie within one unit of the exact one.

    Args:
        cells: Amounts ≥ 0 in units.
    """
    row_names = sorted({row for row, _ in cells})
    column_names = sorted({column for _, column in cells})
    exact = np.zeros((len(row_names), len(column_names)))
    for (row, column), value in cells.items():
        exact[row_names.index(row), column_names.index(column)] = value
    whole = _round(exact)
    return {
        (row, column): int(whole[row_names.index(row), column_names.index(column)])
        for row, column in cells
    }


def _round(exact: Floats) -> npt.NDArray[np.int64]:
    full = _with_slack(exact)
    base = np.floor(full + _NOISE).astype(np.int64)
    rows = np.rint(full.sum(axis=1)).astype(np.int64) - base.sum(axis=1)
    columns = np.rint(full.sum(axis=0)).astype(np.int64) - base.sum(axis=0)
    open_ = full - base > _NOISE
    extra = np.zeros_like(base)
    order = np.argsort(-(full - base), axis=1)
    for row in np.flatnonzero(rows > 0).tolist():
        for _ in range(int(rows[row])):
            if not _augment(row, open_, extra, columns, order, set()):
                break  # only where floating-point noise ate a fraction
    return (base + extra)[:-1, :-1]


def _with_slack(exact: Floats) -> Floats:
    """Add a row and a column that lift every margin to a whole number."""
    rows, columns = exact.sum(axis=1), exact.sum(axis=0)
    full = np.zeros((exact.shape[0] + 1, exact.shape[1] + 1))
    full[:-1, :-1] = exact
    full[:-1, -1] = np.ceil(rows - _NOISE) - rows
    full[-1, :-1] = np.ceil(columns - _NOISE) - columns
    slack = full[:-1, -1].sum()
    full[-1, -1] = np.ceil(slack - _NOISE) - slack
    return np.maximum(full, 0.0)


def _augment(
    row: int,
    open_: npt.NDArray[np.bool_],
    extra: npt.NDArray[np.int64],
    left: npt.NDArray[np.int64],
    order: npt.NDArray[np.intp],
    seen: set[int],
) -> bool:
    """Give one more unit to a row, moving units of other rows where a column is full."""
    free = [c for c in order[row].tolist() if open_[row, c] and not extra[row, c] and c not in seen]
    for column in free:
        if left[column] > 0:
            extra[row, column] = 1
            left[column] -= 1
            return True
    for column in free:
        if column in seen:
            continue
        seen.add(column)
        for other in np.flatnonzero(extra[:, column]).tolist():
            extra[other, column] = 0
            extra[row, column] = 1
            if _augment(other, open_, extra, left, order, seen):
                return True
            extra[other, column] = 1
            extra[row, column] = 0
    return False
