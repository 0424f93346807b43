"""A gateway in a process of its own, with small tools that count what they did; it can be killed."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from serving.access.keys import Key
from serving.access.secret import server_secret
from serving.access.store import KeyStore

TOOLS = '''
    """Small tools: each start is a line in a file."""

    import os
    import signal
    import time
    from pathlib import Path

    from cspon.errors import InputError
    from cspon.schemas.spatial import Provenance, ToolResult
    from tools.catalogue import tool

    NOTES = Path(os.environ["NOTES"])

    def note(text):
        with NOTES.open("a") as file:
            file.write(f"{text}\\n")

    def result(name, **data):
        made = Provenance(tool=name, version="1", inputs={})
        return ToolResult(tool=name, version="1", data=data, provenance=made)

    @tool("slow", title="慢工具", version="1")
    def slow(word: str, seconds: float = 0.0) -> ToolResult:
        """Wait, then say a word."""
        note(f"begin {word} {os.getpid()}")
        time.sleep(seconds)
        note(f"end {word}")
        return result("slow", word=word)

    @tool("poison", title="毒工具", version="1")
    def poison() -> ToolResult:
        """Bring the own process down."""
        note("begin poison")
        os.kill(os.getpid(), signal.SIGKILL)

    @tool("bad", title="坏文件", version="1")
    def bad() -> ToolResult:
        """Find an error in the input."""
        note("begin bad")
        raise InputError("第三行坏了", row=3, mend="改正")
'''

SITE = """
    import tools.catalogue

    tools.catalogue.MODULES = ("small_tools",)
"""

SERVER = """
    import sys

    from cspon.settings import load_settings
    from serving.run import listen, serve

    settings = load_settings()
    serve(settings, listen("127.0.0.1", 0), ui=False, on_ready=lambda url: print(url, flush=True))
"""


class Server:
    """A gateway on a data folder, in a process of its own.

    Args:
        folder: Holds the data, the tools and their notes.
        more: Further environment.
    """

    def __init__(self, folder, **more):
        self.home, self.notes_file = folder / "home", folder / "notes.txt"
        code = folder / "code"
        code.mkdir(exist_ok=True)
        for name, text in (
            ("small_tools", TOOLS),
            ("sitecustomize", SITE),
            ("server", SERVER),
        ):
            (code / f"{name}.py").write_text(textwrap.dedent(text), encoding="utf-8")
        self.log = folder / "server.log"
        self._env = {
            **os.environ,
            "PYTHONPATH": str(code),
            "NOTES": str(self.notes_file),
            "CSPON_HOME": str(self.home),
            "CSPON_LAYERS": str(folder / "layers"),
            "CSPON_MODEL": "none",
            "CSPON_JOBS_AT_ONCE": "2",
            **more,
        }
        self._script = code / "server.py"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, self._script], env=self._env, stdout=subprocess.PIPE, stderr=log
            )
        url = self.process.stdout.readline().decode().strip()
        assert url, self.log.read_text(encoding="utf-8")
        self.http = httpx.Client(base_url=url, timeout=30)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.http.close()

    def stop(self):
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)
        self.process.stdout.close()
        self.http.close()

    def submit(self, tool="slow", again=None, headers=None, **arguments):
        body = {"tool": tool, "arguments": arguments}
        return self.post(body, again, headers)

    def post(self, body, again=None, headers=None):
        headers = {**(headers or {}), **({"idempotency-key": again} if again else {})}
        return self.http.post("/v1/jobs", json=body, headers=headers)

    def job(self, number, **more):
        reply = self.http.get(f"/v1/jobs/{number}", **more)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def until(self, number, *states, seconds=60):
        """Wait until a job is in one of the states."""
        end = time.monotonic() + seconds
        while (job := self.job(number))["state"] not in states:
            assert time.monotonic() < end, (job, self.log.read_text(encoding="utf-8"))
            time.sleep(0.1)
        return job

    def notes(self):
        return self.notes_file.read_text().splitlines() if self.notes_file.exists() else []

    def noted(self, text, seconds=60):
        """Wait until a tool wrote a line that begins so; returns it."""
        end = time.monotonic() + seconds
        while not (found := [line for line in self.notes() if line.startswith(text)]):
            assert time.monotonic() < end, (self.notes(), self.log.read_text(encoding="utf-8"))
            time.sleep(0.05)
        return found[0]

    def batch(self, lines, endpoint="/v1/tools/slow", again=None):
        """Hand in a file of requests and submit it."""
        sent = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        file = self.http.post(
            "/v1/files", files={"file": ("批.jsonl", sent.encode())}, data={"purpose": "batch"}
        )
        assert file.status_code == 200, file.text
        body = {"input_file_id": file.json()["id"], "endpoint": endpoint}
        headers = {"idempotency-key": again} if again else {}
        return self.http.post("/v1/batches", json=body, headers=headers)

    def content(self, file_id):
        """Return the lines of a file for download."""
        reply = self.http.get(f"/v1/files/{file_id}/content")
        assert reply.status_code == 200, reply.text
        return [json.loads(line) for line in reply.text.splitlines()]

    def events(self, number, last=None, headers=None):
        """Read the events of a job to their end: (event, id, data) each."""
        headers = {**(headers or {}), **({"last-event-id": str(last)} if last is not None else {})}
        reply = self.http.get(f"/v1/jobs/{number}/events", headers=headers)
        assert reply.status_code == 200, reply.text
        found = []
        for block in reply.text.split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
            if "event" in lines:
                found.append((lines["event"], lines.get("id"), json.loads(lines["data"])))
        return found

    def key(self, user, **more):
        """Make a key; returns the header that shows it."""
        now = datetime.now(UTC)
        store = KeyStore(self.home / "keys.sqlite", server_secret(self.home / "server.secret"))
        try:
            made = store.create(
                Key(id="", user=user, created_at=now, expires_at=now + timedelta(1), **more)
            )
        finally:
            store.close()
        header = {"authorization": f"Bearer {made.secret}"}
        while self.http.get("/v1/models", headers=header).status_code == 401:
            time.sleep(0.05)  # the gateway looks for new keys every moment
        return made.key.id, header


@pytest.fixture(scope="module")
def steady(tmp_path_factory):
    """One gateway, two jobs at once, for all tests that do not stop it."""
    server = Server(tmp_path_factory.mktemp("steady"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture
def make_server(tmp_path):
    made = []

    def make(**more):
        made.append(Server(tmp_path, **more))
        return made[-1].start()

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def server(make_server):
    return make_server()
