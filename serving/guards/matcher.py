"""Finds rules in text, whole or while it grows; compiled to RE2, so time is linear in the text.

One set of needles is looked for first: ordinary text ends there. A match of a rule is decided when no
text that may follow can change it; `undecided` says from where on that is not so.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import re2

from cspon.errors import InputError
from serving.guards.begun import beginnings, longest
from serving.guards.checks import CHECKS
from serving.guards.grounding import STATED
from serving.guards.normal import TRIGGERS
from serving.guards.rules import BEFORE, Rule

_NO_WORD, _NO_NUMBER = "[^0-9A-Za-z_]", r"(?:[^0-9A-Za-z_.]|\.[^0-9A-Za-z_])"
LEFT = {"none": "", "word": _NO_WORD, "word_left": _NO_WORD, "number": "[^0-9A-Za-z_.]"}
RIGHT = {"none": "", "word": _NO_WORD, "word_left": "", "number": _NO_NUMBER}
"""What must stand beside a match, by its boundary."""
ALNUM = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
EDGE = b"\n"
"""Stands before and behind a text, so that its beginning and its end are boundaries."""
SIZES = (64, 256)
"""Rules whose matches are of like length are looked for together: a short one is not held for long."""
WIDEST = 4
"""Bytes of a character."""
MEMORY = 64 << 20
"""Bytes that the automaton of the needles may take; it takes what it meets."""


Spans = Sequence[tuple[int, int]]
"""Places of a match and of its groups, (-1, -1) where one took no part."""


@dataclass(frozen=True, slots=True)
class Found:
    """A match; places are bytes of the data."""

    rule: Rule
    start: int
    end: int
    value_start: int
    value_end: int
    value: str


class _Compiled:
    """A rule as RE2 has it."""

    def __init__(self, rule: Rule) -> None:
        self.rule, self._bounded = rule, rule.boundary != "none"
        self._grouped = "(?P<value>" in rule.pattern
        body = f"({rule.pattern})" if self._grouped else f"(?:{rule.pattern})"
        body = f"{LEFT[rule.boundary]}{body}{RIGHT[rule.boundary]}"
        pattern = _compile(_bytes(body), rule, capture=self._grouped)
        self._search = _searcher(pattern)
        self._value = int(pattern.groupindex.get(b"value", 1))
        self._check = CHECKS[rule.check] if rule.check else None
        spared = f"(?:{rule.unless_before})\\z" if rule.unless_before else ""
        self._spared = _compile(_bytes(spared), rule) if spared else None

    def find(self, data: bytes, first: int, lead: int) -> Iterator[Found]:
        """Yield the matches that start at `first` or later; `lead`: the character before it."""
        place = lead if self._bounded else first
        while (spans := self._search(data, place)) is not None:
            start, end, value_start, value_end = self._places(data, spans)
            value = data[value_start:value_end].decode()
            if self._holds(data, start, value):
                yield Found(self.rule, start, end, value_start, value_end, value)
                place = end
            elif self._bounded:
                place = start
            else:
                place = start + 1

    def _places(self, data: bytes, spans: Spans) -> tuple[int, int, int, int]:
        """Return where a match and its value are, without what only had to stand beside it.

        A match that must not touch digits or letters begins and ends with one.
        """
        if self._grouped:
            start, end = spans[1]
            value_start, value_end = spans[self._value]
            return (start, end, value_start, value_end) if value_start >= 0 else (start, end) * 2
        start, end = spans[0]
        if self._bounded:
            start += _width(data, start)
            if RIGHT[self.rule.boundary]:
                while data[end - 1] not in ALNUM:
                    end -= 1
        return start, end, start, end

    def _holds(self, data: bytes, start: int, value: str) -> bool:
        if self._check is not None and not self._check(value):
            return False
        if self._spared is None:
            return True
        return self._spared.search(data[max(0, start - WIDEST * BEFORE) : start]) is None


class Matcher:
    """Some rules, compiled.

    Args:
        rules: The rules.

    Raises:
        InputError: an expression is not one of RE2.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._compiled = [_Compiled(rule) for rule in rules]
        self._needles = re2.Set.SearchSet(_options())
        for rule in rules:
            self._needles.Add(_bytes(rule.needle or rule.pattern))
        self._odd = self._needles.Add(_bytes("|".join(TRIGGERS)))
        self._stated = self._needles.Add(_bytes(STATED))
        self._needles.Compile()
        self._rules = tuple(rules)

    def present(self, data: bytes) -> Sequence[int]:
        """Return which rules may occur in the data, by number; see `is_odd` and `is_stated` for more."""
        return self._needles.Match(data) or []

    def is_odd(self, present: Sequence[int]) -> bool:
        """Say whether a text has other views: see `normal.views`."""
        return self._odd in present

    def is_stated(self, present: Sequence[int]) -> bool:
        """Say whether a text cites or measures something: see `grounding`."""
        return self._stated in present

    def is_clear(self, present: Sequence[int]) -> bool:
        """Say whether nothing of a text needs a second look."""
        return not present or (len(present) == 1 and present[0] == self._stated)

    def find(
        self, data: bytes, present: Sequence[int], *, first: int = 1, lead: int = 0
    ) -> list[Found]:
        """Return the matches of the rules that may occur, in no order.

        Args:
            data: The text with its edges.
            present: What `present` said of it.
            first: Where matches may start.
            lead: Where the character before that starts.
        """
        return [
            found
            for number in present
            if number < len(self._compiled)
            for found in self._compiled[number].find(data, first, lead)
        ]

    @cached_property
    def _undecided(self) -> list[tuple[bool, Any, int]]:
        return _undecided(self._rules)

    def undecided(self, data: bytes, first: int, lead: int) -> int:
        """Return from which byte on what follows may make a difference; its length if none does.

        Args:
            data: The text with an edge before it and none behind.
            first: Where matches may start.
            lead: Where the character before that starts.
        """
        least = len(data)
        for bounded, pattern, most in self._undecided:
            earliest = _last(data, most, lead if bounded else first)
            match = pattern.search(data, earliest)
            if match is not None:
                start = int(match.start())
                least = min(least, start + _width(data, start) if bounded else start)
        return least


