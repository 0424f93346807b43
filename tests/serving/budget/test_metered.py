"""A metered model: reserved before, settled after, refunded on failure; and the gateway around it."""

import asyncio
import json
import sqlite3

import httpx
import pytest

from cspon.errors import ModelUnavailable, SetupError
from llm.chat import ChatReply, ChatRequest, Message
from llm.scripted import ScriptedModel, Step
from serving.budget.bounds import OF_A_MESSAGE, OF_A_PROMPT, OF_TOOLS, bound, prompt_bound
from serving.budget.ledger import BudgetExceeded
from serving.budget.limits import Budgets, Limit, Price, Who
from serving.budget.metered import MeteredModel
from serving.budget.sqlite_ledger import SqliteLedger

WHO = Who(key="local", user="local", model="cspon/model")
LIMIT = Limit(id="t", by="key", of="tokens", per="total", amount=2000)
CALLS = Limit(id="c", by="model", of="requests", per="total", amount=99)
YUAN = Limit(id="y", by="key", of="money", per="total", amount=1)


class Counted(ScriptedModel):
    """Says how many tokens it used."""

    async def complete(self, request):
        reply = await super().complete(request)
        return reply.model_copy(update={"prompt_tokens": 11, "completion_tokens": 7})

    async def stream(self, request):
        async for delta in super().stream(request):
            if delta.reply:
                counts = {"prompt_tokens": 11, "completion_tokens": 7}
                delta = delta.model_copy(update={"reply": delta.reply.model_copy(update=counts)})
            yield delta


@pytest.fixture
def ledger(tmp_path):
    budgets = Budgets(limits=(LIMIT, CALLS, YUAN))
    made = SqliteLedger(tmp_path / "ledger.sqlite", lambda: budgets)
    yield made
    asyncio.run(made.aclose())


def metered(ledger, *steps, kind=Counted):
    price = Price(prompt=1000, completion=2000)
    return MeteredModel(kind(steps), ledger, public="cspon/model", price=lambda: price)


def ask(text="问", max_tokens=100):
    return ChatRequest(messages=(Message(role="user", content=text),), max_tokens=max_tokens)


async def used(ledger):
    found = {s.limit: s for s in await ledger.standings(WHO)}
    return found["t"].used, found["t"].held, found["c"].used, found["y"].used


async def test_a_whole_reply(ledger):
    model = metered(ledger, Step("答"))
    assert (await model.complete(ask())).text == "答"
    assert await used(ledger) == (18, 0, 1, 11 * 1000 + 7 * 2000)


async def test_a_stream(ledger):
    model = metered(ledger, Step("一段比较长的回答，分成几块"))
    texts = [d.text async for d in model.stream(ask())]
    assert "".join(texts).startswith("一段")
    assert await used(ledger) == (18, 0, 1, 25_000)


async def test_an_engine_that_does_not_count_is_charged_at_the_bound(ledger):
    class Silent(ScriptedModel):
        async def complete(self, request):
            return ChatReply(text="好的", model="m")

    await metered(ledger, kind=Silent).complete(ask("四个字啊"))
    assert (await used(ledger))[0] == OF_A_PROMPT + OF_A_MESSAGE + 12 + 6


async def test_a_failure_is_refunded_but_counted(ledger):
    model = metered(ledger, Step(error="中断"))
    with pytest.raises(ModelUnavailable):
        await model.complete(ask())
    assert await used(ledger) == (0, 0, 1, 0)


async def test_a_stream_that_breaks_off_is_charged_for_what_it_gave(ledger):
    model = metered(ledger, Step("八个汉字八个汉字", error="中断"))
    with pytest.raises(ModelUnavailable):
        _ = [d async for d in model.stream(ask())]
    assert (await used(ledger))[0] == OF_A_PROMPT + OF_A_MESSAGE + 3 + 24


async def test_a_stream_whose_reader_leaves_is_charged_for_the_prompt_and_what_it_gave(ledger):
    model = metered(ledger, Step("八个汉字八个汉字和更多"))
    stream = model.stream(ask())
    await anext(stream)
    await stream.aclose()
    assert (await used(ledger))[:2] == (OF_A_PROMPT + OF_A_MESSAGE + 3 + 24, 0)


async def test_past_the_budget_the_model_is_not_asked(ledger):
    model = metered(ledger, Step("不该被问到"))
    with pytest.raises(BudgetExceeded):
        await model.complete(ask(max_tokens=3000))
    assert await used(ledger) == (0, 0, 0, 0)


async def test_without_the_store_the_model_is_not_asked(ledger):
    model = metered(ledger, Step("不该被问到"))
    ledger._db.close()
    with pytest.raises(SetupError):
        await model.complete(ask())


