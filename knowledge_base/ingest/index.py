"""Write a generation: vectors from the caches, sparse weights, points into the store.

Documents pass one by one, and their passages in slabs: memory does not grow with the base. Of a
document that changed only the points that say something else are written or deleted, and only new
words are embedded.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cspon.errors import SetupError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import INDEX, Catalogue, Entry, new_generation, publish
from knowledge_base.citing.reference_index import write_references
from knowledge_base.ingest.build_report import Chunks
from knowledge_base.ingest.vector_cache import Progress, VectorCache, embed_all, read_shipped
from knowledge_base.learned.adaptation import adapted
from knowledge_base.lexical import SparseTokens, lexical_recipe, passage_vector
from knowledge_base.passage_text import embedding_text, lexical_text, vector_key
from knowledge_base.store.protocol import Point, Store, Where, point_id
from llm.embeddings import Embedder, Vectors

CACHE = "vectors.sqlite"
SLAB = 1024
"""Passages that are embedded and written together."""
TELL_SECONDS = 2.0


@dataclass(frozen=True)
class Engine:
    """Which store a base uses."""

    kind: str = "edge"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = None


@dataclass(frozen=True)
class ToIndex:
    """A document to index, and where its passages come from."""

    document: Document
    count: int
    read: Callable[[], Sequence[Passage]]
    earlier: Document | None
    """As the generation before holds it."""
    same: bool
    """Nothing of it changed; it is written because the index begins afresh."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    embedded: int
    chunks: Chunks


@dataclass
class NextGeneration:
    """The next generation: all entries, and what to index for it."""

    catalogue: Catalogue
    index: Sequence[ToIndex]
    added: set[str]
    changed: set[str]
    removed: set[str]
    gone: int
    """Passages of the documents that are removed."""
    copy: bool
    """Start from a copy of the current index."""
    goes_on: bool
    """Embedder, recipes and store are those of the current generation."""
    erase: bool
    """Nothing of what was removed may stay on disk."""
    same_catalogue: bool
    abandoned: str
    """Collection of the generation before, when this one does not go on with it."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The documents of the next generation."""
        return self.catalogue.entries

    @property
    def nothing(self) -> bool:
        """Whether the current generation says all of this already."""
        touched = self.added | self.changed | self.removed
        return self.goes_on and self.same_catalogue and not touched


def write_generation(
    folder: Path,
    current: Path | None,
    plan: NextGeneration,
    embedder: Embedder,
    engine: Engine,
    tell: Progress,
) -> Written:
    """Index what the plan says and publish it.

    Args:
        folder: Folder of the base.
        current: Folder of the current generation; the plan's documents may read from its store.
        plan: What to write.
        embedder: Makes the vectors that the caches lack.
        engine: Store to write.
        tell: Told passages done, rate and time left.

    Raises:
        SetupError: disk, caches or store.
    """
    cache = VectorCache(folder / CACHE, read_shipped(embedder.name))
    copy_of = current if plan.copy and engine.kind == "edge" else None
    try:
        with new_generation(folder, copy_of) as working:
            store = _writable_store(working, plan, engine, fresh=not plan.copy)
            try:
                for document_id in sorted(plan.removed) if plan.copy else ():
                    store.delete_document(document_id)
                writer = _Writer(store, plan, cache, embedder, tell)
                written = writer.write()
                store.flush()
                new_text = [source for source in plan.index if not (plan.goes_on and source.same)]
                write_references(
                    working,
                    current if plan.goes_on else None,
                    plan.catalogue,
                    ((source.document, _stamped_all(source)) for source in new_text),
                    plan.removed | plan.changed,
                    store,
                )
            finally:
                store.close()
            publish(folder, working, plan.catalogue, keep_previous=not plan.erase)
    finally:
        cache.close()
    if plan.abandoned and engine.kind == "server":
        _drop_collection(plan.abandoned, engine)
    return written


