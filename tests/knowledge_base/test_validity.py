from datetime import date

import pytest

from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Document, Passage, Validity
from knowledge_base.cut.chunk import read_document
from knowledge_base.ingest.wanted import read_successions
from knowledge_base.laws import LawList, ListedLaw, read_laws, read_repeals
from knowledge_base.validity import (
    Repeal,
    caveats,
    find_repeals,
    standing,
    successor,
    with_windows,
)


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


def plan(title: str, first: str | None = None, **given) -> Document:
    return Document(
        id=title, title=title, effective_from=date.fromisoformat(first) if first else None, **given
    )


def test_a_text_expires_by_its_own_words():
    [notice] = with_windows([plan("管理通知", "2019-01-03", expires_on=date(2024, 1, 3))], [])
    assert standing(notice, date(2024, 1, 2)) is Validity.IN_FORCE
    assert "有效期至2024-01-03止" in caveats(notice, date(2024, 1, 2))
    assert standing(notice, date(2024, 1, 3)) is Validity.REPEALED
    assert caveats(notice, date(2024, 1, 3)) == "自2024-01-03起有效期届满失效"
    assert successor(notice, date(2024, 1, 3)) is None
    assert with_windows([notice], []) == [notice]


def test_an_expired_text_without_a_first_day_is_over():
    [notice] = with_windows([plan("管理通知", expires_on=date(2024, 1, 3))], [])
    assert standing(notice, date(2023, 1, 1)) is Validity.UNKNOWN
    assert standing(notice, date(2024, 1, 3)) is Validity.REPEALED


def test_the_earliest_end_counts():
    old = plan("分类指南", "2020-11-17", expires_on=date(2025, 11, 17))
    new = plan("分类", "2023-11-22", supersedes=("《分类指南》",))
    ended, _ = with_windows([old, new], [])
    assert (ended.effective_to, ended.superseded_by) == (date(2023, 11, 22), "分类")
    [alone] = with_windows([ended], [])
    assert (alone.effective_to, alone.superseded_by) == (date(2025, 11, 17), None)


def test_a_text_is_replaced_by_its_number():
    old = plan("土地利用现状分类", "2008-02-01", number="GB/T 21010-2007")
    new = plan("土地利用现状分类标准", "2017-11-01", supersedes=("GB/T 21010-2007",))
    ended, _ = with_windows([old, new], [])
    assert ended.effective_to == date(2017, 11, 1)


@pytest.mark.parametrize(
    ("hidden", "of"),
    [
        ({"secrecy": Secrecy.SENSITIVE}, {}),
        ({"secrecy": Secrecy.INTERNAL}, {}),
        ({"department": "耕保处"}, {}),
        ({"roles": ("审批",)}, {}),
        ({"department": "规划处"}, {"department": "耕保处"}),
        ({"roles": ("审批",)}, {"roles": ("审批", "编制")}),
    ],
)
def test_a_text_that_not_all_may_read_leaves_no_trace_in_the_dates_of_another(hidden, of):
    old = plan("县总体规划", "2020-01-01", **of)
    newer = plan("县总体规划", "2025-01-01", **hidden).model_copy(update={"id": "new"})
    other = plan("新规划", "2025-01-01", supersedes=("县总体规划",), **hidden)
    repeal = Repeal(
        title="县总体规划", ends_on=date(2025, 1, 1), by_title="新规划", **{"roles": (), **hidden}
    )
    for documents, repeals in (([old, newer], []), ([old, other], []), ([old], [repeal])):
        assert with_windows(documents, repeals)[0] == old
    same = newer.model_copy(update=of | ({} if of else {"secrecy": Secrecy.PUBLIC}))
    same = same.model_copy(update={k: getattr(old, k) for k in ("secrecy", "department", "roles")})
    assert with_windows([old, same], [])[0].effective_to == date(2025, 1, 1)


def test_a_repeal_carries_the_readers_of_its_text():
    document = law("2026-03-12", "2026-08-15", title="内部规定").model_copy(
        update={"secrecy": Secrecy.SENSITIVE, "department": "耕保处", "roles": ("审批",)}
    )
    [repeal] = find_repeals(
        document, [passage("本规定自2026年8月15日起施行，《旧规定》同时废止。")]
    )
    assert (repeal.secrecy, repeal.department, repeal.roles) == ("敏感", "耕保处", ("审批",))


CODE = "生态环境法典"
TEN = {
    "环境保护法": "2014-04-24",
    "环境影响评价法": "2018-12-29",
    "海洋环境保护法": "2023-10-24",
    "大气污染防治法": "2018-10-26",
    "水污染防治法": "2017-06-27",
    "土壤污染防治法": "2018-08-31",
    "固体废物污染环境防治法": "2020-04-29",
    "噪声污染防治法": "2021-12-24",
    "放射性污染防治法": "2003-06-28",
    "清洁生产促进法": "2012-02-29",
}
"""The laws that article 1242 of the code repeals, with their last versions (handbook §0.1)."""
LAST_DAY, FIRST_DAY = date(2026, 8, 14), date(2026, 8, 15)


