"""Citations that name, number, date or quote the law wrongly."""

import random
from typing import Any

from eval.review_corpus.case import Case, Label
from eval.review_corpus.model import Paragraph, Piece
from eval.review_corpus.numbering import chinese
from eval.review_corpus.planting import append, claim, form, free, pool, shuffled

_LAWS: dict[str, Any] = pool("laws")


def _free(case: Case, tag: str, rng: random.Random) -> list[tuple[Paragraph, Piece]]:
    return shuffled([(h, p) for h, p in case.pieces(tag) if free(case, case.text, p)], rng)


def _set(
    case: Case, piece: Piece, words: str, kind: str, note: str, severity: str = "serious"
) -> list[Label]:
    right = piece.text
    piece.text = words
    return [claim(case, Label(kind, severity, piece, [], right, note))]


def _law_before(home: Paragraph, piece: Piece) -> str:
    before = home.pieces[: home.pieces.index(piece)]
    return next((p.text for p in reversed(before) if p.tag == "law"), "")


def _in_list(case: Case, rng: random.Random) -> list[tuple[Paragraph, Piece]]:
    return [
        (h, p)
        for h, p in _free(case, "law", rng)
        if h.style == "item" and not any(q.tag == "art" for q in h.pieces)
    ]


@form("citations.unknown_title")
def unknown_title(case: Case, rng: random.Random) -> list[Label]:
    """A law that does not exist, in the list of what the plan is based on."""
    for home, piece in _in_list(case, rng):
        rest = home.pieces[home.pieces.index(piece) + 1 :]
        if (
            any(p.tag in ("no", "std") for p in rest)
            or len([p for p in home.pieces if p.tag == "law"]) > 1
        ):
            continue
        for other in rest:
            if other.tag == "ver":
                other.text = ""
        return _set(
            case,
            piece,
            rng.choice(_LAWS["unknown"]),
            "citations.unknown_title",
            "引用的法律法规不存在",
        )
    return []


@form("citations.unknown_title")
def unknown_in_sentence(case: Case, rng: random.Random) -> list[Label]:
    """A law that does not exist, in a sentence."""
    title = rng.choice(_LAWS["unknown"])
    pieces = append(case, f"<law:{title}>另有规定的，从其规定。", rng)
    if pieces is None:
        return []
    return [
        claim(
            case,
            Label("citations.unknown_title", "serious", pieces[0], [], "", "引用的法律法规不存在"),
        )
    ]


@form("citations.wrong_title")
def wrong_title(case: Case, rng: random.Random) -> list[Label]:
    """A title that is nearly a law's."""
    for _, piece in _free(case, "law", rng):
        if piece.text in _LAWS["near_titles"]:
            words = rng.choice(_LAWS["near_titles"][piece.text])
            return _set(case, piece, words, "citations.wrong_title", "法规名称不准确")
    return []


@form("citations.document_number")
def document_number(case: Case, rng: random.Random) -> list[Label]:
    """A document number with swapped digits or another year."""
    for _, piece in _free(case, "no", rng):
        text = piece.text
        spots = [
            i
            for i in range(len(text) - 1)
            if text[i : i + 2].isdigit() and text[i] != text[i + 1] and text[i + 1] != "0"
        ]
        if not spots:
            continue
        at = rng.choice(spots[-2:])
        words = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        return _set(case, piece, words, "citations.document_number", "文号有误")
    return []


@form("citations.document_number")
def document_serial(case: Case, rng: random.Random) -> list[Label]:
    """A document number one or a few off."""
    for _, piece in _free(case, "no", rng):
        digits = "".join(c for c in piece.text[-6:] if c.isdigit() and c.isascii())
        if len(digits) < 2 or not piece.text.endswith(f"{digits}号"):
            continue
        wrong = str(int(digits) + rng.choice([-2, 1, 3, 10]))
        words = piece.text.removesuffix(f"{digits}号") + f"{wrong}号"
        return _set(case, piece, words, "citations.document_number", "文号有误")
    return []


@form("citations.year")
def year(case: Case, rng: random.Random) -> list[Label]:
    """A year in which the law was not made or changed."""
    for _, piece in _free(case, "ver", rng):
        for right, wrong in _LAWS["wrong_years"].items():
            if right in piece.text:
                words = piece.text.replace(right, rng.choice(wrong), 1)
                return _set(
                    case, piece, words, "citations.year", "法律修正（公布）年份有误", "general"
                )
    return []


@form("citations.article_range")
def article_range(case: Case, rng: random.Random) -> list[Label]:
    """An article number beyond the last of the law."""
    for home, piece in _free(case, "art", rng):
        most = _LAWS["articles"].get(_law_before(home, piece))
        if most is None:
            continue
        if most < 150:
            words = f"第{chinese(rng.randint(most + 2, min(most + 40, 160)))}条"
        else:
            words = rng.choice(["第一千二百六十条", "第一千三百零二条", "第一千二百四十八条"])
        return _set(case, piece, words, "citations.article_range", f"该法共{most}条")
    return []


