"""What one call reads: the catalogue's roads, scope and demand, and what it lacks."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.accessibility.definition import Codes
from tools.accessibility.network import Floats
from tools.accessibility.parameters import network_parameters
from tools.accessibility.roads import ROLE, Roads, read_roads
from tools.feature_table import columns_of, read_table
from tools.geometry.area import ellipsoidal_areas_m2
from tools.geometry.crs import METRIC_MEND, describe, reproject, zone_of
from tools.geometry.read import read_boundary
from tools.layers import layer_by_role, load_catalogue, read_windows

PEOPLE_FIELDS = ("RKS", "population")
_LAND_USE = "land_use"


@dataclass(frozen=True)
class DemandPlaces:
    """Places whose ways are measured: parallel arrays."""

    geometries: npt.NDArray[np.object_]
    """Polygons clipped to the scope, or points of people."""
    points: npt.NDArray[np.object_]
    weights: Floats
    """Hectares or people."""
    fids: npt.NDArray[np.int64]


@dataclass
class Place:
    """One place's layers; remembers which were used and what was noticed."""

    folder: Path
    catalogue: LayerCatalogue
    epsg: int
    used: dict[str, LayerSpec] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def secrecy(self) -> Secrecy:
        """The highest level of the layers used."""
        return max(
            (s.secrecy for s in self.used.values()), key=lambda s: s.rank, default=Secrecy.PUBLIC
        )

    def layer(self, role: str) -> LayerSpec | None:
        """Return the layer of a role and remember it.

        Raises:
            InputError: its coordinates are not those of the roads, in metres.
        """
        spec = layer_by_role(self.catalogue, role)
        if spec is None:
            return None
        if zone_of(spec.epsg) is None or spec.epsg != self.epsg:
            raise InputError(
                f"图层“{spec.title}”的坐标系是 {describe(spec.epsg)}，可达性评价要求各图层同为以米为单位的"
                f" {describe(self.epsg)}",
                file=spec.path,
                layer=spec.name,
                field="epsg",
                mend=METRIC_MEND,
            )
        self.used[spec.role] = spec
        return spec


def open_place(folder: Path) -> Place:
    """Read the catalogue."""
    catalogue = load_catalogue(folder)
    return Place(folder, catalogue, catalogue.epsg)


def roads_of_place(place: Place) -> Roads | None:
    """Read the roads, or say that they are missing."""
    spec = place.layer(ROLE)
    if spec is None:
        place.missing.append(f"道路中心线图层（角色 {ROLE}）：不以直线或圆代替路网")
        return None
    roads, notices = read_roads(spec, place.folder, network_parameters())
    place.notices += notices
    return roads


def scope_of(
    place: Place, role: str, boundary: Path | None, whole: bool
) -> tuple[BaseGeometry | None, str]:
    """Return the area of the measure (None: everything) and its name.

    Args:
        place: With the catalogue.
        role: Layer that is the scope by definition.
        boundary: A file that the user gives instead.
        whole: Everything that the layers hold.
    """
    if boundary is not None:
        given = read_boundary(boundary)
        place.notices += given.notices
        area = reproject(given.geometry, given.epsg, place.epsg)
        return area, f"{given.name}（用户给定范围）"
    if whole:
        return None, "全部图层范围"
    spec = place.layer(role)
    if spec is None:
        place.notices.append(f"没有角色为 {role} 的图层，按全部图层范围计算")
        return None, "全部图层范围"
    parts = [w.geometries for w in read_table(spec, place.folder, None)]
    if not parts:
        raise InputError(
            f"图层“{spec.title}”没有要素，不能作为评价范围", file=spec.path, layer=spec.name,
            mend="补充该图层，或用 --scope 给出范围文件",
        )  # fmt: skip
    return shapely.union_all(shapely.make_valid(np.concatenate(parts))), spec.title


