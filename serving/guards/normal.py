"""What a text says underneath: other shapes of letters and digits, hidden characters, codings.

`plain` works character by character, so a stream can use it; a `View` keeps where each of its
characters came from. The other views (letters apart, Base64, escapes, digits in Chinese characters)
need to see a run of characters and are made of input only.
"""

import base64
import binascii
import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2064\u2066-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef"
)
_CYRILLIC = "аАВеЕЗіІјЈКМНоОрРсСТуУхХѕЅԁԛԝ"
_LATIN = "aABeE3iIjJKMHoOpPcCTyYxXsSdqw"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧανορυ"
_GREEK_LATIN = "ABEZHIKMNOPTYXavopu"
_WIDE = "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a\uff20\uff0d\uff0b\uff0f\uff3f"
_MATHS = "\U0001d400-\U0001d7ff\U0001f130-\U0001f149\u2460-\u2468\u24b6-\u24e9"
CLASS = f"[{_HIDDEN}{_CYRILLIC}{_GREEK}{_WIDE}{_MATHS}\U0001fbf0-\U0001fbf9]"
"""Characters of which a text has a plain form. Circled digits are common in lists; they cost little."""
_SPECIAL = re.compile(CLASS)
_DROPPED = re.compile(f"[{_HIDDEN}]")


def _table() -> dict[int, str]:
    table = dict(zip(map(ord, _CYRILLIC + _GREEK), _LATIN + _GREEK_LATIN, strict=True))
    for start, end in re.findall(r"(.)-(.)|.", _WIDE + _MATHS + "\U0001fbf0-\U0001fbf9"):
        if start:
            for code in range(ord(start), ord(end) + 1):
                table[code] = unicodedata.normalize("NFKC", chr(code))
    table |= {ord(c): unicodedata.normalize("NFKC", c) for c in "\uff20\uff0d\uff0b\uff0f\uff3f"}
    return {code: char for code, char in table.items() if len(char) == 1}


_PLAIN = _table()


@dataclass(frozen=True, slots=True)
class View:
    """A text, or another form of it.

    Args:
        text: The characters.
        origin: For each character its place in the text it was made of; None where it is the same.
        span: For a decoded token, its place: everything in the view stands there.
        kind: How it was made.
    """

    text: str
    origin: list[int] | None = None
    span: tuple[int, int] | None = None
    kind: str = "plain"

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return the place in the original text of a part of the view, not empty."""
        if self.span is not None:
            return self.span
        if self.origin is None:
            return start, end
        return self.origin[start], self.origin[end - 1] + 1

    def origin_of(self, place: int) -> int:
        """Return the place in the original text of a character of the view."""
        return place if self.origin is None else self.origin[place]

    def upto(self, place: int) -> str:
        """Return what of the view comes from before a place in the original text."""
        end = place if self.origin is None else bisect_left(self.origin, place)
        return self.text[:end]


def is_plain(text: str) -> bool:
    """Say whether a text is its own plain form."""
    return text.isascii() or _SPECIAL.search(text) is None


def plain(text: str) -> View:
    """Return a text without hidden characters, each letter and digit in its usual shape."""
    if is_plain(text):
        return View(text)
    shaped = text.translate(_PLAIN)
    if _DROPPED.search(shaped) is None:
        return View(shaped)
    kept = [i for i, char in enumerate(shaped) if not _DROPPED.match(char)]
    return View("".join(shaped[i] for i in kept), kept)


TRIGGERS = (
    CLASS,
    r"(?:[A-Za-z][ ._*|/·-]{1,3}){7}",
    r"(?:[一-鿿][ ._*|/·-]{1,2}){5}[一-鿿]",
    r"[A-Za-z0-9+/_-]{24}",
    r"(?:\\u[0-9a-fA-F]{4}){3}|(?:%[0-9A-Fa-f]{2}){6}|(?:&#x?[0-9a-fA-F]{2,6};){3}",
    r"[〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]{11}",
)
"""One or more of these occur in every text that has a further view."""
_APART = re.compile(
    r"(?:[A-Za-z][ ._*|/·-]{1,3}){7,400}[A-Za-z]|(?:[一-鿿][ ._*|/·-]{1,2}){5,400}[一-鿿]"
)
_BETWEEN = re.compile(r"[ ._*|/·-]{1,3}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,4000}={0,2}")
_ESCAPED = re.compile(
    r"(?:\\u[0-9a-fA-F]{4}){3,2000}|(?:[\w.=&?-]{0,40}(?:%[0-9A-Fa-f]{2}){2,400}){1,40}"
    r"|(?:&#x?[0-9a-fA-F]{2,6};){3,400}"
)
_NUMERALS = re.compile(r"[〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖]{11,18}")
_NUMERAL_VALUES = str.maketrans(
    "〇零一二三四五六七八九幺壹贰叁肆伍陆柒捌玖", "00123456789" + "1123456789"
)
MOST_VIEWS = 64
"""Decoded tokens of one text that are looked into; a text with more is odd, not safer."""


def views(text: str) -> Iterator[View]:
    """Yield the plain form of a text (where it differs) and every other form that it may hold."""
    base = plain(text)
    if base.text != text:
        yield base
    apart = _squeezed(base)
    if apart is not None:
        yield apart
    found: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
        (_BASE64, _from_base64),
        (_ESCAPED, _unescaped),
        (_NUMERALS, lambda token: token.translate(_NUMERAL_VALUES)),
    )
    left = MOST_VIEWS
    for pattern, decode in found:
        for match in pattern.finditer(base.text):
            inside = decode(match.group())
            if inside and inside != match.group():
                yield View(plain(inside).text, None, base.place(*match.span()), "decoded")
                left -= 1
                if not left:
                    return


def _squeezed(base: View) -> View | None:
    """Take out what stands between single letters; of several spaces, which part words, one stays."""
    runs = [match.span() for match in _APART.finditer(base.text)]
    if not runs:
        return None
    dropped = {
        place
        for start, end in runs
        for gap in _BETWEEN.finditer(base.text, start, end)
        for place in range(*gap.span())[gap.group().isspace() and len(gap.group()) > 1 :]
    }
    kept = [i for i in range(len(base.text)) if i not in dropped]
    origin = kept if base.origin is None else [base.origin[i] for i in kept]
    return View("".join(base.text[i] for i in kept), origin, None, "squeezed")


def _from_base64(token: str) -> str:
    """Decode; empty where it is no text."""
    bare = token.rstrip("=").replace("-", "+").replace("_", "/")
    for cut in range(4):  # a word may have stuck to the front of it
        piece = bare[cut:]
        try:
            text = base64.b64decode(piece + "=" * (-len(piece) % 4)).decode()
        except (binascii.Error, ValueError):
            continue
        if text.isprintable() or all(c.isprintable() or c.isspace() for c in text):
            return text
    return ""


def _unescaped(token: str) -> str:
    if token.startswith("\\u"):
        return re.sub(r"\\u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), token)
    return html.unescape(token) if token.startswith("&#") else unquote(token, errors="replace")
