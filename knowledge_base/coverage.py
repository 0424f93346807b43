"""Does what was found speak of what was asked? Shared characters, deterministic, no model.

Tells "the base does not hold this" from an answer, and "withheld" from "not there".
"""

import re
from collections.abc import Iterable, Sequence

from cspon.schemas.knowledge import SearchHit

MIN_COVERAGE = 0.34
"""Below this share of the question's bigrams in the hits the base is not about the question.
The project's own choice (verified: false)."""

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
