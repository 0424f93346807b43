import errno

import pytest

from cspon.errors import SetupError
from tools.outputs import published_together


def test_files_appear_together_at_the_end(tmp_path):
    with published_together(tmp_path / "out") as draft:
        (draft / "a.txt").write_text("a")
        assert not (tmp_path / "out" / "a.txt").exists()
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.txt"]


def test_nothing_stays_when_the_disk_is_full(tmp_path):
    with (
        pytest.raises(SetupError, match="无法写入输出目录"),
        published_together(tmp_path / "out") as d,
    ):
        (d / "a.txt").write_text("a")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not (tmp_path / "out").exists()


def test_an_older_result_survives_a_failed_one(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    with pytest.raises(SetupError), published_together(folder) as draft:
        (draft / "a.txt").write_text("new")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert [(p.name, p.read_text()) for p in folder.iterdir()] == [("a.txt", "old")]
