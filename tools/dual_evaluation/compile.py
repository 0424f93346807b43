"""A scheme's evaluation as plans of the raster engine, and their run.

Steps that look beyond the cell (patches) end a plan: their raster is made between two plans and goes
into the next as a factor.
"""

from collections.abc import Mapping
from pathlib import Path

from tools.dual_evaluation.grade_rasters import NODATA, as_they_are, grade_rows, inside_file
from tools.dual_evaluation.inputs import Inputs
from tools.dual_evaluation.lowering import Lowering, Stage
from tools.dual_evaluation.patches import area_grades
from tools.dual_evaluation.rasters import raster_writer, row_strips
from tools.dual_evaluation.scheme import Evaluation
from tools.dual_evaluation.step_shades import Grades, possible, shades
from tools.dual_evaluation.steps import AnyStep, PatchStep, needs
from tools.raster.cluster import Cluster
from tools.raster.patches import label_patches
from tools.raster.plan import Category, Classes, Factor, Mask, Output, Plan
from tools.raster.run import run
from tools.raster.sources import Source

SMALL_CELLS = 20_000_000
"""Up to here blocks in numpy take less time than a new kernel takes to compile; the pixels are equal."""
INSIDE = "评价范围"


class Compiler:
    """Compiles and runs one evaluation."""

    def __init__(
        self,
        inputs: Inputs,
        evaluation: Evaluation,
        folder: Path,
        others: Mapping[str, Path],
        *,
        workers: int = 1,
        cluster: Cluster | None = None,
    ) -> None:
        self.inputs, self.evaluation, self.folder = inputs, evaluation, folder
        self.others, self.workers, self.cluster = others, workers, cluster
        self.stage = Stage()
        self.files: dict[str, Path] = {}
        self.notices: list[str] = []
        self.grades: dict[str, Grades] = {}
        """What every step can be."""
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
                Lowering(self.inputs, self.names, self.others, self.stage).add(step)
            self._output(step)
        self._flush()
        return {step.id: self.files[step.id] for step in self.evaluation.steps}

    def _again(self, need: str) -> None:
        """Bring the raster of a step from an earlier plan into this one."""
        file = self.files[need]
        self.stage.factor(
            Factor(name=self.names[need], source=Source(file=file), grades=as_they_are(file))
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
        self.grades[step.id] = possible(step, self.grades)
        final = step.id == self.evaluation.result
        if final:
            shown = {
                c.value: Category(name=c.title, colour=c.colour) for c in self.evaluation.classes
            }
        else:
            shown = shades(self.grades[step.id])
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
            self.notices += run(
                plan,
                self.folder,
                engine="numpy" if small else None,
                workers=self.workers,
                cluster=self.cluster,
            ).notices
        self.stage = Stage()

    def _patches(self, step: PatchStep) -> None:
        """Grade cells by the area of their patch, strip by strip on disk; the rest of what is known is elsewhere."""
        grid, base = self.inputs.grid, self.files[step.of]
        file = self.inputs.work / f"{self.evaluation.id}_{step.id}_patches.tif"
        by_area = file.with_name(f"{file.stem}_by_area.tif")
        label_patches(
            Source(file=base), grid, step.among, by_area,
            name=step.title, grades=area_grades(step, grid.cell_m2),
        )  # fmt: skip
        with (
            grade_rows(by_area) as patches,
            grade_rows(base) as known,
            raster_writer(file, grid, dtype="uint8", nodata=NODATA) as write,
        ):
            for part in row_strips(grid.height):
                grades, lost = patches(part), known(part) == NODATA
                grades[grades == NODATA] = step.elsewhere
                grades[lost] = NODATA
                write(part.start, grades)
        scores = {g: g for g in sorted({*step.grades, step.elsewhere})}
        self.stage.factor(
            Factor(name=step.title, source=Source(file=file), grades=Classes(scores=scores))
        )
