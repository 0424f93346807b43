from datetime import date

import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Basis, Validity
from knowledge_base.citing.cite import article_paragraphs, verify_numbers

TODAY = date(2026, 11, 22)


@pytest.fixture
def cite(base, reader):
    def run(title, article=None, quote=None, on_date=TODAY):
        basis = Basis(title=title, article=article, quote=quote, point="要点")
        return base.cite(basis, on_date=on_date, principal=reader)

    return run


@pytest.mark.parametrize(
    "title", ["田野法", "《中华人民共和国田野法》", "中华人民共和国田野法（2019年修正）"]
)
@pytest.mark.parametrize("article", ["第二条", "第2条"])
def test_an_article_in_force_is_verified(cite, title, article):
    citation = cite(title, article)
    assert (citation.verification, citation.status) == ("verified", Validity.IN_FORCE)
    assert citation.label == "《中华人民共和国田野法》第二条"
    assert citation.quote.startswith("永久基本农田不得擅自占用。")
    assert (citation.effective_from, citation.effective_to) == (date(2020, 1, 1), None)
    assert (citation.passage_id, citation.point) == ("田野法@2019-08-26#2", "要点")
    assert citation.source == "laws.db"
    assert citation.note == ""


@pytest.mark.parametrize(
    ("quote", "stands"),
    [
        ("责令限期改正", True),
        ("占用「永久基本农田」的", True),
        ('占用"永久基本农田"的', True),
        ("占用 “永久基本农田” 的，\n责令", True),
        ("违反本法规定,占用", True),
        ("责令立即改正", False),
        ("责令期限改正", False),
        ("占用永久基本农田的", False),
    ],
)
def test_a_quote_must_stand_in_the_article(cite, quote, stands):
    citation = cite("田野法", "第三条", quote)
    assert citation.verification == ("verified" if stands else "contradicted")
    assert ("引文与条文不符" in citation.note) is not stands
    assert bool(citation.quote) is stands


def test_a_quote_is_looked_for_in_the_paragraph_and_item_cited(cite):
    assert cite("田野法", "第二条第二款第（二）项", "军事设施").verification == "verified"
    assert cite("田野法", "第二条第三款", "禁止规避审批").verification == "verified"
    wrong = cite("田野法", "第二条第一款", "军事设施")
    assert wrong.verification == "contradicted"
    assert "其他款项" in wrong.note
    assert "第二条只有3款" in cite("田野法", "第二条第四款").note
    assert "没有第三项" in cite("田野法", "第二条第二款第三项").note


def test_branches_are_articles_of_their_own(cite):
    assert cite("田野法", "第三条之一").quote == "拒不改正的，依法处罚。"
    assert cite("田野法", "第三条之二").verification == "contradicted"


def test_a_missing_article_contradicts_the_base(cite):
    citation = cite("田野法", "第九十九条")
    assert (citation.verification, citation.quote) == ("contradicted", "")
    assert "库内没有第九十九条" in citation.note


def test_a_gap_of_the_source_is_named_as_such(cite):
    citation = cite("生态大法典", "第二条")
    assert citation.verification == "not_in_base"
    assert "入库文本缺第二条" in citation.note


def test_an_unknown_title_is_not_in_base(cite):
    citation = cite("国土空间规划法", "第一条")
    assert (citation.verification, citation.status) == ("not_in_base", Validity.UNKNOWN)
    assert "未入库" in citation.note


def test_an_unknown_but_repealed_title_names_its_successor(cite):
    citation = cite("旧环评法", "第一条")
    assert (citation.verification, citation.status) == ("not_in_base", Validity.REPEALED)
    assert "自2026-08-15起被《中华人民共和国生态大法典》第三条废止" in citation.note
    before = cite("旧环评法", "第一条", on_date=date(2026, 1, 1))
    assert before.status is Validity.UNKNOWN
    assert "将自2026-08-15起废止" in before.note


def test_a_repealed_law_is_verified_as_repealed(cite):
    citation = cite("旧环境法", "第一条")
    assert (citation.verification, citation.status) == ("verified", Validity.REPEALED)
    assert "由《中华人民共和国生态大法典》替代" in citation.note
    assert cite("旧环境法", "第一条", on_date=date(2026, 8, 14)).status is Validity.IN_FORCE


