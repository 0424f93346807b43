"""Tables of the risk assessment: overview, evidence, towns."""

from collections.abc import Mapping, Sequence

from cspon.schemas.spatial import Column, Table
from tools.risk_assessment.assess import KindRisk, Measured, title_of
from tools.risk_assessment.book import RiskBook


def risk_tables(
    kinds: Sequence[KindRisk], towns: Mapping[str, str], book: RiskBook
) -> tuple[Table, ...]:
    """Return the tables in the order of the report; that of the towns only where there are any."""
    shown = [overview(kinds, book), evidence(kinds, book)]
    return (*shown, by_town(kinds, towns)) if towns else tuple(shown)


def overview(kinds: Sequence[KindRisk], book: RiskBook) -> Table:
    """One row a kind: grade, what makes it, where."""
    columns = (
        ("title", "风险"), ("grade", "等级"), ("drivers", "主要证据"), ("places", "突出的乡镇"),
    )  # fmt: skip
    rows = tuple(
        {
            "title": kind.title,
            "grade": kind.grade,
            "drivers": "；".join(sentence(m) for m in kind.measured if m.grade == kind.grade and m.value is not None)
            or "—",
            "places": "、".join(worst_towns(kind, book)) or ("—" if kind.towns else "未分乡镇"),
        }
        for kind in kinds
    )  # fmt: skip
    return _table("risks", "风险总览", columns, rows, f"{book.method}。")


def evidence(kinds: Sequence[KindRisk], book: RiskBook) -> Table:
    """One row an evidence: value, thresholds, grade, what to know of it."""
    columns = (
        ("kind", "风险"), ("title", "证据"), ("value", "数值"), ("limits", "分级界限"),
        ("grade", "等级"), ("note", "说明"),
    )  # fmt: skip
    rows = tuple(
        {
            "kind": kind.title,
            "title": title_of(m),
            "value": "—" if m.value is None else f"{m.value:.{m.digits}f} {m.unit}",
            "limits": limits_shown(m),
            "grade": m.grade,
            "note": m.why or "—",
        }
        for kind in kinds
        for m in kind.measured
    )
    return _table(
        "evidence",
        "证据与分级",
        columns,
        rows,
        f"界限依次是“{'”“'.join(g.name for g in book.grades[:-1])}”的界限，越过最后一个的为“{book.grades[-1].name}”；界限值属于较低的一级。",
    )


def by_town(kinds: Sequence[KindRisk], towns: Mapping[str, str]) -> Table:
    """One row a town, one column a kind that is known by town, and the worst of them."""
    local = [kind for kind in kinds if kind.towns]
    columns = (
        ("town", "乡镇"), *((kind.id, kind.title) for kind in local),
        *((("worst", "最高等级"),) if len(local) > 1 else ()),
    )  # fmt: skip
    rows = tuple(
        {
            "town": town,
            **{kind.id: kind.towns.get(town, "—") for kind in local},
            **({"worst": grade} if len(local) > 1 else {}),
        }
        for town, grade in towns.items()
    )
    others = "、".join(kind.title for kind in kinds if not kind.towns)
    note = f"{others}只有全域数据，未分乡镇。" if others else ""
    if any(word == "—" for row in rows for word in row.values()):
        note += "“—”为该乡镇没有这类控制线内的用地或没有数据。"
    return _table("towns", "乡镇风险等级", columns, rows, note)


def worst_towns(kind: KindRisk, book: RiskBook) -> list[str]:
    """Name the towns of the gravest grade, from the grade that asks for a response on."""
    order = [g.name for g in book.grades]
    floor = order.index(book.respond_from)
    places = {t: order.index(g) for t, g in kind.towns.items() if g in order}
    high = max(places.values(), default=0)
    return [f"{t}（{order[p]}）" for t, p in places.items() if p == high >= floor]


def sentence(m: Measured) -> str:
    """State an evidence with its figure."""
    assert m.value is not None
    return f"{title_of(m)} {m.value:.{m.digits}f} {m.unit}"


def limits_shown(m: Measured) -> str:
    """Write the thresholds from harmless to grave."""
    word = "不高于" if m.worse == "higher" else "不低于"
    return f"{word} {'、'.join(f'{limit:g}'.replace('-', '−') for limit in m.limits)}"


def source_of(m: Measured) -> str:
    """Say where a figure came from and whose the thresholds are."""
    return f"{title_of(m)}：{'；'.join(m.now.sources) or '无数据'}。界限：{m.source}。"


def _table(
    name: str,
    title: str,
    columns: Sequence[tuple[str, str]],
    rows: tuple[dict[str, str], ...],
    note: str,
) -> Table:
    shown = tuple(Column(key=key, title=heading) for key, heading in columns)
    return Table(name=name, title=title, columns=shown, rows=rows, note=note)
