"""What a plan database says in figures: areas of layers, wholly or in a town, and where two layers meet.

Slivers: a patch below `SLIVER_M2` or narrower than `SLIVER_WIDTH_M` is a matter of drawing and counts
nothing. Both are the project's own choice; 200 m² is the smallest built-up parcel that the national
land survey draws (TD/T 1055, from memory).
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from agents.review.database.plan import TOWN, VILLAGE, Layer, PlanDatabase
from agents.review.quantities.find import Value
from agents.review.words import said
from tools.compliance.overlay import is_areal, polygonal
from tools.compliance.patches import patches

SLIVER_M2 = 200.0
SLIVER_WIDTH_M = 1.0


@dataclass(frozen=True)
class Measured:
    """An area of the database, by each way in which a plan may state it, in square metres."""

    layer: Layer
    rows: tuple[int, ...]
    ellipsoidal: float
    planar: float
    stated: tuple[float, ...] = ()
    """Sum of the area field, in each unit that it may have; empty where a feature has none."""

    @property
    def ways(self) -> tuple[float, ...]:
        """All areas that are right to state."""
        return (self.ellipsoidal, *self.stated, self.planar)

    def agrees(self, low: Fraction, high: Fraction, slack: Fraction) -> bool:
        """Say whether a stated area is one of these."""
        return any(float(low - slack) <= way <= float(high + slack) for way in self.ways)

    @property
    def best(self) -> float:
        """The area that the database states, the ellipsoidal one where it states none for certain."""
        return self.stated[0] if len(self.stated) == 1 else self.ellipsoidal

    @property
    def told(self) -> str:
        """How the area was measured, in words."""
        told = f"椭球面积 {hectares(self.ellipsoidal)}"
        if len(self.stated) == 1:
            told += f"，属性面积 {hectares(self.stated[0])}"
        return f"图层 {self.layer.name}（{self.layer.kind.title}）{len(self.rows)} 个要素，{told}"


def hectares(area_m2: float) -> str:
    """Return an area as findings tell it."""
    return f"{area_m2 / 10_000:.4f} 公顷" if area_m2 < 1e6 else f"{area_m2 / 10_000:.2f} 公顷"


def database_area(area_m2: float, like: Value) -> str:
    """Return an area of the database in the unit of a figure of the text, and in hectares."""
    told = said(Fraction(area_m2), like)
    return told if like.unit.strip() == "公顷" else f"{told}（{hectares(area_m2)}）"


def measured(layer: Layer, rows: list[int]) -> Measured:
    """Measure some features of a layer."""
    stated = layer.stated[rows]
    whole = len(rows) > 0 and bool(np.isfinite(stated).all())
    return Measured(
        layer, tuple(rows), float(layer.areas_m2[rows].sum()), float(shapely.area(layer.geometries[rows]).sum()),
        tuple(float(stated.sum()) * unit for unit in layer.units_m2) if whole else (),
    )  # fmt: skip


def area_of(
    database: PlanDatabase, role: str, *, town: str = "", kinds: tuple[str, ...] = ()
) -> list[Measured]:
    """Return the area of a layer, in each way in which its part in a town may be taken.

    Args:
        database: The plan database.
        role: What the layer is.
        town: A town of the database; empty: the whole.
        kinds: Beginnings of the kinds of features that count; none: all.

    Returns:
        Nothing where the database does not hold the layer.
    """
    key = (role, town, kinds)
    if key not in database.cache:
        database.cache[key] = list(_areas(database, role, town, kinds))
    found: list[Measured] = database.cache[key]
    return found


def _areas(database: PlanDatabase, role: str, town: str, kinds: tuple[str, ...]) -> list[Measured]:
    layer = database.layer(role)
    if role == "county":
        return _territory(database, town)
    if layer is None:
        return []
    rows = [
        row
        for row in range(len(layer))
        if layer.areas_m2[row] > 0 and (not kinds or layer.kinds[row].startswith(kinds))
    ]
    if not rows:
        return []
    if not town:
        return [measured(layer, rows)]
    found = []
    if any(layer.towns):
        found.append(measured(layer, [row for row in rows if layer.towns[row] == town]))
    outline = database.outline(town)
    near = sorted(set(layer.near(outline)) & set(rows))
    pieces = [polygonal(g) for g in shapely.intersection(layer.geometries[near], outline)]
    total = sum(patches(piece, database.epsg, 0.0).total_m2 for piece in pieces)
    planar = float(sum(piece.area for piece in pieces))
    return [*found, Measured(layer, tuple(near), total, planar)]


def _territory(database: PlanDatabase, town: str) -> list[Measured]:
    if town:
        return [measured(database.towns[town][0], [database.towns[town][1]])]
    county = database.layer("county")
    if county is not None:
        whole = [
            row
            for row, name in enumerate(county.names)
            if not TOWN.search(name) and not VILLAGE.search(name) and county.areas_m2[row] > 0
        ]
        if len(whole) == 1 or (whole and len(set(county.names)) == 1):
            return [measured(county, whole)]
    towns = database.layer("town")
    return [] if towns is None else [measured(towns, list(range(len(towns))))]


@dataclass(frozen=True)
class Overlap:
    """What a geometry shares with a layer, or leaves outside of it."""

    layer: Layer
    rows: tuple[int, ...]
    """Features that take part, the largest part first."""
    area_m2: float
    patches: int


def inside(database: PlanDatabase, geometry: BaseGeometry, layer: Layer) -> Overlap:
    """Measure what a geometry shares with a layer; shared places count once. Lines and points have no area."""
    rows = layer.near(geometry)
    if shapely.get_dimensions(geometry) < 2:
        return Overlap(layer, tuple(rows), 0.0, 0)
    pieces = [polygonal(g) for g in shapely.intersection(layer.geometries[rows], geometry)]
    order = sorted(range(len(rows)), key=lambda i: -pieces[i].area)
    return _counted(
        database, layer, shapely.union_all(pieces), [rows[i] for i in order if pieces[i].area > 0]
    )


def outside(database: PlanDatabase, geometry: BaseGeometry, layer: Layer) -> Overlap:
    """Measure what a geometry leaves outside of a layer."""
    rows = layer.near(geometry)
    around = shapely.union_all(layer.geometries[rows])
    return _counted(database, layer, polygonal(shapely.difference(geometry, around)), rows)


def between(database: PlanDatabase, one: Layer, other: Layer) -> tuple[Overlap, Overlap]:
    """Measure where two layers lie over each other, as seen from each."""
    first, second = one.tree.query(other.geometries, predicate="intersects")[::-1]
    polygons = is_areal(one.geometries[first]) & is_areal(other.geometries[second])
    first, second = first[polygons], second[polygons]
    pieces = [
        polygonal(g) for g in shapely.intersection(one.geometries[first], other.geometries[second])
    ]
    shared = shapely.union_all(pieces)
    kept = [i for i in np.argsort([-p.area for p in pieces]) if _patches(database, pieces[i])[0]]
    return (
        _counted(database, one, shared, list(dict.fromkeys(int(first[i]) for i in kept))),
        _counted(database, other, shared, list(dict.fromkeys(int(second[i]) for i in kept))),
    )


def share_by(geometry: BaseGeometry, outlines: dict[str, BaseGeometry]) -> dict[str, float]:
    """Return which share of a geometry lies in each of some areas; one of 0 is left out."""
    size = _size(geometry)
    whole = size(geometry)
    shares = {name: size(shapely.intersection(geometry, area)) for name, area in outlines.items()}
    return {name: share / whole for name, share in shares.items() if share > 0 and whole > 0}


def _size(geometry: BaseGeometry) -> Callable[[BaseGeometry], float]:
    dimension = shapely.get_dimensions(geometry)
    if dimension == 2:
        return lambda g: float(g.area)
    if dimension == 1:
        return lambda g: float(g.length)
    return lambda g: float(shapely.get_num_geometries(g)) if not g.is_empty else 0.0


def _counted(
    database: PlanDatabase, layer: Layer, shared: BaseGeometry, rows: list[int]
) -> Overlap:
    count, area = _patches(database, shared)
    return Overlap(layer, tuple(rows), area, count)


def _patches(database: PlanDatabase, shape: BaseGeometry) -> tuple[int, float]:
    """Count the patches that are no slivers, with their area."""
    found = patches(shape, database.epsg, SLIVER_M2)
    if not len(found.polygons):
        return 0, 0.0
    widths = 2 * shapely.area(found.polygons) / shapely.length(found.polygons)
    wide = widths >= SLIVER_WIDTH_M
    return int(wide.sum()), float(found.areas_m2[wide].sum())
