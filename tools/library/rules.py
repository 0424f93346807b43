"""The rule library: the rules of `tools.rules` and the bureau's own, as entries.

A rule takes a project (one polygon layer) and the layers of a place; its outputs are verdict,
sentence and area. It is run through the compliance check, so that it says here what it says there.
"""

import re
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from cspon.registry import NotRegistered, registry
from cspon.schemas.spatial import Verdict
from tools.land_use import land_use_name
from tools.library import explain
from tools.library.definitions import Definition, own, own_files
from tools.library.entry import Entry, Kind, Origin, Port, Ports, Problem, problem_of
from tools.library.kinds import Context, entry
from tools.library.own import shown_path
from tools.library.reading import digest
from tools.library.state import disabled, require_enabled
from tools.library.units import Quantity
from tools.library.values import AnyLayer
from tools.rules.evaluate import apply_rule, decide
from tools.rules.lines import role_title, zone_schemes
from tools.rules.load import FOLDER, load_rules, project_types
from tools.rules.model import Rule

INPUTS: Ports = {"project": Port(type="geometry", title="项目范围")}
OUTPUTS: Ports = {
    "verdict": Port(type="text", title="结论", choices=tuple(v.value for v in Verdict)),
    "message": Port(type="text", title="说明"),
    "area": Port(type="number", unit="ha", title="涉及面积"),
}
_SEVERITY = {
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
_PARAMETERS = {
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


class RuleLibrary:
    """The rules of all packs."""

    kind: Kind = "rule"

    def entries(self) -> tuple[Entry, ...]:
        """List rules in the order that a planner follows; own rules last."""
        off = disabled("rule")
        found = []
        for rule, file, origin in _all():
            found.append(
                Entry(
                    kind="rule",
                    id=rule.id,
                    title=rule.title,
                    version=rule.version,
                    enabled=rule.id not in off,
                    disabled_because=off.get(rule.id, ""),
                    origin=origin,
                    group=_SEVERITY.get(rule.severity, rule.severity),
                    basis=tuple(b.plain() for b in rule.basis),
                    verified=rule.verified,
                    valid_from=rule.valid_from,
                    valid_to=rule.valid_to,
                    summary=_summary(rule),
                    inputs=INPUTS,
                    outputs=OUTPUTS,
                    examples=len(rule.examples),
                    file=shown_path(file, origin),
                    sha256=digest(file),
                )
            )
        return tuple(found)

    def explain(self, entry_id: str) -> str:
        """Explain a rule: what it decides, thresholds, outcomes, procedure, grounds, examples."""
        shown = entry("rule", entry_id)
        rule = next(rule for rule, _, _ in _all() if rule.id == shown.id)
        outcomes = [
            (o.verdict.value, _readable(o.message), _steps(o.procedure))
            for o in rule.outcomes.values()
        ]
        examples = [
            (_example_title(i, e.site), e.verdict.value, apply_rule(rule, e.site).message)
            for i, e in enumerate(rule.examples, 1)
        ]
        parameters = [
            (_PARAMETERS.get(key, key), _parameter(rule, value))
            for key, value in rule.parameters.items()
            if key not in ("measure", "worst_first")
        ]
        return explain.page(
            explain.head(shown),
            explain.section("所需图层", "、".join(_role_title(r) for r in rule.needs)),
            explain.section(
                "阈值与参数", explain.table(("参数", "取值"), parameters) if parameters else ""
            ),
            explain.section("判定结果", explain.table(("结论", "说明", "办理程序"), outcomes)),
            explain.grounds(shown.basis),
            explain.section("备注", rule.note),
            explain.section(
                "将有变化",
                "\n".join(
                    f"- 《{u.title}》自 {u.effective_from} 起施行：{u.note}" for u in rule.upcoming
                ),
            ),
            explain.section("算例", explain.table(("情形", "结论", "输出"), examples)),
            explain.changes(shown),
        )

    def check(self, entry_id: str) -> tuple[Problem, ...]:
        """Run a rule's examples."""
        shown = entry("rule", entry_id)
        rule, file, _ = next(found for found in _all() if found[0].id == shown.id)
        try:
            check_examples(rule, file)
        except InputError as error:
            return (problem_of("rule", rule.id, file, error),)
        return ()

    def run(self, entry_id: str, inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Apply a rule to a project on the layers of a place."""
        shown = entry("rule", entry_id)
        require_enabled("rule", shown.id, shown.title)
        outcome = _checked(inputs["project"], context).get(shown.id)
        if outcome is None:
            raise InputError(
                f"规则“{shown.title}”对此项目不适用", mend="查看 cspon check 结果的未核查说明"
            )
        return {
            "verdict": outcome["verdict"],
            "message": outcome["message"],
            "area": Quantity.of(outcome["area_ha"] or 0.0, "ha"),
        }


def own_definitions() -> tuple[dict[str, Definition[Rule]], tuple[Problem, ...]]:
    """Read the bureau's own rules."""
    if not own_files("rule"):
        return {}, ()
    return own("rule", Rule, {rule.id for rule in load_rules()}, _check_own)


def check_examples(rule: Rule, file: Path) -> None:
    """Run the worked examples of a rule.

    Raises:
        InputError: an example does not come out; names it.
    """
    for number, example in enumerate(rule.examples, 1):
        field = f"examples.{number}"
        try:
            name, _ = decide(rule, example.site)
            outcome = apply_rule(rule, example.site)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"算例无法计算：{error}", file=file, field=field, mend="核对 site 与 parameters"
            ) from None
        if (name, outcome.verdict) != (example.outcome, example.verdict):
            raise InputError(
                f"算例“{example.name}”应为 {example.outcome}（{example.verdict}），"
                f"得到 {name}（{outcome.verdict}）",
                file=file,
                field=field,
                mend="核对规则参数或算例",
            )
        silent = [words for words in example.says if words not in outcome.message]
        if silent:
            raise InputError(
                f"算例“{example.name}”的说明中没有“{silent[0]}”：{outcome.message}",
                file=file,
                field=field,
                mend="核对 message 的写法或算例的 says",
            )


def _all() -> list[tuple[Rule, Path, Origin]]:
    shipped = {file.stem: file for file in FOLDER.glob("*/*.yaml")}
    found: list[tuple[Rule, Path, Origin]] = [(r, shipped[r.id], "shipped") for r in load_rules()]
    return [*found, *((d.said, d.file, "own") for d in own_definitions()[0].values())]


def _check_own(rule: Rule, file: Path) -> None:
    """Check what the loader of the shipped rules asserts, and the examples."""
    from tools.rules.load import check_rule

    try:
        check_rule(file, rule)
    except AssertionError as error:
        raise InputError(str(error), file=file, mend="参照软件自带的规则书写") from None
    except NotRegistered as error:
        raise InputError(
            str(error), file=file, field="predicate", mend="改用已有的判断方法"
        ) from None
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            f"参数有误：{error}", file=file, field="parameters", mend="参照自带规则"
        ) from None
    check_examples(rule, file)


def _checked(project: AnyLayer, context: Context) -> dict[str, dict[str, Any]]:
    """Run the compliance check on a project and return its outcomes by rule."""
    import pyogrio.raw

    from tools.compliance.check import check_compliance

    if context.layers is None:
        raise InputError(
            "规则需要图层目录", field="layers", mend="用 --layers 指定含 layers.yaml 的文件夹"
        )
    layer = project.whole()
    geometry = shapely.union_all(layer.geometries)
    if geometry.is_empty:
        raise InputError("项目范围为空", field="project", mend="给出项目边界")
    with tempfile.TemporaryDirectory(prefix="cspon-rule-") as folder:
        file = Path(folder) / "project.gpkg"
        pyogrio.raw.write(
            file,
            geometry=shapely.to_wkb(np.array([geometry], dtype=object)),
            field_data=[np.array(["项目"], dtype=object)],
            fields=["NAME"],
            layer="project",
            driver="GPKG",
            geometry_type="Unknown",
            crs=f"EPSG:{layer.epsg}",
        )
        result = check_compliance(
            file, context.layers, context.project_type, context.on_date or date.today()
        )
    return {outcome["rule_id"]: outcome for outcome in result.data["rules"]}


def _summary(rule: Rule) -> str:
    points = [b.point for b in rule.basis if b.point]
    return f"{points[0]}。" if points else rule.note or rule.title


def _readable(text: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: f"〔{_FIGURES.get(m[1], m[1])}〕", text)


def _steps(procedure: tuple[str, ...]) -> str:
    steps = [f"{i}. {_readable(step)}" for i, step in enumerate(procedure, 1)]
    return "\n".join(steps) or "—"


def _parameter(rule: Rule, value: Any) -> str:
    """Write a parameter in the words of a planner: verdicts, lines, project types, codes by name."""
    if isinstance(value, dict) and value and all(v in rule.outcomes for v in _leaves(value)):
        return _verdicts(rule, value)
    if isinstance(value, dict):
        nested = any(isinstance(v, dict | list) for v in value.values())
        parts = [f"{_word(rule, k)}：{_parameter(rule, v)}" for k, v in value.items()]
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
        return f"{value} {name}" if name else _role_title(value)
    if isinstance(value, bool):
        return "是" if value else "否"
    return "无" if value is None else f"{value:g}"


def _role_title(role: str) -> str:
    return "其余" if role == "otherwise" else role_title(role)


def _example_title(number: int, site: Any) -> str:
    kind = project_types()[site.project_type].title
    return f"{number}. {kind}，面积 {site.area_ha:g} 公顷"


registry.add("library", "rule", RuleLibrary())
