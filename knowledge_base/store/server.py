"""The server engine: a Qdrant server or cluster through qdrant-client.

`:memory:` opens qdrant-client's local mode, which speaks the same API; it is for tests.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from qdrant_client import QdrantClient
from qdrant_client import models as qm

from cspon.errors import SetupError
from cspon.schemas.knowledge import Passage
from knowledge_base.lexical import SparseTokens
from knowledge_base.store.protocol import (
    DENSE,
    INTEGERS,
    KEYWORDS,
    SPARSE,
    Found,
    Point,
    Where,
    as_passage,
)
from llm.embeddings import Vectors

BATCH = 256
PAGE = 512
TIMEOUT_S = 30


class ServerStore:
    """Points in one collection of a Qdrant server."""

    def __init__(self, client: QdrantClient, collection: str, address: str) -> None:
        self._client, self.collection, self._address = client, collection, address

    @classmethod
    def connect(cls, address: str, collection: str, api_key: str | None = None) -> "ServerStore":
        """Connect; the collection need not exist yet.

        Raises:
            SetupError: no server answers there.
        """
        if address == ":memory:":
            return cls(QdrantClient(location=":memory:"), collection, address)
        client = QdrantClient(
            url=address,
            api_key=api_key,
            timeout=TIMEOUT_S,
            check_compatibility=False,
            trust_env=False,
        )
        store = cls(client, collection, address)
        with store._translated():
            client.get_collections()
        return store

    @property
    def exists(self) -> bool:
        """Whether the collection exists."""
        with self._translated():
            return bool(self._client.collection_exists(self.collection))

    def create(self, dim: int) -> None:
        """Create the collection with its payload indexes.

        Raises:
            SetupError: it exists already, or the server refuses.
        """
        with self._translated():
            self._client.create_collection(
                self.collection,
                vectors_config={DENSE: qm.VectorParams(size=dim, distance=qm.Distance.COSINE)},
                sparse_vectors_config={SPARSE: qm.SparseVectorParams(modifier=qm.Modifier.IDF)},
            )
            if self._address == ":memory:":
                return  # the local mode has no payload indexes and warns
            for field in KEYWORDS:
                self._client.create_payload_index(
                    self.collection, field, qm.PayloadSchemaType.KEYWORD
                )
            for field in INTEGERS:
                self._client.create_payload_index(
                    self.collection, field, qm.PayloadSchemaType.INTEGER
                )

    def drop(self) -> None:
        """Delete the collection."""
        with self._translated():
            self._client.delete_collection(self.collection)

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points."""
        with self._translated():
            for start in range(0, len(points), BATCH):
                batch = [_server_point(point) for point in points[start : start + BATCH]]
                self._client.upsert(self.collection, batch, wait=True)

    def delete_document(self, document_id: str) -> None:
        """Remove all points of a document."""
        condition = _filter(Where(document_ids=(document_id,)))
        assert condition is not None
        with self._translated():
            self._client.delete(self.collection, qm.FilterSelector(filter=condition), wait=True)

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points by engine id."""
        with self._translated():
            self._client.delete(self.collection, qm.PointIdsList(points=list(ids)), wait=True)

    def query_dense(self, vector: Vectors, k: int, where: Where) -> list[Found]:
        """Return the k nearest by cosine."""
        return self._query(vector.tolist(), DENSE, k, where)

    def query_sparse(self, vector: SparseTokens, k: int, where: Where) -> list[Found]:
        """Return the k best by IDF-weighted dot product."""
        if not vector.indices:
            return []
        sparse = qm.SparseVector(indices=list(vector.indices), values=list(vector.values))
        return self._query(sparse, SPARSE, k, where)

    def _query(self, query: Any, using: str, k: int, where: Where) -> list[Found]:
        with self._translated():
            response = self._client.query_points(
                self.collection,
                query=query,
                using=using,
                limit=k,
                query_filter=_filter(where),
                with_payload=False,
            )
        return [Found(str(p.id), float(p.score)) for p in response.points]

    def get(self, ids: Sequence[str]) -> list[Passage]:
        """Return passages by engine id, in the order asked."""
        if not ids:
            return []
        with self._translated():
            records = self._client.retrieve(self.collection, list(ids), with_payload=["passage"])
        by_id = {str(record.id): as_passage(record.payload) for record in records}
        return [by_id[i] for i in ids if i in by_id]

    def scroll(self, where: Where) -> Iterator[Passage]:
        """Return all passages that satisfy the condition."""
        offset: Any = None
        while True:
            with self._translated():
                records, offset = self._client.scroll(
                    self.collection,
                    scroll_filter=_filter(where),
                    limit=PAGE,
                    offset=offset,
                    with_payload=["passage"],
                )
            yield from (as_passage(record.payload) for record in records)
            if offset is None:
                return

    def count(self, where: Where | None = None) -> int:
        """Return how many points satisfy the condition."""
        with self._translated():
            result = self._client.count(
                self.collection, count_filter=_filter(where or Where()), exact=True
            )
        return int(result.count)

    def flush(self) -> None:
        """Do nothing: every write waited for the server."""

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn connection failures and refusals into messages that say what to do."""
        from qdrant_client.common.client_exceptions import QdrantException
        from qdrant_client.http.exceptions import ApiException

        try:
            yield
        except (ApiException, QdrantException, OSError) as error:
            raise SetupError(
                f"Qdrant 服务 {self._address} 出错：{error}",
                mend="检查 CSPON_QDRANT_URL 与服务状态，或用 CSPON_STORE=edge 改用内嵌库",
            ) from error


def _server_point(point: Point) -> qm.PointStruct:
    vectors: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.sparse.indices:
        vectors[SPARSE] = qm.SparseVector(
            indices=list(point.sparse.indices), values=list(point.sparse.values)
        )
    return qm.PointStruct(id=point.id, vector=vectors, payload=point.payload)


def _filter(where: Where) -> qm.Filter | None:
    must: list[Any] = []
    for field, values in (
        ("title_key", where.title_keys),
        ("document_id", where.document_ids),
        ("kind", where.kinds),
        ("level", where.levels),
        ("region", where.regions),
        ("department", where.departments),
        ("roles", where.roles),
    ):
        if values is not None:
            must.append(qm.FieldCondition(key=field, match=qm.MatchAny(any=list(values))))
    if where.article_key is not None:
        must.append(
            qm.FieldCondition(key="article_key", match=qm.MatchValue(value=where.article_key))
        )
    if where.max_secrecy is not None:
        must.append(qm.FieldCondition(key="secrecy", range=qm.Range(lte=where.max_secrecy)))
    if where.ordinals is not None:
        first, last = where.ordinals
        must.append(qm.FieldCondition(key="ordinal", range=qm.Range(gte=first, lte=last)))
    if where.on_date is not None:
        day = where.on_date.toordinal()
        must.append(qm.FieldCondition(key="from_day", range=qm.Range(lte=day)))
        must.append(qm.FieldCondition(key="to_day", range=qm.Range(gt=day)))
    return qm.Filter(must=must) if must else None
