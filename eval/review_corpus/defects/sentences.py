"""Sentences that are themselves the defect, and responsibilities or dates that are missing."""

import random
from typing import Any

from eval.review_corpus.case import Case, Label
from eval.review_corpus.model import Box, Paragraph, Piece
from eval.review_corpus.planting import append, claim, find_words, form, free, pool, shuffled

_INSERTS: dict[str, list[dict[str, Any]]] = pool("inserts")
_NOTES = {
    "logic.goal_without_indicator": ("general", "目标没有对应的指标和措施"),
    "logic.indicator_without_measure": ("general", "指标没有对应的措施"),
    "logic.forbidden_allowed": ("serious", "允许了控制线或法律禁止的活动"),
    "secrecy.coordinates": ("serious", "公开文本含敏感坐标"),
    "secrecy.military": ("serious", "公开文本含军事设施信息"),
    "secrecy.pipeline": ("serious", "公开文本含管线精确位置"),
    "injection.instruction": ("serious", "文中含有对审查者的指令"),
}


def _planted(case: Case, kind: str, pieces: list[Piece]) -> list[Label]:
    severity, note = _NOTES[kind]
    piece = next(p for p in pieces if p.tag == "planted")
    label = Label(kind, severity, piece, [], "", note, needs_model=kind.startswith("logic."))
    return [claim(case, label)]


def _in_paragraph(case: Case, rng: random.Random, kind: str) -> list[Label]:
    pieces = append(case, rng.choice(_INSERTS[kind])["words"], rng)
    return _planted(case, kind, pieces) if pieces else []


def _of_its_own(case: Case, rng: random.Random, kind: str) -> list[Label]:
    """Put the sentence into a paragraph of its own or a text box."""
    pieces = case.reader.inline(rng.choice(_INSERTS[kind])["words"])
    blocks = case.text.blocks
    spots = [i for i, b in enumerate(blocks) if isinstance(b, Paragraph) and b.style == "body"][3:]
    paragraph = Paragraph(pieces, "body")
    blocks.insert(rng.choice(spots) + 1, paragraph if rng.random() < 0.6 else Box(paragraph))
    return _planted(case, kind, pieces)


def _in_footnote(case: Case, rng: random.Random, kind: str) -> list[Label]:
    pieces = case.reader.inline(rng.choice(_INSERTS[kind])["words"])
    homes = [b for b in case.text.blocks if isinstance(b, Paragraph) and b.style == "body"]
    note = Paragraph(pieces, "note")
    rng.choice(homes).pieces.append(Piece("", "footnote", {"paragraph": note}))
    return _planted(case, kind, pieces)


def _register(kind: str) -> None:
    for put in (
        _in_paragraph,
        _of_its_own,
        *((_in_footnote,) if not kind.startswith("logic.") else ()),
    ):

        def plant(case: Case, rng: random.Random, put: Any = put) -> list[Label]:
            labels: list[Label] = put(case, rng, kind)
            return labels

        plant.__name__ = f"{put.__name__.strip('_')}"
        form(kind)(plant)


for _kind in _INSERTS:
    _register(_kind)


@form("logic.contradiction")
def contradiction(case: Case, rng: random.Random) -> list[Label]:
    """A sentence that says the opposite of another paragraph."""
    for entry in shuffled(case.contradict, rng):
        spots = find_words(case, entry["against"])
        if not spots:
            continue
        home, piece, at = spots[0]
        pieces = append(case, f"<planted:{entry['words']}>", rng, avoid=[entry["against"]])
        if pieces is None:
            continue
        against = home.cut(piece, at, at + len(entry["against"]))
        label = Label(
            "logic.contradiction", "serious", pieces[0], [against], "", "前后矛盾", needs_model=True
        )
        return [claim(case, label)]
    return []


def _column(case: Case, words: tuple[str, ...], rng: random.Random) -> Piece | None:
    for table in shuffled(case.text.tables(), rng):
        for column in range(max(len(row) for row in table.rows)):
            head = next(
                (r[column] for r in table.rows[: table.heads] if column < len(r) and r[column]),
                None,
            )
            if head is None or not any(word in head.paragraph.text for word in words):
                continue
            cells = [
                c for n, c in table.column(column) if n not in table.totals and c.paragraph.pieces
            ]
            free_cells = [
                c.paragraph.pieces[0] for c in cells if free(case, case.text, c.paragraph.pieces[0])
            ]
            if free_cells:
                return rng.choice(free_cells)
    return None


@form("logic.no_body")
def no_body_cell(case: Case, rng: random.Random) -> list[Label]:
    """A project without a responsible body."""
    piece = _column(case, ("责任单位", "牵头单位"), rng)
    if piece is None:
        return []
    right, piece.text = piece.text, rng.choice(["—", "待定", "/"])
    return [
        claim(
            case,
            Label(
                "logic.no_body", "general", piece, [], right, "项目未明确责任单位", needs_model=True
            ),
        )
    ]


@form("logic.no_body")
def no_body_sentence(case: Case, rng: random.Random) -> list[Label]:
    """A measure that some unit or other carries out."""
    for _, piece in shuffled(case.pieces("body"), rng):
        if free(case, case.text, piece):
            right, piece.text = piece.text, rng.choice(["有关方面", "相关单位", "有关部门"])
            return [
                claim(
                    case,
                    Label(
                        "logic.no_body",
                        "general",
                        piece,
                        [],
                        right,
                        "措施未明确责任单位",
                        needs_model=True,
                    ),
                )
            ]
    return []


@form("logic.no_date")
def no_date_cell(case: Case, rng: random.Random) -> list[Label]:
    """A project without a date."""
    piece = _column(case, ("年限", "时间"), rng)
    if piece is None:
        return []
    right, piece.text = piece.text, rng.choice(["—", "待定", "适时启动"])
    return [
        claim(
            case,
            Label("logic.no_date", "general", piece, [], right, "项目未明确时间", needs_model=True),
        )
    ]


@form("logic.no_date")
def no_date_sentence(case: Case, rng: random.Random) -> list[Label]:
    """A measure that is done some time."""
    for home, piece in shuffled(case.pieces("when"), rng):
        if free(case, case.text, piece):
            right, piece.text = piece.text, rng.choice(["适时", "条件成熟时", "尽早"])
            _drop_before(home, piece)
            return [
                claim(
                    case,
                    Label(
                        "logic.no_date",
                        "general",
                        piece,
                        [],
                        right,
                        "措施未明确时限",
                        needs_model=True,
                    ),
                )
            ]
    return []


def _drop_before(home: Paragraph, piece: Piece) -> None:
    """Take away the 前 that follows a date: 2028年底前 becomes 适时, not 适时前."""
    after = home.pieces[home.pieces.index(piece) + 1]
    after.text = after.text.removeprefix("前")
