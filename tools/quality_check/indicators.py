"""Checks of figures: indicator table against layers and text, and against the level above."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.geometry.crs import zone_of
from tools.quality_check.context import Survey
from tools.quality_check.hits import Hit
from tools.quality_check.indicator_table import MEASURE_UNITS, Figure, read_figures
from tools.quality_check.model import IndicatorRule
from tools.quality_check.plan_text import figures_in_text
from tools.quality_check.registry import check

_DIRECTIONS = {"at_least": "不低于", "at_most": "不高于", "equal": "等于"}


def layer_ha(survey: Survey, rule: IndicatorRule) -> float | None:
    """Sum the ellipsoidal areas of the features that count, in hectares; None without the layer."""
    gathered = survey.gathered.get(rule.layer)
    epsg = survey.layers[rule.layer].file.epsg if gathered is not None else None
    if gathered is None or epsg is None or zone_of(epsg) is None:
        return None
    if not rule.field or not rule.codes:
        return float(gathered.areas_m2.sum()) / 1e4
    codes = gathered.columns.get(rule.field)
    if codes is None:
        return None
    counted = np.array([str(code or "").startswith(rule.codes) for code in codes], dtype=bool)
    return float(gathered.areas_m2[counted].sum()) / 1e4


def _named(figures: list[Figure], rule: IndicatorRule) -> Figure | None:
    """Find a rule's figure in its measure; of one in another unit `indicator_unit` speaks."""
    found = _any_named(figures, rule)
    return found if found is not None and found.measure == rule.measure else None


def _any_named(figures: list[Figure], rule: IndicatorRule) -> Figure | None:
    names = (rule.name, *rule.aliases)
    return next((figure for figure in figures if figure.name in names), None)


