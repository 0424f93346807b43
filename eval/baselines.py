"""What retrieval is measured against: plain BM25, dense vectors alone, and their plain fusion.

Nothing in them is tuned. BM25 reads title and text, with jieba as it comes or with character
bigrams; dense is the embedder's own space, as it comes, searched exhaustively; `rrf` is the reciprocal
rank fusion of dense and bigrams with k = 60 and equal weights (Cormack, Clarke & Büttcher 2009).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cspon.schemas.knowledge import Passage
from eval.bm25 import Bm25, bigrams, jieba_words
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.index import CACHE
from knowledge_base.ingest.vector_cache import VectorCache, embed_all, read_shipped
from knowledge_base.passage_text import embedding_text, vector_key
from knowledge_base.store.protocol import Where
from llm.embeddings import Embedder, Vectors

RRF_K = 60
CANDIDATES = 100
"""Candidates that each side gives to the fusion."""


class Baselines:
    """The baselines over one base, without conditions.

    Args:
        base: The base.
        embedder: Embedder of the base.
        names: Id that a set uses, by passage id.
    """

    def __init__(self, base: KnowledgeBase, embedder: Embedder, names: dict[str, str]) -> None:
        self._embedder = embedder
        passages = list(base.opened().store.scroll(Where()))
        self._ids = [names[p.id] for p in passages]
        self._vectors = _own_vectors(passages, Path(base.status().folder), embedder)
        texts = [f"{p.title}\n{p.text}" for p in passages]
        self._words, self._bigrams = Bm25(texts, jieba_words), Bm25(texts, bigrams)

    def rankings(self, query: str, k: int) -> dict[str, list[str]]:
        """Return the first k ids of bm25_jieba, bm25_bigrams, dense and rrf."""
        cosines = self._vectors @ self._embedder.embed_query(query)
        nearest = np.argsort(-cosines, kind="stable")[:CANDIDATES]
        dense = once([self._ids[int(n)] for n in nearest])
        words = once([self._ids[n] for n in self._words.search(query, CANDIDATES)])
        pairs = once([self._ids[n] for n in self._bigrams.search(query, CANDIDATES)])
        rankings = {
            "bm25_jieba": words,
            "bm25_bigrams": pairs,
            "dense": dense,
            "rrf": plain_rrf([dense, pairs]),
        }
        return {name: ranking[:k] for name, ranking in rankings.items()}


def _own_vectors(passages: Sequence[Passage], folder: Path, embedder: Embedder) -> Vectors:
    """Return the embedder's own vectors, which the base keeps in its cache, shape (n, dim)."""
    texts = [embedding_text(p) for p in passages]
    cache = VectorCache(folder / CACHE, read_shipped(embedder.name))
    try:
        found, _ = embed_all(texts, embedder, cache)
    finally:
        cache.close()
    return np.stack([found[vector_key(text, embedder.name)] for text in texts])


def once(names: Sequence[str]) -> list[str]:
    """Keep the first place of each name; an article may stand in several passages."""
    return list(dict.fromkeys(names))


def plain_rrf(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Fuse rankings by Σ 1 / (60 + rank), all alike; ties fall by name."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda name: (-scores[name], name))
