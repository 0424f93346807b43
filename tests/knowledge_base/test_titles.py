import pytest

from knowledge_base.titles import abbreviations, canonical_key, carried_title, number_key, title_key


@pytest.mark.parametrize(
    "title",
    [
        "土地管理法",
        "中华人民共和国土地管理法",
        "《中华人民共和国土地管理法》",
        "《土地管理法》（2019年修正）",
        "中华人民共和国土地管理法(2019-08-26)",
        " 土地 管理法 ",
    ],
)
def test_one_key_for_all_spellings(title):
    assert title_key(title) == "土地管理法"


def test_trial_marks_stay():
    assert title_key("城镇开发边界管理办法（试行）") == "城镇开发边界管理办法(试行)"


def test_abbreviations_lead_to_full_titles():
    assert canonical_key("土管法") == "土地管理法"
    assert canonical_key("环评法") == "环境影响评价法"
    assert canonical_key("没有的简称") == "没有的简称"
    assert not set(abbreviations()) & set(abbreviations().values())


def test_number_key_unifies_brackets():
    assert number_key("自然资发〔2023〕234 号") == number_key("自然资发[2023]234号")


@pytest.mark.parametrize(
    ("title", "carried"),
    [
        (
            "自然资源部关于印发《城镇开发边界管理办法（试行）》的通知",
            "城镇开发边界管理办法（试行）",
        ),
        ("某市人民政府关于公布《某市〈土地管理法〉实施办法》的决定", "某市〈土地管理法〉实施办法"),
        ("国务院关于《浙江省国土空间规划》的批复", None),
        ("土地管理法", None),
    ],
)
def test_what_a_notice_carries(title, carried):
    assert carried_title(title) == carried
