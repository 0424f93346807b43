"""Boundaries in a Shapefile or a zip of one: completeness, truncation and Chinese attributes.

GDAL reads a truncated `.shp` as features without geometry and an undeclared GBK table as Latin-1,
both without an error, so both are checked here on the bytes.
"""

import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from cspon.errors import InputError
from tools.geometry.boundary import MAX_FILE_BYTES, Drawing
from tools.geometry.vector import read_features

_REQUIRED = (".shp", ".shx", ".dbf")
_PARTS = (*_REQUIRED, ".prj", ".cpg")
_MAX_MEMBERS = 2_000
_MAX_RATIO = 200
"""Packed to unpacked size; a real Shapefile packs 2 to 20 times."""
_NAMES_OF_ENCODINGS = {
    "936": "gb18030",
    "cp936": "gb18030",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "gb18030": "gb18030",
    "ansi 936": "gb18030",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "65001": "utf-8",
}


def shapefile_parts(path: Path) -> dict[str, Path]:
    """Map suffixes to the files that make up a Shapefile, whatever their letter case."""
    return {
        part.suffix.lower(): part
        for part in sorted(path.parent.iterdir())
        if part.stem.lower() == path.stem.lower() and part.suffix.lower() in _PARTS
    }


def read_shapefile(path: Path, layer: str | None = None) -> Drawing:
    """Read the polygons of a Shapefile; each feature is a plot.

    Raises:
        InputError: a part is missing, the `.shp` is truncated or holds no polygons.
    """
    parts = shapefile_parts(path) | {".shp": path}
    missing = [suffix for suffix in _REQUIRED if suffix not in parts]
    if missing:
        raise InputError(
            f"Shapefile 不完整，缺少 {'、'.join(missing)}",
            file=path,
            mend="请把同名的 .shp、.shx、.dbf（最好还有 .prj、.cpg）一并放在同一文件夹",
        )
    _check_main_file(parts[".shp"])
    _check_main_file(parts[".shx"])
    return read_features(path, layer=path.stem, encoding=table_encoding(parts))


def check_length(path: Path) -> bytes:
    """Compare the length that the header of a .shp or .shx states with the file's.

    Returns:
        The header.

    Raises:
        InputError: not such a file, or truncated.
    """
    with path.open("rb") as stream:
        header = stream.read(100)
    size = path.stat().st_size
    if len(header) < 100 or int.from_bytes(header[:4], "big") != 9994:
        raise InputError(
            f"不是有效的 {path.suffix} 文件（文件头不符）", file=path, mend="请重新复制或重新导出"
        )
    stated = 2 * int.from_bytes(header[24:28], "big")
    if size < stated:
        raise InputError(
            f"{path.suffix} 文件被截断：文件头写明 {stated} 字节，实际只有 {size} 字节",
            file=path,
            mend="请重新复制或重新导出该 Shapefile",
        )
    return header


def _check_main_file(path: Path) -> None:
    """Check length and shape type."""
    header = check_length(path)
    kind = int.from_bytes(header[32:36], "little")
    if kind not in (0, 5, 15, 25, 31):
        name = {1: "点", 3: "线", 8: "多点"}.get(kind % 10, f"类型 {kind}")
        raise InputError(f"Shapefile 是{name}图层，不是面", file=path, mend="请导出面状边界")


def table_encoding(parts: dict[str, Path]) -> str:
    """Choose the encoding in which the whole attribute table can be read.

    Raises:
        InputError: it is none that Chinese systems write.
    """
    content = parts[".dbf"].read_bytes()
    candidates = ["utf-8", "gb18030"]
    if ".cpg" in parts:
        stated = parts[".cpg"].read_text(encoding="ascii", errors="replace").strip().lower()
        if stated in _NAMES_OF_ENCODINGS:
            candidates.insert(0, _NAMES_OF_ENCODINGS[stated])
    for encoding in candidates:
        if _decodes(content, encoding):
            return encoding
    raise InputError(
        "属性表的文字编码无法识别（试过 UTF-8、GB18030）",
        file=parts[".dbf"],
        mend="请重新导出，并附 .cpg 文件写明编码",
    )


