"""Through the gateway to an engine and back: bytes, tokens, records, and every way it can end."""

import base64
import json
import socket
import time

import httpx
import pytest

ASK = {"model": "qwen", "messages": [{"role": "user", "content": "问"}], "max_tokens": 50}
CHAT = "/v1/chat/completions"
LIMITS = "limits: [{id: t, by: key, of: tokens, per: total, amount: 2000}]"


def standing(started):
    (limit,) = started.http.get("/v1/usage/limits", params={"model": "qwen"}).json()["data"]
    return limit["used"], limit["held"]


def audit(started):
    lines = (started.services.settings.home / "audit.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_reply_comes_back_byte_for_byte(relayed, made):
    with relayed(budgets=LIMITS) as started:
        reply = started.http.post(CHAT, json={**ASK, "seed": 7, "user": "someone"})
        assert reply.status_code == 200
        assert reply.json() == made.whole({"model": "Qwen/Qwen3-8B"}, CHAT)
        path, asked = made.asked[0]
        assert path == CHAT
        assert asked == {**ASK, "model": "Qwen/Qwen3-8B", "seed": 7}
        assert standing(started) == (12, 0)
        (line,) = audit(started)
        assert (line["kind"], line["model"], line["engine"]) == ("relayed", "qwen", "vllm")
        assert (line["prompt_tokens"], line["completion_tokens"]) == (9, 3)
        assert "authorization" not in made.headers[0]
        metrics = started.http.get("/metrics").text
        assert 'cspon_key_tokens_total{key="local",kind="prompt",model="qwen"} 9.0' in metrics
        assert 'cspon_relay_own_seconds_count{model="qwen"} 1.0' in metrics


@pytest.mark.parametrize("step", [1, 2, 7, 50, None])
@pytest.mark.parametrize("wanted", [False, True])
def test_a_stream_comes_through_in_any_pieces(relayed, made, step, wanted):
    made.piece_bytes = step
    body = {**ASK, "stream": True}
    if wanted:
        body["stream_options"] = {"include_usage": True}
    with relayed(budgets=LIMITS) as started:
        text = started.http.post(CHAT, json=body).text
        events = [e.removeprefix("data: ") for e in text.split("\n\n") if e]
        expected = list(made.events({"stream_options": {"include_usage": wanted}}))
        assert [json.loads(e) for e in events[:-1]] == expected
        assert events[-1] == "[DONE]"
        assert made.asked[0][1]["stream_options"] == {"include_usage": True}
        assert standing(started) == (12, 0)


def test_windows_line_ends_are_understood(relayed, made):
    made.separator = b"\r\n\r\n"
    with relayed() as started:
        assert started.http.post(CHAT, json={**ASK, "stream": True}).text.endswith("[DONE]\n\n")


def test_other_models_go_to_the_application(relayed, made):
    with relayed() as started:
        reply = started.http.post(CHAT, json={**ASK, "model": "cspon/assistant"})
        assert reply.status_code == 200
        assert "cspon" in reply.json()["choices"][0]["message"]
        assert started.http.post(CHAT, json={**ASK, "model": "nobody"}).status_code == 404
        assert made.asked == []
        ids = [m["id"] for m in started.http.get("/v1/models").json()["data"]]
        assert ids == ["cspon/assistant", "qwen"]


def test_completions_and_embeddings(relayed, made):
    with relayed(budgets=LIMITS, max_tokens=300) as started:
        reply = started.http.post("/v1/completions", json={"model": "qwen", "prompt": "a"})
        assert reply.status_code == 200
        assert made.asked[0][1]["max_tokens"] == 300
        embedded = started.http.post("/v1/embeddings", json={"model": "qwen", "input": ["一"]})
        assert embedded.json()["data"][0]["embedding"] == [0.5]
        assert standing(started) == (16, 0)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"chat_template": "{{ 1 }}"}, "chat_template"),
        ({"prompt_embeds": "x"}, "prompt_embeds"),
        ({"messages": []}, "messages"),
        ({"messages": [{"content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 10**6}, "max_tokens"),
        ({"n": 99}, "n"),
        ({"tools": {}}, None),
        ({"tools": "x"}, "tools"),
        ({"chat_template_kwargs": {"documents": 1}}, "chat_template_kwargs"),
        ({"stream": True, "stream_options": 3}, "stream_options"),
    ],
)
def test_what_the_engine_may_not_be_asked(relayed, made, change, param):
    with relayed() as started:
        reply = started.http.post(CHAT, json={**ASK, **change})
        if param is None:
            assert reply.status_code == 200
            return
        assert reply.status_code == 400
        assert reply.json()["error"]["param"] == param
        assert made.asked == []


def test_pictures_come_inside_the_message_and_no_address_is_fetched(relayed, made):
    def picture(url):
        part = {"type": "image_url", "image_url": {"url": url}}
        return {**ASK, "messages": [{"role": "user", "content": [part]}]}

    inside = picture("data:image/png;base64," + "A" * 9000)
    with relayed(image_tokens=500, budgets=LIMITS) as started:
        assert started.http.post(CHAT, json=picture("http://10.0.0.1/x.png")).status_code == 400
        assert started.http.post(CHAT, json=inside).status_code == 200
        assert len(made.asked) == 1
    with relayed() as started:
        assert "不接受图片" in started.http.post(CHAT, json=inside).json()["error"]["message"]


def test_a_picture_reaches_the_engine_byte_for_byte(relayed, made):
    picture = "data:image/png;base64," + base64.b64encode(bytes(range(256)) * 9).decode()
    parts = [
        {"type": "text", "text": "图上有什么？"},
        {"type": "image_url", "image_url": {"url": picture, "detail": "high"}},
    ]
    with relayed(image_tokens=500, budgets=LIMITS) as started:
        reply = started.client().chat.completions.create(
            model="qwen", max_tokens=50, messages=[{"role": "user", "content": parts}]
        )
        assert reply.choices[0].message.content == "你好！"
        assert made.asked[0][1]["messages"] == [{"role": "user", "content": parts}]
        assert standing(started) == (12, 0)


def test_documents_are_reranked_and_counted(relayed, made):
    with relayed(budgets=LIMITS) as started:
        texts = ["永久基本农田", "红线", "城镇开发边界内"]
        body = {"model": "qwen", "query": "农田", "documents": texts}
        reply = started.http.post("/v1/rerank", json=body)
        assert reply.json() == made.whole(body, "/v1/rerank")
        path, asked = made.asked[0]
        assert (path, asked["model"]) == ("/v1/rerank", "Qwen/Qwen3-8B")
        assert (asked["query"], asked["documents"]) == ("农田", texts)
        assert standing(started) == (8, 0)


def test_deep_and_broken_bodies(relayed, made):
    with relayed() as started:
        deep = '{"model": "qwen", "messages": ' + "[" * 60 + "]" * 60 + "}"
        assert started.http.post(CHAT, content=deep).json()["error"]["code"] == "too_deep"
        flat = {**ASK, "messages": [{"role": "user", "content": "[" * 200}]}
        assert started.http.post(CHAT, json=flat).status_code == 200
        for broken in ("{", "[1]", '"x"', ""):
            reply = started.http.post(CHAT, content=broken)
            assert reply.json()["error"]["code"] == "invalid_json", broken
        big = started.http.post(CHAT, content=b" " * (17 << 20))
        assert big.status_code == 413


def test_past_the_budget_the_engine_is_not_asked(relayed, made):
    with relayed(budgets=LIMITS) as started:
        reply = started.http.post(CHAT, json={**ASK, "max_tokens": 1990})
        assert (reply.status_code, reply.json()["error"]["limit"]) == (429, "t")
        assert made.asked == []
        started.services.ledger._db.close()
        away = started.http.post(CHAT, json=ASK)
        assert (away.status_code, made.asked) == (503, [])


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [(400, 400, "engine_refused"), (429, 503, "engine_busy"), (500, 502, "engine_failed"), (404, 503, "model_unavailable")],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
def test_errors_of_the_engine_are_translated_and_refunded(
    relayed, made, status, seen, code, stream
):
    made.status, made.error = status, {"error": {"message": "见 /usr/lib/models/x.py"}}
    with relayed(budgets=LIMITS) as started:
        reply = started.http.post(CHAT, json={**ASK, "stream": stream})
        assert (reply.status_code, reply.json()["error"]["code"]) == (seen, code)
        assert "/usr/lib/models" not in reply.text
        assert standing(started) == (0, 0)


@pytest.mark.parametrize("status", [404, 429])
def test_an_engine_that_is_up_is_not_left_alone(relayed, made, status):
    made.status = status
    with relayed() as started:
        for _ in range(4):  # of an adapter that is not loaded, or while it is busy
            assert started.http.post(CHAT, json=ASK).status_code == 503
        made.status = 200
        assert started.http.post(CHAT, json=ASK).status_code == 200


def test_a_stream_that_breaks_off_is_charged_for_what_it_gave_and_says_so(relayed, made):
    made.break_after = 2
    with relayed(budgets=LIMITS) as started:
        with started.http.stream("POST", CHAT, json={**ASK, "stream": True}) as reply:
            text = reply.read().decode()
        assert "你" in text and "好" in text
        assert '"code":"engine_failed"' in text
        assert "[DONE]" not in text
        used, held = standing(started)
        assert held == 0
        assert 6 < used < 2000
        assert audit(started)[0]["broken"] is True


def test_an_engine_that_cannot_be_reached(relayed, made):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with relayed(urls=[dead], budgets=LIMITS) as started:
        reply = started.http.post(CHAT, json=ASK)
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "model_unavailable")
        assert standing(started) == (0, 0)


def test_another_replica_is_asked_where_one_cannot_be_reached(relayed, made, serve_app):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    with serve_app(made) as alive, relayed(urls=[dead, f"{alive}/v1"]) as started:
        for _ in range(4):
            assert started.http.post(CHAT, json=ASK).status_code == 200


def test_an_engine_that_hangs_is_given_up(relayed, made):
    made.hang = 20
    with relayed(timeout_s=0.4, budgets=LIMITS) as started:
        reply = started.http.post(CHAT, json=ASK)
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "engine_timeout")


