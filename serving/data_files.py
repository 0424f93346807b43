"""Databases, plan folders and tables that callers hand in for the tools; none is kept over a day.

A zip is unpacked under guards into a folder of its own: no absolute names, no way out of the folder, no
links, nothing encrypted, bounded in number, size and density. Who sent a file alone can use it. A
`layers.yaml` that is sent may name files beside it, never a database of the server.
"""

import json
import os
import re
import secrets
import shutil
import time
import unicodedata
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal

from cspon.errors import InputError
from knowledge_base.parse.zip_guard import check_container, chunks
from serving.problems import ApiError
from serving.upload_content import check_content
from serving.uploads import KEEP_S, PIECE

FORMATS = (".zip", ".gpkg", ".csv", ".xlsx")
BATCH_FORMATS = (".jsonl",)
PREFIX = "data-"
KINDS = {"database": "成果文件夹（zip）或 GeoPackage", "version": "图层目录（含 layers.yaml 的 zip）或矢量文件", "table": "CSV 或 xlsx"}  # fmt: skip
MAX_UNPACKED_RATIO = 8
MAX_KEPT_RATIO = 20
"""Bytes that one caller's files may hold together, for each byte of the upload limit."""
_LONGEST_NAME = 120
_GPKG = b"SQLite format 3\x00"
_VECTOR = (".gpkg", ".shp")
Kind = Literal["database", "version", "table"]


@dataclass(frozen=True)
class StoredData:
    """What a caller handed in: `path` is a file, or the folder that a zip was unpacked into."""

    id: str
    name: str
    path: Path
    bytes: int
    created_at: int


class DataFiles:
    """The folder of what was handed in.

    Args:
        folder: Made when first needed.
        max_bytes: Largest upload.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder, self.max_bytes = folder, max_bytes

    def save(
        self, name: str, source: BinaryIO, owner: str, *, formats: tuple[str, ...] = FORMATS
    ) -> StoredData:
        """Store one file; a zip is unpacked. What is older than a day is removed on the way.

        Args:
            name: As sent.
            source: The content.
            owner: Who alone can use it.
            formats: Suffixes that are taken.

        Raises:
            InputError: wrong type or content, empty, or a zip that is refused.
            ApiError: larger than the limit (413), or the caller's files are too many (429).
        """
        self.remove_older_than(KEEP_S)
        if self._kept_by(owner) > MAX_KEPT_RATIO * self.max_bytes:
            raise ApiError(
                429, "您上传的数据已达上限，请先删除不用的文件", code="too_much_kept", param="file"
            )
        name = clean_name(name, formats)
        number = f"{PREFIX}{secrets.token_hex(16)}"
        folder = self._folder / number
        folder.mkdir(parents=True)
        try:
            path, size = self._write(folder / "sent", name, source)
            created = int(time.time())
            kept = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
            record = {"name": name, "path": str(path.relative_to(folder)), "bytes": size, "kept": kept, "at": created, "owner": owner}  # fmt: skip
            (folder / ".record").write_text(json.dumps(record), encoding="utf-8")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return StoredData(number, name, path, size, created)

    def numbers(self) -> list[str]:
        """Return the ids of all callers' files."""
        return [folder.name for folder in self._folder.iterdir()] if self._folder.is_dir() else []

    def get(self, number: str, owner: str) -> StoredData:
        """Find what a caller handed in.

        Raises:
            ApiError: 404: no such id, removed already, or another's: which one is not told.
        """
        record = self._folder / number / ".record"
        if re.fullmatch(rf"{PREFIX}[0-9a-f]{{32}}", number) and record.is_file():
            kept: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
            if secrets.compare_digest(kept["owner"].encode(), owner.encode()):
                path = record.parent / kept["path"]
                return StoredData(number, kept["name"], path, kept["bytes"], kept["at"])
        raise ApiError(
            404, "没有这个文件，可能已过期；请重新上传", code="file_not_found", param="file_id"
        )

    def keep(self, number: str) -> None:
        """Keep what was handed in for a day from now on: a job that waits needs it. Unknown: nothing."""
        folder = self._folder / number
        if re.fullmatch(rf"{PREFIX}[0-9a-f]{{32}}", number) and folder.is_dir():
            os.utime(folder)

    def remove(self, number: str, owner: str) -> None:
        """Remove what a caller handed in.

        Raises:
            ApiError: 404, as `get`.
        """
        self.get(number, owner)
        shutil.rmtree(self._folder / number)

    def remove_older_than(self, seconds: float) -> None:
        """Remove what was handed in longer ago."""
        for folder in self._folder.iterdir() if self._folder.is_dir() else ():
            if folder.stat().st_mtime < time.time() - seconds:
                shutil.rmtree(folder, ignore_errors=True)

    def _kept_by(self, owner: str) -> int:
        total = 0
        for record in self._folder.glob(f"{PREFIX}*/.record"):
            kept = json.loads(record.read_text(encoding="utf-8"))
            total += kept["kept"] if kept["owner"] == owner else 0
        return total

    def _write(self, folder: Path, name: str, source: BinaryIO) -> tuple[Path, int]:
        folder.mkdir()
        path = folder / name
        size = 0
        with path.open("wb") as out:
            while piece := source.read(PIECE):
                size += len(piece)
                if size > self.max_bytes:
                    limit = self.max_bytes // PIECE
                    raise ApiError(
                        413, f"文件 {name} 超过上限 {limit} MB", code="too_large", param="file"
                    )
                out.write(piece)
        if size == 0:
            raise InputError("文件是空的", file=name, mend="检查文件是否完整，重新导出后再上传")
        _check_content(path)
        if path.suffix in BATCH_FORMATS:  # requests: no reader of ours opens them as data
            return path, size
        if path.suffix != ".zip":
            check_content(path, name=name)
            return path, size
        unpacked = unpack(path, folder / "unpacked", self.max_bytes * MAX_UNPACKED_RATIO)
        check_content(unpacked, name=name)
        path.unlink()
        return unpacked, size


