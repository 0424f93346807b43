"""A Word report as PDF, through LibreOffice where it is installed."""

from pathlib import Path

from knowledge_base.parse.legacy import converted
from knowledge_base.parse.opened import Opened


def docx_to_pdf(docx: Path, out: Path) -> Path:
    """Write a .docx as PDF and return its path; written under a temporary name, then renamed.

    Raises:
        SetupError: LibreOffice is not installed.
        InputError: it could not convert the file, or not in time.
    """
    made = converted(Opened(docx, docx.read_bytes()), ".docx", "pdf")
    draft = out.with_name(f".{out.name}.draft")
    try:
        draft.write_bytes(made.data)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return out
