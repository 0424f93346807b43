"""Nothing leaks: every API of the base, every kind of reader, every kind of document.

What a reader may not read shows in no result: no title, no words, no id, no count. A 敏感 text that
they may not read changes nothing at all: a base with it answers byte for byte like one without.
"""

import inspect
import itertools
import json
from datetime import date
from enum import Enum

import pytest
from pydantic import BaseModel

from agents.assistant import Assistant
from cspon.schemas.agent import Principal, RefusalKind, Usage
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Basis, SearchOutcome
from knowledge_base.access import may_read, readable_by
from knowledge_base.base import KnowledgeBase
from knowledge_base.ingest.build import add_paths
from knowledge_base.lexical import query_vector
from knowledge_base.store.protocol import Store, Where
from knowledge_base.store.sparse import copy_tree

TODAY = date(2026, 11, 22)
SUBJECT = "矿坑修复方案的批准机关和期限"
MISSING = "癸市矿坑修复办法"
COMMON = "公共矿坑总则"
DEPARTMENT, ROLE = "耕保处", "审批"
MARKS = "甲乙丙丁戊己庚辛壬子丑寅"
KINDS = list(itertools.product(Secrecy, (None, DEPARTMENT), ((), (ROLE,))))
READERS = [
    Principal(user="读者", clearance=clearance, departments=departments, roles=roles)
    for clearance, departments, roles in itertools.product(
        Secrecy, ((), (DEPARTMENT,)), ((), (ROLE,))
    )
]


class Text:
    """One document of the test base and the marks by which it would be recognised."""

    def __init__(self, mark, secrecy, department, roles):
        self.secrecy, self.department, self.roles = secrecy, department, roles
        self.title = f"{mark}市矿坑修复办法"
        self.id = f"{self.title}@2024-01-01~f"
        self.number = f"{mark}自然资发〔2024〕7号"
        self.secret = f"{mark}号暗语"
        self.marks = (self.title, self.secret, self.number)

    @property
    def words(self):
        return (
            f"# {self.title}\n\n{self.number}\n\n第一条 为了矿坑修复，根据《{COMMON}》第一条，"
            f"制定本办法，{self.secret}。\n\n第二条 矿坑修复方案由{self.secret}批准，"
            f"期限为三十日，依照《{COMMON}》第二条执行。\n\n"
            f"第三条 本办法自2024年1月1日起施行，《{COMMON}》、《旧矿坑办法》同时废止。\n"
        )


TEXTS = [Text(mark, *kind) for mark, kind in zip(MARKS, KINDS, strict=True)]
PUBLIC = {
    f"{COMMON}(2020-01-01)": f"# {COMMON}\n\n第一条 矿坑总则依法制定。\n\n"
    "第二条 矿坑的管理遵守《旧矿坑办法》。\n\n第三条 本总则自2020年1月1日起施行。\n",
    "荒山绿化条例(2020-01-01)": "# 荒山绿化条例\n\n第一条 荒山绿化由乡镇组织。\n\n"
    "第二条 绿化树种由林场选定。\n\n第三条 本条例自2020年1月1日起施行。\n",
}


def write(folder, name, words):
    path = folder / f"{name}.md"
    path.write_text(words, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def bases(tmp_path_factory, make_bare_embedder):
    """The base with everything, and the base that never saw a 敏感 text."""
    root = tmp_path_factory.mktemp("leaks")
    embedder = make_bare_embedder()
    paths = [write(root, name, words) for name, words in PUBLIC.items()]
    add_paths(root / "without", paths, embedder=embedder, workers=0)

    def take(folder, texts):
        for text in texts:
            report = add_paths(
                root / folder,
                [write(root, f"{text.title}(2024-01-01)", text.words)],
                embedder=embedder,
                secrecy=text.secrecy,
                department=text.department,
                roles=text.roles,
                workers=0,
            )
            assert report.added == (text.id,), report

    take("without", [t for t in TEXTS if t.secrecy is not Secrecy.SENSITIVE])
    copy_tree(root / "without", root / "with")
    take("with", [t for t in TEXTS if t.secrecy is Secrecy.SENSITIVE])
    with (
        KnowledgeBase.open(root / "with", embedder) as full,
        KnowledgeBase.open(root / "without", embedder) as bare,
    ):
        yield full, bare


def plain(value):
    """Return a result as JSON text, whatever its type."""

    def default(item):
        if isinstance(item, BaseModel):
            return item.model_dump(mode="json")
        if isinstance(item, Enum):
            return item.value
        return str(item)

    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=default)


