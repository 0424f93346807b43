"""Hard negatives made from a text's own facts: right, though a hasty check would object."""

import random
from collections.abc import Callable

from eval.review_corpus.case import Case, Label
from eval.review_corpus.defects.tables import number_of
from eval.review_corpus.facts import written
from eval.review_corpus.model import Piece
from eval.review_corpus.planting import (
    append,
    claim,
    free,
    others,
    shuffled,
    stated_facts,
    unclaimed,
)

Negative = Callable[[Case, random.Random], bool]


def _add(case: Case, words: str, kind: str, note: str, rng: random.Random) -> bool:
    pieces = append(case, words, rng)
    if pieces is None:
        return False
    piece = next(p for p in pieces if p.tag in ("neg", "fact"))
    case.labels.append(claim(case, Label(kind, "hint", piece, note=note, hard_negative=True)))
    return True


def rounded(case: Case, rng: random.Random) -> bool:
    """An area again, in another unit and with fewer digits."""
    for expression in stated_facts(case, "area", rng):
        value = case.facts.value(expression)
        unit, decimals = (
            ("万亩", 1) if value > 20000 else ("亩", 0) if value < 900 else ("平方千米", 1)
        )
        text = written(value, unit, decimals)
        exact = written(value, "公顷", 2)
        words = f"按四舍五入取整，{exact}公顷<neg.numbers.unit_conversion:约合{text}{unit}>。"
        return _add(case, words, "numbers.unit_conversion", "取整后的换算，不是问题", rng)
    return False


def within_a_hectare(case: Case, rng: random.Random) -> bool:
    """A restated area that differs by less than the tolerance of one hectare."""
    for words in shuffled(case.restate, rng):
        pieces = case.reader.inline(words)
        fact = next(p for p in pieces if p.tag == "fact")
        if fact.data["unit"] != "公顷" or fact.data["value"] < 200 or not unclaimed(case, fact):
            continue
        if not others(case, fact):
            continue
        near = written(fact.data["value"] + rng.choice([-0.4, 0.3, 0.45]), "公顷", 2)
        before, after = words.split("{")[0], words.split("}")[1]
        text = f"{before}<neg.numbers.text_text:{near}公顷>{after}"
        return _add(case, text, "numbers.text_text", "与前文相差不足1公顷，在容差以内", rng)
    return False


def other_year(case: Case, rng: random.Random) -> bool:
    """The same indicator in a year that the plan does not speak of elsewhere."""
    for expression in stated_facts(case, "area", rng):
        value = case.facts.value(expression) * rng.uniform(1.02, 1.08)
        year = rng.choice([2005, 2009, 2012, 2015])
        text = f"据历史资料，{year}年同口径面积曾为<neg.numbers.text_text:{written(value, '公顷', 2)}公顷>。"
        return _add(case, text, "numbers.text_text", "年份不同，不是矛盾", rng)
    return False


def of_which(case: Case, rng: random.Random) -> bool:
    """A row that only tells a part of the row above (其中), so that rows do not add up with it."""
    return _row(case, ("其中", "小计"), "其中（小计）行不参加合计", rng)


def _row(case: Case, words: tuple[str, ...], note: str, rng: random.Random) -> bool:
    for table in shuffled(case.text.tables(), rng):
        for row in table.rows:
            first = [c for c in row if c is not None and c.paragraph.text.startswith(words)]
            cells = [number_of(c) for c in row if c is not None] if first else []
            found = [c for c in cells if c is not None and _clear(case, c)]
            if found:
                label = Label("numbers.sum", "hint", found[0], note=note, hard_negative=True)
                case.labels.append(claim(case, label))
                return True
    return False


def no_value(case: Case, rng: random.Random) -> bool:
    """A dash where the base year has no value: not a missing number."""
    for table in shuffled(case.text.tables(), rng):
        for paragraph in table.paragraphs():
            if paragraph.text == "—" and table.heads and _clear(case, paragraph.pieces[0]):
                label = Label(
                    "numbers.text_table",
                    "hint",
                    paragraph.pieces[0],
                    note="该年无指标值，以短横表示",
                    hard_negative=True,
                )
                case.labels.append(claim(case, label))
                return True
    return False


def expected_change(case: Case, rng: random.Random) -> bool:
    """A change against the base year beside the value itself: two numbers, no contradiction."""
    for _, piece in shuffled(case.pieces("fact"), rng):
        if (
            piece.data["expr"].startswith(("diff(", "abs(diff("))
            and not piece.data["table"]
            and _clear(case, piece)
        ):
            label = Label(
                "numbers.text_text",
                "hint",
                piece,
                note="增减量与规划值口径不同",
                hard_negative=True,
            )
            case.labels.append(claim(case, label))
            return True
    return False


def _clear(case: Case, piece: Piece) -> bool:
    return free(case, case.text, piece)


NEGATIVES: tuple[Negative, ...] = (
    rounded,
    within_a_hectare,
    other_year,
    of_which,
    no_value,
    expected_change,
)
