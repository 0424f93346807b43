import pytest

from cspon.schemas.agent import RefusalKind
from cspon.schemas.base import Secrecy
from cspon.schemas.spatial import Column, Provenance, Table, ToolResult
from serving.guards.answers import guard_answer
from serving.guards.inputs import Part, check_input
from serving.guards.policy import read_policies
from serving.guards.vault import Vault

PHONE, OTHER = "13800138000", "13912345678"


@pytest.fixture(scope="module")
def policy():
    return read_policies().of(Secrecy.INTERNAL)


def result(owner):
    table = Table(
        name="t",
        title="权利人",
        columns=(Column(key="owner", title="权利人"),),
        rows=({"owner": owner, "area_ha": 1.5},),
    )
    provenance = Provenance(tool="t", version="1", inputs={"a": f"sha256:{OTHER}"})
    return ToolResult(tool="t", version="1", data={}, tables=(table,), provenance=provenance)


def test_an_ordinary_answer_comes_back_as_it_is(policy, fakes):
    answer = fakes.full_answer("选址是否可行？")
    said, tallies = guard_answer(answer, policy, Vault())
    assert [t.rule for t in tallies] == ["markup.handler"]  # the fake text has an onclick: noted
    assert said == answer


def test_strings_of_results_are_masked_and_hashes_are_not(policy, fakes):
    answer = fakes.full_answer("谁？", text="见表。", results=(result(f"张某 {OTHER}"),))
    said, tallies = guard_answer(answer, policy, Vault())
    assert said.results[0].tables[0].rows[0] == {"owner": "张某 【手机号码已隐去】", "area_ha": 1.5}
    assert said.results[0].provenance.inputs == {"a": f"sha256:{OTHER}"}
    assert [(t.rule, t.count) for t in tallies] == [("person.mobile", 1)]


def test_what_is_the_callers_own_is_put_back_everywhere(policy, fakes):
    vault = check_input([Part(f"电话{PHONE}")], policy).vault
    answer = fakes.full_answer("谁？", text="【手机号码#1】", results=(result("【手机号码#1】"),))
    said, tallies = guard_answer(answer, policy, vault)
    assert said.text == PHONE
    assert said.results[0].tables[0].rows[0]["owner"] == PHONE
    assert tallies == ()


def test_a_blocked_answer_is_refused_and_empty(policy, fakes):
    answer = fakes.full_answer("谁？", results=(result("机密★3年"),))
    said, tallies = guard_answer(answer, policy, Vault())
    assert said.refusal.kind is RefusalKind.UNSAFE
    assert "secrecy.mark" in said.refusal.message
    assert (said.text, said.results, said.citations) == ("", (), ())
    assert "机密" not in said.model_dump_json()
    assert [t.rule for t in tallies] == ["secrecy.mark"]
