"""Rules in the words of a planner: parameters, outcomes and procedure as an explanation shows them."""

import re
from typing import Any

from tools.land_use import land_use_name
from tools.rules.lines import role_title, zone_schemes
from tools.rules.load import project_types
from tools.rules.model import Rule, Site

SEVERITY_TITLES = {
    "prohibition": "禁止性",
    "restriction": "限制性",
    "procedure": "程序性",
    "data": "数据条件",
}
_FIGURES = {
    "area_ha": "面积",
    "area_mu": "面积",
    "share_percent": "占比",
    "outside_ha": "线外面积",
    "inside_ha": "线内面积",
    "outside_percent": "线外占比",
    "outside_mu": "线外面积",
    "patches": "处数",
    "cultivated_ha": "耕地",
    "farmland_ha": "永久基本农田",
    "other_ha": "其他土地",
    "project_type": "项目类型",
    "distance_m": "距离",
    "names": "名称",
    "classes": "等级",
    "limits": "限距",
    "zones": "各分区面积",
    "codes": "各地类面积",
    "max_degrees": "最大坡度",
    "uncovered_ha": "没有数据的面积",
    "outside_county_ha": "县外面积",
    "worst_ha": "最严分区面积",
    "margin_ha": "留量范围内面积",
}
PARAMETER_TITLES = {
    "line": "涉及的控制线",
    "by_type": "按项目类型的结果",
    "otherwise": "其余情形的结果",
    "barred_types": "不得在线外的项目类型",
    "class": "地类",
    "cultivated_over_ha": "耕地超过（公顷）",
    "other_over_ha": "其他土地超过（公顷）",
    "by_class": "按等级的距离（米）",
    "margin_m": "另加的留量（米）",
    "must_cover": "分区须覆盖整个项目",
    "otherwise_m": "其余等级的距离（米）",
    "exempt_types": "按项目类型的例外",
    "allowed": "各项目类型可用的规划地类",
    "degrees": "坡度阈值（度）",
    "schemes": "各分区的结果",
    "worst_first": "从严次序",
    "measure": "距离量算",
}


def summary(rule: Rule) -> str:
    """Say in one sentence what the rule is about."""
    points = [b.point for b in rule.basis if b.point]
    return f"{points[0]}。" if points else rule.note or rule.title


def readable(text: str) -> str:
    """Put Chinese names in place of the figures of a sentence."""
    return re.sub(r"\{(\w+)\}", lambda m: f"〔{_FIGURES.get(m[1], m[1])}〕", text)


def steps(procedure: tuple[str, ...]) -> str:
    """Number the steps of a procedure."""
    numbered = [f"{i}. {readable(step)}" for i, step in enumerate(procedure, 1)]
    return "\n".join(numbered) or "—"


def parameter(rule: Rule, value: Any) -> str:
    """Write a parameter in the words of a planner: verdicts, lines, project types, codes by name."""
    if isinstance(value, dict) and value and all(v in rule.outcomes for v in _leaves(value)):
        return _verdicts(rule, value)
    if isinstance(value, dict):
        nested = any(isinstance(v, dict | list) for v in value.values())
        parts = [f"{_word(rule, k)}：{parameter(rule, v)}" for k, v in value.items()]
        return ("\n" if nested else "；").join(parts) or "无"
    if isinstance(value, list | tuple):
        return "、".join(_word(rule, v) for v in value) or "无"
    return _word(rule, value)


def _leaves(value: dict[str, Any]) -> list[str]:
    return [v if isinstance(v, str) else "" for v in value.values()]


def _verdicts(rule: Rule, by_type: dict[str, str]) -> str:
    """Group project types by the verdict that they come to."""
    groups: dict[str, list[str]] = {}
    for kind, outcome in by_type.items():
        groups.setdefault(rule.outcomes[outcome].verdict.value, []).append(_word(rule, kind))
    return " ｜ ".join(f"{verdict}：{'；'.join(kinds)}" for verdict, kinds in groups.items())


def _word(rule: Rule, value: Any) -> str:
    if isinstance(value, str):
        if value in rule.outcomes:
            return rule.outcomes[value].verdict.value
        if value in project_types():
            return project_types()[value].title
        if value in zone_schemes():
            return zone_schemes()[value].title
        name = land_use_name(value)
        return f"{value} {name}" if name else title_of_role(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return "无" if value is None else f"{value:g}"


def title_of_role(role: str) -> str:
    """Name a role, or the rest."""
    return "其余" if role == "otherwise" else role_title(role)


def example_title(number: int, site: Site) -> str:
    """Say what an example is about: kind of project and size."""
    kind = project_types()[site.project_type].title
    return f"{number}. {kind}，面积 {site.area_ha:g} 公顷"
