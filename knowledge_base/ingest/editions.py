"""Editions: a text of one title and version that several sources hold is held once.

The first holder keeps it (a law of the package, say), and a later source adds only the articles that
are missing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cspon.schemas.knowledge import Document, Passage
from knowledge_base.access import as_open_as
from knowledge_base.catalogue import Entry
from knowledge_base.ingest.wanted import Change, Text
from knowledge_base.passage_text import plain
from knowledge_base.store.protocol import Store, Where
from knowledge_base.titles import title_key
from knowledge_base.validity import Repeal, find_repeals


@dataclass(frozen=True)
class Fresh:
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


def without_held(change: Change, kept: Sequence[Entry], store: Store | None) -> list[Fresh]:
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
    fresh: list[Fresh] = []
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
            fresh.append(Fresh(text, len(passages), only, repeals))
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
