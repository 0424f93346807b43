"""A plan database of a few boxes, for the examples of checks."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import shapely

from agents.review.database.plan import PlanDatabase, kind_of, make_layer

EPSG = 4547
UNIT_M = 100.0
"""A box of 1 × 1 is one hectare."""
ORIGIN = (500_000.0, 3_400_000.0)


def example_database(layers: Mapping[str, tuple[dict[str, Any], ...]]) -> PlanDatabase:
    """Return a database of layers by name; each feature has a `box` (west, south, east, north) and fields."""
    database = PlanDatabase("database", EPSG)
    for name, features in layers.items():
        known = kind_of(name)
        assert known is not None, f"no kind of layer is called {name}"
        fields = dict.fromkeys(field for feature in features for field in feature if field != "box")
        database.held[known[0].role] = make_layer(
            known[0], name, f"database/{name}.gpkg", EPSG, list(range(1, len(features) + 1)),
            np.array([_box(feature["box"]) for feature in features], dtype=object),
            {field: [feature.get(field) for feature in features] for field in fields},
        )  # fmt: skip
    return database


def _box(corners: list[float]) -> shapely.Polygon:
    west, south, east, north = (value * UNIT_M for value in corners)
    x, y = ORIGIN
    return shapely.box(x + west, y + south, x + east, y + north)
