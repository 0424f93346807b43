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
        made[at] = _valid(made[at]) if finite else None
    return made


def mended_polygons(shape: Any) -> Any:
    """Return the polygons of an invalid one; none where it has not even finite coordinates."""
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        return shapely.MultiPolygon()
    parts = shapely.get_parts(shapely.get_parts(_valid(shape)))
    return shapely.MultiPolygon([p for p in parts if p.geom_type == "Polygon" and not p.is_empty])


def _valid(shape: Any) -> Any:
    """Keep what the rings enclose: the one rule for every check, so that they agree."""
    return shapely.make_valid(shape, method="structure", keep_collapsed=False)
