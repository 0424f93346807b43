"""The order of hits: a reranker's, when it answers; repeats last; the named article first."""

from datetime import date

from cspon.errors import ModelUnavailable
from cspon.schemas.knowledge import Passage
from knowledge_base.retrieve.rank import Candidate
from knowledge_base.retrieve.search import _repeats_last, hybrid_search

TODAY = date(2026, 11, 22)


class Longest:
    """Puts the longest passage first."""

    name = "test:longest"

    def rerank(self, query, texts):
        return [float(len(text)) for text in texts]


class Away:
    name = "test:away"

    def rerank(self, query, texts):
        raise ModelUnavailable("重排服务没有应答")


def search(base, reader, embedder, query, reranker):
    view = base.opened()
    return hybrid_search(
        query,
        store=view.store,
        catalogue=view.catalogue,
        embedder=embedder,
        k=5,
        on_date=TODAY,
        principal=reader,
        reranker=reranker,
    )


def test_a_reranker_orders_the_best_again(base, reader, embedder):
    hits = search(base, reader, embedder, "永久基本农田占用", Longest())
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 10  # the reranker's, not the fusion's


def test_the_named_article_stays_first(base, reader, embedder):
    hits = search(base, reader, embedder, "田野法第三条之一", Longest())
    assert hits[0].passage.article_key == "3-1"


def test_a_reranker_that_does_not_answer_changes_nothing(base, reader, embedder, caplog):
    without = search(base, reader, embedder, "永久基本农田占用", None)
    assert search(base, reader, embedder, "永久基本农田占用", Away()) == without
    assert "重排服务没有应答" in caplog.text


def ranked(*rows: tuple[str, str]) -> list[tuple[Candidate, float]]:
    return [
        (
            Candidate(
                str(n),
                Passage(id=str(n), document_id=title, title=title, text=text),
                None,
                1,
            ),
            float(-n),
        )
        for n, (title, text) in enumerate(rows)
    ]


WORDS = "城乡规划主管部门应当依据控制性详细规划提出出让地块的规划条件"


def test_a_clause_that_repeats_another_document_comes_behind():
    found = _repeats_last(
        ranked(("甲法", WORDS), ("乙条例", WORDS), ("丙条例", "湿地应当严格保护")), 2
    )
    assert [c.passage.title for c, _ in found] == ["甲法", "丙条例", "乙条例"]


def test_versions_of_one_clause_stay_together():
    found = _repeats_last(ranked(("甲法", WORDS), ("甲法", WORDS)), 2)
    assert len(found) == 2
    assert [c.id for c, _ in found] == ["0", "1"]
