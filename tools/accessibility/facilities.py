"""Facilities by group: from the facility layer by kind, else from parcels by code."""

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from tools.accessibility.definition import CoverageMeasure, Group
from tools.accessibility.place import Place, parcels
from tools.feature_table import columns_of, read_table

KIND_FIELDS = ("SSLX", "LX", "kind")
"""Field of a facility's kind where the catalogue names no code field."""
_MOST_NAMED = 5


def facilities(
    place: Place, groups: tuple[Group, ...]
) -> dict[str, tuple[npt.NDArray[np.object_], list[str]]]:
    """Read the facilities of each group: geometries and labels for messages.

    A group comes from the facility layer by kind; one that is not there comes from parcels by code.

    Raises:
        InputError: a facility that is neither point nor polygon.
    """
    by_kind = _facility_layer(place) if any(group.kinds for group in groups) else {}
    found = {}
    for group in groups:
        geometries = [g for kind in group.kinds for g, _ in by_kind.get(kind, [])]
        labels = [name for kind in group.kinds for _, name in by_kind.get(kind, [])]
        if not geometries:
            before = len(place.missing)
            sites = parcels(place, group.codes, None, f"{group.title}设施")
            del place.missing[before:]
            if sites is not None:
                geometries = sites.geometries.tolist()
                labels = [f"地类图斑要素 {fid}" for fid in sites.fids.tolist()]
            if geometries and group.kinds:
                place.notices.append(
                    f"设施图层没有{group.title}设施，改用相应地类的图斑 {len(geometries)} 个"
                )
        found[group.id] = (np.array(geometries, dtype=object), labels)
    return found


def _facility_layer(place: Place) -> dict[str, list[tuple[BaseGeometry, str]]]:
    spec = place.layer("facilities")
    if spec is None:
        place.notices.append("没有公共服务设施图层（角色 facilities），设施取自地类图斑")
        return {}
    columns = columns_of(spec, place.folder)
    kind_field = spec.code_field or next((c for c in KIND_FIELDS if c in columns), None)
    if kind_field is None:
        raise InputError(
            f"设施图层“{spec.title}”没有设施类别字段；已有：{'、'.join(columns)}",
            file=spec.path,
            layer=spec.name,
            field="code_field",
            mend="在 layers.yaml 用 code_field 指明设施类别字段（如 SSLX）",
        )
    names = tuple(dict.fromkeys(c for c in (kind_field, spec.name_field) if c))
    found: dict[str, list[tuple[BaseGeometry, str]]] = {}
    for window in read_table(spec, place.folder, None, names):
        for row, (fid, geometry) in enumerate(
            zip(window.fids.tolist(), window.geometries, strict=True)
        ):
            if geometry.is_empty:
                place.notices.append(f"设施图层 {spec.name} 的要素 {fid} 没有图形，已略去")
                continue
            if shapely.get_dimensions(geometry) == 1 or geometry.geom_type == "GeometryCollection":
                raise InputError(
                    f"要素 {fid} 的图形是 {geometry.geom_type}，设施须为点或面",
                    file=spec.path,
                    layer=spec.name,
                    mend="改正或移走该要素",
                )
            kind = str(window.columns[kind_field][row] or "").strip()
            name = str(window.columns[spec.name_field][row] or "") if spec.name_field else ""
            found.setdefault(kind, []).append((geometry, f"{spec.name} 要素 {fid} {name}".strip()))
    return found


def tell_unattached(
    place: Place,
    measure: CoverageMeasure,
    group: Group,
    labels: list[str],
    unattached: list[int],
    farthest_m: float,
) -> None:
    """Warn of facilities that no road comes near."""
    if not unattached:
        return
    named = "、".join(labels[k] for k in unattached[:_MOST_NAMED])
    more = f"等 {len(unattached)} 处" if len(unattached) > _MOST_NAMED else ""
    place.notices.append(
        f"{group.title}设施距可走的道路超过 {farthest_m:g} 米，未计其服务（{measure.title}）：{named}{more}"
    )
