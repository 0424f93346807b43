"""A gateway and a made-up engine as processes that can be stopped, starved and killed, and their books."""

import asyncio
import importlib.util
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import yaml

from serving.access.keys import Key
from serving.access.secret import server_secret
from serving.access.store import KeyStore
from serving.audit.verify import files_of, verify

HERE = Path(__file__).parent
OPEN, SETTLED, REFUNDED, LAPSED = range(4)
BUDGET = 60_000
MOST_AT_ONCE = 64
SERVER = """
from cspon.settings import load_settings
from serving.patience import Patience
from serving.run import listen, serve
import sys

Patience.send_s = 1.0
serve(load_settings(), listen("127.0.0.1", int(sys.argv[1])), ui=False, on_ready=lambda url: None)
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=1).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False
    return True


class Site:
    """A data folder with its gateway and its engine.

    Args:
        folder: Where all lies.
        engine_port: Where the gateway looks for the engine; default: where it is.
        limits: Further limits.
        more: Further environment of the gateway.
    """

    def __init__(self, folder, engine_port=None, limits=(), **more):
        self.home, self.notes = folder / "home", folder / "notes"
        self.home.mkdir(parents=True)
        self.notes.touch()
        self.log, self._more = folder / "gateway.log", more
        self.port, self.engine_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        url = f"http://127.0.0.1:{engine_port or self.engine_port}/v1"
        engine = {"name": "e", "urls": [url], "models": [{"name": "m"}], "timeout_s": 1.5}
        limits = [
            {"id": "total", "by": "tenant", "of": "tokens", "per": "total", "amount": BUDGET},
            {"id": "now", "by": "model", "of": "concurrency", "amount": MOST_AT_ONCE},
            *limits,
        ]
        (self.home / "engines.yaml").write_text(yaml.safe_dump({"engines": [engine]}))
        (self.home / "budgets.yaml").write_text(yaml.safe_dump({"limits": limits}))
        self.keys = KeyStore(self.home / "keys.sqlite", server_secret(self.home / "server.secret"))
        self.secret = self.new_key().secret
        self.engine = self.gateway = None
        self.crashes = 0

    def new_key(self):
        now = datetime.now(UTC)
        return self.keys.create(
            Key(id="new", user="测", tenant="t", scopes=("chat", "usage", "files", "jobs", "tools"),
                created_at=now, expires_at=now + timedelta(days=60))
        )  # fmt: skip

    def start_engine(self):
        command = [sys.executable, HERE / "made_engine.py", str(self.engine_port), self.notes]
        self.engine = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        self._up(self.engine, f"http://127.0.0.1:{self.engine_port}/")

    def start_gateway(self):
        env = {
            **os.environ, "CSPON_HOME": str(self.home), "CSPON_MODEL": "none", "CSPON_AUTH": "keys",
            "CSPON_LAYERS": str(self.home / "layers"), **self._more,
        }  # fmt: skip
        with self.log.open("ab") as log:
            self.gateway = subprocess.Popen(
                [sys.executable, "-c", SERVER, str(self.port)], env=env, stderr=log, stdout=log
            )
        self._up(self.gateway, f"{self.url}/healthz")

    def _up(self, process, url):
        end = time.monotonic() + 60
        while not answers(url):
            assert process.poll() is None and time.monotonic() < end, self.log.read_text()[-2000:]
            time.sleep(0.05)

    def kill(self, process, how=signal.SIGKILL):
        if process is not None and process.poll() is None:
            self.crashes += process is self.gateway and how == signal.SIGKILL
            process.send_signal(signal.SIGCONT)
            process.send_signal(how)
            process.wait(20)

    def stop(self):
        self.kill(self.gateway, signal.SIGTERM)
        self.kill(self.engine)
        self.keys.close()

    def told(self):
        """Return what the engine told to the end: tokens by request."""
        lines = [line.split() for line in self.notes.read_text().splitlines()]
        return {line[1]: (int(line[2]), int(line[3])) for line in lines if line[0] == "told"}

    def asked(self):
        """Return how often the engine was asked, by request."""
        lines = [line.split() for line in self.notes.read_text().splitlines()]
        return Counter(line[1] for line in lines if line[0] == "asked")

    def calls(self):
        """Return the calls of the engine in the ledger: (state, prompt, completion) by request."""
        with sqlite3.connect(self.home / "ledger.sqlite") as db:
            rows = db.execute(
                "select request_id, state, prompt, completion from uses where model = 'm'"
            ).fetchall()
        found = {row[0]: row[1:] for row in rows}
        assert len(found) == len(rows), "a request was charged twice"
        return found

    def open_count(self):
        """Return how many reservations are open."""
        with sqlite3.connect(self.home / "ledger.sqlite") as db:
            return db.execute("select count(*) from uses where state = 0").fetchone()[0]

    def check(self, replies):
        """Hold ledger, engine, audit and callers against each other.

        Args:
            replies: What each caller got: (status, usage of a whole reply) by request.
        """
        end = time.monotonic() + 1
        while self.open_count() and time.monotonic() < end:  # settled within milliseconds
            time.sleep(0.01)
        calls, told, asked = self.calls(), self.told(), self.asked()
        assert set(asked.values()) <= {1}, "the engine was asked twice"
        assert set(asked) <= set(calls), "the engine was asked without a reservation"
        assert not [n for n, c in calls.items() if c[0] == OPEN], "a reservation is left open"
        late = 0
        for number, (_, usage) in replies.items():
            if usage is not None:
                state, *tokens = calls[number]
                assert told[number] == usage
                if state == LAPSED:  # the gateway was killed before it was settled: the bound
                    late += 1
                    assert all(a >= b for a, b in zip(tokens, usage, strict=True))
                else:
                    assert (state, *tokens) == (SETTLED, *usage), "a reply is charged wrongly"
        assert late <= MOST_AT_ONCE * self.crashes, "not settled, though nothing was killed"
        settled = {n: c[1:] for n, c in calls.items() if c[0] == SETTLED}
        for number, tokens in settled.items():
            if number in told and replies.get(number, (0, None))[1] is not None:
                assert tokens == told[number]
        self.check_counters()
        self.check_audit(settled, replies)
        return calls

    def check_counters(self):
        """The counters are the sums of the uses, and no limit is passed."""
        with sqlite3.connect(self.home / "ledger.sqlite") as db:
            used = db.execute("select sum(prompt + completion) from uses").fetchone()[0]
            counters = dict(db.execute("select limit_id, used from counters").fetchall())
            held = db.execute("select sum(held) from counters").fetchone()[0]
        assert held == 0
        assert counters["total"] == used <= BUDGET

    def audited(self):
        """Return the lines of the audit, those of past months too."""
        files = files_of(self.home / "audit.jsonl")
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]

    def check_audit(self, settled, replies):
        """The chain is whole; every reply that went out is in it, and each line is in the ledger."""
        verdict = verify(self.home / "audit.jsonl", server_secret(self.home / "server.secret"))
        assert verdict.whole, verdict.faults
        relayed = [line for line in self.audited() if line["kind"] == "relayed"]
        recorded = {x["request_id"]: (x["prompt_tokens"], x["completion_tokens"]) for x in relayed}
        assert len(recorded) == len(relayed)
        out = {n for n, (_, usage) in replies.items() if usage is not None}
        assert out <= set(recorded), "a reply went out unrecorded"
        for number, tokens in recorded.items():
            if number in settled:
                assert settled[number] == tokens


class Callers:
    """Clients with request ids of their own; `replies` is what each got."""

    def __init__(self, site):
        self.site, self.replies, self.count = site, {}, 0

    async def ask(self, session, how="quick", *, tokens=5, stream=False, secret=None):
        self.count += 1
        number = f"fault-{os.getpid()}-{self.count:06d}"
        headers = {"authorization": f"Bearer {secret or self.site.secret}", "x-request-id": number}
        body = {
            "model": "m", "max_tokens": tokens, "stream": stream,
            "messages": [{"role": "user", "content": how}],
        }  # fmt: skip
        if stream:
            body["stream_options"] = {"include_usage": True}
        status, usage = 0, None
        try:
            url = f"{self.site.url}/v1/chat/completions"
            async with session.post(url, json=body, headers=headers) as reply:
                status, text = reply.status, await reply.text()
            if status == 200:
                usage = _usage(text, stream)
        except (aiohttp.ClientError, OSError, TimeoutError):
            pass
        self.replies[number] = status, usage
        return status, usage

    async def load(self, seconds, workers=16, streams=True, **given):
        """Ask without a pause for some seconds."""
        end = time.monotonic() + seconds

        async def work(session, stream):
            while time.monotonic() < end:
                status, _ = await self.ask(session, stream=stream, **given)
                if not status:
                    await asyncio.sleep(0.05)

        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            await asyncio.gather(*(work(session, streams and i % 2 == 0) for i in range(workers)))

    def statuses(self):
        return Counter(status for status, _ in self.replies.values())


def _usage(text, stream):
    if stream:
        if not text.endswith("data: [DONE]\n\n"):
            assert "error" in json.loads(text.split("\n\n")[-2].removeprefix("data: ")), (
                "lost unseen"
            )
            return None
        said = json.loads(text.split("\n\n")[-3].removeprefix("data: "))["usage"]
    else:
        said = json.loads(text)["usage"]
    return said["prompt_tokens"], said["completion_tokens"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """One for all: each test leaves it running, and its books right."""
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        made.start_engine()
        made.start_gateway()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def callers(site):
    return Callers(site)


@pytest.fixture
def faults():
    spec = importlib.util.spec_from_file_location("faults_parts", HERE / "conftest.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
