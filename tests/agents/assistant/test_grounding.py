from decimal import Decimal

import pytest

from agents.assistant.grounding import Fact, check, invents, sentences
from agents.assistant.marks import attribute, remark, units
from agents.assistant.numbers import chinese_number, numbers
from cspon.schemas.knowledge import Citation

FARMLAND = Citation(
    source="laws",
    title="中华人民共和国土地管理法",
    article="第三十五条",
    quote="永久基本农田经依法划定后，任何单位和个人不得擅自占用或者改变其用途。",
    verification="verified",
)
APPROVAL = Citation(
    source="laws",
    title="中华人民共和国土地管理法",
    article="第四十六条",
    quote="征收下列土地的，由国务院批准：\n（一）永久基本农田；\n"
    "（二）永久基本农田以外的耕地超过三十五公顷的；\n（三）其他土地超过七十公顷的。",
    verification="verified",
)
FACTS = [
    Fact(subjects=("项目", "总面积"), text="项目面积52.3187公顷，结论：不符合。"),
    Fact(subjects=("永久基本农田",), text="占用永久基本农田12.3456公顷。"),
    Fact(subjects=("生态保护红线",), text="占用生态保护红线3.2101公顷。"),
]


def reasons(text, **overrides):
    arguments = {
        "facts": FACTS,
        "citations": [FARMLAND, APPROVAL],
        "question": "选址是否可行？",
        "verdict_failed": True,
    } | overrides
    return [problem.reason for problem in check(text, **arguments)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("三十五", 35),
        ("一百二十", 120),
        ("十", 10),
        ("两万", 20_000),
        ("零", 0),
        ("一千零五", 1005),
    ],
)
def test_chinese_numbers(text, value):
    assert chinese_number(text) == value


def test_numbers_leave_out_articles_and_marks():
    assert numbers("依照第三十五条〔2〕，超过三十五公顷、12.30亩的") == {
        Decimal(35),
        Decimal("12.3"),
    }


def test_sentences_keep_their_marks():
    assert sentences("甲占用。〔1〕乙不占用〔2〕。") == ["甲占用。〔1〕", "乙不占用〔2〕。"]


def test_a_supported_text_has_no_problem():
    text = (
        "项目占用永久基本农田12.3456公顷，占用生态保护红线3.2101公顷，结论不符合。"
        "永久基本农田任何单位和个人不得擅自占用或者改变其用途〔1〕。"
    )
    assert reasons(text) == []


def test_an_invented_number_is_found():
    assert "不在工具结果" in reasons("占用永久基本农田15公顷。")[0]


def test_a_number_of_another_line_is_found():
    assert "不是“生态保护红线”" in reasons("占用生态保护红线12.3456公顷。")[0]


def test_a_number_moved_to_another_noun_of_the_clause_is_found():
    wrong = "征收永久基本农田超过三十五公顷的，由国务院批准〔2〕。"
    right = "征收永久基本农田以外的耕地超过三十五公顷的，由国务院批准〔2〕。"
    assert reasons(right, question="征收耕地由谁批准？") == []
    assert "不是这个意思" in reasons(wrong, question="征收耕地由谁批准？")[0]


def test_a_rule_without_a_mark_is_found():
    assert reasons("永久基本农田不得擅自占用或者改变其用途。") == ["规则性表述没有标注依据"]


def test_a_mark_without_a_clause_and_an_article_not_given_are_found():
    assert "不存在的依据" in reasons("永久基本农田不得擅自占用〔7〕。")[0]
    assert "第八十八条" in reasons("依照第八十八条，永久基本农田不得擅自占用〔1〕。")[0]


def test_a_mark_on_the_wrong_clause_is_found():
    assert "不对应" in reasons("征收其他土地超过七十公顷的由国务院批准〔1〕。")[0]


def test_a_favourable_word_against_the_verdict_is_found():
    assert reasons("项目选址可行。")[0] == "与检查结论相反"
    assert "与检查结论相反" not in reasons("项目选址不可行，结论不符合。")


def test_remark_trusts_the_name_over_the_number():
    text = "依据〔2〕《土地管理法》第三十五条，不得擅自占用。"
    assert remark(text, [FARMLAND, APPROVAL]) == (
        "依据《土地管理法》第三十五条〔1〕，不得擅自占用。"
    )
    assert remark("不得擅自占用〔1〕。", [FARMLAND]) == "不得擅自占用〔1〕。"


