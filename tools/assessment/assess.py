"""A yearly check-up: series, target, gap, trend and grade of every indicator of a set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.assessment.grades import Grades, grade_of
from tools.assessment.trend import Trend, theil_sen
from tools.indicators.evaluate import evaluate
from tools.indicators.network_measures import measured
from tools.indicators.scopes import scoped_layers
from tools.indicators.sets import IndicatorSet, Member
from tools.indicators.tool import DIFFERENCE_PERCENT, definitions
from tools.indicators.values import IndicatorValue
from tools.indicators.yearly_table import YearlyTable
from tools.layers import load_catalogue
from tools.library.units import Quantity


class Point(Frozen):
    """One year of a series."""

    year: int
    value: float
    status: Literal["computed", "reported"]


class Assessed(Frozen):
    """One indicator of the check-up; figures are in the indicator's unit."""

    now: IndicatorValue
    weight: float
    attribute: str
    points: tuple[Point, ...]
    target: float | None = None
    target_year: int | None = None
    base_year: int | None = None
    base_value: float | None = None
    required: float | None = None
    """On the straight line from base to target, in the year of the check-up."""
    gap: float | None = None
    """Value less what is required."""
    deviation_percent: float | None = None
    """In the adverse direction; negative where it is better than required."""
    grade: str
    trend: Trend | None = None
    trend_word: str
    forecast: float | None = None
    """Of the trend in the target year."""
    forecast_grade: str = ""
    remarks: tuple[str, ...] = ()


def assess(
    chosen: IndicatorSet,
    grades: Grades,
    layers: Path,
    table: YearlyTable | None,
    year: int,
    filled: Mapping[str, str] | None = None,
    *,
    network: bool = False,
) -> tuple[Assessed, ...]:
    """Assess every member of a set that is switched on.

    Args:
        chosen: The set.
        grades: Thresholds.
        layers: Folder of the catalogue.
        table: Yearly statistics; series are built from its years up to `year`.
        year: Of the check-up.
        filled: Values given directly for `year`, by id.
        network: Measure on the street network what the statistics of `year` do not state.

    Raises:
        InputError: an unknown indicator, a target in another unit, or wrong data.
    """
    known = definitions(tuple(m.id for m in chosen.members))
    catalogue = load_catalogue(layers)
    place = scoped_layers(layers, catalogue, "county")
    earlier = [] if table is None else [y for y in table.years if y < year]
    by_year = {y: {v.id: v for v in evaluate(known, place, table, y)} for y in earlier}
    present = evaluate(known, place, table, year, filled)
    if network:
        present = measured(present, layers, catalogue, year)
    by_year[year] = {v.id: v for v in present}
    return tuple(
        _assessed(m, by_year, year, grades) for m in chosen.members if m.id in by_year[year]
    )


def _assessed(
    member: Member, by_year: dict[int, dict[str, IndicatorValue]], year: int, grades: Grades
) -> Assessed:
    now = by_year[year][member.id]
    points, remarks = series_of(member.id, by_year)
    trend = theil_sen([p.year for p in points], [p.value for p in points])
    if len(points) < grades.trend.least_points:
        trend = None
    found = Assessed(
        now=now,
        weight=member.weight,
        attribute=member.attribute,
        points=points,
        grade=grades.without_target,
        trend=trend,
        trend_word=_trend_word(trend, now, grades),
        remarks=remarks,
    )
    current = next((p.value for p in points if p.year == year), None)
    if member.target is None:
        return found if current is not None else found.model_copy(update={"grade": grades.missing})
    return _against_target(found, member, current, year, grades)


