"""Rounds: what was mended, what was not, what is new; alignment when paragraphs shift."""

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.review.case import Case, Facts
from agents.review.read.text import read_text
from agents.review.rounds import align, compare
from agents.review.run import review

FIRST = """# 第一章 总则
规划期限为2021—2035年。
到2035年，全县耕地保有量约8333公顷。
由县国土资源局负责实施。
优化空间步局，提升品质。
"""
SECOND = """# 第一章 总则
本章由编制单位补充。
规划期限为2021—2035年。
到2035年，全县耕地保有量不低于8333公顷。
由县国土资源局负责实施。
优化空间布局，提升品质，，落实责任。
"""


def outcomes(first, second):
    old, new = read_text("文本.md", first), read_text("文本.md", second)
    rounds = compare(review(Case(old, Facts())), old, review(Case(new, Facts())), new)
    return {(one.finding.kind, one.outcome): one.evidence for one in rounds}


def test_mended_left_and_new():
    found = outcomes(FIRST, SECOND)
    assert "约8333公顷" in found["terms.vague", "已改"]
    assert "不低于8333公顷" in found["terms.vague", "已改"]
    assert "国土资源局" in found["terms.old_organ", "未改"]
    assert ("terms.typo", "已改") in found
    assert found["terms.punctuation", "新增"] == "，，"
    assert len(found) == 4


def test_a_paragraph_that_went_and_one_that_changed_into_another_mistake():
    found = outcomes("优化空间步局，提升品质。\n规划期限为2021—2035年。", "规划期限为2021—2035年。")
    assert found == {("terms.typo", "已改"): "原文“步局”已删去"}
    found = outcomes("优化空间步局，提升品质。", "优化国土空间规化，提升品质。")
    assert list(found) == [("terms.typo", "部分")]


LINE = st.text("甲乙丙丁戊己庚辛", min_size=4, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINE, min_size=2, max_size=12, unique=True), st.data())
def test_findings_stay_where_paragraphs_are_put_in_and_taken_out(lines, data):
    marked = data.draw(st.integers(0, len(lines) - 1))
    text = [*lines]
    text[marked] += "，由县国土资源局负责。"
    kept = [line for at, line in enumerate(text) if at == marked or data.draw(st.booleans())]
    for word in data.draw(
        st.lists(st.text("子丑寅卯辰巳午未", min_size=4, max_size=9), max_size=4)
    ):
        kept.insert(data.draw(st.integers(0, len(kept))), word)
    found = outcomes("\n".join(text), "\n".join(kept))
    assert [key for key in found if key[0] == "terms.old_organ"] == [("terms.old_organ", "未改")]
    old, new = read_text("a.md", "\n".join(text)), read_text("a.md", "\n".join(kept))
    aligned = align(old, new)
    assert len(set(aligned.values())) == len(aligned)
