"""Wrong words: terms, old names, strength, vagueness, units, digits, slips of the pen."""

import random
import re
from typing import Any

from eval.review_corpus.case import Case, Label
from eval.review_corpus.model import Paragraph, Piece
from eval.review_corpus.planting import (
    append,
    claim,
    find_words,
    form,
    free,
    plain_pieces,
    pool,
    prose_facts,
    shuffled,
)

_WORDS: dict[str, Any] = pool("words")


def _replace(case: Case, spot: tuple[Paragraph, Piece, int], right: str, wrong: str, kind: str, note: str,
             severity: str = "general", needs_model: bool = False) -> list[Label]:  # fmt: skip
    home, piece, at = spot
    part = home.cut(piece, at, at + len(right))
    part.text, part.tag = wrong, "planted"
    return [claim(case, Label(kind, severity, part, [], right, note, needs_model))]


def _swap(
    case: Case,
    rng: random.Random,
    pairs: list[tuple[str, str]],
    kind: str,
    note: str,
    severity: str,
) -> list[Label]:
    for right, wrong in shuffled(pairs, rng):
        spots = find_words(case, right)
        if spots:
            return _replace(case, rng.choice(spots), right, wrong, kind, note, severity)
    return []


def _pairs(name: str, rng: random.Random) -> list[tuple[str, str]]:
    return [(right, rng.choice(wrong)) for right, wrong in _WORDS[name]]


@form("terms.nonstandard")
def nonstandard(case: Case, rng: random.Random) -> list[Label]:
    """A term that is not the standard's."""
    return _swap(
        case, rng, _pairs("nonstandard", rng), "terms.nonstandard", "应使用规范术语", "general"
    )


@form("terms.old_organ")
def old_organ(case: Case, rng: random.Random) -> list[Label]:
    """A responsible body under its former name."""
    for _, piece in shuffled(case.pieces("body"), rng):
        for right, wrong in _pairs("old_organ", rng):
            if right in piece.text and free(case, case.text, piece):
                whole = piece.text
                piece.text = whole.replace(right, wrong)
                return [
                    claim(
                        case,
                        Label("terms.old_organ", "general", piece, [], whole, "机构改革前的名称"),
                    )
                ]
    return []


def _sentence(case: Case, rng: random.Random, pool_name: str, kind: str, note: str) -> list[Label]:
    entry = rng.choice(_WORDS[pool_name])
    before, _, after = entry["words"].partition(entry["quote"])
    pieces = append(case, f"{before}<planted:{entry['quote']}>{after}", rng)
    if pieces is None:
        return []
    piece = next(p for p in pieces if p.tag == "planted")
    return [claim(case, Label(kind, "general", piece, [], "", note))]


@form("terms.old_organ")
def old_organ_sentence(case: Case, rng: random.Random) -> list[Label]:
    """A sentence that gives work to a body that no longer exists."""
    return _sentence(case, rng, "old_organ_sentences", "terms.old_organ", "机构改革前的名称")


@form("terms.old_plan")
def old_plan(case: Case, rng: random.Random) -> list[Label]:
    """A sentence that rests on a kind of plan that is no longer made."""
    return _sentence(
        case, rng, "old_plan_sentences", "terms.old_plan", "已编制国土空间规划的，不再编制该类规划"
    )


@form("terms.strength")
def strength(case: Case, rng: random.Random) -> list[Label]:
    """Mandatory content in words that only recommend."""
    must: set[int] = set()
    under = False
    for paragraph in case.text.body():
        if paragraph.style in ("article", "chapter"):
            under = "must" in paragraph.data
        if under:
            must.add(id(paragraph))
    found = [(h, p) for h, p in case.pieces("must") if id(h) in must and free(case, case.text, p)]
    for _, piece in shuffled(found, rng):
        if piece.text not in _WORDS["strength"]:
            continue
        right = piece.text
        piece.text = rng.choice(_WORDS["strength"][right])
        label = Label(
            "terms.strength",
            "general",
            piece,
            [],
            right,
            "强制性内容使用了引导性用词",
            needs_model=True,
        )
        return [claim(case, label)]
    return []


@form("terms.vague")
def vague(case: Case, rng: random.Random) -> list[Label]:
    """A vague word on a binding indicator."""
    found = [
        (h, p)
        for h, p in prose_facts(case)
        if "bind" in p.data["flags"] and free(case, case.text, p)
    ]
    for home, piece in shuffled(found, rng):
        word = rng.choice(_WORDS["vague"])
        at = home.pieces.index(piece)
        before = home.pieces[at - 1]
        new = Piece(word, "planted")
        if word in ("左右", "上下"):
            home.pieces.insert(at + 2, new)
        elif word.startswith(("力争", "基本", "原则")):
            if before.tag != "dir":
                continue
            right = before.text
            before.text, before.tag = word, "planted"
            return [
                claim(
                    case,
                    Label("terms.vague", "serious", before, [], right, "约束性指标使用模糊用语"),
                )
            ]
        else:
            home.pieces.insert(at, new)
        return [claim(case, Label("terms.vague", "serious", new, [], "", "约束性指标使用模糊用语"))]
    return []


