"""Numbers in tables that do not add up, and table cells that disagree with the sentences."""

import random
from collections.abc import Iterator

from eval.review_corpus.case import Case, Label
from eval.review_corpus.defects.numbers import change, computed
from eval.review_corpus.model import Cell, Piece, Table
from eval.review_corpus.planting import (
    channels,
    claim,
    float_of,
    follows,
    form,
    free,
    in_table,
    others,
    set_number,
    shuffled,
    unclaimed,
    wrong_number,
)


def number_of(cell: Cell) -> Piece | None:
    """Return the number of a cell that holds nothing else."""
    pieces = [p for p in cell.paragraph.pieces if p.text]
    return pieces[0] if len(pieces) == 1 and pieces[0].tag == "fact" else None


def sums(case: Case) -> Iterator[tuple[Table, list[Piece], Piece]]:
    """Yield the columns that add up to their total row: table, parts, total."""
    for table in case.text.tables():
        for total_row in sorted(table.totals):
            for column in range(max(len(row) for row in table.rows)):
                cells = [(n, number_of(c)) for n, c in table.column(column)]
                parts = [p for n, p in cells if n < total_row and p is not None]
                total = next((p for n, p in cells if n == total_row and p is not None), None)
                if total is None or len(parts) < 2:
                    continue
                if abs(sum(p.data["value"] for p in parts) - total.data["value"]) < 1e-4:
                    yield table, parts, total


def _usable(case: Case, piece: Piece) -> bool:
    return free(case, case.text, piece) and unclaimed(case, piece)


@form("numbers.sum")
def wrong_part(case: Case, rng: random.Random) -> list[Label]:
    """A part that stands nowhere else is wrong, so that the column misses its total."""
    for table, parts, total in shuffled(sums(case), rng):
        if f"sum:{table.name}" in case.used or not _usable(case, total):
            continue
        for part in shuffled(parts, rng):
            elsewhere = [p for p in others(case, part) if case.text.holds(p)]
            later = [p for p in follows(case, part) if p.data["expr"] != total.data["expr"]]
            later = [p for p in later if abs(p.data["value"] - total.data["value"]) > 1e-6]
            if elsewhere or later or "database" in channels(case, part) or not _usable(case, part):
                continue
            case.used.add(f"sum:{table.name}")
            rest = [p for p in parts if p is not part]
            also = [total, *rest, *others(case, part)]
            return change(case, part, "numbers.sum", rng, also=also, note="分项之和不等于合计")
    return []


@form("numbers.sum")
def wrong_total(case: Case, rng: random.Random) -> list[Label]:
    """A total is wrong; the sentences that state it stay right."""
    found = [
        (t, parts, total) for t, parts, total in sums(case) if f"sum:{t.name}" not in case.used
    ]
    found = [row for row in shuffled(found, rng) if _usable(case, row[2])]
    found = [row for row in found if not _computed_with(case, row[0], row[2])]
    found.sort(key=lambda row: len(others(case, row[2])))
    for table, parts, total in found[:2]:
        case.used.add(f"sum:{table.name}")
        also = [*parts, *others(case, total)]
        return change(case, total, "numbers.sum", rng, also=also, note="合计不等于分项之和")
    return []


def _computed_with(case: Case, table: Table, total: Piece) -> bool:
    """Tell whether a wrong total would make a share or a change of its table wrong as well."""
    cells = [number_of(c) for row in table.rows for c in row if c is not None]
    inside = any(p is c for p in follows(case, total) for c in cells)
    return (
        inside
        or computed(total)
        or any(c is not None and c.data["expr"].startswith("share(") for c in cells)
    )


@form("numbers.share_sum")
def shares_total(case: Case, rng: random.Random) -> list[Label]:
    """The total of a column of shares is not 100."""
    for table in shuffled(case.text.tables(), rng):
        for column in shuffled(range(max(len(row) for row in table.rows)), rng):
            cells = dict(table.column(column))
            last = cells.get(max(table.totals, default=-1))
            if last is None or last.paragraph.text.translate(_NARROW) not in ("100.00", "100.0"):
                continue
            if f"share:{table.name}" in case.used:
                continue
            piece = last.paragraph.pieces[0]
            if not free(case, case.text, piece):
                continue
            case.used.add(f"share:{table.name}")
            right = piece.text
            piece.text = rng.choice(["99.20", "101.35", "98.74", "102.06", "100.90"])
            parts = [number_of(c) for n, c in cells.items() if n not in table.totals]
            label = Label(
                "numbers.share_sum",
                "general",
                piece,
                [p for p in parts if p],
                right,
                "比例合计不为100%",
            )
            return [claim(case, label)]
    return []


