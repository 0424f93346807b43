"""The plan database of a case: rectangles whose areas are those of the fact sheet.

Each town is a rectangle; its permanent basic farmland, other farmland, ecological redline and urban
development boundary are bands in it that do not overlap. The towns lie in two narrow columns along
the central meridian of their zone, where plane and ellipsoidal areas differ by less than a hectare
in a million: text and database agree by either.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas
import pyogrio
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from eval.review_corpus.facts import Facts

EPSG = 4547
_SOUTH = 3_300_000.0
_WIDTH = 9_000.0
LAYERS = {"basic": "YJJBNT", "farmland": "GDBHMB", "redline": "STBHHX", "boundary": "CZKFBJ"}


@dataclass
class Feature:
    """A row of a layer."""

    values: dict[str, Any]
    shape: BaseGeometry


@dataclass
class PlanDatabase:
    """Layers by name: XZQ_XZ, YJJBNT, GDBHMB, STBHHX, CZKFBJ and ZDXM (projects)."""

    layers: dict[str, list[Feature]] = field(default_factory=dict)

    def find(self, layer: str, key: str, value: str) -> Feature:
        """Return the first row of a layer with a value."""
        return next(row for row in self.layers[layer] if row.values[key] == value)


def plan_database(facts: Facts, plan: dict[str, Any]) -> PlanDatabase:
    """Draw the database of a fact sheet.

    Args:
        facts: Has the lists that the plan names.
        plan: `list` names the list of towns, `towns` maps area, farmland, basic, redline, boundary
            to its columns, `projects` names the list of projects (name, town, area).
    """
    database = PlanDatabase({name: [] for name in ("XZQ_XZ", *LAYERS.values(), "ZDXM")})
    rows = facts.lists[plan["list"]]
    columns = plan["towns"]
    width = _WIDTH
    edges = [_SOUTH, _SOUTH]
    free: dict[str, tuple[float, float]] = {}
    for index, row in enumerate(rows):
        side = index % 2
        west = 500_000.0 - width + side * width
        south = edges[side]
        height = row[columns["area"]] * 1e4 / width
        town = {"XZQMC": row["name"], "MJ": row[columns["area"]]}
        database.layers["XZQ_XZ"].append(
            Feature(town, box(west, south, west + width, south + height))
        )
        edges[side] = south + height
        at = south
        parts = [
            ("basic", row[columns["basic"]]),
            ("other", row[columns["farmland"]] - row[columns["basic"]]),
        ]
        parts += [("redline", row[columns["redline"]]), ("boundary", row[columns["boundary"]])]
        for role, area in parts:
            top = at + area * 1e4 / width
            shape = box(west, at, west + width, top)
            values = {"XZQMC": row["name"], "MJ": area}
            if role in ("basic", "other"):
                database.layers["GDBHMB"].append(
                    Feature(values | {"YJJBNT": role == "basic"}, shape)
                )
            if role != "other":
                database.layers[LAYERS[role]].append(Feature(values, shape))
            at = top
        free[row["name"]] = (west + 400.0, at + 20.0)
    for row in facts.lists[plan["projects"]]:
        west, south = free[row["town"]]
        side_length = (row["area"] * 1e4) ** 0.5
        free[row["town"]] = (west + side_length + 50.0, south)
        values = {"XMMC": row["name"], "XZQMC": row["town"], "MJ": row["area"]}
        database.layers["ZDXM"].append(
            Feature(values, box(west, south, west + side_length, south + side_length))
        )
    return database


def write_database(database: PlanDatabase, folder: Path) -> None:
    """Write one GeoPackage for each layer; equal rows give equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-01-01T00:00:00.000Z"})
    try:
        for name, rows in database.layers.items():
            values: list[dict[str, Any]] = [dict(row.values) for row in rows]
            frame = geopandas.GeoDataFrame(values, geometry=[row.shape for row in rows], crs=EPSG)
            path = folder / f"{name}.gpkg"
            path.unlink(missing_ok=True)
            frame.to_file(path, layer=name, driver="GPKG", engine="pyogrio")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
