"""Grade every kind of risk for a place and its towns; an absent figure grades nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import LayerCatalogue
from tools.assessment.assess import Point, series_of
from tools.assessment.grades import TrendLimits
from tools.assessment.trend import theil_sen
from tools.indicators.evaluate import evaluate
from tools.indicators.scopes import scoped_layers, towns
from tools.indicators.tool import definitions
from tools.indicators.values import IndicatorValue
from tools.indicators.yearly_table import YearlyTable
from tools.risk_assessment.book import Evidence, Kind, RiskBook

Progress = Callable[[str], None]
CHANGE_UNIT = "%/年"


class TownGrade(Frozen):
    """One evidence in one town; value in the evidence's unit."""

    town: str
    value: float
    grade: str


class Measured(Frozen):
    """One evidence of a risk as it was found."""

    now: IndicatorValue
    of: str
    worse: str
    limits: tuple[float, ...]
    source: str
    value: float | None
    """What is graded: the indicator's value, or its change in percent a year."""
    unit: str
    digits: int
    grade: str
    why: str = ""
    """Why it has no grade, or what to know of the value."""
    towns: tuple[TownGrade, ...] = ()


class KindRisk(Frozen):
    """One kind of risk."""

    id: str
    title: str
    grade: str
    drivers: tuple[str, ...]
    """Titles of the evidence that has this grade."""
    measured: tuple[Measured, ...]
    towns: dict[str, str]
    """Worst grade of each town; empty where no evidence is known by town."""
    responses: tuple[str, ...]
    """Proposed where the place or one of its towns reaches the grade that the book names."""


def assess_kinds(
    book: RiskBook,
    layers: Path,
    catalogue: LayerCatalogue,
    table: YearlyTable | None,
    year: int,
    trend: TrendLimits,
    filled: Mapping[str, str],
    progress: Progress,
) -> tuple[KindRisk, ...]:
    """Assess all kinds of risk.

    Args:
        book: Kinds, evidence, thresholds.
        layers: Folder of the catalogue.
        catalogue: Its layers.
        table: Yearly statistics, for figures and for changes.
        year: Of the assessment.
        trend: From when on a series is said to have a trend; below it a change counts as none.
        filled: Values given directly for the year, by indicator id.
        progress: Told of each place before it is worked out.

    Raises:
        InputError: an unknown indicator, or wrong data.
    """
    known = definitions(tuple(e.indicator for kind in book.kinds for e in kind.evidence))
    progress(f"计算 {catalogue.region_name} 的 {len(known)} 个指标")
    place = scoped_layers(layers, catalogue, "county")
    present = {v.id: v for v in evaluate(known, place, table, year, filled)}
    years = [y for y in table.years if y < year] if table is not None else []
    by_year = {y: {v.id: v for v in evaluate(known, place, table, y)} for y in years}
    by_year[year] = present
    local = {e.indicator for kind in book.kinds for e in kind.evidence if e.towns}
    by_town: dict[str, dict[str, IndicatorValue]] = {}
    for town in towns(layers, catalogue) if local else ():
        progress(f"计算 {town}")
        scope = place.town(town)
        wanted = [d for d in known if d.said.id in local]
        by_town[town] = {v.id: v for v in evaluate(wanted, scope, table, year)}

    def measured(evidence: Evidence) -> Measured:
        now = present[evidence.indicator]
        if evidence.of == "yearly_change":
            points, _ = series_of(now.id, by_year)
            value, why = yearly_change(points, year, trend)
        else:
            value, why = now.value, now.method if now.value is None else ""
        return _measured(evidence, now, value, why, by_town, book)

    return tuple(_kind(kind, [measured(e) for e in kind.evidence], book) for kind in book.kinds)


def yearly_change(
    points: tuple[Point, ...], year: int, limits: TrendLimits
) -> tuple[float | None, str]:
    """Return the trend in percent of the present value a year, and what to know of it.

    A series whose pairs do not agree in direction counts as unchanged (0).
    """
    present = next((p.value for p in points if p.year == year), None)
    if present is None:
        return None, f"没有 {year} 年的值"
    if len(points) < limits.least_points:
        return None, f"只有 {len(points)} 年的值，至少要 {limits.least_points} 年才算变化"
    if present == 0:
        return None, "当年值为 0，不能算变化率"
    found = theil_sen([p.year for p in points], [p.value for p in points])
    assert found is not None
    span = f"{points[0].year}—{points[-1].year} 年"
    if abs(found.agreement) < limits.least_agreement:
        return 0.0, f"{span}无明显趋势，按不变计"
    return round(100 * found.slope / abs(present), 3), f"{span}序列"


def _measured(
    evidence: Evidence,
    now: IndicatorValue,
    value: float | None,
    why: str,
    by_town: dict[str, dict[str, IndicatorValue]],
    book: RiskBook,
) -> Measured:
    change = evidence.of == "yearly_change"
    local = tuple(
        TownGrade(town=town, value=v.value, grade=book.grades[evidence.grade(v.value)].name)
        for town, values in by_town.items()
        if evidence.towns and (v := values.get(now.id)) is not None and v.value is not None
    )
    return Measured(
        now=now,
        of=evidence.of,
        worse=evidence.worse,
        limits=evidence.limits,
        source=evidence.source,
        value=value,
        unit=CHANGE_UNIT if change else now.unit,
        digits=2 if change else now.digits,
        grade=book.missing if value is None else book.grades[evidence.grade(value)].name,
        why=why,
        towns=local,
    )


def _kind(kind: Kind, measured: list[Measured], book: RiskBook) -> KindRisk:
    order = [g.name for g in book.grades]
    grade = worst([m.grade for m in measured], book)
    local: dict[str, str] = {}
    for town in dict.fromkeys(t.town for m in measured for t in m.towns):
        grades = [t.grade for m in measured for t in m.towns if t.town == town]
        local[town] = worst(grades, book)
    floor = order.index(book.respond_from)
    respond = any(g in order and order.index(g) >= floor for g in (grade, *local.values()))
    return KindRisk(
        id=kind.id,
        title=kind.title,
        grade=grade,
        drivers=tuple(title_of(m) for m in measured if m.grade == grade and m.value is not None),
        measured=tuple(measured),
        towns=local,
        responses=kind.responses if respond else (),
    )


def worst(grades: list[str], book: RiskBook) -> str:
    """Return the gravest of some grades; those without a grade do not count."""
    order = [g.name for g in book.grades]
    found = [order.index(g) for g in grades if g in order]
    return order[max(found)] if found else book.missing


def title_of(m: Measured) -> str:
    """Name an evidence."""
    return f"{m.now.title}年均变化" if m.of == "yearly_change" else m.now.title