class _Writer:
    """Writes the passages of a plan into a store, slab by slab."""

    def __init__(
        self,
        store: Store,
        plan: NextGeneration,
        cache: VectorCache,
        embedder: Embedder,
        tell: Progress,
    ) -> None:
        self._store, self._plan, self._cache = store, plan, cache
        self._embedder, self._tell = embedder, tell
        self._total = sum(source.count for source in plan.index)
        self._passed = self._embedded = 0
        self._chunks = Chunks()
        self._begun = self._told = time.monotonic()

    def write(self) -> Written:
        """Write everything; return what it came to."""
        slab: list[tuple[Document, Passage]] = []
        for source in self._plan.index:
            for passage in self._to_write(source):
                slab.append((source.document, passage))
                if len(slab) == SLAB:
                    self._write_slab(slab)
                    slab = []
        self._write_slab(slab)
        if self._total:
            self._tell(f"写入索引 {self._total}/{self._total}")
        return Written(self._embedded, self._chunks)

    def _to_write(self, source: ToIndex) -> Iterator[Passage]:
        """Yield the passages of a document whose points change; delete those that are gone."""
        passages = _stamped_all(source)
        assert len(passages) == source.count
        if not self._plan.copy or source.earlier is None:
            n = len(passages)
            new = source.earlier is None
            self._chunks = self._chunks.plus(
                Chunks(added=n) if new else Chunks(kept=n) if source.same else Chunks(moved=n)
            )
            yield from passages
            return
        held = {p.id: p for p in self._store.scroll(Where(document_ids=(source.document.id,)))}
        gone = [point_id(name) for name in held.keys() - {p.id for p in passages}]
        if gone:
            self._store.delete(gone)
        whole = _filters(source.document) != _filters(source.earlier)
        different = [p for p in passages if whole or held.get(p.id) != p]
        self._count(list(held.values()), passages, different)
        self._passed += len(passages) - len(different)
        yield from different

    def _count(
        self, held: Sequence[Passage], passages: Sequence[Passage], different: Sequence[Passage]
    ) -> None:
        words, now = (Counter(embedding_text(p) for p in group) for group in (held, passages))
        added, removed = (now - words).total(), (words - now).total()
        kept = len(passages) - len(different)
        self._chunks = self._chunks.plus(
            Chunks(kept=kept, moved=len(passages) - kept - added, added=added, removed=removed)
        )

    def _write_slab(self, slab: Sequence[tuple[Document, Passage]]) -> None:
        if not slab:
            return
        passages = [passage for _, passage in slab]
        texts = [embedding_text(passage) for passage in passages]
        vectors, _ = embed_all(texts, self._embedder, self._cache, advance=self._advance)
        sparse = _sparse_vectors(passages, self._cache)
        self._store.upsert(
            [
                _point(passage, document, self._placed(vectors, text), tokens)
                for (document, passage), text, tokens in zip(slab, texts, sparse, strict=True)
            ]
        )
        self._passed += len(slab)
        self._tell_rate(0)

    def _placed(self, vectors: dict[bytes, Vectors], text: str) -> Vectors:
        """Return the vector of a text in the space of the index."""
        return adapted(vectors[vector_key(text, self._embedder.name)], self._embedder)

    def _advance(self, computed: int) -> None:
        self._embedded += computed
        self._tell_rate(computed)

    def _tell_rate(self, computed: int) -> None:
        """Tell about every two seconds; the rate counts all passages, embedded or from the cache."""
        now = time.monotonic()
        if now - self._told < TELL_SECONDS:
            return
        self._told, elapsed = now, now - self._begun
        done = min(max(self._passed, self._embedded), self._total)
        left = elapsed / max(done, 1) * (self._total - done)
        self._tell(
            f"写入索引 {done}/{self._total}，新算向量 {self._embedded} 条，"
            f"{done / elapsed:.1f} 条/秒，约剩 {left:.0f} 秒"
        )


def _stamped_all(source: ToIndex) -> list[Passage]:
    """Return a document's passages as they are indexed: in order, with what conditions need."""
    seen: Counter[str] = Counter()
    stamped = []
    for ordinal, passage in enumerate(source.read()):
        seen[passage.id] += 1
        if seen[passage.id] > 1:  # two points of one id would be one
            passage = passage.model_copy(update={"id": f"{passage.id}~{seen[passage.id]}"})
        stamped.append(_stamped(passage, source.document, ordinal))
    return stamped


