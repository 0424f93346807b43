"""The embedded engine: qdrant-edge, in this process, in one folder.

The write-ahead log is off, because it is also the engine's exclusive lock: a folder is written by
one builder, flushed, and from then on only read, by any number of processes at once. Loading
rewrites `edge_config.json`, so loads of one folder are serialised by a file lock.
"""

import fcntl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import qdrant_edge as qe

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
WRITE_OUT_AFTER = 2048
"""Points after which the engine writes out the changes that it holds back: held to the end they take
2 KB of memory a point, and as much again while they are written."""
PAGE = 512
MOST_KNOWN = 8192
"""Passages kept as read (about 1 KB each): the same clauses are candidates of many questions."""
INDEX_FROM_KB = 20_000
"""Size of the vectors of a segment (KB) from which the engine builds an HNSW index; below it scans."""
SCAN_UP_TO_KB = 30_000
"""A condition that leaves fewer vectors than this (KB: 20,000 of 384 dimensions) is scanned without
the graph, so that narrow conditions lose nothing and need no links of their own in it."""
GRAPH = qe.HnswIndexConfig(16, 100, SCAN_UP_TO_KB, payload_m=0)
"""Edges a node, candidates while building. No links by payload value: with them 200,000 points were
not indexed after twelve CPU minutes, without them in seven, and the scan above stands in for them."""
SEARCH = qe.SearchParams(hnsw_ef=512)
"""Candidates while searching: of 200,000 clustered vectors under conditions of access and validity
0.97 of the true ten are found, 0.84 with the engine's 100; it costs 6 ms more."""
MAPPED = ("title_key", "article_key", "document_id", "ordinal")
"""Indexes that few queries use and that have many values: mapped from disk. The others are looked at
for every candidate and are held in memory. With all in memory, 200,000 points took 2.8–3.7 CPU
seconds to open."""


