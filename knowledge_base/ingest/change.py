"""A change of a base: from what is wanted to the next generation.

Every change makes a new generation (see `catalogue`): copied from the current one when the
embedder and the recipe are the same, made afresh otherwise, and published only when complete.
A document is indexed again only when its text or its window of validity changed; vectors come from
the cache, so a killed build goes on where it stopped.

A text that two sources hold (a law of the package and the same version from a file) is held once:
the first holder keeps it, and a later source adds only the articles that are missing.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, Protocol

import yaml
from pydantic import JsonValue, TypeAdapter, ValidationError

from cspon.errors import SetupError
from cspon.schemas.knowledge import Document, Passage
from knowledge_base.access import as_open_as
from knowledge_base.catalogue import (
    Catalogue,
    Entry,
    Other,
    current_generation,
    read_catalogue,
    writer,
)
from knowledge_base.describe.metadata import Metadata, apply
from knowledge_base.ingest.build_report import BuildReport, Chunks, Failure
from knowledge_base.ingest.erasure import erasing, finish_erasure
from knowledge_base.ingest.index import (
    Engine,
    NextGeneration,
    ToIndex,
    open_store,
    write_generation,
)
from knowledge_base.ingest.recipe import index_recipe
from knowledge_base.ingest.vector_cache import Progress
from knowledge_base.passage_text import RECIPE, plain
from knowledge_base.store.protocol import Store, Where
from knowledge_base.titles import title_key
from knowledge_base.validity import Repeal, find_repeals, with_windows
from llm.embeddings import Embedder

__all__ = ["BuildReport", "Change", "Failure", "Text", "apply_change", "apply_locked", "silent"]

SUCCESSIONS = Path(__file__).parents[1] / "data" / "successions.yaml"


class Text(Protocol):
    """A document to take in. Its passages may come from disk each time they are asked for."""

    @property
    def document(self) -> Document:
        """The document."""
        ...

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Its passages."""
        ...

    @property
    def gaps(self) -> tuple[str, ...]:
        """Labels of articles that it lacks."""
        ...


