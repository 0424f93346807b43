import json
import sys

import numpy as np
import pytest

from eval.bench import ingest
from eval.bench.ingest_files import make_files, make_scans
from knowledge_base.cut.chunk import read_document


class Flat:
    name, dim = "flat:test", 8

    def embed_query(self, text):
        return self.embed_passages([text])[0]

    def embed_passages(self, texts):
        return np.eye(8, dtype=np.float32)[[len(t) % 8 for t in texts]]


@pytest.mark.parametrize("kind", ["docx", "pdf", "html", "md", "txt"])
def test_what_is_made_comes_in_whole(tmp_path, kind):
    path = make_files(tmp_path, 1)[kind][0]
    law = read_document(path)
    keys = [p.article_key for p in law.passages if p.kind == "article"]
    assert keys == [str(n) for n in range(1, 601 if kind in ("md", "txt") else 61)]
    assert law.gaps == ()
    if kind != "txt":
        assert any(p.kind == "table" for p in law.passages)


def test_scans_have_no_text_of_their_own(tmp_path):
    made = make_scans(tmp_path, 1)
    from cspon.errors import InputError

    assert {path.suffix for paths in made.values() for path in paths} == {".pdf", ".png"}
    with pytest.raises(InputError):
        read_document(made["scanned_pdf"][0], ocr=False)


def test_one_json_object_with_every_key(monkeypatch):
    monkeypatch.setattr(ingest, "SCANS", 0)
    monkeypatch.setattr(ingest, "RUNS", 1)
    monkeypatch.setattr(ingest, "SCALING_RUNS", 1)
    monkeypatch.setattr(ingest, "MEMORY_FILES", 2)
    result = json.loads(json.dumps(ingest.run(files=1, embedder=Flat())))
    for key in (
        "machine",
        "versions",
        "n",
        "why",
        "pages_per_cpu_s",
        "overhead_vs_parser",
        "scaling_2_cores",
        "vs_unstructured",
        "articles",
        "memory",
        "embedding",
    ):
        assert key in result
    assert result["n"] == 6
    assert set(result["pages_per_cpu_s"]) == {"docx", "pdf", "xlsx", "html", "md", "txt"}
    assert result["articles"] == {
        "docx": 60,
        "pdf": 60,
        "xlsx": 0,
        "html": 60,
        "md": 600,
        "txt": 600,
    }
    assert all(result["overhead_vs_parser"][k] is not None for k in ("docx", "pdf", "xlsx"))
    assert "overhead_vs_parser.txt" in result["why"]
    assert set(result["memory"]["by_files"]) == {"2", "8"}
    assert all(r["without_index_mb"] > 0 for r in result["memory"]["by_files"].values())
    assert result["embedding"]["vs_bare_loop"] > 0


def test_a_missing_peer_is_a_reason(tmp_path, monkeypatch):
    script = tmp_path / "python"
    script.write_text(f"#!{sys.executable}\nraise SystemExit(3)\n", encoding="utf-8")
    script.chmod(0o755)
    found = ingest._unstructured({"md": [tmp_path / "a.md"]}, script)
    why: dict[str, str] = {}
    assert ingest._ratio(found["md"], 1.0, "md", why) is None
    assert why == {"vs_unstructured.md": "退出码 3"}


def test_given_files_are_sorted_by_type(tmp_path):
    for name in ("a.md", "b.md", "c.txt", "d.doc"):
        (tmp_path / name).write_text("文字", encoding="utf-8")
    found = ingest._by_kind(sorted(tmp_path.iterdir()), 1)
    assert {kind: [p.name for p in paths] for kind, paths in found.items()} == {
        "md": ["a.md"],
        "txt": ["c.txt"],
    }
