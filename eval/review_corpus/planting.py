"""What all defects share: the register of forms, claims on sentences and facts, inserted sentences."""

import random
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import yaml

from eval.review_corpus.case import Case, Label
from eval.review_corpus.facts import AREA, PEOPLE, written
from eval.review_corpus.model import Document, Paragraph, Piece

Form = Callable[[Case, random.Random], list[Label]]
"""Plants one defect and returns its labels, or returns nothing and leaves the case as it was."""

FORMS: dict[str, list[Form]] = {}
POOLS = Path(__file__).parent / "pools"
_T = TypeVar("_T")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def form(kind: str) -> Callable[[Form], Form]:
    """Register a function as a form of a kind."""

    def register(function: Form) -> Form:
        FORMS.setdefault(kind, []).append(function)
        return function

    return register


def pool(name: str) -> Any:
    """Read a list of words or sentences."""
    return yaml.safe_load((POOLS / f"{name}.yaml").read_text(encoding="utf-8"))


def shuffled(items: Iterable[_T], rng: random.Random) -> list[_T]:
    """Return the items in a seeded order."""
    found = list(items)
    return rng.sample(found, len(found))


# claims: no two defects in one sentence, none that share a fact


def free(case: Case, document: Document, *pieces: Piece) -> bool:
    """Tell whether no defect or hard negative touches the sentences of these pieces."""
    return all(_sentence(document.home(piece), piece) not in case.used for piece in pieces)


def claim(case: Case, label: Label) -> Label:
    """Take the sentences and facts of a label for it; return the label."""
    for place in [label.place, *label.also]:
        if not isinstance(place, Piece):
            continue
        for document in case.documents():
            if document.holds(place):
                case.used.add(_sentence(document.home(place), place))
        case.touched.append(place)
        if place.tag == "fact" and not label.hard_negative:
            case.used.update(f"fact:{name}" for name in names_in(place.data["expr"]))
    return label


def _sentence(paragraph: Paragraph, piece: Piece) -> str:
    return f"sentence:{id(paragraph)}:{paragraph.sentence(piece)}"


def names_in(expression: str) -> set[str]:
    """Return the names of facts in an expression; a list's column stands for its cells."""
    words = set(_NAME.findall(expression.replace(".", "_")))
    return words - {
        "share",
        "urb",
        "diff",
        "growth",
        "percap",
        "factor",
        "density",
        "total",
        "count",
        "abs",
    }


def unclaimed(case: Case, piece: Piece) -> bool:
    """Tell whether no defect changed a fact of this number."""
    return not any(f"fact:{name}" in case.used for name in names_in(piece.data["expr"]))


# facts and where they are said


def measure(piece: Piece) -> str:
    """Return what a number measures: area, people, or its unit."""
    unit = piece.data["unit"]
    return "area" if unit in AREA else "people" if unit in PEOPLE else unit


def same_fact(one: Piece, other: Piece) -> bool:
    """Tell whether two numbers say the same: one expression, or one long value of one measure."""
    if one.data["expr"] == other.data["expr"]:
        return True
    value = one.data["value"]
    long = len(f"{value:.4f}".replace(".", "").strip("0")) >= 4
    return long and measure(one) == measure(other) and abs(value - other.data["value"]) < 1e-6


def others(case: Case, piece: Piece) -> list[Piece]:
    """Return the other places of the case that say the same number."""
    return [p for p in case.facts_everywhere() if p is not piece and same_fact(p, piece)]


def follows(case: Case, piece: Piece) -> list[Piece]:
    """Return the numbers that are computed from this one."""
    mine = names_in(piece.data["expr"])
    found = []
    for other in case.facts_everywhere():
        if other is piece or same_fact(other, piece):
            continue
        if mine & names_in(other.data["expr"]) or _in_total(mine, other.data["expr"]):
            found.append(other)
    return found


def _in_total(names: set[str], expression: str) -> bool:
    for table, key in re.findall(r"total\(['\"](\w+)\.(\w+)", expression):
        if any(re.fullmatch(rf"{table}_\d+_{key}", name) for name in names):
            return True
    return False


def prose_facts(case: Case) -> Iterator[tuple[Paragraph, Piece]]:
    """Yield the numbers in the text's sentences: not in tables, lists of maps or headers."""
    for paragraph, piece in case.pieces("fact"):
        if paragraph.style in ("body", "item", "box", "note"):
            yield paragraph, piece


def in_table(piece: Piece) -> bool:
    """Tell whether a number stands in a table."""
    return bool(piece.data["table"])


