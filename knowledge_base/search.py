"""Hybrid search: dense, lexical, the laws and the articles that the query names, fused by rank.

Reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009): score = Σ weight / (k + rank).
Validity and permission are conditions of every route's query.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cspon.schemas.knowledge import SearchHit, Validity
from knowledge_base.access import Reader, readable_by
from knowledge_base.catalogue import Catalogue
from knowledge_base.known import known_names
from knowledge_base.lexical import query_vector, search_parameters
from knowledge_base.query import Named, named_in
from knowledge_base.store.protocol import Store, Where, point_id
from knowledge_base.titles import number_key
from knowledge_base.validity import standing, successor
from llm.embeddings import Embedder

ROUTES = ("dense", "lexical", "named", "exact")
MOST_EXACT = 20


@dataclass
class Timing:
    """Milliseconds of one search, by part."""

    embed_ms: float = 0.0
    tokens_ms: float = 0.0
    store_ms: float = 0.0


def hybrid_search(
    query: str,
    *,
    store: Store,
    catalogue: Catalogue,
    embedder: Embedder,
    k: int,
    on_date: date,
    principal: Reader,
    include_repealed: bool = False,
    within: Where | None = None,
    routes: Sequence[str] = ROUTES,
    timing: Timing | None = None,
) -> list[SearchHit]:
    """Return the k best passages that the principal may read.

    Args:
        query: A question, key words, a law's name, “土地管理法35条” or a document number.
        store: The index.
        catalogue: The documents behind the passages.
        embedder: The embedder that the index was built with.
        k: Most hits.
        on_date: Only versions in force on this day, and those whose standing is unclear.
        principal: Who asks.
        include_repealed: Bring repealed, replaced and not yet effective versions too, marked.
        within: An extra condition, e.g. kinds or regions.
        routes: Routes to use; baselines use one.
        timing: Filled in when given.
    """
    timing = timing if timing is not None else Timing()
    if not query.strip() or k < 1:
        return []
    day = None if include_repealed else on_date
    where = readable_by(principal, replace(within or Where(), on_date=day))
    named = named_in(query, known_names(catalogue, principal))
    rankings = _rankings(query, named, store, catalogue, embedder, where, routes, timing)
    fused = fuse(rankings)[:k]
    begun = time.perf_counter()
    passages = {point_id(p.id): p for p in store.get([identity for identity, _ in fused])}
    timing.store_ms += (time.perf_counter() - begun) * 1000
    hits = []
    for identity, score in fused:
        if (passage := passages.get(identity)) is None:
            continue
        entry = catalogue.entry(passage.document_id)
        hits.append(
            SearchHit(
                passage=passage,
                validity=standing(entry.document, on_date) if entry else Validity.UNKNOWN,
                score=score,
                successor=successor(entry.document, on_date) if entry else None,
                routes={
                    route: ids.index(identity) + 1
                    for route, ids in rankings.items()
                    if identity in ids
                },
            )
        )
    return hits


def _rankings(
    query: str,
    named: Named,
    store: Store,
    catalogue: Catalogue,
    embedder: Embedder,
    where: Where,
    routes: Sequence[str],
    timing: Timing,
) -> dict[str, list[str]]:
    depth = search_parameters().depth
    rankings: dict[str, list[str]] = {}
    titles = {e for e in named.titles if catalogue.titled(e)}
    begun = time.perf_counter()
    wants_dense = "dense" in routes or ("named" in routes and titles)
    vector = embedder.embed_query(query) if wants_dense else None
    embedded = time.perf_counter()
    wants_sparse = "lexical" in routes or ("named" in routes and titles)
    sparse = query_vector(query) if wants_sparse else None
    tokenised = time.perf_counter()
    if "dense" in routes and vector is not None:
        rankings["dense"] = [f.id for f in store.query_dense(vector, depth, where)]
    if "lexical" in routes and sparse is not None:
        rankings["lexical"] = [f.id for f in store.query_sparse(sparse, depth, where)]
    if "named" in routes and titles and vector is not None and sparse is not None:
        inside = replace(where, title_keys=tuple(sorted(titles)))
        inner = {
            "dense": [f.id for f in store.query_dense(vector, depth, inside)],
            "lexical": [f.id for f in store.query_sparse(sparse, depth, inside)],
        }
        rankings["named"] = [identity for identity, _ in fuse(inner)[:depth]]
    if "exact" in routes:
        rankings["exact"] = _exact(named, store, catalogue, where)
    timing.embed_ms += (embedded - begun) * 1000
    timing.tokens_ms += (tokenised - embedded) * 1000
    timing.store_ms += (time.perf_counter() - tokenised) * 1000
    return rankings


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
    """Fuse rankings by reciprocal rank; ties fall by id, so that results repeat."""
    parameters = search_parameters()
    scores: dict[str, float] = {}
    for route, ids in rankings.items():
        weight = parameters.weights.get(route, 1.0)
        for rank, identity in enumerate(ids, 1):
            scores[identity] = scores.get(identity, 0.0) + weight / (parameters.rrf_k + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
