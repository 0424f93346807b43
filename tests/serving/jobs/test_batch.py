"""Batches: a file of requests in, a file of answers out; no answered line is asked again."""

import asyncio
import json
import time

import pytest

from llm.chat import ChatReply


def line(number, body=None, url="/v1/tools/slow", **changes):
    body = body if body is not None else {"word": f"词{number}", "seconds": 0.05}
    return {"custom_id": f"行{number}", "method": "POST", "url": url, "body": body, **changes}


def test_a_killed_server_asks_no_answered_line_again(server):
    lines = [line(i) for i in range(70)]
    lines[3]["body"] = {"word": 1, "more": 2}
    made = server.batch(lines).json()
    assert (made["object"], made["request_counts"]["total"]) == ("batch", 70)
    answers = server.home / "jobs" / made["id"] / "answers.jsonl"
    while not answers.exists() or answers.read_text().count("\n") < 20:
        time.sleep(0.02)
    server.kill()
    before = answers.read_text().splitlines()
    server.start()
    job = server.until(made["id"], "done", "failed")
    assert (job["state"], job["counts"]) == ("done", {"completed": 69, "failed": 1})
    assert [s["title"] for s in job["steps"]] == ["第 1–50 条", "第 51–70 条"]
    batch = server.http.get(f"/v1/batches/{made['id']}").json()
    assert batch["status"] == "completed"
    assert batch["request_counts"] == {"total": 70, "completed": 69, "failed": 1}
    output = server.content(batch["output_file_id"])
    assert [said["custom_id"] for said in output] == [f"行{i}" for i in range(70) if i != 3]
    assert output[-1]["response"]["body"]["data"] == {"word": "词69"}
    (failed,) = server.content(batch["error_file_id"])
    assert failed["response"]["status_code"] == 422
    asked = [note.split()[1] for note in server.notes() if note.startswith("begin")]
    for text in before:
        number = json.loads(text)["custom_id"].removeprefix("行")
        assert asked.count(f"词{number}") == (0 if number == "3" else 1)
    assert len(asked) <= 69 + 4  # those that were under way when it was killed


@pytest.mark.parametrize(
    ("lines", "endpoint", "status", "code"),
    [
        (["{"], "/v1/tools/slow", 422, "invalid_input"),
        ([line(1), line(1)], "/v1/tools/slow", 422, "invalid_input"),
        ([line(1, url="/v1/tools/bad")], "/v1/tools/slow", 422, "invalid_input"),
        ([line(1, method="GET")], "/v1/tools/slow", 422, "invalid_input"),
        ([line(1, {"stream": True})], "/v1/tools/slow", 422, "invalid_input"),
        ([line(1, body=[])], "/v1/tools/slow", 422, "invalid_input"),
        ([line(1)], "/v1/kb/documents", 400, "invalid_value"),
        ([line(1)], "/v1/tools/../kb", 400, "invalid_value"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_line(steady, lines, endpoint, status, code):
    reply = steady.batch(lines, endpoint)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    if status == 422:
        assert reply.json()["error"]["row"] == len(lines)


def test_the_same_key_is_one_batch_and_a_job_is_no_batch(steady):
    sent = [line("甲")]
    first = steady.batch(sent, again="b-1").json()
    body = {"input_file_id": first["input_file_id"], "endpoint": first["endpoint"]}
    again = steady.http.post("/v1/batches", json=body, headers={"idempotency-key": "b-1"}).json()
    assert again["id"] == first["id"]
    steady.until(first["id"], "done")
    assert steady.notes().count("end 词甲") == 1
    listed = steady.http.get("/v1/batches").json()["data"]
    assert first["id"] in [b["id"] for b in listed]
    job = steady.submit(word="乙").json()
    assert steady.http.get(f"/v1/batches/{job['id']}").status_code == 404


async def test_chat_lines_are_counted_on_the_caller(gateway):
    """Through OpenAI's own client, with a model in process."""

    class Echo:
        name = "scripted:echo"

        async def complete(self, request):
            said = request.messages[-1].content
            return ChatReply(
                text=f"答{said}", model=self.name, prompt_tokens=7, completion_tokens=3
            )

        async def health(self):
            raise AssertionError

        async def aclose(self):
            pass

    started = gateway(model=Echo())
    body = {"model": "cspon/model", "messages": [], "max_tokens": 16}
    lines = [
        {
            "custom_id": str(i),
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {**body, "messages": [{"role": "user", "content": f"问{i}"}]},
        }
        for i in range(3)
    ]
    text = "\n".join(map(json.dumps, lines)).encode()

    def ask():
        client = started.client()
        file = client.files.create(file=("批.jsonl", text), purpose="batch")
        made = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        end = time.monotonic() + 60
        while (made := client.batches.retrieve(made.id)).status not in ("completed", "failed"):
            assert time.monotonic() < end
            time.sleep(0.1)
        said = client.files.content(made.output_file_id).text.splitlines()
        return made, [json.loads(one)["response"]["body"] for one in said]

    made, replies = await asyncio.to_thread(ask)
    assert (made.request_counts.completed, made.request_counts.failed) == (3, 0)
    assert [r["choices"][0]["message"]["content"] for r in replies] == ["答问0", "答问1", "答问2"]
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    used = await started.services.ledger.usage(
        "model", since=now - timedelta(hours=1), until=now + timedelta(hours=1), key="local"
    )
    (model,) = [u for u in used if u.subject == "cspon/model"]
    assert (model.model_calls, model.prompt_tokens, model.completion_tokens) == (3, 21, 9)