def test_a_clause_with_items_is_split_into_what_can_be_true_alone():
    found = units(APPROVAL.quote)
    assert "征收永久基本农田的，由国务院批准" in found
    assert "征收永久基本农田以外的耕地超过三十五公顷的，由国务院批准" in found


def test_a_subject_taken_from_another_sentence_of_the_clause_is_found():
    clause = FARMLAND.model_copy(
        update={
            "quote": "建设占用土地，涉及农用地转为建设用地的，应当办理农用地转用审批手续。\n"
            "永久基本农田转为建设用地的，由国务院批准。"
        }
    )
    wrong = "农用地转为建设用地的，由国务院批准〔1〕。"
    right = "永久基本农田转为建设用地的，由国务院批准〔1〕。"
    assert reasons(right, citations=[clause], facts=[]) == []
    assert "不对应" in reasons(wrong, citations=[clause], facts=[])[0]


def test_each_mark_supports_what_stands_before_it():
    text = "征收永久基本农田的由国务院批准〔2〕，任何单位和个人不得擅自占用〔1〕。"
    assert reasons(text, facts=[]) == []
    swapped = "征收永久基本农田的由国务院批准〔1〕，任何单位和个人不得擅自占用〔2〕。"
    assert "不对应" in reasons(swapped, facts=[])[0]


def test_denying_a_measured_occupation_is_found():
    for text in (
        "选址在永久基本农田和生态保护红线之外。",
        "项目不占用生态保护红线。",
        "项目已避让永久基本农田。",
    ):
        assert "相反" in reasons(text)[0]
    advice = reasons("建议先调整选址，避让永久基本农田。")
    assert not any("相反" in reason for reason in advice)


def test_pictures_links_and_tags_are_no_sentences():
    for text in ("![图](http://a/b.png)。", "见[这里](x)。", "<script>项目</script>。"):
        assert "图片、链接" in reasons(text)[0]


def test_a_sentence_without_a_mark_gets_that_of_the_clause_it_repeats():
    clauses = [FARMLAND, APPROVAL]
    text = "征收永久基本农田以外的耕地超过三十五公顷的，由国务院批准。"
    assert attribute(text, clauses) == text.replace("。", "〔2〕。")
    assert attribute("任何单位和个人不得擅自占用〔1〕。", clauses).count("〔") == 1
    assert attribute("今天天气很好。", clauses) == "今天天气很好。"


@pytest.mark.parametrize(
    ("title", "known"),
    [("土地管理法", True), ("中华人民共和国土地管理法", True), ("国土空间开发法", False)],
)
def test_a_law_that_nothing_names_is_a_problem_without_any_rule_word(title, known):
    said = f"项目占用永久基本农田12.3456公顷，依《{title}》不符合。"
    expected = [] if known else [f"提到的《{title}》不在工具结果和条文中"]
    assert reasons(said) == expected


PENALTY = Citation(
    source="", title="中华人民共和国土地管理法实施条例", article="第五十一条", verification="verified",
    quote="违反《土地管理法》第三十七条的规定，非法占用永久基本农田发展林果业或者挖塘养鱼的，由县级以上人民政府自然资源主管部门责令限期改正。",
)  # fmt: skip
LEASE = Citation(
    source="", title="中华人民共和国土地管理法", article="第六十三条", verification="verified",
    quote="集体经营性建设用地，土地所有权人可以通过出让、出租等方式交由单位或者个人使用。",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "citation", "wrong"),
    [
        ("永久基本农田可以种果树〔1〕。", PENALTY, True),
        ("永久基本农田允许发展林果业，违反的责令限期改正〔1〕。", PENALTY, True),
        ("永久基本农田不可以种果树〔1〕。", PENALTY, False),
        ("是否可以种果树由主管部门认定〔1〕。", PENALTY, False),
        ("集体经营性建设用地可以通过出让交由单位使用〔1〕。", LEASE, False),
    ],
)
def test_a_permission_rests_on_a_clause_that_permits(sentence, citation, wrong):
    found = invents(sentence, facts=[], citations=[citation], question="可以吗")
    assert found == wrong
