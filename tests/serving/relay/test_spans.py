"""The span of a request to an engine."""

CHAT = "/v1/chat/completions"


def test_a_request_for_an_engine_and_one_that_fails(spans, relayed, made):
    with relayed() as started:
        ask = {"model": "qwen", "messages": [{"role": "user", "content": "问"}], "max_tokens": 5}
        assert started.http.post(CHAT, json=ask).status_code == 200
        seen = spans(f"POST {CHAT}")
        chat = seen["chat qwen"]
        assert chat.parent.span_id == seen[f"POST {CHAT}"].context.span_id
        assert (
            chat.attributes["gen_ai.usage.input_tokens"],
            chat.attributes["gen_ai.usage.output_tokens"],
        ) == (9, 3)
        at = chat.context
        told = f"00-{at.trace_id:032x}-{at.span_id:016x}-{at.trace_flags:02x}"
        assert made.headers[-1]["traceparent"] == told
        made.status = 500
        assert started.http.post(CHAT, json=ask).status_code == 502
        seen = spans(f"POST {CHAT}")
        assert seen["chat qwen"].attributes["error.type"] == "ApiError"
        assert not seen[f"POST {CHAT}"].status.is_ok


def test_without_spans_the_engine_is_told_of_none(relayed, made):
    with relayed() as started:
        ask = {"model": "qwen", "messages": [{"role": "user", "content": "问"}], "max_tokens": 5}
        assert started.http.post(CHAT, json=ask).status_code == 200
        assert "traceparent" not in made.headers[-1]
