"""Around every request: an id, one structured log line, the counters, the security headers."""

import asyncio
import logging
import random
import re
import secrets
import sys
import time
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar, TextIO

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.metrics import Metrics
from serving.request_id import running

access = logging.getLogger("cspon.access")

GATHER_S = 0.05
LINES_AT_ONCE = 256

REQUEST_ID = re.compile(r"[A-Za-z0-9_.\-]{8,64}")

CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
"""Nothing but this server; Gradio compiles its templates in the page, hence `unsafe-eval`."""

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": CONTENT_POLICY,
}


_SECURITY = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_random = random.Random(secrets.randbits(128))  # noqa: S311 - ids tell requests apart, no secret


class Telemetry:
    """ASGI middleware; streams pass through untouched.

    Args:
        app: What lies behind.
        metrics: The counters.
        hsts_days: Browsers that came by TLS are told to stay with it so long; 0: they are not.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, *, hsts_days: int = 0) -> None:
        self.app, self.metrics = app, metrics
        strict = (b"strict-transport-security", f"max-age={hsts_days * 86_400}".encode())
        self._by_tls = [*_SECURITY, strict] if hsts_days else _SECURITY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _given(scope) or f"req-{_random.getrandbits(64):016x}"
        scope.setdefault("state", {})["request_id"] = request_id
        token = running.set(request_id)
        security = self._by_tls if scope.get("scheme") == "https" else _SECURITY
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers") or ()
                has = {name for name, _ in given}
                message["headers"] = [
                    *given,
                    (b"x-request-id", request_id.encode()),
                    *(header for header in security if header[0] not in has),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            running.reset(token)
            self._note(scope, request_id, status, time.perf_counter() - started)

    def _note(self, scope: Scope, request_id: str, status: int, seconds: float) -> None:
        """A request that ended before any answer counts as 499: the client left."""
        route, method, status = route_of(scope), scope["method"], status or 499
        self.metrics.count_request(method, route, str(status), seconds)
        if not access.isEnabledFor(logging.INFO):
            return
        client = scope.get("client")
        facts = {
            "request_id": request_id,
            "client": client[0] if client else None,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
        }
        if Gathered.lines_of_requests is not None:
            Gathered.lines_of_requests.take(facts)
            return
        record = access.makeRecord(  # without a look at the stack, which costs more than the line
            access.name, logging.INFO, "", 0, "request", (), None, extra={"facts": facts}
        )
        access.handle(record)


def _given(scope: Scope) -> str:
    """Return the request id that the caller gave, if it is one."""
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            given = value.decode("latin-1")
            return given if REQUEST_ID.fullmatch(given) else ""
    return ""


def route_of(scope: Scope) -> str:
    """Return the route's pattern, never the raw path: few label values, no ids in them."""
    if scope["path"].startswith("/ui"):
        return "/ui"
    if name := scope.get("route_name"):
        return str(name)
    route = scope.get("route")
    return getattr(route, "path", None) or "unmatched"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def utc_text(seconds: float) -> str:
    """Return a time in UTC with its milliseconds, like `2026-05-01T08:00:00.250+00:00`."""
    whole = int(seconds)
    return f"{_second(whole)}.{int((seconds - whole) * 1000):03d}+00:00"


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; `facts` in its extra become fields."""
        facts: dict[str, Any] = getattr(record, "facts", {})
        line = {
            "time": utc_text(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **({"request_id": number} if (number := running.get()) else {}),
            **facts,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class Gathered(logging.StreamHandler[TextIO]):
    """Writes the lines of a short while at once; a warning, or a line from no event loop, at once."""

    lines_of_requests: "ClassVar[Gathered | None]" = None
    """Takes the lines of requests directly: a log record a request costs more than all else of its line."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._lines: list[str] = []

    def take(self, facts: dict[str, Any]) -> None:
        """Take the line of a request; on the event loop."""
        line = {
            "time": utc_text(time.time()), "level": "info", "logger": access.name,
            "message": "request", **facts,
        }  # fmt: skip
        self._lines.append(orjson.dumps(line).decode())
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(GATHER_S, self.flush)
        elif len(self._lines) >= LINES_AT_ONCE:
            self.flush()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line."""
        try:
            self._lines.append(self.format(record))
            if record.levelno >= logging.WARNING or len(self._lines) >= LINES_AT_ONCE:
                self.flush()
            elif len(self._lines) == 1:
                asyncio.get_running_loop().call_later(GATHER_S, self.flush)
        except RuntimeError:  # no event loop here
            self.flush()
        except Exception:  # noqa: BLE001 - as logging does
            self.handleError(record)

    def flush(self) -> None:
        """Write what was gathered."""
        with self.lock or nullcontext():
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join([*lines, ""]))
            super().flush()


def configure_logging() -> None:
    """Write our and uvicorn's logs as JSON lines to stderr.

    A record leaves out what no line shows: threads, processes and tasks.
    """
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = Gathered(sys.stderr)
    handler.setFormatter(JsonLines())
    Gathered.lines_of_requests = handler
    for name, level in (("cspon", logging.INFO), ("uvicorn.error", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
