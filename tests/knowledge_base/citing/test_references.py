import pytest
from hypothesis import given
from hypothesis import strategies as st

from cspon.schemas.knowledge import Document, Passage
from knowledge_base.citing.references import MOST_IN_RANGE, find_references

NAMES = {"刑法", "宪法", "民法典", "土地管理法", "行政处罚法", "地方组织法"}


def find(text, *, title="田野法实施条例", article="9", kind="行政法规", heading=(), names=NAMES):
    document = Document(id="d", title=title, kind=kind)
    passage = Passage(
        id=f"d#{article or 'c1'}",
        document_id="d",
        title=title,
        article_key=article,
        heading_path=heading,
        text=text,
    )
    return find_references(document, [passage], names)


def cited(text, **given):
    return [
        ("本" if r.own else r.target, r.article, r.part, r.relation) for r in find(text, **given)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("违反本条例第三十五条第一款规定的", [("本", "35", "第一款", "引用")]),
        ("依照本条例第35条之一处理", [("本", "35-1", "", "引用")]),
        (
            "依照本法第四十四条、第六十条和第六十二条第二款办理",
            [("本", "44", "", "引用"), ("本", "60", "", "引用"), ("本", "62", "第二款", "引用")],
        ),
        (
            "依照本法第七条第一款、第二款规定",
            [("本", "7", "第一款、第二款", "引用")],
        ),
        (
            "依照《中华人民共和国土地管理法》第四十六条的规定报批",
            [("土地管理法", "46", "", "引用")],
        ),
        (
            "依照《土地管理法》第七十六条、第七十七条的规定处罚",
            [("土地管理法", "76", "", "引用"), ("土地管理法", "77", "", "引用")],
        ),
        (
            "依照《土地管理法》第七十六条的规定处罚，并适用本条例第三条",
            [("土地管理法", "76", "", "引用"), ("本", "3", "", "引用")],
        ),
        (
            "违反《土地管理法》规定，依照第六十五条处罚",
            [("土地管理法", None, "", "引用"), ("本", "65", "", "引用")],
        ),
        (
            "本条例第三条至第五条的规定",
            [("本", "3", "", "引用"), ("本", "4", "", "引用"), ("本", "5", "", "引用")],
        ),
        ("依照刑法第三百四十二条的规定", [("刑法", "342", "", "引用")]),
        ("构成犯罪的，依照刑法有关规定追究刑事责任", [("刑法", None, "", "引用")]),
        ("依照刑法关于非法经营罪的规定", [("刑法", None, "", "引用")]),
        ("可以依照物权法第四十二条处理", [("物权法", "42", "", "引用")]),
        ("依照《中华人民共和国水法》的有关规定处理", [("水法", None, "", "引用")]),
        ("按照自然资发〔2023〕234号执行", [("自然资发(2023)234号", None, "", "引用")]),
        (
            "按照《用地分类指南》（自然资发〔2023〕234号）第三条执行",
            [("用地分类指南", "3", "", "引用")],
        ),
        ("1988年发布的《土地复垦规定》同时废止。", [("土地复垦规定", None, "", "废止")]),
        ("根据《田野法》，制定本条例。", [("田野法", None, "", "实施")]),
        ("根据《土地管理法》第八十六条，制定本条例。", [("土地管理法", "86", "", "依据")]),
        ("为了实施《土地管理法》，制定本条例。", [("土地管理法", None, "", "实施")]),
        ("根据宪法，制定本法。", [("宪法", None, "", "依据")]),
        ("申请人依照前条规定提出", [("本", "8", "", "引用")]),
        ("应当取得《建设用地规划许可证》和《不动产权证书》", []),
        ("宪法是国家的根本法。", []),
        ("有关法律、行政法规的规定", []),
        ("根据2019年《关于修改〈土地管理法〉的决定》第三次修正", []),
        ("", []),
    ],
)
def test_references_are_read(text, expected):
    assert cited(text) == expected


def test_earlier_paragraphs_of_the_article_are_named():
    text = "第一句。\n有下列情形之一的：\n（一）甲；\n（二）乙。\n前款规定的，依照前两款处理。\n本条第一款规定除外。"
    assert [(r.article, r.part, r.own) for r in find(text)] == [
        ("9", "第二款", True),
        ("9", "第一款、第二款", True),
        ("9", "第一款", True),
    ]


def test_a_short_name_holds_for_what_follows():
    document = Document(id="d", title="审理规定")
    texts = ["依照《某某特别条例》（以下简称条例）第二条", "适用条例第三条", "依照《条例》第四条"]
    passages = [
        Passage(id=f"d#{n}", document_id="d", title="审理规定", article_key=str(n), text=text)
        for n, text in enumerate(texts, 1)
    ]
    found = find_references(document, passages)
    assert [(r.target, r.article) for r in found] == [
        ("某某特别条例", "2"),
        ("某某特别条例", "3"),
        ("某某特别条例", "4"),
    ]


def test_a_plan_names_its_grounds():
    plan = {"title": "示例县国土空间总体规划", "kind": "规划成果", "article": None}
    assert cited("依据《示例市国土空间总体规划》编制。", **plan) == [
        ("示例市国土空间总体规划", None, "", "依据")
    ]
    assert cited("落实《全国国土空间规划纲要》的要求", **plan)[0][3] == "实施"
    assert cited("《城乡规划法》；《土地管理法》", heading=("1.2 规划依据",), **plan) == [
        ("城乡规划法", None, "", "依据"),
        ("土地管理法", None, "", "依据"),
    ]
    assert cited("第三条所述范围", **plan) == []


def test_a_long_range_is_read_as_its_ends():
    found = find(f"本法第一条至第{MOST_IN_RANGE + 40}条")
    assert [r.article for r in found] == ["1", str(MOST_IN_RANGE + 40)]
    assert find("本法第九条至第三条") == []


def test_the_words_that_state_a_reference_are_kept_short():
    long = "前言" * 200 + "依照《土地管理法》第四十六条" + "后语" * 200
    [found] = find(long)
    assert "《土地管理法》第四十六条" in found.words
    assert len(found.words) < 100
    assert found.words[0] == found.words[-1] == "…"


PIECES = st.sampled_from(
    ["《土地管理法》", "《", "》", "本法", "第三十五条", "第9999999条", "第十条至第三条", "前款", "前两条", "、", "和", "。", "\n",
     "（以下简称条例）", "条例", "刑法", "依照", "同时废止", "自然资发〔2023〕234号", "GB/T 21010-2017", "第零条", "之一", "第（二）项"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=20).map("".join), st.sampled_from([None, "1", "3-1"]))
def test_any_text_is_read(text, article):
    for found in find(text, article=article):
        assert found.source.startswith("d#")
        assert found.target
        assert found.article is None or found.article.replace("-", "").isdigit()