@dataclass(frozen=True)
class Brought:
    """What an entry keeps of the file that brought its document."""

    place: str = ""
    reading: str = ""
    others: tuple[Other, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass
class Change:
    """What a build wants: documents to take in, those to drop, and what ends validity."""

    incoming: Sequence[Text] = ()
    origin: Literal["laws", "file"] = "laws"
    drop: Callable[[Entry], bool] = lambda entry: False
    repeals: Sequence[Repeal] | None = None
    """All repeals known from outside the base; None keeps those of the base."""
    lexicon: Sequence[str] | None = None
    rebuild: bool = False
    """Begin afresh when the current generation is damaged; what files brought is then lost."""
    erase: bool = False
    """Leave nothing of what is dropped on disk: no old generation, vectors, readings or originals."""
    brought: Mapping[str, Brought] = field(default_factory=dict)
    """By id of an incoming document."""
    edits: Mapping[str, Mapping[str, JsonValue]] = field(default_factory=dict)
    """Metadata that a person gives, by document id; added to what was given before."""
    kept: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Fields of held entries that change (`others`, `place`), by document id."""
    failures: list[Failure] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    unchanged: Sequence[str] = ()
    resumed: int = 0


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
    with writer(folder):
        return apply_locked(folder, change, embedder, engine, tell)


def apply_locked(
    folder: Path, change: Change, embedder: Embedder, engine: Engine, tell: Progress
) -> BuildReport:
    """Do what `apply_change` does; the caller holds the base for writing."""
    begun = time.monotonic()
    finish_erasure(folder, engine)
    current, old, store = _current(folder, change, engine)
    try:
        fresh = _without_held(change, _kept(change, old), store)
        plan = _plan(old, store, change, fresh, embedder, engine)
        report = BuildReport(
            documents=len(plan.entries),
            passages=sum(e.passages for e in plan.entries),
            read_documents=len(change.incoming),
            read_passages=sum(text.read for text in fresh),
            added=tuple(sorted(plan.added)),
            changed=tuple(sorted(plan.changed)),
            removed=tuple(sorted(plan.removed)),
            unchanged=tuple(dict.fromkeys(change.unchanged)),
            resumed=change.resumed,
            gaps={e.document.id: e.gaps for e in plan.entries if e.gaps},
            failures=tuple(change.failures),
            notices=tuple(change.notices),
        )
        if plan.nothing:
            tell("知识库已是最新")
        else:
            with erasing(folder, change.erase):
                written = write_generation(folder, current, plan, embedder, engine, tell)
            report = report.model_copy(
                update={
                    "embedded": written.embedded,
                    "chunks": written.chunks.plus(Chunks(removed=plan.gone)),
                }
            )
    finally:
        if store is not None:
            store.close()
    finish_erasure(folder, engine)
    return report.model_copy(update={"seconds": round(time.monotonic() - begun, 3)})


def _current(
    folder: Path, change: Change, engine: Engine
) -> tuple[Path | None, Catalogue | None, Store | None]:
    """Open the current generation; there is none when it is damaged and the change is a rebuild."""
    old: Catalogue | None = None
    try:
        current = current_generation(folder)
        if current is None:
            return None, None, None
        old = read_catalogue(current)
        return current, old, open_store(current, old, engine)
    except SetupError as error:
        if not change.rebuild:
            raise
        files = [e.document.source for e in old.entries if e.origin == "file"] if old else []
        change.notices.append(
            f"原知识库无法读取，已重建（{error.message}）"
            + (f"；请重新入库：{'、'.join(dict.fromkeys(files))}" if files else "")
        )
        return None, None, None


@dataclass(frozen=True)
class _Fresh:
    """An incoming text as it will be held."""

    text: Text
    read: int
    """Passages that the source held."""
    only: frozenset[str] | None
    """Ids of the passages that are taken; None for all."""
    repeals: tuple[Repeal, ...]

    @property
    def count(self) -> int:
        """Passages that are taken."""
        return self.read if self.only is None else len(self.only)

    def passages(self) -> Sequence[Passage]:
        """Return the passages that are taken, from where the text keeps them."""
        if self.only is None:
            return self.text.passages
        return tuple(p for p in self.text.passages if p.id in self.only)


def _kept(change: Change, old: Catalogue | None) -> list[Entry]:
    held = list(old.entries) if old else []
    return [
        entry.model_copy(update=dict(change.kept.get(entry.document.id, {})))
        for entry in held
        if not change.drop(entry)
    ]


def _plan(
    old: Catalogue | None,
    store: Store | None,
    change: Change,
    fresh: Sequence[_Fresh],
    embedder: Embedder,
    engine: Engine,
) -> NextGeneration:
    same_base = old is not None and (
        (old.embedder, old.dim, old.recipe, old.lexical, old.store)
        == (embedder.name, embedder.dim, RECIPE, index_recipe(embedder), engine.kind)
    )
    copy = same_base and not (change.erase and engine.kind == "edge")
    before = {e.document.id: e for e in old.entries} if old else {}
    kept = _kept(change, old)
    entries = _with_edits([*kept, *_entries(change, fresh, before)], change)
    staying = {e.document.id for e in kept}
    dropped = [e.document for e in before.values() if e.document.id not in staying]
    outside = list(change.repeals if change.repeals is not None else _outside(old, dropped))
    repeals = _distinct(
        [
            *outside,
            *(repeal for text in fresh for repeal in text.repeals),
            *_repeals_in([e.document for e in kept], old),
        ]
    )
    documents = {d.id: d for d in with_windows([e.document for e in entries], repeals)}
    entries = [e.model_copy(update={"document": documents[e.document.id]}) for e in entries]
    entries = _with_edits(entries, Change())  # a person's last day stands against computed windows
    sources = {text.text.document.id: text for text in fresh}
    index: list[ToIndex] = []
    changed: set[str] = set()
    for entry in entries:
        earlier = before.get(entry.document.id)
        same = earlier is not None and (earlier.document, earlier.passages, earlier.gaps) == (
            entry.document,
            entry.passages,
            entry.gaps,
        )
        if not (same_base and same) and earlier is not None:
            changed.add(entry.document.id)
        if copy and same:
            continue
        source = sources.get(entry.document.id)
        index.append(
            ToIndex(
                document=entry.document,
                count=entry.passages,
                read=source.passages if source else _reader(store, entry.document.id),
                earlier=earlier.document if earlier else None,
                same=same_base and same,
            )
        )
    ids = {e.document.id for e in entries}
    known = _known_titles(change, old)
    catalogue = Catalogue(
        embedder=embedder.name,
        dim=embedder.dim,
        recipe=RECIPE,
        lexical=index_recipe(embedder),
        store=engine.kind,
        collection=(old.collection if old and same_base else "") or f"cspon_{time.time_ns():x}",
        built_at=datetime.now(UTC),
        entries=tuple(entries),
        repeals=repeals,
        lexicon=tuple(sorted({*known, *(title_key(e.document.title) for e in entries)})),
        known=known,
    )
    return NextGeneration(
        catalogue=catalogue,
        index=index,
        added=ids - set(before),
        changed=changed,
        removed=set(before) - ids,
        gone=sum(e.passages for e in before.values() if e.document.id not in ids),
        copy=copy,
        goes_on=same_base,
        erase=change.erase,
        abandoned="" if same_base or old is None or old.store != "server" else old.collection,
        same_catalogue=old is not None
        and (old.repeals, old.lexicon, old.entries)
        == (catalogue.repeals, catalogue.lexicon, catalogue.entries),
    )


def _reader(store: Store | None, document_id: str) -> Callable[[], Sequence[Passage]]:
    """Return what reads a held document's passages, in order, from the generation before."""
    assert store is not None
    held = store

    def read() -> Sequence[Passage]:
        passages = held.scroll(Where(document_ids=(document_id,)))
        return sorted(passages, key=lambda p: p.ordinal or 0)

    return read


def _entries(change: Change, fresh: Sequence[_Fresh], before: Mapping[str, Entry]) -> list[Entry]:
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


def _with_edits(entries: Sequence[Entry], change: Change) -> list[Entry]:
    """Return the entries with what persons say of them, before and now."""
    edited = []
    for entry in entries:
        edits = {**entry.edits, **change.edits.get(entry.document.id, {})}
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


def _without_held(change: Change, kept: Sequence[Entry], store: Store | None) -> list[_Fresh]:
    """Leave out articles that a kept document of the same title and version holds already.

    Passages are looked at one document at a time and let go again.
    """
    held_ids = {e.document.id for e in kept}
    keys = [_edition(text.document) for text in change.incoming]
    sharing = Counter(key for key in keys if key[1])
    least: dict[tuple[str, str | None], Document] = {}
    for text in change.incoming:
        least.setdefault(_edition(text.document), text.document)
    twins: dict[tuple[str, str | None], list[str]] = {}
    for entry in kept:
        incoming = least.get(key := _edition(entry.document))
        if incoming is not None and as_open_as(entry.document, incoming):
            twins.setdefault(key, []).append(entry.document.id)
    fresh: list[_Fresh] = []
    taken: dict[str, str] = {}
    for text, key in zip(change.incoming, keys, strict=True):
        if text.document.id in held_ids:
            continue  # the caller drops what it means to replace: this one is unchanged
        passages = text.passages
        shared = key[1] is not None and (sharing[key] > 1 or key in twins)
        only: frozenset[str] | None = None
        if shared:
            for passage in _held_passages(store, twins.pop(key, ())):
                taken[_slot(passage, key)] = plain(passage.text)
            only = _not_taken(change, text.document, passages, taken, key)
            for passage in passages:
                if passage.article_key:
                    taken.setdefault(_slot(passage, key), plain(passage.text))
        if only is None or only:
            repeals = tuple(
                find_repeals(
                    text.document,
                    passages if only is None else [p for p in passages if p.id in only],
                )
            )
            fresh.append(_Fresh(text, len(passages), only, repeals))
    return fresh


def _edition(document: Document) -> tuple[str, str | None]:
    return title_key(document.title), document.version


def _held_passages(store: Store | None, ids: Sequence[str]) -> Iterable[Passage]:
    return store.scroll(Where(document_ids=tuple(ids))) if store is not None and ids else ()


def _not_taken(
    change: Change,
    document: Document,
    passages: Sequence[Passage],
    taken: Mapping[str, str],
    key: tuple[str, str | None],
) -> frozenset[str] | None:
    """Return the ids of the passages that no other source holds; None when that is all of them."""
    only = frozenset(p.id for p in passages if _slot(p, key) not in taken)
    if len(only) == len(passages):
        return None
    differing = [
        p.article or p.id
        for p in passages
        if (other := taken.get(_slot(p, key))) is not None and other != plain(p.text)
    ]
    change.notices.append(
        f"{document.source}：《{document.title}》（{document.version}）"
        f"已在库中，补入缺条 {len(only)} 条"
        + (f"，另有 {len(differing)} 条文字与库内不同，保留库内文本" if differing else "")
    )
    return only


def _slot(passage: Passage, key: tuple[str, str | None]) -> str:
    if passage.article_key is None:
        return passage.id
    return f"{key[0]}@{key[1]}#{passage.article_key}"


def silent(message: str) -> None:
    """Tell nobody."""
