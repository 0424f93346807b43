"""The reranking contract and the provider `openai:`: a cross-encoder behind `/v1/rerank`.

The address is that of vLLM, llama.cpp, text-embeddings-inference or a gateway; they take
`{model, query, documents}` and return `{results: [{index, relevance_score}]}`.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import httpx

from cspon.errors import ModelUnavailable, SetupError
from llm.addresses import public_address, redact


class Reranker(Protocol):
    """Scores how well passages answer a question; a higher score is better."""

    @property
    def name(self) -> str:
        """The `provider:model` name."""
        ...

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one score a text, in their order."""
        ...


def get_reranker(
    name: str, *, base_url: str | None = None, api_key: str | None = None
) -> Reranker | None:
    """Return the reranker of a `provider:model` name; None for `none`.

    Args:
        name: `none`, or `openai:<model>` for any server with `/v1/rerank`.
        base_url: Address of that server, ending in `/v1`.
        api_key: Its key, if it wants one.

    Raises:
        SetupError: unknown provider, or a server without an address.
    """
    provider, _, model = name.partition(":")
    if provider == "none":
        return None
    if provider == "openai" and model:
        if not base_url:
            raise SetupError(
                f"重排模型 {name} 没有服务地址",
                mend="设置 CSPON_RERANK_BASE_URL，例如 http://127.0.0.1:8002/v1",
            )
        return OpenAIReranker(model, base_url=base_url, api_key=api_key)
    raise SetupError(
        f"不认识的重排模型 {name!r}；可用：none、openai:模型名", mend="改正 CSPON_RERANK"
    )


class OpenAIReranker:
    """A reranking server."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str | None = None,
        timeout_s: float = 20.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._model, self._key = model, api_key
        self._address = public_address(base_url)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers=headers,
            timeout=timeout_s,
            trust_env=False,
            transport=transport,
        )

    @property
    def name(self) -> str:
        """`openai:<model>`."""
        return f"openai:{self._model}"

    def rerank(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return one score a text.

        Raises:
            ModelUnavailable: the server does not answer, or not with one score a text.
        """
        if not texts:
            return []
        body = {"model": self._model, "query": query, "documents": list(texts)}
        try:
            reply = self._client.post("rerank", json=body)
            reply.raise_for_status()
            scores = _scores(reply.json(), len(texts))
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise ModelUnavailable(
                f"重排服务 {self._address} 未能完成请求：{redact(str(error), self._key)}"
            ) from None
        return scores

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _scores(reply: Any, number: int) -> list[float]:
    scores: dict[int, float] = {
        int(row["index"]): float(row["relevance_score"]) for row in reply["results"]
    }
    if set(scores) != set(range(number)):
        raise ValueError(f"应有 {number} 个分数，实有 {len(scores)} 个")
    return [scores[index] for index in range(number)]
