"""Mend geometries for checks that measure them; what was wrong is the geometry checks' finding."""

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely


def mended(geometries: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """Return valid geometries; None for one with coordinates that are no finite numbers."""
    wrong = np.flatnonzero(~shapely.is_valid(geometries))
    if not len(wrong):
        return geometries
    made: npt.NDArray[np.object_] = geometries.copy()
    for at in wrong:
        finite = np.isfinite(shapely.get_coordinates(made[at])).all()
        made[at] = shapely.make_valid(made[at]) if finite else None
    return made
