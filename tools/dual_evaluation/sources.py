"""What was read beside the official texts: publications, and how they stand to a figure.

A secondary source never makes a figure `verified`; it says whether others report the same.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field

from cspon.schemas.base import Frozen

FILE = Path(__file__).parent / "schemes" / "sources.yaml"
Agreement = Literal["一致", "部分一致", "不同"]
_ORDER: tuple[Agreement, ...] = ("一致", "部分一致", "不同")


class Publication(Frozen):
    """One publication that was read, in whole or as an excerpt."""

    id: str
    title: str
    publisher: str
    address: str = ""
    """Where it can be read; empty: not known."""
    kind: Literal["法律", "官方文本转录", "教材", "论文", "网页", "公开实现"]
    extent: str
    """How much of it was read."""
    read: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Secondary(Frozen):
    """What one publication says of one figure."""

    by: str
    """Id of a publication."""
    says: Agreement
    note: str = ""
    """What it says where it does not fully agree."""


@cache
def publications() -> dict[str, Publication]:
    """Return the publications by id; a mistake in the file is a bug of this project."""
    raw = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {key: Publication.model_validate({"id": key, **entry}) for key, entry in raw.items()}


def corroboration(secondary: tuple[Secondary, ...]) -> str:
    """Say in one phrase what others report, e.g. 二手来源 2 处一致，1 处不同（…）."""
    parts = []
    for kind in _ORDER:
        found = [s for s in secondary if s.says == kind]
        if not found:
            continue
        notes = "；".join(f"{publications()[s.by].title}：{s.note}" for s in found if s.note)
        parts.append(f"{len(found)} 处{kind}" + (f"（{notes}）" if notes else ""))
    return "二手来源 " + "，".join(parts) if parts else "未查到二手来源"
