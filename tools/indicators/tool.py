"""The tool `compute_indicators`: all indicators of a place in one table."""

from pathlib import Path
from typing import Annotated

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import (
    Column,
    LayerCatalogue,
    LayerSpec,
    Provenance,
    Table,
    ToolResult,
)
from tools.catalogue import Sent, tool
from tools.indicators.evaluate import evaluate
from tools.indicators.load import indicators
from tools.indicators.model import Indicator
from tools.indicators.network_measures import measured
from tools.indicators.scopes import ScopedLayers, scoped_layers
from tools.indicators.values import STATUS_TITLES, IndicatorValue
from tools.indicators.yearly_table import YearlyTable, read_statistics
from tools.layer_health import merged
from tools.layers import load_catalogue
from tools.library.definitions import Definition
from tools.library.kinds import entry
from tools.library.state import disabled

VERSION = "1"
STATISTICS = "statistics.csv"
"""Looked for beside `layers.yaml` when no table is named."""
DIFFERENCE_PERCENT = 1.0
"""Computed and reported values that differ by more are told."""


class IndicatorResult(Frozen):
    """`ToolResult.data` of the tool."""

    place: str
    scope: str
    year: int
    counts: dict[str, int]
    values: tuple[IndicatorValue, ...]


@tool(
    "compute_indicators",
    title="指标计算",
    version=VERSION,
    examples=(
        "计算全县的体检评估指标",
        "耕地保有量、森林覆盖率和人均公园绿地面积现在是多少？",
        "算一下 2023 年的城镇化率和每万元GDP地耗",
    ),
)
def compute_indicators(
    layers: Path,
    statistics: Annotated[Path | None, Sent("table")] = None,
    year: int | None = None,
    ids: tuple[str, ...] = (),
    scope: str = "county",
    filled: dict[str, str] | None = None,
    network: bool = False,
) -> ToolResult:
    """Compute indicators of the check-up (TD/T 1063-2021) and the municipal guide for a place.

    Each is computed from layers and the yearly statistics, or taken as filled in; what is missing
    is named and gives no value. Definitions are the project's own where the official text was not
    found, and say what must be confirmed.

    Args:
        layers: Folder with `layers.yaml`.
        statistics: Yearly statistics (CSV); `statistics.csv` beside the layers when not given.
        year: Of the values; that of the land-use layer, else the last of the statistics.
        ids: Ids or titles of indicators; all that are switched on when empty.
        scope: `county`, `城区`, or the name of a town.
        filled: Values given directly by id, with unit: {"fire_service_coverage": "85 %"}.
        network: Measure coverage (fire 5 minutes, 15-minute circle, parks 5 minutes) on the street
            network where the statistics do not state it; takes a while.

    Raises:
        InputError: no such indicator, scope or file, or the table is wrong.
    """
    catalogue = load_catalogue(layers)
    table = find_statistics(layers, statistics)
    wanted = definitions(ids)
    when = year if year is not None else default_year(catalogue, table)
    direct = {entry("indicator", name).id: value for name, value in (filled or {}).items()}
    part = scoped_layers(layers, catalogue, scope)
    values = evaluate(wanted, part, table, when, direct)
    if network and part.kind == "county":
        values = measured(values, layers, catalogue, when)
    if not values:
        raise InputError(
            f"所选指标都不按“{part.name}”计算", field="scope", mend="换成 county，或换指标"
        )
    data = IndicatorResult(
        place=catalogue.region_name,
        scope=part.name,
        year=when,
        counts={
            title: sum(v.status == status for v in values)
            for status, title in STATUS_TITLES.items()
        },
        values=values,
    )
    used = _used(wanted, part, catalogue)
    return ToolResult(
        tool="compute_indicators",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=(values_table(values, part.name, when),),
        basis=tuple(dict.fromkeys(b for v in values for b in v.basis)),
        provenance=Provenance(
            tool="compute_indicators",
            version=VERSION,
            inputs=provenance_inputs(wanted, table),
            parameters={
                "year": when,
                "scope": part.name,
                "ids": list(ids),
                "filled": direct,
                "network": network,
            },
            epsg=catalogue.epsg,
            layer_dates={spec.name: spec.date for spec in used},
        ),
        warnings=(*(f.sentence() for f in merged(part.findings)), *_warnings(values, part, table)),
        secrecy=max(
            (s.secrecy for s in used), key=lambda level: level.rank, default=Secrecy.PUBLIC
        ),
        synthetic=catalogue.synthetic or any(s.synthetic for s in used),
    )


