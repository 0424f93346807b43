from datetime import date

import pytest

from cspon.schemas.knowledge import Document, Passage, Validity
from knowledge_base.validity import Repeal, caveats, find_repeals, standing, with_windows


def law(
    version: str, first: str | None, status: str = "现行有效", title: str = "农业法"
) -> Document:
    return Document(
        id=f"{title}@{version}",
        title=title,
        version=version,
        effective_from=date.fromisoformat(first) if first else None,
        recorded_status=status,
    )


OLD, NEW = law("2012-12-28", "2012-12-28", "历史版本"), law("2026-08-28", "2027-01-01")


def test_recorded_status_does_not_decide():
    old, new = with_windows([OLD, NEW], [])
    assert old.effective_to == date(2027, 1, 1)
    assert standing(old, date(2026, 11, 22)) is Validity.IN_FORCE
    assert standing(new, date(2026, 11, 22)) is Validity.NOT_YET
    assert standing(old, date(2027, 1, 1)) is Validity.SUPERSEDED
    assert standing(new, date(2027, 1, 1)) is Validity.IN_FORCE


def test_windows_do_not_depend_on_order_and_are_idempotent():
    once = with_windows([NEW, OLD], [])
    assert sorted(once, key=lambda d: d.id) == sorted(
        with_windows([OLD, NEW], []), key=lambda d: d.id
    )
    assert with_windows(once, []) == once


def test_repeal_ends_versions_before_it_only():
    repeal = Repeal(title="《中华人民共和国农业法》", ends_on=date(2020, 1, 1), by_title="大法典")
    old, new = with_windows([OLD, NEW], [repeal])
    assert (old.effective_to, old.superseded_by) == (date(2020, 1, 1), "大法典")
    assert standing(old, date(2020, 1, 1)) is Validity.REPEALED
    assert new.effective_to is None


def test_recorded_repeal_without_a_clause_is_doubtful():
    [doubtful] = with_windows([law("2018-12-29", "2018-12-29", "已废止", "承包法")], [])
    assert standing(doubtful, date(2026, 11, 22)) is Validity.UNKNOWN
    assert "法规库标注为已废止，库内未见废止它的条文，引用前请核对" in caveats(
        doubtful, date(2026, 11, 22)
    )


def test_unknown_first_day_is_doubtful():
    [undated] = with_windows([law("", None)], [])
    assert standing(undated, date(2026, 1, 1)) is Validity.UNKNOWN
    assert "施行日期不明" in caveats(undated, date(2026, 1, 1))


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (date(2026, 11, 22), "自2027-01-01起由《农业法》（2026-08-28版）替代"),
        (date(2027, 5, 1), "取代"),
    ],
)
def test_caveats_name_the_successor(day, words):
    old, _ = with_windows([OLD, NEW], [])
    assert words in caveats(old, day)


def passage(text: str) -> Passage:
    return Passage(id="x#9", document_id="x", title="生态法典", article="第九条", text=text)


def test_repeals_are_read_from_the_text():
    document = law("2026-03-12", "2026-08-15", title="生态法典")
    text = "本法自 2026年8月15日起施行。 《中华人民共和国环境保护法》、《中华人民共和国噪声法》同时废止。"
    found = find_repeals(document, [passage(text)])
    assert [(r.title, r.ends_on, r.by_title, r.by_article) for r in found] == [
        ("中华人民共和国环境保护法", date(2026, 8, 15), "生态法典", "第九条"),
        ("中华人民共和国噪声法", date(2026, 8, 15), "生态法典", "第九条"),
    ]
    assert "自2026-08-15起被《生态法典》第九条废止" in found[0].sentence


def test_a_law_does_not_repeal_itself_and_a_missing_date_is_told():
    document = law("2021-12-24", "2021-12-24", title="工会法")
    found = find_repeals(
        document,
        [passage("本法自公布之日起施行。1950年的《中华人民共和国工会法》和《旧条例》同时废止。")],
    )
    assert [r.title for r in found] == ["旧条例"]
    assert "待核" in found[0].note


def test_a_mention_is_not_a_repeal():
    assert not find_repeals(OLD, [passage("依照《中华人民共和国水法》的规定。许可证同时废止。")])
