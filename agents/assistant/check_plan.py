"""Check a plan before anything runs: repair what can be repaired, refuse the rest by kind.

Deterministic. Published failures of spatial agents are mostly missing and misordered steps.
"""

from pathlib import Path

from cspon.errors import InputError
from cspon.schemas.agent import Plan, Refusal, RefusalKind, Step
from tools.catalogue import Tool
from tools.geometry.read import read_boundary
from tools.layers import layer_by_role, load_catalogue


def check_plan(
    plan: Plan,
    *,
    tools: dict[str, Tool],
    boundary: Path | None,
    layers: Path,
    epsg: int | None = None,
) -> tuple[Plan, list[str]]:
    """Return the plan to run and the notices the user must see.

    Args:
        plan: What `understand` proposed.
        tools: The tool catalogue.
        boundary: The user's boundary file.
        layers: Folder of the layer catalogue.
        epsg: Coordinate system of the boundary, where its file does not say it.
    """
    if plan.refusal or not plan.steps:
        return plan, []
    unknown = [step.tool for step in plan.steps if step.tool not in tools]
    if unknown:
        return _refuse(
            plan, RefusalKind.UNSOLVABLE, f"没有名为 {'、'.join(unknown)} 的工具，无法完成。"
        ), []
    steps, repairs = _arguments(plan.steps, tools)
    try:
        steps, reordered = _ordered(steps)
    except InputError as error:
        return _refuse(plan, RefusalKind.UNSOLVABLE, error.message), []
    repairs += reordered
    notices: list[str] = []
    for step in steps:
        if "$boundary" in step.args.values() and boundary is None:
            return _refuse(
                plan, RefusalKind.NEEDS_INPUT, "缺少项目边界文件。", "请提供边界文件。"
            ), []
        needs_layers = "$layers" in step.args.values()
        try:
            if needs_layers:
                notices += _missing_layers(tools[step.tool], layers)
            if boundary is not None and "$boundary" in step.args.values():
                notices += read_boundary(boundary, epsg=epsg).notices
        except InputError as error:
            return _refuse(plan, RefusalKind.NEEDS_INPUT, str(error)), []
    return plan.model_copy(update={"steps": tuple(steps), "repairs": tuple(repairs)}), notices


def _arguments(steps: tuple[Step, ...], tools: dict[str, Tool]) -> tuple[list[Step], list[str]]:
    """Drop arguments that a tool does not have; fill in the run's own values it does need."""
    repaired: list[Step] = []
    repairs: list[str] = []
    for step in steps:
        fields = tools[step.tool].arguments.model_fields
        args = {key: value for key, value in step.args.items() if key in fields}
        for key in step.args.keys() - args.keys():
            repairs.append(f"步骤 {step.id}：去掉工具 {step.tool} 没有的参数 {key}。")
        for key in ("boundary", "layers"):
            if key in fields and args.get(key) != f"${key}":
                args[key] = f"${key}"
                repairs.append(f"步骤 {step.id}：补上参数 {key}。")
        repaired.append(step.model_copy(update={"args": args}))
    return repaired, repairs


def _ordered(steps: list[Step]) -> tuple[list[Step], list[str]]:
    """Sort the steps so that each comes after what it waits for."""
    known = {step.id for step in steps}
    done: list[Step] = []
    waiting = list(steps)
    repairs: list[str] = []
    for step in steps:
        missing = [name for name in step.after if name not in known]
        if missing:
            raise InputError(f"步骤 {step.id} 依赖不存在的步骤 {'、'.join(missing)}。")
    while waiting:
        ready = [s for s in waiting if set(s.after) <= {d.id for d in done}]
        if not ready:
            raise InputError("步骤之间循环依赖，无法执行。")
        done.append(ready[0])
        waiting.remove(ready[0])
    if [s.id for s in done] != [s.id for s in steps]:
        repairs.append("按依赖关系调整了步骤顺序。")
    return done, repairs


def _missing_layers(tool: Tool, layers: Path) -> list[str]:
    catalogue = load_catalogue(layers)
    missing = [role for role in tool.needs if layer_by_role(catalogue, role) is None]
    if missing:
        return [f"图层目录缺少 {'、'.join(missing)}，相关结论按“数据缺失”处理，不作通过。"]
    return []


def _refuse(plan: Plan, kind: RefusalKind, message: str, mend: str = "") -> Plan:
    refusal = Refusal(kind=kind, message=message, mend=mend)
    return plan.model_copy(update={"steps": (), "refusal": refusal})
