"""One suite that every store passes; at the end their results are compared with each other."""

from datetime import date

import numpy as np
import pytest

from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Passage
from knowledge_base.access import readable_by
from knowledge_base.lexical import passage_vector, query_vector
from knowledge_base.store.edge import EdgeStore
from knowledge_base.store.protocol import Point, Where, point_id
from knowledge_base.store.server import ServerStore

TODAY = date(2026, 11, 22)


def edge(folder) -> EdgeStore:
    return EdgeStore.create(folder / "index", 384)


def server(folder) -> ServerStore:
    store = ServerStore.connect(":memory:", "conformance")
    store.create(384)
    return store


@pytest.fixture(params=[edge, server])
def store(request, tmp_path):
    opened = request.param(tmp_path)
    yield opened
    opened.close()


def points(embedder) -> list[Point]:
    rows = [
        # document, article, text, from, to, secrecy, department, region
        (
            "田野法@1",
            "1",
            "为了保护田野，制定本法。",
            None,
            date(2020, 1, 1),
            Secrecy.PUBLIC,
            None,
            "",
        ),
        (
            "田野法@2",
            "1",
            "为了保护田野和湿地，制定本法。",
            date(2020, 1, 1),
            None,
            Secrecy.PUBLIC,
            None,
            "",
        ),
        (
            "田野法@2",
            "2",
            "永久基本农田不得擅自占用或者改变用途。",
            date(2020, 1, 1),
            None,
            Secrecy.PUBLIC,
            None,
            "",
        ),
        (
            "田野法@3",
            "2",
            "永久基本农田实行特殊保护。",
            date(2027, 1, 1),
            None,
            Secrecy.PUBLIC,
            None,
            "",
        ),
        (
            "内部纪要@1",
            None,
            "永久基本农田核实处置内部意见。",
            None,
            None,
            Secrecy.INTERNAL,
            None,
            "",
        ),
        ("敏感台账@1", None, "永久基本农田敏感图斑台账。", None, None, Secrecy.SENSITIVE, None, ""),
        (
            "耕保处文件@1",
            None,
            "永久基本农田耕保处工作方案。",
            None,
            None,
            Secrecy.PUBLIC,
            "耕保处",
            "某省",
        ),
        (
            "湿地条例@1",
            "2",
            "湿地应当严格保护。",
            date(2022, 6, 1),
            None,
            Secrecy.PUBLIC,
            None,
            "某省",
        ),
    ]
    made = []
    for document, article, text, first, end, secrecy, department, region in rows:
        passage = Passage(
            id=f"{document}#{article or 'c1'}",
            document_id=document,
            title=document.split("@")[0],
            article_key=article,
            text=text,
            effective_from=first,
            effective_to=end,
            secrecy=secrecy,
            department=department,
        )
        made.append(
            Point(
                passage,
                embedder.embed_passages([text])[0],
                passage_vector(text),
                level="地方" if region else "国家",
                region=region,
            )
        )
    return made


@pytest.fixture
def filled(store, embedder):
    store.upsert(points(embedder))
    store.flush()
    return store


def ids(found, store):
    return [p.id for p in store.get([f.id for f in found])]


def test_an_empty_store_finds_nothing(store, embedder):
    assert store.count() == 0
    assert store.query_dense(embedder.embed_query("田野"), 5, Where()) == []
    assert store.query_sparse(query_vector("田野"), 5, Where()) == []
    assert list(store.scroll(Where())) == []
    assert store.get([point_id("x")]) == []


def test_passages_come_back_as_they_went_in(filled, embedder):
    expected = {p.passage.id: p.passage for p in points(embedder)}
    assert {p.id: p for p in filled.scroll(Where())} == expected
    wanted = [point_id("湿地条例@1#2"), point_id("unknown"), point_id("田野法@2#1")]
    assert [p.id for p in filled.get(wanted)] == ["湿地条例@1#2", "田野法@2#1"]


def test_upsert_replaces_and_is_idempotent(filled, embedder):
    filled.upsert(points(embedder))
    assert filled.count() == 8
    [*_, last] = points(embedder)
    changed = last.passage.model_copy(update={"text": "改后的文本"})
    filled.upsert([Point(changed, last.dense, last.sparse)])
    assert filled.count() == 8
    assert filled.get([last.id])[0].text == "改后的文本"


def test_delete_by_document(filled):
    filled.delete_document("田野法@2")
    filled.delete_document("没有的文件")
    assert filled.count() == 6
    assert filled.count(Where(document_ids=("田野法@2",))) == 0


def test_dense_finds_the_text_itself_first(filled, embedder):
    text = "湿地应当严格保护。"
    best = filled.query_dense(embedder.embed_passages([text])[0], 1, Where())[0]
    assert filled.get([best.id])[0].text == text
    assert best.score == pytest.approx(1.0, abs=1e-4)


def test_sparse_finds_rare_words_and_leaves_out_what_shares_none(filled):
    assert ids(filled.query_sparse(query_vector("台账"), 10, Where()), filled) == ["敏感台账@1#c1"]
    assert filled.query_sparse(query_vector("量子计算机"), 10, Where()) == []
    assert filled.query_sparse(query_vector("，。"), 10, Where()) == []


