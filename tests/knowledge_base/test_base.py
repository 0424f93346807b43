from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Basis, Validity
from knowledge_base.base import KnowledgeBase, article_key_of
from knowledge_base.ingest.build import add_paths

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


def test_a_repealed_hit_is_marked_with_its_successor(base, reader):
    def find(day, title, **given):
        hits = base.search("规定", k=50, on_date=day, principal=reader, **given)
        return {(h.validity, h.successor) for h in hits if title in h.passage.title}

    code = "中华人民共和国生态大法典"
    day, before = date(2026, 8, 15), date(2026, 8, 14)
    assert find(day, "旧环境法", include_repealed=True) == {(Validity.REPEALED, code)}
    assert find(before, "旧环境法", include_repealed=True) == {(Validity.IN_FORCE, None)}
    assert find(before, "旧环境法") == {(Validity.IN_FORCE, None)}
    assert find(day, "旧环境法") == set()
    newer = "中华人民共和国农事法（2026-08-28版）"
    assert (Validity.SUPERSEDED, newer) in find(date(2027, 1, 1), "农事法", include_repealed=True)
    assert find(TODAY, "田野法", include_repealed=True) == {(Validity.IN_FORCE, None)}


def test_kinds_levels_and_regions_narrow_a_search(base, reader):
    def find(**given):
        return base.search("永久基本农田", on_date=TODAY, principal=reader, **given)

    assert find() == find(kinds=["法律"], levels=["国家"], regions=[""])
    assert (
        find(kinds=["标准"])
        == find(levels=["县"])
        == find(regions=["示例县"])
        == find(kinds=[])
        == []
    )


def test_neighbours_and_parent_come_in_order(base, reader):
    middle = base.article("田野法", "2", on_date=TODAY, principal=reader)
    assert [p.article for p in base.neighbours(middle, principal=reader)] == [
        "第一条",
        "第二条",
        "第三条",
    ]
    assert [p.article for p in base.neighbours(middle, before=0, after=5, principal=reader)] == [
        "第二条",
        "第三条",
        "第三条之一",
    ]
    assert [p.article for p in base.parent(middle, principal=reader)] == ["第一条", "第二条"]
    alone = base.article("农事法", "2", on_date=TODAY, principal=reader)
    assert base.parent(alone, principal=reader) == [alone]
    assert base.neighbours(middle.model_copy(update={"ordinal": None}), principal=reader) == []


def test_documents_and_status_are_what_the_reader_may_know_of(base, reader):
    assert len(base.documents(principal=reader)) == 7
    assert base.status(principal=reader) == base.status()
    assert base.access("田野法", principal=reader) == "readable"
    assert base.access("没有的法", principal=reader) == "not_in_base"


def test_an_outcome_holds_the_hits_of_a_search(base, reader):
    outcome = base.outcome("永久基本农田占用", k=3, on_date=TODAY, principal=reader)
    found = base.search("永久基本农田占用", k=3, on_date=TODAY, principal=reader)
    assert (list(outcome.hits), outcome.withheld) == (found, False)


def test_withheld_is_told_where_others_would_find_the_answer(build, folder, embedder, tmp_path):
    build()
    subject = "示例县采石坑塘回填的验收由谁组织"
    for name, secrecy, department in (
        ("回填办法", Secrecy.INTERNAL, "耕保处"),
        ("测绘口径", Secrecy.SENSITIVE, None),
    ):
        path = tmp_path / f"{name}.md"
        words = subject if secrecy is Secrecy.INTERNAL else "涉海基线测绘成果的移交程序"
        path.write_text(
            f"# {name}\n\n第一条 {words}，依照本办法办理。\n\n第二条 {words}，由县里决定。\n",
            encoding="utf-8",
        )
        add_paths(folder, [path], embedder=embedder, secrecy=secrecy, department=department)
    with KnowledgeBase.open(folder, embedder) as base:

        def withheld(query, **given):
            principal = Principal(**given)
            return base.outcome(query, on_date=TODAY, principal=principal).withheld

        assert withheld(subject)
        assert withheld(subject, clearance=Secrecy.PUBLIC)
        assert not withheld(subject, departments=("耕保处",))
        assert not withheld("涉海基线测绘成果的移交程序")
        assert not withheld("永久基本农田不得擅自占用")