@check("table_and_layers", scope="after", parameters=("tolerance_ha",))
def table_and_layers(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare the indicator table with the layers."""
    if survey.indicators is None:
        return
    most, figures = float(parameters["tolerance_ha"]), read_figures(survey.indicators)
    for rule in survey.pack.indicators:
        figure, found = _named(figures, rule), layer_ha(survey, rule)
        if _any_named(figures, rule) is None and rule.required:
            yield Hit(f"指标表没有“{rule.name}”", layer=rule.layer, field=rule.name)
        elif figure is not None and found is not None and abs(found - figure.ha) > most:
            yield Hit(
                f"“{rule.name}”指标表 {figure.ha:.4f} 公顷（第 {figure.row} 行），图层 {rule.layer} {found:.4f} 公顷",
                layer=rule.layer,
                field=rule.name,
                measured=f"相差 {found - figure.ha:.4f} 公顷",
                tolerance=f"{most:g} 公顷",
            )


@check("table_and_text", scope="after", parameters=("tolerance_ha",))
def table_and_text(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare the figures that the plan's text (docx) gives with the indicator table."""
    if survey.indicators is None or not survey.database.is_folder:
        return
    most, figures = float(parameters["tolerance_ha"]), read_figures(survey.indicators)
    for entry in survey.database.entries:
        if not entry.lower().endswith(".docx"):
            continue
        file = survey.database.path / entry
        for rule in survey.pack.indicators:
            figure = _named(figures, rule)
            if figure is None or figure.measure != "area":
                continue
            for said in figures_in_text(file, (rule.name, *rule.aliases)):
                if abs(said.ha - figure.ha) > most:
                    yield Hit(
                        f"“{rule.name}”文本写 {said.ha:.4f} 公顷（{said.place}），指标表 {figure.ha:.4f} 公顷",
                        field=rule.name,
                        measured=f"相差 {said.ha - figure.ha:.4f} 公顷",
                        tolerance=f"{most:g} 公顷",
                    )


@check("upper_level", scope="after", parameters=("tolerance_ha",))
def upper_level(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Compare what is held with the figures handed down: at least, at most or equal.

    Held is the layer's area, or the county's own table where no layer gives it. The direction is
    the table's own where it says one (≥, ≤, =), else the pack's.
    """
    if survey.upper is None:
        return
    figures, own = read_figures(survey.upper), _own(survey)
    for rule in survey.pack.indicators:
        figure = _named(figures, rule)
        direction = (figure.direction if figure else None) or rule.upper
        held, where = _held(survey, own, rule)
        if figure is None or held is None or direction is None:
            continue
        most = float(parameters["tolerance_ha"]) if rule.measure == "area" else 1e-9
        short = {
            "at_least": held < figure.value - most,
            "at_most": held > figure.value + most,
            "equal": abs(held - figure.value) > most,
        }[direction]
        if short:
            unit = MEASURE_UNITS[rule.measure]
            yield Hit(
                f"“{rule.name}”应{_DIRECTIONS[direction]}上级下达的 {figure.value:.4f} {unit}，{where} {held:.4f} {unit}",
                layer=rule.layer,
                field=rule.name,
                measured=f"相差 {held - figure.value:.4f} {unit}",
                tolerance=f"{most:g} {unit}" if rule.measure == "area" else "",
            )


def _own(survey: Survey) -> list[Figure]:
    return [] if survey.indicators is None else read_figures(survey.indicators)


def _held(survey: Survey, own: list[Figure], rule: IndicatorRule) -> tuple[float | None, str]:
    """Return the county's figure and where it stands."""
    of_layer = layer_ha(survey, rule) if rule.layer else None
    if of_layer is not None:
        return of_layer, f"图层 {rule.layer} 为"
    figure = _named(own, rule)
    return (None, "") if figure is None else (figure.value, f"指标表（第 {figure.row} 行）为")


@check("upper_complete", scope="after")
def upper_complete(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find what transmission leaves out: figures not handed down, not known, not held, turned round."""
    if survey.upper is None:
        return
    figures, own = read_figures(survey.upper), _own(survey)
    names: set[str] = set()
    for rule in survey.pack.indicators:
        names |= {rule.name, *rule.aliases}
        figure = _any_named(figures, rule)
        if figure is None:
            if rule.upper is not None and rule.required:
                yield Hit(f"上级指标表没有“{rule.name}”", layer=rule.layer, field=rule.name)
            continue
        if figure.measure == rule.measure and _held(survey, own, rule)[0] is None:
            yield Hit(
                f"上级下达了“{rule.name}”（第 {figure.row} 行），本级图层和指标表都没有该指标",
                layer=rule.layer,
                field=rule.name,
            )
        if figure.direction and rule.upper and figure.direction != rule.upper:
            yield Hit(
                f"“{rule.name}”上级表写作{_DIRECTIONS[figure.direction]}，规则包为{_DIRECTIONS[rule.upper]}",
                layer=rule.layer,
                field=rule.name,
                measured=_DIRECTIONS[figure.direction],
                tolerance=_DIRECTIONS[rule.upper],
            )
    for figure in figures:
        if figure.name not in names:
            yield Hit(
                f"上级指标“{figure.name}”（第 {figure.row} 行）不在规则包内，未核对",
                field=figure.name,
            )


@check("indicator_unit", scope="after")
def indicator_unit(survey: Survey, parameters: dict[str, Any]) -> Iterator[Hit]:
    """Find indicators of both tables whose unit does not measure what the indicator is."""
    for title, file in (("指标表", survey.indicators), ("上级指标表", survey.upper)):
        for figure in [] if file is None else read_figures(file):
            for rule in survey.pack.indicators:
                if figure.name in (rule.name, *rule.aliases) and figure.measure != rule.measure:
                    yield Hit(
                        f"{title}“{figure.name}”（第 {figure.row} 行）的单位“{figure.unit}”不对",
                        layer=rule.layer,
                        field=rule.name,
                        measured=figure.unit or "（空）",
                        tolerance=MEASURE_UNITS[rule.measure],
                    )
