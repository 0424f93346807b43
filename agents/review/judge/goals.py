"""Candidates: goals that nothing measures, indicators that nothing brings about."""

import re
from collections.abc import Iterator, Sequence

from agents.review.case import Case
from agents.review.judge.sentences import Candidate, Sentence, words
from agents.review.quantities.find import find_values
from agents.review.quantities.subjects import named_in

_TARGET = re.compile(
    r"(?:到|至)20\d\d年(?:末|底)?[，,]?(?:全[市县区镇乡村]域?)?(?P<name>[^，。；0-9]{3,24}?)"
    r"(?:达到|达|不低于|不高于|不超过|提高到|提高至|提升到|提升至|控制在|保持在|降至|降到|为)\s*\d"
)
_COMMON = 0.02
"""Share of sentences from which on a word tells nothing of what a sentence is about."""


def goals(case: Case, said: Sequence[Sentence]) -> Iterator[Candidate]:
    """Yield goals in words for whose object no figure stands anywhere."""
    known = words()
    rare = rare_words(said)
    tables = " ".join(cell.text for table in case.text.tables for cell in table.cells)
    for sentence in said:
        text = sentence.text
        if not re.search(known.goal, text) or _figures(text):
            continue
        if not (re.search(known.goal_time, text) or re.search("目标|愿景", sentence.heading)):
            continue
        own = sentence.terms & rare
        measured = any(
            len(own & other.terms) >= 2 and _figures(other.text)
            for other in said
            if other is not sentence
        )
        if not measured and not any(term in tables for term in own if len(term) > 2):
            yield Candidate("logic.goal_without_indicator", sentence.span)


def indicators(case: Case, said: Sequence[Sentence]) -> Iterator[Candidate]:
    """Yield figures to be reached whose object no measure names."""
    known = words()
    tail = re.compile(rf"(?:{known.indicator_tail})$")
    for sentence in said:
        if (match := _TARGET.search(sentence.text)) is None:
            continue
        name = match["name"].strip("、的 ")
        subjects = [named.name for named in named_in(name)]
        cores = {tail.sub("", word) for word in (name, *subjects)} - {""}
        cores |= {
            part for core in cores for part in re.split("[和与及、占]", core) if len(part) > 2
        }
        brought = any(
            other is not sentence
            and re.search(known.measure_of_indicator, other.text)
            and any(core in other.text for core in cores)
            and not _TARGET.search(other.text)
            for other in said
        )
        if not brought:
            yield Candidate("logic.indicator_without_measure", sentence.span, about=name)


def rare_words(said: Sequence[Sentence]) -> frozenset[str]:
    """Return the words that stand in few sentences."""
    counts: dict[str, int] = {}
    for sentence in said:
        for term in sentence.terms:
            counts[term] = counts.get(term, 0) + 1
    most = max(4, int(len(said) * _COMMON))
    return frozenset(term for term, count in counts.items() if count <= most)


def _figures(text: str) -> bool:
    """Say whether a text has a number beside its years."""
    return any(value.unit.strip() for value in find_values(re.sub(r"20\d\d年", "", text)))
