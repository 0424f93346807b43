"""Worked examples: is what came out what the file says? Shared by operators, indicators and models."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from tools.library.coerce import coerce
from tools.library.entry import Ports
from tools.library.raster import Raster
from tools.library.units import Quantity
from tools.library.values import AnyLayer

TOLERANCE = 1e-6


def compare(
    name: str, outputs: Ports, got: Mapping[str, Any], expected: Mapping[str, Any], file: Path
) -> None:
    """Compare outputs with an example's expectation.

    Args:
        name: The example's name.
        outputs: Declared outputs.
        got: Outputs by port.
        expected: What the file says, by port; ports that are not named are not compared.
        file: For the message.

    Raises:
        InputError: the first difference.
    """
    for key, wanted in expected.items():
        if key not in outputs:
            raise InputError(
                f"算例“{name}”写了不存在的输出 {key}",
                file=file,
                field=f"examples.{name}",
                mend=f"输出有：{'、'.join(outputs)}",
            )
        if key not in got:
            difference = "没有得到该输出"
        else:
            difference = _difference(got[key], wanted, outputs, key, file)
        if difference:
            raise InputError(
                f"算例“{name}”的输出 {key} 不符：{difference}",
                file=file,
                field=f"examples.{name}.{key}",
                mend="核对算例的期望值与计算方法",
            )


def _difference(got: Any, wanted: Any, outputs: Ports, key: str, file: Path) -> str:
    if isinstance(got, Quantity):
        expected = coerce(key, outputs[key].model_copy(update={"unit": None}), wanted, file=file)
        same = got.unit.same(expected.unit) and _close(got.value, expected.value)
        return "" if same else f"应为 {expected}，得到 {got}"
    if isinstance(got, str):
        return "" if got == wanted else f"应为“{wanted}”，得到“{got}”"
    if isinstance(got, Raster):
        return _raster_difference(got, wanted)
    if isinstance(got, tuple):
        return _rows_difference(got, wanted)
    return _layer_difference(got, wanted)


def _rows_difference(got: tuple[Any, ...], wanted: Any) -> str:
    if len(got) != len(wanted):
        return f"应有 {len(wanted)} 行，得到 {len(got)} 行"
    for number, (row, expected) in enumerate(zip(got, wanted, strict=True), 1):
        for column, value in expected.items():
            if not _same(row.get(column), value):
                return f"第 {number} 行 {column} 应为 {value}，得到 {row.get(column)}"
    return ""


def _raster_difference(got: Raster, wanted: Any) -> str:
    values = got.array()
    expected = np.array([[np.nan if v is None else float(v) for v in r] for r in wanted["rows"]])
    if values.shape != expected.shape:
        return f"应为 {expected.shape} 栅格，得到 {values.shape}"
    if not np.allclose(values, expected, atol=1e-4, equal_nan=True):
        at = tuple(
            int(i) for i in np.argwhere(~np.isclose(values, expected, atol=1e-4, equal_nan=True))[0]
        )
        return f"第 {at[0] + 1} 行第 {at[1] + 1} 列应为 {expected[at]:g}，得到 {values[at]:g}"
    return ""


def _layer_difference(got: AnyLayer, wanted: Any) -> str:
    layer = got.whole()
    if "count" in wanted and len(layer) != wanted["count"]:
        return f"应有 {wanted['count']} 个要素，得到 {len(layer)} 个"
    for key, measure in (("area_m2", shapely.area), ("length_m", shapely.length)):
        if key in wanted:
            total = float(measure(layer.geometries).sum())
            if not math.isclose(total, wanted[key], rel_tol=1e-4, abs_tol=1e-6):
                return f"{key} 应为 {wanted[key]:g}，得到 {total:g}"
    features = wanted.get("features", ())
    if features and len(features) != len(layer):
        return f"应有 {len(features)} 个要素，得到 {len(layer)} 个"
    for index, expected in enumerate(features):
        if "wkt" in expected:
            shape = shapely.from_wkt(expected["wkt"])
            gap = shapely.hausdorff_distance(shape, layer.geometries[index])
            if gap > 1e-6:
                return f"第 {index + 1} 个要素的图形不同：{layer.geometries[index].wkt[:120]}"
        for column, value in expected.items():
            if column == "wkt":
                continue
            if column not in layer.fields:
                return f"没有字段 {column}"
            found = layer.fields[column][index]
            if not _same(found.item() if hasattr(found, "item") else found, value):
                return f"第 {index + 1} 个要素的 {column} 应为 {value}，得到 {found}"
    return ""


def _same(got: Any, wanted: Any) -> bool:
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return isinstance(got, int | float) and _close(float(got), float(wanted))
    return bool(got == wanted)


def _close(got: float, wanted: float) -> bool:
    return math.isclose(got, wanted, rel_tol=TOLERANCE, abs_tol=1e-9)
