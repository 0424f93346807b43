import io
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.parse.archive import expand


@pytest.fixture
def archive(tmp_path):
    def make(members, name="包.zip"):
        path = tmp_path / name
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for member, data in members:
                target.writestr(member, data)
        return path

    return make


def test_members_are_unpacked_under_their_own_names(archive, tmp_path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as target:
        target.writestr("丙.txt", "丙")
    path = archive(
        [
            ("甲/办法.txt", "一"),
            ("乙/办法.txt", "二"),
            ("__MACOSX/._办法.txt", "x"),
            ("~$办法.docx", "x"),
            ("内.zip", inner.getvalue()),
        ]
    )
    members = expand(path, tmp_path / "out")
    assert [m.name for m in members] == ["甲/办法.txt", "乙/办法.txt", "内.zip!/丙.txt"]
    assert [m.path.name for m in members] == ["办法.txt", "办法.txt", "丙.txt"]
    assert [m.path.read_text() for m in members] == ["一", "二", "丙"]


def test_names_in_gbk_are_read(tmp_path):
    raw = "规划文本.txt".encode("gbk")
    name = "x" * len(raw)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr(name, "甲")
    path = tmp_path / "a.zip"
    path.write_bytes(out.getvalue().replace(name.encode(), raw))
    assert [m.name for m in expand(path, tmp_path / "out")] == ["规划文本.txt"]


@pytest.mark.parametrize(
    "name", ["../x.txt", "/etc/x.txt", "a/../../x.txt", "C:\\x.txt", "..\\x.txt"]
)
def test_names_that_leave_the_folder_are_refused(archive, tmp_path, name):
    with pytest.raises(InputError, match="包外"):
        expand(archive([("好.txt", "甲"), (name, "乙")]), tmp_path / "out")
    assert not [f for f in (tmp_path / "out").rglob("*") if f.is_file()]


def test_links_are_refused(archive, tmp_path):
    link = zipfile.ZipInfo("链接.txt")
    link.external_attr = 0o120777 << 16
    with pytest.raises(InputError, match="链接"):
        expand(archive([(link, "/etc/passwd")]), tmp_path / "out")


def test_a_bomb_is_refused(archive, tmp_path):
    with pytest.raises(InputError, match="炸弹"):
        expand(archive([("a.txt", b"\0" * (40 * 2**20))]), tmp_path / "out")


def test_a_header_that_lies_about_the_size_does_not_help(archive, tmp_path):
    path = archive([("a.txt", b"\0" * (40 * 2**20))])
    data = path.read_bytes().replace(struct.pack("<I", 40 * 2**20), struct.pack("<I", 1000))
    path.write_bytes(data)
    with pytest.raises(InputError):
        expand(path, tmp_path / "out")


def test_nesting_has_an_end(archive, tmp_path):
    data = b"x"
    for level in range(4):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as target:
            target.writestr("a.zip" if level else "a.txt", data)
        data = out.getvalue()
    path = tmp_path / "deep.zip"
    path.write_bytes(data)
    with pytest.raises(InputError, match="嵌套"):
        expand(path, tmp_path / "out")


def test_too_many_members_and_encryption_are_refused(archive, tmp_path, monkeypatch):
    from knowledge_base.parse import zip_guard

    path = archive([("a.txt", "甲"), ("b.txt", "乙")])
    monkeypatch.setattr(zip_guard, "MAX_MEMBERS", 1)
    with pytest.raises(InputError, match="2 个文件"):
        expand(path, tmp_path / "out")
    monkeypatch.undo()
    data = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(mark)
        data[at + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="加密"):
        expand(path, tmp_path / "out")


@given(
    st.lists(
        st.tuples(
            st.text(alphabet="ab./\\:~$甲\0\n", min_size=1, max_size=12), st.binary(max_size=9)
        ),
        max_size=5,
        unique_by=lambda member: member[0],
    )
)
def test_members_never_leave_the_folder(tmp_path_factory, members):
    root = tmp_path_factory.mktemp("zip")
    path, into = root / "a.zip", root / "out"
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members:
            info = zipfile.ZipInfo()
            info.filename = name
            target.writestr(info, data)
    try:
        found = expand(path, into)
    except InputError:
        found = []
    assert all(m.path.resolve().is_relative_to(into.resolve()) for m in found)
    assert {f for f in root.rglob("*") if f.is_file()} == {path, *(Path(m.path) for m in found)}


@given(st.binary(max_size=200))
def test_any_bytes_are_expanded_or_refused(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("zip")
    (root / "a.zip").write_bytes(data)
    with pytest.raises(InputError):
        expand(root / "a.zip", root / "out")
