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
    Catalogue,
    Entry,
    current_generation,
    read_catalogue,
    writer,
)
from knowledge_base.index import Engine, NextGeneration, open_store, write_generation
from knowledge_base.laws import Law
from knowledge_base.lexical import lexical_recipe
from knowledge_base.passage_text import RECIPE, plain
from knowledge_base.store.protocol import Store, Where
from knowledge_base.titles import title_key
from knowledge_base.validity import Repeal, find_repeals, with_windows
from knowledge_base.vector_cache import Progress
from llm.embeddings import Embedder

SUCCESSIONS = Path(__file__).parent / "data" / "successions.yaml"


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
            embedded = write_generation(folder, current, plan, embedder, engine, tell)
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


def _plan(
    folder: Path,
    current: Path | None,
    old: Catalogue | None,
    change: Change,
    embedder: Embedder,
    engine: Engine,
) -> NextGeneration:
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
    return NextGeneration(
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


def silent(message: str) -> None:
    """Tell nobody."""