def channels(case: Case, piece: Piece) -> set[str]:
    """Return where else a fact is held: explanation, maps, database, upper, sheet."""
    found = set()
    for place in [piece, *others(case, piece)]:
        if case.explanation is not None and case.explanation.holds(place):
            found.add("explanation")
        elif not case.text.holds(place):
            found.add("sheet")
        elif case.text.home(place).style == "entry":
            found.add("maps")
        value = place.data["value"]
        if any(abs(case.facts.value(u["fact"]) - value) < 1e-6 for u in case.upper):
            found.add("upper")
    if case.database is not None and {"towns", "lines", "projects", "sites"} & {
        name.split("_")[0] for name in names_in(piece.data["expr"])
    }:
        found.add("database")
    if case.database is not None and "upper" in found and measure(piece) == "area":
        found.add("database")
    return found


def stated_facts(case: Case, what: str, rng: random.Random) -> list[str]:
    """Return the expressions of unclaimed facts of a measure that sentences of the text state."""
    found = []
    for _, piece in prose_facts(case):
        plain = re.fullmatch(r"[a-z][a-z0-9_]*", piece.data["expr"]) is not None
        if plain and measure(piece) == what and unclaimed(case, piece) and piece.data["value"] > 1:
            found.append(piece.data["expr"])
    return shuffled(sorted(set(found)), rng)


# wrong values


def tolerance(piece: Piece) -> float:
    """Return by how much a number must be off to be a defect, in the unit as written."""
    unit = piece.data["unit"]
    if unit in AREA:
        return max(3 * AREA[unit], 0.004 * abs(float_of(piece)))
    smallest: float = 10.0 ** -piece.data["decimals"]
    return max(3 * smallest, 0.004 * abs(float_of(piece)))


def float_of(piece: Piece) -> float:
    """Return a number as written."""
    return float(piece.text.translate(str.maketrans("０１２３４５６７８９．－", "0123456789.-")))


def set_number(piece: Piece, value: float) -> None:
    """Write a value (already in the written unit) with the piece's decimals and width."""
    piece.text = written(value, "", piece.data["decimals"], full_width=piece.data["full"])


def wrong_number(piece: Piece, rng: random.Random) -> float:
    """Return a wrong value near the right one: digits swapped, a digit changed, a few percent off."""
    right = float_of(piece)
    plain = f"{abs(right):.{piece.data['decimals']}f}"
    tries: list[float] = []
    for i in range(len(plain) - 1):
        if plain[i].isdigit() and plain[i + 1].isdigit() and plain[i] != plain[i + 1]:
            tries.append(float(plain[:i] + plain[i + 1] + plain[i] + plain[i + 2 :]))
    for i, digit in enumerate(plain[:4]):
        if digit.isdigit():
            other = rng.choice([d for d in "123456789" if d != digit])
            tries.append(float(plain[:i] + other + plain[i + 1 :]))
    tries += [abs(right) * (1 + rng.choice([-1, 1]) * rng.uniform(0.01, 0.09)) for _ in range(3)]
    sign = -1 if right < 0 else 1
    good = [t for t in tries if tolerance(piece) < abs(t - abs(right)) < 0.6 * abs(right) + 1]
    return sign * rng.choice(good or [abs(right) * 1.25 + 3])


# sentences put in


def append(
    case: Case, words: str, rng: random.Random, *, avoid: Iterable[str] = ()
) -> list[Piece] | None:
    """Put a sentence at the end of a paragraph that no defect touches.

    Args:
        case: Case to change.
        words: Source text of the sentence, placeholders and marks as in the texts.
        rng: Chooses the paragraph.
        avoid: Words that the paragraph must not hold.

    Returns:
        The new pieces, or None where no paragraph is free.
    """
    words = words.replace("{region}", case.meta["region"])
    pieces = case.reader.inline(words)
    homes = [p for p in case.text.blocks if isinstance(p, Paragraph) and p.style == "body"]
    homes = [p for p in homes if p.text.endswith("。") and len(p.text) > 40]
    for home in shuffled(homes, rng):
        if any(word in home.text for word in avoid) or f"appended:{id(home)}" in case.used:
            continue
        case.used.add(f"appended:{id(home)}")
        home.pieces += pieces
        return pieces
    return None


def plain_pieces(case: Case) -> Iterator[tuple[Paragraph, Piece]]:
    """Yield the unmarked words of sentences of the text."""
    for paragraph, piece in case.pieces(""):
        if paragraph.style in ("body", "item", "box", "note"):
            yield paragraph, piece


def find_words(case: Case, words: str) -> list[tuple[Paragraph, Piece, int]]:
    """Return where unmarked words of the text hold a string, in free sentences."""
    found = []
    for paragraph, piece in plain_pieces(case):
        at = piece.text.find(words)
        while at >= 0:
            before = paragraph.text[: paragraph.start(piece) + at]
            number = before.count("。") + before.count("；")
            if f"sentence:{id(paragraph)}:{number}" not in case.used:
                found.append((paragraph, piece, at))
            at = piece.text.find(words, at + 1)
    return found
