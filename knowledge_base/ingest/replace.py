"""What files that were read replace, stand beside, or only repeat."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from cspon.schemas.knowledge import Document
from knowledge_base.catalogue import Entry, Other
from knowledge_base.ingest.gather import Gathered, still_there
from knowledge_base.ingest.journal import Reading
from knowledge_base.ingest.wanted import Brought
from knowledge_base.titles import title_key


@dataclass
class Settled:
    """What becomes of a batch."""

    incoming: list[Reading] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    """Ids of held documents that give way."""
    brought: dict[str, Brought] = field(default_factory=dict)
    edits: dict[str, dict[str, JsonValue]] = field(default_factory=dict)
    kept: dict[str, dict[str, object]] = field(default_factory=dict)
    """New values of fields of held entries, by document id."""


def settle(
    gathered: Gathered, entries: Sequence[Entry], reserved: Collection[str] | None = None
) -> Settled:
    """Decide what each reading is to the documents that are held.

    - The file of the same place, or of the same name and title whose file is gone, gives way; a
      document without a version keeps its id, so that citations of its passages go on.
    - Another version from the same place stands beside the earlier one.
    - The same version of the same text from a second file is kept once; the second is noted.
    - Where some documents must not be touched (`reserved` are their ids), a new document's id tells
      its restriction: texts of one title and version, for different readers, stand side by side, and
      an id does not tell that there is another.
    """
    settling = _Settling(gathered, entries, reserved)
    for reading in gathered.readings:
        settling.take(reading)
    return settling.end()


class _Settling:
    """A batch that is being settled, reading by reading."""

    def __init__(
        self, gathered: Gathered, entries: Sequence[Entry], reserved: Collection[str] | None
    ) -> None:
        self._gathered, self._reserved = gathered, reserved
        self._settled = Settled()
        self._held = {entry.document.id: entry for entry in entries if entry.origin == "file"}
        self._places = _Places(self._held.values())
        self._named_again = set(gathered.unchanged)
        self._others = {
            document_id: [*self._held[document_id].others, *new]
            for document_id, new in gathered.duplicates.items()
            if document_id in self._held
        }
        self._taken: dict[str, int] = {}

    def take(self, reading: Reading) -> None:
        """Settle one reading: it comes in, or is only noted as another file of what is there."""
        prior = self._places.prior(reading)
        if prior is not None and prior.document.id in self._settled.replaced:
            prior = None
        reading = self._under_its_id(reading, prior)
        document = reading.document
        other = Other(name=document.source, sha256=document.original or "")
        if document.id in self._taken:
            first = self._taken[document.id]
            _note(self._gathered, document, self._settled.incoming[first].document)
            _add_other(self._settled, first, other)
            return
        twin = self._held.get(document.id)
        if twin is not None and twin is not prior and _stays(twin, self._named_again):
            _note(self._gathered, document, twin.document)
            self._others.setdefault(document.id, list(twin.others)).append(other)
            return
        if twin is not None:
            self._settled.replaced.add(document.id)
        if prior is not None and prior is not twin:
            self._give_way(prior, document)
        self._bring(reading, other)

    def _under_its_id(self, reading: Reading, prior: Entry | None) -> Reading:
        document = reading.document
        if self._reserved is not None and document.id not in self._held:
            document = document.model_copy(update={"id": _own_id(document, self._reserved)})
        if prior is not None and document.version is None and prior.document.version is None:
            document = document.model_copy(update={"id": prior.document.id})
        return reading if document is reading.document else replace(reading, document=document)

    def _give_way(self, prior: Entry, document: Document) -> None:
        """Let what came from the same place before go, or stand beside the new version."""
        if document.version and prior.document.version:
            self._settled.kept.setdefault(prior.document.id, {})["place"] = ""
            return
        self._settled.replaced.add(prior.document.id)
        if prior.edits:
            self._settled.edits[document.id] = dict(prior.edits)

    def _bring(self, reading: Reading, other: Other) -> None:
        document = reading.document
        self._taken[document.id] = len(self._settled.incoming)
        self._settled.incoming.append(reading)
        for name in reading.others:
            self._gathered.notices.append(f"{name} 与 {document.source} 内容相同，只保留一份")
        self._settled.brought[document.id] = Brought(
            place=reading.path,
            reading=reading.reading,
            others=tuple(Other(name=name, sha256=other.sha256) for name in reading.others),
            notices=reading.notices,
        )

    def end(self) -> Settled:
        """Return what became of the batch, with the new places and names of what stays."""
        settled = self._settled
        for document_id, place in self._gathered.moved.items():
            if document_id in self._held and document_id not in settled.replaced:
                settled.kept.setdefault(document_id, {})["place"] = place
        for document_id, names in self._others.items():
            if document_id not in settled.replaced:
                settled.kept.setdefault(document_id, {})["others"] = tuple(dict.fromkeys(names))
        return settled


def _own_id(document: Document, reserved: Collection[str]) -> str:
    restriction = f"{document.secrecy}\0{document.department or ''}\0{sorted(document.roles)}"
    tag = hashlib.blake2b(restriction.encode(), digest_size=3).hexdigest()
    own = f"{document.id}~{tag}"
    return f"{own}~{(document.original or '')[:8]}" if own in reserved else own


class _Places:
    """Held documents by the place and by the name of their file."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_place: dict[str, Entry] = {}
        self._by_name: dict[tuple[str, str], list[Entry]] = {}
        for entry in entries:
            if entry.place:
                self._by_place[entry.place] = entry
            name = (entry.document.source, title_key(entry.document.title))
            self._by_name.setdefault(name, []).append(entry)

    def prior(self, reading: Reading) -> Entry | None:
        """Return what came from the file of this place, or from one of that name that is gone."""
        if found := self._by_place.get(reading.path):
            return found
        document = reading.document
        for entry in self._by_name.get((document.source, title_key(document.title)), ()):
            unversioned = entry.document.version is None or document.version is None
            if unversioned and not still_there(entry.place):
                return entry
        return None


def _stays(twin: Entry, named_again: set[str]) -> bool:
    """Say whether a held document keeps its place against another file with the same version."""
    return twin.document.id in named_again or still_there(twin.place)


def _note(gathered: Gathered, document: Document, first: Document) -> None:
    gathered.notices.append(
        f"{document.source} 与 {first.source} 是同一文件的同一版本，只收后者"
        f"（要换成前者，先移除《{first.title}》）"
    )


def _add_other(settled: Settled, first: int, other: Other) -> None:
    document_id = settled.incoming[first].document.id
    brought = settled.brought[document_id]
    settled.brought[document_id] = replace(brought, others=(*brought.others, other))
