import pytest

from knowledge_base.cut.appendix import find_attachments
from knowledge_base.cut.chunk import split
from knowledge_base.parse.source import SourceText

RULES = "# 某市田野管理办法\n\n2020年1月1日公布\n\n第一条 为了管理，制定本办法。\n\n第二条 补偿标准见附件1。\n\n第三条 本办法自2020年3月1日起施行。\n"


def passages(text, name="办法.docx"):
    return split(SourceText(text=text), name).passages


def test_attachments_of_a_regulation_are_their_own_passages():
    text = (
        RULES
        + "\n附件1\n\n补偿标准\n\n耕地每亩一万元，林地每亩五千元。\n\n附件2：实施细则\n\n第一条 细则第一条。\n\n第二条 细则第二条。\n"
    )
    found = passages(text)
    assert [p.article_key for p in found if p.article_key] == ["1", "2", "3"]
    assert next(p for p in found if p.article_key == "3").text == "本办法自2020年3月1日起施行。"
    table = next(p for p in found if "一万元" in p.text)
    assert table.heading_path == ("附件1 补偿标准",)
    rules = [p for p in found if p.kind == "article" and p.article_key is None]
    assert [(p.article, p.text) for p in rules] == [
        ("附件2第一条", "细则第一条。"),
        ("附件2第二条", "细则第二条。"),
    ]
    assert {p.heading_path for p in rules} == {("附件2 实施细则",)}
    assert len({p.id for p in found}) == len(found)
    for p in found:
        assert (
            text[slice(*p.span)].replace("\n", "").replace(" ", "").find(p.text.split("\n")[0][:6])
            >= 0
        )


@pytest.mark.parametrize(
    ("line", "label", "title"),
    [
        ("附件", "附件", "标题文字"),
        ("附 件 1", "附件1", "标题文字"),
        ("附件1：补偿标准", "附件1", "补偿标准"),
        ("附表3 指标体系", "附表3", "指标体系"),
        ("附表3指标体系表", "附表3", "指标体系表"),
        ("附录A", "附录A", "标题文字"),
        ("附录 B（规范性）数据要求", "附录B", "（规范性）数据要求"),
        ("附图1 规划分区图", "附图1", "规划分区图"),
        ("附：", "附件", "标题文字"),
        ("## 附件2 名录", "附件2", "名录"),
    ],
)
def test_headings_of_attachments(line, label, title):
    [found] = find_attachments(
        f"正文。\n\n{line}\n标题文字\n正文很长很长，足够成为一个附件的内容，并且有句号。\n"
    )
    assert (found.label, found.title) == (label, title)


@pytest.mark.parametrize(
    "line",
    [
        "附件材料应当齐全。",
        "附件1所列项目，应当符合规划；",
        "附件：1.申请表",
        "附录A .......... 12",
        "附则",
        "附近的居民",
        "附件应当包括下列内容：",
    ],
)
def test_lines_that_are_no_attachment(line):
    assert (
        find_attachments(f"正文。\n\n{line}\n正文很长很长，足够成为一个附件的内容，并且有句号。\n")
        == ()
    )


def test_the_mention_before_a_signature_is_none():
    text = "关于印发办法的通知\n\n一、要求\n\n请执行。\n\n附件：田野办法\n\n某市自然资源局\n2024年1月5日\n\n附件\n\n田野办法\n\n第一条 甲。\n\n第二条 乙。\n"
    found = passages(text, "通知.docx")
    assert [p.article_key for p in found if p.article_key] == ["1", "2"]
    assert "".join(p.text for p in found).count("请执行。") == 0 or found[0].text


def test_a_page_header_does_not_make_a_new_attachment():
    body = "内容较长的一段文字，说明附件一的要求和范围，足够长。\n" * 3
    text = f"{RULES}\n附件1\n{body}\n附件1\n{body}\n附件2\n{body}"
    assert [a.label for a in find_attachments(text, text.index("第二条"))] == ["附件1", "附件2"]


def test_articles_that_go_on_behind_an_attachment_stay():
    text = "# 某办法\n\n第一条 甲。\n\n附表1\n表格内容在此，较长的一段文字，说明各项标准和要求，超过二十四个字。\n\n第二条 乙。\n\n第三条 丙。\n"
    assert [p.article_key for p in passages(text) if p.article_key] == ["1", "2", "3"]


def test_a_second_rule_set_without_the_word_is_kept_apart():
    text = RULES + "\n某市田野管理实施细则\n\n第一章 总则\n\n第一条 细则甲。\n\n第二条 细则乙。\n"
    found = passages(text)
    assert [p.article_key for p in found if p.article_key] == ["1", "2", "3"]
    assert [p.article for p in found if p.article and not p.article_key] == [
        "附件第一条",
        "附件第二条",
    ]
    assert found[-1].heading_path == ("附件 某市田野管理实施细则", "第一章 总则")


def test_annexes_of_a_standard():
    text = "GB/T 1—2020\n某标准\n\n1 范围\n\n本文件规定了要求。\n\n附录A\n（规范性）\n数据要求\n\nA.1 一般要求\n\n数据应完整。\n\nA.1.1 坐标系应采用国家坐标系。\n"
    found = passages(text, "标准.docx")
    assert [(p.article, p.heading_path[0], p.text) for p in found[-2:]] == [
        ("A.1", "附录A 数据要求", "数据应完整。"),
        ("A.1.1", "附录A 数据要求", "A.1.1 坐标系应采用国家坐标系。"),
    ]
