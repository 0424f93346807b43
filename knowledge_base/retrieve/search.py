"""Hybrid search: candidates of several routes, ordered by the learned fusion.

Validity and permission are conditions of every route's query, never filters of its results.
Without a fitted fusion, and for baselines, ranks are fused (reciprocal rank fusion).
"""

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from cspon.errors import ModelUnavailable
from cspon.schemas.knowledge import Passage, SearchHit, Validity
from knowledge_base.access import Reader, readable_by
from knowledge_base.catalogue import Catalogue
from knowledge_base.known import known_names
from knowledge_base.learned.pairs import pairs
from knowledge_base.lexical import search_parameters
from knowledge_base.passage_text import embedding_text
from knowledge_base.retrieve.pending import PendingVector
from knowledge_base.retrieve.query import named_in
from knowledge_base.retrieve.rank import Candidate, Fusion, Query, features, fusion
from knowledge_base.retrieve.routes import ROUTES, Gathered, Timing, fuse, gather, prepare
from knowledge_base.store.protocol import Store, Where, point_id
from knowledge_base.validity import standing, successor
from llm.embeddings import Embedder
from llm.rerank import Reranker

__all__ = ["ROUTES", "Timing", "fuse", "hybrid_search"]

RERANKED = 30
"""Passages that a reranking model sees."""
SAME_TEXT = 0.9
"""Share of common character pairs from which two clauses of different documents say the same."""
_log = logging.getLogger(__name__)


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
    reranker: Reranker | None = None,
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
        routes: Routes to use; with fewer than all, ranks are fused.
        reranker: A cross-encoder that orders the best again; if it fails their order stays.
        timing: Filled in when given.
    """
    timing = timing if timing is not None else Timing()
    if not query.strip() or k < 1:
        return []
    day = None if include_repealed else on_date
    where = readable_by(principal, replace(within or Where(), on_date=day))
    asked = prepare(query, embedder, routes, timing)
    begun = time.perf_counter()
    gathered = gather(
        asked,
        named_in(query, known_names(catalogue, principal)),
        store=store,
        catalogue=catalogue,
        where=where,
        routes=routes,
    )
    learned = fusion() if set(routes) == set(ROUTES) else None
    pool = fuse(gathered.rankings)[: max(k, search_parameters().pool if learned else k)]
    candidates = read_candidates([identity for identity, _ in pool], store, catalogue)
    timing.store_ms += (time.perf_counter() - begun) * 1000
    if isinstance(asked.own, PendingVector):
        timing.embed_ms += asked.own.embed_ms
        timing.waited_ms += asked.own.waited_ms
        timing.store_ms -= asked.own.waited_ms
    begun = time.perf_counter()
    if learned is None:
        ranked = [(c, dict(pool)[c.id]) for c in candidates]
    else:
        ranked = order(asked.text, candidates, gathered, learned)
        ranked = _repeats_last(ranked, k)
    if reranker is not None:
        ranked = _reranked(query, ranked, reranker, frozenset(named_first(gathered)))
    timing.rank_ms += (time.perf_counter() - begun) * 1000
    return [_hit(c, score, gathered, on_date) for c, score in ranked[:k]]


def read_candidates(ids: Sequence[str], store: Store, catalogue: Catalogue) -> list[Candidate]:
    """Read the passages of a pool, in its order."""
    found = []
    for passage in store.get(ids):
        entry = catalogue.entry(passage.document_id)
        found.append(
            Candidate(
                point_id(passage.id),
                passage,
                entry.document if entry else None,
                entry.passages if entry else 1,
            )
        )
    return found


def ask_of(query: str, gathered: Gathered) -> Query:
    """Return what the ranking knows of a question."""
    return Query(
        query,
        gathered.titles,
        gathered.scores,
        frozenset(gathered.rankings.get("exact", ())),
        gathered.recall,
    )


def order(
    query: str, candidates: Sequence[Candidate], gathered: Gathered, learned: Fusion
) -> list[tuple[Candidate, float]]:
    """Order candidates by the learned fusion; what the query names stands first, then its codes."""
    if not candidates:
        return []
    asked = ask_of(query, gathered)
    scores = learned.scores(features(asked, candidates))
    exact = {identity: n for n, identity in enumerate(named_first(gathered))}
    ranked = [(c, float(s)) for c, s in zip(candidates, scores, strict=True)]
    return sorted(ranked, key=lambda r: (exact.get(r[0].id, len(exact)), -r[1], r[0].id))


def named_first(gathered: Gathered) -> list[str]:
    """Return what the query names, by engine id: articles and documents, then users of its codes."""
    routes = (gathered.rankings.get(route, ()) for route in ("exact", "code"))
    return list(dict.fromkeys(identity for route in routes for identity in route))


def _repeats_last(
    ranked: Sequence[tuple[Candidate, float]], k: int
) -> list[tuple[Candidate, float]]:
    """Put clauses that repeat a better one of another document behind the first k."""
    first: list[tuple[Candidate, float, frozenset[str]]] = []
    later: list[tuple[Candidate, float]] = []
    for place, (candidate, score) in enumerate(ranked):
        if len(first) >= k:
            later.extend(ranked[place:])
            break
        mine = frozenset(pairs(candidate.passage.text))
        if any(_same(candidate.passage, mine, c.passage, theirs) for c, _, theirs in first):
            later.append((candidate, score))
        else:
            first.append((candidate, score, mine))
    return [*((c, s) for c, s, _ in first), *later]


def _same(one: Passage, mine: frozenset[str], other: Passage, theirs: frozenset[str]) -> bool:
    if one.title == other.title:
        return False  # versions of one clause are told apart by their dates
    return len(mine & theirs) >= SAME_TEXT * max(len(mine | theirs), 1)


def _reranked(
    query: str,
    ranked: list[tuple[Candidate, float]],
    reranker: Reranker,
    exact: frozenset[str],
) -> list[tuple[Candidate, float]]:
    head = [r for r in ranked[:RERANKED] if r[0].id not in exact]
    if not head:
        return ranked
    try:
        scores = reranker.rerank(query, [embedding_text(c.passage) for c, _ in head])
    except ModelUnavailable as error:
        _log.warning("重排服务不可用，按融合结果排序：%s", error)
        return ranked
    again = sorted(zip(head, scores, strict=True), key=lambda r: (-r[1], r[0][0].id))
    named = [r for r in ranked[:RERANKED] if r[0].id in exact]
    return [*named, *((c, score) for (c, _), score in again), *ranked[RERANKED:]]


def _hit(candidate: Candidate, score: float, gathered: Gathered, on_date: date) -> SearchHit:
    document = candidate.document
    return SearchHit(
        passage=candidate.passage,
        validity=standing(document, on_date) if document else Validity.UNKNOWN,
        score=score,
        successor=successor(document, on_date) if document else None,
        routes={
            route: list(ids).index(candidate.id) + 1
            for route, ids in gathered.rankings.items()
            if candidate.id in ids
        },
    )
