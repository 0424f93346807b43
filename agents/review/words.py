"""Words of findings, and of names that sound alike."""

from fractions import Fraction
from functools import cache

from pypinyin.constants import PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal

from agents.review.quantities.find import Value
from agents.review.quantities.units import unit_of


def said(number: Fraction, like: Value) -> str:
    """Return a number in the unit and to the digits of another."""
    unit = like.unit
    factor = _factor(like)
    bare = number / factor
    digits = 0
    step = like.step / factor
    while step < 1 and digits < 8:
        step, digits = step * 10, digits + 1
    text = f"{float(bare):.{digits}f}"
    return f"{text}{unit}" if unit not in ("", ":") else text


def _factor(value: Value) -> Fraction:
    unit = value.unit.strip()
    known = unit_of(unit) if unit else None
    return known[0] if known else Fraction(1)


@cache
def _sounds(char: str) -> frozenset[str]:
    return frozenset(to_normal(s) for s in PINYIN_DICT.get(ord(char), "").split(",") if s)


def sounds_alike(one: str, other: str) -> bool:
    """Say whether two characters share a reading, tones aside."""
    return bool(_sounds(one) & _sounds(other))