class EdgeStore:
    """Points in one qdrant-edge shard."""

    def __init__(self, shard: qe.EdgeShard, folder: Path) -> None:
        self._shard, self.folder = shard, folder
        self._lock = threading.Lock()
        self._closed = False
        self._known: dict[str, Passage] = {}
        self._unwritten = 0

    @classmethod
    def create(cls, folder: Path, dim: int) -> "EdgeStore":
        """Create an empty store; the folder must not hold one.

        Raises:
            SetupError: the engine cannot write there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        config = qe.EdgeConfig(
            vectors={DENSE: qe.EdgeVectorParams(dim, qe.Distance.Cosine)},
            hnsw_config=GRAPH,
            sparse_vectors={SPARSE: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf)},
            optimizers=qe.EdgeOptimizersConfig(indexing_threshold=INDEX_FROM_KB),
            wal_enabled=False,
        )
        with _translated(folder):
            shard = qe.EdgeShard.create(str(folder), config)
            for field in (*KEYWORDS, *INTEGERS):
                shard.update(qe.UpdateOperation.create_field_index(field, _index_of(field)))
        return cls(shard, folder)

    @classmethod
    def load(cls, folder: Path) -> "EdgeStore":
        """Open an existing store.

        Raises:
            SetupError: there is none, or it is damaged.
        """
        if not (folder / "edge_config.json").is_file():
            raise SetupError(f"知识库索引不存在：{folder}", mend="运行 cspon kb build-laws")
        with _translated(folder), (folder / "load.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shard = qe.EdgeShard.load(str(folder))
        return cls(shard, folder)

    def upsert(self, points: Sequence[Point]) -> None:
        """Insert or replace points."""
        self._known = {}
        with _translated(self.folder):
            for start in range(0, len(points), BATCH):
                batch = [_edge_point(point) for point in points[start : start + BATCH]]
                self._shard.update(qe.UpdateOperation.upsert_points(batch))
                self._unwritten += len(batch)
                if self._unwritten >= WRITE_OUT_AFTER:
                    self._shard.flush()
                    self._unwritten = 0

    def delete_document(self, document_id: str) -> None:
        """Remove all points of a document."""
        condition = _filter(Where(document_ids=(document_id,)))
        assert condition is not None
        self._known = {}
        with _translated(self.folder):
            self._shard.update(qe.UpdateOperation.delete_points_by_filter(condition))

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points by engine id."""
        self._known = {}
        with _translated(self.folder):
            self._shard.update(qe.UpdateOperation.delete_points(list(ids)))

    def query_dense(self, vector: Vectors, k: int, where: Where) -> list[Found]:
        """Return the k nearest by cosine."""
        return self._query(qe.Query.Nearest(vector.tolist(), using=DENSE), k, where)

    def query_sparse(self, vector: SparseTokens, k: int, where: Where) -> list[Found]:
        """Return the k best by IDF-weighted dot product."""
        if not vector.indices:
            return []
        sparse = qe.SparseVector(list(vector.indices), list(vector.values))
        return self._query(qe.Query.Nearest(sparse, using=SPARSE), k, where)

    def _query(self, query: Any, k: int, where: Where) -> list[Found]:
        request = qe.QueryRequest(
            limit=k, query=query, filter=_filter(where), params=SEARCH, with_payload=False
        )
        with _translated(self.folder):
            return [Found(str(p.id), float(p.score)) for p in self._shard.query(request)]

    def get(self, ids: Sequence[str]) -> list[Passage]:
        """Return passages by engine id, in the order asked."""
        if not ids:
            return []
        known = {i: passage for i in ids if (passage := self._known.get(i))}
        unknown = [i for i in ids if i not in known]
        if unknown:
            with _translated(self.folder):
                records = self._shard.retrieve(
                    list(unknown), with_payload=["passage"], with_vector=False
                )
            read = {str(record.id): as_passage(record.payload) for record in records}
            known |= read
            if len(self._known) + len(read) > MOST_KNOWN:
                self._known = {}
            self._known |= read
        return [known[i] for i in ids if i in known]

    def scroll(self, where: Where) -> Iterator[Passage]:
        """Return all passages that satisfy the condition."""
        offset: Any = None
        while True:
            request = qe.ScrollRequest(
                offset=offset, limit=PAGE, filter=_filter(where), with_payload=["passage"]
            )
            with _translated(self.folder):
                records, offset = self._shard.scroll(request)
            yield from (as_passage(record.payload) for record in records)
            if offset is None:
                return

    def count(self, where: Where | None = None) -> int:
        """Return how many points satisfy the condition."""
        with _translated(self.folder):
            return int(
                self._shard.count(qe.CountRequest(exact=True, filter=_filter(where or Where())))
            )

    def flush(self) -> None:
        """Index what has grown large, and write everything to disk."""
        with _translated(self.folder):
            self._shard.optimize()
            self._shard.flush()

    def close(self) -> None:
        """Release the files; a second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._shard.close()


def _index_of(field: str) -> qe.KeywordIndexParams | qe.IntegerIndexParams:
    memory = qe.Memory.Cached if field in MAPPED else qe.Memory.Pinned
    if field in KEYWORDS:
        return qe.KeywordIndexParams(memory=memory, enable_hnsw=False)
    return qe.IntegerIndexParams(lookup=False, range=True, memory=memory, enable_hnsw=False)


def _edge_point(point: Point) -> qe.Point:
    vectors: dict[str, Any] = {DENSE: point.dense.tolist()}
    if point.sparse.indices:
        vectors[SPARSE] = qe.SparseVector(list(point.sparse.indices), list(point.sparse.values))
    return qe.Point(point.id, vectors, point.payload)


def _filter(where: Where) -> qe.Filter | None:
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
            must.append(qe.FieldCondition(field, match=qe.MatchAny(list(values))))
    if where.article_key is not None:
        must.append(qe.FieldCondition("article_key", match=qe.MatchValue(where.article_key)))
    if where.max_secrecy is not None:
        must.append(qe.FieldCondition("secrecy", range=qe.RangeFloat(lte=where.max_secrecy)))
    if where.ordinals is not None:
        first, last = where.ordinals
        must.append(qe.FieldCondition("ordinal", range=qe.RangeFloat(gte=first, lte=last)))
    if where.on_date is not None:
        day = where.on_date.toordinal()
        must.append(qe.FieldCondition("from_day", range=qe.RangeFloat(lte=day)))
        must.append(qe.FieldCondition("to_day", range=qe.RangeFloat(gt=day)))
    return qe.Filter(must=must) if must else None


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Turn the engine's plain exceptions into messages that say what to do."""
    try:
        yield
    except BaseException as error:
        # The engine raises bare Exception, and a panic of its own that is no Exception; all else is ours.
        if type(error) is not Exception and type(error).__name__ != "PanicException":
            raise
        text = str(error)
        if "No space left" in text or "os error 28" in text:
            raise SetupError(
                f"磁盘空间不足，无法写入知识库索引 {folder}", mend="清理磁盘后重试"
            ) from error
        raise SetupError(
            f"知识库索引 {folder} 出错：{text}", mend="运行 cspon kb build-laws 重建"
        ) from error
