"""Real vLLM replicas behind the gateway: what the official client gets, and what becomes of the engines.

The engines stand in the gateway's file as in the example of `docs/models.md`. The last test kills one.
"""

import importlib.util
import json
import re
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import openai
import pytest

from cspon.settings import Settings
from serving.access.secret import server_secret
from serving.app import create_app
from serving.audit.verify import verify

pytestmark = pytest.mark.full
HERE = Path(__file__).parent
MODEL, ADAPTER, EMBEDDER = "smollm2-135m", "plan-lora", "smollm2-embed"
SETTLED = 1
QUESTION = [{"role": "user", "content": "Say hello in one short sentence."}]
ASK = {"model": MODEL, "max_tokens": 24, "temperature": 0, "seed": 3, "messages": QUESTION}
PICK = {
    "type": "object", "properties": {"place": {"enum": ["east", "west"]}}, "required": ["place"],
    "additionalProperties": False,
}  # fmt: skip
TOOL = {"type": "function", "function": {"name": "area_of", "parameters": PICK}}
CHATS = {
    "plain": {},
    "adapter": {"model": ADAPTER},
    "sampled": {"temperature": 1.0, "seed": 7, "n": 2, "top_p": 0.9},
    "probabilities": {"logprobs": True, "top_logprobs": 3},
    "stop": {"stop": ["here"]},
    "schema": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "p", "schema": PICK}}
    },
    "tool": {
        "max_tokens": 80,
        "tools": [TOOL],
        "tool_choice": {"type": "function", "function": {"name": "area_of"}},
    },
    "tool result": {
        "messages": [
            *QUESTION,
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "area_of", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "5 ha"},
        ],
        "tools": [TOOL], "tool_choice": "none",
    },
    "vLLM's own": {"extra_body": {"top_k": 5, "structured_outputs": {"choice": ["yes", "no"]}}},
}  # fmt: skip
PLAINS = {
    "one": {"prompt": "One, two,"},
    "several": {"prompt": ["One, two,", "Red, green,"], "logprobs": 2},
    "tokens": {"prompt": [1, 2, 3], "model": ADAPTER},
}


def _load(file):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


parts = _load(HERE / "vllm_replica.py")


class Site:
    """The gateway and its replicas."""

    def __init__(self, url, home, replicas):
        self.home, self.replicas = home, replicas
        self.client = openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0)
        self.direct = openai.OpenAI(base_url=replicas[0].url, api_key="none", max_retries=0)

    def count(self, name):
        """Return a metric of each replica."""
        return [replica.count(name) for replica in self.replicas]

    def calls(self):
        """Return the calls in the ledger in their order, once none is open: (model, state, prompt, completion)."""
        rows = []

        def ended():
            with sqlite3.connect(self.home / "ledger.sqlite") as db:
                rows[:] = db.execute(
                    "select model, state, prompt, completion from uses where model <> '' order by id"
                ).fetchall()
            return all(row[1] for row in rows)

        parts.until(ended, 5)
        return rows

    def audited(self):
        """Return the records of the relay, once the chain is seen to be whole."""
        verdict = verify(self.home / "audit.jsonl", server_secret(self.home / "server.secret"))
        assert verdict.whole, verdict.faults
        lines = map(json.loads, (self.home / "audit.jsonl").read_text().splitlines())
        return [line for line in lines if line["kind"] == "relayed"]


@pytest.fixture(scope="module")
def site(tmp_path_factory, fakes):
    """Two replicas with an adapter and one for embeddings; about 9 GB and two minutes."""
    if parts.missing():
        pytest.skip(parts.missing())
    home = tmp_path_factory.mktemp("vllm")
    serving = _load(HERE.parent / "conftest.py")
    free_port = _load(HERE.parent / "faults" / "conftest.py").free_port
    adapter = parts.make_adapter(home / "adapter")
    with ExitStack() as stack:

        def start(name, core, more):
            log = home / f"{name}-{core}.log"
            replica = parts.Replica(name, free_port(), core, log, more)
            stack.callback(replica.kill)
            return replica

        replicas = [start(MODEL, core, parts.chat_arguments(adapter)) for core in range(2)]
        embedder = start(EMBEDDER, 0, ["--runner", "pooling", "--convert", "embed"])
        text = (parts.ROOT / "docs" / "models.md").read_text(encoding="utf-8")
        written = re.search(r"```yaml\n(engines:.*?)```", text, re.S)[1]
        shown = re.findall(r"http://127\.0\.0\.1:\d+/v1", written)
        assert len(shown) == 3
        for address, replica in zip(shown, [*replicas, embedder], strict=True):
            written = written.replace(address, replica.url)
        (home / "engines.yaml").write_text(written, encoding="utf-8")
        for replica in (*replicas, embedder):
            replica.await_ready()
        settings = Settings(_env_file=None, home=home, model="none")
        app = create_app(settings, assistant=fakes.FakeAssistant())
        url = stack.enter_context(serving.running(app))
        yield Site(url, home, replicas)


