"""The citation graph: which provisions a clause rests on, and which rest on it.

Breadth first over the references that the texts state. A name resolves to the version of the day
among the documents that the reader may know of; what they may not read is left out, and a title that
a readable text names is shown as not in the base, whether or not an unreadable document bears it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import (
    Document,
    GraphEdge,
    GraphNode,
    GraphView,
    Relation,
    Validity,
)
from knowledge_base.access import access, may_read
from knowledge_base.catalogue import Catalogue, Entry
from knowledge_base.citing.cite import preferred, same_standing
from knowledge_base.citing.reference_index import ReferenceIndex
from knowledge_base.citing.references import Reference
from knowledge_base.known import known_key
from knowledge_base.numerals import article_label
from knowledge_base.store.protocol import Store, point_id
from knowledge_base.titles import number_key, title_key
from knowledge_base.validity import standing

OPENING = 160
"""Characters of a clause that a node shows."""
_COUNTS = (Validity.IN_FORCE, Validity.UNKNOWN)
"""Standing of texts that rest on something today."""


@dataclass(frozen=True)
class _Spot:
    """A place in the graph: an article, a whole document, or a name that the base does not hold."""

    title: str
    article: str | None = None
    """Article key."""
    document: Document | None = None
    passage_id: str | None = None

    @property
    def id(self) -> str:
        if self.document is None or (self.article and not self.passage_id):
            label = article_label(self.article) if self.article else ""
            key = title_key(self.title)
            return f"{key}#{label}" if label else key
        return self.passage_id or self.document.id


@dataclass
class _Walk:
    """What a walk has found so far."""

    limit: int
    hops: dict[str, int] = field(default_factory=dict)
    spots: dict[str, _Spot] = field(default_factory=dict)
    edges: dict[tuple[str, str, Relation], GraphEdge] = field(default_factory=dict)
    cut: bool = False
    withheld: bool = False

    def add(self, spot: _Spot, hops: int) -> bool:
        """Take in a spot; return whether it is new and to be walked on from."""
        if spot.id in self.hops:
            return False
        if len(self.hops) >= self.limit:
            self.cut = True
            return False
        self.hops[spot.id], self.spots[spot.id] = hops, spot
        return True

    def join(self, source: _Spot, target: _Spot, relation: Relation, words: str) -> None:
        """Add an edge between spots that are shown."""
        if source.id in self.hops and target.id in self.hops:
            key = (source.id, target.id, relation)
            self.edges.setdefault(
                key,
                GraphEdge(source=source.id, target=target.id, relation=relation, words=words),
            )


class CitationGraph:
    """The graph of one generation, as one reader sees it on one day."""

    def __init__(
        self,
        references: ReferenceIndex,
        catalogue: Catalogue,
        store: Store,
        *,
        on_date: date,
        principal: Principal,
    ) -> None:
        self._references, self._catalogue, self._store = references, catalogue, store
        self._day, self._principal = on_date, principal

    def around_passage(self, passage_id: str, *, up: int, down: int, limit: int) -> GraphView:
        """Return what stands around a passage; an unreadable one is answered like an unknown one."""
        entry = self._catalogue.entry(passage_id.partition("#")[0])
        known = entry is not None and may_read(self._principal, entry.document)
        passage = next(iter(self._store.get([point_id(passage_id)])), None) if known else None
        if entry is None or passage is None:
            hidden = entry is not None and access(self._principal, [entry.document])
            root = GraphNode(id=passage_id, title=passage_id.partition("@")[0], in_base=False)
            return GraphView(root=root, nodes=(root,), withheld=hidden == "no_permission")
        spot = _Spot(passage.title, passage.article_key, entry.document, passage.id)
        return self._walk(spot, up, down, limit)

    def around(
        self, title: str, article: str | None, *, up: int, down: int, limit: int
    ) -> GraphView:
        """Return what stands around an article (key), or around a document as a whole."""
        key = known_key(self._catalogue, title, self._principal)
        spot, withheld = self._resolve(key, title.strip("《》 "), article)
        view = self._walk(spot, up, down, limit)
        return view.model_copy(update={"withheld": view.withheld or withheld})

    def _walk(self, root: _Spot, up: int, down: int, limit: int) -> GraphView:
        walk = _Walk(max(1, limit))
        walk.add(root, 0)
        above, below = [root], [root]
        for hop in range(1, max(up, down) + 1):
            if hop <= up:
                above = self._step(walk, above, hop)
            if hop <= down:
                below = self._step(walk, below, -hop)
        nodes = self._nodes(walk)
        return GraphView(
            root=nodes[0],
            nodes=tuple(nodes),
            edges=tuple(walk.edges.values()),
            cut=walk.cut,
            withheld=walk.withheld,
        )

    def _step(self, walk: _Walk, spots: Sequence[_Spot], hops: int) -> list[_Spot]:
        """Go one hop on from every spot; return the new ones."""
        fresh: list[_Spot] = []
        for spot in spots:
            neighbours = self._rests_on(spot, walk) if hops > 0 else self._rest_on_it(spot, walk)
            for other, relation, words in neighbours:
                if walk.add(other, hops):
                    fresh.append(other)
                source, target = (spot, other) if hops > 0 else (other, spot)
                walk.join(source, target, relation, words)
        return fresh

    def _rests_on(self, spot: _Spot, walk: _Walk) -> Iterator[tuple[_Spot, Relation, str]]:
        """Yield what a spot cites; the root's document's own grounds count for its clauses."""
        if spot.document is None or (spot.article and not spot.passage_id):
            return
        references = self._references.of_passage(spot.passage_id) if spot.passage_id else []
        if spot.passage_id is None or walk.hops[spot.id] == 0:
            references = references + self._references.grounds_of([spot.document.id])
        for reference in references:
            other, withheld = self._target(reference, spot.document)
            walk.withheld = walk.withheld or withheld
            yield other, reference.relation, _said(reference)

    def _rest_on_it(self, spot: _Spot, walk: _Walk) -> Iterator[tuple[_Spot, Relation, str]]:
        """Yield what cites a spot, as far as the reader may know of it."""
        keys = {title_key(spot.title)}
        if spot.document is not None and spot.document.number:
            keys.add(number_key(spot.document.number))
        current = self._is_current(spot)
        for reference in self._references.to(keys, spot.article):
            entry = self._catalogue.entry(reference.document_id)
            if entry is None:
                continue
            document = entry.document
            related = spot.document is not None and _same_version(document, spot.document)
            if not (related if reference.own else current):
                continue
            if not related and standing(document, self._day) not in _COUNTS:
                continue
            if not may_read(self._principal, document):
                hidden = access(self._principal, [document]) == "no_permission"
                walk.withheld = walk.withheld or hidden
                continue
            yield self._source(reference, document, spot), reference.relation, _said(reference)
        yield from self._replaced_by(spot)

    def _source(self, reference: Reference, document: Document, cited: _Spot) -> _Spot:
        """Return the citing clause; the citing document where it is the document that rests on it."""
        key = reference.source.rpartition("#")[2]
        article = key if key.replace("-", "").isdigit() else None
        if reference.relation in ("依据", "实施") and cited.article is None:
            return _Spot(document.title, None, document)
        return _Spot(document.title, article, document, reference.source)

    def _replaced_by(self, spot: _Spot) -> Iterator[tuple[_Spot, Relation, str]]:
        """Yield the successor of a document that is no longer in force, when it is in the base."""
        document = spot.document
        if document is None or not document.superseded_by or document.effective_to is None:
            return
        name, _, edition = document.superseded_by.partition("（")
        versions = [
            e
            for e in self._catalogue.titled(title_key(name))
            if may_read(self._principal, e.document)
            and e.document.effective_from is not None
            and e.document.effective_from >= document.effective_to
        ]
        if versions and spot.article is None:
            first = min(versions, key=lambda e: e.document.effective_from or date.max)
            words = f"自{document.effective_to.isoformat()}起由《{name}》{'（' + edition if edition else ''}替代"
            yield _Spot(first.document.title, None, first.document), "替代", words

    def _target(self, reference: Reference, document: Document) -> tuple[_Spot, bool]:
        if not reference.own:
            return self._resolve(reference.target, reference.name, reference.article)
        family = [
            e.document
            for e in self._catalogue.titled(title_key(document.title))
            if _same_version(e.document, document) and may_read(self._principal, e.document)
        ]
        ordered = sorted(family, key=lambda d: d.id != document.id)
        return self._within(ordered, reference.article) or _Spot(
            document.title, reference.article, document
        ), False

    def _resolve(self, key: str, name: str, article: str | None) -> tuple[_Spot, bool]:
        """Return the spot of a name on the asked day, and whether one is there but not readable."""
        entries = self._catalogue.titled(key) or self._numbered(key)
        versions = preferred(entries, self._day, self._principal)
        if not versions:
            hidden = access(self._principal, [e.document for e in entries]) == "no_permission"
            return _Spot(name, article), hidden
        documents = [e.document for e in same_standing(versions, self._day)]
        spot = self._within(documents, article)
        return spot or _Spot(documents[0].title, article, documents[0]), False

    def _numbered(self, key: str) -> list[Entry]:
        return [
            e
            for e in self._catalogue.entries
            if e.document.number and number_key(e.document.number) == key
        ]

    def _within(self, documents: Sequence[Document], article: str | None) -> _Spot | None:
        if article is None:
            return _Spot(documents[0].title, None, documents[0]) if documents else None
        for document in documents:
            if passage_id := self._references.passage_at(document.id, article):
                return _Spot(document.title, article, document, passage_id)
        return None

    def _is_current(self, spot: _Spot) -> bool:
        """Whether a text that cites the title today means this version."""
        if spot.document is None:
            return True
        versions = preferred(
            self._catalogue.titled(title_key(spot.title)), self._day, self._principal
        )
        current = same_standing(versions, self._day) if versions else []
        return any(e.document.id == spot.document.id for e in current)

    def _nodes(self, walk: _Walk) -> list[GraphNode]:
        wanted = [spot.passage_id for spot in walk.spots.values() if spot.passage_id]
        passages = {p.id: p for p in self._store.get([point_id(i) for i in wanted])}
        nodes = []
        for identity, spot in walk.spots.items():
            passage = passages.get(spot.passage_id or "")
            held = spot.document is not None and (spot.article is None or passage is not None)
            label = passage.article if passage else None
            nodes.append(
                GraphNode(
                    id=identity,
                    title=spot.title,
                    article=label or (article_label(spot.article) if spot.article else None),
                    text=passage.text[:OPENING] if passage else "",
                    status=self._status(spot),
                    in_base=held,
                    hops=walk.hops[identity],
                )
            )
        return nodes

    def _status(self, spot: _Spot) -> Validity:
        if spot.document is not None:
            return standing(spot.document, self._day)
        ended = any(
            self._day >= repeal.ends_on and may_read(self._principal, repeal)
            for repeal in self._catalogue.repeals_of(title_key(spot.title))
        )
        return Validity.REPEALED if ended else Validity.UNKNOWN


def _same_version(one: Document, other: Document) -> bool:
    return (title_key(one.title), one.version) == (title_key(other.title), other.version)


def _said(reference: Reference) -> str:
    return (
        f"{reference.words}（{reference.part}）"
        if reference.own and reference.part
        else (reference.words)
    )
