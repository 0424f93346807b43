"""The tables of the planning-conditions sheet."""

from typing import TYPE_CHECKING, Any

from cspon.schemas.spatial import Column, LineOverlap, RuleOutcome, Table, ZoneOverlap
from tools.compliance.rounding import ROUNDING_NOTE, mu
from tools.planning_conditions.control_figures import NOT_GIVEN, figure_table
from tools.planning_conditions.network_services import STRAIGHT

if TYPE_CHECKING:
    from tools.planning_conditions.conditions import Conditions

_AREA = (
    Column(key="area_ha", title="面积", unit="公顷"),
    Column(key="area_mu", title="面积", unit="亩"),
    Column(key="share_percent", title="占比", unit="%"),
)
_CODE = (Column(key="code", title="编码"), Column(key="name", title="名称"))


def condition_tables(data: "Conditions") -> tuple[Table, ...]:
    """Build the tables in the order of the sheet."""
    return (
        _zones("planned_use", "规划用途", data.planned_use),
        _zones("planning_zones", "规划分区", data.planning_zones),
        _figures(data),
        _lines(data),
        _demands(data),
        _roads(data),
        _services(data),
        _slope(data),
        Table(
            name="current_use",
            title="现状地类",
            columns=(*_CODE, *_AREA),
            rows=tuple(
                {**c.model_dump(include={"code", "name", "area_ha", "area_mu"}), **_share(c.share)}
                for c in data.current_use
            ),
            note=ROUNDING_NOTE,
        ),
    )


def _share(share: float) -> dict[str, float]:
    return {"share_percent": round(100 * share, 2)}


def _zones(name: str, title: str, zones: tuple[ZoneOverlap, ...]) -> Table:
    rows = tuple(
        {**z.model_dump(include={"code", "name", "area_ha", "area_mu"}), **_share(z.share)}
        for z in zones
        if z.area_ha
    )
    if zones:
        area = round(sum(z.area_ha for z in zones), 4)
        total = {"code": "合计", "name": "", "area_ha": area, "area_mu": mu(area)}
        rows = (*rows, {**total, "share_percent": round(100 * sum(z.share for z in zones), 2)})
    return Table(name=name, title=title, columns=(*_CODE, *_AREA), rows=rows, note=ROUNDING_NOTE)


def _figures(data: "Conditions") -> Table:
    """Build one row a figure; several plots give several values with their areas."""
    rows: list[dict[str, Any]] = []
    for figure in figure_table():
        stated = [plot for plot in data.figures if figure.key in plot.values]
        several = len(data.figures) > 1
        words = "；".join(
            f"{_number(plot.values[figure.key])}"
            + (f"（{plot.code or f'图斑 {plot.fid}'}，{plot.area_ha:.4f} 公顷）" if several else "")
            for plot in stated
        )
        unit = f"（{figure.unit}）" if figure.unit else ""
        rows.append({"title": f"{figure.title}{unit}", "value": words or NOT_GIVEN})
    layers = dict.fromkeys(plot.layer for plot in data.figures)
    source = f"数值取自图层 {'、'.join(layers)} 的属性，照录原值。" if layers else ""
    return Table(
        name="figures",
        title="规划控制指标",
        columns=(Column(key="title", title="指标"), Column(key="value", title="规定")),
        rows=tuple(rows),
        note=f"{source}“{NOT_GIVEN}”的指标须以批准的详细规划为准，本表不推算。",
    )


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _lines(data: "Conditions") -> Table:
    return Table(
        name="lines",
        title="控制线",
        columns=(
            Column(key="title", title="控制线"),
            Column(key="state", title="是否涉及"),
            Column(key="area_ha", title="线内", unit="公顷"),
            Column(key="outside_ha", title="线外", unit="公顷"),
            Column(key="share_percent", title="线内占比", unit="%"),
        ),
        rows=tuple(_line(line) for line in data.lines),
        note="数据缺失不等于不涉及；要求见“管控要求”。",
    )


