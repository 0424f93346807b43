"""Spans by the GenAI conventions of OpenTelemetry; off unless a collector's address is set.

One span a request, below it one for each run of an agent, call of a model and call of a tool. They tell
names, tokens and times, never what was asked or answered. The conventions (1.41) are in development there
and may change. Where they are off, a request pays one comparison.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cspon import watching
from cspon.errors import missing_extra
from serving.telemetry import route_of

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import Span, Tracer

tracer: "Tracer | None" = None
"""Makes the spans; None: there are none."""
PROVIDER: Final = "cspon"
QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""Routes without spans: they are asked every few seconds."""


def start(endpoint: str, *, processor: "SpanProcessor | None" = None) -> "TracerProvider":
    """Send spans to a collector inside the network.

    Args:
        endpoint: Its address for OTLP over HTTP, such as `http://127.0.0.1:4318/v1/traces`.
        processor: Takes the spans in its place.

    Returns:
        What is to be shut down at the end: it sends the last spans.

    Raises:
        SetupError: the extra `otel` is not installed.
    """
    global tracer
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise missing_extra("opentelemetry-sdk", "otel") from None
    provider = TracerProvider(resource=Resource.create({"service.name": "cspon"}))
    provider.add_span_processor(
        processor or BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=5))
    )
    tracer = provider.get_tracer("cspon")
    watching.watcher = span
    return provider


def stop(provider: "TracerProvider") -> None:
    """Send the last spans, and make no more."""
    global tracer
    tracer = watching.watcher = None
    provider.shutdown()


class Traced:
    """ASGI middleware before all others: the span of a request, below the one that its `traceparent` names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if tracer is None or scope["type"] != "http" or scope["path"] in QUIET:
            await self.app(scope, receive, send)
            return
        from opentelemetry.trace import SpanKind, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        method, status = scope["method"], 0

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        given = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        above = TraceContextTextMapPropagator().extract(given)
        facts = {"http.request.method": method}
        with tracer.start_as_current_span(method, above, SpanKind.SERVER, facts) as made:
            try:
                await self.app(scope, receive, sending)
            finally:
                route = route_of(scope)
                made.update_name(f"{method} {route}")
                made.set_attribute("http.route", route)
                made.set_attribute("http.response.status_code", status or 499)
                made.set_attribute("cspon.request_id", scope["state"]["request_id"])
                if status >= 500:
                    made.set_status(StatusCode.ERROR)


@contextmanager
def span(operation: str, name: str) -> "Iterator[Span | None]":
    """Make a span around something that runs; what runs in it has its spans below.

    Args:
        operation: `execute_tool`, `chat`, `embeddings` …
        name: Of the tool or model.
    """
    if tracer is None:
        yield None
        return
    with tracer.start_as_current_span(
        f"{operation} {name}", attributes=_facts(operation, name), record_exception=False
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_attribute("error.type", type(error).__name__)
            raise


class Open:
    """A span of what is read piece by piece: it is ended by hand.

    What runs below has its spans below it until then. It may be ended in another context than the one in
    which it began, as a stream whose reader left is.
    """

    def __init__(self, operation: str, name: str, *, around: bool = False) -> None:
        self._span: Span | None = None
        if tracer is None:
            return
        from opentelemetry import context, trace

        self._span = tracer.start_span(f"{operation} {name}", attributes=_facts(operation, name))
        self._before = context.get_current() if around else None
        if around:
            context.attach(trace.set_span_in_context(self._span))

    @property
    def header(self) -> bytes:
        """The header line by which an engine hangs its spans below this one; empty without a span."""
        if self._span is None:
            return b""
        at = self._span.get_span_context()
        return b"traceparent: 00-%032x-%016x-%02x\r\n" % (at.trace_id, at.span_id, at.trace_flags)

    def end(self, *, error: BaseException | None = None, **facts: Any) -> None:
        """End it; `facts` by the last part of their names, see `told`."""
        if self._span is None:
            return
        told(self._span, **facts)
        if error is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_attribute("error.type", type(error).__name__)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()
        if self._before is not None:
            from opentelemetry import context

            context.attach(self._before)
        self._span = None


def told(span: "Span | None", *, model: str = "", prompt: int = 0, completion: int = 0) -> None:
    """Tell a span which model answered, and how many tokens it took."""
    if span is None:
        return
    if model:
        span.set_attribute("gen_ai.response.model", model)
    if prompt or completion:
        span.set_attribute("gen_ai.usage.input_tokens", prompt)
        span.set_attribute("gen_ai.usage.output_tokens", completion)


def _facts(operation: str, name: str) -> dict[str, Any]:
    key = {"execute_tool": "gen_ai.tool.name", "invoke_agent": "gen_ai.agent.name"}
    facts = {"gen_ai.operation.name": operation, key.get(operation, "gen_ai.request.model"): name}
    return facts if operation == "execute_tool" else {**facts, "gen_ai.provider.name": PROVIDER}