_NARROW = str.maketrans("０１２３４５６７８９．", "0123456789.")


@form("numbers.share_sum")
def shares_only(case: Case, rng: random.Random) -> list[Label]:
    """A share in a table that shows no areas is wrong, so that the shares miss 100."""
    for table, parts, total in shuffled(sums(case), rng):
        if abs(total.data["value"] - 100) > 1e-6 or f"share:{table.name}" in case.used:
            continue
        part = rng.choice(parts)
        if others(case, part) or not _usable(case, part):
            continue
        case.used.add(f"share:{table.name}")
        also = [total, *[p for p in parts if p is not part]]
        return change(case, part, "numbers.share_sum", rng, also=also, note="比例之和不为100%")
    return []


@form("numbers.share_value")
def shares_moved(case: Case, rng: random.Random) -> list[Label]:
    """Two shares of a column are wrong by the same amount, so that the column still adds up to 100."""
    for table in shuffled(case.text.tables(), rng):
        for column in range(max(len(row) for row in table.rows)):
            found = [number_of(c) for _, c in table.column(column)]
            pair = [p for p in found if p is not None and p.data["expr"].startswith("share(")]
            pair = [
                p
                for p in pair
                if not others_in_text(case, p) and _usable(case, p) and float_of(p) > 2
            ]
            if len(pair) < 2 or f"share:{table.name}" in case.used:
                continue
            case.used.add(f"share:{table.name}")
            up, down = rng.sample(pair, 2)
            step = round(rng.uniform(0.6, min(1.9, float_of(down) - 0.2)), 2)
            labels = []
            for piece, sign in ((up, 1), (down, -1)):
                right = piece.text
                set_number(piece, float_of(piece) + sign * step)
                labels.append(
                    Label("numbers.share_value", "general", piece, [], right, "占比与面积不符")
                )
            return [claim(case, label) for label in labels]
    return []


def others_in_text(case: Case, piece: Piece) -> list[Piece]:
    """Return the other places of the text that say a number."""
    return [p for p in others(case, piece) if case.text.holds(p)]


@form("numbers.change")
def change_cell(case: Case, rng: random.Random) -> list[Label]:
    """A change in a table without a total row is not plan minus present."""
    for table in shuffled(case.text.tables(), rng):
        if table.totals:
            continue
        cells = [number_of(c) for row in table.rows for c in row if c is not None]
        for piece in shuffled([c for c in cells if c is not None], rng):
            if not piece.data["expr"].startswith("diff(") or not _usable(case, piece):
                continue
            if others_in_text(case, piece):
                continue
            return change(case, piece, "numbers.change", rng, note="增减量不等于规划值与现状值之差")
    return []


@form("numbers.text_table")
def table_text(case: Case, rng: random.Random) -> list[Label]:
    """A cell of the indicator table is wrong; one sentence states the number rightly."""
    for table in shuffled(case.text.tables(), rng):
        cells = [number_of(c) for row in table.rows for c in row if c is not None]
        for piece in shuffled([c for c in cells if c is not None], rng):
            places = others_in_text(case, piece)
            if computed(piece) or not places or any(in_table(p) for p in places) or table.totals:
                continue
            if channels(case, piece) - {"sheet"} or not _usable(case, piece):
                continue
            if any(p in cells for p in follows(case, piece)):
                continue
            return change(case, piece, "numbers.text_table", rng, note="表格与文本不一致")
    return []


@form("numbers.text_table")
def table_year(case: Case, rng: random.Random) -> list[Label]:
    """A number of the workbook or a cell that only the workbook repeats."""
    for sheet in shuffled(case.sheets, rng):
        cells = [number_of(c) for row in sheet.rows for c in row if c is not None]
        for piece in shuffled([c for c in cells if c is not None], rng):
            places = others_in_text(case, piece)
            if computed(piece) or not places or not unclaimed(case, piece) or sheet.totals:
                continue
            if "database" in channels(case, piece) or not all(
                free(case, case.text, p) for p in places
            ):
                continue
            if any(p in cells for p in follows(case, piece)):
                continue
            right = piece.text
            set_number(piece, wrong_number(piece, rng))
            label = Label(
                "numbers.text_table",
                "serious",
                piece,
                list(places),
                right,
                "指标表（xlsx）与文本不一致",
            )
            return [claim(case, label)]
    return []