@pytest.mark.parametrize("name", CHATS)
def test_a_chat_is_the_engines_own(site, name):
    asked = {**ASK, **CHATS[name]}
    ways = [who.chat.completions for who in (site.client, site.direct)]
    through, direct = (way.with_raw_response.create(**asked).content for way in ways)
    assert parts.facts_of(through) == parts.facts_of(direct)
    options = {"include_usage": True}
    streams = [parts.told(way.create(**asked, stream=True, stream_options=options)) for way in ways]
    assert streams[0] == streams[1]
    choices, usage = streams[0]
    whole = json.loads(through)
    assert usage.model_dump(exclude_none=True) == {k: v for k, v in whole["usage"].items() if v}
    for choice in whole["choices"]:
        text, arguments, _, end = choices[choice["index"]]
        assert (text, end) == (choice["message"]["content"] or "", choice["finish_reason"])
        for call in choice["message"].get("tool_calls") or ():
            assert arguments == call["function"]["arguments"] != ""


@pytest.mark.parametrize("name", PLAINS)
def test_a_completion_is_the_engines_own(site, name):
    asked = {"model": MODEL, "max_tokens": 6, "temperature": 0, **PLAINS[name]}
    ways = [who.completions for who in (site.client, site.direct)]
    through, direct = (way.with_raw_response.create(**asked).content for way in ways)
    assert parts.facts_of(through) == parts.facts_of(direct)
    streams = [parts.told(way.create(**asked, stream=True)) for way in ways]
    assert streams[0] == streams[1]
    texts = {choice["index"]: choice["text"] for choice in json.loads(through)["choices"]}
    assert {index: said[0] for index, said in streams[0][0].items()} == texts
    assert streams[0][1] is None  # the caller did not ask for the usage


def test_an_embedding_is_the_engines_own_and_is_counted(site):
    texts = ["farmland", "city"]
    reply = site.client.embeddings.create(model=EMBEDDER, input=texts, encoding_format="float")
    vectors = [line.embedding for line in reply.data]
    assert len(vectors) == 2
    assert vectors[0] != vectors[1]
    assert {len(vector) for vector in vectors} == {576}
    assert site.calls()[-1] == (EMBEDDER, SETTLED, reply.usage.prompt_tokens, 0)


def test_seeds_and_adapters_do_what_they_say(site):
    def text(**changes):
        reply = site.client.chat.completions.create(**{**ASK, **changes})
        return reply.choices[0].message.content

    assert text(temperature=1.0, seed=1) == text(temperature=1.0, seed=1)
    assert len({text(temperature=1.0, seed=seed) for seed in range(4)}) > 1
    assert text() != text(model=ADAPTER)
    by_model = {line["model"]: line["adapter"] for line in site.audited()}
    assert (by_model[MODEL], by_model[ADAPTER]) == (False, True)
    assert {MODEL, ADAPTER, EMBEDDER} <= {model.id for model in site.client.models.list()}


def test_the_ledger_has_what_the_engines_counted(site):
    names = ("prompt_tokens_total", "generation_tokens_total")
    before, calls = [sum(site.count(name)) for name in names], len(site.calls())
    for stream in (False, True):
        for model in (MODEL, ADAPTER):
            reply = site.client.chat.completions.create(**{**ASK, "model": model}, stream=stream)
            list(reply)
    new = site.calls()[calls:]
    assert [call[1] for call in new] == [SETTLED] * 4
    charged = [sum(call[place] for call in new) for place in (2, 3)]
    parts.until(
        lambda: [sum(site.count(n)) - b for n, b in zip(names, before, strict=True)] == charged
    )


