"""Shares, ratios, changes and ranks of numbers that carry units."""

from typing import Any

from cspon.errors import InputError
from tools.library.units import Quantity, parse_unit
from tools.library.values import Rows
from tools.operators.model import operator


@operator("share")
def share(part: Quantity, whole: Quantity) -> dict[str, Any]:
    """Return a part in percent of its whole; both are of one kind, e.g. 亩 and ha."""
    if whole.value == 0:
        raise InputError("整体为零，不能算占比", field="whole", mend="核对整体的数值")
    return {"share": Quantity.of(100 * part.to(whole.unit).value / whole.value, "%")}


@operator("ratio")
def ratio(numerator: Quantity, denominator: Quantity, unit: str) -> dict[str, Any]:
    """Divide and convert to the declared unit, e.g. m²/人."""
    return {"ratio": (numerator / denominator).to(parse_unit(unit))}


@operator("change")
def change(before: Quantity, after: Quantity) -> dict[str, Any]:
    """Return the increase and the rate of change against `before`, in its unit."""
    now = after.to(before.unit)
    rate = None if before.value == 0 else 100 * (now.value - before.value) / abs(before.value)
    if rate is None:
        raise InputError("基期为零，不能算变化率", field="before", mend="核对基期的数值")
    return {"increase": now - before, "rate": Quantity.of(rate, "%")}


@operator("rank")
def rank(table: Rows, by: str, order: str) -> dict[str, Any]:
    """Sort rows by a numeric column and number them; equal values share a rank."""
    for number, row in enumerate(table, 1):
        if isinstance(row.get(by), bool) or not isinstance(row.get(by), int | float):
            raise InputError(
                f"表第 {number} 行的 {by} 不是数值", field="by", mend="核对列名，空值先剔除"
            )
    ordered = sorted(table, key=lambda row: float(row[by]), reverse=order == "从大到小")
    ranked: list[dict[str, Any]] = []
    for index, row in enumerate(ordered):
        same = index > 0 and row[by] == ordered[index - 1][by]
        ranked.append({**row, "rank": ranked[-1]["rank"] if same else index + 1})
    return {"table": tuple(ranked)}