@form("citations.wrong_article")
def wrong_article(case: Case, rng: random.Random) -> list[Label]:
    """An article that the law has, but that does not say this."""
    for home, piece in _free(case, "art", rng):
        most = _LAWS["articles"].get(_law_before(home, piece))
        numbers = {f"第{chinese(n)}条": n for n in range(1, 150)}
        if most is None or piece.text not in numbers:
            continue
        here = numbers[piece.text]
        other = rng.choice(
            [n for n in (here - 2, here - 1, here + 1, here + 2, here + 3) if 1 <= n <= most]
        )
        return _set(
            case, piece, f"第{chinese(other)}条", "citations.wrong_article", "条款号与引用内容不符"
        )
    return []


@form("citations.quote")
def quote(case: Case, rng: random.Random) -> list[Label]:
    """A quotation with another word."""
    for home, piece in _free(case, "quote", rng):
        for right, wrong in shuffled(_LAWS["quote_words"], rng):
            at = piece.text.find(right)
            if at < 0:
                continue
            whole = piece.text
            part = home.cut(piece, at, at + len(right))
            part.text = wrong
            note = f"原文为“{whole}”"
            return [claim(case, Label("citations.quote", "serious", part, [], right, note))]
    return []


@form("citations.quote")
def quote_short(case: Case, rng: random.Random) -> list[Label]:
    """A quotation that leaves a clause out without saying so."""
    for home, piece in _free(case, "quote", rng):
        commas = [i for i, c in enumerate(piece.text) if c == "，"]
        if len(commas) < 2:
            continue
        whole = piece.text
        first = rng.randrange(len(commas) - 1)
        start, end = commas[first], commas[first + 1]
        part = home.cut(piece, start - 2, end + 3)
        right = part.text
        part.text = right[:2] + right[end - start + 2 :]
        return [
            claim(case, Label("citations.quote", "serious", part, [], right, f"原文为“{whole}”"))
        ]
    return []


def _sentence(
    case: Case, rng: random.Random, entry: dict[str, str], kind: str, note: str
) -> list[Label]:
    before, _, after = entry["words"].partition(entry["quote"])
    pieces = append(case, f"{before}<law:{entry['quote']}>{after}", rng)
    if pieces is None:
        return []
    piece = next(p for p in pieces if p.tag == "law")
    return [claim(case, Label(kind, "serious", piece, [], "", note))]


def _in_basis(case: Case, rng: random.Random, words: str, kind: str, note: str) -> list[Label]:
    for home, piece in _in_list(case, rng):
        if any(p.tag == "law" and p is not piece for p in home.pieces):
            continue
        if any(words.split("》")[0] in p.text for p in case.text.paragraphs()):
            return []
        end = home.pieces[-1]
        mark = end.text[-1] if end.text else "；"
        piece.text = words
        home.pieces[home.pieces.index(piece) + 1 :] = [Piece(mark if mark in "；。" else "；")]
        return [claim(case, Label(kind, "serious", piece, [], "", note))]
    return []


def _date(case: Case) -> str:
    return str(case.meta["text_date"])


@form("citations.superseded")
def repealed_sentence(case: Case, rng: random.Random) -> list[Label]:
    """A sentence that rests on a law no longer in force."""
    found = [e for e in _LAWS["repealed_sentences"] if e["from"] <= _date(case)]
    if not found:
        return []
    entry = rng.choice(found)
    return _sentence(case, rng, entry, "citations.superseded", f"自{entry['from']}起已被废止或替代")


@form("citations.superseded")
def repealed_in_basis(case: Case, rng: random.Random) -> list[Label]:
    """A law no longer in force in the list of what the plan is based on."""
    found = [e for e in _LAWS["repealed"] if e["from"] <= _date(case)]
    entry = rng.choice(found)
    return _in_basis(
        case, rng, entry["words"], "citations.superseded", f"自{entry['from']}起已被废止或替代"
    )


@form("citations.not_in_force")
def later_sentence(case: Case, rng: random.Random) -> list[Label]:
    """A sentence that rests on a law not yet in force on the text's date."""
    found = [e for e in _LAWS["later_sentences"] if e["from"] > _date(case)]
    if not found:
        return []
    entry = rng.choice(found)
    return _sentence(
        case, rng, entry, "citations.not_in_force", f"自{entry['from']}起施行，晚于文本日期"
    )


@form("citations.not_in_force")
def later_in_basis(case: Case, rng: random.Random) -> list[Label]:
    """A law not yet in force in the list of what the plan is based on."""
    found = [e for e in _LAWS["later"] if e["from"] > _date(case)]
    if not found:
        return []
    entry = rng.choice(found)
    return _in_basis(
        case,
        rng,
        entry["words"],
        "citations.not_in_force",
        f"自{entry['from']}起施行，晚于文本日期",
    )


@form("citations.standard_number")
def standard_number(case: Case, rng: random.Random) -> list[Label]:
    """A standard with another number or year."""
    for _, piece in _free(case, "std", rng):
        head, _, end = piece.text.partition("—")
        digits = "".join(c for c in head if c.isdigit())
        swaps = [i for i in range(len(digits) - 1) if digits[i] != digits[i + 1]]
        at = rng.choice(swaps)
        other = digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :]
        wrong_year = str(int(end) + rng.choice([-2, -1, 1, 2]))
        words = rng.choice([f"{head.replace(digits, other)}—{end}", f"{head}—{wrong_year}"])
        return _set(
            case, piece, words, "citations.standard_number", "标准编号或年份有误", "general"
        )
    return []
