"""Probabilities of tokens go out with their text; of a text that was changed, none do."""

import hypothesis.strategies as st
from hypothesis import given

from serving.relay.probabilities import Probabilities


def feed(events, passed):
    likely, out = Probabilities(), []
    for text, some in zip(events, passed, strict=True):
        told = likely.pass_on(text, some, {"content": [text]} if text else None)
        out.append(told["content"] if told else [])
    return out


@given(st.lists(st.text("ab 1", max_size=4), max_size=12), st.data())
def test_each_goes_out_once_and_never_before_its_text(events, data):
    held, passed = "", []
    for text in events:
        held += text
        cut = data.draw(st.integers(0, len(held)))
        passed.append(held[:cut])
        held = held[cut:]
    out = feed([*events, ""], [*passed, held])
    assert [token for event in out for token in event] == [text for text in events if text]
    seen = gone = 0
    for text, event in zip([*passed, held], out, strict=True):
        seen += len(text)
        gone += sum(map(len, event))
        assert gone <= seen


def test_after_a_change_none_are_told():
    assert feed(["号 ", "1101", "05", "。完"], ["号 ", "", "", "〔证件〕。完"]) == [
        ["号 "],
        [],
        [],
        [],
    ]


def test_lists_of_several_events_are_joined_and_an_event_alone_is_left_as_it_is():
    likely, first = Probabilities(), {"tokens": ["a"], "text_offset": [0], "top_logprobs": None}
    assert likely.pass_on("a", "", first) is None
    second = {"tokens": ["b"], "text_offset": [1], "top_logprobs": None}
    joined = {"tokens": ["a", "b"], "text_offset": [0, 1], "top_logprobs": None}
    assert likely.pass_on("b", "ab", second) == joined
    assert likely.pass_on("c", "c", third := {"tokens": ["c"]}) is third
