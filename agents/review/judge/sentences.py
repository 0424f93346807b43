"""Sentences of the running text, each with its place and the words that tell it from others."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from agents.review.case import Case
from agents.review.document import Span
from agents.review.quantities.statements import sentences
from cspon.schemas.base import Frozen
from knowledge_base.lexical import tokens

FILE = Path(__file__).with_name("words.yaml")
_HAN = re.compile(r"[一-鿿]{2,}")


class Words(Frozen):
    """Patterns of `words.yaml`."""

    measure: str
    measure_object: str
    chapter_of_measures: str
    body: str
    no_body: str
    takes_charge: str
    date: str
    no_date: str
    goal_time: str
    goal: str
    blank: str
    body_header: str
    date_header: str
    row_name_header: str
    measure_of_indicator: str
    indicator_tail: str
    opposites: tuple[tuple[str, str], ...]


@cache
def words() -> Words:
    """Read `words.yaml`."""
    return Words.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a paragraph."""

    span: Span
    text: str
    heading: str
    terms: frozenset[str]
    """Words of two characters and more."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be wrong, and what the model is asked of it.

    Args:
        kind: Such as `logic.no_body`.
        span: The words that are judged.
        other: The words that they are held against, in the same text.
        about: The object: a control line, an indicator.
        clauses: Words for the search of the law base; a query that is empty asks for none.
        message: The finding, where no model is needed; empty where one judges.
    """

    kind: str
    span: Span
    other: Span | None = None
    about: str = ""
    query: str = ""
    message: str = ""


def sentences_of(case: Case) -> list[Sentence]:
    """Return the sentences of the plan text in order; headings are none."""
    found: list[Sentence] = []
    for block in case.text.running():
        if block.kind == "heading":
            continue
        for start, text in sentences(block.text):
            lead = len(text) - len(text.lstrip())
            bare = text.strip()
            begin = start + lead
            terms = frozenset(t for t in tokens(bare)[0] if len(t) > 1 and _HAN.fullmatch(t))
            found.append(
                Sentence(
                    Span(block.number, begin, begin + len(bare)), bare, case.headings[block.number],
                    terms,
                )
            )  # fmt: skip
    return found
