"""What the rule files say: quotes stand in the law, texts are complete and short enough to read."""

import re
import string
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from cspon.registry import registry
from cspon.schemas.spatial import Verdict
from tools.rules.load import load_rules, project_types, unchecked
from tools.rules.model import Outcome, Rule

RULES = load_rules()
OUTCOMES = [(rule, name, outcome) for rule in RULES for name, outcome in rule.outcomes.items()]
OUTCOME_IDS = [f"{rule.id}/{name}" for rule, name, _ in OUTCOMES]
LONGEST_SENTENCE = 200

NOT_IN_CORPUS = {
    "自然资源部 生态环境部 国家林业和草原局关于加强生态保护红线管理的通知（试行）",
    "自然资源部 农业农村部关于改革完善耕地占补平衡管理的通知",
    "永久基本农田保护红线管理办法",
    "城镇开发边界管理办法（试行）",
    "中华人民共和国自然保护区条例（2026年修订）",
    "城市绿线管理办法",
    "城市紫线管理办法",
    "城市蓝线管理办法",
    "城市黄线管理办法",
    "市级国土空间总体规划编制指南（试行）",
    "国土空间规划实施监测网络建设技术指南（征求意见稿）",
}
"""Texts that rules name but whose wording has not been seen: never quoted, never verified."""

ARTICLE = re.compile(r"^(第[一二三四五六七八九十百千零]+条)[ 　]", re.MULTILINE)


@cache
def _law(folder: Path, title: str) -> tuple[date, dict[str, str]] | None:
    """Read a law of the corpus: the date of its version and its articles."""
    name = title.removeprefix("中华人民共和国")
    files = sorted(folder.glob(f"{name}(*.md"))
    if not files:
        return None
    assert len(files) == 1, f"{title}: {files}"
    text = files[0].read_text(encoding="utf-8")
    assert text.startswith(f"# {title}\n"), f"{files[0].name} is not called {title}"
    starts = list(ARTICLE.finditer(text))
    ends = [*(match.start() for match in starts[1:]), len(text)]
    articles = {m[1]: text[m.start() : end] for m, end in zip(starts, ends, strict=True)}
    version = re.search(r"\((\d{4}-\d\d-\d\d)\)", files[0].name)
    assert version, files[0].name
    return date.fromisoformat(version[1]), articles


@pytest.mark.corpus
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_quote_is_the_wording_of_its_article(rule: Rule, shared: Path) -> None:
    """A rule that no longer holds quotes the text of its time."""
    folder = shared / "corpus" / ("laws" if rule.valid_to is None else "laws_superseded")
    for basis in rule.basis:
        if basis.title in NOT_IN_CORPUS:
            continue
        law = _law(folder, basis.title)
        assert law is not None, f"{basis.title} is not in {folder}"
        published, articles = law
        assert basis.article in articles, f"{basis.title} has no {basis.article}"
        assert basis.quote, f"{basis.title}{basis.article}: no quote"
        assert basis.quote in articles[basis.article], f"{basis.title}{basis.article}: other words"
        assert published <= rule.valid_from, (
            f"{basis.title} of {published} is cited for earlier days"
        )


def test_what_has_not_been_read_is_neither_quoted_nor_verified() -> None:
    named = set()
    for rule in RULES:
        for basis in rule.basis:
            if basis.title in NOT_IN_CORPUS:
                named.add(basis.title)
                assert not basis.verified, f"{rule.id}: {basis.title}"
                assert basis.quote is None, f"{rule.id}: {basis.title}"
                assert basis.article is None, f"{rule.id}: {basis.title}"
            else:
                assert basis.verified, f"{rule.id}: {basis.title} can be verified"
    assert named == NOT_IN_CORPUS, "the list names what no rule cites"


def test_a_rule_that_is_not_verified_says_what_is_its_own_reading() -> None:
    for rule in RULES:
        if not rule.verified:
            assert rule.note.endswith("。"), rule.id
            assert re.search(
                r"未取得|未见|未核|未经原文核对|没有查到|没有全国性|自定义|理解|近似", rule.note
            ), rule.id


def test_every_rule_cites_a_text_that_was_read_for_every_outcome_that_is_not_clear() -> None:
    for rule, name, outcome in OUTCOMES:
        if outcome.verdict in (Verdict.FAIL, Verdict.NEEDS_STUDY):
            cited = [b for b in rule.basis if b.verified and (not b.when or name in b.when)]
            assert cited, f"{rule.id}/{name}"


def test_every_rule_has_three_worked_examples_and_one_an_outcome() -> None:
    for rule in RULES:
        assert len(rule.examples) >= 3, rule.id
        assert {example.outcome for example in rule.examples} == set(rule.outcomes), rule.id
        names = [example.name for example in rule.examples]
        assert len(set(names)) == len(names), rule.id
        for example in rule.examples:
            assert example.site.project_type not in rule.not_for, f"{rule.id}: {example.name}"
            assert not rule.only_for or example.site.project_type in rule.only_for, rule.id


def _figures(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize(("rule", "name", "outcome"), OUTCOMES, ids=OUTCOME_IDS)
def test_an_outcome_tells_how_much_and_what_to_do(rule: Rule, name: str, outcome: Outcome) -> None:
    if outcome.verdict is Verdict.PASS:
        assert not outcome.headline
        return
    known = registry.get("predicate", rule.predicate).figures
    assert _figures(outcome.message) & known, "the message gives no figure"
    assert outcome.headline, "no clause for the overall sentence"
    assert not outcome.headline.endswith(("。", "；", "，"))
    assert outcome.procedure, "no step to take"
    if outcome.verdict is Verdict.FAIL:
        assert outcome.procedure[0].startswith("首先"), "the first step is to move"


@pytest.mark.parametrize(("rule", "name", "outcome"), OUTCOMES, ids=OUTCOME_IDS)
def test_texts_are_sentences_of_readable_length(rule: Rule, name: str, outcome: Outcome) -> None:
    for text in (outcome.message, *outcome.procedure):
        assert text.endswith("。"), text
        for sentence in text.split("。"):
            assert len(sentence) <= LONGEST_SENTENCE, f"{len(sentence)}: {sentence}"
    for text in (rule.title, *(basis.point for basis in rule.basis), *outcome.documents):
        assert not text.endswith("。"), text
        assert len(text) <= LONGEST_SENTENCE
    assert "  " not in outcome.message


def test_rules_stand_in_one_order_and_titles_differ() -> None:
    orders = [rule.order for rule in RULES]
    assert len(set(orders)) == len(orders)
    titles = [rule.title for rule in RULES]
    assert len(set(titles)) == len(titles)


def test_names_of_project_types_are_unambiguous() -> None:
    names = [
        name for kind in project_types().values() for name in {kind.id, kind.title, *kind.aliases}
    ]
    assert len(set(names)) == len(names)


def test_what_a_rule_checks_is_not_called_unchecked() -> None:
    said = "".join(unchecked())
    for checked in ("历史文化保护线", "自然保护地", "洪涝风险控制线", "河湖管理范围"):
        assert checked not in said
