"""Which rules are applied at all; what they say is tested by their own examples."""

from datetime import date

import pytest

from cspon.schemas.spatial import Verdict
from tools.rules import evaluate as module
from tools.rules.evaluate import (
    applies,
    apply_rule,
    evaluate,
    rules_in_use,
    switched_off,
    why_absent,
)
from tools.rules.load import load_rules
from tools.rules.model import Site

DAY = date(2026, 11, 22)


def rule(rule_id="x", **changes):
    plain = next(r for r in load_rules() if r.id == "mineral_line")
    return plain.model_copy(
        update={"id": rule_id, "valid_from": date(2020, 1, 1), "valid_to": None, **changes}
    )


def site(**more):
    return Site(**{"area_ha": 1.0, "asked_on": DAY, "project_type": "industrial_park", **more})


def test_kinds_of_projects_that_a_rule_is_on():
    assert applies(rule(), site(), ())
    assert applies(rule(only_for=("industrial_park",)), site(), ())
    assert not applies(rule(only_for=("rural_housing",)), site(), ())
    assert not applies(rule(not_for=("industrial_park",)), site(), ())


def test_a_rule_on_what_the_place_does_not_have():
    there_is_none = site(absent={"mineral_line": "无矿产"})
    assert why_absent(rule(), there_is_none) == "无矿产"
    assert not applies(rule(), there_is_none, ())
    assert evaluate(there_is_none, (rule(),)) == ()
    several = rule(line=None, needs=("mineral_line", "roads", "land_use"))
    assert applies(several, there_is_none, ())
    assert apply_rule(rule(), site()).verdict is Verdict.MISSING_DATA


@pytest.mark.parametrize(
    ("day", "applied"),
    [
        (date(2026, 3, 14), ["old"]),
        (date(2026, 3, 15), ["new"]),  # not yet valid: missing data, as nothing else holds
        (date(2026, 8, 15), ["new"]),
    ],
)
def test_a_rule_that_replaces_another(day, applied):
    old = rule("old", valid_to=date(2026, 3, 15))
    new = rule("new", valid_from=date(2026, 8, 15), replaces="old")
    found = [r.id for r in (old, new) if applies(r, site(asked_on=day), (old, new))]
    assert found == applied
    outcome = apply_rule(new, site(asked_on=date(2026, 4, 1)))
    assert outcome.verdict is Verdict.MISSING_DATA


def test_a_rule_without_a_successor_stays_missing_data_after_its_end():
    ended = rule(valid_to=date(2026, 1, 1))
    assert applies(ended, site(), (ended,))
    assert apply_rule(ended, site()).verdict is Verdict.MISSING_DATA


def test_switched_off_rules_are_not_applied_and_said(monkeypatch):
    monkeypatch.setattr("tools.library.state.disabled", lambda kind: {"mineral_line": "省厅新规。"})
    assert "mineral_line" not in {r.id for r in rules_in_use()}
    (sentence,) = switched_off().values()
    assert sentence.startswith("规则“") and sentence.endswith("已停用：省厅新规，本次未检查。")


def test_a_bureaus_own_rule_is_applied(monkeypatch):
    own = rule("own_rule")
    monkeypatch.setattr("tools.library.own.own_rules", lambda: (own,))
    assert rules_in_use()[-1] is own
    assert module.applies(own, site())
