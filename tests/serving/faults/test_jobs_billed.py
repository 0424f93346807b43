"""Jobs and batches through all faults: whatever is sent twice, killed or poisonous, the books are right."""

import asyncio
import importlib.util
import json
import sqlite3
import textwrap
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.integration
CHAT = "/v1/chat/completions"
SETTLED, LAPSED = 1, 3
AT_ONCE = 4
"""Lines of a batch that are under way at once."""


@pytest.fixture
def site(tmp_path, faults):
    """A site with small tools of its own: `slow` and `poison`."""
    file = Path(__file__).parents[1] / "jobs" / "conftest.py"
    spec = importlib.util.spec_from_file_location("jobs_parts", file)
    jobs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(jobs)
    code = tmp_path / "code"
    code.mkdir()
    for name, text in (("small_tools", jobs.TOOLS), ("sitecustomize", jobs.SITE)):
        (code / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
    made = faults.Site(tmp_path / "site", PYTHONPATH=str(code), NOTES=str(tmp_path / "tools"))
    made.tool_notes = tmp_path / "tools"
    made.http = httpx.Client(
        base_url=made.url, timeout=30, headers={"authorization": f"Bearer {made.secret}"}
    )
    try:
        made.start_engine()
        made.start_gateway()
        yield made
    finally:
        made.http.close()
        made.stop()


def upload(site, hows):
    """Hand in a batch of chat requests; returns its order."""
    body = {"model": "m", "max_tokens": 5}
    lines = [
        {
            "custom_id": str(number), "method": "POST", "url": CHAT,
            "body": {**body, "messages": [{"role": "user", "content": how}]},
        }
        for number, how in enumerate(hows)
    ]  # fmt: skip
    text = "\n".join(map(json.dumps, lines)).encode()
    file = site.http.post("/v1/files", files={"file": ("b.jsonl", text)}, data={"purpose": "batch"})
    assert file.status_code == 200, file.text
    return {"input_file_id": file.json()["id"], "endpoint": CHAT}


def until(site, number, seconds=90):
    """Wait for the end of a job."""
    end = time.monotonic() + seconds
    while (job := site.http.get(f"/v1/jobs/{number}").json())["state"] not in ("done", "failed"):
        assert time.monotonic() < end, (job, site.log.read_text()[-2000:])
        time.sleep(0.1)
    return job


def results(site, number):
    """Return the answers of a batch: status, id and usage of the request by `custom_id`."""
    batch = site.http.get(f"/v1/batches/{number}").json()
    found = {}
    for name in ("output_file_id", "error_file_id"):
        if batch[name]:
            text = site.http.get(f"/v1/files/{batch[name]}/content").text
            for said in map(json.loads, text.splitlines()):
                reply = said["response"]
                usage = reply["body"].get("usage")
                tokens = usage and (usage["prompt_tokens"], usage["completion_tokens"])
                found[said["custom_id"]] = reply["status_code"], reply["request_id"], tokens
    return found


def test_a_batch_sent_many_times_and_killed_is_answered_and_charged_once(site):
    order = upload(site, ["quick"] * 150)

    def send(_):
        return site.http.post("/v1/batches", json=order, headers={"idempotency-key": "b-1"})

    with ThreadPoolExecutor(12) as pool:
        replies = list(pool.map(send, range(12)))
    assert {reply.status_code for reply in replies} == {200}
    (number,) = {reply.json()["id"] for reply in replies}
    answers = site.home / "jobs" / number / "answers.jsonl"
    while not answers.exists() or answers.read_text().count("\n") < 20:
        time.sleep(0.01)
    site.kill(site.gateway)
    site.start_gateway()
    assert send(0).json()["id"] == number
    assert until(site, number)["state"] == "done"
    assert send(0).json()["id"] == number  # nor is it run again once it has ended

    found = results(site, number)
    assert len(found) == 150
    calls = site.check({request: (status, usage) for status, request, usage in found.values()})
    answered = {request for _, request, _ in found.values()}
    assert len(answered) == 150
    assert sum(calls[request] == (SETTLED, 7, 5) for request in answered) >= 150 - AT_ONCE
    under_way = {request: call for request, call in calls.items() if request not in answered}
    assert len(under_way) <= AT_ONCE  # killed with the gateway, charged, and asked again
    assert {call[0] for call in under_way.values()} <= {SETTLED, LAPSED}
    jobs = [line for line in site.audited() if line["kind"].startswith("job.")]
    assert {line["job"] for line in jobs} == {number}
    assert Counter(line["kind"] for line in jobs)["job.end"] == 1


async def test_a_poison_job_under_load_costs_only_itself(site, faults):
    callers = faults.Callers(site)
    load = asyncio.create_task(callers.load(4.0, workers=4))
    steps = [
        {"tool": "slow", "arguments": {"word": "甲"}},
        {"tool": "poison"},
        {"tool": "slow", "arguments": {"word": "乙"}},
    ]

    def send():
        headers = {"idempotency-key": "p-1"}
        return site.http.post("/v1/jobs", json={"steps": steps}, headers=headers).json()["id"]

    number = await asyncio.to_thread(send)
    job = await asyncio.to_thread(until, site, number)
    await load
    assert await asyncio.to_thread(send) == number
    errors = [step["error"] and step["error"]["code"] for step in job["steps"]]
    assert errors == [None, "step_given_up", None]
    notes = [line.split()[:2] for line in site.tool_notes.read_text().splitlines()]
    assert notes.count(["begin", "poison"]) == 3
    assert [notes.count(["end", word]) for word in "甲乙"] == [1, 1]
    assert set(callers.statuses()) <= {200, 429}
    assert callers.statuses()[200] > 50
    site.check(callers.replies)
    with sqlite3.connect(site.home / "ledger.sqlite") as db:
        charged = db.execute(
            "select state, requests, prompt, money from uses where endpoint = '/v1/jobs' and tenant = 't'"
        ).fetchall()
    # the call that handed the job in, the repeated one, and each step once, however often it was tried
    assert charged == [(SETTLED, 1, 0, 0)] * 5
    kinds = Counter(line["kind"] for line in site.audited())
    assert (kinds["job.submit"], kinds["job.start"], kinds["job.end"]) == (1, 1, 1)


def test_a_request_that_kills_its_engine_is_given_up(site):
    ended = threading.Event()

    def supervise():
        while not ended.wait(0.1):
            if site.engine.poll() is not None:
                site.start_engine()

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        order = upload(site, ["quick"] * 10 + ["poison"] + ["quick"] * 30)
        number = site.http.post("/v1/batches", json=order).json()["id"]
        until(site, number)
        found = results(site, number)
        assert len(found) == 41, "a line was lost"
        assert found["10"][0] in (502, 503)
        failed = [name for name, (status, _, _) in found.items() if status != 200]
        assert len(failed) <= AT_ONCE, "lines that were not beside it failed, too"
        notes = [line.split()[0] for line in site.notes.read_text().splitlines()]
        assert 1 <= notes.count("poisoned") <= 3
        calls = site.check({request: (status, usage) for status, request, usage in found.values()})
        answered = [calls[request] for status, request, _ in found.values() if status == 200]
        assert answered == [(SETTLED, 7, 5)] * len(answered)
    finally:
        ended.set()
        supervisor.join()
