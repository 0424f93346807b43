"""Steps of a scheme as layers of one plan of the raster engine.

Knows the kinds of steps. When a plan ends and what is written is for `compile`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.dual_evaluation.arrays import breaks_of, category_table
from tools.dual_evaluation.grade_rasters import as_they_are
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.steps import (
    MOST_GRADES,
    OUTSIDE,
    AnyStep,
    CasesStep,
    CategoryStep,
    CombineStep,
    Condition,
    CumulativeStep,
    DemoteStep,
    GeometricStep,
    GradeStep,
    MatrixStep,
    ScopeStep,
)
from tools.raster.plan import (
    Classes,
    Composition,
    Extreme,
    Factor,
    Mask,
    Matrix,
    Output,
    Product,
    Regrade,
    Thresholds,
)
from tools.raster.program import Closed
from tools.raster.sources import Source
from tools.raster.units import canonical


@dataclass
class Stage:
    """One plan in the making."""

    factors: dict[str, Factor] = field(default_factory=dict)
    compositions: list[Composition] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    layers: set[str] = field(default_factory=set)

    def factor(self, factor: Factor) -> str:
        """Add a factor; returns the name of its layer."""
        self.factors[factor.name] = factor
        self.layers.add(factor.name)
        return factor.name

    def compose(self, composition: Composition) -> str:
        """Add a composition; returns the name of its layer."""
        self.compositions.append(composition)
        self.layers.add(composition.name)
        return composition.name


@dataclass(frozen=True)
class Lowering:
    """Adds steps to a stage; a step's layer has the step's title."""

    inputs: Inputs
    names: Mapping[str, str]
    """Id of a step to its title."""
    others: Mapping[str, Path]
    """Result rasters of the evaluations that a scope names."""
    stage: Stage

    def add(self, step: AnyStep) -> None:
        """Add the layers of a step that looks no further than its cell."""
        name, names = step.title, self.names
        if isinstance(step, GradeStep):
            self._graded(name, step.variable, step.breaks, step.closed, step.grades)
        elif isinstance(step, CumulativeStep):
            breaks = breaks_of(self.inputs.known(step.variable), step.shares)[::-1]
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
        self.stage.factor(Factor(name=by, source=Source(file=other), grades=as_they_are(other)))
        self.stage.compose(
            Mask(
                name=step.title, layer=self.names[step.of], by=by, exclude=step.exclude,
                becomes=OUTSIDE,
            )
        )  # fmt: skip
