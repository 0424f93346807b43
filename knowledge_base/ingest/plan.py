"""The plan of the next generation: its catalogue, and which documents are indexed for it.

A document is indexed again only when its text or its window of validity changed, or when the index
begins afresh.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pydantic import JsonValue

from cspon.schemas.knowledge import Document, Passage
from knowledge_base.catalogue import Catalogue, Entry
from knowledge_base.describe.metadata import Metadata, apply
from knowledge_base.ingest.editions import Fresh
from knowledge_base.ingest.engine import Engine
from knowledge_base.ingest.recipe import index_recipe
from knowledge_base.ingest.wanted import Brought, Change, read_successions
from knowledge_base.passage_text import RECIPE
from knowledge_base.store.protocol import Store, Where
from knowledge_base.titles import title_key
from knowledge_base.validity import Repeal, with_windows
from llm.embeddings import Embedder


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


def kept_entries(change: Change, old: Catalogue | None) -> list[Entry]:
    """Return the entries that stay, with the fields that the change gives them."""
    held = list(old.entries) if old else []
    return [
        entry.model_copy(update=dict(change.kept.get(entry.document.id, {})))
        for entry in held
        if not change.drop(entry)
    ]


def plan_generation(
    old: Catalogue | None,
    store: Store | None,
    change: Change,
    fresh: Sequence[Fresh],
    embedder: Embedder,
    engine: Engine,
) -> NextGeneration:
    """Plan the generation that a change leads to.

    Args:
        old: Catalogue of the current generation; None for none.
        store: Its index; passages that stay are read from it.
        change: What is wanted.
        fresh: Its texts, without the articles that the base holds.
        embedder: Of the next generation.
        engine: Store of the next generation.
    """
    goes_on = _goes_on(old, embedder, engine)
    copy = goes_on and not (change.erase and engine.kind == "edge")
    before = {e.document.id: e for e in old.entries} if old else {}
    kept = kept_entries(change, old)
    repeals = _repeals(change, old, kept, fresh)
    entries = _next_entries(change, [*kept, *_entries(change, fresh, before)], repeals)
    ids = {e.document.id for e in entries}
    same = {e.document.id for e in entries if goes_on and _says_the_same(e, before)}
    sources = {text.text.document.id: text.passages for text in fresh}
    index: list[ToIndex] = []
    for entry in entries:
        name = entry.document.id
        if copy and name in same:
            continue
        index.append(
            ToIndex(
                document=entry.document,
                count=entry.passages,
                read=sources.get(name) or _reader(store, name),
                earlier=before[name].document if name in before else None,
                same=name in same,
            )
        )
    catalogue = _catalogue(change, old, entries, repeals, embedder, engine)
    return NextGeneration(
        catalogue=catalogue,
        index=index,
        added=ids - set(before),
        changed=(ids & set(before)) - same,
        removed=set(before) - ids,
        gone=sum(e.passages for e in before.values() if e.document.id not in ids),
        copy=copy,
        goes_on=goes_on,
        erase=change.erase,
        abandoned="" if goes_on or old is None or old.store != "server" else old.collection,
        same_catalogue=old is not None
        and (old.repeals, old.lexicon, old.entries)
        == (catalogue.repeals, catalogue.lexicon, catalogue.entries),
    )


def _goes_on(old: Catalogue | None, embedder: Embedder, engine: Engine) -> bool:
    """Say whether the index can go on: made by the same embedder and recipes in the same store."""
    return old is not None and (
        (old.embedder, old.dim, old.recipe, old.lexical, old.store)
        == (embedder.name, embedder.dim, RECIPE, index_recipe(embedder), engine.kind)
    )


def _repeals(
    change: Change, old: Catalogue | None, kept: Sequence[Entry], fresh: Sequence[Fresh]
) -> tuple[Repeal, ...]:
    """Return all that ends validity: known from outside, stated by what comes in and by what stays."""
    staying = {e.document.id for e in kept}
    dropped = [e.document for e in old.entries if e.document.id not in staying] if old else []
    return _distinct(
        [
            *(change.repeals if change.repeals is not None else _outside(old, dropped)),
            *(repeal for text in fresh for repeal in text.repeals),
            *_repeals_in([e.document for e in kept], old),
        ]
    )


def _next_entries(
    change: Change, entries: Sequence[Entry], repeals: Sequence[Repeal]
) -> list[Entry]:
    """Return the entries with windows of validity; what a person said stands against computed ones."""
    edited = _with_edits(entries, change.edits)
    documents = {d.id: d for d in with_windows([e.document for e in edited], repeals)}
    windowed = [e.model_copy(update={"document": documents[e.document.id]}) for e in edited]
    return _with_edits(windowed, {})


def _says_the_same(entry: Entry, before: Mapping[str, Entry]) -> bool:
    earlier = before.get(entry.document.id)
    return earlier is not None and (earlier.document, earlier.passages, earlier.gaps) == (
        entry.document,
        entry.passages,
        entry.gaps,
    )


def _catalogue(
    change: Change,
    old: Catalogue | None,
    entries: Sequence[Entry],
    repeals: tuple[Repeal, ...],
    embedder: Embedder,
    engine: Engine,
) -> Catalogue:
    known = _known_titles(change, old)
    collection = old.collection if old and _goes_on(old, embedder, engine) else ""
    return Catalogue(
        embedder=embedder.name,
        dim=embedder.dim,
        recipe=RECIPE,
        lexical=index_recipe(embedder),
        store=engine.kind,
        collection=collection or f"cspon_{time.time_ns():x}",
        built_at=datetime.now(UTC),
        entries=tuple(entries),
        repeals=repeals,
        lexicon=tuple(sorted({*known, *(title_key(e.document.title) for e in entries)})),
        known=known,
    )


def _reader(store: Store | None, document_id: str) -> Callable[[], Sequence[Passage]]:
    """Return what reads a held document's passages, in order, from the generation before."""
    assert store is not None
    held = store

    def read() -> Sequence[Passage]:
        passages = held.scroll(Where(document_ids=(document_id,)))
        return sorted(passages, key=lambda p: p.ordinal or 0)

    return read


