import httpx
import pytest

from cspon.errors import ModelUnavailable, SetupError
from llm.rerank import OpenAIReranker, get_reranker


def server(reply) -> OpenAIReranker:
    return OpenAIReranker(
        "cross",
        base_url="http://127.0.0.1:1/v1",
        api_key="secret-key",
        transport=httpx.MockTransport(reply),
    )


def test_scores_come_back_in_the_order_of_the_texts():
    seen = {}

    def reply(request: httpx.Request) -> httpx.Response:
        seen["url"], seen["body"] = str(request.url), request.read().decode()
        seen["key"] = request.headers["authorization"]
        rows = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]
        return httpx.Response(200, json={"results": rows})

    assert server(reply).rerank("湿地", ["甲", "乙"]) == [0.1, 0.9]
    assert seen["url"] == "http://127.0.0.1:1/v1/rerank"
    assert "湿地" in seen["body"]
    assert seen["key"] == "Bearer secret-key"


def test_no_text_asks_nothing():
    def reply(request):
        raise AssertionError("asked")

    assert server(reply).rerank("湿地", []) == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(500, text="secret-key"),
        httpx.Response(200, text="no json"),
        httpx.Response(200, json={"results": [{"index": 0, "relevance_score": 1}]}),
        httpx.Response(200, json={"other": []}),
    ],
)
def test_a_failing_server_is_named_without_its_key(answer):
    with pytest.raises(ModelUnavailable, match="重排服务") as caught:
        server(lambda request: answer).rerank("湿地", ["甲", "乙"])
    assert "secret-key" not in str(caught.value)


def test_providers():
    assert get_reranker("none") is None
    assert get_reranker("openai:x", base_url="http://127.0.0.1:1/v1").name == "openai:x"
    with pytest.raises(SetupError, match="没有服务地址"):
        get_reranker("openai:x")
    with pytest.raises(SetupError, match="不认识"):
        get_reranker("magic")
