"""Copies keep their holes and every byte."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.store.sparse import copy_file, copy_tree, size_on_disk

HOLE = 8 << 20


def test_a_hole_stays_a_hole(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    with (folder / "page.dat").open("wb") as out:
        out.write(b"front")
        out.truncate(HOLE)
    if size_on_disk(folder) >= HOLE:
        pytest.skip("the file system keeps no holes")
    copy_tree(folder, tmp_path / "b")
    assert (tmp_path / "b" / "page.dat").read_bytes() == b"front".ljust(HOLE, b"\0")
    assert size_on_disk(tmp_path / "b") == size_on_disk(folder)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 3 << 20), st.binary(min_size=1, max_size=9000)), max_size=6),
    st.integers(0, 4 << 20),
)
def test_every_byte_arrives(tmp_path_factory, writes, size):
    folder = tmp_path_factory.mktemp("copy")
    source = folder / "source"
    with source.open("wb") as out:
        for at, data in writes:
            out.seek(at)
            out.write(data)
        out.truncate(size)
    copy_file(source, folder / "target")
    assert (folder / "target").read_bytes() == source.read_bytes()


def test_an_empty_file_and_its_times(tmp_path):
    source = tmp_path / "empty"
    source.touch()
    source.chmod(0o640)
    copy_file(source, tmp_path / "copy")
    copied = (tmp_path / "copy").stat()
    assert copied.st_size == 0
    assert copied.st_mode == source.stat().st_mode
    assert copied.st_mtime_ns == source.stat().st_mtime_ns


def test_a_folder_that_exists_is_not_written_over(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with pytest.raises(FileExistsError):
        copy_tree(tmp_path / "a", tmp_path / "b")
