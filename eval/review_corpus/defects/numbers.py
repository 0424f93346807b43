"""Numbers in sentences that disagree with other places, with arithmetic or with the upper level."""

import random

from eval.review_corpus.case import Case, Label
from eval.review_corpus.model import Paragraph, Piece
from eval.review_corpus.planting import (
    append,
    channels,
    claim,
    float_of,
    follows,
    form,
    free,
    in_table,
    others,
    prose_facts,
    same_fact,
    set_number,
    shuffled,
    unclaimed,
    wrong_number,
)

_FUNCTIONS = ("share", "urb", "diff", "abs(diff", "percap", "factor", "density", "count", "growth")


def computed(piece: Piece) -> bool:
    """Tell whether a number is the result of a formula and not a fact of its own."""
    expression: str = piece.data["expr"]
    return expression.startswith(tuple(f"{name}(" for name in _FUNCTIONS)) or not any(
        c.isalpha() for c in expression
    )


def candidates(case: Case, rng: random.Random) -> list[tuple[Paragraph, Piece]]:
    """Return the free numbers of sentences in a seeded order."""
    found = [
        (h, p) for h, p in prose_facts(case) if free(case, case.text, p) and unclaimed(case, p)
    ]
    return shuffled(found, rng)


def alone(home: Paragraph, piece: Piece, case: Case) -> bool:
    """Tell whether no other number of the paragraph repeats this one or is computed from it."""
    near = [p for p in home.pieces if p.tag == "fact" and p is not piece]
    later = follows(case, piece)
    return not any(same_fact(p, piece) or any(p is f for f in later) for p in near)


def change(case: Case, piece: Piece, kind: str, rng: random.Random, *, severity: str = "serious",
           also: list[Piece] | None = None, note: str = "") -> list[Label]:  # fmt: skip
    """Give a number a wrong value and label it with the places that say the right one."""
    right = piece.text
    places = list(others(case, piece) if also is None else also)
    set_number(piece, wrong_number(piece, rng))
    label = Label(kind, severity, piece, list(places), right, note)
    return [claim(case, label)]


@form("numbers.text_text")
def text_text(case: Case, rng: random.Random) -> list[Label]:
    """A fact that only sentences state, differently in two of them."""
    for home, piece in candidates(case, rng):
        places = others(case, piece)
        if (
            computed(piece)
            or not places
            or any(in_table(p) for p in places)
            or channels(case, piece)
        ):
            continue
        if alone(home, piece, case):
            return change(case, piece, "numbers.text_text", rng, note="同一指标在文本前后不一致")
    return []


@form("numbers.text_text")
def restated(case: Case, rng: random.Random) -> list[Label]:
    """A fact of one sentence, stated again elsewhere with a wrong value."""
    for words in shuffled(case.restate, rng):
        probe = next(p for p in case.reader.inline(words) if p.tag == "fact")
        places = others(case, probe)
        if not places or not unclaimed(case, probe) or any(in_table(p) for p in places):
            continue
        if not all(free(case, case.text, p) for p in places if case.text.holds(p)):
            continue
        pieces = append(case, words, rng)
        if pieces is None:
            continue
        piece = next(p for p in pieces if p.tag == "fact")
        return change(case, piece, "numbers.text_text", rng, note="同一指标在文本前后不一致")
    return []


@form("numbers.text_table")
def text_table(case: Case, rng: random.Random) -> list[Label]:
    """A fact of one sentence and of a table: the sentence is wrong."""
    for home, piece in candidates(case, rng):
        places = others(case, piece)
        prose = [p for p in places if not in_table(p)]
        if computed(piece) or prose or not places or channels(case, piece) - {"sheet"}:
            continue
        if alone(home, piece, case):
            return change(case, piece, "numbers.text_table", rng, note="文本与表格不一致")
    return []


@form("numbers.explanation")
def explanation(case: Case, rng: random.Random) -> list[Label]:
    """A number of the explanatory volume that is not the text's."""
    if case.explanation is None:
        return []
    found = [p for home in case.explanation.paragraphs() for p in home.pieces if p.tag == "fact"]
    for piece in shuffled(found, rng):
        places = [p for p in others(case, piece) if case.text.holds(p)]
        if not places or computed(piece) or not unclaimed(case, piece):
            continue
        home = case.explanation.home(piece)
        if free(case, case.explanation, piece) and alone(home, piece, case):
            return change(case, piece, "numbers.explanation", rng, note="说明书与文本不一致")
    return []


