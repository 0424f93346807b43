from datetime import date

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Validity
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import add_paths
from knowledge_base.lexical import search_parameters, tokens
from knowledge_base.retrieve.search import Timing, fuse

TODAY = date(2026, 11, 22)


@pytest.fixture
def search(base, reader):
    def run(query, **given):
        return base.search(query, **({"on_date": TODAY, "principal": reader} | given))

    return run


def test_the_article_that_is_asked_for_comes_first(search):
    for query in ("田野法第三条之一", "中华人民共和国田野法 第3条之1", "永久基本农田占用要谁批准"):
        assert "田野法" in search(query)[0].passage.title
    first = search("田野法第三条之一")[0]
    assert first.passage.article_key == "3-1"
    assert first.routes["exact"] == 1
    assert first.validity is Validity.IN_FORCE


def test_only_versions_in_force_come_by_default(search):
    hits = search("国家扶持粮食生产", k=20)
    assert {h.passage.document_id for h in hits if "农事法" in h.passage.title} == {
        "农事法@2012-12-28"
    }
    titles = {h.passage.title for h in hits}
    assert not titles & {"中华人民共和国耕保法", "中华人民共和国旧环境法"}
    later = search("国家扶持粮食生产", k=20, on_date=date(2027, 1, 1))
    assert {h.passage.document_id for h in later if "农事法" in h.passage.title} == {
        "农事法@2026-08-28"
    }
    assert {h.validity for h in later} <= {Validity.IN_FORCE, Validity.UNKNOWN}


def test_a_doubtful_version_comes_marked(search):
    [hit] = [h for h in search("承包期为三十年", k=20) if "承包地法" in h.passage.title]
    assert hit.validity is Validity.UNKNOWN


def test_repealed_and_coming_versions_come_marked_when_asked_for(search):
    found = {h.passage.document_id: h.validity for h in search("规定", k=50, include_repealed=True)}
    assert found["旧环境法@2014-04-24"] is Validity.REPEALED
    assert found["农事法@2026-08-28"] is Validity.NOT_YET
    assert found["耕保法@2026-08-28"] is Validity.NOT_YET


def test_an_article_of_a_law_not_in_force_is_not_the_exact_hit(search):
    assert all("exact" not in h.routes for h in search("耕保法第一条"))
    assert search("耕保法第一条", include_repealed=True)[0].passage.title == "中华人民共和国耕保法"


def test_scores_fall_and_k_is_kept(search):
    hits = search("永久基本农田", k=3)
    assert len(hits) == 3
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)
    assert all(rank >= 1 for h in hits for rank in h.routes.values())
    assert search("永久基本农田", k=3) == hits


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_query_finds_nothing(search, query):
    assert search(query) == []


@pytest.mark.parametrize("query", ["？？？", "a" * 5000, "第条", "《》", "\x00土地"])
def test_odd_queries_are_answered(search, query):
    assert isinstance(search(query), list)


def test_permission_decides_inside_the_query(build, folder, embedder, tmp_path):
    build()
    path = tmp_path / "处置口径.txt"
    path.write_text("处置口径\n" + "永久基本农田核实处置口径说明。" * 60, encoding="utf-8")
    add_paths(folder, [path], embedder=embedder, secrecy=Secrecy.SENSITIVE)
    with KnowledgeBase.open(folder, embedder) as base:

        def titles(clearance):
            hits = base.search(
                "永久基本农田核实处置口径",
                k=3,
                on_date=TODAY,
                principal=Principal(clearance=clearance),
            )
            assert len(hits) == 3
            return {h.passage.title for h in hits}

        assert titles(Secrecy.SENSITIVE) == {"处置口径"}
        assert "处置口径" not in titles(Secrecy.INTERNAL)


def test_a_document_number_finds_its_document(build, folder, embedder, tmp_path, reader):
    build()
    path = tmp_path / "分类通知.md"
    path.write_text(
        "# 关于印发分类的通知\n\n自然资发〔2023〕234号\n\n各省：\n\n现将分类印发你们。\n",
        encoding="utf-8",
    )
    add_paths(folder, [path], embedder=embedder)
    with KnowledgeBase.open(folder, embedder) as base:
        [hit, *_] = base.search("自然资发[2023] 234号", on_date=TODAY, principal=reader)
    assert (hit.passage.title, hit.routes["exact"]) == ("关于印发分类的通知", 1)


def test_timing_is_told(base, reader):
    timing = Timing()
    base.search("永久基本农田", on_date=TODAY, principal=reader, timing=timing)
    assert timing.store_ms > 0


def test_fusion_is_reciprocal_rank():
    k, weights = search_parameters().rrf_k, search_parameters().weights
    fused = dict(fuse({"dense": ["a", "b"], "lexical": ["b"]}))
    assert fused["b"] == pytest.approx(weights["dense"] / (k + 2) + weights["lexical"] / (k + 1))
    assert fused["a"] == pytest.approx(weights["dense"] / (k + 1))
    assert [i for i, _ in fuse({"dense": ["x"], "lexical": ["a"]})] == ["a", "x"]


def test_planning_words_stay_whole():
    words, bigrams = tokens("建设用地规划许可证（GB/T 1.1-2020）")
    assert "建设用地规划许可证" in words
    assert "许可" in bigrams
    assert any("1.1-2020" in word for word in words)
