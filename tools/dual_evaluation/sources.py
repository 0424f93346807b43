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
FORMULAS = FILE.with_name("formulas.yaml")
Agreement = Literal["出处", "一致", "部分一致", "不同"]
"""出处: the figure was taken from it, so that it corroborates nothing."""
_ORDER: tuple[Agreement, ...] = ("一致", "部分一致", "不同")


class Publication(Frozen):
    """One publication that was read, in whole or as an excerpt."""

    id: str
    title: str
    publisher: str
    address: str = ""
    """Where it can be read; empty: not known."""
    kind: Literal["法律", "官方文本转录", "教材", "论文", "网页", "公开代码"]
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


class Formula(Frozen):
    """One formula or table that all schemes share, with where it comes from."""

    title: str
    figures: str
    source: str
    verified: bool
    secondary: tuple[Secondary, ...] = ()


@cache
def formula_sources() -> tuple[Formula, ...]:
    """Return the shared formulas with their sources; a mistake in the file is a bug."""
    raw = yaml.safe_load(FORMULAS.read_text(encoding="utf-8"))
    return tuple(Formula.model_validate(entry) for entry in raw)


def corroboration(secondary: tuple[Secondary, ...]) -> str:
    """Say in one phrase what others report, e.g. 二手来源 2 处一致，1 处不同（…）."""
    parts = []
    for kind in _ORDER:
        found = [s for s in secondary if s.says == kind]
        if found:
            parts.append(f"{len(found)} 处{kind}（{'；'.join(map(_named, found))}）")
    told = "二手来源 " + "，".join(parts) if parts else "未查到二手来源"
    origin = [_named(s) for s in secondary if s.says == "出处"]
    if not origin:
        return told
    rest = told if parts else "未查到其他二手来源"
    return f"取自{'、'.join(origin)}；{rest}"


def _named(entry: Secondary) -> str:
    title = publications()[entry.by].title
    return f"{title}：{entry.note}" if entry.note else title
