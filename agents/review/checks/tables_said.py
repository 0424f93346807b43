"""Totals of tables beside what the sentence says that refers to them: 总长11.13千米，见表6-1."""

import re
from collections.abc import Iterator
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.quantities.statements import sentences
from agents.review.quantities.tables import Entry
from agents.review.stated import same

SEEN = re.compile(r"见(?:附)?表\s*\d+(?:\s*[-—–.．]\s*\d+)?")
IN_ALL = re.compile(r"(?:总[一-鿿]{1,6}|合计|共计|共|总计)(?:约|为|达)*\s*$")


def totals(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find sums in a sentence that are not those of the table that it refers to."""
    for block in case.text.running():
        quantities = case.quantities_in(block)
        for start, sentence in sentences(block.text):
            seen = SEEN.findall(sentence)
            sums = _sums(case, seen[0]) if len(seen) == 1 else []
            for quantity in quantities:
                value = quantity.value
                inside = start <= quantity.span.start < start + len(sentence)
                if (
                    not inside
                    or value.change
                    or not IN_ALL.search(block.text[: quantity.span.start])
                ):
                    continue
                alike = [e for e in sums if e.quantity.value.measure == value.measure]
                if len(alike) != 1 or same(alike[0].quantity.value, value):
                    continue
                total = alike[0]
                table = case.text.tables[total.table]
                yield Found(
                    quantity.span,
                    f"此处为 {value.words}，{table.caption}合计为 {total.quantity.value.words}{total.quantity.value.unit}",
                    also=(total.quantity.span,), suggestion="核对文本与表",
                )  # fmt: skip


def _sums(case: Case, reference: str) -> list[Entry]:
    """Return the totals of the table that a reference names, one a column of values."""
    number = re.sub(r"\s", "", reference.removeprefix("见"))
    for table in case.text.tables:
        if re.match(rf"{re.escape(number)}(?![\d.\-—–])", re.sub(r"\s", "", table.caption)):
            found = [e for e in case.entries if e.table == table.number and e.total]
            return [
                e for e in found if e.role == "value" and e.quantity.value.measure not in ("", "比")
            ]
    return []
