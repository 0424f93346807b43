import json

import numpy as np
import pytest

from cspon.cli.kb import app
from cspon.cli.main import run
from cspon.schemas.base import Secrecy
from knowledge_base.ingest.build import add_paths

LAW = """# 田野法

第一条 为了保护田野，根据《水源法》第三条，制定本法。

第二条 永久基本农田以外的耕地超过三十五公顷的，由国务院批准。

第三条 依照本法第二条批准的，应当公告。

第四条 本法自2020年1月1日起施行，《旧田野法》同时废止。
"""
RULES = """# 田野法实施条例

第一条 根据《田野法》，制定本条例。

第二条 依照《田野法》第三条公告的，期限为三十日。

第三条 前款规定由县级人民政府执行。
"""


class OneHot:
    name, dim = "onehot:test", 384

    def embed_query(self, text):
        return np.eye(self.dim, dtype=np.float32)[len(text) % self.dim]

    def embed_passages(self, texts):
        return np.stack([self.embed_query(t) for t in texts])


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A base of two texts and one that is 敏感."""
    folder = tmp_path_factory.mktemp("graph")
    for name, words, secrecy in (
        ("田野法(2019-08-26)", LAW, Secrecy.PUBLIC),
        ("田野法实施条例(2021-01-01)", RULES, Secrecy.PUBLIC),
        ("绝密口径(2022-01-01)", LAW.replace("田野法", "口径办法"), Secrecy.SENSITIVE),
    ):
        (folder / f"{name}.md").write_text(words, encoding="utf-8")
        add_paths(
            folder / "home" / "kb",
            [folder / f"{name}.md"],
            embedder=OneHot(),
            secrecy=secrecy,
            workers=0,
        )
    return folder / "home"


@pytest.fixture
def kb(home, monkeypatch, capsys):
    """Run `cspon kb …`; returns exit code and stdout."""
    monkeypatch.setenv("CSPON_HOME", str(home))
    for module in ("kb", "kb_graph"):
        monkeypatch.setattr(f"cspon.cli.{module}.open_embedder", lambda settings: OneHot())

    def call(*arguments):
        code = run(["kb", *arguments])
        return code, capsys.readouterr().out

    return call


def test_the_graph_of_an_article_is_a_tree(kb):
    code, out = kb("graph", "田野法", "2", "--date", "2026-11-22")
    assert code == 0
    for words in ("《田野法》第二条", "《水源法》第三条", "库内没有", "《田野法》第三条", "引用它"):
        assert words in out
    assert "《田野法实施条例》第二条" in out
    assert "口径" not in out


def test_the_graph_of_a_document_names_what_it_ends_and_what_carries_it_out(kb):
    _, out = kb("graph", "田野法", "4", "--up", "1", "--down", "0")
    assert "《旧田野法》" in out
    assert "废止" in out
    _, out = kb("graph", "田野法")
    assert "《田野法实施条例》　" in out
    assert "实施它" in out


def test_the_graph_is_given_as_json(kb):
    code, out = kb("graph", "田野法", "第三条", "--json", "--limit", "2")
    view = json.loads(out)
    assert code == 0
    assert view["root"]["article"] == "第三条"
    assert len(view["nodes"]) == 2
    assert view["cut"] is True


def test_an_unknown_root_is_told(kb):
    code, out = kb("graph", "没有的法", "1")
    assert code == 2
    assert "库内没有" in out
    same, sensitive = kb("graph", "口径办法", "1")
    assert (same, sensitive.replace("口径办法", "没有的法")) == (code, out)
    assert kb("graph", "田野法", "附件")[0] == 2


@pytest.mark.parametrize(
    ("quote", "code", "words"),
    [
        ("永久基本农田以外的耕地超过三十五公顷的", 0, "引文相符度：1.000"),
        ("永久基本农田以外的耕地超过七十公顷的", 1, "引文“七”，原文“三"),
        ("永久基本农田以外的耕他超过三十五公顷的", 0, "引文与条文有出入"),
    ],
)
def test_a_quote_is_checked(kb, quote, code, words):
    found, out = kb("cite", "田野法", "第二条", "--quote", quote)
    assert found == code
    assert words in out


def test_numbers_of_a_claim_are_checked(kb):
    assert kb("cite", "田野法", "2", "--claim", "超过525亩的由国务院批准")[0] == 0
    code, out = kb("cite", "田野法", "2", "--claim", "超过70公顷的由国务院批准")
    assert code == 1
    assert "该条未载：70公顷" in out
    code, out = kb("cite", "田野法", "2", "--claim", "超过70公顷", "--json")
    assert json.loads(out)["missing_numbers"] == ["70公顷"]


def test_what_is_not_there_cannot_be_checked(kb):
    code, out = kb("cite", "没有的法", "1")
    assert code == 2
    assert (code, out.replace("没有的法", "口径办法")) == kb("cite", "口径办法", "1")


READING = {
    "search": ("search", "口径办法第二条", "--k", "50", "--include-repealed"),
    "article": ("article", "口径办法", "2"),
    "status": ("status",),
    "graph": ("graph", "口径办法", "2"),
    "cite": ("cite", "口径办法", "2", "--quote", "由国务院批准"),
}
MANAGING = {"add", "watch", "remove", "edit", "show", "build-laws", "ship-vectors"}
"""Verbs of the operator, who holds the files and the folder of the base."""


def test_every_verb_is_known_to_read_or_to_manage():
    verbs = {c.name or c.callback.__name__ for c in app.registered_commands}
    assert verbs == set(READING) | MANAGING


@pytest.mark.parametrize("verb", READING)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_no_reading_verb_shows_a_sensitive_text(kb, verb, form):
    code, out = kb(*READING[verb], *form)
    shown = out.replace("口径办法", "没有的法") if "口径办法" in READING[verb] else out
    assert "口径" not in shown
    if verb in ("article", "graph", "cite"):
        asked = [word.replace("口径办法", "没有的法") for word in READING[verb]]
        assert kb(*asked, *form) == (code, shown)
