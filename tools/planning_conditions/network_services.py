"""Public services near a parcel by their distance on foot along the street network."""

from pathlib import Path

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import LayerCatalogue, LayerSpec
from tools.compliance.near import distances_m
from tools.feature_table import columns_of, read_table
from tools.planning_conditions.surroundings import KIND_FIELD, Service

ON_NETWORK = "沿步行路网的距离"
STRAIGHT = "直线距离"


def services_on_network(
    parcel: BaseGeometry, spec: LayerSpec, catalogue: LayerCatalogue, folder: Path, within_m: float
) -> tuple[tuple[Service, ...], tuple[str, ...]] | None:
    """Count services by kind within a walking distance, both straight legs to the street included.

    The parcel is entered wherever a street comes near its outline. Services that no street comes
    near, and those beyond the distance, are not counted.

    Returns:
        The services, the nearest kind first, with notices; None where there is no network that the
        parcel can be attached to.

    Raises:
        InputError: the road layer is wrong.
    """
    from tools.accessibility.attach import attach
    from tools.accessibility.distances import nearest_facility
    from tools.accessibility.network import build_network
    from tools.accessibility.parameters import network_parameters
    from tools.accessibility.place import Place, roads_of_place

    parameters = network_parameters()
    mode = parameters.modes["walk"]
    place = Place(folder, catalogue, spec.epsg)
    roads = roads_of_place(place)
    if roads is None or not len(roads):
        return None
    network, _ = build_network(roads, "walk", parameters)
    start = attach(network, np.array([parcel], dtype=object), mode.farthest_access_m)
    if len(start.outside):
        return None
    kinds, names, geometries = _facilities(parcel, spec, folder, within_m)
    if not len(geometries):
        return (), ()
    stops = attach(network, geometries, mode.farthest_access_m)
    found = nearest_facility(
        network, stops, start, cost="metres", access_m_s=mode.access_m_s, limit=within_m,
        from_facility=True,
    )  # fmt: skip
    reached: dict[str, list[tuple[float, str]]] = {}
    for k in np.flatnonzero(np.isfinite(found.total)).tolist():
        reached.setdefault(kinds[k], []).append((float(found.total[k]), names[k]))
    services = [
        Service(kind=kind, count=len(near), nearest=min(near)[1], distance_m=round(min(near)[0], 1))
        for kind, near in reached.items()
    ]
    off = len(stops.outside)
    notices = (f"{off} 处设施附近没有可步行的道路，未计入周边设施。",) if off else ()
    return tuple(sorted(services, key=lambda service: service.distance_m)), notices


def _facilities(
    parcel: BaseGeometry, spec: LayerSpec, folder: Path, within_m: float
) -> tuple[list[str], list[str], np.ndarray]:
    """Read what lies within the straight distance: a way on the network is never shorter."""
    kind_field = spec.code_field or (KIND_FIELD if KIND_FIELD in columns_of(spec, folder) else None)
    columns = tuple(dict.fromkeys(c for c in (kind_field, spec.name_field) if c))
    kinds: list[str] = []
    names: list[str] = []
    shapes: list[BaseGeometry] = []
    for window in read_table(spec, folder, parcel, columns, widen_m=within_m):
        near = distances_m(parcel, window.geometries) <= within_m
        for i in np.flatnonzero(near).tolist():
            kind = str((window.columns[kind_field][i] if kind_field else "") or "").strip()
            name = (window.columns[spec.name_field][i] if spec.name_field else "") or ""
            kinds.append(kind or spec.title)
            names.append(str(name).strip())
            shapes.append(shapely.point_on_surface(window.geometries[i]))
    return kinds, names, np.array(shapes, dtype=object)
