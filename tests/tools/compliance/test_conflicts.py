import numpy as np

from cspon.schemas.spatial import RuleOutcome, Verdict
from tools.compliance.conflicts import Conflict, passed_lines, standing
from tools.compliance.patches import Patches

NOTHING = Patches(np.empty(0, object), 4547)


def outcome(rule_id, line, verdict):
    return RuleOutcome(rule_id=rule_id, title="", verdict=verdict, message="", line=line)


def test_a_line_is_passed_when_all_its_rules_are():
    outcomes = [
        outcome("a", "mineral_line", Verdict.PASS),
        outcome("b", "mineral_line", Verdict.NEEDS_STUDY),
        outcome("c", "industrial_land_line", Verdict.PASS),
        outcome("d", None, Verdict.PASS),
    ]
    assert passed_lines(outcomes) == {"industrial_land_line"}


def test_what_the_rules_let_pass_is_no_conflict():
    conflicts = {
        "mineral_line": Conflict("mineral_line", "", NOTHING),
        "industrial_land_line": Conflict("industrial_land_line", "", NOTHING),
        "near/far": Conflict("roads", "", NOTHING, rule="far"),
        "near/close": Conflict("roads", "", NOTHING, rule="close"),
        "custom_a": Conflict("custom_a", "", NOTHING),
    }
    outcomes = [
        outcome("x", "mineral_line", Verdict.MISSING_DATA),
        outcome("y", "industrial_land_line", Verdict.PASS),
        outcome("far", "roads", Verdict.PASS),
        outcome("close", "roads", Verdict.FAIL),
    ]
    assert set(standing(conflicts, outcomes)) == {"mineral_line", "near/close", "custom_a"}
