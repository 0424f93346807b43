"""Tool results as HTML, whatever the tool: the plan, a conclusion each, pictures, tables, rules.

Works from the `ToolResult` contract; the control-line check alone has tiles of its own (`site`).
"""

from collections.abc import Sequence

from pydantic import ValidationError

from agents.assistant import results
from cspon.schemas.agent import Answer, Plan, Step
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Compliance, ToolResult
from serving.pages.site import banner_block, result_banner, table_block, tile_row
from serving.pages.text import esc, rich


class Download(Frozen):
    """A file that was saved with an answer."""

    title: str
    address: str
    step: int = 0
    """Number of the step that it is of, from 1; 0 for the whole answer."""
    picture: bool = False


def plan_card(plan: Plan | None) -> str:
    """What was done, with how the question was read."""
    if plan is None or not plan.steps:
        return ""
    items = "".join(
        f"<li><b>{esc(step.title or step.tool)}</b>"
        + (f"<span>{esc('；'.join(step.said))}</span>" if step.said else "")
        + "</li>"
        for step in plan.steps
    )
    return (
        f'<section class="plan" aria-label="执行计划"><h3>执行计划</h3><ol>{items}</ol></section>'
    )


def conclusions(answer: Answer) -> str:
    """One banner a step; the control-line check with its tiles."""
    parts = []
    for number, result, step in numbered(answer):
        if len(answer.results) > 1:
            parts.append(step_title(number, step))
        site = compliance_of(result)
        if site is not None:
            parts += [banner_block(site), tile_row(site)]
        else:
            parts.append(result_banner(results.headline(result)))
            note = results.note(result)
            parts.append(f'<div class="text note">{rich(note, "", 0)}</div>' if note else "")
    return "".join(parts)


def details(answer: Answer, files: Sequence[Download]) -> str:
    """Pictures and tables of every step."""
    parts = []
    for number, result, step in numbered(answer):
        inside = [picture(f) for f in files if f.picture and f.step == number]
        folded = results.folded(result)
        inside += [
            table_block(table, folded=table.name in folded)
            for table in results.once_noted(results.ordered_tables(result))
        ]
        if inside and len(answer.results) > 1:
            parts.append(step_title(number, step))
        parts += inside
    return "".join(parts)


def picture(file: Download) -> str:
    """A map or chart, opening in full size."""
    address, title = esc(file.address), esc(file.title)
    return (
        f'<figure class="map"><a href="{address}" target="_blank" rel="noopener" '
        f'title="在新窗口打开原图"><img src="{address}" alt="{title}" width="1200" height="900"></a>'
        f"<figcaption>{title}，点击看原图</figcaption></figure>"
    )


def step_title(number: int, step: Step) -> str:
    """Heading of one step of several."""
    return f'<h2 class="step-title">{number}. {esc(step.title or step.tool)}</h2>'


def numbered(answer: Answer) -> list[tuple[int, ToolResult, Step]]:
    """Results with their steps and numbers; a result without a plan stands for itself."""
    steps = answer.plan.steps if answer.plan else ()
    plain = [Step(id=r.tool, tool=r.tool) for r in answer.results[len(steps) :]]
    return [
        (n, result, step)
        for n, (result, step) in enumerate(zip(answer.results, (*steps, *plain), strict=False), 1)
    ]


def compliance_of(result: ToolResult) -> Compliance | None:
    """Return the control-line check of a result that is one."""
    try:
        return Compliance.model_validate(result.data)
    except ValidationError:
        return None
