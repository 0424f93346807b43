"""Log lines of a short while are written together, and none is lost."""

import asyncio
import io
import json
import logging

import pytest

from serving.request_id import running
from serving.telemetry import GATHER_S, LINES_AT_ONCE, Gathered, JsonLines, utc_text


@pytest.fixture
def gathered():
    stream = io.StringIO()
    handler = Gathered(stream)
    handler.setFormatter(JsonLines())
    return handler, lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


def record(message, level=logging.INFO):
    return logging.LogRecord("cspon.x", level, "", 0, message, (), None)


async def test_lines_wait_a_moment_and_are_written_in_order(gathered):
    handler, written = gathered
    handler.handle(record("one"))
    handler.take({"request_id": "req-1", "status": 200})
    assert written() == []
    await asyncio.sleep(2 * GATHER_S)
    one, request = written()
    assert (one["message"], request["message"]) == ("one", "request")
    assert (request["request_id"], request["logger"], request["level"]) == (
        "req-1", "cspon.access", "info",
    )  # fmt: skip
    handler.take({"request_id": "req-2"})
    await asyncio.sleep(2 * GATHER_S)
    assert [line.get("request_id") for line in written()] == [None, "req-1", "req-2"]


async def test_a_warning_and_a_full_load_are_written_at_once(gathered):
    handler, written = gathered
    handler.handle(record("quiet"))
    handler.handle(record("loud", logging.WARNING))
    assert [line["message"] for line in written()] == ["quiet", "loud"]
    for number in range(LINES_AT_ONCE):
        handler.take({"n": number})
    assert len(written()) == 2 + LINES_AT_ONCE


async def test_a_line_of_a_thread_is_written_at_once(gathered):
    handler, written = gathered
    await asyncio.to_thread(handler.handle, record("from a thread"))
    assert [line["message"] for line in written()] == ["from a thread"]


def test_without_an_event_loop_and_at_the_end_nothing_is_lost(gathered):
    handler, written = gathered
    handler.handle(record("alone"))
    assert [line["message"] for line in written()] == ["alone"]

    async def last():
        handler.handle(record("last"))

    asyncio.run(last())
    handler.flush()
    assert [line["message"] for line in written()] == ["alone", "last"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1970-01-01T00:00:00.000+00:00"), (1_790_000_000.9996, "2026-09-21T14:13:20.999+00:00")],
)
def test_times(seconds, text):
    assert utc_text(seconds) == text


def test_a_line_has_the_id_of_the_request_that_runs():
    token = running.set("req-7")
    try:
        line = json.loads(JsonLines().format(record("inside")))
    finally:
        running.reset(token)
    assert line["request_id"] == "req-7"
    assert "request_id" not in json.loads(JsonLines().format(record("outside")))