def passage_of(base, text_id):
    """Return a passage as somebody who may read it would hand it on."""
    everything = Principal(clearance=Secrecy.SENSITIVE, departments=(DEPARTMENT,), roles=(ROLE,))
    found = base.passage(f"{text_id}#2", principal=everything)
    if found is None:
        found = base.passage(f"{COMMON}@2020-01-01~f#2", principal=everything)
        found = found.model_copy(update={"id": f"{text_id}#2", "document_id": text_id})
    return found.model_copy(update={"text": "", "title": ""})


CASES = {
    "search": lambda base, p, title, id_: (
        [
            base.search(query, k=50, on_date=TODAY, principal=p, include_repealed=everything)
            for query in (f"{title}第二条", SUBJECT)
            for everything in (False, True)
        ]
        + [base.search(SUBJECT, on_date=TODAY, principal=p, kinds=["部门规章"], levels=["国家"])]
    ),
    "outcome": lambda base, p, title, id_: base.outcome(
        f"{title}第二条", k=50, on_date=TODAY, principal=p
    ),
    "cite": lambda base, p, title, id_: (
        [
            base.cite(Basis(title=title, article=article, quote=quote), on_date=day, principal=p)
            for article, quote in (
                (None, None),
                ("第二条", None),
                ("第九条", None),
                ("第二条", "批准"),
            )
            for day in (TODAY, date(2021, 1, 1))
        ]
        + [base.cite(Basis(title="旧矿坑办法"), on_date=TODAY, principal=p)]
    ),
    "article": lambda base, p, title, id_: [
        base.article(title, "2", on_date=TODAY, principal=p),
        base.article(COMMON, "2", on_date=TODAY, principal=p),
    ],
    "versions": lambda base, p, title, id_: [
        base.versions(title, on_date=TODAY, principal=p),
        base.versions(COMMON, on_date=TODAY, principal=p),
    ],
    "access": lambda base, p, title, id_: base.access(title, principal=p),
    "graph": lambda base, p, title, id_: [
        base.graph(f"{id_}#2", on_date=TODAY, principal=p),
        base.graph(title=title, article="2", on_date=TODAY, principal=p),
        base.graph(title=title, on_date=TODAY, principal=p),
        base.graph(title=COMMON, article="2", up=3, down=3, on_date=TODAY, principal=p),
        base.graph(title=COMMON, on_date=TODAY, principal=p),
        base.graph(title="旧矿坑办法", on_date=TODAY, principal=p, limit=3),
    ],
    "passage": lambda base, p, title, id_: base.passage(f"{id_}#2", principal=p),
    "neighbours": lambda base, p, title, id_: base.neighbours(
        passage_of(base, id_), before=5, after=5, principal=p
    ),
    "parent": lambda base, p, title, id_: base.parent(passage_of(base, id_), principal=p),
    "documents": lambda base, p, title, id_: base.documents(principal=p),
    "titles": lambda base, p, title, id_: base.titles(principal=p),
    "status": lambda base, p, title, id_: base.status(principal=p).model_copy(
        update={"folder": "", "generation": "", "built_at": None}
    ),
}
IN_WORDS = {"search", "outcome"}
"""Two questions differ by their words; these are held against the base without sensitive texts."""

NOT_FOR_READERS = {
    "open": "opens a folder",
    "close": "closes it",
    "opened": "for measurements and for code below the facade, which puts the condition in itself",
}


def test_every_api_of_the_base_has_a_case():
    public = {
        name for name, _ in inspect.getmembers(KnowledgeBase, callable) if not name.startswith("_")
    }
    assert public == set(CASES) | set(NOT_FOR_READERS)


def name_of(reader):
    return f"{reader.clearance.value}-{'-'.join(reader.departments + reader.roles) or '无'}"


@pytest.fixture(params=READERS, ids=name_of)
def reader(request):
    return request.param


def forbidden(reader):
    return [text for text in TEXTS if not may_read(reader, text)]


def shown(base, case, reader, title, id_):
    """Return what a case answers, without the words that the asker gave."""
    return without(plain(CASES[case](base, reader, title, id_)), title, id_)


def without(answer, *given):
    """Take out what the asker wrote: titles last, ids hold them."""
    for words in sorted(given, key=len, reverse=True):
        answer = answer.replace(words, "〈问〉")
    return answer


def unordered(result):
    """Return hits by id, without rank and score: how rare a word is, the whole base decides."""
    if isinstance(result, list):
        return sorted((unordered(part) for part in result), key=plain)
    if isinstance(result, SearchOutcome):
        return [unordered(list(result.hits)), result.withheld]
    return result.model_copy(update={"score": 0.0, "routes": {}})


@pytest.mark.parametrize("case", CASES)
def test_nothing_forbidden_is_in_any_answer(bases, reader, case):
    full, _ = bases
    for asked in [*forbidden(reader), None]:
        title, id_ = (asked.title, asked.id) if asked else (MISSING, f"{MISSING}@2024-01-01~f")
        answer = shown(full, case, reader, title, id_)
        for text in forbidden(reader):
            assert not [mark for mark in text.marks if mark in answer], (case, text.title)


