"""Find the figures that a plan's text gives for an indicator."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cspon.errors import InputError
from tools.quality_check.indicator_table import UNITS_HA

_NUMBER = r"(\d[\d,，]*(?:\.\d+)?)\s*"
_UNIT = "(" + "|".join(sorted(map(re.escape, UNITS_HA), key=len, reverse=True)) + ")"
_BETWEEN = r"[^\d。；;，,]{0,16}?"
"""Words between a name and its figure: 不低于, 为, 达到 … but no other clause."""
_SHOWN = 24


@dataclass(frozen=True)
class TextFigure:
    """A figure in the text."""

    ha: float
    place: str
    """Paragraph number and words around it."""


def figures_in_text(file: Path, names: tuple[str, ...]) -> Iterator[TextFigure]:
    """Find names followed by a number and a unit of area in a Word document.

    Raises:
        InputError: the document does not open.
    """
    pattern = re.compile(f"(?:{'|'.join(map(re.escape, names))}){_BETWEEN}{_NUMBER}{_UNIT}")
    for number, text in enumerate(_paragraphs(file, file.stat().st_mtime_ns), start=1):
        for match in pattern.finditer(text):
            value = float(match[1].replace(",", "").replace("，", ""))
            words = match[0] if len(match[0]) <= _SHOWN else f"…{match[0][-_SHOWN:]}"
            yield TextFigure(value * UNITS_HA[match[2]], f"第 {number} 段“{words}”")


@lru_cache(maxsize=8)
def _paragraphs(file: Path, version: int) -> tuple[str, ...]:
    from docx import Document
    from docx.opc.exceptions import PackageNotFoundError

    try:
        document = Document(str(file))
    except (PackageNotFoundError, KeyError, ValueError) as error:
        raise InputError(
            f"打不开 Word 文档（{error}）", file=file, mend="用 Word 或 WPS 另存为 docx"
        ) from None
    return tuple(paragraph.text for paragraph in document.paragraphs)
