"""Tables of the implementation assessment."""

from collections.abc import Sequence

from cspon.schemas.spatial import Column, Table
from tools.assessment.assess import Assessed
from tools.assessment.tool import in_order
from tools.implementation_assessment.book import Book
from tools.implementation_assessment.layout import Layout
from tools.implementation_assessment.problems import Problem, completion_percent
from tools.implementation_assessment.schedule import Policy, Project

Columns = Sequence[tuple[str, str]]
PAIR_HA = 0.1
"""Pairs of classes below this are summed up."""


def indicator_table(items: Sequence[Assessed], year: int) -> Table:
    """Base, present, what should be reached, target and gap."""
    columns = (
        ("title", "指标"), ("base", "基期值"), ("value", "现状"), ("required", "应达值"),
        ("target", "目标值"), ("gap", "差距"), ("grade", "预警"),
    )  # fmt: skip
    rows = tuple(
        {
            "title": f"{a.now.title}（{a.now.unit}）",
            "base": _number(a, a.base_value),
            "value": _number(a, _value_of(a, year)),
            "required": _number(a, a.required),
            "target": _number(a, a.target),
            "gap": _number(a, a.gap, sign="+"),
            "grade": a.grade,
        }
        for a in in_order(tuple(items))
    )
    note = f"应达值由基期到目标年按直线取 {year} 年的值；差距为现状减应达值。"
    return _table("indicators", "指标完成情况", columns, rows, note)


def progress_table(items: Sequence[Assessed], year: int, rhythm: str) -> Table:
    """Change since last year (yearly) or the way from base to target (five-year), and the trend."""
    yearly = rhythm == "yearly"
    columns = (
        ("title", "指标"), ("attribute", "属性"),
        *((("before", "上年值"), ("change", "比上年")) if yearly else (("done", "完成度（%）"),)),
        ("trend", "趋势"), ("forecast", "按趋势目标年将达到"), ("later", "届时预警"),
    )  # fmt: skip
    rows = []
    for a in in_order(tuple(items)):
        now, last = _value_of(a, year), _value_of(a, year - 1)
        done = completion_percent(a)
        row = {
            "title": f"{a.now.title}（{a.now.unit}）",
            "attribute": a.attribute or "—",
            "before": _number(a, last),
            "change": _number(a, None if now is None or last is None else now - last, sign="+"),
            "done": "—" if done is None else f"{done:.1f}",
            "trend": a.trend_word,
            "forecast": _number(a, a.forecast),
            "later": a.forecast_grade or "—",
        }
        rows.append({key: row[key] for key, _ in columns})
    note = "" if yearly else "完成度为从基期到目标已走过的比例：负数为背离目标；目标是上限或允许减少量的，超过 100 为超出。"  # fmt: skip
    return _table("progress", "进度与趋势", columns, tuple(rows), note)


def judgement_table(layout: Layout, book: Book) -> Table:
    """Area and share by judgement."""
    columns = ("judgement", "一致性"), ("meaning", "含义"), ("area", "面积（公顷）"), ("share", "占比（%）")  # fmt: skip
    rows = tuple(
        {
            "judgement": word,
            "meaning": book.meanings[word],
            "area": f"{ha:.4f}",
            "share": _share(ha, layout.total_ha),
        }
        for word, ha in layout.judged_ha.items()
    )
    built = (
        "" if layout.built_percent is None
        else f"规划建设用地中现状已是建设用地的占 {layout.built_percent:.2f}%。"
    )  # fmt: skip
    note = (
        f"规划用途（{layout.plan_date}）与现状用地（{layout.present_date}）叠加，椭球面积。{built}"
        f"不足 {layout.sliver_m2:g} 平方米的碎斑计入面积（共 {layout.sliver_ha:.4f} 公顷），不列入图斑。"
    )
    return _table("layout", "布局一致性", columns, rows, note)


def _share(part: float, whole: float) -> str:
    if not whole:
        return "—"
    return "<0.01" if 0 < 100 * part / whole < 0.005 else f"{100 * part / whole:.2f}"


def matrix_table(layout: Layout) -> Table:
    """Planned classes down, present classes across, in hectares; margins are sums of the cells."""
    across = list(dict.fromkeys(c.present for c in layout.cells))
    across = [p for p in _in_order(layout) if p in across]
    columns = (("planned", "规划＼现状"), *((p, p) for p in across), ("total", "合计"))
    cells = {(c.planned, c.present): c.area_ha for c in layout.cells}
    down = [p for p in _in_order(layout) if any(c.planned == p for c in layout.cells)]
    rows = [
        {
            "planned": p,
            **{q: _cell(cells.get((p, q))) for q in across},
            "total": f"{sum(cells.get((p, q), 0.0) for q in across):.4f}",
        }
        for p in down
    ]
    sums = {q: f"{sum(cells.get((p, q), 0.0) for p in down):.4f}" for q in across}
    rows.append({"planned": "合计", **sums, "total": f"{layout.total_ha:.4f}"})
    return _table("matrix", "规划与现状面积转移矩阵（公顷）", columns, tuple(rows), "")


