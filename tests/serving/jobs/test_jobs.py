"""Jobs at one gateway: submit, progress, cancel, result, the same request twice, and what is refused."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest


def code_of(reply):
    return reply.status_code, reply.json()["error"]["code"]


def test_a_job_runs_and_its_result_is_that_of_a_direct_call(steady):
    reply = steady.submit(word="您好", headers={"x-cspon-case": "自然资〔2026〕1号".encode()})
    assert reply.status_code == 202
    number = reply.json()["id"]
    assert reply.headers["location"] == f"/v1/jobs/{number}"
    job = steady.until(number, "done")
    assert job["steps"] == [{"tool": "slow", "title": "慢工具", "state": "done", "error": None}]
    assert (job["text"], job["case_number"]) == ("已完成", "自然资〔2026〕1号")
    assert job["expires_at"] == job["ended_at"] + 24 * 3600
    found = steady.http.get(f"/v1/jobs/{number}/result").json()
    direct = steady.http.post("/v1/tools/slow", json={"word": "您好"}).json()
    assert found["data"] == direct["data"]
    audit = [
        line
        for line in steady.home.joinpath("audit.jsonl").read_text().splitlines()
        if number in line
    ]
    kinds = [line.split('"kind":"')[1].split('"')[0] for line in audit]
    assert kinds == ["job.submit", "job.start", "tool", "job.end"]
    assert all("自然资〔2026〕1号" in line for line in audit)


def test_progress_is_told_and_goes_on_where_a_reader_left_off(steady):
    body = {"steps": [{"tool": "slow", "arguments": {"word": w}} for w in "甲乙"], "title": "两步"}
    number = steady.post(body).json()["id"]
    told = steady.events(number)
    kinds = [kind for kind, *_ in told if kind != "waiting"]
    assert kinds == ["progress"] * 4 + ["end"]
    ids = [i for kind, i, _ in told if kind != "waiting"]
    assert ids == ["0", "1", "2", "3", "4"]
    assert told[-1][2]["state"] == "done"
    assert "第 2 步，共 2 步：慢工具" in told[-2][2]["text"]
    rest = steady.events(number, last=2)
    assert [i for _, i, _ in rest] == ["3", "4"]
    done = steady.http.get(f"/v1/jobs/{number}/events", headers={"last-event-id": "4"})
    assert done.status_code == 204


def test_the_same_key_is_one_job_under_simultaneous_submits(steady):
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: steady.submit(word="同", again="k-1"), range(6)))
    assert {r.json()["id"] for r in replies} == {replies[0].json()["id"]}
    assert sorted(r.status_code for r in replies) == [200] * 5 + [202]
    assert code_of(steady.submit(word="异", again="k-1")) == (409, "idempotency_key_reused")
    steady.until(replies[0].json()["id"], "done")
    assert steady.notes().count("end 同") == 1


def test_a_running_job_is_cancelled_with_its_process(steady):
    number = steady.submit(word="停", seconds=60).json()["id"]
    pid = int(steady.noted("begin 停").split()[-1])
    assert steady.http.post(f"/v1/jobs/{number}/cancel").json()["state"] == "cancelled"
    deadline = time.monotonic() + 20
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.1)
    assert code_of(steady.http.get(f"/v1/jobs/{number}/result")) == (409, "job_cancelled")
    assert steady.events(number)[-1][2]["text"] == "已取消"
    assert "end 停" not in steady.notes()


def test_a_waiting_job_is_taken_out_of_the_line(steady):
    running = [steady.submit(word=f"占{i}", seconds=60).json()["id"] for i in range(2)]
    for i in range(2):
        steady.noted(f"begin 占{i}")
    number = steady.submit(word="候").json()["id"]
    assert steady.job(number)["text"] == "排队中，即将开始"
    assert code_of(steady.http.get(f"/v1/jobs/{number}/result")) == (409, "job_not_done")
    for one in (number, *running):
        steady.http.post(f"/v1/jobs/{one}/cancel")
    assert steady.job(number)["state"] == "cancelled"
    assert not any(line.startswith("begin 候") for line in steady.notes())


def test_a_poison_job_is_given_up(steady):
    number = steady.post({"tool": "poison"}).json()["id"]
    job = steady.until(number, "failed")
    assert steady.notes().count("begin poison") == 3
    assert job["steps"][0]["error"]["code"] == "step_given_up"
    assert code_of(steady.http.get(f"/v1/jobs/{number}/result")) == (500, "step_given_up")


def test_the_process_of_a_tool_that_is_killed_is_begun_again(steady):
    number = steady.submit(word="杀", seconds=1.0).json()["id"]
    os.kill(int(steady.noted("begin 杀").split()[-1]), signal.SIGKILL)
    assert steady.until(number, "done", "failed")["state"] == "done"
    assert sum(line.startswith("begin 杀") for line in steady.notes()) == 2


def test_a_failed_step_leaves_the_results_of_the_others(steady):
    body = {"steps": [{"tool": "bad"}, {"tool": "slow", "arguments": {"word": "好"}}]}
    number = steady.post(body).json()["id"]
    job = steady.until(number, "failed")
    assert [s["state"] for s in job["steps"]] == ["failed", "done"]
    assert job["text"] == "2 步中有 1 步未完成"
    first, second = steady.http.get(f"/v1/jobs/{number}/result").json()["data"]
    assert (first["error"]["code"], first["error"]["row"]) == ("invalid_input", 3)
    assert second["data"] == {"word": "好"}
    assert steady.notes().count("begin bad") == 1


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tool": "none"}, (404, "tool_not_found")),
        ({"tool": "slow", "arguments": {"word": "a", "layers": "/etc"}}, (422, "invalid_input")),
        ({"tool": "slow", "arguments": {"seconds": 1}}, (400, "invalid_arguments")),
        ({"tool": "slow", "steps": [{"tool": "slow"}]}, (400, "invalid_value")),
        ({}, (400, "invalid_value")),
        ({"tool": "slow", "arguments": {"word": "x" * (1 << 20)}}, (413, "too_large")),
        ({"tool": "slow", "priority": 1}, (400, "unknown_parameter")),
    ],
)
def test_what_a_direct_call_refuses_is_refused_at_once(steady, body, code):
    assert code_of(steady.post(body)) == code


def test_a_key_needs_the_scope_and_the_tool(steady):
    _, without = steady.key("甲", scopes=("tools",))
    assert code_of(steady.submit(word="a", headers=without)) == (403, "scope_missing")
    _, other = steady.key("乙", tools=("bad",))
    assert code_of(steady.submit(word="a", headers=other)) == (403, "tool_not_allowed")


def test_unknown_jobs_are_not_found(steady):
    for number in ("job-" + "0" * 32, "x", "job-../../etc", "job-%00"):
        assert steady.http.get(f"/v1/jobs/{number}").status_code == 404