def edged(text: str) -> bytes:
    """Return the bytes of a text between two edges; lone surrogates, which have none, as `?`."""
    return EDGE + text.encode("utf-8", "replace") + EDGE


def _undecided(rules: Sequence[Rule]) -> list[tuple[bool, Any, int]]:
    """The beginnings of the rules at the end of a text, by what must stand before them.

    Without groups: where only the whole match is asked for, RE2 needs no more than its automaton.
    """
    made = []
    wholes: dict[tuple[str, int], list[str]] = {}
    for rule in rules:
        whole = rule.pattern + RIGHT[rule.boundary]
        size = bisect_left(SIZES, longest(whole))
        wholes.setdefault((LEFT[rule.boundary], size), []).append(whole)
    for (left, _), patterns in sorted(wholes.items()):
        begun = "|".join(beginnings(pattern) for pattern in patterns)
        pattern = re2.compile(_bytes(f"{left}(?:{begun})\\z"), _options())
        made.append((bool(left), pattern, max(map(longest, patterns)) + bool(left)))
    return made


def _last(data: bytes, most: int, first: int) -> int:
    """Return where the last characters of the data begin, but not before a place."""
    if len(data) - first <= most:
        return first
    last = data[max(first, len(data) - WIDEST * most) :].decode("utf-8", "ignore")[-most:]
    return max(first, len(data) - len(last.encode()))


def _searcher(pattern: Any) -> Callable[[bytes, int], Spans | None]:
    """Return what finds the first match from a place on: the places of it and of its groups.

    The binding's own objects of a match take twice as long to make as the search itself takes, so what
    lies under them is called where it is there.
    """
    inner = getattr(pattern, "_regexp", None)
    if inner is None:

        def by_match(data: bytes, place: int) -> Spans | None:
            match = pattern.search(data, place)
            if match is None:
                return None
            return [match.span(group) for group in range(pattern.groups + 1)]

        return by_match
    find, anywhere = inner.Match, type(inner).Anchor.UNANCHORED

    def search(data: bytes, place: int) -> Spans | None:
        spans: Spans = find(anywhere, data, place, len(data))
        return None if spans[0][0] < 0 else spans

    return search


def _width(data: bytes, place: int) -> int:
    """Return the bytes of the character at a place."""
    lead = data[place] if place < len(data) else 0
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _options() -> Any:
    options = re2.Options()
    options.max_mem = MEMORY
    options.log_errors = False
    options.dot_nl = True
    return options


def _bytes(pattern: str) -> bytes:
    return pattern.encode()


def _compile(pattern: bytes, rule: Rule, *, capture: bool = False) -> Any:
    options = _options()
    options.never_capture = not capture
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise InputError(f"规则 {rule.id} 的表达式有误：{error}", field="pattern") from None
