"""RE2 with needles finds what Python's own `re` finds without them."""

import re
from types import SimpleNamespace

import pytest
import re2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from serving.guards.begun import beginnings, longest
from serving.guards.checks import CHECKS
from serving.guards.matcher import Matcher, _searcher, edged
from serving.guards.rules import BEFORE, standard_rules

RULES = standard_rules()
MATCHER = Matcher(RULES)
BESIDE = {
    "none": ("", ""),
    "word": ("(?<![0-9A-Za-z_])", "(?![0-9A-Za-z_])"),
    "word_left": ("(?<![0-9A-Za-z_])", ""),
    "number": ("(?<![0-9A-Za-z_.])", r"(?![0-9A-Za-z_]|\.[0-9A-Za-z_])"),
}
ORACLES = {
    rule.id: re.compile(
        f"{BESIDE[rule.boundary][0]}(?:{rule.pattern}){BESIDE[rule.boundary][1]}", re.S | re.ASCII
    )
    for rule in RULES
}
PIECES = sorted({text for rule in RULES for text in (*rule.examples.match, *rule.examples.miss)})


def oracle(text):
    found = set()
    text = f"\n{text}\n"
    for rule in RULES:
        place = 0
        while match := ORACLES[rule.id].search(text, place):
            value = match["value"] if "value" in match.re.groupindex else None
            value = value or match.group()
            before = text[max(0, match.start() - BEFORE) : match.start()]
            spared = rule.unless_before and re.search(f"(?:{rule.unless_before})\\Z", before)
            if (not rule.check or CHECKS[rule.check](value)) and not spared:
                found.add((rule.id, match.start(), match.end()))
                place = match.end()
            else:
                place = match.start() + 1
    return found


@given(
    st.lists(
        st.sampled_from([*PIECES, "，", " ", "1", "。", "密级：", "13800138000", "忽略"]),
        max_size=4,
    )
)
def test_what_is_found_is_what_re_finds(pieces):
    text = "".join(pieces)
    data = edged(text)
    found = {
        (f.rule.id, len(data[: f.start].decode()), len(data[: f.end].decode()))
        for f in MATCHER.find(data, MATCHER.present(data))
    }
    assert found == oracle(text)


@pytest.mark.component
@pytest.mark.parametrize("rule", [r for r in RULES if r.needle], ids=lambda rule: rule.id)
def test_every_match_has_its_needle(rule):
    needle = re.compile(rule.needle, re.S | re.ASCII)
    pattern = re.compile(rule.pattern, re.S | re.ASCII)

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.from_regex(pattern, fullmatch=True))
    def has_it(text):
        assert needle.search(text)

    has_it()


def test_beginnings_of_a_match_are_beginnings():
    for rule in (r for r in RULES if "output" in r.sides):
        begun = re2.compile(f"(?:{beginnings(rule.pattern)})\\z")
        for text in rule.examples.match:
            for match in re.finditer(rule.pattern, text, re.S | re.ASCII):
                assert match.end() - match.start() <= longest(rule.pattern)
                for end in range(match.start() + 1, match.end() + 1):
                    found = begun.search(text[match.start() : end])
                    assert found is not None and found.start() == 0, (rule.id, end)


@pytest.mark.parametrize("pattern", ["a*", "a+b", "(?=a)b", "^a", "(a)\\1", "(?i)a", "a{2000}"])
def test_what_a_stream_cannot_hold_is_no_rule(pattern):
    with pytest.raises(InputError):
        beginnings(pattern)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_a_search_below_the_binding_finds_what_the_binding_finds(data, place):
    pattern = re2.compile(b"(a|bb)(c)?[0-9]")
    plain = SimpleNamespace(search=pattern.search, groups=2)  # without what lies under it
    place = min(place, len(data))
    assert _searcher(pattern)(data, place) == _searcher(plain)(data, place)
    assert _searcher(pattern)(b"zbb7", 0) == [(1, 4), (1, 3), (-1, -1)]
