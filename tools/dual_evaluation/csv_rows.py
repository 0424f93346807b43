"""Rows of a CSV with a heading, and the numbers in them."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cspon.errors import InputError


def read_csv(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a CSV with a heading.

    Raises:
        InputError: not UTF-8, no CSV, or a column is not there.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, restval="")
            heading = reader.fieldnames or []
            for column in columns:
                if column not in heading:
                    raise InputError(
                        f"没有列“{column}”",
                        file=file,
                        field=column,
                        mend=f"已有：{'、'.join(heading)}",
                    )
            return [dict(row) for row in reader]
    except UnicodeDecodeError:
        raise InputError("不是 UTF-8 文本", file=file, mend="另存为 UTF-8 编码的 CSV") from None
    except csv.Error as problem:
        raise InputError(
            f"不是 CSV 表（{problem}）", file=file, mend="另存为 UTF-8 编码的 CSV"
        ) from None


def number_of(text: str, file: Path, field: str, row: int | None = None) -> float:
    """Return a finite number.

    Raises:
        InputError: it is none.
    """
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not np.isfinite(value):
        raise InputError(
            f"“{text}”不是数", file=file, field=field, row=row, mend="改为数值或删去该行"
        )
    return value
