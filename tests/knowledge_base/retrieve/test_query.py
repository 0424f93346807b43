import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.labels import Label
from knowledge_base.retrieve.query import named_in, parse_citations

LEXICON = [
    "土地管理法",
    "能源法",
    "可再生能源法",
    "水法",
    "城乡规划法",
    "民法典",
    "水土保持法",
    "民法",
]


@pytest.mark.parametrize(
    ("query", "titles", "articles"),
    [
        ("土地管理法第三十五条是什么", ("土地管理法",), (("土地管理法", "35"),)),
        ("《中华人民共和国土地管理法》第35条第二款", ("土地管理法",), (("土地管理法", "35"),)),
        ("土地管理法35条", ("土地管理法",), (("土地管理法", "35"),)),
        ("土管法 第 35 条", ("土地管理法",), (("土地管理法", "35"),)),
        ("第四十条 城乡规划法", ("城乡规划法",), (("城乡规划法", "40"),)),
        ("可再生能源法第五条", ("可再生能源法",), (("可再生能源法", "5"),)),
        ("民法典第二百零五条之一", ("民法典",), (("民法典", "205-1"),)),
        (
            "城乡规划法第四十条和土地管理法第四十四条、第四十六条",
            ("城乡规划法", "土地管理法"),
            (("城乡规划法", "40"), ("土地管理法", "44"), ("土地管理法", "46")),
        ),
        ("水法第九条", ("水法",), (("水法", "9"),)),
        ("节约用水法规有哪些", (), ()),
        ("防洪水法院", (), ()),
        ("土地管理法律责任", (), ()),
        ("第三十五条", (), ()),
        ("占用耕地", (), ()),
    ],
)
def test_named_in(query, titles, articles):
    named = named_in(query, LEXICON)
    assert (named.titles, named.articles) == (titles, articles)


@pytest.mark.parametrize(
    ("query", "labels", "articles"),
    [
        ("城乡规划法 5.6.2", (("城乡规划法", Label(clause="5.6.2")),), ()),
        ("城乡规划法附件1第一条", (("城乡规划法", Label("附件1", "1")),), ()),
        ("城乡规划法附录B.2", (("城乡规划法", Label(clause="B.2")),), ()),
        ("5.6.2.2(1)②讲什么", ((None, Label(clause="5.6.2.2", items=("(1)", "②"))),), ()),
        ("5.6 讲什么", (), ()),
        ("《城乡规划法》5.6", (("城乡规划法", Label(clause="5.6")),), ()),
        ("城乡规划法第5.6条", (("城乡规划法", Label(clause="5.6")),), ()),
        ("根据城乡规划法，比例应为 0.75 1.2 1.5", (), ()),
        ("城乡规划法，不得小于( )米 1.5 2 2.5 3", (), ()),
        ("城乡规划法附件1 5.1", (("城乡规划法", Label("附件1", clause="5.1")),), ()),
        ("附件1第一条", (), ()),
        ("城乡规划法第四十条 3.5亩", (), (("城乡规划法", "40"),)),
    ],
)
def test_clauses_of_standards_and_attachments(query, labels, articles):
    named = named_in(query, LEXICON)
    assert (named.labels, named.articles) == (labels, articles)


def test_document_numbers():
    assert named_in("自然资发〔2023〕234号的分类", LEXICON).numbers == ("自然资发(2023)234号",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("依据《土地管理法》第三十五条第一款，", [("土地管理法", "第三十五条第一款")]),
        ("《土地管理法》（2019年修正）第35条", [("土地管理法", "第三十五条")]),
        (
            "《土地管理法》第三十五条、第四十四条和第46条规定",
            [
                ("土地管理法", "第三十五条"),
                ("土地管理法", "第四十四条"),
                ("土地管理法", "第四十六条"),
            ],
        ),
        ("《土地管理法》规定严格。第三十条要求占补平衡。", [("土地管理法", "第三十条")]),
        (
            "《土地管理法》和《城乡规划法》第四十条",
            [("土地管理法", None), ("城乡规划法", "第四十条")],
        ),
        (
            "《甲法》第十条至第十二条",
            [("甲法", "第十条"), ("甲法", "第十一条"), ("甲法", "第十二条")],
        ),
        (
            "《刑法》第一百三十三条之一第一款第（二）项",
            [("刑法", "第一百三十三条之一第一款第（二）项")],
        ),
        (
            "根据土地管理法第三十五条和城乡规划法第四十条",
            [("土地管理法", "第三十五条"), ("城乡规划法", "第四十条")],
        ),
        (
            "应按照《关于做好〈土地管理法〉实施的通知》执行",
            [("关于做好〈土地管理法〉实施的通知", None)],
        ),
        (
            "《土地管理法》第三十五条……该法第四十四条",
            [("土地管理法", "第三十五条"), ("土地管理法", "第四十四条")],
        ),
        ("第九条", [("", "第九条")]),
        ("没有依据", []),
        ("《土地管理法》第三十五条，又见《土地管理法》第三十五条", [("土地管理法", "第三十五条")]),
    ],
)
def test_parse_citations(text, expected):
    assert parse_citations(text, known=["土地管理法", "城乡规划法"]) == expected


def test_unmarked_titles_without_a_list():
    assert parse_citations("按照土地管理法第三十五条") == [("土地管理法", "第三十五条")]


@given(
    st.text(alphabet="《》第一二三十百千零条款项之至、，。土地管理法（）0123456789 \n", max_size=60)
)
def test_any_text_is_read_without_error(text):
    for title, article in parse_citations(text):
        assert isinstance(title, str)
        assert article is None or article.startswith("第")
    named_in(text, LEXICON)
