"""A change of a base: from what is wanted to the next generation.

Every change makes a new generation (see `catalogue`): copied from the current one when the
embedder and the recipe are the same, made afresh otherwise, and published only when complete.
A document is indexed again only when its text or its window of validity changed; vectors come from
the cache, so a killed build goes on where it stopped.

A text that two sources hold (a law of the package and the same version from a file) is held once:
the first holder keeps it, and a later source adds only the articles that are missing.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from cspon.errors import SetupError
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import (
    INDEX,
    Catalogue,
    Entry,
    current_generation,
    new_generation,
    publish,
    read_catalogue,
    writer,
)
from knowledge_base.laws import Law
from knowledge_base.lexical import lexical_recipe, passage_vector
from knowledge_base.passage_text import RECIPE, embedding_text, lexical_text, plain, vector_key
from knowledge_base.store.protocol import Point, Store, Where
from knowledge_base.titles import title_key
from knowledge_base.validity import Repeal, find_repeals, with_windows
from knowledge_base.vector_cache import Progress, VectorCache, embed_all, read_shipped
from llm.embeddings import Embedder, Vectors

CACHE = "vectors.sqlite"
SUCCESSIONS = Path(__file__).parent / "data" / "successions.yaml"
INDEX_BATCH = 1024


class Failure(Frozen):
    """A file that could not be taken in, and why."""

    path: str
    message: str


class BuildReport(Frozen):
    """What a build did."""

    documents: int
    """Documents in the base afterwards."""
    passages: int
    """Passages in the base afterwards."""
    read_documents: int = 0
    read_passages: int = 0
    """What the sources held."""
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Document ids."""
    embedded: int = 0
    """Vectors computed; the others came from the cache."""
    gaps: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Articles that a source lacks, by document id."""
    failures: tuple[Failure, ...] = ()
    notices: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Engine:
    """Which store a base uses."""

    kind: str = "edge"
    qdrant_url: str | None = None
    qdrant_api_key: str | None = None


@dataclass
class Change:
    """What a build wants: documents to take in, those to drop, and what ends validity."""

    incoming: Sequence[Law] = ()
    origin: Literal["laws", "file"] = "laws"
    drop: Callable[[Entry], bool] = lambda entry: False
    repeals: Sequence[Repeal] | None = None
    """All repeals known from outside the base; None keeps those of the base."""
    lexicon: Sequence[str] | None = None
    rebuild: bool = False
    """Begin afresh when the current generation is damaged; what files brought is then lost."""
    failures: list[Failure] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def read_successions(path: Path = SUCCESSIONS) -> list[Repeal]:
    """Read the ends of validity that no article in the package states.

    Raises:
        SetupError: the file is not valid.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(list[Repeal]).validate_python(data)
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise SetupError(f"{path} 有误：{error}", mend="改正或恢复该文件") from error


def apply_change(
    folder: Path, change: Change, embedder: Embedder, engine: Engine, tell: Progress
) -> BuildReport:
    """Make the next generation of a base, or leave it as it is when nothing changed."""
    begun = time.monotonic()
    with writer(folder):
        current, old = _current(folder, change, engine)
        plan = _plan(folder, current, old, change, embedder, engine)
        report = BuildReport(
            documents=len(plan.entries),
            passages=sum(e.passages for e in plan.entries),
            read_documents=len(change.incoming),
            read_passages=sum(len(law.passages) for law in change.incoming),
            added=tuple(sorted(plan.added)),
            changed=tuple(sorted(plan.changed)),
            removed=tuple(sorted(plan.removed)),
            gaps={e.document.id: e.gaps for e in plan.entries if e.gaps},
            failures=tuple(change.failures),
            notices=tuple(change.notices),
        )
        if plan.nothing:
            tell("知识库已是最新")
        else:
            embedded = _write(folder, current, plan, embedder, engine, tell)
            report = report.model_copy(update={"embedded": embedded})
    return report.model_copy(update={"seconds": round(time.monotonic() - begun, 3)})


