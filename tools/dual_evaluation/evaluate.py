"""Run the parts of a 双评价 one after the other: ecology, agriculture, urban construction."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.arrays import Grades
from tools.dual_evaluation.compile import Compiler
from tools.dual_evaluation.config import DualConfig
from tools.dual_evaluation.extent import open_inputs, unit_codes
from tools.dual_evaluation.grade_rasters import read_grades
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.prune import Feasible, feasible
from tools.dual_evaluation.readiness import Readiness, check_readiness
from tools.dual_evaluation.scheme import Evaluation, Scheme, load_scheme
from tools.raster.cluster import Cluster

ORDER = ("ecology", "agriculture", "urban")


@dataclass
class Part:
    """One evaluation that was tried."""

    evaluation: Evaluation
    """As the scheme says it."""
    feasible: Feasible
    files: dict[str, Path] = field(default_factory=dict)
    """Raster by step, the engine's; empty where the evaluation was refused."""
    grades: Mapping[str, Grades] = field(default_factory=dict)
    """By step, 0 unknown; read from `files` each time, for together they would fill the memory."""

    @cached_property
    def result(self) -> Grades:
        """Classes by cell, 0 unknown."""
        return self.grades[self.evaluation.result]


class _Grades(Mapping[str, Grades]):
    """Rasters of grades, read when they are asked for."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __getitem__(self, step: str) -> Grades:
        return read_grades(self._files[step])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclass
class DualEvaluation:
    """All that was evaluated, in memory; the rasters lie on `inputs.grid`."""

    inputs: Inputs
    scheme: Scheme
    parts: dict[str, Part]
    readiness: tuple[Readiness, ...]
    units: tuple[str, ...]
    unit_of: npt.NDArray[np.uint8]
    """Unit by cell, 1 first."""


def evaluate(
    config: DualConfig,
    layers: Path,
    *,
    work: Path,
    base: Path | None = None,
    factors: dict[str, float] | None = None,
    workers: int = 1,
    cluster: Cluster | None = None,
) -> DualEvaluation:
    """Evaluate.

    Args:
        config: What is asked.
        layers: Folder of the layer catalogue.
        work: Folder for computed rasters; the caller removes it.
        base: Folder that paths of the configuration are relative to, where a user gave it as a file;
            None: they must lie within `layers`.
        factors: Of a scenario: variable to the factor on its values.
        workers: Strips of rasters that are computed side by side; the pixels do not depend on it.
        cluster: Compute the strips on Ray instead.

    Raises:
        InputError: scheme, grid or an input does not fit; named with factor and file.
    """
    inputs, readiness = prepare(config, layers, work=work, base=base, factors=factors)
    scheme = inputs.scheme
    units, unit_of = unit_codes(inputs)
    parts: dict[str, Part] = {}
    for name in ORDER:
        evaluation = scheme.evaluation(name)
        if evaluation is None or name not in needed(config):
            continue
        done = frozenset(n for n, part in parts.items() if part.grades)
        part = Part(evaluation, feasible(inputs, evaluation, done))
        if part.feasible.evaluation is not None:
            _run(inputs, part, part.feasible.evaluation, parts, workers, cluster)
        parts[name] = part
    return DualEvaluation(inputs, scheme, parts, readiness, units, unit_of)


def needed(config: DualConfig) -> tuple[str, ...]:
    """Return the evaluations that the parts need: ecology for the range, both for carrying scale."""
    whole = "carrying" in config.parts
    return tuple(n for n in ORDER if n == "ecology" or n in config.parts or whole)


def _run(
    inputs: Inputs,
    part: Part,
    evaluation: Evaluation,
    parts: dict[str, Part],
    workers: int,
    cluster: Cluster | None,
) -> None:
    folder = inputs.work / "results"
    others = {n: p.files[p.evaluation.result] for n, p in parts.items() if p.files}
    compiler = Compiler(inputs, evaluation, folder, others, workers=workers, cluster=cluster)
    part.files = compiler.run()
    part.grades = _Grades(part.files)
    inputs.notices += compiler.notices


def prepare(
    config: DualConfig,
    layers: Path,
    *,
    work: Path,
    base: Path | None = None,
    factors: dict[str, float] | None = None,
) -> tuple[Inputs, tuple[Readiness, ...]]:
    """Find all inputs and say what is there and what is missing, before anything is evaluated.

    Raises:
        InputError: as `evaluate`.
    """
    scheme = load_scheme(config.scheme, config.overrides, config.methods)
    inputs = open_inputs(config, scheme, layers, work=work, base=base)
    inputs.factors |= factors or {}
    return inputs, check_readiness(inputs, scheme, needed(config))
