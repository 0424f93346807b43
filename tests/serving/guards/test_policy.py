import pytest

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from serving.guards.edge import is_inside
from serving.guards.policy import read_policies


def write(tmp_path, text):
    file = tmp_path / "guards.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_every_standard_rule_has_an_action_wherever_it_is_looked_for():
    policies = read_policies()
    for level in Secrecy:
        for rule in policies.rules:
            for side in rule.sides:
                assert policies.action(level, side, rule) != "off", (level, rule.id, side)


def test_a_bureaus_lines_change_only_what_they_name(tmp_path):
    policies = read_policies(write(tmp_path, "levels: {公开: {input: {person.mobile: flag}}}"))
    standard = read_policies()
    rules = {rule.id: rule for rule in policies.rules}
    mobile = rules["person.mobile"]
    assert policies.action(Secrecy.PUBLIC, "input", mobile) == "flag"
    assert policies.action(Secrecy.PUBLIC, "output", mobile) == "mask"
    assert policies.action(Secrecy.INTERNAL, "input", mobile) == "mask"
    for rule in standard.rules:
        if rule.id != "person.mobile":
            for side in rule.sides:
                expected = standard.action(Secrecy.PUBLIC, side, rule)
                assert policies.action(Secrecy.PUBLIC, side, rule) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("levels: {公开: {input: {persom: mask}}}", "persom"),
        ("levels: {公开: {input: {secrecy: flag}}}", "secrecy"),
        ("levels: {公开: {output: {secret.private_key: mask}}}", "secret.private_key"),
        ("levels: {公开: {output: {unsupported: mask}}}", "unsupported"),
        ("levels: {绝密: {input: {person: mask}}}", "levels"),
        ("words: [{id: own.a, title: 甲, words: [乙]}]", "words"),
        ("own_host: [a]", "own_host"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, text, named):
    with pytest.raises(InputError, match=named):
        read_policies(write(tmp_path, text))


@pytest.mark.parametrize(
    ("model", "url", "inside"),
    [
        ("embedded:qwen", "http://far.example/v1", True),
        ("openai:qwen", "http://127.0.0.1:8000/v1", True),
        ("openai:qwen", "http://localhost:8000/v1", True),
        ("openai:qwen", "http://10.0.0.9:8000/v1", False),
        ("openai:qwen", "http://gpu.bureau.example/v1", True),
        ("openai:qwen", "https://far.example/v1", False),
        ("openai:qwen", "", False),
    ],
)
def test_a_model_is_inside_where_the_policy_says_so(model, url, inside):
    assert is_inside(model, url, frozenset({"gpu.bureau.example"})) is inside