def _entries(change: Change, fresh: Sequence[Fresh], before: Mapping[str, Entry]) -> list[Entry]:
    """Return the entries of incoming documents; edits of the same document by a person stay."""
    entries = []
    for text in fresh:
        document = text.text.document
        brought = change.brought.get(document.id, Brought())
        earlier = before.get(document.id)
        entries.append(
            Entry(
                document=document,
                origin=change.origin,
                passages=text.count,
                gaps=text.text.gaps if text.only is None else (),
                place=brought.place,
                reading=brought.reading,
                others=brought.others,
                notices=brought.notices,
                edits=earlier.edits if earlier else {},
            )
        )
    return entries


def _with_edits(
    entries: Sequence[Entry], given: Mapping[str, Mapping[str, JsonValue]]
) -> list[Entry]:
    """Return the entries with what persons say of them, before and now."""
    edited = []
    for entry in entries:
        edits = {**entry.edits, **given.get(entry.document.id, {})}
        if edits:
            document = apply(entry.document, Metadata.model_validate(edits), "person")
            entry = entry.model_copy(update={"document": document, "edits": edits})
        edited.append(entry)
    return edited


def _distinct(repeals: Iterable[Repeal]) -> tuple[Repeal, ...]:
    """Keep the first of repeals that say the same."""
    seen: dict[tuple[str, date, str], Repeal] = {}
    for repeal in repeals:
        seen.setdefault(
            (title_key(repeal.title), repeal.ends_on, title_key(repeal.by_title)), repeal
        )
    return tuple(seen.values())


def _outside(old: Catalogue | None, dropped: Sequence[Document]) -> Iterable[Repeal]:
    """Return the repeals of the base, without those that only dropped documents state."""
    if old is None:
        return read_successions()
    gone = {(title_key(d.title), d.source) for d in dropped}
    return [r for r in old.repeals if (title_key(r.by_title), r.source) not in gone]


def _repeals_in(documents: Sequence[Document], old: Catalogue | None) -> list[Repeal]:
    """Return the repeals that held documents state, found when they came in."""
    held = {(title_key(d.title), d.source) for d in documents}
    return [r for r in old.repeals if (title_key(r.by_title), r.source) in held] if old else []


def _known_titles(change: Change, old: Catalogue | None) -> tuple[str, ...]:
    """Return the titles that are named for other reasons than that a document bears them."""
    if change.lexicon is not None:
        return tuple(sorted(change.lexicon))
    if old is None:
        return ()
    brought = {title_key(e.document.title) for e in old.entries if e.origin == "file"}
    return old.known or tuple(key for key in old.lexicon if key not in brought)
