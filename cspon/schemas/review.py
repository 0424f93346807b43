"""What a review finds, and where."""

from enum import StrEnum
from typing import Literal

from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.knowledge import Basis, Box


class Severity(StrEnum):
    """How much a finding weighs."""

    SERIOUS = "严重"
    GENERAL = "一般"
    HINT = "提示"


class Place(Frozen):
    """Some words of a file."""

    file: str
    quote: str
    """The words, exactly as they stand there."""
    start: int = 0
    end: int = 0
    """Characters of the paragraph or cell."""
    part: str = ""
    """Word: the part, such as `document`; `pages` of a PDF."""
    paragraph: int = -1
    """Word: number of the `w:p` in its part, from 0; PDF: number of the paragraph or cell."""
    sheet: str = ""
    cell: str = ""
    page: int | None = None
    boxes: tuple[Box, ...] = ()
    heading: str = ""
    """Under which headings it stands, from the highest, joined with ›."""
    feature: str = ""
    """Of a database: layer and feature."""


FindingStatus = Literal["open", "accepted", "edited", "rejected"]


class Finding(Frozen):
    """One problem of a submission."""

    id: str
    """Stable for the same problem at the same words."""
    check: str
    kind: str
    """Such as `numbers.sum`; those of docs/review-corpus.md."""
    severity: Severity
    message: str
    """What is wrong, with the figures."""
    place: Place | None = None
    """None: of the whole submission, such as a chapter that is missing."""
    also: tuple[Place, ...] = ()
    """The other places that take part in it."""
    evidence: str = ""
    """How it was found: the calculation, the clause, the measurement."""
    basis: tuple[Basis, ...] = ()
    suggestion: str = ""
    replacement: str | None = None
    """What the words of `place` shall be, where that is certain."""
    model: str = ""
    """Which model judged it; empty where a rule did."""
    confidence: float = 1.0
    status: FindingStatus = "open"
    reason: str = ""
    """Why a reviewer rejected or edited it."""


class NotReviewed(Frozen):
    """Something that was not looked at, and why."""

    what: str
    why: str


class Review(Frozen):
    """A review of one submission."""

    files: tuple[str, ...]
    hashes: tuple[str, ...]
    plan_type: str
    reviewed_on: str
    findings: tuple[Finding, ...]
    not_reviewed: tuple[NotReviewed, ...] = ()
    checks: tuple[str, ...] = ()
    """Those that ran."""
    secrecy: Secrecy = Secrecy.INTERNAL
