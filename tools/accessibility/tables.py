"""The tables of a result."""

import itertools

import numpy as np

from cspon.schemas.spatial import Column, Table
from tools.accessibility.network import Floats
from tools.accessibility.outcome import Accessibility, BandRow


def time_bands(minutes: Floats, people: Floats, edges: tuple[float, ...]) -> tuple[BandRow, ...]:
    """Count commuters between minutes; those without a way come last, where there are any."""
    total = float(people.sum())
    limits = [0.0, *edges, np.inf]
    titles = [f"{edges[0]:g} 分钟以内"]
    titles += [f"{a:g} 至 {b:g} 分钟" for a, b in itertools.pairwise(edges)]
    titles += [f"超过 {edges[-1]:g} 分钟"]
    rows = []
    for k, title in enumerate(titles):
        inside = (
            (minutes <= limits[k + 1]) & ((minutes > limits[k]) | (k == 0)) & np.isfinite(minutes)
        )
        count = float(people[inside].sum())
        rows.append(BandRow(title=title, people=count, share_percent=round(100 * count / total, 2)))
    lost = float(people[~np.isfinite(minutes)].sum())
    if lost:
        rows.append(
            BandRow(title="路网不能到达", people=lost, share_percent=round(100 * lost / total, 2))
        )
    return tuple(rows)


def result_tables(data: Accessibility) -> tuple[Table, ...]:
    """Return coverage by kind of facility or commuters by time, and the network with parameters."""
    tables = []
    if data.groups:
        unit = data.demand_unit
        tables.append(
            Table(
                name="coverage",
                title=data.title,
                columns=(
                    Column(key="title", title="设施类别"),
                    Column(key="status", title="状态"),
                    Column(key="facilities", title="设施数", unit="处"),
                    Column(key="demand", title=data.demand_title, unit=unit),
                    Column(key="covered", title="覆盖", unit=unit),
                    Column(key="share_percent", title="覆盖率", unit="%"),
                    Column(key="mean_minutes", title="平均用时", unit="分钟"),
                    Column(key="without_way", title="路网不能到达", unit=unit),
                ),
                rows=tuple(row.model_dump(exclude={"id", "missing"}) for row in data.groups),
                note=data.definition,
            )
        )
    if data.bands:
        tables.append(
            Table(
                name="bands",
                title="通勤时间分布",
                columns=(
                    Column(key="title", title="时间"),
                    Column(key="people", title="人数", unit="人"),
                    Column(key="share_percent", title="比重", unit="%"),
                ),
                rows=tuple(row.model_dump() for row in data.bands),
                note=data.definition,
            )
        )
    if data.network is not None:
        network = data.network
        rows = {
            "路网总长（千米）": network.length_km,
            "路段数": network.edges,
            "节点数": network.nodes,
            "最大连通部分占总长（%）": network.largest_part_percent,
            "端点合并容差（米）": network.snap_m,
            **data.parameters,
        }
        tables.append(
            Table(
                name="parameters",
                title="路网与参数",
                columns=(Column(key="name", title="项目"), Column(key="value", title="数值")),
                rows=tuple({"name": name, "value": value} for name, value in rows.items()),
                note="参数为本项目自定，未经标准核对。",
            )
        )
    return tuple(tables)
