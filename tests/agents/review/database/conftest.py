"""Small plan databases on disk."""

import numpy as np
import shapely

from tools.demo_county.geopackage import GeoPackage

X, Y = 500_000.0, 3_400_000.0


def box(west, south, east, north):
    """Return a box in units of 100 m: 1 × 1 is a hectare."""
    return shapely.box(X + west * 100, Y + south * 100, X + east * 100, Y + north * 100)


def write(path, layers, *, epsg=4547, geometry="POLYGON"):
    path.parent.mkdir(exist_ok=True, parents=True)
    with GeoPackage(path, epsg=epsg) as package:
        for name, (boxes, columns) in layers.items():
            fields = dict.fromkeys(columns, "TEXT(100)") | (
                {"MJ": "REAL"} if "MJ" in columns else {}
            )
            with package.table(name, geometry=geometry, fields=fields) as table:
                table.add(np.array(boxes, dtype=object), columns)
    return path
