"""Check a plan before anything runs: repair what can be repaired, refuse the rest by kind.

Deterministic. Published failures of spatial agents are mostly missing and misordered steps.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cspon.errors import InputError, RetryTool
from cspon.schemas.agent import Plan, Refusal, RefusalKind, Step
from cspon.schemas.base import Secrecy
from tools.catalogue import Tool
from tools.geometry.read import read_boundary
from tools.layers import layer_by_role, load_catalogue


def check_plan(
    plan: Plan,
    *,
    tools: Mapping[str, Tool],
    files: Mapping[str, Path],
    layers: Path,
    epsg: int | None = None,
    clearance: Secrecy = Secrecy.INTERNAL,
) -> tuple[Plan, list[str]]:
    """Return the plan to run and the notices the user must see.

    Args:
        plan: What `understand` proposed.
        tools: The tool catalogue.
        files: The user's files by name: boundary, before, database, table.
        layers: Folder of the layer catalogue.
        epsg: Coordinate system of the boundary, where its file does not say it.
        clearance: Of the reader; an argument that asks for more is lowered to it.
    """
    if plan.refusal or not plan.steps:
        return plan, []
    unknown = [step.tool for step in plan.steps if step.tool not in tools]
    if unknown:
        return _refuse(
            plan, RefusalKind.UNSOLVABLE, f"没有名为 {'、'.join(unknown)} 的工具，无法完成。"
        ), []
    steps, repairs = _arguments(plan.steps, tools, clearance)
    try:
        steps, reordered = _ordered(steps)
    except InputError as error:
        return _refuse(plan, RefusalKind.UNSOLVABLE, error.message), []
    repairs += reordered
    notices = list(plan.repairs)
    for step in steps:
        used = [v for v in step.args.values() if isinstance(v, str)]
        if "$boundary" in used and "boundary" not in files:
            return _refuse(
                plan, RefusalKind.NEEDS_INPUT, "缺少项目边界文件。", "请提供边界文件。"
            ), []
        try:
            check_arguments(step, tools[step.tool])
            if "$layers" in used:
                notices += _missing_layers(tools[step.tool], layers)
            if "$boundary" in used:
                notices += read_boundary(files["boundary"], epsg=epsg).notices
        except InputError as error:
            return _refuse(plan, RefusalKind.NEEDS_INPUT, str(error)), []
        except RetryTool as error:
            return _refuse(
                plan,
                RefusalKind.NEEDS_INPUT,
                f"步骤“{step.title or step.tool}”的参数没有读懂：{error}。",
                "请换一种写法，写明数值和单位。",
            ), []
    return plan.model_copy(
        update={"steps": tuple(steps), "repairs": (*plan.repairs, *repairs)}
    ), list(dict.fromkeys(notices))


def check_arguments(step: Step, tool: Tool) -> None:
    """Validate every argument that is not filled in by the run against the tool's own schema.

    Raises:
        RetryTool: one does not fit; the message names it and what is expected.
    """
    for key, value in step.args.items():
        if isinstance(value, str) and value.startswith("$"):
            continue
        field = tool.arguments.model_fields[key]
        try:
            TypeAdapter[Any](field.annotation or Any).validate_python(value)
        except ValidationError as error:
            raise RetryTool(f"{key}：{error.errors()[0]['msg']}") from None


def _arguments(
    steps: tuple[Step, ...], tools: Mapping[str, Tool], clearance: Secrecy
) -> tuple[list[Step], list[str]]:
    """Drop arguments that a tool does not have; fill in the run's own values it does need."""
    repaired: list[Step] = []
    repairs: list[str] = []
    for step in steps:
        fields = tools[step.tool].arguments.model_fields
        args: dict[str, Any] = {key: value for key, value in step.args.items() if key in fields}
        for key in step.args.keys() - args.keys():
            if step.args[key] not in ("$epsg", "$asked_on", "$workspace"):
                repairs.append(f"步骤 {step.id}：去掉工具 {step.tool} 没有的参数 {key}。")
        for key in ("boundary", "layers"):
            if key in fields and fields[key].is_required() and key not in args:
                args[key] = f"${key}"
                repairs.append(f"步骤 {step.id}：补上参数 {key}。")
        for key, field in fields.items():
            wanted = args.get(key, field.default)
            if field.annotation is Secrecy and Secrecy(wanted).rank > clearance.rank:
                args[key] = clearance.value
                repairs.append(
                    f"所要的密级“{Secrecy(wanted).value}”高于您的权限，按“{clearance}”提取。"
                )
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
