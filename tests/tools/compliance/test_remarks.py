import pytest

from cspon.schemas.spatial import RuleOutcome, Verdict
from tools.compliance import remarks
from tools.compliance.remarks import headline
from tools.rules.model import Site

SITE = Site(area_ha=1.0)


def outcomes(*verdicts):
    return tuple(
        RuleOutcome(rule_id=str(i), title=f"规则{i}", verdict=verdict, message="。")
        for i, verdict in enumerate(verdicts)
    )


@pytest.fixture
def clauses(monkeypatch):
    """Set the clauses that the rules give, by verdict."""
    given = {}
    monkeypatch.setattr(remarks, "headlines", lambda site, verdict: list(given.get(verdict, [])))
    return given


def test_few_clauses_are_all_said(clauses):
    clauses[Verdict.FAIL] = ["占用甲 1 公顷", "占用乙 2 公顷"]
    said = headline(SITE, outcomes(Verdict.FAIL, Verdict.FAIL))
    assert said == "选址不可行（不符合）：占用甲 1 公顷、占用乙 2 公顷，应先调整选址避让。"


def test_many_clauses_are_counted(clauses):
    clauses[Verdict.FAIL] = [f"占用线{i}" for i in range(20)]
    said = headline(SITE, outcomes(Verdict.FAIL, *[Verdict.MISSING_DATA] * 9))
    assert "占用线0、占用线1、占用线2、占用线3等 20 项" in said
    assert "另因数据缺失，规则1、规则2、规则3等 9 条规则未能判定" in said
    assert said.count("。") == 1


def test_a_bureaus_own_line_is_part_of_what_needs_study(clauses):
    clauses[Verdict.NEEDS_STUDY] = ["占用甲"]
    said = headline(SITE, outcomes(Verdict.NEEDS_STUDY), ["占用试点区"])
    assert said == "选址须论证后方可确定（需论证）：占用甲、占用试点区。"


def test_nothing_against_it(clauses):
    assert headline(SITE, outcomes(Verdict.PASS)).startswith("选址可行（符合）")
