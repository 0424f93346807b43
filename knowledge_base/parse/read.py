"""Find the files under a path and read each by its suffix."""

from collections.abc import Callable, Iterable
from pathlib import Path

from cspon.errors import InputError
from knowledge_base.parse.docx import read_docx
from knowledge_base.parse.pdf import read_pdf
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.text import read_text

READERS: dict[str, Callable[[Path], SourceText]] = {
    ".md": read_text,
    ".txt": read_text,
    ".docx": read_docx,
    ".pdf": read_pdf,
}
MAX_BYTES = 64 * 2**20


def find_files(paths: Iterable[Path]) -> list[Path]:
    """List the files that are named, and the readable ones in the folders that are named.

    Hidden files and Office lock files (~$…) in folders are left out.

    Raises:
        InputError: a path does not exist; names it.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files.extend(
                f
                for f in sorted(path.rglob("*"))
                if f.is_file()
                and f.suffix.lower() in READERS
                and not any(p.startswith((".", "~$")) for p in f.relative_to(path).parts)
            )
        elif path.exists():
            files.append(path)
        else:
            raise InputError("路径不存在", file=path, mend="检查路径")
    return list(dict.fromkeys(f.resolve() for f in files))


def read_source(path: Path) -> SourceText:
    """Read a file as text.

    Raises:
        InputError: not a supported format, too large, empty, or damaged.
        SetupError: the reader's package is not installed.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"不支持的格式 {path.suffix or '（无扩展名）'}",
            file=path,
            mend=f"支持 {'、'.join(READERS)}；其他格式请先转换",
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"文件超过 {MAX_BYTES // 2**20} MB", file=path, mend="拆分后分别入库")
        source = reader(path)
    except OSError as error:
        raise InputError(
            f"无法读取：{error.strerror or error}", file=path, mend="检查权限"
        ) from error
    if not source.text.strip():
        raise InputError("文件没有文字", file=path, mend="检查文件内容")
    return source
