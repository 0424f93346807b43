"""Plain text and Markdown for review: `#` headings, tables of `|`, each other line a paragraph."""

import hashlib
import re
from pathlib import Path

from agents.review.document import Anchor, Block, Cell, Read, Table
from agents.review.read.captions import above_table
from knowledge_base.parse.table import Grid, header_rows

_HEADING = re.compile(r"^(#{1,6})\s+(.*\S)")
_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")


def read_text(name: str, text: str) -> Read:
    """Read a text; the paragraph of a place is its line, from 0."""
    blocks: list[Block] = []
    tables: list[Table] = []
    rows: list[tuple[int, str]] = []

    def end_table() -> None:
        if rows:
            tables.append(_table(len(tables), rows, blocks))
            rows.clear()

    for number, line in enumerate(text.split("\n")):
        if line.lstrip().startswith("|"):
            rows.append((number, line))
            continue
        end_table()
        if not line.strip():
            continue
        anchor = Anchor(part="document", paragraph=number)
        if (heading := _HEADING.match(line)) is not None:
            level = len(heading[1])
            blocks.append(Block(len(blocks), heading[2], "heading", anchor, level=level))
        else:
            blocks.append(Block(len(blocks), line, "paragraph", anchor))
    end_table()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return Read(name, sha256, tuple(blocks), tuple(tables))


def read_markdown(path: Path) -> Read:
    """Read a file of text."""
    return read_text(path.name, path.read_text(encoding="utf-8"))


def _table(number: int, rows: list[tuple[int, str]], blocks: list[Block]) -> Table:
    before = len(blocks) - 1
    cells: list[Cell] = []
    values: list[list[str | None]] = []
    lines = [(at, line) for at, line in rows if not _RULE.match(line)]
    ruled = len(rows) > 1 and _RULE.match(rows[1][1]) is not None
    for row, (at, line) in enumerate(lines):
        texts = [text.strip() for text in line.strip().strip("|").split("|")]
        values.append([*texts])
        for column, text in enumerate(texts):
            made: tuple[int, ...] = ()
            if text:
                made = (len(blocks),)
                anchor = Anchor(part="document", paragraph=at)
                blocks.append(
                    Block(len(blocks), text, "cell", anchor, table=number, row=row, column=column)
                )
            cells.append(Cell(row, column, 1, 1, made, text))
    width = max(len(row) for row in values)
    for padded in values:
        padded.extend([""] * (width - len(padded)))
    caption, unit = above_table(blocks, before)
    headers = 1 if ruled else header_rows(Grid(values))
    return Table(number, caption, unit, tuple(cells), headers, before)
