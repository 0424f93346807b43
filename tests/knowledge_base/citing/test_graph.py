from datetime import date

import pytest

from cspon.errors import InputError
from cspon.schemas.agent import Principal
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Validity
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import add_paths

TODAY = date(2026, 11, 22)
TEXTS = {
    "田野法(2019-08-26)": (
        "# 田野法\n\n第一条 为了保护田野，根据宪法，制定本法。\n\n第二条 占用田野依照本法第三条报批。\n\n"
        "第三条 报批的材料由条例规定，依照《水源法》第二条。\n第一款以外的，依照前款办理。\n\n"
        "第四条 本法自2020年1月1日起施行，《旧田野法》同时废止。\n"
    ),
    "水源法(2015-01-01)": (
        "# 水源法\n\n第一条 旧文。\n\n第二条 水源保护依照《田野法》第二条。\n\n第三条 本法自2015年1月1日起施行。\n"
    ),
    "水源法(2025-01-01)": (
        "# 水源法\n\n第一条 新文。\n\n第二条 水源保护依照《田野法》第二条和《没有的法》第九条。\n\n"
        "第三条 本法自2025年1月1日起施行。\n"
    ),
    "田野法实施条例(2021-01-01)": (
        "# 田野法实施条例\n\n第一条 根据《田野法》，制定本条例。\n\n第二条 《田野法》第三条所称材料，是指图件。\n\n"
        "第三条 本条例自2021年1月1日起施行。\n"
    ),
}
HIDDEN = {
    Secrecy.INTERNAL: (
        "内部口径(2022-01-01)",
        "# 内部口径\n\n第一条 甲。\n\n第二条 依照《田野法》第三条从严。\n",
    ),
    Secrecy.SENSITIVE: (
        "敏感口径(2022-01-01)",
        "# 敏感口径\n\n第一条 乙。\n\n第二条 依照《水源法》第二条从严。\n",
    ),
}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory, make_bare_embedder):
    folder, embedder = tmp_path_factory.mktemp("graph"), make_bare_embedder()

    def add(name, words, **given):
        path = folder / f"{name}.md"
        path.write_text(words, encoding="utf-8")
        add_paths(folder / "kb", [path], embedder=embedder, workers=0, **given)

    for name, words in TEXTS.items():
        add(name, words)
    for secrecy, (name, words) in HIDDEN.items():
        add(name, words, secrecy=secrecy, department="耕保处")
    with KnowledgeBase.open(folder / "kb", embedder) as base:
        yield base


@pytest.fixture
def graph(graphs):
    def run(*passage, **given):
        return graphs.graph(*passage, **({"on_date": TODAY, "principal": Principal()} | given))

    return run


def short(view):
    return [(n.hops, n.title, n.article) for n in view.nodes]


def edges(view):
    return {(e.source.split("@")[0] + "#" + e.source.partition("#")[2], e.relation,
             e.target.split("@")[0] + "#" + e.target.partition("#")[2]) for e in view.edges}  # fmt: skip


def test_what_a_clause_rests_on_and_what_rests_on_it(graph):
    view = graph(title="田野法", article="3", up=1, down=1)
    assert short(view) == [
        (0, "田野法", "第三条"),
        (1, "水源法", "第二条"),
        (1, "宪法", None),
        (-1, "田野法", "第二条"),
        (-1, "田野法实施条例", "第二条"),
    ]
    assert view.nodes[1].id == "水源法@2025-01-01~f#2"
    assert view.nodes[1].text.startswith("水源保护")
    assert ("田野法#3", "引用", "田野法#3") in edges(view)
    assert ("田野法#3", "依据", "宪法#") in edges(view)
    assert any("（第一款）" in e.words for e in view.edges if e.source == e.target)


def test_the_version_of_the_day_counts(graph):
    view = graph(title="田野法", article="3", up=1, down=0, on_date=date(2024, 6, 1))
    assert view.nodes[1].id == "水源法@2015-01-01~f#2"
    before = graph(title="田野法实施条例", article="2", up=1, down=0, on_date=date(2020, 6, 1))
    assert before.root.status is Validity.NOT_YET
    assert graph(title="田野法", article="3", up=0, down=1, on_date=date(2020, 6, 1)).nodes[1:] == (
        graph(title="田野法", article="2", up=0, down=0).root.model_copy(update={"hops": -1}),
    )


def test_cycles_end(graph):
    view = graph(title="田野法", article="2", up=6, down=6)
    assert len({n.id for n in view.nodes}) == len(view.nodes)
    assert ("水源法#2", "引用", "田野法#2") in edges(view)
    assert ("田野法#2", "引用", "田野法#3") in edges(view)
    assert not view.cut


def test_what_the_base_does_not_hold_is_shown_as_such(graph):
    view = graph(title="水源法", article="2", up=1, down=0)
    missing = next(n for n in view.nodes if n.title == "没有的法")
    assert (missing.in_base, missing.article, missing.text) == (False, "第九条", "")
    lost = graph(title="田野法", article="99")
    assert (lost.root.in_base, lost.root.article, lost.nodes) == (False, "第九十九条", (lost.root,))


def test_a_document_as_a_whole(graph):
    view = graph(title="田野法", up=1, down=1)
    assert ("田野法实施条例", None) in {(n.title, n.article) for n in view.nodes if n.hops == -1}
    assert any(e.relation == "实施" for e in view.edges)
    ended = graph(title="旧田野法", down=1)
    assert (ended.root.in_base, ended.root.status) == (False, Validity.REPEALED)
    assert {e.relation for e in ended.edges} == {"废止"}


def test_a_replaced_version_names_its_successor(graph):
    view = graph("水源法@2015-01-01~f#2", up=1, down=1)
    assert view.root.status is Validity.SUPERSEDED
    assert [n.title for n in view.nodes if n.hops > 0] == ["田野法"]
    assert [n for n in view.nodes if n.hops < 0] == []


def test_the_limit_cuts_and_says_so(graph):
    whole = graph(title="田野法", article="3", up=2, down=2)
    cut = graph(title="田野法", article="3", up=2, down=2, limit=3)
    assert (len(cut.nodes), cut.cut, whole.cut) == (3, True, False)
    assert cut.nodes == whole.nodes[:3]
    assert {e.source for e in cut.edges} | {e.target for e in cut.edges} <= {
        n.id for n in cut.nodes
    }


def test_unreadable_texts_are_left_out_and_told_of_up_to_internal(graph):
    reader = Principal()
    view = graph(title="田野法", article="3", up=0, down=1, principal=reader)
    assert (view.withheld, any("口径" in n.title for n in view.nodes)) == (True, False)
    member = Principal(departments=("耕保处",))
    known = graph(title="田野法", article="3", up=0, down=1, principal=member)
    assert (known.withheld, any(n.title == "内部口径" for n in known.nodes)) == (False, True)
    hidden = graph(title="水源法", article="2", up=0, down=1, principal=reader)
    assert (hidden.withheld, any("口径" in n.title for n in hidden.nodes)) == (False, False)
    named = graph(title="内部口径", article="2", principal=reader)
    assert (named.root.in_base, named.root.text, named.withheld) == (False, "", True)
    assert graph("内部口径@2022-01-01~f#2", principal=reader).withheld
    sensitive = graph(title="敏感口径", article="2", principal=reader)
    assert (sensitive.root.in_base, sensitive.withheld) == (False, False)


def test_a_root_must_be_given(graph):
    with pytest.raises(InputError, match="没有给出条文"):
        graph()
    with pytest.raises(InputError, match="条号无法识别"):
        graph(title="田野法", article="附件")
