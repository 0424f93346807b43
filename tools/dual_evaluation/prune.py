"""Which steps of an evaluation can be done with the inputs that are there, and what is lost.

A factor without input is never guessed: its step is taken out and named, or the evaluation is refused.
"""

from dataclasses import dataclass, field

from tools.dual_evaluation.inputs import Inputs, find
from tools.dual_evaluation.scheme import Evaluation
from tools.dual_evaluation.steps import (
    AnyStep,
    CombineStep,
    DemoteStep,
    GeometricStep,
    MatrixStep,
    ScopeStep,
    needs,
    variables_of,
)
from tools.dual_evaluation.variables import variables


@dataclass
class Feasible:
    """What is left of an evaluation."""

    evaluation: Evaluation | None
    """None: refused."""
    missing: dict[str, str] = field(default_factory=dict)
    """Title of a step that could not be done to the reason."""
    absent: dict[str, str] = field(default_factory=dict)
    """Title of a step that does not apply to the reason the user declared."""
    refused: str = ""

    @property
    def complete(self) -> bool:
        """Nothing that the scheme wants is missing."""
        return self.evaluation is not None and not self.missing


def feasible(inputs: Inputs, evaluation: Evaluation, others: frozenset[str]) -> Feasible:
    """Take out the steps that lack inputs.

    Args:
        inputs: Variables are looked for in it.
        evaluation: Of the scheme.
        others: Evaluations that have a result, for scopes.
    """
    result = Feasible(None)
    kept: dict[str, AnyStep] = {}
    titles = {step.id: step.title for step in evaluation.steps}
    for step in evaluation.steps:
        made = _step(inputs, step, kept, others, result, titles)
        if made is None and step.required:
            lacks = result.missing.get(step.title, "它所用的步骤都没有输入")
            result.refused = f"“{evaluation.title}”不能评价：必需的“{step.title}”{lacks}"
            return result
        if made is not None:
            kept[step.id] = made
    if evaluation.result not in kept:
        result.refused = f"“{evaluation.title}”不能评价：没有一项单项评价有输入"
        return result
    result.evaluation = evaluation.model_copy(update={"steps": tuple(kept.values())})
    return result


def _step(
    inputs: Inputs,
    step: AnyStep,
    kept: dict[str, AnyStep],
    others: frozenset[str],
    result: Feasible,
    titles: dict[str, str],
) -> AnyStep | None:
    """Return the step as it can be done, or None."""
    away = [inputs.config.absent[v] for v in variables_of(step) if v in inputs.config.absent]
    lacks = [v for v in variables_of(step) if v not in inputs.config.absent and not find(inputs, v)]
    if away or lacks:
        if away:
            result.absent[step.title] = "；".join(dict.fromkeys(away))
        else:
            result.missing[step.title] = "缺少" + "；".join(
                f"{variables()[v].title}（{inputs.missing.get(v, '没有输入')}）" for v in lacks
            )
        passes = (
            isinstance(step, DemoteStep) and step.base in kept and not (lacks and step.required)
        )
        return _through(step, step.base) if passes and isinstance(step, DemoteStep) else None
    there = tuple(name for name in needs(step) if name in kept)
    if isinstance(step, ScopeStep) and step.of in kept and step.evaluation not in others:
        result.missing[step.title] = "没有生态保护重要性评价结果，未扣除生态保护极重要区"
        return _through(step, step.of)
    if len(there) == len(needs(step)):
        return step
    if isinstance(step, MatrixStep) and step.passes and step.rows in kept:
        return _through(step, step.rows)
    if isinstance(step, CombineStep) and there:
        return step.model_copy(update={"of": there})
    lacking = [titles[name] for name in needs(step) if name not in kept]
    if all(title in result.absent for title in lacking):
        result.absent[step.title] = "；".join(dict.fromkeys(result.absent[t] for t in lacking))
    elif isinstance(step, MatrixStep | GeometricStep) and there:
        result.missing[step.title] = f"缺少{'、'.join(lacking)}"
    return None


def _through(step: AnyStep, base: str) -> CombineStep:
    """Return a step that hands its base on unchanged."""
    return CombineStep(
        kind="combine", id=step.id, title=step.title, required=step.required, how="lowest",
        of=(base,), source=step.source, verified=step.verified, note=step.note,
    )  # fmt: skip
