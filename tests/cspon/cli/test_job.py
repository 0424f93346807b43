"""`cspon job` against a gateway that is played by a function."""

import json

import httpx
import pytest

from cspon.cli import job as verb
from cspon.cli.main import run

JOB = {
    "id": "job-1",
    "title": "慢工具",
    "state": "queued",
    "percent": 0,
    "text": "排队中，即将开始",
    "steps": [{"tool": "slow", "title": "慢工具", "state": "waiting", "error": None}],
    "created_at": 1_790_000_000,
}
FAILED = {
    **JOB,
    "state": "failed",
    "text": "未完成",
    "steps": [{**JOB["steps"][0], "state": "failed", "error": {"message": "第三行坏了"}}],
}


@pytest.fixture
def play(monkeypatch):
    """Answer requests by a function; returns those that came."""
    came = []

    def start(answer):
        def handle(request):
            came.append(request)
            return answer(request)

        def client(url):
            transport = httpx.MockTransport(handle)
            return httpx.Client(base_url=url or "http://127.0.0.1:8765", transport=transport)

        monkeypatch.setattr(verb, "_client", client)
        return came

    return start


def event(kind, data, number=""):
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def test_submit_prints_the_number(play, capsys):
    came = play(lambda request: httpx.Response(202, json=JOB))
    arguments = ["job", "submit", "slow", "--arguments", '{"word": "您好"}']
    assert run([*arguments, "--idempotency-key", "k-1"]) == 0
    assert capsys.readouterr().out == "job-1\n"
    assert json.loads(came[0].content) == {
        "tool": "slow",
        "arguments": {"word": "您好"},
        "files": False,
    }
    assert came[0].headers["idempotency-key"] == "k-1"


def test_submit_waits_and_goes_on_after_a_broken_connection(play, capsys, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    streams = iter([None, event("end", {**JOB, "state": "done"}, 1)])

    def answer(request):
        if request.url.path.endswith("/events"):
            found = next(streams)
            if found is None:
                raise httpx.ReadError("broken")
            return httpx.Response(
                200, text=event("progress", {"percent": 50, "text": "一半"}, 0) + found
            )
        if request.url.path.endswith("/result"):
            return httpx.Response(200, json={"data": {"word": "您好"}})
        return httpx.Response(202, json=JOB)

    play(answer)
    assert run(["job", "submit", "slow", "--wait"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {"data": {"word": "您好"}}
    assert " 50% 一半" in shown.err


def test_a_failed_job_is_exit_1_and_says_why(play, capsys):
    play(lambda request: httpx.Response(200, json=FAILED))
    assert run(["job", "show", "job-1"]) == 1
    assert "✗ 慢工具：第三行坏了" in capsys.readouterr().err


def test_list_and_cancel(play, capsys):
    came = play(lambda r: httpx.Response(200, json={"data": [JOB]} if r.method == "GET" else JOB))
    assert run(["job", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [JOB]
    assert run(["job", "list"]) == 0
    assert "job-1" in capsys.readouterr().out
    assert run(["job", "cancel", "job-1"]) == 0
    assert came[-1].url.path == "/v1/jobs/job-1/cancel"


def test_refusals_are_told_with_their_mend(play, capsys):
    error = {"error": {"message": "没有名为 x 的工具"}}
    play(lambda request: httpx.Response(404, json=error))
    assert run(["job", "submit", "x"]) == 2
    assert "没有名为 x 的工具" in capsys.readouterr().err
    play(lambda request: httpx.Response(401, json={"error": {"message": "需要密钥"}}))
    assert run(["job", "list"]) == 2
    assert "CSPON_KEY" in capsys.readouterr().err
    assert run(["job", "submit", "x", "--arguments", "{"]) == 2
    assert "JSON" in capsys.readouterr().err


def test_nobody_there(capsys, monkeypatch):
    monkeypatch.setenv("CSPON_PORT", "9")
    assert run(["job", "list"]) == 2
    assert "cspon serve" in capsys.readouterr().err