def parcels(
    place: Place, codes: Codes, scope: BaseGeometry | None, what: str
) -> DemandPlaces | None:
    """Read land-use parcels by code, clipped to the scope; says what is missing.

    Args:
        place: With the catalogue.
        codes: Beginnings of codes by scheme.
        scope: Or None for all.
        what: What they are for, in words.
    """
    spec = place.layer(_LAND_USE)
    if spec is None:
        place.missing.append(f"{what}：缺少地类图斑图层（角色 {_LAND_USE}）")
        return None
    wanted = codes.get(spec.code_scheme)
    if wanted is None:
        place.missing.append(f"{what}：定义中没有按 {spec.code_scheme} 分类的地类编码")
        return None
    window = scope if scope is not None else shapely.box(-1e12, -1e12, 1e12, 1e12)
    found_geometries: list[BaseGeometry] = []
    found_fids: list[int] = []
    for features in read_windows(spec, place.folder, window):
        chosen = np.array([code.startswith(wanted) for code in features.codes.tolist()], dtype=bool)
        chosen &= shapely.get_dimensions(features.geometries) == 2
        found_geometries += features.geometries[chosen].tolist()
        found_fids += features.fids[chosen].tolist()
    geometries = np.array(found_geometries, dtype=object)
    fids = np.array(found_fids, dtype=np.int64)
    broken = ~shapely.is_valid(geometries)
    if broken.any():
        geometries[broken] = shapely.make_valid(geometries[broken])
        first = fids[np.flatnonzero(broken)[0]]
        place.notices.append(
            f"地类图斑图层 {spec.name} 有 {int(broken.sum())} 个{what}图斑自相交，已修复，第一个是要素 {first}"
        )
    if scope is not None and len(geometries):
        geometries = _clipped(geometries, scope)
    geometries = _polygons_only(geometries)
    area = ellipsoidal_areas_m2(geometries, place.epsg) / 10_000 if len(geometries) else np.empty(0)
    keep = area > 0
    geometries, fids, area = geometries[keep], fids[keep], area[keep]
    points = np.asarray(shapely.point_on_surface(geometries), dtype=object)
    return DemandPlaces(geometries, points, area, fids)


def _polygons_only(geometries: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Drop the points and lines that repairing and clipping leave beside polygons."""
    result = geometries.copy()
    mixed = shapely.get_type_id(geometries) == shapely.GeometryType.GEOMETRYCOLLECTION
    for k in np.flatnonzero(mixed).tolist():
        parts = shapely.get_parts(geometries[k])
        result[k] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    return result


def _clipped(geometries: npt.NDArray[np.object_], scope: BaseGeometry) -> npt.NDArray[np.object_]:
    shapely.prepare(scope)
    inside = shapely.contains_properly(scope, geometries)
    clipped = geometries.copy()
    clipped[~inside] = shapely.intersection(geometries[~inside], scope)
    return clipped


def people(place: Place, scope: BaseGeometry | None) -> DemandPlaces | None:
    """Read points of population inside the scope; says what is missing.

    Raises:
        InputError: a number of people that is no number, or negative.
    """
    spec = place.layer("population")
    if spec is None:
        place.missing.append("人口分布图层（角色 population）")
        return None
    name = next((c for c in PEOPLE_FIELDS if c in columns_of(spec, place.folder)), None)
    if name is None:
        place.missing.append(
            f"人口分布图层“{spec.title}”没有人口数字段（{'、'.join(PEOPLE_FIELDS)}）"
        )
        return None
    windows = list(read_table(spec, place.folder, scope, (name,)))
    fids = np.concatenate([np.empty(0, np.int64), *(w.fids for w in windows)])
    geometries = np.concatenate([np.empty(0, object), *(w.geometries for w in windows)])
    values = [v for w in windows for v in w.columns[name]]
    counts = np.zeros(len(values))
    for row, value in enumerate(values):
        try:
            counts[row] = float(0 if value is None else value)
            wrong = not 0 <= counts[row] < np.inf
        except (TypeError, ValueError):
            wrong = True
        if wrong:
            raise InputError(
                f"要素 {fids[row]} 的人口数“{value}”不是非负数",
                file=spec.path,
                layer=spec.name,
                field=name,
                mend="改正该字段",
            )
    keep = (counts > 0) & ~shapely.is_empty(geometries)
    points = np.asarray(shapely.centroid(geometries), dtype=object)
    if scope is not None:
        shapely.prepare(scope)
        keep &= shapely.intersects(scope, points)
    return DemandPlaces(points[keep], points[keep], counts[keep], fids[keep])
