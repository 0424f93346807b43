import io
import os
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.errors import InputError
from serving.data_files import DataFiles, clean_name, fitting, member_path
from serving.problems import ApiError


@pytest.fixture
def files(tmp_path):
    return DataFiles(tmp_path / "data", max_bytes=1 << 20)


def zipped(*members, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    out.seek(0)
    return out


def nothing_left(files):
    return not any(files._folder.iterdir()) if files._folder.is_dir() else True


def test_a_folder_of_results_is_unpacked_below_its_own_top(files):
    stored = files.save("成果.zip", zipped(("成果/库/a.csv", "1"), ("成果/layers.yaml", "x")), "甲")
    assert stored.path.name == "成果"
    assert (stored.path / "库" / "a.csv").read_text() == "1"
    assert fitting(stored, "database") == stored.path
    again = files.get(stored.id, "甲")
    assert (again.path, again.name, again.bytes) == (stored.path, "成果.zip", stored.bytes)


def test_names_of_a_zip_from_chinese_windows(files):
    member = zipfile.ZipInfo("行政区.csv".encode("gbk").decode("cp437"))
    assert str(member_path(member)) == "行政区.csv"


def test_only_who_sent_it_finds_it(files):
    stored = files.save("t.csv", io.BytesIO(b"a,b\n1,2\n"), "甲")
    for number, owner in ((stored.id, "乙"), ("data-" + "0" * 32, "甲"), ("../x", "甲")):
        with pytest.raises(ApiError) as error:
            files.get(number, owner)
        assert error.value.status == 404
        with pytest.raises(ApiError):
            files.remove(number, owner)
    files.remove(stored.id, "甲")
    assert nothing_left(files)


def test_what_is_a_day_old_goes(files):
    stored = files.save("t.csv", io.BytesIO(b"a\n"), "甲")
    old = time.time() - 25 * 3600
    os.utime(files._folder / stored.id, (old, old))
    files.save("u.csv", io.BytesIO(b"a\n"), "甲")
    with pytest.raises(ApiError):
        files.get(stored.id, "甲")


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd", "../a", "a/../../b", "C:/x", "C:\\x", "\\\\host\\share", "a/./../b",
        "a\x00b", "a\nb", "x" * 300, "/".join("d" * 30),
    ],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused(files, name):
    member = zipfile.ZipInfo("x")
    member.filename = name
    member.flag_bits = 0x800
    with pytest.raises(InputError):
        member_path(member)
    assert nothing_left(files)


@given(st.text(min_size=1, max_size=60))
def test_no_name_leads_out_of_the_folder(tmp_path_factory, name):
    folder = (tmp_path_factory.getbasetemp() / "inside").resolve()
    member = zipfile.ZipInfo("x")
    member.filename, member.flag_bits = name, 0x800
    try:
        inside = member_path(member)
    except InputError:
        return
    if inside is not None:
        target = folder.joinpath(*inside.parts)
        assert os.path.commonpath([folder, os.path.normpath(target)]) == str(folder)
        assert os.path.normpath(target) != str(folder)


def test_links_are_refused(files):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with pytest.raises(InputError, match="链接"):
        files.save("a.zip", zipped((link, "/etc/passwd")), "甲")
    assert nothing_left(files)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.exe", b"MZ", "不支持"),
        ("a", b"x", "不支持"),
        ("a.csv", b"", "空的"),
        ("a.gpkg", b"not sqlite", "不是 .gpkg"),
        ("a.zip", b"PK\x03\x04rest", "不是 .zip"),
        ("a.xlsx", b"a,b", "不是 .xlsx"),
        ("a.csv", b"\x00\x01", "不是 .csv"),
    ],
)
def test_what_is_not_what_it_says_is_refused_and_not_kept(files, name, content, words):
    with pytest.raises(InputError, match=words):
        files.save(name, io.BytesIO(content), "甲")
    assert nothing_left(files)


def test_too_large_a_file_and_a_bomb_are_refused(files):
    with pytest.raises(ApiError) as error:
        files.save("a.csv", io.BytesIO(b"a" * (1 << 20) + b"b"), "甲")
    assert error.value.status == 413
    with pytest.raises(InputError):
        files.save("a.zip", zipped(("big.csv", b"0" * (40 << 20))), "甲")
    with pytest.raises(InputError, match="两次"), pytest.warns(UserWarning):
        files.save("a.zip", zipped(("a.csv", "1"), ("a.csv", "2")), "甲")
    with pytest.raises(InputError, match="空的"):
        files.save("a.zip", zipped(), "甲")
    assert nothing_left(files)


def test_one_caller_cannot_fill_the_disk(tmp_path):
    files = DataFiles(tmp_path / "data", max_bytes=1000)
    for _ in range(21):
        files.save("a.csv", io.BytesIO(b"a" * 1000), "甲")
    with pytest.raises(ApiError) as error:
        files.save("a.csv", io.BytesIO(b"a"), "甲")
    assert error.value.status == 429
    files.save("a.csv", io.BytesIO(b"a"), "乙")


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ((("a.txt", "x"),), "version"),
        ((("a.gpkg", "x"), ("b.gpkg", "y")), "version"),
        ((("a.csv", "x"),), "table"),
    ],
)
def test_what_does_not_fit_the_argument_is_told(files, members, kind):
    stored = files.save("a.zip", zipped(*members), "甲")
    with pytest.raises(InputError, match="不是"):
        fitting(stored, kind)


def test_a_shapefile_in_a_zip_is_one_version(files):
    parts = [(f"线/边界{suffix}", b"x") for suffix in (".shp", ".shx", ".dbf", ".prj")]
    stored = files.save("a.zip", zipped(*parts), "甲")
    assert fitting(stored, "version").name == "边界.shp"


def test_a_catalogue_that_is_sent_cannot_name_a_database_of_the_server(files):
    text = """
title: 甲
region_code: '990101'
region_name: 甲县
epsg: 4547
layers:
- {role: land_use, name: DLTB, title: 地类图斑, path: 'postgis:guihua', layer: plan.dltb, epsg: 4547,
   date: '2025-12-31', source: 甲}
"""
    stored = files.save("a.zip", zipped(("layers.yaml", text)), "甲")
    with pytest.raises(InputError, match="只能引用包内"):
        fitting(stored, "version")


def test_names_are_cleaned():
    assert clean_name("..\\..\\成果 库.ZIP") == "成果_库.zip"
    assert clean_name("/x/.csv") == "data.csv"