def _current(folder: Path, change: Change, engine: Engine) -> tuple[Path | None, Catalogue | None]:
    """Return the current generation; none when it is damaged and the change is a rebuild."""
    old: Catalogue | None = None
    try:
        current = current_generation(folder)
        if current is None:
            return None, None
        old = read_catalogue(current)
        open_store(current, old, engine).close()
    except SetupError as error:
        if not change.rebuild:
            raise
        files = [e.document.source for e in old.entries if e.origin == "file"] if old else []
        change.notices.append(
            f"原知识库无法读取，已重建（{error.message}）"
            + (f"；请重新入库：{'、'.join(dict.fromkeys(files))}" if files else "")
        )
        return None, None
    return current, old


@dataclass
class _Plan:
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
        return self.copy and self.same_repeals and not (self.added | self.changed | self.removed)


def _plan(
    folder: Path,
    current: Path | None,
    old: Catalogue | None,
    change: Change,
    embedder: Embedder,
    engine: Engine,
) -> _Plan:
    copy = old is not None and (
        (old.embedder, old.dim, old.recipe, old.lexical, old.store)
        == (embedder.name, embedder.dim, RECIPE, lexical_recipe(), engine.kind)
    )
    held = list(old.entries) if old else []
    kept = [entry for entry in held if not change.drop(entry)]
    store = open_store(current, old, engine) if current and old else None
    try:
        fresh = _without_held(change, kept, store)
        outside = list(change.repeals if change.repeals is not None else _outside(old))
        own = [r for law in fresh for r in find_repeals(law.document, law.passages)]
        repeals = _distinct([*outside, *own, *_repeals_in(kept, old)])
        documents = {
            d.id: d
            for d in with_windows(
                [*(e.document for e in kept), *(law.document for law in fresh)], repeals
            )
        }
        before = {e.document.id: e for e in held}
        entries = [e.model_copy(update={"document": documents[e.document.id]}) for e in kept]
        entries += [
            Entry(
                document=documents[law.document.id],
                origin=change.origin,
                passages=len(law.passages),
                gaps=law.gaps,
            )
            for law in fresh
        ]
        texts = {law.document.id: list(law.passages) for law in fresh}
        index: list[tuple[Document, list[Passage]]] = []
        for entry in entries:
            document = entry.document
            earlier = before.get(document.id)
            same = earlier is not None and (earlier.document, earlier.passages, earlier.gaps) == (
                document,
                entry.passages,
                entry.gaps,
            )
            if copy and same:
                continue
            passages = texts.get(document.id)
            if passages is None:
                assert store is not None
                passages = list(store.scroll(Where(document_ids=(document.id,))))
            index.append((document, passages))
    finally:
        if store is not None:
            store.close()
    ids, old_ids = {e.document.id for e in entries}, set(before)
    catalogue = Catalogue(
        embedder=embedder.name,
        dim=embedder.dim,
        recipe=RECIPE,
        lexical=lexical_recipe(),
        store=engine.kind,
        collection=(old.collection if old and copy else "") or f"cspon_{time.time_ns():x}",
        built_at=datetime.now(UTC),
        entries=tuple(entries),
        repeals=repeals,
        lexicon=_lexicon(change, old, documents.values()),
    )
    return _Plan(
        catalogue=catalogue,
        entries=tuple(entries),
        index=index,
        added=ids - old_ids,
        changed={d.id for d, _ in index if d.id in old_ids},
        removed=old_ids - ids,
        copy=copy,
        abandoned="" if copy or old is None or old.store != "server" else old.collection,
        same_repeals=old is not None
        and (old.repeals, old.lexicon) == (catalogue.repeals, catalogue.lexicon),
    )


def _distinct(repeals: Iterable[Repeal]) -> tuple[Repeal, ...]:
    """Keep the first of repeals that say the same."""
    seen: dict[tuple[str, date, str], Repeal] = {}
    for repeal in repeals:
        seen.setdefault(
            (title_key(repeal.title), repeal.ends_on, title_key(repeal.by_title)), repeal
        )
    return tuple(seen.values())


def _outside(old: Catalogue | None) -> Iterable[Repeal]:
    return old.repeals if old else read_successions()


def _repeals_in(kept: Sequence[Entry], old: Catalogue | None) -> list[Repeal]:
    """Return the repeals that kept documents state, found when they came in."""
    titles = {e.document.title for e in kept}
    return [r for r in old.repeals if r.by_title in titles] if old else []


