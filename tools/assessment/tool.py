"""The tool `assess_indicators`: the yearly check-up of a place against a set of indicators."""

from pathlib import Path
from typing import Annotated

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import Column, Provenance, Table, ToolResult
from tools.assessment.assess import Assessed, assess
from tools.assessment.grades import Grades, load_grades
from tools.assessment.trend import METHOD
from tools.catalogue import Sent, tool
from tools.indicators.load import indicators
from tools.indicators.sets import IndicatorSet, indicator_set
from tools.indicators.tool import default_year, find_statistics, provenance_inputs
from tools.layers import load_catalogue
from tools.library.kinds import entry
from tools.library.state import disabled

VERSION = "1"
SET = "county_checkup"
CATEGORIES = ("安全", "创新", "协调", "绿色", "开放", "共享")


class Assessment(Frozen):
    """`ToolResult.data` of the tool."""

    place: str
    year: int
    set: IndicatorSet
    counts: dict[str, int]
    """Indicators by grade."""
    normal_share_percent: float | None
    """Weight of the indicators without a warning, of those that have a grade."""
    items: tuple[Assessed, ...]
    trend_method: str
    grades: Grades


@tool(
    "assess_indicators",
    title="体检评估与指标预警",
    version=VERSION,
    examples=(
        "做一次年度国土空间体检评估，哪些指标要预警？",
        "对照目标看各项指标的差距和趋势",
        "建设用地总面积按现在的趋势 2035 年会不会突破目标",
    ),
)
def assess_indicators(
    layers: Path,
    statistics: Annotated[Path | None, Sent("table")] = None,
    year: int | None = None,
    indicator_set_id: str = SET,
    version: int | None = None,
    filled: dict[str, str] | None = None,
    grades: Path | None = None,
    network: bool = False,
) -> ToolResult:
    """Assess a place: yearly series, target, gap, trend and graded warning of each indicator.

    Targets and weights come from an indicator set, thresholds and names of grades from a file; both
    that ship are the project's own. An indicator without data gets no grade.

    Args:
        layers: Folder with `layers.yaml`.
        statistics: Yearly statistics (CSV); `statistics.csv` beside the layers when not given.
        year: Of the check-up; that of the land-use layer, else the last of the statistics.
        indicator_set_id: The set.
        version: Of the set; the last when not given.
        filled: Values given directly for the year, by id, with unit.
        grades: The bureau's own thresholds (YAML).
        network: Measure coverage on the street network where the statistics do not state it.

    Raises:
        InputError: no such set, indicator or file, or one of them is wrong.
    """
    catalogue = load_catalogue(layers)
    table = find_statistics(layers, statistics)
    when = year if year is not None else default_year(catalogue, table)
    chosen, limits = indicator_set(indicator_set_id, version), load_grades(grades)
    off = disabled("indicator")
    active = chosen.model_copy(
        update={"members": tuple(m for m in chosen.members if m.id not in off)}
    )
    if not active.members:
        raise InputError("指标集中的指标都已停用", field="set", mend="启用指标或换一个指标集")
    direct = {entry("indicator", name).id: value for name, value in (filled or {}).items()}
    items = assess(active, limits, layers, table, when, direct, network=network)
    graded = [a for a in items if a.deviation_percent is not None]
    weight = sum(a.weight for a in graded)
    first = limits.tables[limits.standard][0].name
    data = Assessment(
        place=catalogue.region_name,
        year=when,
        set=chosen,
        counts={name: n for name in limits.names if (n := sum(a.grade == name for a in items))},
        normal_share_percent=round(100 * sum(a.weight for a in graded if a.grade == first) / weight, 1) if weight else None,
        items=items,
        trend_method=METHOD,
        grades=limits,
    )  # fmt: skip
    known = indicators()
    wanted = [known[m.id] for m in active.members]
    roles = {p.role for d in wanted for p in d.said.inputs.values() if p.role}
    used = sorted((s for s in catalogue.layers if s.role in roles), key=lambda s: s.name)
    return ToolResult(
        tool="assess_indicators",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=(
            counts_table(data),
            results_table(data),
            trends_table(data),
            series_table(data),
        ),
        basis=tuple(dict.fromkeys(b for a in items for b in a.now.basis if b.verified)),
        provenance=Provenance(
            tool="assess_indicators",
            version=VERSION,
            inputs=provenance_inputs(wanted, table),
            parameters={
                "year": when,
                "set": f"{chosen.id} v{chosen.version}",
                "filled": direct,
                "network": network,
            },
            epsg=catalogue.epsg,
            layer_dates={spec.name: spec.date for spec in used},
        ),
        warnings=_warnings(data, off),
        secrecy=max(
            (s.secrecy for s in used), key=lambda level: level.rank, default=Secrecy.PUBLIC
        ),
        synthetic=catalogue.synthetic or any(s.synthetic for s in used),
    )


