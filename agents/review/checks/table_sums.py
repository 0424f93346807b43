"""Arithmetic of tables: totals, shares, changes. A difference counts only beyond what rounding explains."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Read
from agents.review.quantities.tables import Column, Entry, columns_of
from agents.review.words import said

ALMOST = Fraction(1, 10)
"""How far a total of shares may be from 100 % that is meant to be 100 %; further off it is another share."""


def sums(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find totals that are not the sum of their rows.

    A total may be of all rows, of those since the last total, of those below it, or of the totals
    before it: only where none of these sums fits is it told.
    """
    yield from _everywhere(case, _sums)


def _sums(case: Case) -> Iterator[Found]:
    for entries in _columns(case).values():
        if entries[0].role in ("share", "rate"):
            continue
        for at, entry in enumerate(entries):
            if not entry.total:
                continue
            addends = [rows for rows in _addends(entries, at) if len(rows) > 1]
            if entry.quantity.value.measure == "比":  # of a whole, or rates that add up to nothing
                whole = entry.quantity.value.low
                addends = [rows for rows in addends if abs(_sum(rows) - whole) < whole * ALMOST]
            if not addends or any(_fits(entry, rows) for rows in addends):
                continue
            rows = min(addends, key=lambda rows: abs(_sum(rows) - entry.quantity.value.low))
            value, total = entry.quantity.value, _sum(rows)
            yield Found(
                entry.quantity.span,
                f"{_where(case, entry)}“{entry.label}”为 {value.words}，各行之和为 {said(total, value)}，相差 {said(value.low - total, value)}",
                also=tuple(row.quantity.span for row in rows[:50]),
                evidence=" + ".join(row.quantity.value.words for row in rows[:12]) + (" + …" if len(rows) > 12 else "")
                + f" = {said(total, value)}",
                suggestion="核对合计和各行数值",
            )  # fmt: skip


