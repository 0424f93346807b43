"""A second submission beside the first: what became of each finding, and what is new.

Paragraphs are aligned by their words, so that numbers that shifted and paragraphs that were put in between
change nothing.
"""

from difflib import SequenceMatcher
from typing import Literal

from agents.review.document import Read
from cspon.schemas.base import Frozen
from cspon.schemas.review import Finding, Review

Outcome = Literal["已改", "未改", "部分", "新增"]
LIKE = 0.5
"""Likeness of two paragraphs from which on one is the other, changed."""


class Round(Frozen):
    """What became of one finding."""

    outcome: Outcome
    finding: Finding
    """Of the first submission; of the second where it is new."""
    evidence: str
    """The words then and now."""


def compare(old: Review, old_read: Read, new: Review, new_read: Read) -> list[Round]:
    """Say of each finding of the first round what became of it, then what is new.

    Findings that were rejected are left out.

    Args:
        old: The first review.
        old_read: Its text.
        new: The second review.
        new_read: Its text.
    """
    aligned = align(old_read, new_read)
    left = [f for f in new.findings if f.status != "rejected"]
    rounds: list[Round] = []
    for finding in old.findings:
        if finding.status != "rejected":
            rounds.append(_round(finding, left, old_read, new_read, aligned))
    return rounds + [
        Round(outcome="新增", finding=finding, evidence=finding.place.quote if finding.place else finding.message)
        for finding in left
    ]  # fmt: skip


def align(old: Read, new: Read) -> dict[int, int]:
    """Return which paragraph of the new text each of the old one became; those that went have none."""
    olds, news = [b.text for b in old.blocks], [b.text for b in new.blocks]
    found: dict[int, int] = {}
    for tag, a, b, c, d in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        if tag == "equal":
            found |= dict(zip(range(a, b), range(c, d), strict=True))
        elif tag == "replace":
            found |= _changed(olds, news, range(a, b), range(c, d))
    return found


def _changed(olds: list[str], news: list[str], gone: range, come: range) -> dict[int, int]:
    """Align paragraphs that were replaced, in order, each with the next that is like it."""
    found: dict[int, int] = {}
    begin = come.start
    for one in gone:
        for other in range(begin, come.stop):
            if SequenceMatcher(None, olds[one], news[other], autojunk=False).ratio() >= LIKE:
                found[one], begin = other, other + 1
                break
    return found


def _round(
    finding: Finding, left: list[Finding], old: Read, new: Read, aligned: dict[int, int]
) -> Round:
    """Say what became of a finding; takes the one of the second review that is the same out of `left`."""
    if finding.place is None or finding.place.file != old.name:
        same = next(
            (f for f in left if (f.kind, f.message) == (finding.kind, finding.message)), None
        )
        if same is not None:
            left.remove(same)
            return Round(outcome="未改", finding=finding, evidence=same.message)
        return Round(outcome="已改", finding=finding, evidence="第二次审查没有同一问题")
    block = _block(old, finding)
    to = aligned.get(block) if block is not None else None
    if block is None or to is None:
        return Round(outcome="已改", finding=finding, evidence=f"原文“{finding.place.quote}”已删去")
    then, now = old.blocks[block].text, new.blocks[to].text
    again = [f for f in left if f.kind == finding.kind and _block(new, f) == to]
    same = next((f for f in again if f.place and f.place.quote == finding.place.quote), None)
    if same is not None:
        left.remove(same)
        return Round(outcome="未改", finding=finding, evidence=f"仍为“{finding.place.quote}”")
    if again:
        left.remove(again[0])
        return Round(
            outcome="部分", finding=finding, evidence=f"“{_around(then, now)}”，{again[0].message}"
        )
    if then == now:
        return Round(
            outcome="已改", finding=finding, evidence="此处未动，与它不一致的另一处或依据已变"
        )
    return Round(outcome="已改", finding=finding, evidence=_around(then, now))


def _block(read: Read, finding: Finding) -> int | None:
    """Return the paragraph of a finding."""
    place = finding.place
    if place is None or place.file != read.name:
        return None
    at = (place.part, place.paragraph, place.sheet, place.cell, place.page)
    for block in read.blocks:
        anchor = block.anchor
        here = (anchor.part, anchor.paragraph, anchor.sheet, anchor.cell, anchor.page)
        if here == at and block.text[place.start : place.end] == place.quote:
            return block.number
    return None


def _around(then: str, now: str) -> str:
    """Return the words that changed, then and now."""
    matched = SequenceMatcher(None, then, now, autojunk=False)
    edits = [(a, b, c, d) for tag, a, b, c, d in matched.get_opcodes() if tag != "equal"]
    if not edits:
        return then[:40]
    (a, _, c, _), (_, b, _, d) = edits[0], edits[-1]
    start = min(a, c, 6)
    return f"{then[a - start : b + 6][:60]} → {now[c - start : d + 6][:60]}"
