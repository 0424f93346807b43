"""Scenarios: the whole evaluation again with changed climate, water and technology."""

import tempfile
from pathlib import Path
from typing import Any

from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.carrying import carrying_scale
from tools.dual_evaluation.config import DualConfig, Scenario
from tools.dual_evaluation.evaluate import DualEvaluation, evaluate
from tools.dual_evaluation.tables import class_areas

PRESENT = "现状"


def scenario_table(made: DualEvaluation) -> Table | None:
    """Return areas and carrying scale of every scenario beside the present; None without scenarios.

    Raises:
        InputError: a scenario names a parameter or variable that cannot be changed.
    """
    config = made.inputs.config
    if not config.scenarios:
        return None
    rows = [_row(PRESENT, made, 1.0)]
    for scenario in config.scenarios:
        with tempfile.TemporaryDirectory(prefix="scenario-", dir=made.inputs.work) as work:
            changed = evaluate(
                changed_config(made, scenario), made.inputs.folder, work=Path(work),
                base=made.inputs.base if made.inputs.free else None, factors=scenario.variables,
            )  # fmt: skip
            rows.append(_row(scenario.title, changed, scenario.water))
    columns = [Column(key="title", title="情景")]
    for name, part in made.parts.items():
        if name in config.parts and part.grades:
            first = part.evaluation.classes[0].title
            columns.append(Column(key=name, title=f"{part.evaluation.title}·{first}", unit="公顷"))
    if "carrying" in config.parts:
        columns += [
            Column(key="耕地", title="耕地承载规模", unit="公顷"),
            Column(key="城镇建设用地", title="城镇建设用地承载规模", unit="公顷"),
        ]
    told = "；".join(f"{s.title}：{_changes(made, s)}" for s in config.scenarios)
    return Table(
        name="scenarios",
        title="情景分析",
        columns=tuple(columns),
        rows=tuple(rows),
        note=f"{told}。",
    )


def changed_config(made: DualEvaluation, scenario: Scenario) -> DualConfig:
    """Return the configuration of a scenario: its parameters in place of the scheme's."""
    config = made.inputs.config
    own = dict(config.overrides)
    for name, factor in scenario.parameters.items():
        known = made.scheme.parameters.get(name)
        own[f"parameters.{name}"] = factor * known.value if known is not None else factor
    return config.model_copy(update={"overrides": own, "scenarios": ()})


def _row(title: str, made: DualEvaluation, water: float) -> dict[str, Any]:
    row: dict[str, Any] = {"title": title}
    for name, part in made.parts.items():
        if part.grades:
            areas, _ = class_areas(made, part.result)
            row[name] = round(areas.get(part.evaluation.classes[0].value, 0.0), 4)
    if "carrying" in made.inputs.config.parts:
        carrying = carrying_scale(made, water_factor=water)
        for use in ("耕地", "城镇建设用地"):
            total = carrying.total(use)
            row[use] = None if total is None else round(total, 4)
    return row


def _changes(made: DualEvaluation, scenario: Scenario) -> str:
    from tools.dual_evaluation.variables import variables

    parts = [f"{variables()[n].title}×{f:g}" for n, f in scenario.variables.items()]
    parts += [f"{made.scheme.parameters[n].title}×{f:g}" for n, f in scenario.parameters.items()]
    parts += [f"可用水量×{scenario.water:g}"] if scenario.water != 1 else []
    return "、".join(parts) or "不变"
