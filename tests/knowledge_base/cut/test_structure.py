from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge_base.cut.structure import read_articles, read_regulation
from knowledge_base.numerals import article_label

TEXT = """# 中华人民共和国田野法

1998年8月29日 第九届全国人民代表大会常务委员会第四次会议修订

2019年8月26日 第十三届全国人民代表大会常务委员会第十二次会议修正

<!-- INFO END -->

目 录

第一章 总则
第二章 保护

# 第一编 通则

## 第一章  总 则

第一条 为了保护田野，制定本法。

第二条　下列田野应当保护：

（一）农田；

（二）湿地。

第一款规定的田野，由国务院公布。

第一条所称田野，包括湿地。

## 第二章 保护

### 第一节 管理

第三条
国家保护田野。

第三条之一 省级人民政府负责。

第五条、第六条的适用，由国务院规定。

第四条　本法自1999年1月1日起施行。
"""


def test_articles_with_headings_items_and_branches():
    articles = read_articles(TEXT)
    assert [a.key for a in articles] == ["1", "2", "3", "3-1", "4"]
    assert [a.label for a in articles][3] == "第三条之一"
    assert articles[0].heading_path == ("第一编 通则", "第一章 总 则")
    assert articles[2].heading_path == ("第一编 通则", "第二章 保护", "第一节 管理")
    assert articles[1].text.splitlines() == [
        "下列田野应当保护：",
        "（一）农田；",
        "（二）湿地。",
        "第一款规定的田野，由国务院公布。",
        "第一条所称田野，包括湿地。",
    ]
    assert articles[2].text == "国家保护田野。"
    assert articles[3].text.endswith("第五条、第六条的适用，由国务院规定。")


def test_spans_point_into_the_text():
    for article in read_articles(TEXT):
        start, end = article.span
        piece = TEXT[start:end]
        assert piece.lstrip().startswith(article.label)
        assert article.text.splitlines()[-1] in piece


def test_the_front_names_title_version_and_first_day():
    front = read_regulation(TEXT, "田野法(2019-08-26)").front
    assert (front.title, front.version, front.kind) == (
        "中华人民共和国田野法",
        "2019-08-26",
        "法律",
    )
    assert front.effective_from == date(2019, 8, 26)
    assert front.note == "修正文本公布于2019-08-26，施行日期以修正决定为准"
    assert front.issuer == "全国人民代表大会常务委员会"
    assert read_regulation(TEXT, "随便什么名字").front.version == "2019-08-26"


@pytest.mark.parametrize(
    ("head", "last", "first_day", "noted"),
    [
        (
            "2021年7月2日 国务院令第743号公布",
            "本条例自2021年9月1日起施行。",
            date(2021, 9, 1),
            False,
        ),
        ("2021年7月2日 国务院令第743号公布", "本条例自公布之日起施行。", date(2021, 7, 2), False),
        ("2011年1月8日 修订", "本条例自公布之日起施行。", date(2011, 1, 8), True),
        ("2021年7月2日公布 自2021年8月1日起施行", "完。", date(2021, 8, 1), False),
        ("2020年5月28日 通过\n2021年1月1日 施行", "完。", date(2021, 1, 1), False),
        ("没有日期", "完。", None, False),
    ],
)
def test_first_day(head, last, first_day, noted):
    text = f"# 某条例\n\n{head}\n\n第一条 甲。\n\n第二条 {last}\n"
    front = read_regulation(text, "某条例").front
    assert front.effective_from == first_day
    assert bool(front.note) is noted


def test_local_and_judicial_texts_are_told_apart():
    local = "# 广东省土地管理条例\n\n2022年6月1日 广东省第十三届人民代表大会常务委员会第四十三次会议通过\n\n第一条 甲。\n第二条 乙。"
    front = read_regulation(local, "广东省土地管理条例").front
    assert (front.kind, front.level, front.region) == ("地方性法规", "省", "广东省")
    court = "# 最高人民法院关于土地的解释\n\n2000年6月19日公布\n\n第一条 甲。\n第二条 乙。"
    assert read_regulation(court, "x").front.kind == "司法解释"
    city = read_regulation(
        "# 城市绿化条例\n\n2017年3月1日 国务院公布\n\n第一条 甲。\n第二条 乙。", "x"
    ).front
    assert (city.region, city.kind) == (None, "行政法规")


def test_a_draft_says_so():
    front = read_regulation(
        "# 某办法\n\n（征求意见稿）\n\n第一条 甲。\n第二条 乙。", "某办法"
    ).front
    assert "尚不具有效力" in front.note


def test_a_text_without_articles_is_no_regulation():
    assert read_regulation("一、总体要求\n按照第三条办理。\n第五条规定如下", "通知") is None


@given(st.lists(st.text(alphabet="土地管理规划，、（一）\n", max_size=30), min_size=2, max_size=40))
def test_every_article_that_is_written_is_read(bodies):
    text = "\n".join(f"{article_label(str(i))} {body}" for i, body in enumerate(bodies, 1))
    articles = read_articles(text)
    assert [a.key for a in articles] == [str(i) for i in range(1, len(bodies) + 1)]


@given(st.text(alphabet="第一二三十条章节编之款项 \n#*（）土。", max_size=200))
def test_any_text_is_read_without_error(text):
    keys = [a.key for a in read_articles(text)]
    assert len(keys) == len(set(keys))
