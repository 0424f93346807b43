"""Headings told by their numbers, for texts whose headings have no style."""

import re
from collections.abc import Sequence
from dataclasses import replace

from agents.review.document import Block
from knowledge_base.cut.headings import is_contents_line
from knowledge_base.cut.structure import heading_of

_DECIMAL = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){1,3})[\s　]*[一-鿿“《][^。；，：]{0,30}$")
_ITEM = re.compile(r"^[（(]?[一二三四五六七八九十]{1,3}[）)、][^。；：]{1,30}$")
_ARTICLE = re.compile(r"^第\s*[0-9零〇一二三四五六七八九十百]+\s*条[\s　]+[^。；，：]{1,30}$")
CHAPTER = 2
"""Level of 章 among 编、分编、章、节, from 0."""


def level_by_number(text: str) -> int | None:
    """Return the level of a heading; None for what is none, or a line of contents."""
    bare = text.strip()
    if is_contents_line(bare):
        return None
    if (named := heading_of(bare)) is not None:
        return max(named[0] - CHAPTER, 0) + 1
    if _ARTICLE.match(bare):
        return 3
    if (decimal := _DECIMAL.match(bare)) is not None:
        return decimal[1].count(".") + 1
    return 4 if _ITEM.match(bare) else None


def with_headings(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks with headings by number, where none is a heading by style."""
    if any(block.kind == "heading" for block in blocks):
        return list(blocks)
    return [
        replace(block, kind="heading", level=level)
        if block.kind == "paragraph"
        and (level := level_by_number(f"{block.label}{block.text}")) is not None
        else block
        for block in blocks
    ]
