import os
from pathlib import Path

import pytest

from cspon.errors import InputError
from knowledge_base.parse import opened as module
from knowledge_base.parse.opened import read_once
from knowledge_base.parse.read import read_source


def test_a_file_of_two_gigabytes_is_refused_unread(tmp_path):
    path = tmp_path / "大.txt"
    with path.open("wb") as stream:
        stream.truncate(2 * 2**30)
    with pytest.raises(InputError, match="2048 MB"):
        read_source(path)


def test_a_file_that_changes_once_is_read_again_and_twice_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("甲")
    changes = [1]

    def fstat(number, real=os.fstat):
        found = real(number)
        if changes:
            changes.pop()
            path.write_text("乙乙")
        return found

    monkeypatch.setattr(module.os, "fstat", fstat)
    assert read_once(path).data.decode() == "乙乙"
    changes.extend([1, 1])
    path.write_text("甲")
    monkeypatch.setattr(module.os, "fstat", lambda number: Path(__file__).stat())
    with pytest.raises(InputError, match="被修改"):
        read_once(path)


def test_the_hash_is_that_of_the_bytes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("甲".encode())
    assert read_source(path).sha256 == read_once(path).sha256
    assert len(read_source(path).sha256) == 64


def test_folders_and_devices_are_no_files(tmp_path):
    with pytest.raises(InputError, match="普通文件"):
        read_once(tmp_path)