def _decodes(content: bytes, encoding: str) -> bool:
    """Tell whether every field name and record can be decoded, ignoring cut characters at ends."""
    head = int.from_bytes(content[8:10], "little")
    width = int.from_bytes(content[10:12], "little")
    names = [content[at : at + 11].split(b"\0")[0] for at in range(32, max(head - 1, 32), 32)]
    lengths = [
        content[at + 16] for at in range(32, max(head - 1, 32), 32) if at + 16 < len(content)
    ]
    try:
        for name in names:
            _decode_cell(name, encoding)
        for start in range(head, len(content) - width + 1, max(width, 1)):
            at = start + 1
            for length in lengths:
                _decode_cell(content[at : at + length].strip(b" \0"), encoding)
                at += length
    except UnicodeDecodeError:
        return False
    return True


def _decode_cell(cell: bytes, encoding: str) -> None:
    """Decode a cell; writers cut long texts in the middle of a character."""
    try:
        cell.decode(encoding)
    except UnicodeDecodeError as error:
        if error.start < len(cell) - 3:
            raise


def read_zipped_shapefile(path: Path, layer: str | None = None) -> Drawing:
    """Read a zip that holds one Shapefile (or several, one of them named by `layer`).

    Only the parts of that Shapefile are unpacked, under names of our own, into a temporary folder.

    Raises:
        InputError: not a zip, unsafe or oversized members, no or several Shapefiles.
    """
    try:
        with zipfile.ZipFile(path) as archive, tempfile.TemporaryDirectory() as folder:
            members = _members(archive, path)
            name = _choose(members, path, layer)
            target = Path(folder) / "boundary"
            for suffix, info in members[name].items():
                _unpack(archive, info, target.with_suffix(suffix), path)
            try:
                return read_shapefile(target.with_suffix(".shp"))
            except InputError as error:
                raise InputError(
                    f"压缩包中的 {name}：{error.message}", file=path, row=error.row, mend=error.mend
                ) from None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise InputError(
            f"压缩包无法打开（可能不完整或加密）：{type(error).__name__}",
            file=path,
            mend="请重新打包为普通 zip，不加密码",
        ) from None


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, dict[str, zipfile.ZipInfo]]:
    """List the Shapefile parts by name without suffix, after checking every member."""
    infos = archive.infolist()
    total = sum(info.file_size for info in infos)
    packed = sum(info.compress_size for info in infos)
    if len(infos) > _MAX_MEMBERS or total > MAX_FILE_BYTES or total > _MAX_RATIO * (packed + 4096):
        raise InputError(
            f"压缩包过大：{len(infos)} 个文件，展开后 {total} 字节（压缩后 {packed} 字节）",
            file=path,
            mend=f"请只打包边界 Shapefile，展开后不超过 {MAX_FILE_BYTES // 2**20} MB",
        )
    members: dict[str, dict[str, zipfile.ZipInfo]] = {}
    for info in infos:
        name = PurePosixPath(_name(info).replace("\\", "/"))
        if name.is_absolute() or ".." in name.parts or stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(f"压缩包内有不安全的路径“{name}”", file=path, mend="请重新打包")
        if name.suffix.lower() in _PARTS and "__MACOSX" not in name.parts:
            members.setdefault(str(name.with_suffix("")), {})[name.suffix.lower()] = info
    return {name: parts for name, parts in members.items() if ".shp" in parts}


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; Chinese systems write GBK without the UTF-8 flag."""
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("gb18030")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def _choose(members: dict[str, dict[str, zipfile.ZipInfo]], path: Path, layer: str | None) -> str:
    names = [n for n in members if layer is None or PurePosixPath(n).name == layer]
    if len(names) == 1:
        return names[0]
    listed = "、".join(members)
    raise InputError(
        f"压缩包中有 {len(members)} 个 Shapefile：{listed}"
        if members
        else "压缩包中没有 .shp 文件",
        file=path,
        layer=layer,
        mend="请用参数 layer 指明其中一个" if members else "请打包 Shapefile 的全部文件",
    )


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, path: Path) -> None:
    """Write one member, never more bytes than its directory entry states."""
    left = info.file_size
    with archive.open(info) as source, target.open("wb") as sink:
        while chunk := source.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                raise InputError("压缩包的目录与内容不符", file=path, mend="请重新打包")
            sink.write(chunk)
