"""Write a generation: vectors from the caches, sparse weights, points into the store.

Documents pass one by one, and their passages in slabs: memory does not grow with the base. Of a
document that changed only the points that say something else are written or deleted, and only new
words are embedded.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import new_generation, publish
from knowledge_base.citing.reference_index import write_references
from knowledge_base.ingest.build_report import Chunks
from knowledge_base.ingest.engine import Engine, drop_collection, writable_store
from knowledge_base.ingest.plan import NextGeneration, ToIndex
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
class Written:
    """What was written."""

    embedded: int
    chunks: Chunks


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
            store = writable_store(working, plan.catalogue, engine, fresh=not plan.copy)
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
        drop_collection(plan.abandoned, engine)
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
