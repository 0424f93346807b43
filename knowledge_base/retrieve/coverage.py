"""Does what was found speak of what was asked? Shared characters, deterministic, no model.

Tells "the base does not hold this" from an answer, and "withheld" from "not there".
"""

import re
from collections.abc import Iterable, Sequence

from cspon.schemas.knowledge import SearchHit

MIN_COVERAGE = 0.34
"""Below this share of the question's bigrams in the hits the base is not about the question.
The project's own choice (verified: false)."""
ANSWERS = 0.5
"""Share from which a single passage may answer a question by itself. Own choice (verified: false)."""
CLEARLY = 0.25
"""By how much a passage must speak more of a question to count as better. Own choice (verified:
false): in 14 questions to 6,113 articles and two plans it parts what a plan alone answers from what
the law answers, too."""

_EMPTY = re.compile(
    r"什么|怎么|如何|多少|哪些|是否|可以|需要|规定|请问|应该|由谁|能不能|吗|呢|的|了"
)


def bigrams(text: str) -> set[str]:
    """Return the pairs of neighbouring characters, without punctuation."""
    kept = re.sub(r"[^\w]|_", "", text)
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def content_coverage(query: str, texts: Iterable[str]) -> float:
    """Share of the query's bigrams found in the texts: is the base about this at all?"""
    wanted = bigrams(_EMPTY.sub(" ", query).replace(" ", ""))
    joined = "".join(texts)
    return len(wanted & bigrams(joined)) / len(wanted) if wanted else 0.0


def coverage(question: str, hits: Sequence[SearchHit]) -> float:
    """Share of the question that the hits speak of, 0–1; 1 when it names one of them."""
    if any("exact" in hit.routes for hit in hits):
        return 1.0
    return content_coverage(
        question,
        [f"{h.passage.title}{''.join(h.passage.heading_path)}{h.passage.text}" for h in hits],
    )


def covers(question: str, hits: Sequence[SearchHit]) -> bool:
    """Whether the hits speak of what the question asks."""
    return coverage(question, hits) >= MIN_COVERAGE


def best_coverage(question: str, hits: Sequence[SearchHit]) -> float:
    """Share of the question that the best single hit speaks of; many hits together cover by chance."""
    return max((coverage(question, [hit]) for hit in hits), default=0.0)


def speak_better(question: str, others: Sequence[SearchHit], own: Sequence[SearchHit]) -> bool:
    """Whether the other hits answer what the own ones do not, or answer it clearly better."""
    if covers(question, others) and not covers(question, own):
        return True
    theirs = best_coverage(question, others)
    return theirs >= ANSWERS and theirs - best_coverage(question, own) >= CLEARLY
