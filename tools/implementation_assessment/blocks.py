"""Read two layers block by block: what is held at once does not grow with the county.

A feature belongs to one block, by the middle of its box. A block is read with everything near its own
features, so that what is cut inside it is the same in any blocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.compliance.overlay import mended
from tools.compliance.zones import zone_name
from tools.feature_table import EVERYWHERE
from tools.geometry.crs import require_metric
from tools.layer_health import Finding, check_window, merged
from tools.layer_inspection import check_place, invalid
from tools.layers import Features, layer_by_role, load_catalogue, read_windows

MOST_IN_BLOCK = 60_000
"""Features of both layers that belong to one block."""
_LONG = 2.0
"""A feature longer than so many sides of a block is cut by itself."""

Index = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Listed:
    """A layer without its shapes: parallel arrays, ascending by fid."""

    spec: LayerSpec
    folder: Path
    fids: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    """Minimum x, minimum y, maximum x, maximum y."""
    findings: tuple[Finding, ...]
    synthetic: bool
    whole: "Part | None" = None
    """All of it, where it is no more than a block."""


@dataclass(frozen=True)
class Part:
    """Features near a block: valid polygons, ascending by fid; `own` are those that belong to it."""

    geometries: npt.NDArray[Any]
    codes: npt.NDArray[np.str_]
    fids: npt.NDArray[np.int64]
    own: npt.NDArray[np.bool_]


def scan(folder: Path, role: str) -> Listed:
    """Read a layer once, check it, and keep where its features lie.

    Args:
        folder: Of the catalogue.
        role: Of the layer.

    Raises:
        InputError: no such layer, no polygons, no codes, a wrong code, or it lies elsewhere.
    """
    catalogue = load_catalogue(folder)
    spec = layer_by_role(catalogue, role)
    if spec is None:
        listed = "、".join(f"{s.role}（{s.title}）" for s in catalogue.layers if s.code_field)
        raise InputError(
            f"目录里没有角色为 {role} 的图层",
            file=folder / "layers.yaml",
            field="role",
            mend=f"加入该图层；已有编码的图层：{listed or '（无）'}",
        )
    if spec.geometry != "polygon" or spec.code_field is None:
        wrong = "不是面图层" if spec.geometry != "polygon" else "没有写用地编码字段 code_field"
        raise InputError(
            f"图层“{spec.title}”{wrong}",
            file=folder / "layers.yaml",
            layer=spec.name,
            field="code_field",
            mend="换成有用地编码的面图层",
        )
    require_metric(spec.epsg)
    findings = list(check_place(spec, catalogue, folder))
    fids, boxes, known = [np.empty(0, np.int64)], [np.empty((0, 4))], set[str]()
    kept: list[Features] = []
    for features in read_windows(spec, folder, shapely.box(*EVERYWHERE), attributes=True):
        findings += check_window(spec, features)
        broken = features.fids[~shapely.is_valid(features.geometries)]
        if len(broken):
            findings.append(invalid(spec, tuple(broken.tolist())))
        _check_codes(spec, features, known)
        areal = shapely.area(features.geometries) > 0
        areal |= ~shapely.is_valid(
            features.geometries
        )  # a bow-tie may have no area before it is mended
        fids.append(features.fids[areal])
        boxes.append(shapely.bounds(features.geometries[areal]))
        kept = [*kept, features] if sum(map(len, kept)) + len(features) <= MOST_IN_BLOCK else []
    together = np.concatenate(fids)
    order = np.argsort(together, kind="stable")
    small = len(together) <= sum(map(len, kept))
    return Listed(
        spec, folder, together[order], np.concatenate(boxes)[order], merged(findings),
        catalogue.synthetic or spec.synthetic, _part(kept, together) if small else None,
    )  # fmt: skip


def _check_codes(spec: LayerSpec, features: Features, known: set[str]) -> None:
    for code in set(np.unique(features.codes).tolist()) - known:
        at = int(np.flatnonzero(features.codes == code)[0])
        fid = int(features.fids[at])
        if spec.code_scheme != "none":
            zone_name(spec, code, str(features.names[at]), fid=fid)
        elif not code:
            raise InputError(
                f"要素 {fid} 的 {spec.code_field} 为空，无法归类",
                file=spec.path,
                layer=spec.name,
                field=spec.code_field,
                mend="补全该字段",
            )
        known.add(code)


def blocks(one: Listed, other: Listed, most: int = MOST_IN_BLOCK) -> Iterator[tuple[Part, Part]]:
    """Yield both layers in blocks; every feature is `own` in one of them.

    Args:
        one: A layer.
        other: Another.
        most: Features of both that belong to one block.

    Raises:
        InputError: a layer cannot be read.
    """
    boxes = np.concatenate([one.boxes, other.boxes])
    if not len(boxes):
        return
    if len(boxes) <= most and one.whole is not None and other.whole is not None:
        yield one.whole, other.whole
        return
    long = _long(boxes, most)
    first = len(one.fids)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    for leaf in _leaves(centres, np.flatnonzero(~long), most):
        window = shapely.box(*boxes[leaf, :2].min(axis=0), *boxes[leaf, 2:].max(axis=0))
        mine, others = leaf[leaf < first], leaf[leaf >= first] - first
        yield _load(one, window, one.fids[mine]), _load(other, window, other.fids[others])
    none = np.empty(0, np.int64)
    for fid, geometry in _shapes(one, one.fids[long[:first]]):
        yield _load(one, geometry, fid), _load(other, geometry, none)
    for fid, geometry in _shapes(other, other.fids[long[first:]]):
        yield _load(one, geometry, none), _load(other, geometry, fid)


def _long(boxes: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.bool_]:
    """Tell features that would make the surroundings of their block the whole county."""
    if len(boxes) <= most:
        return np.zeros(len(boxes), dtype=bool)
    width, height = boxes[:, 2:].max(axis=0) - boxes[:, :2].min(axis=0)
    side = float(np.sqrt(width * height * most / len(boxes)))
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).max(axis=1) > _LONG * side)


def _leaves(centres: npt.NDArray[np.float64], index: Index, most: int) -> Iterator[Index]:
    """Halve along the longer side until no part has more than `most`."""
    queue = [index] if len(index) else []
    while queue:
        part = queue.pop()
        if len(part) <= most:
            yield part
            continue
        spread = np.ptp(centres[part], axis=0)
        order = np.argsort(centres[part, int(spread[1] > spread[0])], kind="stable")
        half = len(part) // 2
        queue += [part[order[:half]], part[order[half:]]]


def _load(layer: Listed, window: Any, own: npt.NDArray[np.int64]) -> Part:
    return _part(list(read_windows(layer.spec, layer.folder, window)), own)


def _part(read: list[Features], own: npt.NDArray[np.int64]) -> Part:
    fids = np.concatenate([np.empty(0, np.int64), *(f.fids for f in read)])
    order = np.argsort(fids, kind="stable")
    geometries = np.concatenate([np.empty(0, object), *(f.geometries for f in read)])
    codes = np.concatenate([np.empty(0, "U1"), *(f.codes for f in read)])
    shapes, _ = mended(geometries[order])
    keep = shapely.area(shapes) > 0
    kept = fids[order][keep]
    return Part(shapes[keep], codes[order][keep], kept, np.isin(kept, own))


def _shapes(
    layer: Listed, wanted: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], Any]]:
    """Yield single features with their geometry."""
    if not len(wanted):
        return
    for features in read_windows(layer.spec, layer.folder, shapely.box(*EVERYWHERE)):
        for at in np.flatnonzero(np.isin(features.fids, wanted)).tolist():
            yield features.fids[at : at + 1], features.geometries[at]
