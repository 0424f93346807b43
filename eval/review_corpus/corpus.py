"""Write whole corpora: clean cases and cases with planted defects."""

import random
import shutil
from pathlib import Path

from eval.review_corpus.case import Case, load, names, write_case
from eval.review_corpus.plant import kinds, plant_all, plant_hard_negatives

CLEAN_EVERY = 6
"""Every sixth case is clean but for hard negatives."""
DEFECTS = 12
HARD_NEGATIVES = 6


def make_corpus(
    folder: Path, seed: int, *, cases: int = 48, texts: list[str] | None = None
) -> list[Path]:
    """Write a corpus; equal arguments write equal bytes.

    The kinds take turns, so that a corpus of 48 cases holds most of them six times or more.

    Args:
        folder: Gets a folder for each case; those with the same names are replaced.
        seed: Chooses kinds, forms, places and values.
        cases: How many.
        texts: Names of the clean texts to use; all without it.

    Returns:
        The folders of the cases.
    """
    chosen = texts or names()
    turns: list[str] = []
    folders = []
    for number in range(cases):
        rng = random.Random(f"{seed}:{number}")  # noqa: S311 (a seeded corpus, no secret)
        text = chosen[number % len(chosen)]
        case = load(text)
        if number % CLEAN_EVERY != CLEAN_EVERY - 1:
            if len(turns) < DEFECTS:
                turns += rng.sample(kinds(), len(kinds()))
            wanted, turns = turns[:DEFECTS], turns[DEFECTS:]
            turns += _plant_once(case, wanted, rng)
        plant_hard_negatives(case, HARD_NEGATIVES, rng)
        path = folder / f"{number + 1:03d}-{text}"
        if path.exists():
            shutil.rmtree(path)
        write_case(case, path, seed=seed)
        folders.append(path)
    return folders


def _plant_once(case: Case, wanted: list[str], rng: random.Random) -> list[str]:
    """Plant each kind once; return those to try again in another text."""
    distinct = list(dict.fromkeys(wanted))
    left = plant_all(case, distinct, rng)
    return left + wanted[len(distinct) :]
