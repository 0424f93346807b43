"""The guards around tools that are called directly, over HTTP and in a job."""

import json
import time

import httpx
import pytest

from cspon.schemas.base import Secrecy
from serving.guards.answers import guard_strings, occurs
from serving.guards.calls import _texts
from serving.guards.policy import SIDES, read_policies

SECRET = "机密★10年"
PHONE = "13800138000"
PARCEL = "440923200714000018"
"""A parcel's number of 18 digits: codes come out as they are."""


@pytest.fixture(scope="module")
def policy():
    return read_policies().of(Secrecy.PUBLIC).of_tools()


def boundary(name):
    ring = [[111.0, 21.7], [111.01, 21.7], [111.01, 21.71], [111.0, 21.7]]
    return {
        "boundary": {
            "type": "Feature", "properties": {"说明": name},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        },
        "epsg": 4490,
    }  # fmt: skip


def audit(started):
    lines = (started.services.settings.home / "audit.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_each_level_has_lines_for_calls_of_tools(policy):
    assert {"tool_input", "tool_output"} <= set(SIDES)
    for level in Secrecy:
        sides = read_policies().of(level).sides
        assert "mask" not in sides["tool_input"].actions.values()
        assert sides["tool_input"].actions["secret.private_key"] == "block"
        assert sides["tool_output"].actions["person.mobile"] == "flag"
        assert not [r for r in sides["tool_input"].actions if r.startswith("injection")]


def test_texts_are_found_wherever_they_stand_and_numbers_are_passed_over():
    told = list(_texts({"a": "一", "b": {"二": ["三", 4, {"五": "六"}]}, "c": [[1.5, 2.5]]}, ""))
    assert [text for _, text in told if text not in "abc"] == ["一", "二", "三", "五", "六"]
    assert {where for where, _ in told} == {"a", "b", "c"}


def test_what_a_tool_found_is_masked_or_left_as_it_is(policy):
    said = {"summary": "密钥 AKIAIOSFODNN7EXAMPLE", "rows": [PARCEL, PHONE], "area": 13800138000}
    assert occurs(policy, json.dumps(said, ensure_ascii=False))
    changed, tallies, rule = guard_strings(said, policy)
    assert rule is None
    assert "AKIAIOSFODNN7EXAMPLE" not in changed["summary"]
    assert changed["rows"] == [PARCEL, PHONE]
    assert changed["area"] == 13800138000
    assert {t.action for t in tallies} == {"mask", "flag"}
    assert guard_strings({"x": f"附图（{SECRET}）"}, policy)[2].group == "secrecy"


def test_arguments_with_a_secrecy_mark_are_refused_and_on_record(gateway, county, settings):
    started = gateway()
    with httpx.Client(base_url=started.url, timeout=60) as http:
        for path in ("/v1/tools/compliance", "/v1/tools/check_compliance"):
            body = boundary(f"附图（{SECRET}）")
            given = body if path.endswith("/compliance") else {"boundary": body["boundary"]}
            reply = http.post(path, json=given)
            assert reply.status_code == 400, reply.text
            error = reply.json()["error"]
            assert (error["code"], error["side"]) == ("guard_blocked", "input")
            assert error["param"] == "boundary"
            assert error["rule"].startswith("secrecy.")
    lines = [line for line in audit(started) if line["kind"] == "guards"]
    assert len(lines) == 2
    assert SECRET not in json.dumps(lines, ensure_ascii=False)
    assert not [line for line in audit(started) if line["kind"] == "tool"]
    metrics = httpx.get(f"{started.url}/metrics").text
    assert 'side="tool_input"' in metrics


@pytest.mark.component
def test_a_job_is_guarded_as_a_call_is(gateway, county):
    started = gateway()
    with httpx.Client(base_url=started.url, timeout=60) as http:
        step = {"tool": "check_compliance", "arguments": boundary(f"附图（{SECRET}）")}
        step["arguments"].pop("epsg")
        job = http.post("/v1/jobs", json={"steps": [step]}).json()
        end = time.monotonic() + 60
        while (job := http.get(f"/v1/jobs/{job['id']}").json())["state"] in ("queued", "running"):
            assert time.monotonic() < end
            time.sleep(0.3)
    assert job["state"] == "failed"
    assert job["steps"][0]["error"]["code"] == "guard_blocked"