@pytest.fixture(scope="module")
def package():
    """The ten laws and the code as the law package has them, with their windows."""
    listed = LawList(laws=tuple(ListedLaw(title=title) for title in (*TEN, CODE)))
    return with_windows([text.document for text in read_laws(listed)], read_repeals())


def versions(package, title):
    found = [d for d in package if d.title == f"中华人民共和国{title}"]
    return sorted(found, key=lambda d: d.version or "")


@pytest.mark.parametrize("title", TEN)
def test_the_ten_laws_end_with_the_code(package, title):
    last = versions(package, title)[-1]
    assert last.effective_to == FIRST_DAY
    assert last.superseded_by == f"中华人民共和国{CODE}"
    assert standing(last, LAST_DAY) is Validity.IN_FORCE
    assert standing(last, FIRST_DAY) is Validity.REPEALED
    assert standing(last, date(2026, 11, 22)) is Validity.REPEALED
    assert successor(last, LAST_DAY) is None
    assert successor(last, FIRST_DAY) == f"中华人民共和国{CODE}"
    assert f"自2026-08-15起废止，由《中华人民共和国{CODE}》替代" in caveats(last, FIRST_DAY)
    assert f"自2026-08-15起由《中华人民共和国{CODE}》替代" in caveats(last, LAST_DAY)


def test_the_code_is_in_force_from_its_day(package):
    [code] = versions(package, CODE)
    assert standing(code, LAST_DAY) is Validity.NOT_YET
    assert standing(code, FIRST_DAY) is Validity.IN_FORCE
    assert code.effective_to is None


def test_exactly_ten_laws_are_repealed_by_the_code():
    by_code = [r for r in read_repeals() if CODE in r.by_title]
    assert {r.title.removeprefix("中华人民共和国") for r in by_code} == set(TEN)
    assert {r.ends_on for r in by_code} == {FIRST_DAY}
    assert {r.by_article for r in by_code} == {"第一千二百四十二条"}


def test_earlier_versions_of_the_ten_are_history(package):
    for title in TEN:
        for old, new in zip(versions(package, title), versions(package, title)[1:], strict=False):
            assert old.effective_to == new.effective_from
            assert standing(old, FIRST_DAY) is Validity.SUPERSEDED


SUPERSEDED = {
    "土壤污染防治法(2018-08-31)": ("2026-08-15", "中华人民共和国生态环境法典", Validity.REPEALED),
    "文物保护法(2017-11-04)": (
        "2025-03-01",
        "中华人民共和国文物保护法（2024-11-08版）",
        Validity.SUPERSEDED,
    ),
    "海洋环境保护法(2017-11-04)": (
        "2024-01-01",
        "中华人民共和国海洋环境保护法（2023-10-24版）",
        Validity.SUPERSEDED,
    ),
    "海洋环境保护法(2023-10-24)": (
        "2026-08-15",
        "中华人民共和国生态环境法典",
        Validity.REPEALED,
    ),
    "环境保护法(2014-04-24)": ("2026-08-15", "中华人民共和国生态环境法典", Validity.REPEALED),
    "环境影响评价法(2018-12-29)": ("2026-08-15", "中华人民共和国生态环境法典", Validity.REPEALED),
    "矿产资源法(2009-08-27)": (
        "2025-07-01",
        "中华人民共和国矿产资源法（2024-11-08版）",
        Validity.SUPERSEDED,
    ),
    "自然保护区条例(2017-10-07)": (
        "2026-03-15",
        "自然保护区条例（2026-02-03修订）",
        Validity.SUPERSEDED,
    ),
}


@pytest.mark.corpus
def test_every_superseded_text_of_the_corpus_ends_and_names_its_successor(shared):
    paths = [
        *sorted((shared / "corpus" / "laws_superseded").glob("*.md")),
        *(
            path
            for path in sorted((shared / "corpus" / "laws").glob("*.md"))
            if path.name.startswith(("文物保护法(", "矿产资源法(", "生态环境法典("))
        ),
    ]
    texts = [read_document(path) for path in paths]
    repeals = [r for text in texts for r in find_repeals(text.document, text.passages)]
    ended = with_windows([t.document for t in texts], [*repeals, *read_successions()])
    found = {
        path.stem: (str(d.effective_to), d.superseded_by, standing(d, date(2026, 11, 22)))
        for path, d in zip(paths, ended, strict=True)
        if "superseded" in path.parent.name
    }
    assert found == SUPERSEDED
    in_force = [d for d in ended if d.effective_to is None]
    assert {standing(d, date(2026, 11, 22)) for d in in_force} == {Validity.IN_FORCE}
    assert len(in_force) == 3
