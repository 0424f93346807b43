"""Files read ahead: not read again when they are taken in, and the base as it was until then."""

import pytest

from cspon.errors import SetupError
from cspon.schemas.base import Secrecy
from knowledge_base.catalogue import held_catalogue, writer
from knowledge_base.ingest.build import add_paths
from knowledge_base.ingest.read_ahead import read_ahead

TEXT = (
    "# {}管理办法\n\n第一条 为了规范{}的管理，制定本办法。\n\n第二条 本办法自2024年5月1日起施行。\n"
)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "files").mkdir()
    made = [tmp_path / "files" / f"{name}管理办法.md" for name in ("堆场", "码头", "渡口")]
    for file in made:
        name = file.stem.removesuffix("管理办法")
        file.write_text(TEXT.format(name, name), encoding="utf-8")
    return made


def test_what_was_read_ahead_is_not_read_again(folder, embedder, files):
    for file in files[:2]:
        assert read_ahead(folder, [file], workers=0) == ()
        assert held_catalogue(folder) is None
    report = add_paths(folder, files, embedder=embedder, workers=0)
    assert (len(report.added), report.resumed) == (3, 2)


def test_what_is_for_others_is_read_anew(folder, embedder, files):
    read_ahead(folder, files[:1], workers=0)
    report = add_paths(folder, files[:1], embedder=embedder, workers=0, secrecy=Secrecy.INTERNAL)
    assert (len(report.added), report.resumed) == (1, 0)


def test_a_file_that_cannot_be_read_is_told(folder, files):
    files[1].write_bytes(b"")
    assert [failure.path for failure in read_ahead(folder, files, workers=0)] == [str(files[1])]


def test_who_writes_keeps_others_out(folder, files):
    with writer(folder), pytest.raises(SetupError, match="正被另一进程写入"):
        read_ahead(folder, files, workers=0)


def test_a_reading_can_be_broken_off(folder, embedder, files):
    def stop(_text):
        raise KeyError("停")

    with pytest.raises(KeyError):
        read_ahead(folder, files, workers=0, progress=stop)
    assert held_catalogue(folder) is None
    assert len(add_paths(folder, files, embedder=embedder, workers=0).added) == 3