def share_sums(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find columns of shares that are not 100 % in all."""
    yield from _everywhere(case, _share_sums)


def _share_sums(case: Case) -> Iterator[Found]:
    for entries in _columns(case).values():
        if entries[0].role != "share":
            continue
        rows = [e for e in entries if not e.total and not e.part]
        totals = [e for e in entries if e.total]
        if len(rows) < 2 or not totals:
            continue
        off = abs(totals[-1].quantity.value.low - 1)
        if off > Fraction(1, 1000):
            if off < ALMOST and abs(_sum(rows) - 1) < ALMOST:
                value = totals[-1].quantity.value
                yield Found(
                    totals[-1].quantity.span,
                    f"{_where(case, totals[-1])}比例合计为 {value.words}%，不是 100%",
                    also=tuple(row.quantity.span for row in rows[:50]),
                    suggestion="核对各行比例",
                )
            continue
        addends = [a for t in totals for a in _addends(entries, entries.index(t)) if len(a) > 1]
        if any(abs(_sum(a) - 1) <= _slack(a) for a in addends):
            continue
        nearest = min(addends, key=lambda a: abs(_sum(a) - 1))
        value = totals[-1].quantity.value
        yield Found(
            totals[-1].quantity.span,
            f"{_where(case, totals[-1])}各行比例之和为 {said(_sum(nearest), value)}，不是 100%",
            also=tuple(row.quantity.span for row in nearest[:50]),
            suggestion="核对各行比例",
        )


def shares(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find shares that are not the row's value by the total."""
    yield from _everywhere(case, _shares)


def _shares(case: Case) -> Iterator[Found]:
    for table in case.text.tables:
        if not table.grid or not table.headers:
            continue
        columns = columns_of(table)
        by_place = {(e.row, e.column): e for e in case.entries_by_table.get(table.number, ())}
        for column in columns:
            base = _base_of(column, columns)
            if base is None:
                continue
            totals = [e for e in by_place.values() if e.total and e.column == base.number]
            totals.sort(key=lambda entry: -entry.quantity.value.low)  # the largest is of the whole
            if not totals or not totals[0].quantity.value.low:
                continue
            whole = totals[0].quantity.value
            wrong = []
            for entry in by_place.values():
                part = by_place.get((entry.row, base.number))
                if entry.column != column.number or part is None or entry.total:
                    continue
                share, of = entry.quantity.value, part.quantity.value
                expected = of.low / whole.low
                slack = (share.step + (of.step + whole.step * expected) / whole.low) * Fraction(
                    11, 20
                )
                if abs(share.low - expected) > slack:
                    wrong.append((entry, part, expected))
            rows = sum(1 for e in by_place.values() if e.column == column.number and not e.total)
            if len(wrong) * 2 > max(rows, 2):
                continue  # it is the share of something else
            for entry, part, expected in wrong:
                share = entry.quantity.value
                yield Found(
                    entry.quantity.span,
                    f"{_where(case, entry)}“{entry.label}”的比例为 {share.words}%，按面积计算为 {said(expected, share)}",
                    also=(part.quantity.span, totals[0].quantity.span),
                    evidence=f"{part.quantity.value.words} ÷ {whole.words} = {said(expected, share)}",
                    suggestion="核对比例与面积",
                )  # fmt: skip


def changes(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find changes that are not what is planned less what is there."""
    yield from _everywhere(case, _changes)


def _changes(case: Case) -> Iterator[Found]:
    for table in case.text.tables:
        if not table.grid or not table.headers:
            continue
        columns = columns_of(table)
        values = [c for c in columns if c.role == "value" and (c.year or c.when)]
        for column in columns:
            if column.role != "change":
                continue
            pair = _present_and_plan(case, values, column)
            if pair is None:
                continue
            by_place = {(e.row, e.column): e for e in case.entries_by_table.get(table.number, ())}
            for (row, at), entry in by_place.items():
                before, after = (
                    by_place.get((row, pair[0].number)),
                    by_place.get((row, pair[1].number)),
                )
                if entry.total and not _total_fits(case, entry):
                    continue  # its sum is what is told
                if at != column.number or before is None or after is None:
                    continue
                change, old, new = entry.quantity.value, before.quantity.value, after.quantity.value
                if not change.measure == old.measure == new.measure:
                    continue
                expected = new.low - old.low
                slack = (change.step + old.step + new.step) / 2 + change.step / 100
                if (
                    min(
                        abs(change.low - expected),
                        abs(abs(change.low) - abs(expected))
                        if change.low >= 0 and expected < 0 and "减少" in column.header
                        else abs(change.low - expected),
                    )
                    > slack
                ):
                    yield Found(
                        entry.quantity.span,
                        f"{_where(case, entry)}“{entry.label}”的增减为 {change.words}，规划减现状为 {said(expected, change)}",
                        also=(before.quantity.span, after.quantity.span),
                        evidence=f"{new.words} − {old.words} = {said(expected, change)}",
                        suggestion="核对现状、规划与增减",
                    )  # fmt: skip


def _total_fits(case: Case, total: Entry) -> bool:
    entries = _columns(case)[total.table, total.column]
    at = next(n for n, entry in enumerate(entries) if entry is total)
    addends = [rows for rows in _addends(entries, at) if len(rows) > 1]
    return not addends or any(_fits(total, rows) for rows in addends)


def _everywhere(case: Case, find: Callable[[Case], Iterator[Found]]) -> Iterator[Found]:
    """Yield what is found in the tables of the text, then what only those of the workbook have."""
    told: set[str] = set()
    for found in find(case):
        told.add(_words(case.text, found))
        yield found
    if (book := case.others.get("tables")) is not None:
        facts = case.facts.model_copy(update={"years": case.years})
        for found in find(Case(book, facts)):
            if _words(book, found) not in told:
                yield replace(found, read=book)


def _words(read: Read, found: Found) -> str:
    span = found.span
    return "" if span is None else read.blocks[span.block].text[span.start : span.end]


def _columns(case: Case) -> dict[tuple[int, int], list[Entry]]:
    found: dict[tuple[int, int], list[Entry]] = defaultdict(list)
    for entry in case.entries:
        found[entry.table, entry.column].append(entry)
    return found


def _addends(entries: list[Entry], at: int) -> Iterator[list[Entry]]:
    """Yield the sets of rows of which a total may be the sum."""
    above = entries[:at]
    whole = [e for e in above if not e.total and not e.part]
    yield whole
    last = max((n for n, e in enumerate(above) if e.total), default=-1)
    yield [e for e in above[last + 1 :] if not e.part]
    yield [e for e in above if e.total]
    if last >= 0:
        ungrouped = [e for e in above[last + 1 :] if not e.part]
        yield [*(e for e in above if e.total), *ungrouped]
    below = []
    for entry in entries[at + 1 :]:
        if entry.total:
            break
        below.append(entry)
    yield [e for e in below if not e.part]
    yield [e for e in entries[at + 1 :] if not e.total and not e.part]


def _fits(total: Entry, rows: list[Entry]) -> bool:
    if any(row.quantity.value.measure != total.quantity.value.measure for row in rows):
        return True
    return abs(_sum(rows) - total.quantity.value.low) <= _slack([*rows, total])


def _sum(rows: list[Entry]) -> Fraction:
    return sum((row.quantity.value.low for row in rows), Fraction(0))


def _slack(rows: list[Entry]) -> Fraction:
    """Return by how much rounding alone can set a sum off: half a last digit a row."""
    return sum((row.quantity.value.step for row in rows), Fraction(0)) / 2


def _base_of(column: Column, columns: list[Column]) -> Column | None:
    """Return the column of values of which a column tells the shares: of its year, the nearest to the left."""
    if column.role != "share":
        return None
    left = [
        c for c in columns
        if c.number < column.number and c.role == "value"
        and ((c.year, c.when) == (column.year, column.when) or (column.year, column.when) == (None, ""))
    ]  # fmt: skip
    return left[-1] if left else None


def _present_and_plan(
    case: Case, values: list[Column], change: Column
) -> tuple[Column, Column] | None:
    def year(column: Column) -> int:
        worded = getattr(case.years, column.when, None) if column.when else None
        return (
            column.year
            or worded
            or {"base": 0, "near": 5, "target": 9, "outlook": 10}.get(column.when, 0)
        )

    before = {year(c): c for c in values if c.number < change.number}
    named = [int(text) for text in re.findall(r"(?:19|20)\d\d", change.header)]
    if len(named) == 2 and set(named) <= set(before):
        return before[min(named)], before[max(named)]
    if len(before) != 2:
        return None
    return before[min(before)], before[max(before)]


def _where(case: Case, entry: Entry) -> str:
    caption = case.text.tables[entry.table].caption
    return f"{caption}：" if caption else f"第 {entry.table + 1} 个表："