@form("numbers.map_title")
def map_title(case: Case, rng: random.Random) -> list[Label]:
    """A year or an area in the title of a map that is not the text's."""
    for home, piece in shuffled(case.pieces("fact"), rng):
        if home.style != "entry" or not free(case, case.text, piece):
            continue
        before = "".join(p.text for p in home.pieces[1:])
        right = piece.text
        if piece.data["expr"].endswith("_year"):
            piece.text = str(int(piece.data["value"]) + rng.choice([-5, -4, -1, 1, 5]))
            places = [p for _, p in case.pieces("year") if p.text == right]
        else:
            if not unclaimed(case, piece):
                continue
            set_number(piece, wrong_number(piece, rng))
            places = others(case, piece)
        case.maps[case.maps.index(before)] = "".join(p.text for p in home.pieces[1:])
        label = Label(
            "numbers.map_title", "general", piece, list(places), right, "图名与文本不一致"
        )
        return [claim(case, label)]
    return []


@form("numbers.unit_conversion")
def unit_conversion(case: Case, rng: random.Random) -> list[Label]:
    """Two units of one number in one sentence that do not convert."""
    for home, piece in candidates(case, rng):
        near = [p for p in home.sentence_pieces(piece) if p.tag == "fact" and p is not piece]
        twins = [p for p in near if same_fact(p, piece) and p.data["unit"] != piece.data["unit"]]
        if not twins or home.start(twins[0]) > home.start(piece):
            continue
        return change(case, piece, "numbers.unit_conversion", rng, also=twins, note="单位换算不符")
    return []


@form("numbers.share_value")
def share_value(case: Case, rng: random.Random) -> list[Label]:
    """A share in a sentence that is not part over whole."""
    return _formula(case, rng, "numbers.share_value", "share(", "占比与面积不符")


@form("numbers.change")
def change_in_prose(case: Case, rng: random.Random) -> list[Label]:
    """A change in a sentence that is not plan minus present."""
    return _formula(
        case, rng, "numbers.change", ("diff(", "abs(diff("), "增减量与现状、规划值之差不符"
    )


@form("numbers.per_capita")
def per_capita(case: Case, rng: random.Random) -> list[Label]:
    """A per-head value that is not area over people."""
    return _formula(case, rng, "numbers.per_capita", "percap(", "人均值与面积、人口不符")


@form("numbers.expansion_factor")
def expansion_factor(case: Case, rng: random.Random) -> list[Label]:
    """An expansion factor that is not boundary over present size."""
    return _formula(case, rng, "numbers.expansion_factor", "factor(", "扩展倍数与面积不符")


@form("numbers.urbanisation")
def urbanisation(case: Case, rng: random.Random) -> list[Label]:
    """An urbanisation rate that is not urban over all people."""
    return _formula(case, rng, "numbers.urbanisation", "urb(", "城镇化率与人口不符")


@form("numbers.count")
def count(case: Case, rng: random.Random) -> list[Label]:
    """A number of things that is not how many are listed."""
    for _, piece in candidates(case, rng):
        if piece.data["expr"].startswith("count("):
            right = piece.text
            set_number(piece, max(1.0, float_of(piece) + rng.choice([-1, 1, 2])))
            label = Label(
                "numbers.count",
                "general",
                piece,
                list(others(case, piece)),
                right,
                "数量与所列项数不符",
            )
            return [claim(case, label)]
    return []


def _formula(
    case: Case, rng: random.Random, kind: str, start: str | tuple[str, ...], note: str
) -> list[Label]:
    for _, piece in candidates(case, rng):
        places = others(case, piece)
        if not piece.data["expr"].startswith(start):
            continue
        if not all(_restatable(case, piece, place) for place in places):
            continue
        labels = change(case, piece, kind, rng, note=note)
        for place in places:  # wrong everywhere alike, so that only the formula is broken
            set_number(place, float_of(piece))
        return labels
    return []


def _restatable(case: Case, piece: Piece, place: Piece) -> bool:
    """Tell whether a place of a formula's value can be wrong as well and break nothing else."""
    if any(place.data[key] != piece.data[key] for key in ("unit", "decimals")):
        return False
    for table in [*case.text.tables(), *case.sheets]:
        if any(place is other for home in table.paragraphs() for other in home.pieces):
            return not table.totals
    return all(free(case, d, place) for d in case.documents() if d.holds(place))


@form("numbers.part_whole")
def part_whole(case: Case, rng: random.Random) -> list[Label]:
    """A part that is larger than its whole."""
    for home, piece in candidates(case, rng):
        whole = next((f[6:] for f in piece.data["flags"].split() if f.startswith("whole=")), "")
        if not whole or others(case, piece) or not alone(home, piece, case):
            continue
        near = [p for p in case.facts_everywhere() if p.data["expr"] == whole]
        right = piece.text
        ratio = case.facts.value(whole) / piece.data["value"]
        set_number(piece, float_of(piece) * ratio * rng.uniform(1.02, 1.2))
        label = Label("numbers.part_whole", "serious", piece, list(near), right, "部分大于整体")
        return [claim(case, label)]
    return []
