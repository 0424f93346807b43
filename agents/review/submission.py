"""From files to a case: what kind each file is, what is said of the submission, the laws it may cite."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from agents.review.case import Case, Facts
from agents.review.database.read import open_plan_database
from agents.review.document import Read
from agents.review.laws import Laws
from agents.review.read.docx import read_docx
from agents.review.read.pdf import read_pdf
from agents.review.read.text import read_text
from agents.review.read.xlsx import read_xlsx
from cspon.errors import CsponError, InputError
from knowledge_base.parse.encoding import decode

MOST_BYTES = 200 << 20
FACTS = "case.json"
Reader = Callable[[Path, bytes], Read]


def _read_words(path: Path, data: bytes) -> Read:
    text, notices = decode(data, path)
    return replace(read_text(path.name, text), notices=tuple(notices))


def _read_macro(path: Path, data: bytes) -> Read:
    read = read_docx(path, data)
    told = "带宏的 .docm 不出批注文本，请另存为 .docx 再提交"
    return replace(read, notices=(*read.notices, told))


TEXTS: dict[str, Reader] = {
    ".docx": read_docx, ".docm": _read_macro, ".pdf": read_pdf, ".md": _read_words, ".txt": _read_words,
}  # fmt: skip
"""Reader of a text by suffix."""
BOOKS: dict[str, Reader] = {".xlsx": read_xlsx, ".xlsm": read_xlsx}
LEGACY = {
    **dict.fromkeys((".doc", ".wps", ".wpt", ".rtf", ".odt"), ".docx"),
    **dict.fromkeys((".xls", ".et", ".ods", ".csv"), ".xlsx"),
}
"""What a format that is not read shall be saved as."""


def read_file(path: Path, readers: Mapping[str, Reader] = TEXTS) -> Read:
    """Read a file for review.

    Args:
        path: The file.
        readers: Reader of each suffix that it may have.

    Raises:
        InputError: it cannot be read; says what to do.
        SetupError: a package that its format needs is not installed.
    """
    if not path.is_file():
        raise InputError("没有这个文件", file=path)
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"文件超过 {MOST_BYTES >> 20} MB", file=path, mend="拆成几个文件提交")
    suffix = path.suffix.lower()
    reader = readers.get(suffix)
    if reader is None:
        raise _unsupported(path, suffix, readers)
    try:
        return reader(path, path.read_bytes())
    except (CsponError, MemoryError):
        raise
    except Exception as error:
        raise InputError(
            f"文件内部结构异常，无法读取（{type(error).__name__}）",
            file=path, mend="用原程序打开后另存再提交",
        ) from error  # fmt: skip


def _unsupported(path: Path, suffix: str, readers: Mapping[str, Reader]) -> InputError:
    if suffix in BOOKS:
        return InputError("工作簿不是规划文本", file=path, mend="用 --tables 提交指标表")
    if suffix in LEGACY:
        return InputError(
            f"{suffix} 是旧格式，批注不能写回", file=path,
            mend=f"用 Word、Excel 或 WPS 另存为 {LEGACY[suffix]} 再提交",
        )  # fmt: skip
    known = "、".join(readers)
    return InputError(
        f"不支持的格式 {suffix or path.name}", file=path, mend=f"可提交 {known}；其他格式请先另存"
    )


def read_facts(path: Path) -> Facts:
    """Read what a submitter says of a submission.

    Raises:
        InputError: names the field.
    """
    try:
        return Facts.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(
            first["msg"],
            file=path,
            field=".".join(map(str, first["loc"])),
            mend="对照 docs/review.md 的字段改正",
        ) from None


def case_of(
    text: Path,
    facts: Facts,
    *,
    explanation: Path | None = None,
    tables: Path | None = None,
    database: Path | None = None,
    laws: Laws | None = None,
) -> Case:
    """Return the case of a submission.

    Args:
        text: The plan text.
        facts: What is known of it.
        explanation: The explanatory volume.
        tables: The workbook of indicator tables, or a text that holds them.
        database: The plan database: a folder, or a .gpkg, .gdb or .shp.
        laws: The laws that it may cite.

    Raises:
        InputError: a file cannot be read.
        SetupError: a package that its format needs is not installed.
    """
    others: dict[str, Read] = {}
    if explanation is not None:
        others["explanation"] = read_file(explanation)
    if tables is not None:
        others["tables"] = read_file(tables, {**BOOKS, **TEXTS})
    plan = None if database is None else open_plan_database(database)
    return Case(read_file(text), facts, others, laws, plan)
