"""Streams taken apart: whole events in any pieces, the usage, what was given."""

import hashlib
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.relay.events import MOST_EVENT, BrokenStream, Events


def event(said):
    return b"data: " + json.dumps(said, ensure_ascii=False).encode() + b"\n\n"


def delta(text):
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


USAGE = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
TEXTS = ["规划", "plan\n\n x", "🙂", '"]}']
WHOLE = b"".join([*(event(delta(t)) for t in TEXTS), event(USAGE), b"data: [DONE]\n\n"])


@given(st.lists(st.integers(1, len(WHOLE)), max_size=40), st.booleans())
def test_any_pieces_give_the_same(cuts, wanted):
    events, edges = Events(wanted), sorted({0, *cuts, len(WHOLE)})
    parts = [WHOLE[a:b] for a, b in pairwise(edges)]
    passed = b"".join(events.feed(part) for part in parts)
    kept = [*(event(delta(t)) for t in TEXTS), *([event(USAGE)] if wanted else [])]
    assert passed == b"".join(kept)
    assert events.done
    assert events.usage == USAGE["usage"]
    assert events.given == sum(len(t.encode()) for t in TEXTS)
    assert events.digest.hexdigest() == hashlib.sha256("".join(TEXTS).encode()).hexdigest()


def test_what_is_no_stream_is_broken():
    for bad in (b"data: {\n\n", event({"error": {"message": "x"}}), b"data: 3\n\n"):
        with pytest.raises(BrokenStream):
            Events(False).feed(bad)
    with pytest.raises(BrokenStream):
        Events(False).feed(b"data: " + b"x" * (MOST_EVENT + 1))


def test_comments_pass_and_tool_calls_count():
    events = Events(False)
    assert events.feed(b": ping\n\n") == b": ping\n\n"
    call = [{"index": 0, "function": {"arguments": '{"a":1}'}}]
    events.feed(
        event({"choices": [{"delta": {"tool_calls": call}, "finish_reason": "tool_calls"}]})
    )
    assert events.given >= len('{"a":1}')
    assert events.finish == "tool_calls"
