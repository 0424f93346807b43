"""What the fusion is fitted on is what it orders: the features of a question at fitting and at serving."""

from datetime import date

import numpy as np
import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.knowledge import Document, Passage
from eval.retrieval_fit.folds import LabelledCorpus, Learned, remember
from eval.retrieval_fit.labels import Question
from eval.retrieval_fit.map_worth import map_worth, summary
from knowledge_base.laws import Law
from knowledge_base.learned.adaptation import Adaptation
from knowledge_base.learned.memory import QuestionMemory
from knowledge_base.learned.pairs import pair_hashes
from knowledge_base.learned.related import reworded, with_written
from knowledge_base.retrieve import rank, routes, search
from llm.embeddings import unit

DAY = date(9999, 12, 30)
TEXTS = (
    ("甲规划法", "禁止占用永久基本农田种植林木、植树造林。"),
    ("甲规划法", "在耕地上建设住宅应当取得规划许可证。"),
    ("乙条例", "因采矿占用土地的，依照征收补偿的规定办理。"),
)
QUESTIONS = ("地里能不能种树", "甲规划法第2条怎么规定盖房", "征地补偿由谁出")


class Hashing:
    """Characters hashed to a unit vector."""

    name, dim = "hashing:fit", 16

    def embed_query(self, text):
        vector = np.full(self.dim, 0.01, dtype=np.float32)
        for place, character in enumerate(text):
            vector[(ord(character) * 7 + place % 2) % self.dim] += 1.0
        return unit(vector)

    def embed_passages(self, texts):
        return np.stack([self.embed_query(text) for text in texts])


def laws():
    found = []
    for title in dict.fromkeys(title for title, _ in TEXTS):
        own = [text for name, text in TEXTS if name == title]
        passages = tuple(
            Passage(
                id=f"{title}@v#{n}",
                document_id=f"{title}@v",
                title=title,
                article=f"第{n}条",
                article_key=str(n),
                kind="article",
                text=text,
            )
            for n, text in enumerate(own, 1)
        )
        found.append(Law(document=Document(id=f"{title}@v", title=title), passages=passages))
    return found


@pytest.fixture
def corpus(tmp_path):
    asked = [Question(text, (n,), text) for n, text in enumerate(QUESTIONS)]
    return LabelledCorpus(
        "test",
        laws(),
        asked,
        cache=tmp_path / "vectors.sqlite",
        embedder=Hashing(),
        remembered=True,
        tell=lambda _: None,
    )


def test_features_at_fitting_are_those_at_serving(corpus, tmp_path, monkeypatch):
    assert any(reworded(text) != text for text in QUESTIONS)  # else the test shows nothing
    matrix = np.random.default_rng(3).normal(0, 0.05, (Hashing.dim, Hashing.dim))
    matrix = matrix.astype(np.float32)
    remembered = "耕地上种树行不行"
    memory = QuestionMemory(
        Hashing().embed_query(remembered)[None], [pair_hashes(remembered)], [[("甲规划法", "1")]]
    )
    table = {"种树": (("造林", 0.7),)}
    learned = Learned(matrix, memory, table, with_written(table))
    store = corpus.indexed(tmp_path / "index", matrix)
    fitted = corpus.rankings(range(len(QUESTIONS)), learned, store)

    seen = []

    def recorded(query, candidates):
        seen.append((query.text, rank.features(query, candidates)))
        return seen[-1][1]

    monkeypatch.setattr(routes, "adaptation_for", lambda _: Adaptation(matrix, ""))
    monkeypatch.setattr(routes, "memory_for", lambda _: memory)
    monkeypatch.setattr(routes, "related_words", lambda: with_written(table))
    monkeypatch.setattr(search, "features", recorded)
    for question, (ranking, _) in zip(QUESTIONS, fitted, strict=True):
        search.hybrid_search(
            question,
            store=store,
            catalogue=corpus.catalogue,
            embedder=Hashing(),
            k=3,
            on_date=DAY,
            principal=Principal(),
            include_repealed=True,
        )
        text, served = seen[-1]
        assert text == reworded(question)
        assert np.array_equal(served, ranking.features)
    store.close()


def test_what_is_remembered_is_worded_as_it_is_asked(corpus):
    memory = remember([corpus], {"test": [0]})
    found = memory.recall(Hashing().embed_query(reworded(QUESTIONS[0])), reworded(QUESTIONS[0]))
    assert found.near["甲规划法", "1"] == pytest.approx(0.2, abs=1e-5)


def test_what_a_map_is_worth():
    vectors = np.eye(12, dtype=np.float32)
    none = np.zeros((12, 12), dtype=np.float32)
    away = np.diag([-1.0, *[0.0] * 11]).astype(np.float32)
    asked = unit(np.asarray([[1.0] + [0.5] * 11], dtype=np.float32))
    assert map_worth(vectors, asked, [(0,)], none) == [(1.0, 1.0)]
    assert map_worth(vectors, asked, [(0,)], away) == [(1.0, 0.0)]
    told = summary([(0.0, 1.0), (0.0, 1.0), (1.0, 1.0)])
    assert told["difference"]["value"] == pytest.approx(2 / 3, abs=1e-4)
