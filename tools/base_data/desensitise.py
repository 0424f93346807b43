"""What a reader may get of a layer: none of it, some fields, generalised values, rounded places.

Levels are those of documents and results (公开, 内部, 敏感). A layer above the reader's level is not
exported at all. One of level 敏感 is not even named to a reader who may not read it, as elsewhere.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import FieldLevel, LayerCatalogue, LayerSpec


class Withheld(Frozen):
    """Something that was left out or changed, and why."""

    what: str
    why: str


def readable_layers(
    catalogue: LayerCatalogue, clearance: Secrecy
) -> tuple[tuple[LayerSpec, ...], tuple[Withheld, ...]]:
    """Split a catalogue into layers that a reader may have, and what is said of the others."""
    above = [spec for spec in catalogue.layers if spec.secrecy.rank > clearance.rank]
    said = tuple(
        Withheld(
            what=f"图层 {spec.name}（{spec.title}）",
            why=f"密级“{spec.secrecy}”高于读取人的权限“{clearance}”",
        )
        for spec in above
        if spec.secrecy is not Secrecy.SENSITIVE
    )
    return tuple(spec for spec in catalogue.layers if spec not in above), said


def reader_columns(
    spec: LayerSpec, columns: tuple[str, ...], clearance: Secrecy, dropped: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, FieldLevel], tuple[Withheld, ...]]:
    """Return the columns that are exported, those of them that are generalised, and the record.

    Args:
        spec: The layer.
        columns: Its attribute columns.
        clearance: Level of the reader.
        dropped: Columns that the caller leaves out besides.

    Raises:
        InputError: the catalogue names a field that the layer does not have.
    """
    levels = {level.field: level for level in spec.field_levels}
    unknown = [field for field in levels if field not in columns]
    if unknown:
        raise InputError(
            f"图层“{spec.title}”没有字段 {unknown[0]}；已有：{'、'.join(columns)}",
            file=spec.path,
            layer=spec.name,
            field="field_levels",
            mend="改正 layers.yaml 的 field_levels",
        )
    above = {f: level for f, level in levels.items() if level.secrecy.rank > clearance.rank}
    for level in above.values():
        if level.above == "round" and level.step is None:
            raise InputError(
                f"字段 {level.field} 的脱敏方式为 round，没有写 step",
                file="layers.yaml",
                layer=spec.name,
                field="field_levels",
                mend="补上 step（取整到多少），或改用 drop、mask",
            )
    kept = tuple(
        c for c in columns if c not in dropped and (c not in above or above[c].above != "drop")
    )
    said = [
        Withheld(
            what=f"图层 {spec.name} 的字段 {level.field}",
            why=f"密级“{level.secrecy}”高于读取人的权限“{clearance}”，{_manner(level)}",
        )
        for level in above.values()
        if level.field not in dropped and level.secrecy is not Secrecy.SENSITIVE
    ]
    said += [
        Withheld(what=f"图层 {spec.name} 的字段 {c}", why="按要求不导出")
        for c in columns
        if c in dropped
    ]
    return kept, {f: level for f, level in above.items() if f in kept}, tuple(said)


def _manner(level: FieldLevel) -> str:
    if level.above == "mask":
        return f"只保留前 {level.keep} 个字符"
    return f"取整到 {level.step:g}" if level.above == "round" else "不导出"


def generalise(level: FieldLevel, values: list[Any]) -> list[Any]:
    """Generalise values of a field that stands above the reader's level.

    What cannot be rounded because it is no number is left empty: nothing leaks by being odd.
    """
    if level.above == "mask":
        return [None if v is None else str(v)[: level.keep] + "***" for v in values]
    assert level.above == "round" and level.step is not None
    return [_rounded(v, level.step) for v in values]


def _rounded(value: Any, step: float) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return round(round(number / step) * step, 10) if math.isfinite(number) else None


def rounded_places(geometries: npt.NDArray[Any], step_m: float) -> npt.NDArray[Any]:
    """Move vertices to a grid of `step_m` metres; what collapses on it becomes empty."""
    moved = shapely.set_precision(shapely.make_valid(geometries), step_m)
    return np.asarray(moved, dtype=object)
