"""The layers of a plan database by what they are: features in one metric system, with their figures."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
import yaml
from shapely.geometry.base import BaseGeometry

from cspon.schemas.base import Frozen
from cspon.schemas.review import NotReviewed, Place
from tools.compliance.overlay import mended, polygonal
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layer_health import UNITS_M2

FILE = Path(__file__).with_name("layers.yaml")
_CODE = re.compile(r"^\d{6,12}[_\-]?")
_REGION = re.compile(
    r"^[一-鿿]{2,9}?[县市区镇乡](?=永久|生态|城[镇市]|规划|重点|重大|行政|中心|自然|历史)"
)
_YEAR = re.compile(r"[_\-（(]?((?:19|20)\d\d)年?[）)]?$")
_UNIT = re.compile(
    r"[（(\[_]\s*(?:公顷|平方米|平方千米|亩|ha|hm2|m2|㎡)\s*[）)\]]?$", re.IGNORECASE
)
TOWN = re.compile(r"(?:镇|乡|街道|苏木)(?:办事处)?$")
MOST_APART = 0.3
"""Share by which stated and measured areas of one unit may differ; the units are further apart."""
VILLAGE = re.compile(r"(?:村|社区|嘎查|居委会|村委会)$")


class LayerKind(Frozen):
    """A kind of layer and how files call it."""

    role: str
    title: str
    names: tuple[str, ...]
    words: str
    needed: bool = False


class _Fields(Frozen):
    name: dict[str, tuple[str, ...]]
    id: tuple[str, ...]
    town: tuple[str, ...]
    area: tuple[str, ...]
    kind: dict[str, tuple[str, ...]]


class _Said(Frozen):
    layers: tuple[LayerKind, ...]
    fields: _Fields


@cache
def _said() -> _Said:
    return _Said.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def layer_kinds() -> dict[str, LayerKind]:
    """Return the kinds of layers by role."""
    return {kind.role: kind for kind in _said().layers}


def kind_of(name: str) -> tuple[LayerKind, int] | None:
    """Return what a layer is by its name, with the year behind the name (0 without); None: unknown."""
    bare = _CODE.sub("", name.strip())
    year = _YEAR.search(bare)
    bare = _REGION.sub("", _YEAR.sub("", bare))
    for kind in _said().layers:
        if bare.upper() in (n.upper() for n in kind.names) or re.fullmatch(kind.words, bare):
            return kind, int(year[1]) if year else 0
    return None


def columns_of(role: str, held: tuple[str, ...]) -> dict[str, str]:
    """Return which field of a layer is its name, id, town, area and kind, as far as there is one."""
    fields = _said().fields
    bare = {_UNIT.sub("", name.strip()).upper(): name for name in reversed(held)}
    wanted = {
        "name": fields.name.get(role, fields.name["default"]), "id": fields.id, "town": fields.town,
        "area": fields.area, "kind": fields.kind.get(role, fields.kind["default"]),
    }  # fmt: skip
    found = {
        use: next((bare[n.upper()] for n in names if n.upper() in bare), "")
        for use, names in wanted.items()
    }
    return {use: name for use, name in found.items() if name}


@dataclass(frozen=True)
class Layer:
    """Features of a layer: parallel arrays, one element a feature."""

    kind: LayerKind
    name: str
    """As the file calls it."""
    file: str
    """Inside the submission, such as `database/STBHHX.gpkg`."""
    fids: tuple[int, ...]
    geometries: npt.NDArray[np.object_]
    names: tuple[str, ...]
    ids: tuple[str, ...]
    towns: tuple[str, ...]
    kinds: tuple[str, ...]
    areas_m2: npt.NDArray[np.float64]
    """Ellipsoidal; 0 for what is no polygon."""
    stated: npt.NDArray[np.float64]
    """As the area field states them; NaN without."""
    units_m2: tuple[float, ...]
    """Square metres of the area field's unit; several where the geometries do not tell which."""
    repaired: int = 0
    dropped: int = 0
    """Features without a usable geometry."""

    def __len__(self) -> int:
        return len(self.fids)

    def place(self, row: int | None = None) -> Place:
        """Return the layer, or one feature of it, as others are told it."""
        if row is None:
            return Place(file=self.file, quote=self.kind.title, feature=self.name)
        name, identity = self.names[row], self.ids[row]
        told = f"{self.name}/{self.fids[row]}" + f" {name}" * bool(name)
        told += f" {self.towns[row]}" * bool(self.towns[row] and not name)
        told += f"（{identity}）" * bool(identity)
        return Place(file=self.file, quote=name, feature=told)

    @cached_property
    def tree(self) -> shapely.STRtree:
        """Index of the geometries."""
        return shapely.STRtree(self.geometries)

    def near(self, geometry: BaseGeometry) -> list[int]:
        """Return the rows whose features meet a geometry."""
        return sorted(int(row) for row in self.tree.query(geometry, predicate="intersects"))


