"""Connected patches of a raster and their area."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.steps import PatchStep
from tools.raster.plan import Thresholds

UNIT_M2 = {"km²": 1e6, "ha": 1e4, "亩": 10_000 / 15}
_ROWS = 2048
_EIGHT = np.ones((3, 3), dtype=np.uint8)


def patch_areas(inside: npt.NDArray[np.bool_], cell_m2: float) -> npt.NDArray[np.float64]:
    """Return for every cell the area, m², of the patch it is in; 0 outside.

    Cells that touch at a corner are connected.
    """
    labels, areas = labelled(inside, cell_m2)
    return np.asarray(areas[labels])


def labelled(
    inside: npt.NDArray[np.bool_], cell_m2: float
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Return the patch of every cell, 0 outside, and the area by patch, m², 0 for 0."""
    from scipy import ndimage

    labels = np.empty(inside.shape, np.int32)
    count = ndimage.label(inside, structure=_EIGHT, output=labels)
    cells = np.zeros(count + 1, np.int64)
    for first in range(0, len(labels), _ROWS):
        cells += np.bincount(labels[first : first + _ROWS].ravel(), minlength=count + 1)
    areas = cells.astype(np.float64) * cell_m2
    areas[0] = 0.0
    return labels, areas


def area_grades(step: PatchStep, cell_m2: float) -> Thresholds:
    """Return the grades of a step as thresholds in m² that lie on whole numbers of cells.

    Dividing an area by the unit and multiplying a break by it round differently: the least number of cells
    that passes is found with the division, as the arrays do it.
    """
    unit = UNIT_M2[step.unit]
    least: dict[int, int] = {}
    for bound, grade in zip(step.breaks, step.grades[1:], strict=True):

        def passes(cells: int, bound: float = bound) -> bool:
            area = cells * cell_m2 / unit
            return area > bound if step.closed == "right" else area >= bound

        cells = max(int(bound * unit / cell_m2) - 2, 1)
        while not passes(cells):
            cells += 1
        least[cells] = grade  # of breaks within one cell the highest counts
    return Thresholds(
        bounds=tuple(cells * cell_m2 for cells in least),
        scores=(step.grades[0], *least.values()),
        closed="left",
    )


def graded(
    values: Any, breaks: tuple[float, ...], closed: str, grades: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Grade numbers by breaks; NaN gives 0.

    Args:
        values: Any shape.
        breaks: Rising.
        closed: right: a value equal to a break belongs to the class below it.
        grades: One more than breaks.
    """
    numbers = np.asarray(values)
    place = np.digitize(numbers, np.asarray(breaks), right=closed == "right")
    known = np.isfinite(numbers)
    return np.where(known, np.asarray(grades, dtype=np.uint8)[np.where(known, place, 0)], 0).astype(
        np.uint8
    )
