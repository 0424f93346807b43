"""Checks of figures: indicator table against layers and text, and against the level above."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tools.geometry.crs import zone_of
from tools.quality_check.context import Survey
from tools.quality_check.hits import Hit
from tools.quality_check.indicator_table import Figure, read_figures
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
        if figure is None:
            yield Hit(f"指标表没有“{rule.name}”", layer=rule.layer, field=rule.name)
        elif found is not None and abs(found - figure.ha) > most:
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
            if figure is None:
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
    """Compare the layers with the figures handed down: at least, at most or equal.

    The direction is the table's own where it says one (≥, ≤, =), else the pack's.
    """
    if survey.upper is None:
        return
    most, figures = float(parameters["tolerance_ha"]), read_figures(survey.upper)
    for rule in survey.pack.indicators:
        figure, found = _named(figures, rule), layer_ha(survey, rule)
        direction = (figure.direction if figure else None) or rule.upper
        if figure is None or found is None or direction is None:
            continue
        short = {
            "at_least": found < figure.ha - most,
            "at_most": found > figure.ha + most,
            "equal": abs(found - figure.ha) > most,
        }[direction]
        if short:
            yield Hit(
                f"“{rule.name}”应{_DIRECTIONS[direction]}上级下达的 {figure.ha:.4f} 公顷，图层 {rule.layer} 为 {found:.4f} 公顷",
                layer=rule.layer,
                field=rule.name,
                measured=f"相差 {found - figure.ha:.4f} 公顷",
                tolerance=f"{most:g} 公顷",
            )
