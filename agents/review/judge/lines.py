"""Candidates: sentences that allow something within a control line; the clauses that may forbid it."""

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path

import yaml

from agents.review.case import Case
from agents.review.judge.sentences import Candidate, Sentence
from cspon.schemas.agent import Principal
from cspon.schemas.base import Frozen
from cspon.schemas.knowledge import Basis, Citation, Validity
from knowledge_base.base import KnowledgeBase

FILE = Path(__file__).with_name("lines.yaml")
MOST = 4
"""Clauses that are laid before the model."""
_FORBIDS = re.compile(r"禁止|不得|严禁|不准|任何单位和个人不")
_BASINS = re.compile(r"长江|黄河|青藏|黑土|海域|海岛|草原")
"""Laws of a region or a resource: asked only where the text speaks of it."""


class Line(Frozen):
    """A control line."""

    name: str
    also: tuple[str, ...]
    clauses: tuple[Basis, ...] = ()
    query: str


class Lines(Frozen):
    """What `lines.yaml` holds."""

    within: str
    allows: str
    forbids: str
    exceptions: str
    lines: tuple[Line, ...]


@cache
def lines() -> Lines:
    """Read `lines.yaml`."""
    return Lines.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def allowed(said: Sequence[Sentence]) -> Iterator[Candidate]:
    """Yield sentences that allow something within a line, without what the law itself leaves open."""
    known = lines()
    for sentence in said:
        for line in known.lines:
            names = "|".join(sorted(line.also, key=len, reverse=True))
            inside = re.search(
                rf"(?:{names})[^，。；]{{0,10}}?(?:{known.within})(?P<rest>[^。；]*)", sentence.text
            )
            if inside is None or re.search(known.exceptions, sentence.text):
                continue
            told = sentence.text[: inside.end()]
            if re.search(known.allows, inside["rest"]) or re.search(
                r"(?:允许|可以|可|鼓励|引导|支持)在[^，。；]*$", told[: inside.start()] + "在"
            ):
                if not re.search(known.forbids, told):
                    yield Candidate(
                        "logic.forbidden_allowed", sentence.span, about=line.name, query=line.query
                    )
                break


def clauses_for(
    candidate: Candidate, case: Case, base: KnowledgeBase, on_date: date
) -> list[Citation]:
    """Return clauses in force that forbid something in the line, those named in `lines.yaml` first."""
    line = next(line for line in lines().lines if line.name == candidate.about)
    block = case.text.blocks[candidate.span.block]
    sentence = block.text[candidate.span.start : candidate.span.end]
    hits = base.outcome(
        f"{line.query} {sentence}", k=8, on_date=on_date, principal=Principal(), levels=["国家"]
    ).hits
    found = [Basis(title=h.passage.title, article=h.passage.article) for h in hits]
    full = "".join(b.text for b in case.text.blocks)
    cited: dict[str, Citation] = {}
    for basis in (*line.clauses, *(b for b in found if b.article)):
        special = _BASINS.search(basis.title)
        if special and special[0] not in full:
            continue
        citation = in_force(basis, base, on_date)
        if citation is not None and _FORBIDS.search(citation.quote):
            cited.setdefault(citation.label, citation)
    return list(cited.values())[:MOST]


def in_force(basis: Basis, base: KnowledgeBase, on_date: date) -> Citation | None:
    """Return the clause as the base holds it; None where it does not hold it or it is not in force."""
    citation = base.cite(basis, on_date=on_date, principal=Principal())
    verified = citation.verification == "verified" and citation.status is Validity.IN_FORCE
    return citation if verified else None
