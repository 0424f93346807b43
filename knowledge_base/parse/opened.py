"""A file's bytes, read once: what is parsed, hashed and kept is the same."""

import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cspon.errors import InputError

MAX_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Opened:
    """The bytes of a file and where they came from."""

    path: Path
    data: bytes
    ocr: bool = True
    """Whether pages without a text layer go to character recognition."""

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def suffix(self) -> str:
        """Lower-case suffix of the name."""
        return self.path.suffix.lower()


def read_once(path: Path, *, ocr: bool = True) -> Opened:
    """Read a file's bytes; a file that changes meanwhile is read once more, then refused.

    Raises:
        InputError: not a file, too large, empty, or changed twice while being read.
        OSError: it cannot be read.
    """
    for _ in range(2):
        before = path.stat()
        if not path.is_file():
            raise InputError("不是普通文件", file=path, mend="给出文件路径")
        if before.st_size > MAX_BYTES:
            raise InputError(
                f"文件有 {before.st_size / 2**20:.0f} MB，超过上限 {MAX_BYTES // 2**20} MB",
                file=path,
                mend="拆分后分别入库",
            )
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
            after = os.fstat(stream.fileno())
        if _state(before) == _state(after) == _state(path.stat()) and len(data) == after.st_size:
            return Opened(path, data, ocr)
    raise InputError("文件在读取时被修改", file=path, mend="等写入完成后再入库")


def _state(stat: os.stat_result) -> tuple[int, ...]:
    return stat.st_ino, stat.st_size, stat.st_mtime_ns
