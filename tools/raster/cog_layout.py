"""Put tiles that are compressed already into the layout of a cloud-optimised GeoTIFF.

Directories stand first, then the tiles of the smallest overview, and so on up to the raster itself; a
tile's length stands before it and its last four bytes once more behind it, as GDAL's own driver writes
them. Nothing is decoded: pixels are compressed once. (TIFF 6.0; BigTIFF; GDAL, "COG driver", File layout.)
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}  # fmt: skip
"""Bytes of a number by TIFF type."""
_WHOLE = {1: "B", 3: "H", 4: "I", 16: "Q"}
_LONG, _LONG8 = 4, 16
_SUBFILE, _WIDTH, _HEIGHT, _OFFSETS, _COUNTS = 254, 256, 257, 324, 325
_OF_THE_RASTER = {33550, 33922, 34264, 34735, 34736, 34737, 42112}
"""Georeference and metadata: not repeated in overviews."""
_GHOST = (
    b"LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
    b"BLOCK_TRAILER=LAST_4_BYTES_REPEATED\nKNOWN_INCOMPATIBLE_EDITION=NO\n "
)
_CLASSIC_LIMIT = 4_000_000_000


@dataclass(frozen=True)
class _Entry:
    kind: int
    count: int
    data: bytes


@dataclass
class _Level:
    """A tiled TIFF: its directory, and where its tiles lie."""

    file: Path
    order: str
    entries: dict[int, _Entry]

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the whole numbers of an entry."""
        entry = self.entries[tag]
        return struct.unpack(f"{self.order}{entry.count}{_WHOLE[entry.kind]}", entry.data)


def assemble(levels: Sequence[Path], sizes: Sequence[tuple[int, int]], target: Path) -> None:
    """Write a raster and its overviews into one cloud-optimised GeoTIFF.

    Args:
        levels: Tiled TIFF files of one byte order, the raster first, then overviews by falling size.
        sizes: Width and height of each as they are given out; the files may be larger, up to whole tiles.
        target: File that is written.

    Raises:
        OSError: a file cannot be read or written; a tile is missing.
    """
    try:
        parts = [_read(file) for file in levels]
        for part, size in zip(parts, sizes, strict=True):
            for tag, cells in zip((_WIDTH, _HEIGHT), size, strict=True):
                part.entries[tag] = _Entry(_LONG, 1, struct.pack(f"{part.order}I", cells))
        _write(parts, target)
    except (struct.error, KeyError):
        raise OSError(f"a working file of {target.name} is cut short") from None


def _write(parts: list[_Level], target: Path) -> None:
    for number, part in enumerate(parts):
        if number:
            kept = {tag: e for tag, e in part.entries.items() if tag not in _OF_THE_RASTER}
            one = _Entry(_LONG, 1, struct.pack(f"{part.order}I", 1))
            part.entries = kept | {_SUBFILE: one}
    total = sum(sum(part.numbers(_COUNTS)) + 8 * part.entries[_COUNTS].count for part in parts)
    big = total + 64 * sum(part.entries[_COUNTS].count for part in parts) > _CLASSIC_LIMIT
    header, places = _header(parts, big=big)
    with target.open("wb") as out:
        out.write(header)
        for part, offsets in reversed(list(zip(parts, places, strict=True))):
            _copy_tiles(part, offsets, out)


def _read(file: Path) -> _Level:
    """Read the first directory of a TIFF file with the values of its entries."""
    with file.open("rb") as handle:
        start = handle.read(16)
        order = "<" if start[:2] == b"II" else ">"
        big = struct.unpack(f"{order}H", start[2:4])[0] == 43
        at = struct.unpack(f"{order}{'Q' if big else 'I'}", start[8:16] if big else start[4:8])[0]
        handle.seek(at)
        count = struct.unpack(f"{order}{'Q' if big else 'H'}", handle.read(8 if big else 2))[0]
        layout = f"{order}HH{'Q8s' if big else 'I4s'}"
        size = struct.calcsize(layout)
        rows = [struct.unpack(layout, handle.read(size)) for _ in range(count)]
        entries = {}
        for tag, kind, number, held in rows:
            length = _SIZES[kind] * number
            if length > len(held):
                handle.seek(struct.unpack(f"{order}{'Q' if big else 'I'}", held)[0])
                held = handle.read(length)
            entries[tag] = _Entry(kind, number, held[:length])
    return _Level(file, order, entries)


def _header(parts: list[_Level], *, big: bool) -> tuple[bytes, list[list[int]]]:
    """Return everything before the tiles, and where the tiles of each part will lie."""
    order = parts[0].order
    ghost = b"GDAL_STRUCTURAL_METADATA_SIZE=%06d bytes\n%s" % (len(_GHOST), _GHOST)
    first = _even((16 if big else 8) + len(ghost))
    at, starts = first, []
    for part in parts:
        starts.append(at)
        at += len(_directory(part, [0] * part.entries[_COUNTS].count, 0, 0, big=big))
    places: list[list[int]] = []
    for part in reversed(parts):
        offsets = []
        for size in part.numbers(_COUNTS):
            offsets.append(at + 4)
            at += size + 8
        places.insert(0, offsets)
    mark = b"II" if order == "<" else b"MM"
    head = (
        struct.pack(f"{order}HHHQ", 43, 8, 0, first)
        if big
        else struct.pack(f"{order}HI", 42, first)
    )
    text = (mark + head + ghost).ljust(first, b"\0")
    for part, start, after, offsets in zip(parts, starts, [*starts[1:], 0], places, strict=True):
        text += _directory(part, offsets, start, after, big=big)
    return text, places


def _directory(part: _Level, offsets: list[int], start: int, following: int, *, big: bool) -> bytes:
    """Return a directory that begins at `start`, with the values that do not fit into it behind it."""
    order, word, room = part.order, "Q" if big else "I", 8 if big else 4
    places = struct.pack(f"{order}{len(offsets)}{word}", *offsets)
    entries = part.entries | {_OFFSETS: _Entry(_LONG8 if big else _LONG, len(offsets), places)}
    count = struct.pack(f"{order}{'Q' if big else 'H'}", len(entries))
    behind = start + len(count) + len(entries) * (20 if big else 12) + room
    rows, values = b"", b""
    for tag, entry in sorted(entries.items()):
        held = entry.data.ljust(room, b"\0")
        if len(entry.data) > room:
            held = struct.pack(f"{order}{word}", behind + len(values))
            values += entry.data.ljust(_even(len(entry.data)), b"\0")
        rows += struct.pack(f"{order}HH{word}", tag, entry.kind, entry.count) + held
    text = count + rows + struct.pack(f"{order}{word}", following) + values
    return text.ljust(_even(len(text)), b"\0")


def _copy_tiles(part: _Level, offsets: list[int], out: BinaryIO) -> None:
    """Copy the tiles of a part in the order of rows."""
    with part.file.open("rb") as source:
        for at, size, place in zip(
            part.numbers(_OFFSETS), part.numbers(_COUNTS), offsets, strict=True
        ):
            source.seek(at)
            tile = source.read(size)
            if not size or len(tile) < size:
                raise OSError(f"a tile of {part.file.name} is missing")
            assert out.tell() == place - 4
            out.write(struct.pack(f"{part.order}I", size) + tile + tile[-4:].rjust(4, b"\0"))


def _even(number: int) -> int:
    return number + number % 2