def _line(line: LineOverlap) -> dict[str, Any]:
    if line.absent:
        state = f"本地没有（{line.absent}）"
    elif not line.present:
        state = "数据缺失"
    elif line.control == "within":
        state = (
            "全部在线内" if not line.outside_ha else "部分在线外" if line.area_ha else "全部在线外"
        )
    else:
        state = "涉及" if line.area_ha else "不涉及"
    row = line.model_dump(include={"role", "title", "area_ha", "outside_ha"})
    if line.control != "within":
        row["outside_ha"] = None
    return {**row, "state": state, **({} if line.share is None else _share(line.share))}


def _demands(data: "Conditions") -> Table:
    return Table(
        name="demands",
        title="管控要求",
        columns=(
            Column(key="title", title="事项"),
            Column(key="verdict", title="判定"),
            Column(key="message", title="说明"),
            Column(key="procedure", title="程序"),
            Column(key="approval", title="审批层级"),
            Column(key="basis", title="依据"),
        ),
        rows=tuple(_demand(rule) for rule in data.demands),
        note=f"另有 {len(data.met)} 项已核对、没有限制：{'、'.join(data.met)}。"
        if data.met
        else "",
    )


def _demand(rule: RuleOutcome) -> dict[str, Any]:
    return {
        "rule_id": rule.rule_id,
        "title": rule.title,
        "verdict": rule.verdict.value,
        "message": rule.message,
        "procedure": "".join(f"{n}. {step} " for n, step in enumerate(rule.procedure, 1)).strip(),
        "approval": rule.approval or "",
        "basis": "；".join(dict.fromkeys(f"《{b.title}》{b.article or ''}" for b in rule.basis)),
    }


def _roads(data: "Conditions") -> Table:
    return Table(
        name="roads",
        title="周边道路",
        columns=(
            Column(key="name", title="道路"),
            Column(key="kind", title="等级"),
            Column(key="direction", title="方位"),
            Column(key="distance_m", title="至中心线", unit="米"),
            Column(key="control", title="建筑控制区"),
        ),
        rows=tuple(
            {
                **road.model_dump(include={"name", "kind", "direction", "distance_m"}),
                "control": "本规则未规定"
                if road.control_m is None
                else f"用地外缘起 {road.control_m:g} 米（外缘按距中心线 {road.half_width_m:g} 米估计）",
            }
            for road in data.roads or ()
        ),
        note="1 千米以内，同名同等级道路取最近处；距离为投影平面距离，从地块边界量到道路中心线。"
        "公路建筑控制区自公路用地外缘起算，外缘以实测为准。",
    )


def _services(data: "Conditions") -> Table:
    return Table(
        name="services",
        title="公共服务设施",
        columns=(
            Column(key="kind", title="设施"),
            Column(key="count", title="数量", unit="处"),
            Column(key="nearest", title="最近一处"),
            Column(key="distance_m", title="距离", unit="米"),
        ),
        rows=tuple(service.model_dump() for service in data.services or ()),
        note=f"{data.services_within_m:g} 米以内，为{data.service_distance}，自地块边界量起"
        + ("；不是步行路网距离，实际路程更长。" if data.service_distance == STRAIGHT else "。"),
    )


def _slope(data: "Conditions") -> Table:
    if data.slope is None:
        return Table(name="slope", title="坡度", columns=(), rows=())
    slope = data.slope
    return Table(
        name="slope",
        title="坡度",
        columns=(Column(key="title", title="坡度"), *_AREA),
        rows=tuple(
            {
                "title": f"{degrees} 度以上",
                "area_ha": area,
                "area_mu": mu(area),
                "share_percent": round(100 * area / data.area_ha, 2),
            }
            for degrees, area in slope.over_ha.items()
        ),
        note=f"最大 {slope.max_degrees:.1f} 度，平均 {slope.mean_degrees:.1f} 度；"
        f"按 {slope.cell_m:g} 米格网以 Horn 八邻域法计算；各行为累计，不求合计。",
    )