def test_a_text_without_tokens_can_be_held(filled, embedder):
    passage = Passage(id="空@1#1", document_id="空@1", title="空", text="—")
    filled.upsert([Point(passage, embedder.embed_query("—"), passage_vector("—"))])
    assert filled.get([point_id("空@1#1")]) == [passage]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Where(title_keys=("田野法",)), {"田野法@1#1", "田野法@2#1", "田野法@2#2", "田野法@3#2"}),
        (Where(title_keys=("田野法",), article_key="2"), {"田野法@2#2", "田野法@3#2"}),
        (Where(title_keys=("田野法",), on_date=TODAY), {"田野法@2#1", "田野法@2#2"}),
        (Where(title_keys=("田野法",), on_date=date(2019, 12, 31)), {"田野法@1#1"}),
        (Where(title_keys=("田野法",), on_date=date(2020, 1, 1)), {"田野法@2#1", "田野法@2#2"}),
        (
            Where(title_keys=("田野法",), on_date=date(2027, 1, 1)),
            {"田野法@2#1", "田野法@2#2", "田野法@3#2"},
        ),
        (Where(regions=("某省",)), {"耕保处文件@1#c1", "湿地条例@1#2"}),
        (Where(levels=("地方",), departments=("",)), {"湿地条例@1#2"}),
        (Where(document_ids=()), set()),
        (Where(max_secrecy=0, departments=("",), article_key=""), set()),
    ],
)
def test_conditions(filled, where, expected):
    assert {p.id for p in filled.scroll(where)} == expected
    assert filled.count(where) == len(expected)


@pytest.mark.parametrize(
    ("principal", "hidden"),
    [
        (
            Principal(clearance=Secrecy.PUBLIC),
            {"内部纪要@1#c1", "敏感台账@1#c1", "耕保处文件@1#c1"},
        ),
        (Principal(), {"敏感台账@1#c1", "耕保处文件@1#c1"}),
        (Principal(departments=("耕保处",)), {"敏感台账@1#c1"}),
        (Principal(departments=("耕保处",), clearance=Secrecy.SENSITIVE), set()),
        (Principal(departments=("别的处",), clearance=Secrecy.SENSITIVE), {"耕保处文件@1#c1"}),
    ],
)
def test_permission_is_part_of_every_query(filled, embedder, principal, hidden):
    where = readable_by(principal)
    everything = {p.passage.id for p in points(embedder)}
    assert {p.id for p in filled.scroll(where)} == everything - hidden
    dense = filled.query_dense(embedder.embed_query("永久基本农田"), 100, where)
    assert set(ids(dense, filled)) == everything - hidden
    sparse = ids(filled.query_sparse(query_vector("永久基本农田"), 100, where), filled)
    assert sparse and not set(sparse) & hidden


def test_filtering_happens_before_the_cut(filled, embedder):
    """The k best *permitted* passages come back, however many forbidden ones lie nearer."""
    secret = Principal(clearance=Secrecy.PUBLIC)
    near = embedder.embed_passages(["永久基本农田敏感图斑台账。"])[0]
    found = ids(filled.query_dense(near, 5, readable_by(secret)), filled)
    assert len(found) == 5
    assert not set(found) & {"内部纪要@1#c1", "敏感台账@1#c1", "耕保处文件@1#c1"}


def test_engines_agree(tmp_path, embedder):
    """Same points, same questions: same passages in the same order, scores within rounding."""
    rng = np.random.default_rng(7)
    words = [
        "永久",
        "基本",
        "农田",
        "占用",
        "审批",
        "湿地",
        "保护",
        "规划",
        "许可",
        "耕地",
        "征收",
        "补偿",
        "红线",
        "边界",
        "用途",
        "管制",
    ]
    made = []
    for number in range(300):
        text = "".join(rng.choice(words, size=int(rng.integers(4, 14)))) + f"{number}"
        passage = Passage(
            id=f"d{number % 7}@1#{number}",
            document_id=f"d{number % 7}@1",
            title=f"d{number % 7}",
            article_key=str(number),
            text=text,
            effective_from=date(2000 + number % 30, 1, 1),
            secrecy=list(Secrecy)[number % 3],
        )
        made.append(Point(passage, embedder.embed_passages([text])[0], passage_vector(text)))
    stores = [edge(tmp_path), server(tmp_path)]
    try:
        for store in stores:
            store.upsert(made)
            store.flush()
        for query in ("占用永久基本农田的审批", "湿地保护规划", "征收补偿", "城镇开发边界"):
            for where in (
                Where(),
                readable_by(Principal(), Where(on_date=TODAY)),
                Where(title_keys=("d3",)),
            ):
                for ask in (
                    lambda s, q=query, w=where: s.query_dense(embedder.embed_query(q), 20, w),
                    lambda s, q=query, w=where: s.query_sparse(query_vector(q), 20, w),
                ):
                    one, two = (ask(store) for store in stores)
                    assert [f.score for f in one] == pytest.approx(
                        [f.score for f in two], rel=1e-3, abs=1e-4
                    )
                    by_id = {f.id: f.score for f in two}
                    for found in one:  # ties at the cut may fall differently
                        assert found.score == pytest.approx(
                            by_id.get(found.id, two[-1].score), rel=1e-3, abs=1e-4
                        )
    finally:
        for store in stores:
            store.close()