def test_bytes_bound_the_tokens():
    request = ask("中文 abc 🙂")
    assert prompt_bound(request) == OF_A_PROMPT + OF_A_MESSAGE + 6 + 1 + 3 + 1 + 4
    assert prompt_bound(request, context=50) == 50
    described = bound(["a"], messages=1, schemas=[{"name": "工具"}])
    assert described == OF_A_PROMPT + OF_A_MESSAGE + 1 + OF_TOOLS + len(r'{"name": "\u5de5\u5177"}')


BUDGETS = """\
limits:
- {id: 每分钟请求, by: key, of: requests, per: total, amount: 6}
- {id: 词元, by: key, of: tokens, per: total, amount: 1500}
"""


def test_through_the_gateway(gateway, settings):
    settings.home.mkdir()
    (settings.home / "budgets.yaml").write_text(BUDGETS, encoding="utf-8")
    started = gateway(steps=[Step("第一次回答")])
    body = {"model": "cspon/model", "messages": [{"role": "user", "content": "问"}]}
    with httpx.Client(base_url=started.url) as http:
        first = http.post("/v1/chat/completions", json={**body, "max_tokens": 1000})
        assert first.status_code == 200
        second = http.post("/v1/chat/completions", json={**body, "max_tokens": 1400})
        assert second.status_code == 429
        error = second.json()["error"]
        assert (error["code"], error["limit"]) == ("budget_exceeded", "词元")
        limits = http.get("/v1/usage/limits", params={"model": "cspon/model"}).json()["data"]
        assert {entry["limit"]: entry["used"] > 0 for entry in limits} == {
            "每分钟请求": True, "词元": True,
        }  # fmt: skip
        usage = http.get("/v1/usage", params={"by": "endpoint"}).json()["data"]
        assert {line["subject"] for line in usage} >= {"model", "/v1/chat/completions"}
        with sqlite3.connect(settings.home / "ledger.sqlite") as ledger:
            whose = dict(ledger.execute("select endpoint, request_id from uses order by id desc"))
        assert whose["model"] == whose["/v1/chat/completions"] == first.headers["x-request-id"]
        assert http.get("/v1/usage", params={"by": "nobody"}).status_code == 400
        assert http.get("/v1/models").status_code == 200
        over = http.get("/v1/models")
        assert over.status_code == 429
        assert over.json()["error"]["limit"] == "每分钟请求"
        assert http.get("/healthz").status_code == 200


def test_a_key_sees_and_uses_its_models_only(gateway, settings):
    from datetime import UTC, datetime, timedelta

    from serving.access.keys import Key

    started = gateway(steps=[])
    now = datetime.now(UTC)
    key = Key(
        id="", user="系统", models=("cspon/assistant",), tools=("compute_indicator",),
        created_at=now, expires_at=now + timedelta(days=1),
    )  # fmt: skip
    made = started.services.keys.create(key)
    head = {"authorization": f"Bearer {made.secret}"}
    with httpx.Client(base_url=started.url, headers=head) as http:
        assert [m["id"] for m in http.get("/v1/models").json()["data"]] == ["cspon/assistant"]
        body = {"model": "cspon/model", "messages": [{"role": "user", "content": "问"}]}
        assert http.post("/v1/chat/completions", json=body).status_code == 404
        refused = http.post("/v1/tools/access", json={})
        assert refused.json()["error"]["code"] == "tool_not_allowed"


def test_signing_in_with_a_key(gateway, settings):
    from datetime import UTC, datetime, timedelta

    from serving.access.keys import Key

    started = gateway(auth="keys")
    now = datetime.now(UTC)
    key = Key(id="", user="规划员", created_at=now, expires_at=now + timedelta(days=1))
    made = started.services.keys.create(key)
    with httpx.Client(base_url=started.url, headers={"accept": "text/html"}) as http:
        led = http.get("/kb/documents")
        assert led.headers["location"] == "/login?next=/kb/documents"
        assert "登录" in http.get("/login?next=/kb/documents").text
        wrong = http.post("/login", data={"secret": "cspon-wrong", "next": "/kb"})
        assert (wrong.status_code, "密钥不对" in wrong.text) == (401, True)
        right = http.post("/login", data={"secret": made.secret, "next": "//evil.example"})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        cookie = right.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert made.secret not in cookie
        assert http.get("/v1/usage").status_code == 200
        http.post("/logout")
        assert http.get("/v1/usage").status_code == 303
    lines = map(json.loads, started.services.settings.audit_file.read_text().splitlines())
    told = [(line["kind"], line["user"], line["key"]) for line in lines]
    assert told == [
        ("sign_in.refused", "", ""),
        ("sign_in.in", "规划员", made.key.id),
        ("sign_in.out", "规划员", made.key.id),
    ]


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-12:00", "2026-01-01"])  # fmt: skip
def test_use_is_told_of_our_time_alone(plain, name, moment):
    reply = httpx.get(f"{plain.url}/v1/usage", params={name: moment})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, name)
    good = {"since": "2000-01-01T00:00:00Z", "until": "2199-12-31T23:59:59-12:00"}
    assert httpx.get(f"{plain.url}/v1/usage", params=good).status_code == 200