def series_of(
    name: str, by_year: dict[int, dict[str, IndicatorValue]]
) -> tuple[tuple[Point, ...], tuple[str, ...]]:
    """Make one series by one definition: reported throughout where layers say something else."""
    values = [v for year in sorted(by_year) if (v := by_year[year][name]).value is not None]
    differs = [
        v for v in values
        if v.difference_percent is not None and abs(v.difference_percent) > DIFFERENCE_PERCENT
    ]  # fmt: skip
    mixed = len({v.status for v in values}) > 1
    remarks: tuple[str, ...] = ()
    if mixed and differs:
        remarks = ("按图层计算的值与填报值不一致，序列全部用填报值",)
        values = [
            v.model_copy(update={"value": v.reported, "status": "reported"}) if v in differs else v
            for v in values
        ]
    points = tuple(
        Point(
            year=v.year, value=v.value, status="computed" if v.status == "computed" else "reported"
        )
        for v in values
        if v.value is not None
    )
    return points, remarks


def _against_target(
    found: Assessed, member: Member, current: float | None, year: int, grades: Grades
) -> Assessed:
    assert member.target is not None
    now, goal = found.now, member.target
    try:
        target = Quantity.of(goal.value, goal.unit).to(now.unit).value
    except InputError as error:
        raise InputError(
            f"“{now.title}”的目标单位 {goal.unit} 不能换算为 {now.unit}",
            field="target",
            mend=error.mend,
        ) from None
    base = next((p.value for p in found.points if p.year == goal.base_year), None)
    update: dict[str, object] = {
        "target": target, "target_year": goal.year, "base_year": goal.base_year, "base_value": base,
    }  # fmt: skip
    if current is None:
        return found.model_copy(update={**update, "grade": grades.missing})
    required = required_value(base, goal.base_year, target, goal.year, year)
    deviation = deviation_percent(current, required, now.direction)
    try:
        steps = grades.table(member.attribute, member.grades)
    except KeyError:
        raise InputError(
            f"没有阈值表“{member.grades}”", field="grades", mend=f"可用：{'、'.join(grades.tables)}"
        ) from None
    update |= {
        "required": required,
        "gap": current - required,
        "deviation_percent": round(deviation, 2),
        "grade": grade_of(deviation, steps).name,
    }
    if found.trend is not None and goal.year > year:
        forecast = _possible(found.trend.at(goal.year), found)
        ahead = deviation_percent(forecast, target, now.direction)
        update |= {"forecast": forecast, "forecast_grade": grade_of(ahead, steps).name}
    remarks = found.remarks
    if base is None:
        remarks = (*remarks, f"没有基期 {goal.base_year} 年的值，直接与目标值比较")
    return found.model_copy(update={**update, "remarks": remarks})


def _possible(forecast: float, found: Assessed) -> float:
    """Keep a trend within what can be: no share above the whole, nothing below zero that never was."""
    if found.now.unit == "%":
        return min(max(forecast, 0.0), 100.0)
    return max(forecast, 0.0) if all(p.value >= 0 for p in found.points) else forecast


def required_value(
    base: float | None, base_year: int, target: float, target_year: int, year: int
) -> float:
    """Return what should be reached in a year on the straight line from base to target."""
    if base is None or year >= target_year:
        return target
    share = max(0.0, (year - base_year) / (target_year - base_year))
    return base + (target - base) * share


def deviation_percent(value: float, required: float, direction: str) -> float:
    """Return how far a value is off in the adverse direction, in percent of what is required.

    Where nothing is required (0), any adverse value is 100 percent off.
    """
    match direction:
        case "higher":
            adverse = required - value
        case "lower":
            adverse = value - required
        case _:
            adverse = abs(value - required)
    if required == 0:
        return 100.0 * ((adverse > 0) - (adverse < 0))
    return 100 * adverse / abs(required)


def _trend_word(trend: Trend | None, now: IndicatorValue, grades: Grades) -> str:
    if trend is None:
        return "年份不足"
    if abs(trend.agreement) < grades.trend.least_agreement or trend.slope == 0:
        return "无明显趋势"
    word = "上升" if trend.slope > 0 else "下降"
    if now.direction == "none":
        return word
    good = (trend.slope > 0) == (now.direction == "higher")
    return f"{word}（{'向好' if good else '向差'}）"
