"""The routes of a search: each asks the store under the same condition and brings candidates.

dense: the question's vector; lexical: its words and character pairs; bare: what it is about,
without titles and asking words; related: statute words for its lay words; named: dense and lexical
inside the documents that it names; memory: clauses of questions like it; exact: what it names.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from knowledge_base.catalogue import Catalogue
from knowledge_base.learned.adaptation import adapted
from knowledge_base.learned.memory import Recall, memory_for
from knowledge_base.learned.pairs import bare
from knowledge_base.learned.related import expansion, reworded
from knowledge_base.lexical import SparseTokens, query_vector, search_parameters
from knowledge_base.retrieve.query import Named
from knowledge_base.store.protocol import Found, Store, Where, point_id
from knowledge_base.titles import number_key
from llm.embeddings import Embedder, Vectors

ROUTES = ("dense", "lexical", "bare", "related", "named", "memory", "exact")
MOST_EXACT = 20
EMPTY = SparseTokens((), ())
NOTHING = Recall({}, {})


@dataclass
class Timing:
    """Milliseconds of one search, by part."""

    embed_ms: float = 0.0
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
    vector: Vectors | None
    """In the space of the index."""
    sparse: SparseTokens
    bare: SparseTokens
    related: SparseTokens
    recall: Recall
    """What the memory says of it."""


def prepare(query: str, embedder: Embedder, routes: Sequence[str], timing: Timing) -> Asked:
    """Embed a question, cut it and look for one like it, as far as the routes need it."""
    asking = query
    query = reworded(query)
    begun = time.perf_counter()
    dense = any(r in routes for r in ("dense", "named", "memory"))
    own = embedder.embed_query(query) if dense else None
    embedded = time.perf_counter()
    memory = memory_for(embedder) if "memory" in routes else None
    asked = Asked(
        text=query,
        vector=None if own is None else adapted(own, embedder),
        sparse=query_vector(query) if {"lexical", "named"} & set(routes) else EMPTY,
        bare=query_vector(bare(query)) if "bare" in routes else EMPTY,
        related=expansion(asking) if "related" in routes else EMPTY,
        recall=memory.recall(own, query) if memory and own is not None else NOTHING,
    )
    timing.embed_ms += (embedded - begun) * 1000
    timing.tokens_ms += (time.perf_counter() - embedded) * 1000
    return asked


def gather(
    asked: Asked,
    named: Named,
    *,
    store: Store,
    catalogue: Catalogue,
    where: Where,
    routes: Sequence[str],
) -> Gathered:
    """Ask the store by each route.

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
    found: dict[str, list[Found]] = {}
    if "dense" in routes and asked.vector is not None:
        found["dense"] = store.query_dense(asked.vector, depth, where)
    for route, sparse in (
        ("lexical", asked.sparse),
        ("bare", asked.bare),
        ("related", asked.related),
    ):
        if route in routes and sparse.indices:
            found[route] = store.query_sparse(sparse, depth, where)
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
        rankings["exact"] = _exact(named, store, catalogue, where)
    scores = {route: {f.id: f.score for f in hits} for route, hits in found.items()}
    return Gathered(rankings, scores, titles, asked.recall)


def _remembered(recall: Recall, store: Store, where: Where) -> list[str]:
    found: list[str] = []
    for title, article in recall.best():
        passages = store.scroll(replace(where, title_keys=(title,), article_key=article))
        found.extend(point_id(p.id) for p, _ in zip(passages, range(MOST_EXACT), strict=False))
    return list(dict.fromkeys(found))


def _exact(named: Named, store: Store, catalogue: Catalogue, where: Where) -> list[str]:
    """Return the articles that the query names, newest version first, then documents by number."""
    found: list[str] = []
    for title, article in named.articles:
        passages = store.scroll(replace(where, title_keys=(title,), article_key=article))
        newest = sorted(passages, key=lambda p: p.effective_from or date.min, reverse=True)
        found.extend(point_id(p.id) for p in newest[:MOST_EXACT])
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