@form("terms.unit_style")
def unit_style(case: Case, rng: random.Random) -> list[Label]:
    """A unit that is not written as a legal unit in Chinese."""
    for home, piece in shuffled(case.pieces("unit"), rng):
        if (
            piece.text in _WORDS["unit_style"]
            and home.style in ("body", "item")
            and free(case, case.text, piece)
        ):
            right = piece.text
            piece.text = rng.choice(_WORDS["unit_style"][right])
            return [
                claim(
                    case, Label("terms.unit_style", "hint", piece, [], right, "计量单位书写不规范")
                )
            ]
    return []


_YEAR = re.compile(r"20[2-5]\d年")
_FULL = str.maketrans("0123456789", "０１２３４５６７８９")
_CHINESE = str.maketrans("0123456789", "零一二三四五六七八九")


@form("terms.number_style")
def year_style(case: Case, rng: random.Random) -> list[Label]:
    """A year in Chinese digits with 零, in two digits, or in full-width digits among narrow ones."""
    spots = []
    for _, piece in plain_pieces(case):
        for found in _YEAR.finditer(piece.text):
            spots += [
                s
                for s in find_words(case, found.group())
                if s[1] is piece and s[2] == found.start()
            ]
    if not spots:
        return []
    spot = rng.choice(spots)
    right = spot[1].text[spot[2] : spot[2] + 5]
    wrong = rng.choice([right.translate(_CHINESE), right[2:], right.translate(_FULL)])
    return _replace(case, spot, right, wrong, "terms.number_style", "年份数字书写不规范", "hint")


@form("terms.number_style")
def digits_style(case: Case, rng: random.Random) -> list[Label]:
    """A number with a blank inside, with some digits wide, or with 百分之 before Arabic digits."""
    found = [(h, p) for h, p in prose_facts(case) if len(p.text) >= 5 and free(case, case.text, p)]
    if not found:
        return []
    home, piece = rng.choice(found)
    right = piece.text
    after = home.pieces[home.pieces.index(piece) + 1]
    at = rng.randrange(1, len(right) - 3)
    wrong = [
        right[:at] + " " + right[at:],
        right[:at] + right[at].translate(_FULL) + right[at + 1 :],
    ]
    if after.text == "%":
        wrong = [f"百分之{right}"]
    piece.text = rng.choice([w for w in wrong if w != right])
    if after.text == "%":
        after.text = ""
    return [claim(case, Label("terms.number_style", "hint", piece, [], right, "数字书写不规范"))]


@form("terms.typo")
def typo(case: Case, rng: random.Random) -> list[Label]:
    """A wrong character."""
    pairs = [(right, wrong) for right, wrong in _WORDS["typo"]]
    return _swap(case, rng, pairs, "terms.typo", "错别字", "hint")


@form("terms.repeated_word")
def repeated_word(case: Case, rng: random.Random) -> list[Label]:
    """A word written twice."""
    for word in shuffled(_WORDS["repeated"], rng):
        spots = [
            s
            for s in find_words(case, word)
            if s[1].text[s[2] + len(word) : s[2] + len(word) * 2] != word
        ]
        if spots:
            spot = rng.choice(spots)
            return _replace(case, spot, word, word * 2, "terms.repeated_word", "重复用字", "hint")
    return []


@form("terms.punctuation")
def punctuation(case: Case, rng: random.Random) -> list[Label]:
    """Two stops, a half-width stop, a stop after a stop."""
    spots = find_words(case, "，")
    if not spots:
        return []
    wrong = rng.choice(["，，", ",", "，、", "。，"])
    return _replace(case, rng.choice(spots), "，", wrong, "terms.punctuation", "标点有误", "hint")


@form("terms.punctuation")
def punctuation_open(case: Case, rng: random.Random) -> list[Label]:
    """A bracket or quotation mark that does not close, or the wrong mark between listed words."""
    for right, wrong in shuffled([("”", ""), ("“", ""), ("、", ","), ("；", ";")], rng):
        spots = [s for s in find_words(case, right) if s[2] > 1]
        if not spots:
            continue
        home, piece, at = rng.choice(spots)
        start = at - 1 if at else at
        whole = piece.text[start : at + 1]
        return _replace(
            case,
            (home, piece, start),
            whole,
            whole[:-1] + wrong,
            "terms.punctuation",
            "标点有误",
            "hint",
        )
    return []


@form("terms.name")
def name(case: Case, rng: random.Random) -> list[Label]:
    """A place or project under a name that is not quite its own."""
    names = [row["name"] for key in ("towns", "lines", "villages", "groups", "projects", "works", "xian", "fill", "services")
             for row in case.facts.lists.get(key, [])] + [case.meta["region"]]  # fmt: skip
    for right in shuffled(names, rng):
        marks = [i for i, c in enumerate(right) if c in _WORDS["name_marks"]]
        spots = find_words(case, right)
        if not marks or not spots:
            continue
        at = rng.choice(marks)
        wrong = right[:at] + _WORDS["name_marks"][right[at]] + right[at + 1 :]
        spot = rng.choice(spots)
        labels = _replace(case, spot, right, wrong, "terms.name", f"前后名称不一致：{right}")
        return labels
    return []
