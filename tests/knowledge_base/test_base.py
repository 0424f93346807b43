from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from cspon.schemas.knowledge import Basis
from knowledge_base.base import KnowledgeBase, article_key_of

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize("article", ["第三条之一", "第3条之1", "3条之1"])
def test_an_article_is_read_by_any_spelling(base, reader, article):
    passage = base.article("《田野法》", article, on_date=TODAY, principal=reader)
    assert passage.text == "拒不改正的，依法处罚。"


@pytest.mark.parametrize(
    ("title", "article"), [("田野法", "99"), ("没有的法", "1"), ("田野法", "附件"), ("田野法", "")]
)
def test_what_is_not_there_is_none(base, reader, title, article):
    assert base.article(title, article, on_date=TODAY, principal=reader) is None


def test_the_article_of_the_day(base, reader):
    def text(day):
        return base.article("农事法", "2", on_date=day, principal=reader).text

    assert "旧规定" in text(date(2026, 12, 31))
    assert "新规定" in text(date(2027, 1, 1))
    assert (
        base.article("农事法", "3", on_date=TODAY, principal=reader).document_id
        == "农事法@2026-08-28"
    )


def test_versions_come_with_the_one_that_counts_first(base, reader):
    versions = base.versions("农事法", on_date=TODAY, principal=reader)
    assert [e.document.version for e in versions] == ["2012-12-28", "2026-08-28"]


def test_a_citation_leads_back_to_its_passage(base, reader):
    citation = base.cite(Basis(title="田野法", article="第二条"), on_date=TODAY, principal=reader)
    passage = base.passage(citation.passage_id, principal=reader)
    assert passage.text == citation.quote
    assert base.passage("没有@1#1", principal=reader) is None
    assert article_key_of("田野法@2019-08-26#3-1") == "3-1"
    assert article_key_of("方案@x#c00001") is None


def test_status_tells_gaps_and_doubts(base):
    status = base.status()
    assert (status.documents, status.passages, status.store) == (7, 14, "edge")
    assert status.by_source == {"laws.db": 7}
    assert status.gaps == {"生态大法典@2026-03-12": ("第二条",)}
    assert any("承包地法" in line and "待核" not in line for line in status.doubtful)
    assert not any("田野法" in line for line in status.doubtful)


def test_titles_are_listed_once(base, reader):
    titles = base.titles(principal=reader)
    assert len(titles) == len(set(titles)) == 6


def test_many_threads_read_at_once(base, reader):
    def ask(number):
        return [
            h.passage.id
            for h in base.search(f"永久基本农田 {number % 3}", on_date=TODAY, principal=reader)
        ]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(48)))
    assert all(found[i] == found[i % 3] for i in range(48))


def test_a_base_may_be_open_twice(build, folder, embedder, reader):
    build()
    with KnowledgeBase.open(folder, embedder) as one, KnowledgeBase.open(folder, embedder) as two:
        assert one.search("农田", on_date=TODAY, principal=reader) == two.search(
            "农田", on_date=TODAY, principal=reader
        )