def make_layer(
    kind: LayerKind, name: str, file: str, epsg: int, fids: list[int],
    geometries: npt.NDArray[np.object_], columns: Mapping[str, list[Any]],
) -> Layer:  # fmt: skip
    """Measure features and tell their fields apart.

    Args:
        kind: What the layer is.
        name: As the file calls it.
        file: Its place in the submission.
        epsg: Metric system of the geometries.
        fids: Ids of the features.
        geometries: None where there is none.
        columns: Values by field.

    Raises:
        InputError: coordinates that no projection holds.
    """
    used = columns_of(kind.role, tuple(columns))
    kept = [i for i, g in enumerate(geometries) if g is not None and not g.is_empty]
    shapes, broken = mended(geometries[kept])
    areas = ellipsoidal_areas_m2(shapes, epsg)

    def texts(use: str) -> tuple[str, ...]:
        values = columns[used[use]] if use in used else [None] * len(fids)
        return tuple("" if values[i] is None else str(values[i]).strip() for i in kept)

    stated = np.array([_number(text) for text in texts("area")], dtype=np.float64)
    usable = np.isfinite(stated) & (stated > 0) & (areas > 0)
    units = _units(stated[usable] / areas[usable])
    return Layer(
        kind, name, file, tuple(fids[i] for i in kept), shapes, texts("name"), texts("id"), texts("town"),
        texts("kind"), areas, stated, units, len(broken), len(fids) - len(kept),
    )  # fmt: skip


def _units(ratios: npt.NDArray[np.float64]) -> tuple[float, ...]:
    """Return the unit in which stated areas come near the measured ones; all where none does.

    They need not be equal: the stated area of farmland may be without its ridges (田坎).
    """
    ratio = float(np.median(ratios)) if len(ratios) else 0.0
    near = tuple(unit for unit in UNITS_M2.values() if abs(ratio * unit - 1) <= MOST_APART)
    return near or tuple(UNITS_M2.values())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


Load = Callable[[], Layer]


@dataclass
class PlanDatabase:
    """A plan database; layers are read when they are first asked for."""

    name: str
    epsg: int
    loads: Mapping[str, Load] = field(default_factory=dict)
    """Readers of layers by role."""
    notices: tuple[NotReviewed, ...] = ()
    """What cannot be looked at, known from the start."""
    held: dict[str, Layer] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict)
    """What several checks compute once."""
    remarks: dict[str, str] = field(default_factory=dict)
    """What checks could not look at, and why."""

    def layer(self, role: str) -> Layer | None:
        """Return a layer by role; None where there is none or it holds nothing.

        Raises:
            InputError: it cannot be read.
        """
        if role not in self.held and role in self.loads:
            self.held[role] = self.loads[role]()
        layer = self.held.get(role)
        return layer if layer is not None and len(layer) else None

    @cached_property
    def towns(self) -> dict[str, tuple[Layer, int]]:
        """Towns by name; one that stands there twice is left out."""
        found: dict[str, list[tuple[Layer, int]]] = {}
        for role in ("town", "county"):
            layer = self.layer(role)
            for row, name in enumerate(layer.names if layer else ()):
                if layer is not None and TOWN.search(name) and layer.areas_m2[row] > 0:
                    found.setdefault(name, []).append((layer, row))
            if found:
                break
        return {name: rows[0] for name, rows in found.items() if len(rows) == 1}

    def outline(self, town: str) -> BaseGeometry:
        """Return the area of a town."""
        layer, row = self.towns[town]
        return polygonal(layer.geometries[row])

    def find(self, place: Place) -> tuple[Layer, int] | None:
        """Return the feature of a place, where its layer has been read."""
        for layer in self.held.values():
            match = re.match(rf"{re.escape(layer.name)}/(\d+)(?:\D|$)", place.feature)
            if match and place.file == layer.file and int(match[1]) in layer.fids:
                return layer, layer.fids.index(int(match[1]))
        return None

    def told(self) -> list[NotReviewed]:
        """Return what was not looked at, after the checks have run."""
        found = list(self.notices)
        found += [NotReviewed(what=what, why=why) for what, why in self.remarks.items()]
        county = self.held.get("county")
        if "town" not in (*self.loads, *self.held) and not any(
            TOWN.search(name) for name in (county.names if county else ())
        ):
            why = "没有乡级行政区，分乡镇的指标和项目所在乡镇未与数据库核对"
            found.append(NotReviewed(what=self.name, why=why))
        for layer in self.held.values():
            what = f"{layer.file} 的图层 {layer.name}"
            if layer.dropped:
                found.append(NotReviewed(what=what, why=f"{layer.dropped} 个要素没有可用的图形"))
            if layer.repaired:
                found.append(
                    NotReviewed(what=what, why=f"{layer.repaired} 个要素的图形无效，修复后核对")
                )
        return found