def find_statistics(layers: Path, statistics: Path | None) -> YearlyTable | None:
    """Read the named table, else the one beside the layers, else return None.

    Raises:
        InputError: the table is wrong, or the named one is not there.
    """
    if statistics is None and not (layers / STATISTICS).is_file():
        return None
    return read_statistics(statistics or layers / STATISTICS)


def definitions(ids: tuple[str, ...] = ()) -> list[Definition[Indicator]]:
    """Return the named indicators, or all that are switched on and stand in an official list.

    Raises:
        InputError: there is no such indicator, or it is switched off.
    """
    from tools.library.state import require_enabled

    known = indicators()
    if not ids:
        off = disabled("indicator")
        return [
            d
            for name, d in known.items()
            if name not in off and (d.said.listed or d.origin == "own")
        ]
    chosen = [entry("indicator", name) for name in dict.fromkeys(ids)]
    for one in chosen:
        require_enabled("indicator", one.id, one.title)
    return [known[one.id] for one in chosen]


def default_year(catalogue: LayerCatalogue, table: YearlyTable | None) -> int:
    """Return the year of the land-use layer, else the last year of the statistics.

    Raises:
        InputError: there is neither.
    """
    dates = [spec.date for spec in catalogue.layers if spec.role == "land_use"]
    if dates:
        return int(dates[0][:4])
    if table is not None and table.years:
        return table.years[-1]
    raise InputError("没有土地利用现状图层，也没有统计表", field="year", mend="用 --year 给出年份")


def provenance_inputs(
    wanted: list[Definition[Indicator]], table: YearlyTable | None
) -> dict[str, str]:
    """Return digests of the definitions and of the statistics."""
    import hashlib

    found = {f"indicator:{d.said.id}": f"sha256:{d.sha256}" for d in wanted}
    if table is not None:
        found["statistics"] = f"sha256:{hashlib.sha256(table.file.read_bytes()).hexdigest()}"
    return found


def values_table(values: tuple[IndicatorValue, ...], scope: str, year: int) -> Table:
    """Show values by category as they were defined."""
    columns = ("category", "类别"), ("title", "指标"), ("value", "数值"), ("unit", "单位"), ("scope", "范围"), ("status", "方式"), ("note", "来源或原因")  # fmt: skip
    order = {name: n for n, name in enumerate(("安全", "创新", "协调", "绿色", "开放", "共享"))}
    rows = [
        {
            "category": v.category,
            "title": v.title,
            "value": v.shown,
            "unit": v.unit,
            "scope": v.scope,
            "status": STATUS_TITLES[v.status],
            "note": _where_from(v),
        }
        for v in sorted(values, key=lambda v: order.get(v.category, 99))
    ]
    return Table(
        name="indicators",
        title=f"{scope} {year} 年指标",
        columns=tuple(Column(key=key, title=title) for key, title in columns),
        rows=tuple(rows),
        note="指标定义均为软件按公开资料自拟，官方定义原文未见到，正式使用前须由使用单位确认。",
    )


def _where_from(value: IndicatorValue) -> str:
    """Return the sources in few words, or why there is no value."""
    if value.value is None:
        return value.method
    short = [s.partition("年（")[0] + "年" if s.startswith("统计表") and "年（" in s else s for s in value.sources]  # fmt: skip
    return "；".join(short)


def _used(
    wanted: list[Definition[Indicator]], part: ScopedLayers, catalogue: LayerCatalogue
) -> list[LayerSpec]:
    roles = {p.role for d in wanted for p in d.said.inputs.values() if p.role is not None}
    specs = [spec for role in roles if (spec := part.spec(role)) is not None]
    return sorted(specs, key=lambda spec: spec.name)


def _warnings(
    values: tuple[IndicatorValue, ...], part: ScopedLayers, table: YearlyTable | None
) -> tuple[str, ...]:
    told = []
    if table is None:
        told.append("没有统计表：需要统计数据的指标为数据缺失。用 --statistics 给出 CSV 表。")
    for v in values:
        if v.status == "refused":
            told.append(f"“{v.title}”的数据有误：{v.method}")
        if v.difference_percent is not None and abs(v.difference_percent) > DIFFERENCE_PERCENT:
            told.append(
                f"“{v.title}”按图层计算为 {v.shown} {v.unit}，统计表填报 {v.reported:.{v.digits}f}，"
                f"相差 {v.difference_percent:+.2f}%：请核对口径与时点。"
            )
    told += part.remarks
    unverified = sum(not v.verified for v in values)
    if unverified:
        told.append(
            f"{unverified} 个指标的定义为软件自拟（verified: false）；"
            "每个指标须确认的事项见 cspon indicator explain。"
        )
    return tuple(dict.fromkeys(told))
