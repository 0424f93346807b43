"""Which threshold moves a result most: one at a time, and Morris' screening through SALib."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.errors import InputError, missing_extra
from tools.dual_evaluation.arrays import evaluate_arrays
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.scheme import Evaluation
from tools.dual_evaluation.steps import (
    CasesStep,
    CumulativeStep,
    DemoteStep,
    GeometricStep,
    GradeStep,
    PatchStep,
    variables_of,
)
from tools.dual_evaluation.variables import variables

MOST_CELLS = 200_000
"""A larger raster is thinned evenly: patches and shares then stand for the whole."""
SPREAD, TRAJECTORIES, LEVELS, SEED = 0.2, 10, 4, 20260101


@dataclass(frozen=True)
class Threshold:
    """One figure of a scheme that can be moved."""

    step: str
    path: tuple[Any, ...]
    """Field and index inside the step."""
    title: str
    value: float


@dataclass(frozen=True)
class Effect:
    """What moving one threshold does to the area, ha."""

    threshold: Threshold
    lower_ha: float
    higher_ha: float
    """Change of the area when the threshold is lowered, raised by the spread."""
    mu_star: float
    """Mean of the absolute elementary effects: ha for the whole range."""
    sigma: float

    @property
    def largest(self) -> float:
        """The larger of the two changes."""
        return max(abs(self.lower_ha), abs(self.higher_ha))


@dataclass(frozen=True)
class Sensitivity:
    """Effects by falling influence."""

    part: str
    title: str
    class_title: str
    base_ha: float
    effects: tuple[Effect, ...]
    spread: float
    thinning: int
    runs: int


def sensitivity(
    made: DualEvaluation,
    name: str,
    *,
    spread: float = SPREAD,
    trajectories: int = TRAJECTORIES,
    seed: int = SEED,
) -> Sensitivity:
    """Move every threshold of one evaluation by the spread; other evaluations stay as they are.

    Args:
        made: The evaluation.
        name: ecology, agriculture or urban.
        spread: Share of the threshold, both ways.
        trajectories: Of Morris' design; each takes one run a threshold.
        seed: Equal seeds give equal designs.

    Raises:
        InputError: no result of that name, or nothing to move.
        SetupError: SALib is not installed.
    """
    part = made.parts.get(name)
    if part is None or part.feasible.evaluation is None:
        raise InputError(
            f"{name} 没有评价结果，不能做敏感性分析", field="sensitivity", mend="先补充输入"
        )
    moved = thresholds(part.feasible.evaluation)
    require_salib()
    if not moved:
        raise InputError("没有可变动的阈值", field="sensitivity", mend="换一项评价")
    area, thinning = _area(made, part)
    base_values = np.array([t.value for t in moved])
    base = area(moved, base_values)
    lower: list[float] = []
    higher: list[float] = []
    for k in range(len(moved)):
        for sign, into in ((-1, lower), (1, higher)):
            values = base_values.copy()
            values[k] *= 1 + sign * spread
            into.append(area(moved, values) - base)
    morris = _morris(moved, area, spread, trajectories, seed)
    effects = [
        Effect(t, low, high, float(mu), float(sigma))
        for t, low, high, mu, sigma in zip(moved, lower, higher, *morris, strict=True)
    ]
    effects.sort(key=lambda e: (-e.mu_star, -e.largest))
    runs = 1 + 2 * len(moved) + trajectories * (len(moved) + 1)
    first = part.evaluation.classes[0].title
    return Sensitivity(
        name, part.evaluation.title, first, base, tuple(effects), spread, thinning, runs
    )


def require_salib() -> None:
    """Check that SALib is there, before anything that takes long.

    Raises:
        SetupError: it is not installed.
    """
    if find_spec("SALib") is None:
        raise missing_extra("SALib", "raster")


def thresholds(evaluation: Evaluation) -> tuple[Threshold, ...]:
    """Return every figure that can be moved: breaks, bounds and shares that are not 0."""
    found = []
    for step in evaluation.steps:
        if isinstance(step, GradeStep | DemoteStep):
            variable = variables()[step.variable]
            if variable.unit == "级":
                continue
            unit = "" if variable.unit == "1" else variable.unit
            found += [
                Threshold(step.id, ("breaks", k), f"{step.title} {b:g}{unit}", b)
                for k, b in enumerate(step.breaks)
            ]
        elif isinstance(step, PatchStep | GeometricStep):
            unit = step.unit if isinstance(step, PatchStep) else ""
            found += [
                Threshold(step.id, ("breaks", k), f"{step.title} {b:g}{unit}", b)
                for k, b in enumerate(step.breaks)
            ]
        elif isinstance(step, CumulativeStep):
            found += [
                Threshold(step.id, ("shares", k), f"{step.title} 累计 {s:.0%}", s)
                for k, s in enumerate(step.shares)
            ]
        elif isinstance(step, CasesStep):
            for i, case in enumerate(step.cases):
                for j, condition in enumerate(case.when):
                    for bound, value in condition.bounds.items():
                        variable = variables()[condition.variable]
                        unit = "" if variable.unit == "1" else variable.unit
                        title = f"{step.title}（等级 {case.grade}）{variable.title} {value:g}{unit}"
                        found.append(Threshold(step.id, ("cases", i, j, bound), title, value))
    return tuple(t for t in found if t.value)


def with_values(
    evaluation: Evaluation, moved: tuple[Threshold, ...], values: npt.NDArray[np.float64]
) -> Evaluation:
    """Return the evaluation with other thresholds; breaks that would cross are kept apart."""
    steps = []
    for step in evaluation.steps:
        mine = [(t.path, float(v)) for t, v in zip(moved, values, strict=True) if t.step == step.id]
        if not mine:
            steps.append(step)
            continue
        if isinstance(step, CasesStep):
            cases = [case.model_dump() for case in step.cases]
            for path, value in mine:
                cases[path[1]]["when"][path[2]][path[3]] = value
            steps.append(CasesStep.model_validate({**step.model_dump(), "cases": cases}))
            continue
        field = mine[0][0][0]
        numbers = list(getattr(step, field))
        for path, value in mine:
            numbers[path[1]] = value
        if field == "shares":
            numbers = [min(n, 0.999 - 0.001 * (len(numbers) - k)) for k, n in enumerate(numbers)]
        numbers = np.maximum.accumulate(numbers).tolist()
        for k in range(1, len(numbers)):
            if numbers[k] <= numbers[k - 1]:
                numbers[k] = float(np.nextafter(numbers[k - 1], np.inf))
        steps.append(step.model_copy(update={field: tuple(numbers)}))
    return evaluation.model_copy(update={"steps": tuple(steps)})


def _area(
    made: DualEvaluation, part: Part
) -> tuple[Callable[[tuple[Threshold, ...], npt.NDArray[np.float64]], float], int]:
    """Return a function that gives the area of the first class, ha, and the thinning."""
    evaluation = part.feasible.evaluation
    assert evaluation is not None
    inputs = made.inputs
    cells = inputs.grid.width * inputs.grid.height
    thin = max(1, int(np.ceil(np.sqrt(cells / MOST_CELLS))))
    names = dict.fromkeys(v for step in evaluation.steps for v in variables_of(step))
    values = {name: inputs.read(name, thin) for name in names}
    codes = {name: inputs.found[name].codes for name in names}
    inside = inputs.inside[::thin, ::thin]
    others = {n: p.result[::thin, ::thin] for n, p in made.parts.items() if p.grades}
    scale = float(inputs.inside.sum()) / max(1, int(inside.sum())) * inputs.grid.cell_m2 / 1e4
    first = part.evaluation.classes[0].value

    def area(moved: tuple[Threshold, ...], numbers: npt.NDArray[np.float64]) -> float:
        done = evaluate_arrays(
            with_values(evaluation, moved, numbers), values, codes,
            cell_m=inputs.grid.cell * thin, inside=inside, others=others,
        )  # fmt: skip
        return float((done[evaluation.result] == first).sum()) * scale

    return area, thin


def _morris(
    moved: tuple[Threshold, ...], area: Any, spread: float, trajectories: int, seed: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return μ* and σ by threshold."""
    require_salib()
    from SALib.analyze import morris as analyze  # type: ignore[import-untyped]
    from SALib.sample import morris as sample  # type: ignore[import-untyped]

    bounds = [sorted((t.value * (1 - spread), t.value * (1 + spread))) for t in moved]
    problem = {
        "num_vars": len(moved),
        "names": [f"x{k}" for k in range(len(moved))],
        "bounds": bounds,
    }
    design = sample.sample(problem, trajectories, num_levels=LEVELS, seed=seed)
    outcomes = np.array([area(moved, row) for row in design])
    found = analyze.analyze(
        problem, design, outcomes, num_levels=LEVELS, num_resamples=100, seed=seed
    )
    return np.asarray(found["mu_star"], float), np.asarray(found["sigma"], float)