def _lexicon(
    change: Change, old: Catalogue | None, documents: Iterable[Document]
) -> tuple[str, ...]:
    base = change.lexicon if change.lexicon is not None else (old.lexicon if old else ())
    return tuple(sorted({*base, *(title_key(d.title) for d in documents)}))


def _without_held(change: Change, kept: Sequence[Entry], store: Store | None) -> list[Law]:
    """Leave out articles that a kept document of the same title and version holds already."""
    fresh: list[Law] = []
    taken: dict[str, Passage] = {}
    for law in change.incoming:
        key = (title_key(law.document.title), law.document.version)
        twins = [
            e.document.id
            for e in kept
            if law.document.version
            and (title_key(e.document.title), e.document.version) == key
            and e.document.id != law.document.id
        ]
        same_id = [e for e in kept if e.document.id == law.document.id]
        if same_id:
            continue  # the caller drops what it means to replace: this one is unchanged
        if twins and store is not None:
            for passage in store.scroll(Where(document_ids=tuple(twins))):
                taken[_slot(passage, key)] = passage
        passages = [p for p in law.passages if _slot(p, key) not in taken]
        differing = [
            p.article or p.id
            for p in law.passages
            if (other := taken.get(_slot(p, key))) and plain(other.text) != plain(p.text)
        ]
        if len(passages) < len(law.passages):
            change.notices.append(
                f"{law.document.source}：《{law.document.title}》（{law.document.version}）"
                f"已在库中，补入缺条 {len(passages)} 条"
                + (f"，另有 {len(differing)} 条文字与库内不同，保留库内文本" if differing else "")
            )
        for passage in passages:
            if passage.article_key:
                taken[_slot(passage, key)] = passage
        if passages:
            fresh.append(Law(document=law.document, passages=tuple(passages)))
    return fresh


def _slot(passage: Passage, key: tuple[str, str | None]) -> str:
    if passage.article_key is None or key[1] is None:
        return passage.id
    return f"{key[0]}@{key[1]}#{passage.article_key}"


def _write(
    folder: Path,
    current: Path | None,
    plan: _Plan,
    embedder: Embedder,
    engine: Engine,
    tell: Progress,
) -> int:
    passages = [_stamped(p, document) for document, ps in plan.index for p in ps]
    by_id = {document.id: document for document, _ in plan.index}
    cache = VectorCache(folder / CACHE, read_shipped(embedder.name))
    try:
        tell(f"准备向量：{len(passages)} 条")
        vectors, embedded = embed_all([embedding_text(p) for p in passages], embedder, cache, tell)
    finally:
        cache.close()
    copy_of = current if plan.copy and engine.kind == "edge" else None
    with new_generation(folder, copy_of) as working:
        store = _writable_store(working, plan, engine, fresh=not plan.copy)
        try:
            for document_id in sorted(plan.removed | plan.changed):
                if plan.copy:
                    store.delete_document(document_id)
            for start in range(0, len(passages), INDEX_BATCH):
                batch = passages[start : start + INDEX_BATCH]
                store.upsert(
                    [
                        _point(
                            p,
                            by_id[p.document_id],
                            vectors[vector_key(embedding_text(p), embedder.name)],
                        )
                        for p in batch
                    ]
                )
                tell(f"写入索引 {start + len(batch)}/{len(passages)}")
            store.flush()
        finally:
            store.close()
        publish(folder, working, plan.catalogue)
    if plan.abandoned and engine.kind == "server":
        _drop_collection(plan.abandoned, engine)
    return embedded


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


def _stamped(passage: Passage, document: Document) -> Passage:
    """Copy onto a passage what conditions and readers need of its document."""
    return passage.model_copy(
        update={
            "effective_from": document.effective_from,
            "effective_to": document.effective_to,
            "recorded_status": document.recorded_status,
            "secrecy": document.secrecy,
            "department": document.department,
        }
    )


def _point(passage: Passage, document: Document, vector: Vectors) -> Point:
    return Point(
        passage=passage,
        dense=vector,
        sparse=passage_vector(lexical_text(passage)),
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


def _writable_store(working: Path, plan: _Plan, engine: Engine, *, fresh: bool) -> Store:
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


def silent(message: str) -> None:
    """Tell nobody."""
