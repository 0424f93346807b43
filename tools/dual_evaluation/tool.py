"""The tool `dual_evaluation`: 双评价 of a place from its layers and a configuration."""

import tempfile
from pathlib import Path

from cspon.schemas.spatial import Table, ToolResult
from tools.catalogue import tool
from tools.dual_evaluation.carrying import carrying_scale
from tools.dual_evaluation.checks import findings
from tools.dual_evaluation.config import DualConfig, PartName, check_names
from tools.dual_evaluation.evaluate import DualEvaluation, evaluate
from tools.dual_evaluation.explain import explain_place
from tools.dual_evaluation.outcome import TOOL, VERSION, dual_outcome, result_tables, tool_result
from tools.dual_evaluation.scenarios import scenario_table


@tool(
    TOOL,
    title="双评价（资源环境承载能力和国土空间开发适宜性评价）",
    version=VERSION,
    examples=(
        "评价本县城镇建设适宜性，并解释为什么城北不适宜。",
        "做一次双评价，生态保护极重要区有多少公顷？",
        "本县农业生产适宜区在哪些乡镇，面积多少？",
        "按 2019 版做国土空间开发适宜性评价。",
    ),
    needs=("dem",),
)
def dual_evaluation(
    layers: Path,
    parts: tuple[PartName, ...] | None = None,
    scheme: str | None = None,
    config: DualConfig | None = None,
    place: str | None = None,
) -> ToolResult:
    """Evaluate ecological importance, farming and urban suitability, and carrying scale of a place.

    Every threshold is data of a published scheme (2020 by default, or 2019). A factor without input is
    never guessed: the result names it and is marked incomplete, or is refused.

    Args:
        layers: Folder with `layers.yaml`.
        parts: ecology, agriculture, urban, carrying; all when not given.
        scheme: 2020 or 2019.
        config: Inputs and own figures; by the roles of the layers when not given.
        place: Explain this place: a town, a direction from the central town (城北), or "x,y".

    Raises:
        InputError: scheme, grid or an input does not fit; named with factor and file.
    """
    wanted = config or DualConfig()
    changes = {k: v for k, v in (("parts", parts), ("scheme", scheme)) if v is not None}
    wanted = wanted.model_copy(update=changes)
    check_names(wanted)
    with tempfile.TemporaryDirectory(prefix="cspon-dual-") as work:
        return outcome_of(evaluate(wanted, layers, work=Path(work)), place=place)


def outcome_of(
    made: DualEvaluation, *, place: str | None = None, more: tuple[Table, ...] = ()
) -> ToolResult:
    """Wrap an evaluation as the tool's result, with carrying scale, checks, scenarios.

    Args:
        made: The evaluation.
        place: Explained, where given: by the last suitability that was asked for.
        more: Further tables.

    Raises:
        InputError: the place is not known, or the table of water is wrong.
    """
    asked = made.inputs.config.parts
    carrying = carrying_scale(made) if "carrying" in asked else None
    found = findings(made)
    explanation = None
    if place is not None:
        named = [p for p in ("urban", "agriculture", "ecology") if p in asked]
        explanation = explain_place(made, place, named[0] if named else "urban")
    scenarios = scenario_table(made)
    data = dual_outcome(made, carrying=carrying, found=found, explanation=explanation)
    extra = (*([scenarios] if scenarios is not None else []), *more)
    tables = result_tables(
        made, carrying=carrying, found=found, explanation=explanation, more=extra
    )
    return tool_result(made, data, tables)