def pair_table(layout: Layout, book: Book) -> Table:
    """The pairs of classes that are mapped, largest first; small ones are summed in the note."""
    columns = ("judgement", "一致性"), ("planned", "规划"), ("present", "现状"), ("area", "面积（公顷）"), ("patches", "图斑（个）")  # fmt: skip
    mapped = [c for c in layout.cells if c.judgement in book.to_map]
    ordered = sorted(mapped, key=lambda c: (book.to_map.index(c.judgement), -c.area_ha))
    shown = [c for c in ordered if c.area_ha >= PAIR_HA]
    rows = tuple(
        {
            "judgement": c.judgement,
            "planned": c.planned,
            "present": c.present,
            "area": f"{c.area_ha:.4f}",
            "patches": str(c.patches),
        }
        for c in shown
    )
    left = sum(c.area_ha for c in mapped) - sum(c.area_ha for c in shown)
    note = f"图斑只计不小于 {layout.sliver_m2:g} 平方米的。"
    if len(mapped) > len(shown):
        note += f"另有不足 {PAIR_HA:g} 公顷的 {len(mapped) - len(shown)} 对地类，合计 {left:.4f} 公顷，见矩阵。"
    return _table("pairs", "规划与现状不一致的地类", columns, rows, note)


def place_table(layout: Layout, book: Book) -> Table:
    """One row a town, one column a judgement that is mapped."""
    words = [w for w in book.to_map if any(p.judgement == w for p in layout.places)]
    columns = (("town", "乡镇"), *((w, f"{w}（公顷）") for w in words), ("patches", "图斑（个）"))
    rows = []
    for town in dict.fromkeys(p.town for p in layout.places):
        own = {p.judgement: p for p in layout.places if p.town == town}
        rows.append(
            {
                "town": town,
                **{w: f"{own[w].area_ha:.4f}" if w in own else "—" for w in words},
                "patches": str(sum(p.patches for p in own.values())),
            }
        )
    note = f"只计不小于 {layout.sliver_m2:g} 平方米的图斑。"
    return _table("places", "分乡镇的不一致图斑", columns, tuple(rows), note)


def project_table(projects: Sequence[Project]) -> Table:
    """One row a project."""
    columns = (
        ("name", "项目"), ("kind", "类型"), ("area", "用地（公顷）"), ("years", "建设年限"),
        ("state", "状态"), ("judgement", "评估"), ("responsible", "责任单位"),
    )  # fmt: skip
    rows = tuple(
        {
            "name": p.name, "kind": p.kind, "area": f"{p.area_ha:g}", "years": f"{p.begin}—{p.end}",
            "state": p.state, "judgement": p.judgement, "responsible": p.responsible or "—",
        }
        for p in projects
    )  # fmt: skip
    return _table("projects", "项目实施情况", columns, rows, "按评估年年末认定。")


def policy_table(policies: Sequence[Policy]) -> Table:
    """One row a measure."""
    columns = (
        ("name", "政策措施"), ("due", "期限"), ("state", "状态"), ("judgement", "评估"),
        ("responsible", "责任单位"),
    )  # fmt: skip
    rows = tuple(
        {
            "name": p.name, "due": str(p.due), "state": p.state, "judgement": p.judgement,
            "responsible": p.responsible or "—",
        }
        for p in policies
    )  # fmt: skip
    return _table("policies", "政策落实情况", columns, rows, "按评估年年末认定。")


def problem_table(problems: Sequence[Problem]) -> Table:
    """One row a finding with its suggestion."""
    columns = ("field", "方面"), ("text", "问题"), ("suggestion", "建议")
    rows = tuple({"field": p.field, "text": p.text, "suggestion": p.suggestion} for p in problems)
    return _table("problems", "问题与建议", columns, rows, "问题由数字按规则得出，成因须由人分析。")


def _in_order(layout: Layout) -> list[str]:
    return list(
        dict.fromkeys([c.planned for c in layout.cells] + [c.present for c in layout.cells])
    )


def _cell(area_ha: float | None) -> str:
    return f"{area_ha:.4f}" if area_ha else "—"


def _value_of(a: Assessed, year: int) -> float | None:
    return next((p.value for p in a.points if p.year == year), None)


def _number(a: Assessed, value: float | None, *, sign: str = "") -> str:
    """Two decimals are enough where the indicator's own figures are above ten."""
    if value is None:
        return "—"
    large = max((abs(p.value) for p in a.points), default=abs(value)) >= 10
    return f"{value:{sign}.{min(a.now.digits, 2) if large else a.now.digits}f}"


def _table(
    name: str, title: str, columns: Columns, rows: tuple[dict[str, str], ...], note: str
) -> Table:
    shown = tuple(Column(key=key, title=heading) for key, heading in columns)
    return Table(name=name, title=title, columns=shown, rows=rows, note=note)