def clean_name(name: str, formats: tuple[str, ...] = FORMATS) -> str:
    """Return a safe file name that keeps its suffix.

    Raises:
        InputError: the suffix is none of those taken.
    """
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    last = re.sub(r"[^\w.（）()·\-]+", "_", last)
    stem, _, suffix = last.rpartition(".")
    if f".{suffix.lower()}" not in formats:
        raise InputError(
            f"不支持的文件类型 .{suffix[:12]}", file=last[-80:],
            mend=f"支持 {'、'.join(formats)}" + ("；Shapefile、FileGDB 和成果文件夹打成 zip" if ".zip" in formats else ""),
        )  # fmt: skip
    return f"{stem.strip('._ ')[:72] or 'data'}.{suffix.lower()}"


def unpack(file: Path, folder: Path, most: int) -> Path:
    """Unpack a zip; a single folder at its top is what is returned.

    Raises:
        InputError: damaged, encrypted, a bomb, or a member with a name that leads elsewhere.
    """
    folder.mkdir()
    try:
        with zipfile.ZipFile(file) as container:
            check_container(container, Path(file.name))
            left = most
            for member in container.infolist():
                inside = member_path(member)
                if inside is None or member.is_dir():
                    continue
                target = folder.joinpath(*inside.parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                if target.exists():
                    raise InputError(
                        f"压缩包内 {inside} 出现两次", file=file.name, mend="重新打包后再上传"
                    )
                with target.open("wb") as out:
                    for part in chunks(container, member, Path(file.name), left):
                        left -= len(part)
                        out.write(part)
                if left < 0:
                    raise InputError("压缩包解开后过大", file=file.name, mend="拆分后分别上传")
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InputError("压缩包已损坏", file=file.name, mend="重新打包后再上传") from error
    found = [p for p in folder.iterdir() if p.name != "__MACOSX"]
    if not found:
        raise InputError("压缩包是空的", file=file.name, mend="把成果文件夹打成 zip 再上传")
    return found[0] if len(found) == 1 and _is_wrapper(found[0]) else folder


def _is_wrapper(path: Path) -> bool:
    return path.is_dir() and path.suffix.lower() != ".gdb"


def member_path(member: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return where a member goes below the folder; None for the files that macOS adds.

    Raises:
        InputError: absolute, with `..`, a drive, a link, or too long a name.
    """
    name = _name(member)
    path = PurePosixPath(name.replace("\\", "/"))
    if path.parts and path.parts[0] == "__MACOSX":
        return None
    link = (member.external_attr >> 16) & 0o170000 == 0o120000
    odd = any(
        part in ("..", ".") or ":" in part or len(part.encode()) > 240 or not part.isprintable()
        for part in path.parts
    )
    if path.is_absolute() or not path.parts or odd or link or len(path.parts) > 20:
        raise InputError(
            f"压缩包内的文件名不能用：{name[:_LONGEST_NAME]!r}",
            file=name[:_LONGEST_NAME],
            mend="用相对路径、不含链接的文件夹重新打包",
        )
    return path


def _name(member: zipfile.ZipInfo) -> str:
    """Undo the cp437 reading of a GBK name (zips made on Chinese Windows)."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("gbk")
    except UnicodeError:
        return member.filename


def _check_content(path: Path) -> None:
    """See that a file is what its name says.

    Raises:
        InputError: it is not.
    """
    with path.open("rb") as file:
        head = file.read(16)
    fits = {
        ".gpkg": head == _GPKG,
        ".zip": zipfile.is_zipfile(path),
        ".xlsx": zipfile.is_zipfile(path),
        ".csv": b"\x00" not in head,
        ".jsonl": b"\x00" not in head,
    }
    if not fits[path.suffix]:
        raise InputError(
            f"内容不是 {path.suffix} 文件", file=path.name, mend="核对文件，不要只改扩展名"
        )


def fitting(stored: StoredData, kind: Kind) -> Path:
    """Return what a tool opens.

    Raises:
        InputError: what was handed in is of another kind.
    """
    path = stored.path
    if kind == "table":
        if path.is_file() and path.suffix in (".csv", ".xlsx"):
            return path
    elif path.is_file():
        if path.suffix == ".gpkg":
            return path
    elif kind == "database":
        return path
    elif (path / "layers.yaml").is_file():
        _own_files_only(path)
        return path
    else:
        found = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in _VECTOR]
        if len(found) == 1:
            return found[0]
    raise InputError(
        f"{stored.name} 不是{KINDS[kind]}", file=stored.name, mend=f"上传{KINDS[kind]}"
    )


def _own_files_only(folder: Path) -> None:
    from tools.layers import load_catalogue
    from tools.postgis.connection import in_postgis

    home = folder.resolve()
    for spec in load_catalogue(folder).layers:
        elsewhere = not (folder / spec.path).resolve().is_relative_to(home)
        if elsewhere or in_postgis(spec.path):
            raise InputError(
                f"上传的图层目录只能引用包内的文件（{spec.name}）", file="layers.yaml", layer=spec.name,
                field="path", mend="把图层文件一并打包",
            )  # fmt: skip