def test_what_the_engine_refuses_is_told_and_costs_nothing(site):
    with pytest.raises(openai.BadRequestError) as refused:
        site.client.chat.completions.create(**{**ASK, "max_tokens": 3000})
    assert refused.value.code == "engine_refused"
    with pytest.raises(openai.BadRequestError) as refused:  # it would bring this vLLM down
        site.client.completions.create(model=MODEL, prompt=["a", "b"], echo=True, logprobs=1)
    assert refused.value.param == "echo"
    for _ in range(4):  # an adapter that is not loaded is no breakdown of the replica
        with pytest.raises(openai.APIStatusError) as refused:
            site.client.chat.completions.create(**{**ASK, "model": "not-loaded"})
        assert refused.value.status_code == 503
    assert [call[2:] for call in site.calls()[-5:]] == [(0, 0)] * 5
    assert site.client.chat.completions.create(**ASK).choices[0].message.content


@pytest.mark.parametrize("stream", [True, False])
def test_a_caller_who_leaves_frees_the_engine(site, stream):
    long = {**ASK, "max_tokens": 1500, "extra_body": {"ignore_eos": True}}
    before = sum(site.count("generation_tokens_total"))
    if stream:
        opened = site.client.chat.completions.create(**long, stream=True)
        for _, _ in zip(range(4), opened, strict=False):
            pass
        assert sum(site.count("num_requests_running")) == 1
        opened.close()
    else:
        with pytest.raises(openai.APITimeoutError):
            site.client.with_options(timeout=3).chat.completions.create(**long)
    parts.until(lambda: sum(site.count("num_requests_running")) == 0, 10)
    assert sum(site.count("generation_tokens_total")) - before < 1000
    _, state, _, charged = site.calls()[-1]
    assert state == SETTLED
    assert 0 < charged < 1500 if stream else charged == 1500


@pytest.mark.parametrize("system", [[], [{"role": "system", "content": "Be brief. " * 60}]])
def test_a_conversation_stays_with_one_replica(site, system):
    def ask(messages):
        before = site.count("request_success_total")
        asked = {**ASK, "messages": [*system, *messages], "max_tokens": 2}
        reply = site.client.chat.completions.create(**asked)
        parts.until(lambda: sum(site.count("request_success_total")) > sum(before))
        after = site.count("request_success_total")
        return after[0] > before[0], reply.choices[0].message.content

    used, hits = set(), sum(site.count("prefix_cache_hits_total"))
    for number in range(10):
        messages = [{"role": "user", "content": f"Town {number} " + "has fields and woods. " * 40}]
        places = set()
        for _ in range(3):
            first, text = ask(messages)
            places.add(first)
            messages += [
                {"role": "assistant", "content": text},
                {"role": "user", "content": "And?"},
            ]
        assert len(places) == 1, "a conversation changed its replica"
        used |= places
    assert used == {True, False}
    assert sum(site.count("prefix_cache_hits_total")) > hits


def test_a_replica_killed_in_mid_stream_and_the_other_goes_on(site):
    long = {**ASK, "max_tokens": 1500, "extra_body": {"ignore_eos": True}}
    opened = site.client.chat.completions.create(**long, stream=True)
    pieces = [chunk for _, chunk in zip(range(4), opened, strict=False)]
    assert pieces
    (place,) = [i for i, running in enumerate(site.count("num_requests_running")) if running]
    site.replicas[place].kill()
    with pytest.raises(openai.APIError) as broken:
        list(opened)
    assert broken.value.code == "engine_failed"
    site.replicas = [site.replicas[1 - place]]
    for _ in range(5):  # the same beginning, which the dead one would get
        assert site.client.chat.completions.create(**ASK).usage.completion_tokens
    calls = site.calls()
    assert {call[1] for call in calls} <= {1, 2}, "a reservation is left open"
    killed = calls[-6]
    assert killed[1] == SETTLED
    assert 0 < killed[3] < 1500
    records = site.audited()
    assert records[-6]["broken"] is True
    assert (records[-6]["prompt_tokens"], records[-6]["completion_tokens"]) == killed[2:]
