"""Plant defects and hard negatives into a clean text, seeded."""

import random

from eval.review_corpus.case import Case, Label
from eval.review_corpus.defects import (
    citations,
    completeness,
    limits,
    numbers,
    sentences,
    spatial,
    tables,
    terms,
)
from eval.review_corpus.negatives import NEGATIVES
from eval.review_corpus.planting import FORMS, append, claim, pool, shuffled

_MODULES = (completeness, limits, numbers, tables, citations, terms, spatial, sentences)
_STRUCTURE = (
    "completeness.chapter_missing",
    "completeness.content_missing",
    "completeness.table_missing",
)
"""What takes text away is done first: later defects must not lie in it."""


def kinds() -> list[str]:
    """Return the kinds that can be planted."""
    assert _MODULES, "the modules register the forms"
    return sorted(FORMS)


def plant(
    case: Case, kind: str, rng: random.Random, *, form_name: str | None = None
) -> list[Label]:
    """Plant one defect of a kind and add its labels to the case.

    Args:
        case: Changed in place.
        kind: Kind of the contract.
        rng: Chooses form, place and value.
        form_name: Only this form (the name of its function).

    Returns:
        The labels (two where two cells were moved against each other); none where no form of the
        kind fits the text.
    """
    for function in shuffled(FORMS[kind], rng):
        if form_name is not None and function.__name__ != form_name:
            continue
        labels = function(case, rng)
        if labels:
            case.labels += labels
            return labels
    return []


def plant_all(case: Case, wanted: list[str], rng: random.Random) -> list[str]:
    """Plant one defect of each kind, those that take text away first; return those that did not fit."""
    order = [k for k in wanted if k in _STRUCTURE] + [k for k in wanted if k not in _STRUCTURE]
    return [kind for kind in order if not plant(case, kind, rng)]


def plant_hard_negatives(case: Case, count: int, rng: random.Random) -> int:
    """Put in what looks like a defect and is none, half of it from the text's facts; return how many."""
    done = 0
    for negative in shuffled(NEGATIVES, rng)[: count // 2]:
        done += negative(case, rng)
    for entry in shuffled(pool("hard_negatives"), rng):
        if done == count:
            break
        pieces = append(case, entry["words"], rng)
        if pieces is None:
            break
        for piece in pieces:
            if piece.tag == "neg":
                note = "看似问题，实际不是"
                label = Label(piece.data["kind"], "hint", piece, note=note, hard_negative=True)
                case.labels.append(claim(case, label))
        done += 1
    return done
