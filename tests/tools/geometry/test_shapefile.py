import zipfile

import pytest
import shapely
from shapely import LineString, box

from cspon.errors import InputError
from tools.geometry.read import read_boundary

SQUARE = box(512_000, 3_412_000, 512_100, 3_412_100)
NAME = {"名称": ["拟建产业园"]}


@pytest.mark.parametrize("encoding", ["GBK", "UTF-8"])
@pytest.mark.parametrize("cpg", ["kept", "missing", "wrong"])
def test_chinese_attributes(write, plot, encoding, cpg):
    path = write.vector("红线.shp", [plot], fields=NAME, encoding=encoding)
    sidecar = path.with_suffix(".cpg")
    if cpg == "missing":
        sidecar.unlink()
    elif cpg == "wrong":
        sidecar.write_text("UTF-8" if encoding == "GBK" else "ISO-8859-1")
    boundary = read_boundary(path)
    assert boundary.name == "拟建产业园"
    assert shapely.equals_exact(boundary.geometry, plot, 0, normalize=True)
    assert boundary.epsg == 4547 and boundary.notices == ()


def test_a_name_cut_inside_a_character(write):
    path = write.vector("a.shp", [SQUARE], fields=NAME, encoding="GBK")
    path.with_suffix(".cpg").unlink()
    table = path.with_suffix(".dbf")
    content = table.read_bytes()
    name = "拟建产业园".encode("gbk")
    table.write_bytes(content.replace(name, name[:-1] + b" "))
    assert read_boundary(path).name.startswith("拟建产业")


def test_a_field_name_cut_inside_a_character(write):
    # 项目名称 has twelve bytes in UTF-8; the table keeps ten.
    path = write.vector("a.shp", [SQUARE], fields={"名称": ["拟建产业园"]}, encoding="UTF-8")
    table = path.with_suffix(".dbf")
    content = table.read_bytes()
    table.write_bytes(
        content.replace("名称".encode() + bytes(5), "项目名称".encode()[:10] + bytes(1))
    )
    assert read_boundary(path).name == "拟建产业园"


@pytest.mark.parametrize("suffix", [".shx", ".dbf"])
def test_missing_parts(write, suffix):
    path = write.vector("a.shp", [SQUARE])
    path.with_suffix(suffix).unlink()
    with pytest.raises(InputError, match=f"缺少 {suffix}"):
        read_boundary(path)
    assert not path.with_suffix(suffix).exists()


def test_missing_prj(write):
    path = write.vector("a.shp", [SQUARE])
    path.with_suffix(".prj").unlink()
    with pytest.raises(InputError, match="6 位"):
        read_boundary(path)
    assert read_boundary(path, epsg=4547).geometry.equals(SQUARE)


def test_upper_case_suffixes(write):
    path = write.vector("a.shp", [SQUARE], fields=NAME)
    for part in list(path.parent.iterdir()):
        part.rename(part.with_name(part.name.upper()))
    assert read_boundary(path.with_name("A.SHP")).name == "拟建产业园"


@pytest.mark.parametrize("keep", [0, 50, 100, 140, -8])
def test_truncated(write, keep):
    path = write.vector("a.shp", [SQUARE])
    content = path.read_bytes()
    path.write_bytes(content[:keep])
    with pytest.raises(InputError, match=r"截断|文件头|空的") as caught:
        read_boundary(path)
    assert "a.shp" in str(caught.value)


def test_lines_are_refused(write):
    path = write.vector("a.shp", [LineString([(0, 0), (1, 1)])], kind="LineString")
    with pytest.raises(InputError, match="线图层"):
        read_boundary(path)


def test_digest_covers_all_parts(write):
    path = write.vector("a.shp", [SQUARE], fields=NAME)
    first = read_boundary(path).sha256
    assert read_boundary(path).sha256 == first
    write.vector("a.shp", [SQUARE], fields={"名称": ["另一个名"]})
    assert read_boundary(path).sha256 != first


def zipped(folder, names, target="a.zip", *, method=zipfile.ZIP_DEFLATED, rename=str):
    path = folder / target
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.write(folder / name, rename(name))
    return path


@pytest.mark.parametrize("where", ["", "子目录/"])
def test_zip(write, where):
    shp = write.vector("红线.shp", [SQUARE], fields=NAME, encoding="GBK")
    names = [p.name for p in shp.parent.iterdir()]
    path = zipped(shp.parent, names, rename=lambda name: where + name)
    boundary = read_boundary(path)
    assert boundary.name == "拟建产业园" and boundary.source == path
    assert boundary.geometry.equals(SQUARE)


def test_zip_of_several(write):
    for name in ("a.shp", "b.shp"):
        write.vector(name, [SQUARE], fields={"名称": [name]})
    folder = write.folder
    path = zipped(folder, sorted(p.name for p in folder.iterdir()), "all.zip")
    with pytest.raises(InputError, match="2 个 Shapefile") as caught:
        read_boundary(path)
    assert "layer" in caught.value.mend
    assert read_boundary(path, layer="b").name == "b.shp"


def test_zip_without_shapefile_or_incomplete(write):
    write.text("a.txt", "x")
    with pytest.raises(InputError, match=r"没有 \.shp"):
        read_boundary(zipped(write.folder, ["a.txt"], "b.zip"))
    write.vector("a.shp", [SQUARE])
    with pytest.raises(InputError, match=r"缺少 \.shx、\.dbf"):
        read_boundary(zipped(write.folder, ["a.shp"], "c.zip"))


@pytest.mark.parametrize("name", ["../a.shp", "/etc/a.shp", "x\\..\\..\\a.shp"])
def test_zip_paths_that_leave_the_folder(write, name):
    path = write.folder / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(InputError, match="不安全"):
        read_boundary(path)


def test_zip_bomb(write):
    path = write.folder / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", bytes(50_000_000))
    with pytest.raises(InputError, match="压缩包过大"):
        read_boundary(path)


@pytest.mark.parametrize("keep", [10, 200, -30])
def test_truncated_zip(write, keep):
    shp = write.vector("a.shp", [SQUARE])
    path = zipped(shp.parent, [p.name for p in shp.parent.iterdir()], "b.zip")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="压缩包无法打开"):
        read_boundary(path)


def test_corrupt_member(write):
    shp = write.vector("a.shp", [SQUARE])
    names = sorted(p.name for p in shp.parent.iterdir())
    path = zipped(shp.parent, names, "b.zip", method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    at = content.index((9994).to_bytes(4, "big"))
    content[at + 110] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="压缩包无法打开"):
        read_boundary(path)
