"""Indexed corpora of labelled questions, and the features of questions under one state of learning."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cspon.schemas.agent import Principal
from eval.retrieval_fit.labels import Question
from eval.retrieval_fit.linear_map import Matrix
from eval.retrieval_fit.map_worth import Worth, map_worth
from eval.retrieval_fit.weights import Ranking
from knowledge_base.access import readable_by
from knowledge_base.catalogue import Catalogue, Entry
from knowledge_base.ingest.vector_cache import Progress, VectorCache, embed_all, read_shipped
from knowledge_base.known import known_names
from knowledge_base.laws import Law
from knowledge_base.learned.adaptation import Adaptation
from knowledge_base.learned.memory import Clause, QuestionMemory
from knowledge_base.learned.pairs import pair_hashes
from knowledge_base.learned.related import Related, reworded
from knowledge_base.lexical import (
    SparseTokens,
    lexical_recipe,
    passage_vector,
    search_parameters,
)
from knowledge_base.passage_text import RECIPE, embedding_text, lexical_text, vector_key
from knowledge_base.retrieve.query import named_in
from knowledge_base.retrieve.rank import Fusion, features
from knowledge_base.retrieve.routes import ROUTES, ask, fuse, gather
from knowledge_base.retrieve.search import ask_of, read_candidates
from knowledge_base.store.edge import EdgeStore
from knowledge_base.store.protocol import Point, Store, point_id
from knowledge_base.titles import title_key
from llm.embeddings import Embedder

BATCH = 1024


@dataclass(frozen=True)
class Learned:
    """One state of what is learned."""

    matrix: Matrix
    memory: QuestionMemory | None
    """In the embedder's own space."""
    related: Related
    """The learned rows alone."""
    expands: Related
    """The rows that a search uses: learned and written."""


class LabelledCorpus:
    """A corpus with its questions: vectors are made once and cached."""

    def __init__(
        self,
        name: str,
        laws: Sequence[Law],
        questions: Sequence[Question],
        *,
        cache: Path,
        embedder: Embedder,
        remembered: bool,
        tell: Progress,
    ) -> None:
        self.name, self.questions, self.remembered = name, questions, remembered
        self.passages = [
            p.model_copy(update={"ordinal": n}) for law in laws for n, p in enumerate(law.passages)
        ]
        self._documents = {law.document.id: law.document for law in laws}
        self.embedder = embedder
        texts = [embedding_text(p) for p in self.passages]
        held = VectorCache(cache, read_shipped(embedder.name))
        try:
            tell(f"{name}：准备向量 {len(texts)} 条")
            found, _ = embed_all(texts, embedder, held, tell)
        finally:
            held.close()
        self.vectors: Matrix = np.stack([found[vector_key(t, embedder.name)] for t in texts])
        tell(f"{name}：准备字词向量")
        self._sparse: list[SparseTokens] = [passage_vector(lexical_text(p)) for p in self.passages]
        tell(f"{name}：准备问句向量 {len(questions)} 条")
        self.asked: Matrix = self.embed(questions)
        self.catalogue = Catalogue(
            embedder=embedder.name,
            dim=embedder.dim,
            recipe=RECIPE,
            lexical=lexical_recipe(),
            store="edge",
            built_at=datetime.now(UTC),
            entries=tuple(
                Entry(document=law.document, origin="file", passages=len(law.passages))
                for law in laws
            ),
            lexicon=tuple(
                sorted(
                    {title_key(p.title) for p in self.passages}
                    | {title_key(law.document.title) for law in laws}
                )
            ),
        )
        self._index = {point_id(p.id): n for n, p in enumerate(self.passages)}

    def embed(self, questions: Sequence[Question]) -> Matrix:
        """Return questions in the embedder's own space, as a search embeds them, shape (n, dim)."""
        return np.stack([self.embedder.embed_query(reworded(q.text)) for q in questions])

    def map_worth(self, chosen: Sequence[int], learned: Learned) -> list[Worth]:
        """Return what the map does for dense search alone, for the chosen questions."""
        gold = [self.questions[n].gold for n in chosen]
        return map_worth(self.vectors, self.asked[list(chosen)], gold, learned.matrix)

    def clauses(self, question: Question) -> list[Clause]:
        """Return the clauses that govern a question, as a memory keeps them."""
        return [
            (title_key(self.passages[g].title), self.passages[g].article_key or "")
            for g in question.gold
        ]

    def indexed(self, folder: Path, matrix: Matrix) -> Store:
        """Write an index of the corpus in the space of a map."""
        shutil.rmtree(folder, ignore_errors=True)
        mapped = Adaptation(matrix, "").apply(self.vectors)
        store = EdgeStore.create(folder, self.embedder.dim)
        for start in range(0, len(self.passages), BATCH):
            store.upsert(
                [
                    self._point(n, mapped[n])
                    for n in range(start, min(start + BATCH, len(self.passages)))
                ]
            )
        store.flush()
        return store

    def _point(self, n: int, dense: Matrix) -> Point:
        passage = self.passages[n]
        document = self._documents[passage.document_id]
        return Point(
            passage,
            dense,
            self._sparse[n],
            kind=document.kind,
            level=document.level,
            region=document.region or "",
        )

    def rankings(
        self, chosen: Sequence[int], learned: Learned, store: Store
    ) -> list[tuple[Ranking, list[int]]]:
        """Return for each chosen question its candidates' features, and their passage indices."""
        space = Adaptation(learned.matrix, "")
        return [self._ranking(n, learned, space, store) for n in chosen]

    def _ranking(
        self,
        n: int,
        learned: Learned,
        space: Adaptation,
        store: Store,
    ) -> tuple[Ranking, list[int]]:
        question = self.questions[n]
        asked = ask(
            question.text,
            self.asked[n],
            adaptation=space,
            memory=learned.memory,
            table=learned.expands,
        )
        everyone = Principal()
        gathered = gather(
            asked,
            named_in(question.text, known_names(self.catalogue, everyone)),
            store=store,
            catalogue=self.catalogue,
            where=readable_by(everyone),
            routes=ROUTES,
        )
        pool = [i for i, _ in fuse(gathered.rankings)[: search_parameters().pool]]
        candidates = read_candidates(pool, store, self.catalogue)
        indices = [self._index[c.id] for c in candidates]
        gold = np.isin(indices, question.gold)
        return Ranking(features(ask_of(asked.text, gathered), candidates), gold), indices


def ranked(ranking: Ranking, indices: Sequence[int], fusion: Fusion) -> list[int]:
    """Return passage indices, best first."""
    order_ = np.argsort(-fusion.scores(ranking.features), kind="stable")
    return [indices[i] for i in order_]


def remember(
    corpora: Sequence[LabelledCorpus], training: Mapping[str, Sequence[int]]
) -> QuestionMemory | None:
    """Return the memory of the training questions of the corpora that are remembered."""
    vectors: list[Matrix] = []
    rows: list[npt.NDArray[np.uint32]] = []
    clauses: list[list[Clause]] = []
    for corpus in corpora:
        if not corpus.remembered:
            continue
        for n in training[corpus.name]:
            vectors.append(corpus.asked[n])
            rows.append(pair_hashes(reworded(corpus.questions[n].text)))
            clauses.append(corpus.clauses(corpus.questions[n]))
    return QuestionMemory(np.stack(vectors), rows, clauses) if vectors else None
