"""Find the files under a path and read each by what it is."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from cspon.errors import CsponError, InputError
from knowledge_base.parse import archive
from knowledge_base.parse.docx import read_docx
from knowledge_base.parse.epub import read_epub
from knowledge_base.parse.html import read_html
from knowledge_base.parse.legacy import converted
from knowledge_base.parse.mail import read_mail, read_outlook
from knowledge_base.parse.ooxml import OLE
from knowledge_base.parse.opened import Opened, read_once
from knowledge_base.parse.partition import read_presentation
from knowledge_base.parse.pdf import read_pdf
from knowledge_base.parse.picture import read_picture
from knowledge_base.parse.sheet import read_csv, read_workbook
from knowledge_base.parse.source import SourceText
from knowledge_base.parse.text import read_markdown, read_text

Reader = Callable[[Opened], SourceText]


def _read_word(opened: Opened) -> SourceText:
    """Read what is named as a Word file: new or old format, RTF, or a web page under that name."""
    head = opened.data[:512].lstrip(b"\xef\xbb\xbf \r\n\t")
    if head.startswith(b"{\\rtf"):
        return read_docx(converted(opened, ".rtf", "docx"))
    if head.startswith(OLE) and b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t" in opened.data:
        return read_docx(converted(opened, ".doc", "docx"))
    if head[:1] == b"<" and b"<html" in opened.data[:4096].lower():
        return read_html(opened)
    return read_docx(opened)


def _read_excel(opened: Opened) -> SourceText:
    """Read what is named as an Excel file: new or old format, or a web page under that name."""
    if opened.data.startswith(OLE) and b"W\0o\0r\0k\0b\0o\0o\0k" in opened.data:
        return read_workbook(converted(opened, ".xls", "xlsx"))
    head = opened.data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if head.startswith(b"<") and (b"<html" in head or b"<table" in head):
        return read_html(opened)
    return read_workbook(opened)


def _read_opendocument(opened: Opened) -> SourceText:
    return read_docx(converted(opened, ".odt", "docx"))


def _read_opensheet(opened: Opened) -> SourceText:
    return read_workbook(converted(opened, ".ods", "xlsx"))


def _read_slides(opened: Opened) -> SourceText:
    """Read what is named as a presentation: new or old format."""
    if opened.data.startswith(OLE) and "PowerPoint Document".encode("utf-16-le") in opened.data:
        return read_presentation(converted(opened, ".ppt", "pptx"))
    return read_presentation(opened)


READERS: dict[str, Reader] = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_text,
    ".docx": _read_word,
    ".docm": _read_word,
    ".doc": _read_word,
    ".wps": _read_word,
    ".rtf": _read_word,
    ".odt": _read_opendocument,
    ".pdf": read_pdf,
    ".xlsx": _read_excel,
    ".xlsm": _read_excel,
    ".xls": _read_excel,
    ".et": _read_excel,
    ".ods": _read_opensheet,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".html": read_html,
    ".htm": read_html,
    ".pptx": _read_slides,
    ".pptm": _read_slides,
    ".ppt": _read_slides,
    ".dps": _read_slides,
    ".eml": read_mail,
    ".msg": read_outlook,
    ".epub": read_epub,
    ".png": read_picture,
    ".jpg": read_picture,
    ".jpeg": read_picture,
    ".tif": read_picture,
    ".tiff": read_picture,
    ".bmp": read_picture,
    ".webp": read_picture,
}
"""Reader of each suffix; a ZIP archive is first expanded (`archive.expand`)."""


def find_files(paths: Iterable[Path]) -> list[Path]:
    """List the files that are named, and the readable ones and archives in the folders named.

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
                and (f.suffix.lower() in READERS or f.suffix.lower() in archive.SUFFIXES)
                and not any(p.startswith((".", "~$")) for p in f.relative_to(path).parts)
            )
        elif path.exists():
            files.append(path)
        else:
            raise InputError("路径不存在", file=path, mend="检查路径")
    return list(dict.fromkeys(f.resolve() for f in files))


def read_source(path: Path, *, ocr: bool = True) -> SourceText:
    """Read a file as text.

    Args:
        path: The file.
        ocr: Recognise the characters of pictures and of pages without a text layer.

    Raises:
        InputError: not a supported format, too large, encrypted, damaged, garbled, without text, or
            changed while it was read.
        SetupError: the reader's package or program is not installed.
    """
    _reader(path)
    try:
        opened = read_once(path, ocr=ocr)
    except OSError as error:
        raise InputError(
            f"无法读取：{error.strerror or error}", file=path, mend="检查权限"
        ) from error
    return read_opened(opened)


def read_opened(opened: Opened) -> SourceText:
    """Read a file whose bytes are at hand.

    Raises:
        InputError, SetupError: as `read_source`.
    """
    try:
        source = _reader(opened.path)(opened)
    except (CsponError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"文件内部结构异常，无法读取（{type(error).__name__}）",
            file=opened.path,
            mend="用原程序打开后另存再入库",
        ) from error
    if not source.text.strip():
        raise InputError(
            "文件没有文字",
            file=opened.path,
            mend="确认文件不是空的、没有存坏；只有图片的，去掉 --no-ocr 再试",
        )
    return replace(source, sha256=opened.sha256)


def _reader(path: Path) -> Reader:
    suffix = path.suffix.lower()
    reader = READERS.get(suffix)
    if reader is not None:
        return reader
    if suffix in archive.SUFFIXES or suffix in (".rar", ".7z", ".gz", ".tar"):
        raise InputError(
            "压缩包不能作为一个文件读取", file=path, mend="解压后入库，或打成 ZIP 再入库"
        )
    raise InputError(
        f"不支持的格式 {suffix or '（无扩展名）'}",
        file=path,
        mend=f"支持 {'、'.join(READERS)} 及 .zip；其他格式请先转换",
    )
