"""The files themselves, kept beside the base by content: for page images, and to be read again.

`files/<sha256>.<suffix>`, written under a temporary name, renamed, read-only. A file is kept before
it is parsed, and what is parsed is the kept copy: a file that changes meanwhile cannot give the hash
of one state and the text of another.
"""

import hashlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cspon.errors import InputError
from cspon.schemas.knowledge import Document
from knowledge_base.parse.opened import MAX_BYTES

FILES = "files"
_KEEPING = ".keeping-"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Kept:
    """A file in the store of originals."""

    sha256: str
    path: Path
    size: int


def keep(folder: Path, path: Path) -> Kept:
    """Copy a file into the store of originals, unless its bytes are there already.

    Raises:
        InputError: not a regular file, too large, not readable, or changed while it was copied.
        OSError: the base cannot be written.
    """
    before = _state(path)
    with _opened(path) as stream:
        sha256 = _digest(stream, None)
        kept = folder / FILES / f"{sha256}{path.suffix.lower()}"
        if not kept.exists():
            stream.seek(0)
            _copy(stream, kept, sha256, path)
    if _state(path) != before:
        raise _changing(path)
    return Kept(sha256, kept, before[1])


def _state(path: Path) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError(
            f"无法读取：{error.strerror or error}", file=path, mend="检查路径与权限"
        ) from error
    if not path.is_file():
        raise InputError("不是普通文件", file=path, mend="给出文件路径")
    if stat.st_size > MAX_BYTES:
        raise InputError(
            f"文件有 {stat.st_size / 2**20:.0f} MB，超过上限 {MAX_BYTES // 2**20} MB",
            file=path,
            mend="拆分后分别入库",
        )
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise InputError(
            f"无法读取：{error.strerror or error}", file=path, mend="检查权限"
        ) from error


def _digest(source: BinaryIO, target: BinaryIO | None) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
    return digest.hexdigest()


def _copy(stream: BinaryIO, kept: Path, sha256: str, path: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    temporary = kept.with_name(f"{_KEEPING}{os.getpid()}-{sha256[:16]}")
    try:
        with temporary.open("wb") as target:
            copied = _digest(stream, target)
        if copied != sha256:
            raise _changing(path)
        temporary.chmod(0o444)
        temporary.replace(kept)
    finally:
        temporary.unlink(missing_ok=True)


def _changing(path: Path) -> InputError:
    return InputError("文件在读取时被修改", file=path, mend="等写入完成后再入库")


def original_file(folder: Path, document: Document) -> Path | None:
    """Return the kept file that a document came from; None for a law of the package, or when gone."""
    if not document.original:
        return None
    suffix = Path(document.source).suffix.lower()
    exact = folder / FILES / f"{document.original}{suffix}"
    if exact.is_file():
        return exact
    return next((path for path in _held(folder) if _sha256(path) == document.original), None)


def collect(folder: Path, wanted: Collection[str]) -> int:
    """Delete the originals that no document needs, and leftovers of killed writers; return how many.

    The caller holds the base for writing.
    """
    gone = [path for path in _held(folder) if _sha256(path) not in wanted]
    for path in gone:
        path.unlink()
    return len(gone)


def _held(folder: Path) -> Iterator[Path]:
    root = folder / FILES
    return iter(sorted(root.iterdir())) if root.is_dir() else iter(())


def _sha256(path: Path) -> str:
    return path.name.partition(".")[0]
