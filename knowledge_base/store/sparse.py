"""Copies of index files that keep their holes.

The index keeps its pages in files of a fixed size (32 MiB) that are mapped into memory and filled
from the front; the rest of such a file is a hole that takes no room on disk. A plain copy writes
the hole out as zeros: a base of three documents then takes 110 MB instead of one.
"""

import os
import shutil
from pathlib import Path

_BLOCK = 1 << 20


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder to a new place, file by file with `copy_file`.

    Raises:
        FileExistsError: If `target` exists.
        shutil.Error: If files could not be copied.
    """
    shutil.copytree(source, target, copy_function=copy_file)


def copy_file(source: str | Path, target: str | Path) -> str:
    """Copy contents, mode and times of a file; holes stay holes where the file system tells them.

    Returns:
        The target, as `shutil.copytree` asks of its copy function.
    """
    with Path(source).open("rb") as read, Path(target).open("wb") as write:
        size = os.fstat(read.fileno()).st_size
        for start, end in _written_parts(read.fileno(), size):
            read.seek(start)
            write.seek(start)
            while (left := end - read.tell()) > 0 and (block := read.read(min(_BLOCK, left))):
                write.write(block)
        write.truncate(size)
    shutil.copystat(source, target)
    return os.fspath(target)


def size_on_disk(folder: Path) -> int:
    """Bytes that the files under a folder take on disk, holes not counted."""
    return sum(f.stat().st_blocks * 512 for f in folder.rglob("*") if f.is_file())


def _written_parts(descriptor: int, size: int) -> list[tuple[int, int]]:
    """Byte ranges that hold data; the whole file where holes cannot be asked for."""
    if not hasattr(os, "SEEK_DATA"):
        return [(0, size)]
    parts, at = [], 0
    while at < size:
        try:
            start = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError:  # ENXIO: nothing but a hole from here on
            break
        at = os.lseek(descriptor, start, os.SEEK_HOLE)
        parts.append((start, min(at, size)))
    return parts