@pytest.mark.parametrize("case", sorted(set(CASES) - IN_WORDS))
def test_a_sensitive_text_answers_like_one_that_is_not_there(bases, reader, case):
    full, _ = bases
    missing = shown(full, case, reader, MISSING, f"{MISSING}@2024-01-01~f")
    for text in forbidden(reader):
        if text.secrecy is Secrecy.SENSITIVE:
            assert shown(full, case, reader, text.title, text.id) == missing, text.title


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "reader", [r for r in READERS if r.clearance is not Secrecy.SENSITIVE], ids=name_of
)
def test_a_base_with_sensitive_texts_answers_like_one_without(bases, reader, case):
    for title, id_ in [(t.title, t.id) for t in TEXTS] + [(COMMON, f"{COMMON}@2020-01-01~f")]:
        results = [CASES[case](base, reader, title, id_) for base in bases]
        if case in IN_WORDS:
            results = [unordered(result) for result in results]
        assert plain(results[0]) == plain(results[1]), title


def test_no_permission_is_told_up_to_internal_only(bases, reader):
    full, _ = bases
    for text in TEXTS:
        readable = may_read(reader, text)
        expected = "readable" if readable else "no_permission"
        if not readable and text.secrecy is Secrecy.SENSITIVE:
            expected = "not_in_base"
        assert full.access(text.title, principal=reader) == expected
        citation = full.cite(
            Basis(title=text.title, article="第二条"), on_date=TODAY, principal=reader
        )
        assert citation.verification == ("verified" if readable else "not_in_base")
        assert citation.withheld is (expected == "no_permission")


def test_the_outcome_tells_withheld_from_absent(bases):
    full, bare = bases

    def withheld(base, query, principal):
        return base.outcome(query, on_date=TODAY, principal=principal).withheld

    public = Principal(clearance=Secrecy.PUBLIC)
    everyone = Principal(clearance=Secrecy.INTERNAL, departments=(DEPARTMENT,), roles=(ROLE,))
    for text in TEXTS:
        query = f"{text.secret}批准的矿坑修复方案"
        if not may_read(public, text):
            assert withheld(full, query, public) == withheld(bare, query, public)
        if text.secrecy is not Secrecy.SENSITIVE:
            assert not withheld(full, query, everyone)
    assert not withheld(full, "荒山绿化由谁组织", public)
    assert not withheld(full, "量子计算机纠错码", public)


@pytest.mark.parametrize("name", ["scroll", "count", "query_dense", "query_sparse"])
def test_the_store_filters_inside_its_queries(bases, reader, name, make_bare_embedder):
    store: Store = bases[0].opened().store
    where = readable_by(reader)
    readable = {t.id for t in TEXTS if may_read(reader, t)}
    if name == "count":
        assert store.count(where) == sum(1 for _ in store.scroll(where))
        assert store.count(readable_by(reader, Where(title_keys=(TEXTS[-1].title,)))) == (
            3 if TEXTS[-1].id in readable else 0
        )
        return
    if name == "scroll":
        found = list(store.scroll(where))
    elif name == "query_dense":
        vector = make_bare_embedder().embed_query(SUBJECT)
        found = store.get([f.id for f in store.query_dense(vector, 500, where)])
    else:
        found = store.get([f.id for f in store.query_sparse(query_vector(SUBJECT), 500, where)])
    ids = {p.document_id for p in found}
    assert found
    assert ids & {t.id for t in TEXTS} == readable


async def answer_of(base, layers, reader, title):
    assistant = Assistant(None, base, layers, None)
    question = f"《{title}》第二条规定矿坑修复方案由谁批准？"
    answer = await assistant.answer(question, principal=reader, asked_on=TODAY)
    return answer.model_copy(update={"run_id": "", "usage": Usage()})


async def test_the_assistant_names_nothing_forbidden(bases, reader, tmp_path):
    full, bare = bases
    for text in forbidden(reader):
        answer = await answer_of(full, tmp_path, reader, text.title)
        for other in forbidden(reader):
            assert not [m for m in other.marks if m in without(plain(answer), text.title)]
        if text.secrecy is Secrecy.SENSITIVE:
            same = await answer_of(bare, tmp_path, reader, text.title)
            assert answer.refusal == same.refusal
            assert [c for c in answer.citations if c.title == text.title] == [
                c for c in same.citations if c.title == text.title
            ]
        else:
            assert answer.refusal.kind is RefusalKind.NO_PERMISSION
            assert "《" not in answer.refusal.message
            assert answer.citations == ()
