"""A submission under review: its files as read, what is known of the plan, and what follows from both."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from agents.review.database.plan import PlanDatabase
from agents.review.document import Block, Read, Span
from agents.review.laws import Laws
from agents.review.quantities.statements import Quantity, quantities_of
from agents.review.quantities.tables import Entry, entries_of
from cspon.schemas.base import Frozen
from cspon.schemas.review import Place

PLAN_TYPES = (
    "市级总体规划", "县级总体规划", "乡镇总体规划", "详细规划", "村庄规划", "专项规划", "用地报告",
)  # fmt: skip
_TERM = re.compile(
    r"规划(?:期限|年限|期)[^。\n]{0,12}?(20\d\d)\s*年?\s*(?:[-—–~～]{1,2}|至|到)\s*(20\d\d)\s*年?"
)
_BASE = re.compile(
    r"(?:基期年?|基准年|现状(?:基准)?年)[^。\n]{0,6}?(20\d\d)\s*年?|(20\d\d)\s*年为(?:规划)?基期"
)
_NEAR = re.compile(r"近期(?:目标|规划)?(?:年|至|到|为)?[^。\n]{0,6}?(20\d\d)\s*年")
_OUTLOOK = re.compile(r"远景(?:展望)?(?:目标)?(?:年|至|到|为)?[^。\n]{0,6}?(20\d\d)\s*年")


class Upper(Frozen):
    """A figure of the upper-level plan."""

    indicator: str
    value: float
    unit: str
    direction: str = ">="
    """What holds for this plan: `>=`, `<=` or `=`."""
    source: str = ""


class Years(Frozen):
    """The years of a plan; None where the text does not say."""

    base: int | None = None
    near: int | None = None
    target: int | None = None
    outlook: int | None = None


class Facts(Frozen):
    """What the submitter says of a submission; what is left out is read from the text."""

    plan_type: str = ""
    region: str = ""
    text_date: date | None = None
    """By which day citations are judged; None: today."""
    public: bool = False
    """The text is for publication: secrecy is checked."""
    years: Years = Years()
    upper: tuple[Upper, ...] = ()
    maps: tuple[str, ...] = ()
    attachments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A submission.

    Args:
        text: The plan text.
        facts: What is known of it.
        others: Other files by role: `explanation`, `tables`.
        laws: The laws that it may cite; None: there is no base, and citations are not checked.
        database: The plan database; None: it was not submitted.
    """

    text: Read
    facts: Facts = field(default_factory=Facts)
    others: Mapping[str, Read] = field(default_factory=dict)
    laws: Laws | None = None
    database: PlanDatabase | None = None

    @cached_property
    def memo(self) -> dict[str, Any]:
        """What was worked out of the submission once, by name."""
        return {}

    @cached_property
    def quantities(self) -> list[Quantity]:
        """Numbers of the running text."""
        return [q for block in self.text.running() for q in quantities_of(block)]

    @cached_property
    def entries(self) -> list[Entry]:
        """Numbers of the tables."""
        return [entry for table in self.text.tables for entry in entries_of(self.text, table)]

    @cached_property
    def quantities_by_block(self) -> dict[int, list[Quantity]]:
        """Numbers of the running text by paragraph."""
        found: dict[int, list[Quantity]] = {}
        for quantity in self.quantities:
            found.setdefault(quantity.span.block, []).append(quantity)
        return found

    def quantities_in(self, block: Block) -> list[Quantity]:
        """Return the numbers of a paragraph of the running text."""
        return self.quantities_by_block.get(block.number, [])

    @cached_property
    def entries_by_table(self) -> dict[int, list[Entry]]:
        """Numbers of the tables by table."""
        found: dict[int, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.table, []).append(entry)
        return found

    @cached_property
    def years(self) -> Years:
        """The years of the plan, as given or as the text says."""
        said = "\n".join(b.text for b in self.text.running())
        given, found = self.facts.years, {}
        if match := _TERM.search(said):
            found = {"base": int(match[1]) - 1, "target": int(match[2])}
        for name, pattern in (("base", _BASE), ("near", _NEAR), ("outlook", _OUTLOOK)):
            if (match := pattern.search(said)) is not None:
                found[name] = int(next(year for year in match.groups() if year))
        return Years(**{**found, **given.model_dump(exclude_none=True)})

    def year_of(self, quantity: Quantity) -> int | None:
        """Return the year of a quantity, a worded one as the plan's."""
        if quantity.year is not None or not quantity.when:
            return quantity.year
        year: int | None = getattr(self.years, quantity.when)
        return year

    @cached_property
    def headings(self) -> list[str]:
        """Under which headings each block stands."""
        open_: list[tuple[int, str]] = []
        told: list[str] = []
        for block in self.text.blocks:
            if block.kind == "heading" and block.level is not None:
                while open_ and open_[-1][0] >= block.level:
                    open_.pop()
                open_.append((block.level, f"{block.label} {block.text}".strip()))
            told.append(" › ".join(text for _, text in open_))
        return told

    def place(self, span: Span, read: Read | None = None) -> Place:
        """Return a span as others are told it."""
        source = read or self.text
        block = source.blocks[span.block]
        anchor = block.anchor
        return Place(
            file=source.name, quote=block.text[span.start : span.end], start=span.start, end=span.end,
            part=anchor.part, paragraph=anchor.paragraph, sheet=anchor.sheet, cell=anchor.cell,
            page=anchor.page, boxes=anchor.boxes,
            heading=self.headings[span.block] if read is None or read is self.text else "",
        )  # fmt: skip

    def whole(self, block: Block) -> Span:
        """Return all of a block."""
        return Span(block.number, 0, len(block.text))
