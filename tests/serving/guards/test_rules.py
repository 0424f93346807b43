import pytest

from serving.guards.matcher import Matcher, edged
from serving.guards.normal import views
from serving.guards.rules import standard_rules

RULES = {rule.id: rule for rule in standard_rules()}
EXAMPLES = [
    pytest.param(rule, text, expected, id=f"{rule.id}-{expected}-{n}")
    for rule in standard_rules()
    for expected, texts in ((True, rule.examples.match), (False, rule.examples.miss))
    for n, text in enumerate(texts)
]


def found(rule, text):
    matcher = Matcher([rule])
    data = edged(text)
    hits = matcher.find(data, matcher.present(data))
    for view in views(text):
        data = edged(view.text)
        hits += matcher.find(data, matcher.present(data))
    return hits


def test_there_are_rules_for_each_group():
    groups = {rule.group for rule in RULES.values()}
    assert {"secret", "person", "facility", "secrecy", "markup"} <= groups


@pytest.mark.parametrize(("rule", "text", "expected"), EXAMPLES)
def test_each_example_is_as_it_says(rule, text, expected):
    assert bool(found(rule, text)) is expected
