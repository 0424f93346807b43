import io
import os
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from serving import uploads
from serving.problems import ApiError
from serving.uploads import Uploads, clean_name, inline_boundary


@given(st.text(max_size=200), st.sampled_from(uploads.FORMATS))
def test_clean_name_is_one_harmless_component(stem, suffix):
    name = clean_name(f"{stem}{suffix.upper()}")
    assert name.endswith(suffix)
    assert 1 < len(name) <= 80
    assert not set(name) & set('/\\:*?"<>|\0\n\r\t ')
    assert not name.startswith(".")
    assert len(name.encode()) < 255


@pytest.mark.parametrize(
    ("given_", "clean"),
    [
        ("C:\\资料\\产业园 边界.GeoJSON", "产业园_边界.geojson"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("a（终）.dxf", "a（终）.dxf"),
        ("....zip", "boundary.zip"),
    ],
)
def test_clean_name_keeps_what_is_readable(given_, clean):
    assert clean_name(given_) == clean


def make_zip(members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    content.seek(0)
    return content


def test_zip_members_are_flattened_and_nothing_else_is_written(tmp_path):
    members = {"../../a.shp": b"1", "../../a.dbf": b"2", "x/evil.sh": b"3", "__MACOSX/a.shp": b"4"}
    path = uploads.write_boundary(tmp_path, "b.zip", make_zip(members), max_bytes=1 << 20)
    assert path == tmp_path / "a.shp"
    assert {p.name for p in tmp_path.iterdir()} == {"b.zip", "a.shp", "a.dbf"}


def test_gbk_member_names_are_read(tmp_path):
    content = make_zip({"XXXX.shp": b"1"}).getvalue().replace(b"XXXX", "项目".encode("gbk"))
    path = uploads.write_boundary(tmp_path, "b.zip", io.BytesIO(content), max_bytes=1 << 20)
    assert path.name == "项目.shp"


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"a.txt": b""}, "实有 0 个"),
        ({"a.shp": b"", "b.shp": b""}, "实有 2 个"),
        ({f"{i}.txt": b"" for i in range(200)}, "超过 100 个"),
        ({"a.shp": bytes(9 << 20)}, "过大"),
    ],
)
def test_bad_zip(tmp_path, members, says):
    with pytest.raises(InputError, match=says):
        uploads.write_boundary(tmp_path, "b.zip", make_zip(members), max_bytes=1 << 20)


def test_corrupt_member_is_told(tmp_path):
    content = bytearray(make_zip({"a.shp": os.urandom(5000)}).getvalue())
    content[100:200] = bytes(100)
    with pytest.raises(InputError, match="损坏"):
        uploads.write_boundary(tmp_path, "b.zip", io.BytesIO(bytes(content)), max_bytes=1 << 20)


def test_failed_save_leaves_nothing(tmp_path):
    store = Uploads(tmp_path / "uploads", max_bytes=10)
    with pytest.raises(ApiError, match="超过上限"):
        store.save("a.txt", io.BytesIO(b"x" * 11))
    with pytest.raises(InputError, match="空的"):
        store.save("a.txt", io.BytesIO(b""))
    assert list((tmp_path / "uploads").iterdir()) == []


def test_old_files_are_removed_with_the_next_one(tmp_path):
    store = Uploads(tmp_path / "uploads", max_bytes=10)
    old = store.save("a.txt", io.BytesIO(b"x"))
    past = time.time() - uploads.KEEP_S - 60
    os.utime(old.path.parent, (past, past))
    new = store.save("b.txt", io.BytesIO(b"y"))
    assert store.get(new.id).name == "b.txt"
    with pytest.raises(ApiError, match="过期"):
        store.get(old.id)


def test_inline_boundary_is_removed_even_after_an_error():
    with (
        pytest.raises(ValueError),
        inline_boundary({"type": "Polygon"}, epsg=None, name=None) as path,
    ):
        assert path.is_file()
        raise ValueError
    assert not path.parent.exists()


@pytest.mark.parametrize("name", ["a.geojson", "a.gpkg", "a.dxf", "b.zip"])
def test_a_virtual_dataset_is_no_boundary(tmp_path, name):
    virtual = b"<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>"
    sent = make_zip({"a.shp": virtual}) if name == "b.zip" else io.BytesIO(virtual)
    with pytest.raises(InputError, match="引用其他文件"):
        uploads.write_boundary(tmp_path, name, sent, max_bytes=1 << 20)
