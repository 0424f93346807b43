"""The tool `dual_evaluation`: 双评价 of a place from its layers and a configuration."""

import tempfile
from pathlib import Path
from typing import Literal

from cspon.errors import InputError
from cspon.schemas.spatial import ToolResult
from tools.catalogue import tool
from tools.dual_evaluation.asked import (
    factor_sentences,
    scenario_sentences,
    sensitivity_sentences,
)
from tools.dual_evaluation.carrying import carrying_scale
from tools.dual_evaluation.checks import findings
from tools.dual_evaluation.config import DualConfig, PartName, Scenario, check_names
from tools.dual_evaluation.evaluate import DualEvaluation, evaluate
from tools.dual_evaluation.explain import Explanation, explain_place
from tools.dual_evaluation.outcome import TOOL, VERSION, dual_outcome, result_tables, tool_result
from tools.dual_evaluation.places import Place, find_places
from tools.dual_evaluation.result_layers import result_layers
from tools.dual_evaluation.scenarios import scenario_table
from tools.dual_evaluation.sensitivity import Sensitivity, require_salib
from tools.dual_evaluation.sensitivity import sensitivity as moved_thresholds
from tools.dual_evaluation.sensitivity_shown import sensitivity_table

Suitability = Literal["ecology", "agriculture", "urban"]


@tool(
    TOOL,
    title="双评价（资源环境承载能力和国土空间开发适宜性评价）",
    version=VERSION,
    examples=(
        "评价本县城镇建设适宜性，并解释为什么城北不适宜。",
        "为什么石桥镇适宜城镇建设？",
        "降水减少一成，农业生产适宜区会怎样变化？",
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
    factors: tuple[str, ...] = (),
    scenarios: tuple[Scenario, ...] = (),
    sensitivity: tuple[Suitability, ...] = (),
    out: Path | None = None,
) -> ToolResult:
    """Evaluate ecological importance, farming and urban suitability, and carrying scale of a place.

    Every threshold is data of a published scheme (2020 by default, or 2019). A factor without input is
    never guessed: the result names it and is marked incomplete, or is refused.

    Args:
        layers: Folder with `layers.yaml`.
        parts: ecology, agriculture, urban, carrying; all when not given.
        scheme: 2020 or 2019.
        config: Inputs and own figures; by the roles of the layers when not given.
        place: Explain this place, or several with 、 between them: a town, a direction from the central
            town (城北) or in the county (县域东部), or a point "x,y" (metres, or longitude and latitude).
        factors: Ids of single steps to tell by themselves, e.g. water_erosion.
        scenarios: Changed climate and technology, beside those of the configuration.
        sensitivity: Evaluations whose thresholds are moved to see which one matters most.
        out: Folder for rasters, patches, maps, report and run record; none are written without it.

    Raises:
        InputError: scheme, grid or an input does not fit; named with factor and file.
    """
    wanted = config or DualConfig()
    changes = {k: v for k, v in (("parts", parts), ("scheme", scheme)) if v is not None}
    own = {"scenarios": (*wanted.scenarios, *scenarios)}
    wanted = wanted.model_copy(update={**changes, **own})
    check_names(wanted)
    if sensitivity:
        require_salib()
    with tempfile.TemporaryDirectory(prefix="cspon-dual-") as work:
        made = evaluate(wanted, layers, work=Path(work))
        moved = tuple(moved_thresholds(made, name) for name in sensitivity)
        result = outcome_of(made, place=place, factors=factors, moved=moved)
        if out is not None:
            from tools.dual_evaluation.save import save_evaluation

            save_evaluation(made, result, out, moved=moved)
        return result


def outcome_of(
    made: DualEvaluation,
    *,
    place: str | None = None,
    factors: tuple[str, ...] = (),
    moved: tuple[Sensitivity, ...] = (),
) -> ToolResult:
    """Wrap an evaluation as the tool's result, with carrying scale, checks, scenarios.

    Args:
        made: The evaluation.
        place: Explained, where given: by the suitabilities that were asked for, else by the ecology.
        factors: Steps that are told by themselves.
        moved: Sensitivities that were computed.

    Raises:
        InputError: the place or factor is not known, or the table of water is wrong.
    """
    asked = made.inputs.config.parts
    places = find_places(made, place) if place is not None else ()
    explanations = _explained(made, places)
    told = factor_sentences(made, factors)
    carrying = carrying_scale(made) if "carrying" in asked else None
    found = findings(made)
    scenarios = scenario_table(made)
    data = dual_outcome(
        made, carrying=carrying, found=found, explanations=explanations, sensitivity=moved,
        told=(*told, *scenario_sentences(scenarios), *sensitivity_sentences(moved)),
    )  # fmt: skip
    tables = result_tables(
        made,
        carrying=carrying,
        found=found,
        explanations=explanations,
        more=(
            *([scenarios] if scenarios is not None else []),
            *(sensitivity_table(one) for one in moved),
        ),
    )
    return tool_result(made, data, tables, result_layers(made, places))


def _explained(made: DualEvaluation, places: tuple[Place, ...]) -> tuple[Explanation, ...]:
    asked = made.inputs.config.parts
    names: list[str] = [name for name in ("urban", "agriculture") if name in asked]
    if not names and "ecology" in asked:
        names = ["ecology"]
    if places and not names:
        raise InputError(
            "承载规模按评价单元给出，不能解释单个位置",
            field="place",
            mend="写明要解释城镇建设适宜性、农业生产适宜性还是生态保护重要性",
        )
    done = [n for n in names if n in made.parts and made.parts[n].grades] or names
    return tuple(explain_place(made, place, name) for place in places for name in done)
