"""What Prometheus scrapes: requests, model use, tool calls, refusals; in a registry of our own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from cspon.schemas.agent import Answer
from llm.chat import ChatReply
from serving.budget.limits import Weight
from serving.gauges import Gauges

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
GATHERED = 256
"""Requests whose numbers are counted together: at once it costs a tenth of one by one."""
OWN_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.1, 0.5)
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters of one gateway."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self._relay: dict[tuple[str, str], RelayMetrics] = {}
        self._guards: dict[tuple[str, str, str], Counter] = {}
        self._requests: dict[tuple[str, str, str], list[float]] = {}
        self.requests = Counter(
            "cspon_http_requests",
            "HTTP requests.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.latency = Histogram(
            "cspon_http_request_seconds",
            "Seconds from the first byte in to the last byte out.",
            ["route"],
            buckets=LATENCY_S,
            registry=registry,
        )
        self.model_calls = Counter(
            "cspon_model_calls", "Calls of a chat model.", ["model"], registry=registry
        )
        self.model_tokens = Counter(
            "cspon_model_tokens",
            "Tokens by kind (prompt, completion).",
            ["model", "kind"],
            registry=registry,
        )
        self.tool_calls = Counter(
            "cspon_tool_calls", "Tool calls by outcome.", ["tool", "outcome"], registry=registry
        )
        self.answers = Counter(
            "cspon_answers", "Answers of the assistant.", ["intent"], registry=registry
        )
        self.refusals = Counter(
            "cspon_refusals", "Refusals of the assistant.", ["kind"], registry=registry
        )
        self.running = Gauge("cspon_runs_in_progress", "Model and agent runs.", registry=registry)
        self.relay_total = Histogram(
            "cspon_relay_total_seconds", "Seconds of a request to an engine.", ["model"],
            buckets=LATENCY_S, registry=registry,
        )  # fmt: skip
        self.relay_upstream = Histogram(
            "cspon_relay_upstream_seconds", "Seconds of it spent waiting for the engine.", ["model"],
            buckets=LATENCY_S, registry=registry,
        )  # fmt: skip
        self.relay_own = Histogram(
            "cspon_relay_own_seconds", "Seconds of it spent in the gateway.", ["model"],
            buckets=OWN_S, registry=registry,
        )  # fmt: skip
        self.relay_first = Histogram(
            "cspon_relay_first_token_seconds", "Seconds to the first event of a stream.", ["model"],
            buckets=LATENCY_S, registry=registry,
        )  # fmt: skip
        self.key_tokens = Counter(
            "cspon_key_tokens", "Tokens by key and kind.", ["key", "model", "kind"],
            registry=registry,
        )  # fmt: skip
        self.overspent = Counter(
            "cspon_overspent_tokens", "Tokens that engines used beyond their bound.",
            registry=registry,
        )  # fmt: skip
        self.refused = Counter(
            "cspon_requests_refused", "Requests that the gate refused.", ["code"], registry=registry
        )
        self.guard_hits = Counter(
            "cspon_guard_hits",
            "What the guards found, by rule, what was done, and side.",
            ["rule", "action", "side"],
            registry=registry,
        )
        self.gauges = Gauges(registry)
        self.cancelled = Counter(
            "cspon_runs_cancelled", "Runs ended because the client left.", registry=registry
        )

    @contextmanager
    def run(self) -> Iterator[None]:
        """Count a run in progress, and one that its client left."""
        self.running.inc()
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.cancelled.inc()
            raise
        finally:
            self.running.dec()

    def relay(self, model: str, key: str) -> "RelayMetrics":
        """Return the counters of requests of a key to a model of an engine, found once."""
        found = self._relay.get((model, key))
        if found is None:
            found = self._relay[model, key] = RelayMetrics(self, model, key)
        return found

    def count_request(self, method: str, route: str, status: str, seconds: float) -> None:
        """Count an HTTP request."""
        found = self._requests.get((method, route, status))
        if found is None:
            found = self._requests[method, route, status] = []
        found.append(seconds)
        if len(found) >= GATHERED:
            self._fold_requests()

    def _fold_requests(self) -> None:
        for (method, route, status), seconds in self._requests.items():
            count = len(seconds)
            latency = self.latency.labels(route)
            for each in seconds[:count]:
                latency.observe(each)
            del seconds[:count]
            self.requests.labels(method, route, status).inc(count)

    def count_refused(self, code: str) -> None:
        """Count a request that the gate refused."""
        self.refused.labels(code).inc()

    def count_guard(self, rule: str, action: str, side: str, count: int) -> None:
        """Count what a guard found."""
        found = self._guards.get((rule, action, side))
        if found is None:
            found = self._guards[rule, action, side] = self.guard_hits.labels(rule, action, side)
        found.inc(count)

    def count_answer(self, answer: Answer) -> None:
        """Count an end of the assistant: model use, tools, refusal by kind."""
        self._count_model(
            answer.model,
            answer.usage.model_calls,
            answer.usage.prompt_tokens,
            answer.usage.completion_tokens,
        )
        for result in answer.results:
            self.tool_calls.labels(result.tool, "ok").inc()
        if answer.refusal:
            self.refusals.labels(answer.refusal.kind.value).inc()
        else:
            self.answers.labels(answer.plan.intent.value if answer.plan else "unknown").inc()

    def count_reply(self, reply: ChatReply) -> None:
        """Count a reply of the bare model."""
        self._count_model(reply.model, 1, reply.prompt_tokens, reply.completion_tokens)

    def _count_model(self, model: str, calls: int, prompt: int, completion: int) -> None:
        if calls:
            self.model_calls.labels(model).inc(calls)
            self.model_tokens.labels(model, "prompt").inc(prompt)
            self.model_tokens.labels(model, "completion").inc(completion)

    def render(self) -> bytes:
        """Return the text exposition format."""
        self._fold_requests()
        for relay in self._relay.values():
            relay.fold()
        return generate_latest(self.registry)


class RelayMetrics:
    """The counters of requests of one key to one model; numbers are gathered and counted together."""

    def __init__(self, metrics: Metrics, model: str, key: str) -> None:
        self._seen: list[tuple[float, float, float | None]] = []
        self._used: list[Weight] = []
        self._total = metrics.relay_total.labels(model)
        self._upstream = metrics.relay_upstream.labels(model)
        self._own = metrics.relay_own.labels(model)
        self._first = metrics.relay_first.labels(model)
        self._calls = metrics.model_calls.labels(model)
        self._tokens = [
            (counter.labels(*labels, "prompt"), counter.labels(*labels, "completion"))
            for counter, labels in (
                (metrics.model_tokens, (model,)),
                (metrics.key_tokens, (key, model)),
            )
        ]

    def observe(self, total: float, upstream: float, first: float | None) -> None:
        """Note where the time of a request went, in seconds."""
        self._seen.append((total, upstream, first))
        if len(self._seen) >= GATHERED:
            self.fold()

    def count(self, used: Weight) -> None:
        """Count a request and its tokens."""
        self._used.append(used)

    def fold(self) -> None:
        """Count what was gathered."""
        seen, self._seen = self._seen, []
        for total, upstream, first in seen:
            self._total.observe(total)
            self._upstream.observe(upstream)
            self._own.observe(max(0.0, total - upstream))
            if first is not None:
                self._first.observe(first)
        used, self._used = self._used, []
        self._calls.inc(len(used))
        for prompt, completion in self._tokens:
            prompt.inc(sum(weight.prompt for weight in used))
            completion.inc(sum(weight.completion for weight in used))
