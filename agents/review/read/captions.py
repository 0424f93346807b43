"""What stands above a table: its caption and the unit that holds for all of it."""

from collections.abc import Sequence

from agents.review.document import Block
from knowledge_base.parse.table import caption_and_unit

LOOK_BACK = 3
"""Paragraphs above a table among which its caption and unit stand."""


def above_table(blocks: Sequence[Block], before: int) -> tuple[str, str]:
    """Return the caption and the unit of a table, each empty where none stands above it.

    Args:
        blocks: The document so far.
        before: Number of the last paragraph before the table.
    """
    unit = ""
    for number in range(before, max(-1, before - LOOK_BACK), -1):
        block = blocks[number]
        if block.kind not in ("paragraph", "heading"):
            break
        found, told = caption_and_unit(f"{block.label} {block.text}".strip())
        unit = unit or told
        if found:
            return found, unit.partition("：")[2] or unit.partition(":")[2]
        if not told:
            break
    return "", unit.partition("：")[2] or unit.partition(":")[2]
