"""Values of indicators for one place, scope and year: computed where layers and figures are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cspon.errors import InputError
from tools.indicators.compute import apply
from tools.indicators.model import Indicator
from tools.indicators.scopes import URBAN, URBAN_ROLE, ScopedLayers
from tools.indicators.values import IndicatorValue, Status
from tools.indicators.yearly_table import Figure, YearlyTable
from tools.library.definitions import Definition
from tools.library.kinds import Context
from tools.library.units import Quantity

COMPUTED = "按公式由图层、统计表计算"
REPORTED = "采用统计表填报值"
GIVEN = "采用直接给出的值"


@dataclass
class _Inputs:
    """What was found for an indicator, where it came from, and what is missing."""

    given: dict[str, Any] = field(default_factory=dict)
    sources: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problem: InputError | None = None
    """Why a layer that is there cannot be used."""
    scopes: list[str] = field(default_factory=list)


def evaluate(
    definitions: Iterable[Definition[Indicator]],
    layers: ScopedLayers,
    table: YearlyTable | None,
    year: int,
    filled: Mapping[str, str] | None = None,
) -> tuple[IndicatorValue, ...]:
    """Return one value an indicator; those that are not defined for the scope are left out.

    Args:
        definitions: Of the indicators.
        layers: Of the scope.
        table: Yearly statistics; None where the place has none.
        year: For which. Layers of another year are not used.
        filled: Values given directly by id, with unit: "85 %".
    """
    return tuple(
        _value(d, layers, table, year, (filled or {}).get(d.said.id))
        for d in definitions
        if layers.kind in d.said.scopes
    )


def _value(
    definition: Definition[Indicator],
    layers: ScopedLayers,
    table: YearlyTable | None,
    year: int,
    written: str | None,
) -> IndicatorValue:
    said = definition.said
    part = "" if layers.kind == "county" else layers.name
    if written is not None:
        return _checked(
            said, layers, year, lambda: _given(said, written), ("直接给出",), "reported", GIVEN
        )
    stated = _stated(said, table, year, part)
    own_figure = said.reported in said.statistics.values()
    inputs = _inputs(said, layers, table, year, part)
    if inputs.problem is not None:
        return _made(said, layers, year, None, (), "refused", _why(inputs.problem))
    if own_figure and not inputs.missing:
        return _checked(
            said, layers, year, lambda: _run(definition, inputs.given), inputs.sources, "reported",
            REPORTED, scope=_scope(said, layers, inputs),
        )  # fmt: skip
    if not inputs.missing:
        found = _checked(
            said, layers, year, lambda: _run(definition, inputs.given), inputs.sources, "computed",
            COMPUTED, scope=_scope(said, layers, inputs),
        )  # fmt: skip
        return _compared(found, said, stated)
    if stated is not None and stated.value is not None and not own_figure:
        return _checked(
            said, layers, year, lambda: _in_unit(said, stated), (_source(stated),), "reported",
            f"{REPORTED}；不能计算：{'；'.join(inputs.missing)}", scope=stated.scope,
        )  # fmt: skip
    return _made(said, layers, year, None, (), "missing", "；".join(inputs.missing))


def _inputs(
    said: Indicator, layers: ScopedLayers, table: YearlyTable | None, year: int, part: str
) -> _Inputs:
    found = _Inputs()
    for name, port in said.inputs.items():
        if name in said.statistics:
            _take_figure(found, name, said.statistics[name], table, year, part)
        elif port.type == "layer":
            assert port.role is not None
            spec = layers.spec(port.role)
            if spec is None:
                found.missing.append(f"缺少“{port.title}”图层（{port.role}）")
            elif spec.date[:4] != str(year):
                found.missing.append(f"“{port.title}”图层是 {spec.date[:4]} 年的，没有 {year} 年的")
            elif (problem := layers.problem(port.role)) is not None:
                found.problem = problem
            elif (layer := layers.layer(port.role)) is None:
                found.missing.append(f"缺少“{port.title}”图层（{port.role}）")
            else:
                found.given[name] = layer
                found.sources.append(f"{spec.name} {spec.title}（{spec.date}）")
        elif port.required:
            found.missing.append(f"缺少输入“{port.title}”")
    return found


def _take_figure(
    found: _Inputs, name: str, item: str, table: YearlyTable | None, year: int, part: str
) -> None:
    figure = None if table is None else table.figure(item, year, part)
    where = f"（{part}）" if part else ""
    if table is None:
        found.missing.append(f"没有统计表，缺少“{item}”")
    elif figure is None:
        found.missing.append(f"统计表没有 {year} 年的“{item}”{where}")
    elif figure.value is None:
        why = f"（{figure.note}）" if figure.note else ""
        found.missing.append(f"统计表第 {figure.row} 行“{item}”为空{why}")
    else:
        found.given[name] = {"value": figure.value, "unit": figure.unit}
        found.sources.append(_source(figure))
        found.scopes.append(figure.scope)


def _run(definition: Definition[Indicator], given: dict[str, Any]) -> float:
    return apply(definition.said, given, Context(), file=definition.file)[0].value


def _stated(said: Indicator, table: YearlyTable | None, year: int, part: str) -> Figure | None:
    return table.figure(said.reported, year, part) if table is not None and said.reported else None


def _in_unit(said: Indicator, figure: Figure) -> float:
    """Read what the table states; a table may write beds 张 where people are counted by thousands."""
    assert figure.value is not None
    numerator, _, per = said.unit.partition("/")
    if per in ("人", "千人", "万元") and "/" not in figure.unit:
        return Quantity.of(figure.value, figure.unit).to(numerator).value
    return Quantity.of(figure.value, figure.unit).to(said.unit).value


def _given(said: Indicator, written: str) -> float:
    from tools.library.coerce import coerce
    from tools.library.entry import Port

    single = next(iter(said.inputs.values())) if len(said.inputs) == 1 else None
    bounds = {"minimum": single.minimum, "maximum": single.maximum} if single else {}
    port = Port(type="number", title=said.title, unit=said.unit, **bounds)
    value: Quantity = coerce(said.id, port, written)
    return value.value


def _checked(
    said: Indicator,
    layers: ScopedLayers,
    year: int,
    compute: Any,
    sources: Iterable[str],
    status: Status,
    method: str,
    *,
    scope: str = "",
) -> IndicatorValue:
    """Compute; data that does not fit is told and gives no value."""
    try:
        number = compute()
    except InputError as error:
        return _made(said, layers, year, None, sources, "refused", _why(error), scope)
    return _made(said, layers, year, number, sources, status, method, scope)


def _why(error: InputError) -> str:
    """Say what is wrong and where."""
    layer = f"图层 {error.layer}" if error.layer else ""
    place = "、".join(
        part for part in (layer, f"字段 {error.field}" if error.field else "") if part
    )
    mend = f"；{error.mend}" if error.mend else ""
    return f"{error.message}（{place}）{mend}" if place else f"{error.message}{mend}"


def _compared(found: IndicatorValue, said: Indicator, stated: Figure | None) -> IndicatorValue:
    """Add what the statistics state for a computed indicator."""
    if found.value is None or stated is None or stated.value is None:
        return found
    try:
        reported = _in_unit(said, stated)
    except InputError:
        return found
    difference = 100 * (found.value - reported) / abs(reported) if reported else None
    return found.model_copy(
        update={
            "reported": round(reported, said.digits),
            "difference_percent": None if difference is None else round(difference, 2),
        }
    )


def _made(
    said: Indicator,
    layers: ScopedLayers,
    year: int,
    number: float | None,
    sources: Iterable[str],
    status: Status,
    method: str,
    scope: str = "",
) -> IndicatorValue:
    return IndicatorValue(
        id=said.id,
        title=said.title,
        category=said.category,
        value=None if number is None else round(number, said.digits),
        unit=said.unit,
        digits=said.digits,
        direction=said.direction,
        scope=scope or layers.name,
        year=year,
        period=said.period,
        status=status,
        method=method,
        sources=tuple(dict.fromkeys(sources)),
        listed=said.listed,
        basis=said.basis,
        verified=said.verified,
        to_confirm=said.to_confirm,
    )


def _scope(said: Indicator, layers: ScopedLayers, inputs: _Inputs) -> str:
    """Name what the value speaks of: an indicator of the urban area is not one of the county."""
    if any(port.role == URBAN_ROLE for port in said.inputs.values()):
        return URBAN
    return URBAN if layers.kind == "county" and URBAN in inputs.scopes else layers.name


def _source(figure: Figure) -> str:
    text = f"统计表“{figure.item}”{figure.year} 年"
    return f"{text}（{figure.source}）" if figure.source else text