def test_a_caller_who_leaves_stops_the_engine(relayed, made):
    made.hang = 20
    with relayed(budgets=LIMITS) as started:
        with pytest.raises(httpx.ReadTimeout):
            started.http.post(CHAT, json=ASK, timeout=0.3)
        end = time.monotonic() + 5
        while not made.gone and time.monotonic() < end:
            time.sleep(0.02)
        assert made.gone == 1
        used, held = standing(started)
        assert (used > 50, held) == (True, 0)  # charged in full: nobody knows what it did


def test_an_engine_that_does_not_count_is_charged_at_the_bound(relayed, made):
    made.usage = None
    with relayed(budgets=LIMITS) as started:
        started.http.post(CHAT, json=ASK)
        assert standing(started)[0] > 100


def test_the_engines_key_is_sent_and_the_callers_is_not(relayed, made, monkeypatch):
    monkeypatch.setenv("QWEN_KEY", "engine-secret")
    with relayed(api_key_env="QWEN_KEY") as started:
        started.http.post(CHAT, json=ASK, headers={"authorization": "Bearer none"})
        assert made.headers[0]["authorization"] == "Bearer engine-secret"
    monkeypatch.delenv("QWEN_KEY")
    with relayed(api_key_env="QWEN_KEY") as started:
        assert started.http.post(CHAT, json=ASK).status_code == 503


def test_the_official_client_understands_it(relayed, made):
    with relayed() as started:
        client = started.client()
        whole = client.chat.completions.create(**ASK)
        assert whole.choices[0].message.content == "你好！"
        options = {"include_usage": True}
        chunks = list(client.chat.completions.create(**ASK, stream=True, stream_options=options))
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "你好！"
        assert chunks[-1].usage.total_tokens == 12
        vectors = client.embeddings.create(model="qwen", input="一", encoding_format="float")
        assert vectors.data[0].embedding == [0.5]
