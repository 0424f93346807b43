import json

import numpy as np
import pytest

from cspon.cli.main import run
from knowledge_base.ingest.vector_cache import read_shipped


class OneHot:
    """A vector by the text's length: the commands are tested here, not the ranking."""

    name, dim = "onehot:test", 384

    def embed_query(self, text):
        return np.eye(self.dim, dtype=np.float32)[len(text) % self.dim]

    def embed_passages(self, texts):
        return np.stack([self.embed_query(t) for t in texts])


@pytest.fixture
def kb(tmp_path, monkeypatch, capsys):
    """Run `cspon kb …` on a base of two real laws; returns exit code, stdout and stderr."""
    listed = tmp_path / "laws.yaml"
    listed.write_text("laws:\n- title: 农业法\n- title: 耕地占用税法\n", encoding="utf-8")
    monkeypatch.setenv("CSPON_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("CSPON_LAWS_LIST", str(listed))
    for module in ("kb", "kb_files"):
        monkeypatch.setattr(f"cspon.cli.{module}.open_embedder", lambda settings: OneHot())
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = run(["kb", *arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


@pytest.fixture
def built(kb):
    code, out, _ = kb("build-laws")
    assert code == 0
    assert "新增 3 份" in out
    return kb


def test_before_a_build_the_message_says_what_to_run(kb):
    code, out, err = kb("search", "耕地")
    assert (code, out) == (2, "")
    assert "cspon kb build-laws" in err


def test_search_prints_label_standing_and_dates(built):
    code, out, _ = built("search", "耕地占用税法第二条", "--k", "2", "--date", "2026-11-22")
    assert code == 0
    first = out.splitlines()[0]
    assert "《耕地占用税法》第二条" in first
    assert "现行有效" in first
    assert "2019-09-01 起" in first


def test_search_by_date_and_as_json(built):
    code, out, _ = built("search", "农业法第三条", "--date", "2027-03-01", "--json")
    hits = json.loads(out)
    assert code == 0
    assert hits[0]["passage"]["document_id"] == "农业法@2026-08-28"
    assert hits[0]["validity"] == "现行有效"
    _, out, _ = built(
        "search", "农业法第三条", "--date", "2026-11-22", "--json", "--include-repealed"
    )
    assert {h["validity"] for h in json.loads(out)} >= {"现行有效", "尚未施行"}


def test_article_prints_text_and_caveat(built):
    code, out, _ = built("article", "农业法", "3", "--date", "2026-11-22")
    assert code == 0
    assert "《中华人民共和国农业法》第三条　现行有效" in out
    assert "自2027-01-01起由" in out
    code, out, _ = built("article", "环评法", "第十六条", "--json")
    assert code == 2
    assert json.loads(out)["verification"] == "not_in_base"


def test_status_add_and_remove(built, tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "田野条例(2024-01-01).md").write_text(
        "# 田野条例\n\n第一条 甲。\n\n第二条 乙。\n", encoding="utf-8"
    )
    (folder / "密件.md").write_text("秘密★\n\n正文\n", encoding="utf-8")
    code, out, err = built("add", str(folder), "--secrecy", "内部", "--json")
    assert code == 2  # one file was refused; the other is in
    report = json.loads(out)
    assert report["added"] == ["田野条例@2024-01-01~f"]
    assert "密级标志" in report["failures"][0]["message"]
    state = json.loads(built("status", "--json")[1])
    assert (state["documents"], state["by_source"]["文件"]) == (4, 1)
    assert "共 4 份文件" in built("status")[1]
    code, out, _ = built("remove", "田野条例")
    assert (code, "移除 1 份" in out) == (0, True)
    code, _, err = built("remove", "田野条例")
    assert (code, "库中没有" in err) == (2, True)


def test_a_broken_law_database_is_explained(kb, tmp_path, monkeypatch):
    (tmp_path / "broken.db").write_bytes(b"broken")
    monkeypatch.setenv("CSPON_LAWS_DB", str(tmp_path / "broken.db"))
    code, _, err = kb("build-laws")
    assert code == 2
    assert "法规库无法读取" in err
    assert not (tmp_path / "home" / "kb" / "CURRENT").exists()


def test_a_path_that_does_not_exist_is_explained(built):
    code, _, err = built("add", "没有这个文件.md")
    assert (code, "路径不存在" in err) == (2, True)


def test_vectors_are_shipped(kb, tmp_path):
    out = tmp_path / "shipped.npz"
    code, text, _ = kb("ship-vectors", "--out", str(out))
    assert code == 0
    assert "230 条" in text
    assert len(read_shipped("onehot:test", out)) == 99 + 115 + 16
