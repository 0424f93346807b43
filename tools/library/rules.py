"""The rule library: the rules of `tools.rules` and the bureau's own, as entries.

A rule takes a project (one polygon layer) and the layers of a place; its outputs are verdict,
sentence and area. It is run through the compliance check, so that it says here what it says there.
"""

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
from tools.library import explain
from tools.library.definitions import Definition, own, own_files
from tools.library.entry import Entry, Kind, Origin, Port, Ports, Problem, problem_of
from tools.library.kinds import Context, entry
from tools.library.own import shown_path
from tools.library.reading import digest
from tools.library.rule_words import (
    PARAMETER_TITLES,
    SEVERITY_TITLES,
    example_title,
    parameter,
    readable,
    steps,
    summary,
    title_of_role,
)
from tools.library.state import disabled, require_enabled
from tools.library.units import Quantity
from tools.library.values import AnyLayer
from tools.rules.evaluate import apply_rule, decide
from tools.rules.load import FOLDER, load_rules
from tools.rules.model import Rule

INPUTS: Ports = {"project": Port(type="geometry", title="项目范围")}
OUTPUTS: Ports = {
    "verdict": Port(type="text", title="结论", choices=tuple(v.value for v in Verdict)),
    "message": Port(type="text", title="说明"),
    "area": Port(type="number", unit="ha", title="涉及面积"),
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
                    group=SEVERITY_TITLES.get(rule.severity, rule.severity),
                    basis=tuple(b.plain() for b in rule.basis),
                    verified=rule.verified,
                    valid_from=rule.valid_from,
                    valid_to=rule.valid_to,
                    summary=summary(rule),
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
            (o.verdict.value, readable(o.message), steps(o.procedure))
            for o in rule.outcomes.values()
        ]
        examples = [
            (example_title(i, e.site), e.verdict.value, apply_rule(rule, e.site).message)
            for i, e in enumerate(rule.examples, 1)
        ]
        parameters = [
            (PARAMETER_TITLES.get(key, key), parameter(rule, value))
            for key, value in rule.parameters.items()
            if key not in ("measure", "worst_first")
        ]
        return explain.page(
            explain.head(shown),
            explain.section("所需图层", "、".join(title_of_role(r) for r in rule.needs)),
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


registry.add("library", "rule", RuleLibrary())
