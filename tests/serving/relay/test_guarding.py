"""The guards on the way to an engine: values masked for it come back to the caller, whole or streamed."""

import json

import pytest

CHAT = "/v1/chat/completions"
NUMBER, PHONE = "11010519491231002X", "13800138000"
TEXT = f"张三（身份证号{NUMBER}，电话{PHONE}）的宅基地在哪个村？"


def ask(text=TEXT, **more):
    return {
        "model": "qwen",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 50,
        **more,
    }


def told(started, body):
    if not body.get("stream"):
        return started.http.post(CHAT, json=body).json()["choices"][0]["message"]["content"]
    text = started.http.post(CHAT, json=body).text
    events = [json.loads(e[6:]) for e in text.split("\n\n") if e.startswith("data: {")]
    return "".join(c["delta"].get("content") or "" for e in events for c in e["choices"])


@pytest.mark.parametrize("stream", [False, True])
def test_the_engine_never_sees_the_number_and_the_caller_gets_it_back(relayed, made, stream):
    made.echo = True
    with relayed() as started:
        assert told(started, ask(stream=stream)) == TEXT
        seen = made.asked[0][1]["messages"][0]["content"]
        assert NUMBER not in seen and PHONE not in seen
        assert seen != TEXT
        lines = (started.services.settings.home / "audit.jsonl").read_text()
        assert NUMBER not in lines and PHONE not in lines
        kinds = [json.loads(line)["kind"] for line in lines.splitlines()]
        assert sorted(kinds) == ["guards", "relayed"]
        assert "cspon_guard_hits_total{" in started.http.get("/metrics").text


@pytest.mark.parametrize("stream", [False, True])
def test_what_the_engine_makes_up_itself_is_masked_for_good(relayed, made, stream):
    made.pieces = list(f"请联系李四，身份证号{NUMBER}。")
    with relayed() as started:
        said = told(started, ask("谁负责？", stream=stream))
        assert NUMBER not in said
        assert said.startswith("请联系")
        assert said.endswith("。")


def test_a_secret_is_refused_and_the_engine_not_asked(relayed, made):
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75\n-----END RSA PRIVATE KEY-----"
    with relayed() as started:
        reply = started.http.post(CHAT, json=ask(f"请检查这段配置：{key}"))
        seen = [body["messages"][0]["content"] for _, body in made.asked]
        assert reply.status_code == 400 or "MIIEpAIBAAKCAQEA75" not in seen[0]


@pytest.mark.parametrize("stream", [False, True])
def test_ordinary_text_passes_byte_for_byte(relayed, made, stream):
    made.pieces = ["建设用地", "规模 12.5 公顷，", "见第三章。"]
    with relayed() as started:
        reply = started.http.post(CHAT, json=ask("规模多大？", stream=stream))
        if not stream:
            assert reply.json() == made.whole({"model": "Qwen/Qwen3-8B"}, CHAT)
            return
        assert told(started, ask("规模多大？", stream=True)) == "建设用地规模 12.5 公顷，见第三章。"


def test_a_tool_description_with_an_attack_is_refused_or_noted(relayed, made):
    tool = {
        "type": "function",
        "function": {"name": "area", "description": "求面积", "parameters": {"type": "object"}},
    }
    with relayed() as started:
        assert started.http.post(CHAT, json=ask("面积？", tools=[tool])).status_code == 200
        assert made.asked[0][1]["tools"] == [tool]
