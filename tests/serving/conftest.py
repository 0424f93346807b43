"""A real gateway on a loopback port, with a fake assistant and a scripted model."""

import asyncio
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
import shapely
import uvicorn
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cspon.settings import Settings
from knowledge_base.store.sparse import copy_tree
from llm.scripted import ScriptedModel
from serving import tracing
from serving.app import create_app
from serving.run import address_of, listen

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE 127.0.0.2",
)


def _load(name):
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fakes():
    return _load("fakes")


@pytest.fixture(scope="session")
def county(tmp_path_factory):
    """1 km²: x < 300 is permanent basic farmland, y > 800 redline, the rest development boundary."""
    spec = importlib.util.spec_from_file_location(
        "county", Path(__file__).parents[1] / "tools" / "conftest.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_county(folder := tmp_path_factory.mktemp("county"))
    module.folder = folder
    return module


@pytest.fixture
def geojson(county):
    """200 m × 200 m, half of it on farmland: 4 hectares, 2 of them conflict."""
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}},
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "产业园"},
                "geometry": shapely.geometry.mapping(county.local(200, 100, 400, 300)),
            }
        ],
    }


@pytest.fixture
def settings(tmp_path):
    return Settings(_env_file=None, home=tmp_path / "home", layers=tmp_path / "layers")


@contextmanager
def running(app, address=("127.0.0.1", 0)):
    """Serve an app on a loopback address, by default on a free port; yields its address."""
    socket = listen(*address)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server, ready = uvicorn.Server(config), threading.Event()
    stop = asyncio.Event()

    async def serve():
        server.loop = asyncio.get_running_loop()
        config.load()
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[socket])
        ready.set()
        await stop.wait()
        await server.shutdown(sockets=[socket])

    def run():
        try:
            asyncio.run(serve())  # cancels what the app left behind
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(60)
    try:
        assert server.started
        yield address_of(socket)
    finally:
        server.loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        socket.close()
        assert not thread.is_alive()


class Gateway:
    def __init__(self, url, app, assistant, model):
        self.url, self.app, self.assistant, self.model = url, app, assistant, model
        self.services = app.state.services

    def client(self, **more):
        import openai

        return openai.OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, **more)


@contextmanager
def start_gateway(
    settings, fakes, *, steps=None, model=None, assistant=None, ui=False,
    address=("127.0.0.1", 0), **changes,
):  # fmt: skip
    assistant = assistant or fakes.FakeAssistant()
    model = ScriptedModel(steps) if steps is not None else model
    given = settings.model_copy(update={"model": "none", **changes})
    app = create_app(given, assistant=assistant, model=model, ui=ui)
    with running(app, address) as url:
        yield Gateway(url, app, assistant, model)


@pytest.fixture
def gateway(settings, fakes):
    """Start gateways: `gateway(steps=…)` with a scripted model, `gateway(model=…)` with any."""
    with ExitStack() as stack:
        yield lambda **given: stack.enter_context(start_gateway(settings, fakes, **given))


@pytest.fixture(scope="session")
def plain(tmp_path_factory, fakes, county):
    """One gateway for all tests that only look at what it answers."""
    folder = tmp_path_factory.mktemp("plain")
    settings = Settings(_env_file=None, home=folder, layers=county.folder)
    with start_gateway(settings, fakes) as started:
        yield started


@pytest.fixture(scope="session")
def kb_texts():
    return _load("kb_texts")


@pytest.fixture(scope="session")
def kb_home(tmp_path_factory, kb_texts):
    """A data folder whose base holds one text for each kind of restriction; only read."""
    return kb_texts.build(tmp_path_factory.mktemp("restricted"), kb_texts.TEXTS)


@pytest.fixture(scope="session", name="start_kb")
def _start_kb():
    return start_kb


@contextmanager
def start_kb(home, fakes, kb_texts):
    """A gateway on a base; the header `x-as` says which of the principals asks."""
    from fastapi import Request

    from knowledge_base.base import KnowledgeBase
    from serving.access.caller import Caller
    from serving.principal import current_caller

    def who(request: Request):
        return Caller(kb_texts.PRINCIPALS[request.headers.get("x-as", "chief")])

    settings = Settings(_env_file=None, home=home, layers=home / "layers")
    with start_gateway(settings, fakes) as started:
        started.app.dependency_overrides[current_caller] = who
        started.services.embedder = kb_texts.embedder()
        if (home / "kb").exists():
            started.services.knowledge_base = KnowledgeBase.open(home / "kb", kb_texts.embedder())
        with httpx.Client(timeout=60) as started.http:
            yield started


@pytest.fixture(scope="session")
def restricted(kb_home, fakes, kb_texts):
    """One gateway for all tests that only read the restricted base."""
    with start_kb(kb_home, fakes, kb_texts) as started:
        yield started


@pytest.fixture
def kb_gateway(kb_home, fakes, kb_texts, tmp_path):
    """A gateway on a base of its own, to be changed."""
    copy_tree(kb_home, tmp_path / "home")
    with start_kb(tmp_path / "home", fakes, kb_texts) as started:
        yield started


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; it finds no host but this machine."""
    if CHROMIUM is None:
        message = "chromium is not installed (apt-get install chromium fonts-noto-cjk)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def certificate(tmp_path):
    """Make self-signed certificates of 127.0.0.1: `certificate(name)` gives its file and its key's."""
    return lambda name: make_certificate(tmp_path, name)


def make_certificate(folder, name):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        ).sign(key, hashes.SHA256())
    )  # fmt: skip
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
def start_command(tmp_path):
    """Start `cspon serve` without any part in a process of its own: `start_command(argument, …)`."""
    started = []

    def start(*arguments):
        environment = {**os.environ, "CSPON_HOME": str(tmp_path), "CSPON_EMBEDDING": "nonsense"}
        environment["CSPON_LAYERS"] = str(tmp_path / "nothing")
        command = ["serve", "--model", "none", *map(str, arguments)]
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", "from cspon.cli.main import main; main()", *command],
                stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
            )
        )  # fmt: skip
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def spans(monkeypatch):
    """Make every gateway trace into memory; returns a call that takes the spans made so far, by name.

    The span of a request ends after its reply was sent: the call waits for the one that it names.
    """
    exporter, begin = InMemorySpanExporter(), tracing.start
    monkeypatch.setattr(
        tracing, "start", lambda _: begin("", processor=SimpleSpanProcessor(exporter))
    )
    monkeypatch.setenv("CSPON_OTLP", "memory")  # ask for this before the gateway

    def take(awaited: str) -> dict[str, ReadableSpan]:
        end = time.monotonic() + 10
        while awaited not in (made := {span.name: span for span in exporter.get_finished_spans()}):
            assert time.monotonic() < end, f"{awaited} not among {sorted(made)}"
            time.sleep(0.01)
        exporter.clear()
        return made

    return take
