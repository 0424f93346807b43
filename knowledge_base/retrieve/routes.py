"""The routes of a search: each asks the store under the same condition and brings candidates.

dense: the question's vector; lexical: its words and character pairs; bare: what it is about,
without titles and asking words; related: statute words for its lay words; named: dense and lexical
inside the documents that it names; memory: clauses of questions like it; exact: what it names;
code: passages that use the code of land use or the layer that it names.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

from cspon.schemas.knowledge import Passage
from knowledge_base.catalogue import Catalogue
from knowledge_base.labels import Label, find_clause
from knowledge_base.learned.adaptation import Adaptation, adaptation_for
from knowledge_base.learned.memory import QuestionMemory, Recall, memory_for
from knowledge_base.learned.pairs import bare
from knowledge_base.learned.related import Related, expansion, related_words, reworded
from knowledge_base.lexical import SparseTokens, query_vector, search_parameters
from knowledge_base.retrieve.codes import use_of
from knowledge_base.retrieve.pending import PendingVector
from knowledge_base.retrieve.query import Named
from knowledge_base.store.protocol import Found, Store, Where, point_id
from knowledge_base.titles import number_key
from llm.embeddings import Embedder, Vectors

ROUTES = ("dense", "lexical", "bare", "related", "named", "memory", "exact", "code")
MOST_EXACT = 20
MOST_CODED = 5
"""Passages that one code brings."""
EMPTY = SparseTokens((), ())
NOTHING = Recall({}, {})


@dataclass
class Timing:
    """Milliseconds of one search, by part; embedding runs beside cutting and the routes of words."""

    embed_ms: float = 0.0
    waited_ms: float = 0.0
    """How long the search had nothing to do but wait for the embedding."""
    tokens_ms: float = 0.0
    store_ms: float = 0.0
    rank_ms: float = 0.0


@dataclass(frozen=True)
class Gathered:
    """What the routes brought."""

    rankings: Mapping[str, Sequence[str]]
    """Engine ids by route, best first."""
    scores: Mapping[str, Mapping[str, float]]
    titles: frozenset[str] = frozenset()
    """Keys of the titles that the question names and the base has."""
    recall: Recall = field(default_factory=lambda: Recall({}, {}))


@dataclass(frozen=True)
class Asked:
    """A question with its vectors."""

    text: str
    own: Vectors | PendingVector | None
    """Its vector in the embedder's own space."""
    sparse: SparseTokens
    bare: SparseTokens
    related: SparseTokens
    adaptation: Adaptation | None
    memory: QuestionMemory | None

    @cached_property
    def _own(self) -> Vectors | None:
        return self.own.result() if isinstance(self.own, PendingVector) else self.own

    @cached_property
    def vector(self) -> Vectors | None:
        """Its vector in the space of the index; waits for it when it is pending."""
        if self.adaptation is None or self._own is None:
            return self._own
        return self.adaptation.apply(self._own)

    @cached_property
    def recall(self) -> Recall:
        """What the memory says of it; waits for its vector when it is pending."""
        if self.memory is None or self._own is None:
            return NOTHING
        return self.memory.recall(self._own, self.text)


def prepare(query: str, embedder: Embedder, routes: Sequence[str], timing: Timing) -> Asked:
    """Begin to embed a question, and cut it, as far as the routes need it."""
    begun = time.perf_counter()
    dense = any(r in routes for r in ("dense", "named", "memory"))
    asked = ask(
        query,
        PendingVector(embedder, reworded(query)) if dense else None,
        adaptation=adaptation_for(embedder) if dense else None,
        memory=memory_for(embedder) if "memory" in routes else None,
        table=related_words() if "related" in routes else {},
        routes=routes,
    )
    timing.tokens_ms += (time.perf_counter() - begun) * 1000
    return asked


def ask(
    query: str,
    own: Vectors | PendingVector | None,
    *,
    adaptation: Adaptation | None,
    memory: QuestionMemory | None,
    table: Related,
    routes: Sequence[str] = ROUTES,
) -> Asked:
    """Return a question as the routes take it: the same when searching and when fitting.

    Args:
        query: What was typed.
        own: Vector of its reworded text in the embedder's own space, maybe still being computed.
        adaptation: The learned map of that space; None leaves it.
        memory: Remembered questions.
        table: Statute words of lay words.
        routes: Routes that will be taken.
    """
    text = reworded(query)
    return Asked(
        text=text,
        own=own,
        sparse=query_vector(text) if {"lexical", "named"} & set(routes) else EMPTY,
        bare=query_vector(bare(text)) if "bare" in routes else EMPTY,
        related=expansion(query, table) if table else EMPTY,
        adaptation=adaptation,
        memory=memory,
    )


