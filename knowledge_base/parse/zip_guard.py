"""What a ZIP container may be before anything of it is unpacked: archives and Office files alike."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from cspon.errors import InputError

MAX_MEMBERS = 10_000
MAX_TOTAL = 2 * 2**30
"""Unpacked bytes of a whole container."""
MAX_MEMBER = 512 * 2**20
MAX_RATIO = 200
"""Unpacked to packed size; Office XML seldom passes 60."""
RATIO_FROM = 16 * 2**20
"""Unpacked bytes below which the ratio does not matter."""
_CHUNK = 2**20


def check_container(container: zipfile.ZipFile, file: Path) -> None:
    """Refuse a container that says of itself that it is a bomb or encrypted.

    Raises:
        InputError: too many members, too large, too dense, overlapping, or encrypted.
    """
    members = container.infolist()
    if len(members) > MAX_MEMBERS:
        raise InputError(
            f"压缩包内有 {len(members)} 个文件，超过上限 {MAX_MEMBERS}",
            file=file,
            mend="拆分后再试",
        )
    total = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    _check_size(total, packed, MAX_TOTAL, file)
    for member in members:
        if member.flag_bits & 0x1:
            raise InputError("压缩包已加密", file=file, mend="解密后再试")
        _check_size(member.file_size, member.compress_size, MAX_MEMBER, file)
    ends = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        if member.header_offset < ends:
            raise InputError(
                "压缩包内的文件互相重叠（疑似压缩炸弹）", file=file, mend="不要使用，核实来源"
            )
        ends = member.header_offset + member.compress_size


def _check_size(size: int, packed: int, most: int, file: Path) -> None:
    if size > most or (size > RATIO_FROM and size > MAX_RATIO * max(packed, 1)):
        raise InputError(
            f"解压后有 {size / 2**20:.0f} MB，压缩比异常或超过上限（疑似压缩炸弹）",
            file=file,
            mend="确认来源；确需使用的，解压并拆分后再试",
        )


def chunks(
    container: zipfile.ZipFile, member: zipfile.ZipInfo, file: Path, most: int = MAX_MEMBER
) -> Iterator[bytes]:
    """Yield a member's bytes, counted: a header that lies about its size does not help.

    Raises:
        InputError: larger than `most`, or damaged.
    """
    read = 0
    try:
        with container.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                read += len(chunk)
                _check_size(read, member.compress_size, most, file)
                yield chunk
    except (
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
        EOFError,
        OSError,
        ValueError,
    ) as error:
        raise InputError(
            "压缩内容已损坏或用了不支持的压缩方法", file=file, mend="重新导出后再试"
        ) from error
    except Exception as error:
        if type(error).__module__ in ("zlib", "lzma", "_lzma"):
            raise InputError("压缩内容已损坏", file=file, mend="重新导出后再试") from error
        raise
