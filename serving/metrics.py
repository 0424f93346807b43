"""What Prometheus scrapes: requests, model use, tool calls, refusals; in a registry of our own."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from cspon.schemas.agent import Answer
from llm.chat import ChatReply

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """The counters of one gateway."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
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
        self.refused = Counter(
            "cspon_requests_refused", "Requests that the gate refused.", ["code"], registry=registry
        )
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

    def count_refused(self, code: str) -> None:
        """Count a request that the gate refused."""
        self.refused.labels(code).inc()

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
        return generate_latest(self.registry)
