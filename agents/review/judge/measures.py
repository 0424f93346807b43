"""Candidates: measures that name nobody who is responsible, or no time."""

import re
from collections.abc import Iterator, Sequence

from agents.review.case import Case
from agents.review.document import Cell, Span, Table
from agents.review.judge.sentences import Candidate, Sentence, words

_BLANK = re.compile(r"^\s*(?:[-—–－/／\\]*|无)\s*$")
LONG = 12
"""Characters from which on a sentence says a measure and is no heading."""


def measures(case: Case, said: Sequence[Sentence]) -> Iterator[Candidate]:
    """Yield measures without a body or a date, of tables first."""
    for table in case.text.tables:
        yield from _blank_cells(case, table)
    known = words()
    measure = re.compile(rf"(?:{known.measure})[^，；。]{{0,24}}?(?:{known.measure_object})")
    vague = re.compile(
        rf"(?:{known.no_body})[^，。；]{{0,6}}(?:{known.takes_charge})"
        rf"|(?:由|责任单位[为：:]|牵头单位[为：:])(?:{known.no_body})"
    )
    for sentence in said:
        text = sentence.text
        if len(text) < LONG:
            continue
        in_chapter = re.search(known.chapter_of_measures, sentence.heading) is not None
        told = in_chapter and measure.search(text) is not None
        if vague.search(text) or (told and not re.search(known.body, text)):
            yield Candidate("logic.no_body", sentence.span)
        if told and (not re.search(known.date, text) or re.search(known.no_date, text)):
            yield Candidate("logic.no_date", sentence.span)


def _blank_cells(case: Case, table: Table) -> Iterator[Candidate]:
    """Yield cells of lists of projects that leave body or date open; that needs no model."""
    grid, known = table.grid, words()
    if not grid or not table.headers or table.headers >= len(grid):
        return
    width = len(grid[0])
    heads = ["".join(_texts(grid[: table.headers], column)) for column in range(width)]
    names = [c for c, head in enumerate(heads) if re.search(known.row_name_header, head)]
    if not names:
        return
    for kind, header, what in (
        ("logic.no_body", known.body_header, "责任单位"),
        ("logic.no_date", known.date_header, "实施时间"),
    ):
        columns = [c for c, head in enumerate(heads) if re.search(header, head)]
        for row in grid[table.headers :]:
            name = row[names[0]]
            if name is None or not name.text.strip() or name.column in columns:
                continue
            for column in columns:
                cell = row[column]
                if cell is None or not _open(cell.text, known.blank):
                    continue
                shown = cell if cell.text.strip() else name
                block = case.text.blocks[next(n for n in shown.blocks if case.text.blocks[n].text)]
                span = Span(block.number, 0, len(block.text))
                yield Candidate(
                    kind, span, about=name.text, message=f"“{name.text.strip()}”未明确{what}"
                )  # fmt: skip


def _open(text: str, blank: str) -> bool:
    return _BLANK.match(text) is not None or re.fullmatch(blank, text.strip()) is not None


def _texts(rows: list[list[Cell | None]], column: int) -> list[str]:
    return [cell.text for row in rows if (cell := row[column]) is not None]
