"""From matches in bytes to hits in a text: places as characters, other views looked through as well."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from serving.guards.matcher import Found, Matcher, edged
from serving.guards.normal import View, views
from serving.guards.rules import Rule


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule found in a text; places are characters."""

    rule: Rule
    start: int
    end: int
    value: str
    """What was found, in its plain form."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a rule was found on a side, and what was done about it; never the value."""

    rule: str
    title: str
    side: str
    action: str
    count: int


def find_hits(text: str, matcher: Matcher) -> list[Hit]:
    """Return what the rules find in a text, in order of place."""
    data = edged(text)
    present = matcher.present(data)
    if matcher.is_clear(present):
        return []
    hits = to_hits(matcher.find(data, present), data, View(text))
    if matcher.is_odd(present):
        for view in views(text):
            data = edged(view.text)
            hits += to_hits(matcher.find(data, matcher.present(data)), data, view)
        hits = _once(hits)
    return sorted(hits, key=lambda hit: (hit.start, -hit.end))


def to_hits(found: Iterable[Found], data: bytes, view: View, edge: int = 1) -> list[Hit]:
    """Translate matches in the bytes of a view to hits in the text that the view is of.

    Args:
        found: The matches.
        data: The bytes, with what stands before the view.
        view: The view.
        edge: Bytes before the view.
    """
    found = list(found)
    places = _characters(data, edge, {p for f in found for p in (f.value_start, f.value_end)})
    return [
        Hit(f.rule, *view.place(places[f.value_start], places[f.value_end]), f.value)
        for f in found
        if f.value_end > f.value_start
    ]


def spans_of(hits: Sequence[Hit]) -> list[tuple[int, int, Hit]]:
    """Join hits that overlap; each span is named by its first hit."""
    spans: list[tuple[int, int, Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if spans and hit.start < spans[-1][1]:
            start, end, first = spans[-1]
            spans[-1] = (start, max(end, hit.end), first)
        else:
            spans.append((hit.start, hit.end, hit))
    return spans


def _characters(data: bytes, edge: int, offsets: set[int]) -> dict[int, int]:
    """Return the character of each byte offset."""
    counted, last, places = 0, edge, {}
    for offset in sorted(offsets):
        counted += len(data[last:offset].decode())
        places[offset], last = counted, offset
    return places


def _once(hits: list[Hit]) -> list[Hit]:
    """Leave out what another view has found already at the same place."""
    kept: list[Hit] = []
    covered: dict[str, set[int]] = {}
    for hit in hits:
        places = covered.setdefault(hit.rule.id, set())
        if hit.start not in places and hit.end - 1 not in places:
            places.update(range(hit.start, hit.end))
            kept.append(hit)
    return kept
