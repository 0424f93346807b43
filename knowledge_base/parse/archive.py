"""ZIP archives of documents: unpacked into a folder, nothing outside it, bombs refused."""

import io
import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cspon.errors import InputError
from knowledge_base.parse.opened import MAX_BYTES, read_once
from knowledge_base.parse.zip_guard import MAX_TOTAL, check_container, chunks

MAX_DEPTH = 2
"""Archives within archives that are opened."""
SUFFIXES = (".zip",)
_DRIVE = re.compile(r"^[A-Za-z]:")
_UTF8_NAME = 0x800
_NAME_BYTES = 200


@dataclass(frozen=True)
class Member:
    """A file of an archive."""

    name: str
    """As the archive names it; a member of an inner archive is `inner.zip!/name`."""
    path: Path
    """Where it was unpacked, under its own file name."""


def expand(path: Path, into: Path) -> list[Member]:
    """Unpack an archive's files.

    Folders, empty names, hidden files and lock files (~$…) are left out. Each file goes to a
    numbered folder of its own, so that no name meets another.

    Args:
        path: The archive.
        into: Folder to unpack into; made if missing.

    Raises:
        InputError: no archive, damaged, encrypted, a bomb, nested too deep, or with a member that
            points out of the folder. Nothing is left in `into` then.
    """
    members: list[Member] = []
    try:
        _expand(read_once(path).data, path, "", into, 0, members, [0])
    except BaseException:
        for member in members:
            member.path.unlink(missing_ok=True)
        raise
    return members


def _expand(
    data: bytes,
    file: Path,
    prefix: str,
    into: Path,
    depth: int,
    members: list[Member],
    total: list[int],
) -> None:
    try:
        container = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise InputError(
            f"不是可读的 ZIP 压缩包{f'（{prefix[:-2]}）' if prefix else ''}",
            file=file,
            mend="重新打包后再入库",
        ) from error
    with container:
        check_container(container, file)
        for info in container.infolist():
            name = _safe_name(info, file)
            if name.endswith("/") or _is_litter(name):
                continue
            place = into / f"{len(members) + 1:05d}"
            place.mkdir(parents=True, exist_ok=True)
            target = place / _short(PurePosixPath(name).name)
            assert target.resolve().is_relative_to(into.resolve())
            members.append(Member(prefix + name, target))
            with target.open("wb") as stream:
                for chunk in chunks(container, info, file, MAX_BYTES):
                    total[0] += len(chunk)
                    if total[0] > MAX_TOTAL:
                        raise InputError(
                            f"压缩包解压后超过 {MAX_TOTAL // 2**30} GB",
                            file=file,
                            mend="拆分后分别入库",
                        )
                    stream.write(chunk)
            if target.suffix.lower() in SUFFIXES:
                if depth + 1 > MAX_DEPTH:
                    raise InputError(
                        f"压缩包嵌套超过 {MAX_DEPTH} 层", file=file, mend="解压后再入库"
                    )
                inner = target.read_bytes()
                members.pop()
                target.unlink()
                _expand(inner, file, f"{prefix}{name}!/", place, depth + 1, members, total)


def _safe_name(info: zipfile.ZipInfo, file: Path) -> str:
    """Return a member's name with / between folders.

    Raises:
        InputError: it leaves the folder, or is a link.
    """
    name = decoded_name(info).replace("\\", "/")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or _DRIVE.match(name) or ".." in parts or "\0" in name:
        raise InputError(
            f"压缩包内的文件名指向包外：{name!r}", file=file, mend="不要入库，核实来源"
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(
            f"压缩包内有链接或特殊文件：{name!r}", file=file, mend="去掉链接后重新打包"
        )
    return name


def decoded_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name: archives made on Chinese Windows write it in GBK without saying so."""
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        raw = info.orig_filename.encode("cp437")
    except UnicodeEncodeError:
        return info.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _is_litter(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return not parts or parts[0] == "__MACOSX" or any(p.startswith((".", "~$")) for p in parts)


def _short(name: str) -> str:
    """Return a file name that every file system takes, with its suffix."""
    name = re.sub(r'[\x00-\x1f<>:"|?*]', "_", name)
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix[:16]
    room = _NAME_BYTES - len(suffix.encode("utf-8", "replace"))
    return stem.encode("utf-8", "replace")[:room].decode("utf-8", "ignore") + suffix
