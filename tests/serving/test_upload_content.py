import zipfile

import pytest

from cspon.errors import InputError
from serving.upload_content import check_content

VRT = '<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
REFERRING = [
    VRT.encode(),
    b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->\n < OGRVRTDataSource>",
    VRT.encode("utf-16"),
    b'<VRTDataset rasterXSize="1" rasterYSize="1">',
    b"<GDAL_WMS><Service name='TMS'>",
    b"<OGRWFSDataSource><URL>http://x</URL></OGRWFSDataSource>",
    b"<GDALTileIndexDataset>",
    b'{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline read x"}',
    b'{"stac_version": "1.0.0", "assets": {}}',
    b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
]


@pytest.mark.parametrize("content", REFERRING)
@pytest.mark.parametrize("name", ["DLTB.shp", "a.gpkg", "a.tif", "a.csv", "a.xml", "sub/a.geojson"])
def test_what_makes_a_reader_open_another_file_is_refused(tmp_path, name, content):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    with pytest.raises(InputError, match="引用其他文件") as error:
        check_content(tmp_path, name="a.zip")
    assert error.value.file == name


def test_an_archive_inside_an_archive_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "内.zip", "w") as archive:
        archive.writestr("a", "b")
    with pytest.raises(InputError, match="还有压缩包") as error:
        check_content(tmp_path, name="外.zip")
    assert error.value.file == "内.zip"


def test_the_parts_of_a_shapefile_are_asked_for(tmp_path):
    (tmp_path / "DLTB.SHP").write_bytes(b"\x00\x00\x27\x0a")
    (tmp_path / "DLTB.DBF").write_bytes(b"\x03")
    with pytest.raises(InputError, match=r"缺少 \.shx"):
        check_content(tmp_path, name="a.zip")
    (tmp_path / "DLTB.SHX").write_bytes(b"\x00\x00\x27\x0a")
    check_content(tmp_path, name="a.zip")


def test_documents_and_damaged_files_of_a_database_pass(tmp_path):
    (tmp_path / "文本.docx").write_bytes(b"PK\x03\x04")
    (tmp_path / "元数据.xml").write_text("<metadata><title>成果</title></metadata>", "utf-8")
    (tmp_path / "坏.gpkg").write_bytes(b"broken")
    check_content(tmp_path, name="a.zip")


def test_a_single_file_must_be_what_it_is_called(tmp_path):
    file = tmp_path / "a.gpkg"
    file.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"不是 \.gpkg"):
        check_content(file, name="a.gpkg")
