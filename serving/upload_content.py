"""What an uploaded file may hold: nothing that makes a reader open another file or address.

GDAL goes by content, not by name: a virtual dataset called `DLTB.shp` would read any file of the server
into a result. Such texts are refused wherever they stand. A damaged file inside a zip is let through: that
is for the quality check to find.
"""

import re
from pathlib import Path

from cspon.errors import InputError

HEAD = 1 << 16
"""Bytes that are looked at; readers recognise a virtual dataset in far fewer."""
REFERRING = re.compile(
    rb"<\s*(?:\w+:)?(?:OGRVRT|VRTDataset|VRTPipeline|GDAL_W|GDALTileIndex|WMS_|Capabilities|WFS|"
    rb"OGRWFS|OGRCSW|OAPIF|OGCAPI|EEDA|!ENTITY|!DOCTYPE)|\"type\"\s*:\s*\"gdal_|"
    rb"\"stac_version\"|<html",
    re.IGNORECASE,
)
"""Virtual datasets, descriptions of services, tile indexes, pipelines, XML with entities."""
MAGIC: dict[str, tuple[bytes, ...]] = {
    ".gpkg": (b"SQLite format 3\x00",),
    ".shp": (b"\x00\x00\x27\x0a",),
    ".shx": (b"\x00\x00\x27\x0a",),
    ".tif": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ".tiff": (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    ".xlsx": (b"PK\x03\x04",),
    ".docx": (b"PK\x03\x04",),
    ".pdf": (b"%PDF-",),
}
"""How the content of a file with that suffix begins."""
ARCHIVES = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b")
OFFICE = (".docx", ".xlsx", ".pptx")
REFUSED = (".vrt", ".gdalg", ".gti")
SIDECARS = (".shx", ".dbf")


def check_content(root: Path, *, name: str) -> None:
    """Look at an uploaded file, or at every file of the folder that a zip was unpacked into.

    Args:
        root: The file or folder.
        name: Of the upload, for messages about the whole.

    Raises:
        InputError: a file that refers elsewhere, is not what its suffix says, is an archive inside the
            archive, or a shapefile without its parts; the message names it.
    """
    if root.is_file():
        _check_file(root, name)
        return
    files = sorted(p for p in root.rglob("*") if p.is_file())
    for file in files:
        _check_file(file, file.relative_to(root).as_posix(), inside=True)
    have = {(p.parent, p.stem.lower(), p.suffix.lower()) for p in files}
    for parent, stem, suffix in sorted(have):
        absent = [s for s in SIDECARS if suffix == ".shp" and (parent, stem, s) not in have]
        if absent:
            place = (parent / f"{stem}.shp").relative_to(root).as_posix()
            raise InputError(
                f"Shapefile 缺少 {'、'.join(absent)}", file=f"{name}/{place}",
                mend="把 .shp、.shx、.dbf、.prj 一并打包",
            )  # fmt: skip


def _check_file(file: Path, shown: str, *, inside: bool = False) -> None:
    suffix = file.suffix.lower()
    head = refuse_references(file, shown)
    known = MAGIC.get(suffix)
    if not inside and known and not head.startswith(known):
        raise InputError(
            f"内容不是 {suffix} 文件", file=shown, mend="核对文件，不要只改扩展名；重新导出后再上传"
        )
    if inside and suffix not in OFFICE and head.startswith(ARCHIVES):
        raise InputError(
            "压缩包里还有压缩包", file=shown, mend="先解开里面的压缩包，再把文件夹打成一个 zip"
        )


def refuse_references(file: Path, shown: str) -> bytes:
    """Return how a file begins.

    Raises:
        InputError: a reader would open another file or address for it.
    """
    with file.open("rb") as source:
        head = source.read(HEAD)
    text = head.replace(b"\x00", b"")  # a virtual dataset in UTF-16 is one too
    if file.suffix.lower() in REFUSED or (REFERRING.search(text) and not _binary(head)):
        raise InputError(
            "文件内容引用其他文件或网络地址，不能上传",
            file=shown,
            mend="改为上传数据本身（GeoPackage、Shapefile、FileGDB、GeoTIFF）",
        )
    return head


def _binary(head: bytes) -> bool:
    return head.startswith(tuple(m for begins in MAGIC.values() for m in begins))