def _filters(document: Document) -> tuple[str, str, str]:
    """Return what a point holds of its document and a passage does not."""
    return document.kind, document.level, document.region or ""


def sparse_key(text: str) -> bytes:
    """Return the cache key (16 bytes) of a text on the lexical route under its recipe."""
    return hashlib.blake2b(lexical_recipe().encode() + text.encode(), digest_size=16).digest()


def _sparse_vectors(passages: list[Passage], cache: VectorCache) -> list[SparseTokens]:
    """Return the lexical vectors; cutting words takes a millisecond a text, so they are cached."""
    texts = [lexical_text(p) for p in passages]
    keys = [sparse_key(text) for text in texts]
    found = cache.get_sparse(keys)
    fresh = {
        key: passage_vector(text) for key, text in zip(keys, texts, strict=True) if key not in found
    }
    cache.put_sparse(fresh)
    found |= fresh
    return [found[key] for key in keys]


def _drop_collection(collection: str, engine: Engine) -> None:
    """Delete the collection that the new generation no longer uses."""
    from knowledge_base.store.server import ServerStore

    assert engine.qdrant_url
    store = ServerStore.connect(engine.qdrant_url, collection, engine.qdrant_api_key)
    try:
        if store.exists:
            store.drop()
    finally:
        store.close()


def _stamped(passage: Passage, document: Document, ordinal: int) -> Passage:
    """Copy onto a passage what conditions and readers need of its document."""
    return passage.model_copy(
        update={
            "title": document.title,
            "effective_from": document.effective_from,
            "effective_to": document.effective_to,
            "recorded_status": document.recorded_status,
            "secrecy": document.secrecy,
            "department": document.department,
            "roles": document.roles,
            "ordinal": ordinal,
        }
    )


def _point(passage: Passage, document: Document, dense: Vectors, sparse: SparseTokens) -> Point:
    return Point(
        passage=passage,
        dense=dense,
        sparse=sparse,
        kind=document.kind,
        level=document.level,
        region=document.region or "",
    )


def open_store(generation: Path, catalogue: Catalogue, engine: Engine) -> Store:
    """Open the index of a generation for reading.

    Raises:
        SetupError: missing, damaged, or the server does not answer.
    """
    if catalogue.store == "edge":
        from knowledge_base.store.edge import EdgeStore

        index = EdgeStore.load(generation / INDEX)
        expected, found = sum(e.passages for e in catalogue.entries), index.count()
        if found != expected:
            index.close()
            raise SetupError(
                f"知识库索引不完整：{generation / INDEX} 应有 {expected} 条，实有 {found} 条",
                mend="运行 cspon kb build-laws 重建",
            )
        return index
    from knowledge_base.store.server import ServerStore

    if not engine.qdrant_url:
        raise SetupError("该知识库在 Qdrant 服务上，但未给出服务地址", mend="设置 CSPON_QDRANT_URL")
    store = ServerStore.connect(engine.qdrant_url, catalogue.collection, engine.qdrant_api_key)
    if not store.exists:
        raise SetupError(
            f"Qdrant 服务 {engine.qdrant_url} 上没有集合 {catalogue.collection}",
            mend="检查服务地址，或运行 cspon kb build-laws 重建",
        )
    return store


def _writable_store(working: Path, plan: NextGeneration, engine: Engine, *, fresh: bool) -> Store:
    dim = plan.catalogue.dim
    if engine.kind == "edge":
        from knowledge_base.store.edge import EdgeStore

        index = working / INDEX
        return EdgeStore.create(index, dim) if fresh else EdgeStore.load(index)
    from knowledge_base.store.server import ServerStore

    if not engine.qdrant_url:
        raise SetupError("未给出 Qdrant 服务地址", mend="设置 CSPON_QDRANT_URL")
    store = ServerStore.connect(engine.qdrant_url, plan.catalogue.collection, engine.qdrant_api_key)
    if not store.exists:
        store.create(dim)
    return store
