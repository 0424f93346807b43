"""The tool `accessibility`: who reaches what in how many minutes on the street network."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np

from cspon.errors import InputError
from cspon.schemas.spatial import LayerOutput, Provenance, ToolResult
from tools.accessibility.commuting import HEADER, commuting_minutes, read_pairs
from tools.accessibility.definition import (
    CommutingMeasure,
    CoverageMeasure,
    Measure,
    find_measure,
)
from tools.accessibility.measuring import Measured, measure_coverage
from tools.accessibility.network import Network, build_network
from tools.accessibility.outcome import (
    COMPUTED,
    MISSING,
    Accessibility,
    BandRow,
    NetworkFigures,
    Weight,
)
from tools.accessibility.parameters import Mode, ModeName, network_parameters
from tools.accessibility.place import (
    Place,
    open_place,
    parcels,
    people,
    roads_of_place,
    scope_of,
)
from tools.accessibility.result_layers import result_layers
from tools.accessibility.roads import ROLE
from tools.accessibility.tables import result_tables, time_bands
from tools.catalogue import Sent, tool
from tools.layers import open_layer

VERSION = "1"
MOST_MINUTES = 600.0


@tool(
    "accessibility",
    title="设施可达性评价",
    version=VERSION,
    examples=(
        "15 分钟社区生活圈覆盖率是多少？哪类设施最薄弱？",
        "公园绿地、广场步行 5 分钟覆盖率是多少？",
        "消防救援 5 分钟可达覆盖率是多少，哪些建设用地到不了？",
        "工作日平均通勤时间是多少，45 分钟以内的占多少？",
    ),
    needs=(ROLE,),
)
def accessibility(
    layers: Path,
    kind: str = "community_circle",
    mode: ModeName | None = None,
    limit_minutes: float | None = None,
    weight: Weight = "area",
    scope: Path | None = None,
    whole: bool = False,
    table: Annotated[Path | None, Sent("table")] = None,
) -> ToolResult:
    """Measure accessibility along the street network, never by circles or straight lines.

    Walking or driving time from homes (parcels or people) to health, elderly care, education,
    culture and sport, to parks, from fire stations, or between the ends of a commuting table. Data
    that are not there give 数据缺失 with what is missing.

    Args:
        layers: Folder with `layers.yaml`.
        kind: community_circle, park, fire or commuting, or the Chinese title.
        mode: walk or drive; by definition when not given.
        limit_minutes: By definition when not given.
        weight: What is counted as demand: area of parcels, or population.
        scope: Boundary file of the area to look at; by definition the urban development boundary.
        whole: All that the layers hold instead of the defined scope.
        table: Origin–destination table (CSV) for commuting.

    Raises:
        InputError: catalogue, layer, table or argument is wrong; named with feature and field.
    """
    measure = find_measure(kind)
    chosen: ModeName = mode or measure.mode
    minutes = measure.limit_minutes if limit_minutes is None else limit_minutes
    if not 0 < minutes <= MOST_MINUTES:
        raise InputError(
            f"时间上限 {minutes:g} 分钟不合理", field="limit_minutes", mend="应大于 0、不超过 600"
        )
    place = open_place(layers)
    call = {
        "kind": measure.id,
        "mode": chosen,
        "limit_minutes": minutes,
        "weight": weight,
        "whole": whole,
        **({} if scope is None else {"scope": scope.name}),
        **({} if table is None else {"table": table.name}),
    }
    if isinstance(measure, CommutingMeasure):
        data, outputs = _commuting(place, measure, chosen, minutes, table)
    else:
        assert isinstance(measure, CoverageMeasure)
        data, outputs = _coverage(place, measure, chosen, minutes, weight, scope, whole)
    used = [place.used[role] for role in sorted(place.used)]
    return ToolResult(
        tool="accessibility",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=result_tables(data),
        layers=tuple(layer.model_copy(update={"secrecy": place.secrecy}) for layer in outputs),
        provenance=Provenance(
            tool="accessibility",
            version=VERSION,
            inputs={s.name: f"{s.date} / {open_layer(s, layers).last_change}" for s in used},
            parameters={**call, "layers": place.catalogue.title},
            epsg=place.epsg,
            layer_dates={s.name: s.date for s in used},
        ),
        warnings=(*dict.fromkeys(place.notices), *_caveat(measure)),
        secrecy=place.secrecy,
        synthetic=place.catalogue.synthetic or any(s.synthetic for s in used),
    )


def _caveat(measure: Measure) -> tuple[str, ...]:
    parameters = network_parameters()
    if measure.verified and parameters.verified:
        return ()
    return (f"“{measure.title}”的定义和速度等参数为{measure.source.rstrip('。')}。",)


def _network(place: Place, mode: ModeName) -> Network | None:
    roads = roads_of_place(place)
    if roads is None:
        return None
    network, notices = build_network(roads, mode, network_parameters())
    place.notices += notices
    return network


def _figures(network: Network | None) -> NetworkFigures | None:
    if network is None:
        return None
    parameters = network_parameters()
    lengths = network.part_length_m
    return NetworkFigures(
        mode=parameters.modes[network.mode].title,
        length_km=round(network.total_m / 1000, 3),
        edges=len(network),
        nodes=len(np.unique(np.concatenate([network.start, network.end]))),
        largest_part_percent=round(100 * float(lengths[0] / lengths.sum()), 2),
        snap_m=parameters.snap_m,
    )


def _parameters(mode: Mode, minutes: float, width_m: float | None = None) -> dict[str, Any]:
    speed = f"{mode.other_kmh:g}"
    if mode.speeds_kmh:
        speed = "按道路等级" + ("，有设计速度的按其八成" if mode.stated_share == 0.8 else "")
    return {
        "出行方式": mode.title,
        "时间上限（分钟）": minutes,
        "速度（公里/小时）": speed,
        "接入段速度（公里/小时）": mode.access_kmh,
        "接入段最长（米）": mode.farthest_access_m,
        **({} if width_m is None else {"服务范围每侧宽度（米）": width_m}),
    }


def _coverage(
    place: Place,
    measure: CoverageMeasure,
    mode_name: ModeName,
    minutes: float,
    weight: Weight,
    boundary: Path | None,
    whole: bool,
) -> tuple[Accessibility, tuple[LayerOutput, ...]]:
    mode = network_parameters().modes[mode_name]
    scope, scope_title = scope_of(place, measure.scope_role, boundary, whole)
    demand = (
        people(place, scope)
        if weight == "population"
        else parcels(place, measure.demand.codes, scope, measure.demand.title)
    )
    network = _network(place, mode_name)
    title = "人口" if weight == "population" else measure.demand.title
    unit = "人" if weight == "population" else "公顷"
    if demand is not None and not demand.weights.sum() > 0:
        place.missing.append(f"{scope_title}内没有{title}")
        demand = None
    measured = None
    if network is not None and demand is not None:
        by_area = measure.measure == "area" and weight == "area"
        measured = measure_coverage(
            place, network, measure, demand, limit_minutes=minutes, mode=mode, by_area=by_area
        )
    value = None
    if measured is not None and demand is not None and measured.complete:
        value = round(
            100 * float((demand.weights * measured.share).sum() / demand.weights.sum()), 2
        )
    data = Accessibility(
        kind=measure.id,
        title=measure.title,
        status=MISSING if value is None else COMPUTED,
        headline=_headline(
            place, measure, mode, minutes, value, measured, title, unit, scope_title
        ),
        value=value,
        unit="%",
        weight=weight,
        demand_title=title,
        demand_unit=unit,
        scope=scope_title,
        groups=measured.rows if measured else (),
        network=_figures(network),
        missing=tuple(dict.fromkeys(place.missing)),
        parameters=_parameters(mode, minutes, measure.width_m),
        definition=measure.definition,
        source=measure.source,
        verified=measure.verified,
    )
    if measured is None or demand is None:
        return data, ()
    return data, result_layers(place, measure, measured, demand, unit)


def _headline(
    place: Place,
    measure: CoverageMeasure,
    mode: Mode,
    minutes: float,
    value: float | None,
    measured: Measured | None,
    title: str,
    unit: str,
    scope: str,
) -> str:
    if value is None:
        lacks = "；".join(dict.fromkeys(place.missing))
        return f"{measure.title}：数据缺失（{lacks}）。"
    assert measured is not None
    rows = [row for row in measured.rows if row.share_percent is not None]
    total = rows[0].demand or 0.0
    digits = 0 if unit == "人" else 2
    words = (
        f"{measure.title}（{mode.title} {minutes:g} 分钟，沿路网）：{scope}内{title}"
        f" {total:.{digits}f} {unit}，"
    )
    if len(rows) == 1:
        return words + f"覆盖 {rows[0].covered or 0.0:.{digits}f} {unit}，占 {value:.2f}%。"
    low = min(rows, key=lambda row: row.share_percent or 0.0)
    return words + (
        f"各类设施都能到达的占 {value:.2f}%；最低的是{low.title}，{low.share_percent:.2f}%。"
    )


def _commuting(
    place: Place, measure: CommutingMeasure, mode_name: ModeName, minutes: float, table: Path | None
) -> tuple[Accessibility, tuple[LayerOutput, ...]]:
    mode = network_parameters().modes[mode_name]
    if table is None:
        place.missing.append(f"通勤起讫点表（用 --table 给出 CSV：{HEADER}）")
    network = _network(place, mode_name)
    mean = within = None
    bands: tuple[BandRow, ...] = ()
    headline = f"{measure.title}：数据缺失（{'；'.join(place.missing)}）。"
    if network is not None and table is not None:
        pairs = read_pairs(table, place)
        times = commuting_minutes(network, pairs, mode)
        way, total = np.isfinite(times), float(pairs.people.sum())
        staying = float(pairs.people[(pairs.origins == pairs.destinations).all(axis=1)].sum())
        if staying:
            place.notices.append(
                f"有 {staying:.0f} 人（{staying / total:.1%}）起讫点相同，按 0 分钟计，平均时间因此偏低"
            )
        if pairs.people[way].sum() > 0:
            mean = round(float(np.average(times[way], weights=pairs.people[way])), 2)
            within = round(100 * float(pairs.people[times <= minutes].sum()) / total, 2)
            bands = time_bands(times, pairs.people, measure.bands_minutes)
            headline = (
                f"{measure.title}（{mode.title}，沿路网）：{total:.0f} 人平均 {mean:.2f} 分钟，"
                f"{minutes:g} 分钟以内的占 {within:.2f}%。"
            )
        else:
            place.missing.append("起讫点表中没有在路网上能到达的一对起讫点")
            headline = f"{measure.title}：数据缺失（{'；'.join(place.missing)}）。"
    data = Accessibility(
        kind=measure.id,
        title=measure.title,
        status=MISSING if mean is None else COMPUTED,
        headline=headline,
        value=mean,
        unit="分钟",
        weight="population",
        demand_title="通勤人口",
        demand_unit="人",
        scope="起讫点表所列",
        bands=bands,
        within_limit_percent=within,
        network=_figures(network),
        missing=tuple(dict.fromkeys(place.missing)),
        parameters=_parameters(mode, minutes),
        definition=measure.definition,
        source=measure.source,
        verified=measure.verified,
    )
    return data, ()
