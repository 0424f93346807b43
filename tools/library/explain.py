"""Pieces of the Markdown that explains an entry; all four kinds are explained alike."""

from collections.abc import Iterable, Sequence
from typing import Any

from cspon.schemas.knowledge import Basis
from tools.library.entry import KIND_TITLES, Entry, Port, Ports
from tools.library.state import history
from tools.library.units import Quantity
from tools.library.versions import history_of


def head(entry: Entry) -> str:
    """Say what the entry is, its standing and its version."""
    lines = [f"# {entry.title}（{entry.id}）", "", entry.summary, ""]
    until = f"，至 {entry.valid_to}（不含）" if entry.valid_to else ""
    rows: list[tuple[str, str]] = [
        ("所属", KIND_TITLES[entry.kind] + (f" · {entry.group}" if entry.group else "")),
        ("来源", "软件自带" if entry.origin == "shipped" else "本单位"),
        ("状态", "启用" if entry.enabled else f"**已停用**：{entry.disabled_because}"),
        ("版本", _versions(entry)),
        ("适用", f"自 {entry.valid_from} 起{until}" if entry.valid_from else "不限"),
        (
            "核实",
            "依据已核实" if entry.verified else "**未核实**：依据或常数尚未见到原文，使用前请复核",
        ),
        ("文件", f"`{entry.file}`"),
    ]
    return "\n".join([*lines, table(("项目", "内容"), rows)])


def grounds(basis: Iterable[Basis]) -> str:
    """List the sources, with their words where they are known."""
    lines = []
    for clause in basis:
        mark = "" if clause.verified else "（未核实）"
        point = f"：{clause.point}" if clause.point else ""
        lines.append(f"- 《{clause.title}》{clause.article or ''}{mark}{point}")
        if clause.quote:
            lines.append(f"  > {clause.quote}")
    return section("依据", "\n".join(lines) or "没有条文依据；计算方法见上。")


def ports(title: str, declared: Ports) -> str:
    """List inputs or outputs."""
    if not declared:
        return ""
    rows = [
        (f"`{name}`", port.title, port.described, _given(port)) for name, port in declared.items()
    ]
    return section(title, table(("名称", "含义", "类型", "说明"), rows))


def changes(entry: Entry) -> str:
    """List who switched the entry on or off, when and why."""
    rows = [(c.at, c.by, c.action, c.reason) for c in history(entry.kind, entry.id)]
    return section("启停记录", table(("时间", "操作人", "操作", "原因"), rows)) if rows else ""


def section(title: str, text: str) -> str:
    """Return a section, or nothing when it has no text."""
    return f"\n## {title}\n\n{text}" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(_cell(v) for v in row)} |" for row in rows]
    return "\n".join(lines)


def page(*parts: str) -> str:
    """Put the parts together."""
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def _versions(entry: Entry) -> str:
    known = history_of(entry)
    text = f"{entry.version}（内容 sha256 {entry.sha256[:12]}…）"
    past = [f"{k.version}（{k.on}）" for k in known]
    return f"{text}；登记过：{'、'.join(past)}" if past else f"{text}；尚未登记"


def _given(port: Port) -> str:
    said = []
    if port.role:
        said.append(f"默认取图层目录中角色为 `{port.role}` 的图层")
    if port.default is not None:
        said.append(f"默认 {shown(port.default)}")
    if port.optional:
        said.append("可不给")
    if port.choices:
        said.append(f"可选 {'、'.join(port.choices)}")
    bounds = [f"≥ {port.minimum:g}"] if port.minimum is not None else []
    bounds += [f"≤ {port.maximum:g}"] if port.maximum is not None else []
    return "；".join([*said, *bounds, *([port.note] if port.note else [])]) or "—"


def shown(value: Any) -> str:
    """Write a value of an example or a default as a reader would."""
    if isinstance(value, Quantity):
        return str(value)
    if isinstance(value, dict) and set(value) == {"value", "unit"}:
        return f"{value['value']} {value['unit']}".removesuffix(" 1")
    if isinstance(value, dict) and "features" in value:
        return f"{len(value['features'])} 个要素"
    if isinstance(value, dict) and "rows" in value:
        return f"{len(value['rows'])} × {len(value['rows'][0])} 栅格"
    if isinstance(value, dict):
        return "，".join(f"{k}：{shown(v)}" for k, v in value.items())
    if isinstance(value, list | tuple):
        return "、".join(f"（{shown(v)}）" if isinstance(v, dict) else shown(v) for v in value)
    return "无" if value is None else str(value)


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", "<br>")
