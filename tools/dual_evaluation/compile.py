"""A scheme's evaluation as plans of the raster engine, and their run.

Steps that look beyond the cell (patches) end a plan: their raster is made between two plans and goes
into the next as a factor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tools.dual_evaluation.arrays import (
    Grades,
    category_table,
    cumulative_breaks,
    patch_grades,
)
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.rasters import write_raster
from tools.dual_evaluation.scheme import (
    MOST_GRADES,
    OUTSIDE,
    AnyStep,
    CasesStep,
    CategoryStep,
    CombineStep,
    Condition,
    CumulativeStep,
    DemoteStep,
    Evaluation,
    GeometricStep,
    GradeStep,
    MatrixStep,
    MeanStep,
    PatchStep,
    ScopeStep,
    needs,
)
from tools.raster.plan import (
    Category,
    Classes,
    Composition,
    Extreme,
    Factor,
    Mask,
    Matrix,
    Output,
    Plan,
    Product,
    Regrade,
    Thresholds,
    Weighted,
)
from tools.raster.program import Closed
from tools.raster.run import run
from tools.raster.sources import Source
from tools.raster.units import canonical

NODATA = 255
"""No data in the engine's uint8 rasters."""
SMALL_CELLS = 20_000_000
"""Up to here blocks in numpy take less time than a new kernel takes to compile; the pixels are equal."""
INSIDE = "评价范围"
SHADES = ("#d7301f", "#fc8d59", "#fee08b", "#91cf60", "#1a9850", "#1a9850", "#1a9850", "#1a9850")
"""Colours of the grades of steps, 1 first."""


@dataclass
class _Stage:
    """One plan in the making."""

    factors: dict[str, Factor] = field(default_factory=dict)
    compositions: list[Composition] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    layers: set[str] = field(default_factory=set)

    def factor(self, factor: Factor) -> str:
        self.factors[factor.name] = factor
        self.layers.add(factor.name)
        return factor.name

    def compose(self, composition: Composition) -> str:
        self.compositions.append(composition)
        self.layers.add(composition.name)
        return composition.name


