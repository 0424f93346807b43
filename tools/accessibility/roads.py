"""Read roads with what a network needs of them: class, speed, direction, level.

Knows fields and their values. Does not know how lines meet: `tools.accessibility.noding` does.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.spatial import LayerSpec
from tools.accessibility.parameters import NetworkParameters
from tools.feature_table import columns_of, read_table
from tools.geometry.crs import require_metric

ROLE = "roads"


@dataclass(frozen=True)
class Roads:
    """Lines in a metric system with their attributes: parallel arrays, one element a line."""

    layer: str
    epsg: int
    fids: npt.NDArray[np.int64]
    lines: npt.NDArray[np.object_]
    """LineString each; a multi-part feature has several with the same fid."""
    kinds: npt.NDArray[np.str_]
    speeds_kmh: npt.NDArray[np.float64]
    """As stated; NaN where the layer does not say."""
    oneway: npt.NDArray[np.int8]
    """1 along the line, -1 against it, 0 both."""
    levels: npt.NDArray[np.int64]
    """Lines of the same level meet at grade."""
    meet_at_vertices: bool = False
    """The data keep their topology: lines meet at shared vertices and nowhere else."""

    def __len__(self) -> int:
        return len(self.fids)


@dataclass(frozen=True)
class RawRoads:
    """Features as a file holds them; a missing field is None."""

    layer: str
    epsg: int
    fids: npt.NDArray[np.int64]
    geometries: npt.NDArray[np.object_]
    kinds: Sequence[Any] | None
    speeds: Sequence[Any] | None = None
    oneway: Sequence[Any] | None = None
    levels: Sequence[Any] | None = None
    file: str | None = None


def read_roads(
    spec: LayerSpec, folder: Path, parameters: NetworkParameters
) -> tuple[Roads, tuple[str, ...]]:
    """Read a layer of road centre lines.

    Args:
        spec: Line layer in metres.
        folder: Folder of the catalogue.
        parameters: Names of the fields.

    Returns:
        The roads, and notices about features that were repaired or left out.

    Raises:
        InputError: degrees, no line, another geometry type, or no class field.
    """
    require_metric(spec.epsg)
    columns = columns_of(spec, folder)
    wanted = {
        "kind": next((c for c in (spec.code_field, *parameters.fields.kind) if c in columns), None),
        "speed": next((c for c in parameters.fields.speed_kmh if c in columns), None),
        "oneway": next((c for c in parameters.fields.oneway if c in columns), None),
        "level": next((c for c in parameters.fields.level if c in columns), None),
    }
    if wanted["kind"] is None:
        raise InputError(
            f"道路图层“{spec.title}”没有道路等级字段；已有：{'、'.join(columns)}",
            file=spec.path,
            layer=spec.name,
            field="code_field",
            mend="在 layers.yaml 用 code_field 指明道路等级字段（如 DLDJ）",
        )
    names = tuple(dict.fromkeys(c for c in wanted.values() if c))
    windows = list(read_table(spec, folder, None, names))
    values = {c: [v for window in windows for v in window.columns[c]] for c in names}
    raw = RawRoads(
        layer=spec.name,
        epsg=spec.epsg,
        fids=np.concatenate([np.empty(0, np.int64), *(w.fids for w in windows)]),
        geometries=np.concatenate([np.empty(0, object), *(w.geometries for w in windows)]),
        kinds=values.get(wanted["kind"] or ""),
        speeds=values.get(wanted["speed"] or ""),
        oneway=values.get(wanted["oneway"] or ""),
        levels=values.get(wanted["level"] or ""),
        file=spec.path,
    )
    return roads_of(raw, parameters)


def roads_of(raw: RawRoads, parameters: NetworkParameters) -> tuple[Roads, tuple[str, ...]]:
    """Check features and give every line its attributes.

    Raises:
        InputError: no line at all, or a feature that is no line.
    """
    notices: list[str] = []
    types = shapely.get_type_id(raw.geometries)
    wrong = ~np.isin(types, (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING))
    wrong &= ~shapely.is_missing(raw.geometries)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"道路图层混有不是线的图形：要素 {raw.fids[at]} 是 {raw.geometries[at].geom_type}"
            f"（共 {int(wrong.sum())} 个）",
            file=raw.file,
            layer=raw.layer,
            mend="道路图层只放道路中心线；面和点移到其他图层",
        )
    finite = np.array(
        [
            g is not None and bool(np.isfinite(shapely.get_coordinates(g)).all())
            for g in raw.geometries
        ],
        dtype=bool,
    )
    if not finite.all():
        at = int(np.flatnonzero(~finite)[0])
        notices.append(
            f"道路图层 {raw.layer} 有 {int((~finite).sum())} 个要素的图形为空或坐标无效，已略去，第一个是要素 {raw.fids[at]}"
        )
    kept = np.flatnonzero(finite)
    lines, owner = shapely.get_parts(raw.geometries[kept], return_index=True)
    owner = kept[owner]
    short = shapely.length(lines) == 0
    if short.any():
        notices.append(
            f"道路图层 {raw.layer} 有 {int(short.sum())} 条长度为零的线，已略去，第一条是要素 {raw.fids[owner[short][0]]}"
        )
    lines, owner = lines[~short], owner[~short]
    if not len(lines):
        raise InputError(
            "道路图层没有可用的线", file=raw.file, layer=raw.layer, mend="检查道路中心线图层的内容"
        )
    kinds = _texts(raw.kinds, len(raw.fids))
    levels, unread = _levels(raw, kinds, parameters)
    notices += unread
    speeds, unread = _speeds(raw)
    notices += unread
    oneway, unread = _oneway(raw, parameters)
    notices += unread
    return Roads(
        layer=raw.layer,
        epsg=raw.epsg,
        fids=raw.fids[owner],
        lines=shapely.force_2d(lines),
        kinds=kinds[owner],
        speeds_kmh=speeds[owner],
        oneway=oneway[owner],
        levels=levels[owner],
    ), tuple(notices)


def _texts(values: Sequence[Any] | None, count: int) -> npt.NDArray[np.str_]:
    if values is None:
        return np.full(count, "", dtype="U1")
    return np.array(["" if v is None else str(v).strip() for v in values], dtype=np.str_)


def _levels(
    raw: RawRoads, kinds: npt.NDArray[np.str_], parameters: NetworkParameters
) -> tuple[npt.NDArray[np.int64], list[str]]:
    by_class = np.isin(kinds, parameters.passes_over).astype(np.int64)
    if raw.levels is None:
        return by_class, []
    levels = by_class.copy()
    bad: list[int] = []
    for row, text in enumerate(_texts(raw.levels, len(raw.fids)).tolist()):
        if text == "":
            continue
        try:
            levels[row] = int(float(text))
        except (ValueError, OverflowError):
            bad.append(row)
    return levels, _unread(raw, bad, raw.levels, "层次", "按道路等级判定是否立体交叉")


def _speeds(raw: RawRoads) -> tuple[npt.NDArray[np.float64], list[str]]:
    speeds = np.full(len(raw.fids), np.nan)
    if raw.speeds is None:
        return speeds, []
    bad: list[int] = []
    for row, text in enumerate(_texts(raw.speeds, len(raw.fids)).tolist()):
        if text == "":
            continue
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:km/h|公里/小时)?", text)
        if found and 0 < float(found[1]) <= 250:
            speeds[row] = float(found[1])
        else:
            bad.append(row)
    return speeds, _unread(raw, bad, raw.speeds, "速度", "改用该等级的默认速度")


def _oneway(raw: RawRoads, parameters: NetworkParameters) -> tuple[npt.NDArray[np.int8], list[str]]:
    oneway = np.zeros(len(raw.fids), dtype=np.int8)
    if raw.oneway is None:
        return oneway, []
    values = parameters.oneway_values
    known = dict.fromkeys(values.both, 0) | dict.fromkeys(values.forward, 1)
    known |= dict.fromkeys(values.backward, -1)
    bad: list[int] = []
    for row, text in enumerate(_texts(raw.oneway, len(raw.fids)).tolist()):
        direction = known.get(text.lower())
        if direction is None:
            bad.append(row)
        else:
            oneway[row] = direction
    return oneway, _unread(raw, bad, raw.oneway, "单向通行", "按双向处理")


def _unread(
    raw: RawRoads, rows: list[int], values: Sequence[Any], what: str, instead: str
) -> list[str]:
    if not rows:
        return []
    first = rows[0]
    return [
        f"道路图层 {raw.layer} 有 {len(rows)} 条线的{what}无法识别，已{instead}；"
        f"第一条是要素 {raw.fids[first]}，值为“{values[first]}”"
    ]
