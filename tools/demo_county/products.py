"""The county's products and how they depend on each other.

A product is a function; its parameters name the products that it is made from (`setting` is given).
A layer is a product that is also written to the county's folder, and a document is a text that is.
To add a layer, add a file to `tools/demo_county/layers/` with one function under `@layer`: nothing
else has to change, and the random numbers of the other layers stay as they are.
"""

import importlib
import inspect
import pkgutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import CodeScheme

FRAME_KM = (30.0, 25.0)
"""Width and height of the frame that the county lies in."""


@dataclass(frozen=True)
class Setting:
    """What the whole county is made from.

    Attributes:
        seed: Equal seeds give equal counties.
        parcels: Number of land-use parcels at least.
        density: Correction of the parcels' size, raised when a first try had too few.
    """

    seed: int
    parcels: int
    density: float = 1.0
    epsg: int = 4547
    south_west: tuple[float, float] = (560_000.0, 3_370_000.0)
    region_code: str = "990101"
    region_name: str = "示例县"
    date: str = "2025-12-31"

    @property
    def scale(self) -> float:
        """Length factor against the 30,000-parcel county: fewer parcels are larger ones."""
        return float(np.sqrt(30_000 / (self.parcels * self.density)))

    @property
    def cell(self) -> float:
        """Cell of the grids, m: 30, and 60 for a small county."""
        return 30.0 if self.parcels >= 10_000 else 60.0

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """minx, miny, maxx, maxy in m."""
        x, y = self.south_west
        return x, y, x + FRAME_KM[0] * 1000, y + FRAME_KM[1] * 1000

    def at(self, u: float, v: float) -> tuple[float, float]:
        """Map coordinates of a place given in km from the frame's south-west corner."""
        return self.south_west[0] + u * 1000, self.south_west[1] + v * 1000

    def rng(self, name: str) -> np.random.Generator:
        """A random generator of a product's own: other products do not shift its numbers."""
        return np.random.default_rng([self.seed, zlib.crc32(name.encode())])


@dataclass(frozen=True)
class VectorLayer:
    """A vector layer as it is written; every feature gets BZ = 合成数据.

    Attributes:
        fields: Attribute name to GeoPackage type.
        columns: A Python value per feature for every field.
    """

    geometry: Literal["polygon", "line", "point"]
    geometries: NDArray[np.object_]
    fields: Mapping[str, str]
    columns: Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class RasterLayer:
    """A raster layer as it is written: row 0 is the north, cells are square.

    Attributes:
        west, north: Outer corner of the first cell, m.
        cell: Cell size, m.
    """

    values: NDArray[Any]
    west: float
    north: float
    cell: float
    unit: str
    nodata: float = -9999.0


@dataclass(frozen=True)
class LayerInfo:
    """What the catalogue says about a layer."""

    role: str
    name: str
    title: str
    id_field: str | None = None
    code_field: str | None = None
    name_field: str | None = None
    code_scheme: CodeScheme = "none"
    secrecy: Secrecy = Secrecy.PUBLIC
    folder: str = ""
    """Of a catalogue of its own below the county's, e.g. an earlier version of the plan."""
    date: str | None = None
    """As-of date where it is not the county's."""


@dataclass(frozen=True)
class Product:
    """A registered product."""

    make: Callable[..., Any]
    needs: tuple[str, ...]
    info: LayerInfo | None = None
    path: str | None = None
    """Of a document, below the county's folder."""


_PRODUCTS: dict[str, Product] = {}


def product(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function under its own name."""
    return _register(function)


def layer(info: LayerInfo) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that returns a VectorLayer or a RasterLayer."""
    return lambda function: _register(function, info=info)


def document(path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function that returns the bytes of a file that goes with the layers."""
    return lambda function: _register(function, path=path)


def _register(
    function: Callable[..., Any], *, info: LayerInfo | None = None, path: str | None = None
) -> Callable[..., Any]:
    name = function.__name__
    known = _PRODUCTS.get(name)
    assert known is None or known.make.__module__ == function.__module__, f"{name} twice"
    needs = tuple(inspect.signature(function).parameters)
    _PRODUCTS[name] = Product(function, needs, info, path)
    return function


def layers() -> dict[str, LayerInfo]:
    """All layers by product name, in the order of their modules' names."""
    _load()
    return {name: item.info for name, item in _PRODUCTS.items() if item.info}


def documents() -> dict[str, str]:
    """Paths of all documents by product name."""
    _load()
    return {name: item.path for name, item in _PRODUCTS.items() if item.path}


def _load() -> None:
    from tools.demo_county import layers as package

    for module in sorted(m.name for m in pkgutil.iter_modules(package.__path__)):
        importlib.import_module(f"{package.__name__}.{module}")


@dataclass
class Build:
    """One county being made: each product once, when it is first asked for."""

    setting: Setting
    made: dict[str, Any] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def get(self, name: str) -> Any:
        """Return a product, making it and what it needs."""
        if name == "setting":
            return self.setting
        if name not in self.made:
            assert name not in self._open, f"products depend on each other: {self._open} -> {name}"
            item = _PRODUCTS[name]
            self._open.append(name)
            parts = {need: self.get(need) for need in item.needs}
            self.made[name] = item.make(**parts)
            self._open.pop()
        return self.made[name]