def counts_table(data: Assessment) -> Table:
    """Count the indicators by grade and name them."""
    rows = tuple(
        {
            "grade": name,
            "count": str(count),
            "titles": "、".join(a.now.title for a in data.items if a.grade == name),
        }
        for name, count in data.counts.items()
    )
    columns = ("grade", "等级"), ("count", "个数"), ("titles", "指标")
    grades = data.grades
    note = f"等级名称与阈值为“{grades.title}”，{grades.to_confirm}。{grades.method}。"
    return _table("counts", "预警总览", columns, rows, note)


def results_table(data: Assessment) -> Table:
    """One row an indicator: value, what is required, target, deviation, grade."""
    columns = (
        ("title", "指标"), ("attribute", "属性"), ("value", "现状"), ("required", "应达值"),
        ("target", "目标值"), ("deviation", "偏离率（%）"), ("grade", "预警"),
    )  # fmt: skip
    rows = tuple(
        {
            "title": _titled(a),
            "attribute": a.attribute or "—",
            "value": current_shown(a, data.year),
            "required": _shown(a, a.required, least=1),
            "target": _shown(a, a.target),
            "deviation": "—" if a.deviation_percent is None else f"{a.deviation_percent:.2f}",
            "grade": a.grade,
        }
        for a in in_order(data.items)
    )
    return _table(
        "results", "指标达标情况", columns, rows,
        f"应达值由基期到目标年按直线取 {data.year} 年的值；偏离率为负表示优于应达值。",
    )  # fmt: skip


def trends_table(data: Assessment) -> Table:
    """One row an indicator: trend, change a year, and where it leads."""
    columns = (
        ("title", "指标"), ("trend", "趋势"), ("slope", "年均变化"), ("year", "目标年"),
        ("forecast", "按趋势将达到"), ("target", "目标值"), ("grade", "届时预警"),
    )  # fmt: skip
    rows = tuple(
        {
            "title": _titled(a),
            "trend": a.trend_word,
            "slope": "—" if a.trend is None else f"{a.trend.slope:+.{max(a.now.digits, 2)}f}",
            "year": "—" if a.target_year is None else str(a.target_year),
            "forecast": _shown(a, a.forecast, least=1),
            "target": _shown(a, a.target),
            "grade": a.forecast_grade or "—",
        }
        for a in in_order(data.items)
        if a.trend is not None
    )
    note = f"趋势：{data.trend_method}；照此外推，不是预测模型的结果，百分比以 0—100 为限。"
    return _table("trends", "趋势与外推", columns, rows, note)


def series_table(data: Assessment) -> Table:
    """One row an indicator, one column a year."""
    years = sorted({p.year for a in data.items for p in a.points})
    columns = (("title", "指标"), *((str(y), str(y)) for y in years))
    rows = tuple(
        {"title": _titled(a), **{str(p.year): _short(a, p.value) for p in a.points}}
        for a in in_order(data.items)
        if a.points
    )
    return _table("series", "逐年数值", columns, rows)


def _table(
    name: str,
    title: str,
    columns: tuple[tuple[str, str], ...],
    rows: tuple[dict[str, str], ...],
    note: str = "",
) -> Table:
    shown = tuple(Column(key=key, title=heading) for key, heading in columns)
    return Table(name=name, title=title, columns=shown, rows=rows, note=note)


def _titled(item: Assessed) -> str:
    return f"{item.now.title}（{item.now.unit}）"


def _short(item: Assessed, value: float) -> str:
    """Two decimals are enough for a number above ten."""
    return f"{value:.{min(item.now.digits, 2) if abs(value) >= 10 else item.now.digits}f}"


def in_order(items: tuple[Assessed, ...]) -> list[Assessed]:
    """Sort by category, as the standard names them."""
    place = {name: n for n, name in enumerate(CATEGORIES)}
    return sorted(items, key=lambda a: place.get(a.now.category, len(place)))


def current_shown(item: Assessed, year: int) -> str:
    """Return the value of the year that the series has."""
    return _shown(item, next((p.value for p in item.points if p.year == year), None))


def _shown(item: Assessed, value: float | None, least: int = 0) -> str:
    return "—" if value is None else f"{value:.{max(item.now.digits, least)}f}"


def _warnings(data: Assessment, off: dict[str, str]) -> tuple[str, ...]:
    told = [f"指标集“{data.set.title}”：{data.set.source}。"] if not data.set.verified else []
    told += [
        f"“{a.now.title}”没有数据：{a.now.method}。" for a in data.items if a.now.value is None
    ]
    told += [f"“{a.now.title}”：{text}。" for a in data.items for text in a.remarks]
    stopped = [m.id for m in data.set.members if m.id in off]
    if stopped:
        told.append(f"已停用、没有评估的指标：{'、'.join(stopped)}。")
    unverified = sum(not a.now.verified for a in data.items)
    if unverified:
        told.append(f"{unverified} 个指标的定义为软件自拟，官方定义原文未见到，须由使用单位确认。")
    return tuple(dict.fromkeys(told))
