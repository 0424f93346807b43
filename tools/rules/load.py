"""Load and check the rule files of a pack, and the kinds of projects they tell apart."""

import string
import threading
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from cspon.errors import InputError
from cspon.registry import registry
from tools.rules import line_predicates as _line_predicates
from tools.rules import predicates as _predicates
from tools.rules.lines import line_roles, zone_schemes
from tools.rules.model import ProjectType, Rule
from tools.rules.predicates import Predicate

assert _predicates.__name__ and _line_predicates.__name__  # importing them registers the predicates

FOLDER = Path(__file__).parent
PACK = "control_lines"
_loading = threading.Lock()


def load_rules(pack: str = PACK) -> tuple[Rule, ...]:
    """Return the rules of a pack in the order that a planner follows.

    A rule file with a mistake is a bug of this project: an assertion names the file.
    """
    with _loading:  # two first calls at once would register each rule twice
        return _load_pack(pack)


@cache
def _load_pack(pack: str) -> tuple[Rule, ...]:
    files = sorted((FOLDER / pack).glob("*.yaml"))
    assert files, f"no rules in {FOLDER / pack}"
    rules = [_load(file) for file in files]
    for rule in rules:
        registry.add("rule", f"{pack}/{rule.id}", rule)
    return tuple(sorted(rules, key=lambda rule: rule.order))


@cache
def project_types() -> dict[str, ProjectType]:
    """Return the kinds of projects by id."""
    raw = _read(FOLDER / "project_types.yaml")
    return {entry["id"]: ProjectType.model_validate(entry) for entry in raw["project_types"]}


@cache
def unchecked() -> tuple[str, ...]:
    """Return what no rule checks, one sentence each."""
    return tuple(_read(FOLDER / "unchecked.yaml")["sentences"])


def project_type(name: str) -> ProjectType:
    """Find a kind of project by id, title or alias.

    Raises:
        InputError: there is no such kind; the message lists them.
    """
    for kind in project_types().values():
        if name in (kind.id, kind.title, *kind.aliases):
            return kind
    known = "、".join(f"{kind.id}（{kind.title}）" for kind in project_types().values())
    raise InputError(f"没有名为 {name} 的项目类型", field="project_type", mend=f"可用：{known}")


def orphans(pack: str = PACK) -> list[str]:
    """List registered predicates that no rule of the pack uses."""
    used = {rule.predicate for rule in load_rules(pack)}
    return [name for name in registry.names("predicate") if name not in used]


def _load(file: Path) -> Rule:
    try:
        rule = Rule.model_validate(_read(file))
    except ValidationError as error:
        raise AssertionError(f"{file.name}: {error}") from error
    check_rule(file, rule)
    return rule


def check_rule(file: Path, rule: Rule) -> None:
    """Assert that a rule fits its predicate, its codes exist and its texts name known figures."""
    assert rule.id == file.stem, f"{file.name}: id {rule.id} is not the file's name"
    function: Predicate = registry.get("predicate", rule.predicate)
    given = set(rule.parameters)
    wrong = (function.parameters - given) | (given - function.parameters - function.optional)
    assert not wrong, f"{file.name}: parameters {wrong}"
    possible = function.outcomes(rule.parameters)
    assert set(rule.outcomes) == possible, f"{file.name}: outcomes {set(rule.outcomes) ^ possible}"
    assert not rule.area or rule.area in function.figures, f"{file.name}: area {rule.area}"
    named = function.project_types(rule.parameters) | {*rule.only_for, *rule.not_for}
    assert named <= set(project_types()), f"{file.name}: project types {named}"
    _check_codes(file.name, rule)
    for name, outcome in rule.outcomes.items():
        texts = (outcome.message, outcome.headline, *outcome.procedure)
        placeholders = {p for text in texts for _, p, _, _ in string.Formatter().parse(text) if p}
        unknown = placeholders - function.figures - {"project_type"}
        assert not unknown, f"{file.name}: outcome {name} names unknown figures {unknown}"
    cited = {name for basis in rule.basis for name in basis.when}
    assert cited <= possible, f"{file.name}: basis names unknown outcomes {cited - possible}"


def _check_codes(file: str, rule: Rule) -> None:
    """Check that a rule on zones or distances names codes that their schemes have."""
    parameters, known = rule.parameters, zone_schemes()
    assert parameters.get("measure", rule.id) == rule.id, f"{file}: measure is not the rule's id"
    for scheme, codes in parameters.get("schemes", {}).items():
        unknown = set(codes) - set(known[scheme].codes)
        assert not unknown, f"{file}: scheme {scheme} has no {unknown}"
    if "by_class" in parameters:
        schemes = line_roles()[parameters["line"]].schemes
        allowed = {code for scheme in schemes for code in known[scheme].codes}
        unknown = set(parameters["by_class"]) - allowed
        assert not unknown, f"{file}: {schemes} have no {unknown}"


def _read(file: Path) -> Any:
    return yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
