"""Years, directions and units that are wrong, and limits of the upper level that are broken."""

import random

from eval.review_corpus.case import Case, Label
from eval.review_corpus.planting import claim, form, free, in_table, others, shuffled, unclaimed


@form("numbers.years")
def years(case: Case, rng: random.Random) -> list[Label]:
    """A base, near, target or outlook year that is not the plan's."""
    found = [(h, p) for h, p in case.pieces("year") if free(case, case.text, p)]
    for _, piece in shuffled(found, rng):
        right = piece.text
        step = {
            "base": [-1, 1, -2],
            "near": [1, 2, -1],
            "target": [-5, 5, 1, 18],
            "outlook": [-15, -20, 10],
        }
        piece.text = str(int(right) + rng.choice(step[piece.data["role"]]))
        places = [
            p
            for _, p in case.pieces("year")
            if p is not piece and p.data["role"] == piece.data["role"]
        ]
        return [
            claim(
                case,
                Label("numbers.years", "serious", piece, list(places), right, "规划年限前后不一致"),
            )
        ]
    return []


@form("numbers.upper_limit")
def upper_limit(case: Case, rng: random.Random) -> list[Label]:
    """The upper level asks for more (or allows less) than the plan has."""
    for upper in shuffled(case.upper, rng):
        value = case.facts.value(upper["fact"])
        places = [p for _, p in case.pieces("fact") if abs(p.data["value"] - value) < 1e-6]
        places = [p for p in places if unclaimed(case, p)]
        if not places or not all(free(case, case.text, p) for p in places):
            continue
        places.sort(key=in_table)
        factor = rng.uniform(0.012, 0.05)
        written = upper["value"] * (1 + factor if upper["direction"] == ">=" else 1 - factor)
        upper["value"] = round(written, 2)
        note = f"{upper['indicator']}与上级下达的{upper['direction']}{upper['value']}{upper['unit']}不符"
        label = Label("numbers.upper_limit", "serious", places[0], list(places[1:]), "", note)
        return [claim(case, label)]
    return []


@form("numbers.direction")
def direction(case: Case, rng: random.Random) -> list[Label]:
    """A floor written as a ceiling, or the reverse."""
    found = [(h, p) for h, p in case.pieces("dir") if free(case, case.text, p)]
    for home, piece in shuffled(found, rng):
        right = piece.text
        after = home.pieces[home.pieces.index(piece) + 1 : home.pieces.index(piece) + 4]
        if right in ("不低于", "不少于"):
            piece.text = rng.choice(["不高于", "不超过", "不突破"])
        else:
            piece.text = rng.choice(["不低于", "不少于"])
            for other in after:
                if other.tag == "" and other.text.startswith("以内"):
                    other.text = other.text.removeprefix("以内")
        return [
            claim(
                case,
                Label("numbers.direction", "serious", piece, [], right, "约束方向与指标性质相反"),
            )
        ]
    return []


@form("numbers.unit_slip")
def unit_slip(case: Case, rng: random.Random) -> list[Label]:
    """The right number with a unit of another size."""
    slips = {
        "公顷": ["平方千米", "亩", "平方米"],
        "平方千米": ["公顷", "亩"],
        "万亩": ["亩", "万公顷"],
        "亩": ["公顷", "万亩"],
        "万人": ["人", "亿人"],
        "亿立方米": ["万立方米", "立方米"],
        "万元": ["亿元", "元"],
    }
    for home, piece in shuffled(case.pieces("unit"), rng):
        if (
            home.style not in ("body", "item")
            or piece.text not in slips
            or not free(case, case.text, piece)
        ):
            continue
        number = home.pieces[home.pieces.index(piece) - 1]
        if not unclaimed(case, number):
            continue
        right = piece.text
        piece.text = rng.choice(slips[right])
        places = [number, *others(case, number)]
        label = Label("numbers.unit_slip", "serious", piece, list(places), right, "计量单位有误")
        return [claim(case, label)]
    return []