def test_the_version_of_the_day_counts(cite):
    now, later = cite("农事法", "第二条"), cite("农事法", "第二条", on_date=date(2027, 1, 1))
    assert (now.status, later.status) == (Validity.IN_FORCE, Validity.IN_FORCE)
    assert ("旧规定" in now.quote, "新规定" in later.quote) == (True, True)
    assert "自2027-01-01起由《中华人民共和国农事法》（2026-08-28版）替代" in now.note


def test_an_article_of_another_version_is_not_in_force(cite):
    citation = cite("农事法", "第三条")
    assert citation.verification == "contradicted"
    assert "该条见于2026-08-28版（尚未施行）" in citation.note


def test_a_law_not_yet_in_force_says_so(cite):
    citation = cite("耕保法", "第一条")
    assert (citation.verification, citation.status) == ("verified", Validity.NOT_YET)
    assert "2027-01-01" in citation.note


def test_a_doubtful_repeal_is_neither_plain_nor_dropped(cite):
    citation = cite("承包地法", "第一条")
    assert (citation.verification, citation.status) == ("verified", Validity.UNKNOWN)
    assert "法规库标注为已废止，库内未见废止它的条文，引用前请核对" in citation.note


def test_a_document_as_a_whole(cite):
    citation = cite("田野法")
    assert (citation.verification, citation.article, citation.passage_id) == (
        "verified",
        None,
        None,
    )


def test_what_may_not_be_read_is_not_in_base(build, folder, embedder, tmp_path, reader):
    from knowledge_base.base import KnowledgeBase
    from knowledge_base.ingest.build import add_paths

    build()
    path = tmp_path / "内部细则(2024-01-01).md"
    path.write_text("# 内部细则\n\n第一条 内部口径。\n\n第二条 不得外传。\n", encoding="utf-8")
    add_paths(folder, [path], embedder=embedder, secrecy=Secrecy.SENSITIVE, department="耕保处")
    basis = Basis(title="内部细则", article="第一条")
    cleared = Principal(clearance=Secrecy.SENSITIVE, departments=("耕保处",))
    with KnowledgeBase.open(folder, embedder) as base:
        assert base.cite(basis, on_date=TODAY, principal=cleared).verification == "verified"
        for principal in (
            reader,
            Principal(clearance=Secrecy.SENSITIVE),
            Principal(departments=("耕保处",)),
        ):
            citation = base.cite(basis, on_date=TODAY, principal=principal)
            assert (citation.verification, citation.source) == ("not_in_base", "")
            assert base.article("内部细则", "第一条", on_date=TODAY, principal=principal) is None


def test_paragraphs_keep_their_items():
    text = "首款：\n（一）甲；\n（二）乙。\n\n次款。"
    assert article_paragraphs(text) == ["首款：\n（一）甲；\n（二）乙。", "次款。"]


LONG = "国家重点建设项目选址确实难以避让的，必须经国务院批准"


def test_a_quote_through_a_scan_is_verified_with_the_true_words(cite):
    citation = cite("田野法", "第二条", "国家重点建没项目选址确实难以避让的必须经国务院批准")
    assert citation.verification == "verified"
    assert 0.9 <= citation.quote_score < 1
    assert f"条文为“{LONG}”" in citation.note
    assert "引文“没”，原文“设”" in citation.note


@pytest.mark.parametrize(
    "quote",
    [
        LONG.replace("必须", "可以"),
        LONG.replace("必须", "不必"),
        LONG.replace("国务院", "省政府"),
        LONG.replace("难以避让", "可以避让"),
        LONG.replace("选址", "立项"),
    ],
)
def test_a_changed_rule_is_contradicted_and_the_true_words_are_shown(cite, quote):
    citation = cite("田野法", "第二条", quote)
    assert (citation.verification, citation.quote) == ("contradicted", "")
    assert citation.quote_score < 1
    assert "引文与条文不符" in citation.note
    assert LONG in citation.note


def test_the_score_of_a_quote_is_told(cite):
    assert cite("田野法", "第二条", LONG).quote_score == 1
    assert cite("田野法", "第二条").quote_score is None


def test_numbers_of_a_claim_are_looked_for_in_its_clause():
    clause = "永久基本农田以外的耕地超过三十五公顷的，自2026年8月15日起由国务院批准。"
    assert verify_numbers("耕地超过525亩的，2026年8月起报国务院", clause) == ()
    assert verify_numbers("耕地超过70公顷的，自2025年起", clause) == ("70公顷", "2025年")