class Compiler:
    """Compiles and runs one evaluation."""

    def __init__(
        self, inputs: Inputs, evaluation: Evaluation, folder: Path, others: Mapping[str, Path]
    ) -> None:
        self.inputs, self.evaluation, self.folder = inputs, evaluation, folder
        self.others = others
        self.stage = _Stage()
        self.files: dict[str, Path] = {}
        self.notices: list[str] = []
        titles = [step.title for step in evaluation.steps]
        assert len(set(titles)) == len(titles), f"{evaluation.id}: two steps of one title"
        self.names = {step.id: step.title for step in evaluation.steps}

    def run(self) -> dict[str, Path]:
        """Return the raster of every step, in the order of the steps."""
        for step in self.evaluation.steps:
            for need in needs(step):
                if self.names[need] not in self.stage.layers:
                    self._again(need)
            if isinstance(step, PatchStep):
                self._flush()
                self._patches(step)
            else:
                self._add(step)
            self._output(step)
        self._flush()
        return {step.id: self.files[step.id] for step in self.evaluation.steps}

    def _again(self, need: str) -> None:
        """Bring the raster of a step from an earlier plan into this one."""
        file = self.files[need]
        self.stage.factor(
            Factor(name=self.names[need], source=Source(file=file), grades=_as_they_are(file))
        )

    def _output(self, step: AnyStep) -> None:
        """Write a step within the area of evaluation."""
        if INSIDE not in self.stage.factors:
            self.stage.factor(
                Factor(
                    name=INSIDE,
                    source=Source(file=inside_file(self.inputs)),
                    grades=Classes(scores={0: 0, 1: 1}),
                )
            )
        name = f"{step.title}（范围内）"
        self.stage.compose(
            Mask(name=name, layer=self.names[step.id], by=INSIDE, exclude=(0,), becomes=None)
        )
        final = step.id == self.evaluation.result
        if final:
            shown = {
                c.value: Category(name=c.title, colour=c.colour) for c in self.evaluation.classes
            }
        else:
            shown = {
                g: Category(name=f"等级 {g}", colour=SHADES[g - 1])
                for g in range(1, MOST_GRADES + 1)
            }
        file = f"{self.evaluation.layer if final else f'{self.evaluation.id}_{step.id}'}.tif"
        title = self.evaluation.title if final else f"{self.evaluation.title}·{step.title}"
        self.stage.outputs.append(Output(layer=name, file=file, categories=shown, title=title))
        self.files[step.id] = self.folder / file

    def _flush(self) -> None:
        if self.stage.outputs:
            plan = Plan(
                grid=self.inputs.grid,
                factors=tuple(self.stage.factors.values()),
                compositions=tuple(self.stage.compositions),
                outputs=tuple(self.stage.outputs),
            )
            small = self.inputs.grid.width * self.inputs.grid.height <= SMALL_CELLS
            self.notices += run(plan, self.folder, engine="numpy" if small else None).notices
        self.stage = _Stage()

    def _patches(self, step: PatchStep) -> None:
        base = read_grades(self.files[step.of])
        grades = patch_grades(step, base, self.inputs.grid.cell)
        file = self.inputs.work / f"{self.evaluation.id}_{step.id}_patches.tif"
        write_raster(
            file,
            np.where(grades == 0, NODATA, grades).astype(np.uint8),
            self.inputs.grid,
            nodata=NODATA,
        )
        scores = {g: g for g in sorted({*step.grades, step.elsewhere})}
        self.stage.factor(
            Factor(name=step.title, source=Source(file=file), grades=Classes(scores=scores))
        )

    def _add(self, step: AnyStep) -> None:
        name, names = step.title, self.names
        if isinstance(step, GradeStep):
            self._graded(name, step.variable, step.breaks, step.closed, step.grades)
        elif isinstance(step, CumulativeStep):
            values = self.inputs.read(step.variable)
            breaks = cumulative_breaks(values, step.shares, self.inputs.inside)[::-1]
            self._graded(name, step.variable, breaks, "left", step.grades[::-1])
        elif isinstance(step, CategoryStep):
            self._category(step)
        elif isinstance(step, CasesStep):
            self._cases(step)
        elif isinstance(step, DemoteStep):
            drops = tuple(sorted(set(step.drops)))
            by = self._graded(f"{name}·降级数", step.variable, step.breaks, step.closed, step.drops)
            grades = tuple(range(1, MOST_GRADES + 1))
            self.stage.compose(
                Matrix(
                    name=name, rows=names[step.base], columns=by, row_scores=grades,
                    column_scores=drops,
                    table=tuple(tuple(max(1, g - d) for d in drops) for g in grades),
                )
            )  # fmt: skip
        elif isinstance(step, MatrixStep):
            self.stage.compose(
                Matrix(
                    name=name, rows=names[step.rows], columns=names[step.columns],
                    row_scores=tuple(range(1, len(step.table) + 1)),
                    column_scores=tuple(range(1, len(step.table[0]) + 1)), table=step.table,
                )
            )  # fmt: skip
        elif isinstance(step, CombineStep):
            kind = "minimum" if step.how == "lowest" else "maximum"
            of = tuple(names[n] for n in step.of)
            self.stage.compose(Extreme(kind=kind, name=name, of=of))
        elif isinstance(step, MeanStep):
            weights = {names[n]: w for n, w in zip(step.of, step.weights, strict=True)}
            self.stage.compose(Weighted(name=name, weights=weights))
        elif isinstance(step, GeometricStep):
            product = f"{name}·乘积"
            self.stage.compose(Product(name=product, of=tuple(names[n] for n in step.of)))
            bounds = tuple(b ** len(step.of) for b in step.breaks)
            table = Thresholds(bounds=bounds, scores=step.grades, closed=step.closed)
            self.stage.compose(Regrade(name=name, layer=product, grades=table))
        else:
            assert isinstance(step, ScopeStep)
            self._scope(step)

    def _graded(
        self,
        name: str,
        variable: str,
        bounds: tuple[float, ...],
        closed: Closed,
        scores: tuple[int, ...],
    ) -> str:
        found = self.inputs.found[variable]
        table = Thresholds(bounds=bounds, scores=scores, closed=closed)
        return self.stage.factor(
            Factor(
                name=name, source=found.source, grades=table, unit=canonical(found.variable.unit),
                valid=found.variable.range,
            )
        )  # fmt: skip

    def _category(self, step: CategoryStep) -> None:
        found = self.inputs.found[step.variable]
        table = category_table(step, found.codes)
        scores = {code: int(table[code]) for code in (0, *found.codes.values()) if table[code]}
        self.stage.factor(
            Factor(
                name=step.title, source=found.source,
                grades=Classes(scores=scores, unlisted="nodata"),
            )
        )  # fmt: skip

    def _cases(self, step: CasesStep) -> None:
        """Chain the cases from the last to the first: the first that holds decides."""
        values: tuple[int, ...] = (step.other,)
        result = ""
        for number, case in reversed(list(enumerate(step.cases, start=1))):
            label = step.title if number == 1 else f"{step.title}·第 {number} 种情形起"
            conditions = [
                self._condition(f"{step.title}·情形 {number} 条件 {k}", c)
                for k, c in enumerate(case.when, start=1)
            ]
            holds = f"{step.title}·情形 {number}"
            self.stage.compose(Extreme(kind="minimum", name=holds, of=tuple(conditions)))
            if not result:
                graded = Classes(scores={0: step.other, 1: case.grade})
                self.stage.compose(Regrade(name=label, layer=holds, grades=graded))
            else:
                table = (values, tuple(case.grade for _ in values))
                self.stage.compose(
                    Matrix(
                        name=label, rows=holds, columns=result, row_scores=(0, 1),
                        column_scores=values, table=table,
                    )
                )  # fmt: skip
            result, values = label, tuple(sorted({*values, case.grade}))

    def _condition(self, name: str, condition: Condition) -> str:
        """Return a layer that is 1 where a condition holds, else 0."""
        if condition.among:
            found = self.inputs.found[condition.variable]
            scores = {code: int(n in condition.among) for n, code in found.codes.items()}
            return self.stage.factor(
                Factor(
                    name=name, source=found.source, grades=Classes(scores={0: 0, **scores})
                )
            )  # fmt: skip
        parts = []
        for k, (kind, bound) in enumerate(condition.bounds.items(), start=1):
            low = kind in ("at_least", "above")
            closed: Closed = "left" if kind in ("at_least", "below") else "right"
            scores2 = (0, 1) if low else (1, 0)
            parts.append(self._graded(f"{name}·{k}", condition.variable, (bound,), closed, scores2))
        if len(parts) == 1:
            return parts[0]
        return self.stage.compose(Extreme(kind="minimum", name=name, of=tuple(parts)))

    def _scope(self, step: ScopeStep) -> None:
        by = f"{step.title}·评价范围外"
        other = self.others[step.evaluation]
        self.stage.factor(Factor(name=by, source=Source(file=other), grades=_as_they_are(other)))
        self.stage.compose(
            Mask(
                name=step.title, layer=self.names[step.of], by=by, exclude=step.exclude,
                becomes=OUTSIDE,
            )
        )  # fmt: skip


def _as_they_are(file: Path) -> Classes:
    """Take the grades that a raster has as they are."""
    found = np.unique(read_grades(file))
    return Classes(scores={int(g): int(g) for g in found if g} or {1: 1})


def inside_file(inputs: Inputs) -> Path:
    """Return the raster of the area of evaluation: 1 inside, 0 outside."""
    file = inputs.work / "inside.tif"
    if not file.is_file():
        write_raster(file, inputs.inside.astype(np.uint8), inputs.grid, nodata=NODATA)
    return file


def read_grades(file: Path) -> Grades:
    """Read a raster of the engine: 0 for no data."""
    import rasterio

    with rasterio.open(file) as dataset:
        values: npt.NDArray[np.uint8] = dataset.read(1)
        return np.asarray(np.where(values == NODATA, 0, values), dtype=np.uint8)
