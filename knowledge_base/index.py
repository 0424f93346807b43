"""Write a generation: vectors from the caches, sparse weights, points into the store."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cspon.errors import SetupError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import INDEX, Catalogue, Entry, new_generation, publish
from knowledge_base.lexical import SparseTokens, lexical_recipe, passage_vector
from knowledge_base.passage_text import embedding_text, lexical_text, vector_key
from knowledge_base.reference_index import write_references
from knowledge_base.store.protocol import Point, Store
from knowledge_base.vector_cache import Progress, VectorCache, embed_all, read_shipped
from llm.embeddings import Embedder, Vectors

CACHE = "vectors.sqlite"
INDEX_BATCH = 1024


@dataclass(frozen=True)
class Engine:
    """Which store a base uses."""

    kind: str = "edge"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = None


@dataclass
class NextGeneration:
    """The next generation: all entries, and what to index for it."""

    catalogue: Catalogue
    entries: tuple[Entry, ...]
    index: list[tuple[Document, list[Passage]]]
    added: set[str]
    changed: set[str]
    removed: set[str]
    copy: bool
    """Start from a copy of the current generation."""
    same_repeals: bool
    abandoned: str
    """Collection of the generation before, when this one does not go on with it."""

    @property
    def nothing(self) -> bool:
        """Whether the current generation says all of this already."""
        return self.copy and self.same_repeals and not (self.added | self.changed | self.removed)


def write_generation(
    folder: Path,
    current: Path | None,
    plan: NextGeneration,
    embedder: Embedder,
    engine: Engine,
    tell: Progress,
) -> int:
    """Index what the plan says and publish it; return how many vectors had to be computed.

    Raises:
        SetupError: disk, caches or store.
    """
    passages = [
        _stamped(p, document, n) for document, ps in plan.index for n, p in enumerate(_in_order(ps))
    ]
    texts = [embedding_text(p) for p in passages]
    by_id = {document.id: document for document, _ in plan.index}
    cache = VectorCache(folder / CACHE, read_shipped(embedder.name))
    copy_of = current if plan.copy and engine.kind == "edge" else None
    try:
        tell(f"准备向量：{len(passages)} 条")
        vectors, embedded = embed_all(texts, embedder, cache, tell)
        with new_generation(folder, copy_of) as working:
            store = _writable_store(working, plan, engine, fresh=not plan.copy)
            try:
                if plan.copy:
                    for document_id in sorted(plan.removed | plan.changed):
                        store.delete_document(document_id)
                for start in range(0, len(passages), INDEX_BATCH):
                    batch = passages[start : start + INDEX_BATCH]
                    dense = [
                        vectors[vector_key(text, embedder.name)]
                        for text in texts[start : start + INDEX_BATCH]
                    ]
                    sparse = _sparse_vectors(batch, cache)
                    store.upsert(
                        [
                            _point(p, by_id[p.document_id], d, s)
                            for p, d, s in zip(batch, dense, sparse, strict=True)
                        ]
                    )
                    tell(f"写入索引 {start + len(batch)}/{len(passages)}")
                store.flush()
                texts_by_document = [(d, _in_order(ps)) for d, ps in plan.index]
                earlier, gone = current if plan.copy else None, plan.removed | plan.changed
                write_references(working, earlier, plan.catalogue, texts_by_document, gone, store)
            finally:
                store.close()
            publish(folder, working, plan.catalogue)
    finally:
        cache.close()
    if plan.abandoned and engine.kind == "server":
        _drop_collection(plan.abandoned, engine)
    return embedded


def _sparse_vectors(passages: list[Passage], cache: VectorCache) -> list[SparseTokens]:
    """Return the lexical vectors; cutting words takes a millisecond a text, so they are cached."""
    recipe = lexical_recipe().encode()
    texts = [lexical_text(p) for p in passages]
    keys = [hashlib.blake2b(recipe + text.encode(), digest_size=16).digest() for text in texts]
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


def _in_order(passages: list[Passage]) -> list[Passage]:
    """Put passages that come back from a store into their order; new ones are in it."""
    if any(p.ordinal is None for p in passages):
        return passages
    return sorted(passages, key=lambda p: p.ordinal or 0)


def _stamped(passage: Passage, document: Document, ordinal: int) -> Passage:
    """Copy onto a passage what conditions and readers need of its document."""
    return passage.model_copy(
        update={
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