def gather(
    asked: Asked,
    named: Named,
    *,
    store: Store,
    catalogue: Catalogue,
    where: Where,
    routes: Sequence[str],
) -> Gathered:
    """Ask the store by each route; those that need no vector come first, for it may be pending.

    Args:
        asked: The question.
        named: What it names.
        store: The index.
        catalogue: The documents behind the passages.
        where: Permission, validity and narrowing.
        routes: Which routes.
    """
    depth = search_parameters().depth
    titles = frozenset(t for t in named.titles if catalogue.titled(t))
    by_words = {
        route: store.query_sparse(sparse, depth, where)
        for route, sparse in (
            ("lexical", asked.sparse),
            ("bare", asked.bare),
            ("related", asked.related),
        )
        if route in routes and sparse.indices
    }
    exact = _exact(named, store, catalogue, where) if "exact" in routes else []
    found: dict[str, list[Found]] = {}
    if "dense" in routes and asked.vector is not None:
        found["dense"] = store.query_dense(asked.vector, depth, where)
    found |= by_words
    rankings = {route: [f.id for f in hits] for route, hits in found.items()}
    if "named" in routes and titles and asked.vector is not None:
        inside = replace(where, title_keys=tuple(sorted(titles)))
        inner = {
            "dense": store.query_dense(asked.vector, depth, inside),
            "lexical": store.query_sparse(asked.sparse, depth, inside),
        }
        rankings["named"] = [
            i for i, _ in fuse({r: [f.id for f in hits] for r, hits in inner.items()})[:depth]
        ]
        for route, hits in inner.items():
            found[route] = [*found.get(route, []), *hits]
    if "memory" in routes:
        rankings["memory"] = _remembered(asked.recall, store, where)
    if "exact" in routes:
        rankings["exact"] = exact
    if "code" in routes and named.codes:
        rankings["code"] = _coded(named.codes, asked.bare, store, where)
    scores = {route: {f.id: f.score for f in hits} for route, hits in found.items()}
    return Gathered(rankings, scores, titles, asked.recall)


def _remembered(recall: Recall, store: Store, where: Where) -> list[str]:
    found: list[str] = []
    for title, article in recall.best():
        passages = store.scroll(replace(where, title_keys=(title,), article_key=article))
        found.extend(point_id(p.id) for p, _ in zip(passages, range(MOST_EXACT), strict=False))
    return list(dict.fromkeys(found))


def _exact(named: Named, store: Store, catalogue: Catalogue, where: Where) -> list[str]:
    """Return the articles that the query names, newest version first, clauses, documents by number."""
    found: list[str] = []
    for title, article in named.articles:
        passages = store.scroll(replace(where, title_keys=(title,), article_key=article))
        newest = sorted(passages, key=lambda p: p.effective_from or date.min, reverse=True)
        found.extend(point_id(p.id) for p in newest[:MOST_EXACT])
    for owner, label in named.labels:
        found.extend(_labelled(owner, label, store, where)[:MOST_EXACT])
    if named.numbers:
        ids = tuple(
            e.document.id
            for e in catalogue.entries
            if e.document.number and number_key(e.document.number) in named.numbers
        )
        if ids:
            passages = store.scroll(replace(where, document_ids=ids))
            found.extend(point_id(p.id) for p, _ in zip(passages, range(MOST_EXACT), strict=False))
    return list(dict.fromkeys(found))


def _labelled(owner: str | None, label: Label, store: Store, where: Where) -> list[str]:
    """Return the passages of a clause of a standard or an attachment, document by document."""
    if owner is not None:
        where = replace(where, title_keys=(owner,))
    if label.clause:  # its number is a word of the passage's label and of the headings below it
        depth = search_parameters().depth
        hits = store.query_sparse(query_vector(label.clause), depth, where)
        passages = store.get([f.id for f in hits])
    else:
        passages = list(store.scroll(where))
    documents: dict[str, list[Passage]] = {}
    for passage in passages:
        documents.setdefault(passage.document_id, []).append(passage)
    clauses = [find_clause(label, own) for own in documents.values()]
    return [point_id(p.id) for clause in clauses if clause for p in clause.passages]


def _coded(codes: Sequence[str], about: SparseTokens, store: Store, where: Where) -> list[str]:
    """Return the passages that use a code as one, then those where it stands, best matching first.

    The code alone finds them; what else the question says orders those that use it alike.
    """
    depth = search_parameters().depth
    found: list[str] = []
    for code in codes:
        token = query_vector(code)
        holders = [f.id for f in store.query_sparse(token, depth, where)]
        passages = {point_id(p.id): p for p in store.get(holders)}
        said = {f.id: n for n, f in enumerate(store.query_sparse(about, depth, where))}
        uses = {i: use_of(code, passages[i]) for i in holders if i in passages}
        ordered = sorted((i for i in uses if uses[i]), key=lambda i: (-uses[i], said.get(i, depth)))
        found.extend(ordered[:MOST_CODED])
    return list(dict.fromkeys(found))


def fuse(rankings: Mapping[str, Sequence[str]]) -> list[tuple[str, float]]:
    """Fuse rankings by reciprocal rank; ties fall by id, so that results repeat.

    Cormack, Clarke & Büttcher, SIGIR 2009: score = Σ weight / (k + rank).
    """
    parameters = search_parameters()
    scores: dict[str, float] = {}
    for route, ids in rankings.items():
        weight = parameters.weights.get(route, 1.0)
        for rank, identity in enumerate(ids, 1):
            scores[identity] = scores.get(identity, 0.0) + weight / (parameters.rrf_k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
