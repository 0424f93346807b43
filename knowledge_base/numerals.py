"""Chinese numerals and article numbers: 第一百三十三条之一 ↔ "133-1".

Knows the numerals that Chinese statutes use (up to 9999); knows nothing of any law.
"""

import re

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "○": 0,
    "两": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
    "肆": 4,
    "伍": 5,
    "陆": 6,
    "柒": 7,
    "捌": 8,
    "玖": 9,
}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_FULL_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")

NUMERAL = r"[0-9０-９零〇○一二三四五六七八九十百千两]+"
"""Pattern of a number as statutes print it, Chinese or Arabic."""

ARTICLE = rf"第\s*(?P<number>{NUMERAL})\s*条(?:\s*之\s*(?P<branch>{NUMERAL}))?"
"""Pattern of an article label: 第三十五条, 第35条, 第一百三十三条之一."""

_ARTICLE_RE = re.compile(ARTICLE)
_ATTACHED = re.compile(r"附\s*[件录表图]|附\s*$")


def parse_numeral(text: str) -> int:
    """Return the value of a Chinese or Arabic numeral, e.g. 一千二百四十二 → 1242, 二〇二六 → 2026.

    Raises:
        ValueError: not a numeral.
    """
    text = text.strip().translate(_FULL_WIDTH)
    if not text:
        raise ValueError("empty numeral")
    if text.isascii():
        return int(text)
    if not any(c in _UNITS for c in text):
        return int("".join(str(_digit(c)) for c in text))
    total, digit = 0, None
    for c in text:
        if c in _UNITS:
            total += (1 if digit is None or digit == 0 else digit) * _UNITS[c]
            digit = None
        else:
            digit = _digit(c)
    return total + (digit or 0)


def _digit(c: str) -> int:
    if c.isascii() and c.isdigit():
        return int(c)
    try:
        return _DIGITS[c]
    except KeyError:
        raise ValueError(f"not a numeral: {c!r}") from None


def format_numeral(value: int) -> str:
    """Return the Chinese numeral that statutes print, 1 ≤ value ≤ 9999: 110 → 一百一十."""
    if not 1 <= value <= 9999:
        raise ValueError(f"out of range: {value}")
    names, out, zero = "零一二三四五六七八九", "", False
    for unit, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, value = divmod(value, unit)
        if digit:
            out += ("零" if zero and out else "") + names[digit] + sign
            zero = False
        else:
            zero = True
    return out[1:] if out.startswith("一十") else out


def article_key(label: str) -> str | None:
    """Return the key of the first article named in a label: "第三十五条第一款" → "35"; None if none.

    An article of an attachment (附件1第一条) has no key: it is another one than 第一条.
    """
    match = _ARTICLE_RE.search(label)
    if match is None or _ATTACHED.search(label, 0, match.start()):
        return None
    return _key(match)


def _key(match: re.Match[str]) -> str | None:
    try:
        number = parse_numeral(match["number"])
        branch = parse_numeral(match["branch"]) if match["branch"] else None
    except ValueError:
        return None
    return f"{number}" if branch is None else f"{number}-{branch}"


def article_label(key: str) -> str:
    """Return the label of a key: "133-1" → 第一百三十三条之一."""
    number, _, branch = key.partition("-")
    label = f"第{format_numeral(int(number))}条"
    return f"{label}之{format_numeral(int(branch))}" if branch else label


def article_order(key: str) -> tuple[int, int]:
    """Return a sort key: "133" before "133-1" before "134"."""
    number, _, branch = key.partition("-")
    return int(number), int(branch or 0)
