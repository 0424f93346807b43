"""Files that callers hand in: names cleaned, sizes limited, zipped shapefiles unpacked, all removed.

Knows nothing of geometry. A stored file has a random id and lives in a folder of its own; callers
see the id and the cleaned name, never the path.
"""

import json
import os
import re
import secrets
import shutil
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, BinaryIO

from cspon.errors import InputError
from serving.problems import ApiError
from serving.upload_content import refuse_references

FORMATS = (".geojson", ".json", ".zip", ".gpkg", ".dxf", ".txt")
"""What a boundary may be; a shapefile comes as a zip."""

SHAPEFILE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
MAX_ZIP_MEMBERS = 100
MAX_UNPACKED_RATIO = 8
"""Unpacked bytes allowed for each byte of the upload limit."""

PIECE = 1 << 20
KEEP_S = 24 * 3600.0
"""Seconds that an uploaded file is kept."""


@dataclass(frozen=True)
class StoredFile:
    """An uploaded boundary: `path` is what the geometry reader opens."""

    id: str
    name: str
    path: Path
    bytes: int
    created_at: int


def clean_name(name: str) -> str:
    """Return a safe file name of at most 80 characters that keeps its suffix.

    Raises:
        InputError: the suffix is none of the boundary formats.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    last = re.sub(r"[^\w.（）()·\-]+", "_", last)
    stem, dot, suffix = last.rpartition(".")
    stem, suffix = (stem.strip("._ ")[:72], f".{suffix.lower()}") if dot else (last, "")
    if suffix in SHAPEFILE_PARTS:
        raise InputError(
            "Shapefile 由多个文件组成，不能只上传其中一个",
            file=last[-80:],
            mend="把 .shp、.shx、.dbf、.prj 打成一个 zip 再上传",
        )
    if suffix not in FORMATS:
        raise InputError(
            f"不支持的文件类型 {suffix[:12] or '（无扩展名）'}",
            file=last[-80:],
            mend="支持 GeoJSON、Shapefile（zip）、GeoPackage、DXF、界址点 TXT",
        )
    return f"{stem or 'boundary'}{suffix}"


class Uploads:
    """The folder of uploaded files.

    Args:
        folder: Made when first needed; emptied on `clear`.
        max_bytes: Largest file.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder, self.max_bytes = folder, max_bytes

    def save(self, name: str, source: BinaryIO, owner: str = "local") -> StoredFile:
        """Store one file of `owner`; a zip is unpacked. Old files are removed on the way.

        Raises:
            InputError: wrong type, empty, or a zip without exactly one shapefile.
            ApiError: larger than the limit (413).
        """
        self.remove_older_than(KEEP_S)
        name = clean_name(name)
        number = f"file-{secrets.token_hex(16)}"
        folder = self._folder / number
        folder.mkdir(parents=True)
        try:
            path = write_boundary(folder, name, source, max_bytes=self.max_bytes)
            size = (folder / name).stat().st_size
            stored = StoredFile(number, name, path, size, int(time.time()))
            record = {"name": name, "path": path.name, "bytes": size, "at": stored.created_at}
            record["owner"] = owner
            (folder / ".record").write_text(json.dumps(record), encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return stored

    def numbers(self) -> list[str]:
        """Return the ids of all callers' files."""
        return [folder.name for folder in self._folder.iterdir()] if self._folder.is_dir() else []

    def get(self, number: str, owner: str = "local") -> StoredFile:
        """Find a stored file of `owner`.

        Raises:
            ApiError: 404: no such id, removed already, or another's: which one is not told.
        """
        record = self._folder / number / ".record"
        known = re.fullmatch(r"file-[0-9a-f]{32}", number) and record.is_file()
        kept: dict[str, Any] = json.loads(record.read_text(encoding="utf-8")) if known else {}
        if kept.get("owner") != owner:
            raise ApiError(
                404, "没有这个文件，可能已过期；请重新上传", code="file_not_found", param="file_id"
            )
        return StoredFile(
            number, kept["name"], record.parent / kept["path"], kept["bytes"], kept["at"]
        )

    def keep(self, number: str) -> None:
        """Keep a stored file for a day from now on: a job that waits needs it. Unknown: nothing."""
        folder = self._folder / number
        if re.fullmatch(r"file-[0-9a-f]{32}", number) and folder.is_dir():
            os.utime(folder)

    def remove(self, number: str, owner: str = "local") -> None:
        """Remove a stored file of `owner`.

        Raises:
            ApiError: 404, as `get`.
        """
        shutil.rmtree(self.get(number, owner).path.parent)

    def remove_older_than(self, seconds: float) -> None:
        """Remove what was stored longer ago."""
        if not self._folder.is_dir():
            return
        for folder in self._folder.iterdir():
            if folder.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(folder, ignore_errors=True)


def write_boundary(folder: Path, name: str, source: BinaryIO, *, max_bytes: int) -> Path:
    """Write a boundary file under a clean name into a folder; return what a reader opens.

    Raises:
        InputError: empty, or a zip without exactly one shapefile.
        ApiError: larger than the limit (413).
    """
    path = folder / name
    size = _copy(source, path, max_bytes)
    if size is None:
        raise ApiError(
            413, f"文件 {name} 超过上限 {max_bytes // PIECE} MB", code="too_large", param="file"
        )
    if size == 0:
        raise InputError("文件是空的", file=name, mend="检查文件是否完整，重新导出后再上传")
    if path.suffix == ".zip":
        path = _unzip_shapefile(path, max_bytes * MAX_UNPACKED_RATIO)
    refuse_references(path, path.name)
    return path


@contextmanager
def inline_boundary(
    geojson: dict[str, Any], *, epsg: int | None, name: str | None
) -> Iterator[Path]:
    """Write inline GeoJSON to a temporary file that is always removed.

    Args:
        geojson: A GeoJSON object.
        epsg: Its CRS; written as a named `crs` member, which an existing one must not contradict.
        name: Name of the project.

    Raises:
        InputError: no GeoJSON object, or two different CRS.
    """
    if not isinstance(geojson.get("type"), str):
        raise InputError(
            "boundary 不是 GeoJSON 对象", field="boundary", mend="给出 FeatureCollection"
        )
    if epsg is not None:
        crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{epsg}"}}
        if geojson.get("crs") and not str(geojson["crs"]).rstrip("'}").endswith(f":{epsg}"):
            raise InputError(
                f"epsg 为 {epsg}，与 GeoJSON 中的 crs 不一致", field="epsg", mend="只保留其中一个"
            )
        geojson = {**geojson, "crs": crs}
    with TemporaryDirectory(prefix="cspon-boundary-") as folder:
        path = Path(folder) / clean_name(f"{name or '内联边界'}.geojson")
        path.write_text(json.dumps(geojson, ensure_ascii=False), encoding="utf-8")
        yield path


def _copy(source: IO[bytes], path: Path, max_bytes: int) -> int | None:
    """Copy and count; None when there is more than `max_bytes`."""
    size = 0
    with path.open("wb") as out:
        while piece := source.read(PIECE):
            size += len(piece)
            if size > max_bytes:
                return None
            out.write(piece)
    return size


def _unzip_shapefile(path: Path, max_bytes: int) -> Path:
    """Unpack the parts of the one shapefile beside the zip; return the `.shp`."""
    mend = "把同一个 Shapefile 的 .shp、.shx、.dbf、.prj 打成一个不加密的 zip"
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if _is_part(m)]
            if len(archive.infolist()) > MAX_ZIP_MEMBERS:
                raise InputError(
                    f"压缩包内文件超过 {MAX_ZIP_MEMBERS} 个", file=path.name, mend=mend
                )
            shapes = [m for m in members if m.filename.lower().endswith(".shp")]
            if len(shapes) != 1:
                raise InputError(
                    f"压缩包内应有且只有一个 .shp，实有 {len(shapes)} 个", file=path.name, mend=mend
                )
            base = shapes[0].filename.rsplit(".", 1)[0]
            stem = clean_name(f"{_member_name(shapes[0])[:-4]}.zip")[:-4]
            left = max_bytes
            for member in (m for m in members if m.filename.rsplit(".", 1)[0] == base):
                part = path.with_name(stem + Path(member.filename).suffix.lower())
                with archive.open(member) as source:
                    size = _copy(source, part, left)
                if size is None:
                    raise InputError("压缩包解开后过大", file=path.name, mend=mend)
                left -= size
    except (
        zipfile.BadZipFile,
        zlib.error,
        RuntimeError,
        NotImplementedError,
        EOFError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise InputError("压缩包已损坏或加密，无法解开", file=path.name, mend=mend) from None
    return path.with_name(f"{stem}.shp")


def _is_part(member: zipfile.ZipInfo) -> bool:
    name = member.filename
    return name.lower().endswith(SHAPEFILE_PARTS) and not name.startswith("__MACOSX")


def _member_name(member: zipfile.ZipInfo) -> str:
    """Undo the cp437 reading of a GBK name (zips made on Chinese Windows)."""
    name = member.filename.replace("\\", "/").rsplit("/", 1)[-1]
    if member.flag_bits & 0x800:
        return name
    try:
        return name.encode("cp437").decode("gbk")
    except UnicodeError:
        return name
