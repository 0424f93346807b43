import hashlib
import stat

import pytest

from cspon.errors import InputError
from cspon.schemas.knowledge import Document
from knowledge_base.ingest import originals
from knowledge_base.ingest.originals import collect, keep, original_file


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "方案.TXT"
    path.write_text("保护湿地。", encoding="utf-8")
    return path


def test_a_file_is_kept_by_its_content_read_only(folder, source):
    kept = keep(folder, source)
    assert kept.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert kept.path == folder / "files" / f"{kept.sha256}.txt"
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o444
    assert keep(folder, source) == kept
    assert len(list((folder / "files").iterdir())) == 1


def test_the_original_of_a_document_is_found(folder, source):
    kept = keep(folder, source)
    document = Document(id="a", title="a", source="方案.TXT", original=kept.sha256)
    assert original_file(folder, document) == kept.path
    renamed = document.model_copy(update={"source": "方案.md"})
    assert original_file(folder, renamed) == kept.path
    assert original_file(folder, document.model_copy(update={"original": None})) is None
    assert original_file(folder, document.model_copy(update={"original": "0" * 64})) is None


def test_what_no_document_needs_is_collected(folder, source, tmp_path):
    other = tmp_path / "b.md"
    other.write_text("其他", encoding="utf-8")
    first, second = keep(folder, source), keep(folder, other)
    (folder / "files" / ".keeping-1-x").write_bytes(b"left by a killed writer")
    assert collect(folder, {first.sha256}) == 2
    assert [p.name for p in (folder / "files").iterdir()] == [first.path.name]
    assert not second.path.exists()


def test_a_file_that_changes_while_it_is_copied_is_refused(folder, source, monkeypatch):
    digest = originals._digest

    def changing(stream, target):
        result = digest(stream, target)
        source.write_text("改动之后的文字", encoding="utf-8")
        return result

    monkeypatch.setattr(originals, "_digest", changing)
    with pytest.raises(InputError, match="读取时被修改"):
        keep(folder, source)


@pytest.mark.parametrize("kind", ["folder", "missing", "large"])
def test_what_is_no_file_to_read_is_refused(folder, tmp_path, monkeypatch, kind):
    path = tmp_path / "x.md"
    if kind == "folder":
        path.mkdir()
    if kind == "large":
        path.write_text("大文件")
        monkeypatch.setattr(originals, "MAX_BYTES", 3)
    with pytest.raises(InputError) as caught:
        keep(folder, path)
    assert str(path) in str(caught.value)
    assert not (folder / "files").exists()
