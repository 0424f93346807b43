"""Retrieval: does the search find the articles that answer a question?

An item is a question with its gold articles, e.g. `{"query": "临时用地的期限是多久",
"gold": ["土地管理法#57"]}`. The system is the knowledge base's hybrid search, all versions, no
permission; beside it on the same items: BM25 over jieba words and over character bigrams, dense
vectors alone, and their reciprocal rank fusion with k = 60 (Cormack et al. 2009).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cspon.errors import InputError, SetupError
from cspon.schemas.base import Frozen
from eval.bench.retrieval import DEPTH, ask, index_corpus, read_set, score
from eval.bm25 import Bm25, bigrams, jieba_words
from eval.task import Definition, Item, Resources, read_definition
from knowledge_base.base import KnowledgeBase
from knowledge_base.search import ROUTES
from knowledge_base.store.protocol import Where, point_id
from llm.embeddings import Embedder

RRF_K = 60
CANDIDATES = 100
"""Candidates that each side gives to the fusion."""
SHORT, LONG = 20, 60
"""Characters of a query up to which it is short, and from which it is long."""


class SetOf(Frozen):
    """A set and the corpus that it speaks of, relative to the shared corpus."""

    set: str
    corpus: str


class RetrievalDefinition(Definition):
    """The definition with the sets that are known by name."""

    sets: dict[str, SetOf]


@dataclass(frozen=True)
class Retrieval:
    """The task."""

    definition: RetrievalDefinition

    def run(self, resources: Resources) -> Iterator[Item]:
        """Ask every question of every set."""
        assert resources.embedder is not None, "the runner checks the needs"
        for name, set_file, corpus in self._sets(resources):
            questions = read_set(set_file)
            resources.say(f"检索集 {name}：{len(questions)} 题，语料 {corpus}")
            folder, names = index_corpus(corpus, resources.folder, resources.embedder)
            with KnowledgeBase.open(folder, resources.embedder) as base:
                systems = Systems(base, resources.embedder, names)
                for number, (query, gold) in enumerate(questions, 1):
                    yield _item(f"{name}-{number}", name, query, gold, systems)
                    if number % 200 == 0:
                        resources.say(f"{name} {number}/{len(questions)}")

    def _sets(self, resources: Resources) -> list[tuple[str, Path, Path]]:
        """Return name, file and corpus of each set to run."""
        known, wanted = self.definition.sets, resources.set
        if wanted is not None and wanted not in known:
            if resources.corpus is None:
                raise InputError(
                    f"给出了检索集 {wanted} 但没有语料",
                    field="--corpus",
                    mend=f"加 --corpus 目录或 JSON，或用已知的集：{'、'.join(known)}",
                )
            return [(Path(wanted).stem, Path(wanted), resources.corpus)]
        if resources.shared is None:
            raise SetupError(
                "找不到共享语料，已知的检索集都在其中",
                mend="设置 CSPON_SHARED，或用 --set 文件 --corpus 目录 给出自己的检索集",
            )
        return [
            (
                name,
                resources.shared / known[name].set,
                resources.corpus or resources.shared / known[name].corpus,
            )
            for name in ([wanted] if wanted else known)
        ]


class Systems:
    """The hybrid search and its baselines over one base.

    Args:
        base: The base.
        embedder: Embedder of the base.
        names: Article ids by passage id.
    """

    def __init__(self, base: KnowledgeBase, embedder: Embedder, names: dict[str, str]) -> None:
        self._base, self._embedder, self._names = base, embedder, names
        passages = list(base.opened().store.scroll(Where()))
        self._ids = [names[p.id] for p in passages]
        self._by_point = {point_id(p.id): names[p.id] for p in passages}
        self.laws = sorted({law_of(name) for name in self._ids} - {""}, key=len, reverse=True)
        texts = [f"{p.title}\n{p.text}" for p in passages]
        self._words, self._bigrams = Bm25(texts, jieba_words), Bm25(texts, bigrams)

    def hybrid(self, query: str) -> list[str]:
        """Return the first ten articles of the product's search."""
        return _once(ask(self._base, self._embedder, query, ROUTES, self._names))

    def baselines(self, query: str) -> dict[str, list[str]]:
        """Return the first ten articles of each baseline."""
        vector = self._embedder.embed_query(query)
        store = self._base.opened().store
        found = store.query_dense(vector, CANDIDATES, Where())
        dense = _once([self._by_point[f.id] for f in found])
        words = _once([self._ids[n] for n in self._words.search(query, CANDIDATES)])
        pairs = _once([self._ids[n] for n in self._bigrams.search(query, CANDIDATES)])
        rankings = {
            "bm25_jieba": words,
            "bm25_bigrams": pairs,
            "dense": dense,
            "rrf": plain_rrf([dense, pairs]),
        }
        return {name: ranking[:DEPTH] for name, ranking in rankings.items()}


def plain_rrf(rankings: Sequence[Sequence[str]]) -> list[str]:
    """Fuse rankings by Σ 1 / (60 + rank), all alike; ties fall by name."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, name in enumerate(ranking, 1):
            scores[name] = scores.get(name, 0.0) + 1 / (RRF_K + rank)
    return sorted(scores, key=lambda name: (-scores[name], name))


def law_of(name: str) -> str:
    """Return the law of an article's id: of 土地管理法#57, or of 土地管理法第五十七条."""
    return re.split(r"#|第[零〇一二三四五六七八九十百千]+条", name, maxsplit=1)[0]


def _once(names: Sequence[str]) -> list[str]:
    """Keep the first place of each name; an article may stand in several passages."""
    return list(dict.fromkeys(names))


def _item(
    identity: str, set_name: str, query: str, gold: tuple[str, ...], systems: Systems
) -> Item:
    found = systems.hybrid(query)
    others = systems.baselines(query)
    compact = re.sub(r"\s|《|》", "", query)
    law = law_of(gold[0])
    length = len(query.strip())
    return Item(
        id=identity,
        scores=score(found, gold),
        baselines={name: score(ranking, gold) for name, ranking in others.items()},
        slices={
            "set": set_name,
            "names_a_law": "yes" if any(t in compact for t in systems.laws) else "no",
            "length": "short" if length <= SHORT else "long" if length >= LONG else "medium",
            "gold": "one" if len(gold) == 1 else "several",
            "law": law.removeprefix("中华人民共和国"),
        },
        detail={
            "query": query,
            "gold": list(gold),
            "found": found,
            "gold_rank": _rank(found, gold),
            "baseline_gold_rank": {name: _rank(ranking, gold) for name, ranking in others.items()},
        },
    )


def _rank(found: Sequence[str], gold: Sequence[str]) -> int | None:
    """Return the rank of the first gold article among the first ten."""
    return next((rank for rank, name in enumerate(found, 1) if name in gold), None)


task = Retrieval(read_definition("retrieval", RetrievalDefinition))
