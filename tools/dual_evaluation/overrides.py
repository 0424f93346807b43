"""A bureau's own figures and methods in place of a scheme's, before the scheme is checked."""

from typing import Any

from cspon.errors import InputError

OWN = "用户配置改写"
CHANGEABLE = (
    "breaks", "grades", "closed", "drops", "table", "shares", "cases", "other",
    "outside", "among", "required", "unit", "elsewhere", "exclude",
)  # fmt: skip
METHODS = "methods"
"""Key of a step under which its other methods stand, by name."""


def choose(raw: dict[str, Any], methods: dict[str, str]) -> None:
    """Put the chosen methods in and take the others out of a scheme that was read.

    Args:
        raw: Changed in place.
        methods: `ecology.sand_fixation` to the name of one of the step's methods.

    Raises:
        InputError: a step that has no such method.
    """
    for path, name in methods.items():
        step = _step(raw, path.split("."), parts=2)
        known = {} if step is None else step.get(METHODS, {})
        if step is None or name not in known:
            raise InputError(
                f"{path} 没有名为“{name}”的方法",
                field="methods",
                mend=f"可选：{'、'.join(known)}" if known else f"有其他方法的步骤：{_paths(raw)}",
            )
        kept: dict[str, Any] = {k: v for k, v in step.items() if k in ("id", "title", "required")}
        step.clear()
        step.update(kept)
        step.update(known[name])
    for evaluation in raw["evaluations"]:
        for step in evaluation["steps"]:
            step.pop(METHODS, None)


def _paths(raw: dict[str, Any]) -> str:
    found = [
        f"{evaluation['id']}.{step['id']}（{'、'.join(step[METHODS])}）"
        for evaluation in raw["evaluations"]
        for step in evaluation["steps"]
        if METHODS in step
    ]
    return "、".join(found) or "无"


def override(raw: dict[str, Any], path: str, value: Any) -> None:
    """Put one own figure in; it is marked as the user's.

    Args:
        raw: A scheme that was read, changed in place.
        path: `urban.slope.breaks` or `parameters.relief_window_cells`.
        value: In place of the published one; of a mapping, the entries that differ.

    Raises:
        InputError: the path names nothing that can be changed.
    """
    parts = path.split(".")
    if parts[0] == "parameters" and len(parts) == 2 and parts[1] in raw["parameters"]:
        entry = raw["parameters"][parts[1]]
        entry["note"] = f"原值 {entry['value']:g} {entry['unit']}。{entry.get('note', '')}".strip()
        entry |= {"value": value, "source": OWN, "verified": False, "secondary": []}
        return
    step = _step(raw, parts, parts=3)
    if step is None or parts[2] not in CHANGEABLE or parts[2] not in step:
        raise InputError(
            f"方案中没有可改写的 {path}",
            field="overrides",
            mend="写作 评价.步骤.字段（如 urban.slope.breaks）或 parameters.名称；"
            "cspon dual-eval --scheme 2020 --show 列出全部",
        )
    before = step[parts[2]]
    if isinstance(before, dict) and isinstance(value, dict):
        value = {**before, **value}
    step[parts[2]] = value
    step["note"] = f"{parts[2]} 原为 {before}。{step.get('note', '')}".strip()
    step |= {"source": OWN, "verified": False, "secondary": []}


def _step(raw: dict[str, Any], path: list[str], *, parts: int) -> dict[str, Any] | None:
    """Return the step that a path of so many parts names."""
    evaluation = next((e for e in raw["evaluations"] if e["id"] == path[0]), None)
    if evaluation is None or len(path) != parts:
        return None
    return next((s for s in evaluation["steps"] if s["id"] == path[1]), None)
