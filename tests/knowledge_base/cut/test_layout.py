from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from knowledge_base.cut.chunk import split
from knowledge_base.parse.source import SourceText, Table


def law(text, name="文件.docx", **given):
    return split(SourceText(text=text, **given), name)


NOTICE = "某市自然资源局关于印发《某市田野管理办法》的通知\n某自然资规〔2024〕3号\n\n各区县：\n\n现将办法印发给你们，请认真贯彻执行。\n\n一、加强组织领导。\n\n二、做好宣传。\n\n某市自然资源局\n2024年1月5日\n\n附件1\n\n某市田野管理办法\n\n第一章 总则\n\n第一条 为了保护田野，制定本办法。\n\n第二条 本市田野适用本办法。\n\n第三条 本办法自2024年3月1日起施行，有效期5年。\n\n附件2\n\n申请表样式\n\n申请人填写姓名、地址和申请事项，并签字盖章确认。\n"


def test_the_articles_that_a_notice_carries_are_the_documents_own():
    found = law(NOTICE)
    assert found.document.title == "某市自然资源局关于印发《某市田野管理办法》的通知"
    assert found.document.kind == "政策文件"
    assert str(found.document.effective_from) == "2024-03-01"
    assert str(found.document.expires_on) == "2029-03-01"
    keyed = [p for p in found.passages if p.article_key]
    assert [p.article_key for p in keyed] == ["1", "2", "3"]
    assert keyed[0].heading_path == ("附件1 某市田野管理办法", "第一章 总则")
    texts = "".join(p.text for p in found.passages)
    assert "请认真贯彻执行" in texts
    assert any(p.heading_path == ("附件2 申请表样式",) for p in found.passages)


def test_articles_of_a_plans_attachment_are_not_its_own():
    text = "# 某市国土空间总体规划（2021—2035年）\n\n## 第一章 总则\n\n为统筹空间，编制本规划。\n\n附件1：管理规定\n\n第一条 甲。\n\n第二条 乙。\n"
    found = law(text)
    assert [(p.article, p.article_key) for p in found.passages] == [
        (None, None),
        ("附件1第一条", None),
        ("附件1第二条", None),
    ]
    assert found.passages[0].heading_path[-1] == "第一章 总则"


def test_words_between_articles_are_kept():
    text = "# 某办法\n\n第一条 甲。\n\n第二章 保护\n\n本章规定保护措施，适用于全部田野。\n\n第二条 乙。\n\n第三章 罚则\n延续的章名\n第三条 丙。\n"
    found = law(text)
    assert [p.text for p in found.passages] == [
        "甲。",
        "本章规定保护措施，适用于全部田野。",
        "乙。",
        "丙。",
    ]


def test_a_long_preamble_is_cut_and_kept():
    paragraph = "为了贯彻落实有关要求，结合本地实际情况，制定本办法，现予以公布施行。" * 4
    text = f"# 某办法\n\n{chr(10).join([paragraph] * 12)}\n\n第一条 甲。\n\n第二条 乙。\n"
    found = law(text)
    before = [p for p in found.passages if p.article is None]
    assert len(before) > 2
    assert all(len(p.text) <= 480 for p in before)
    assert [p.article_key for p in found.passages if p.article_key] == ["1", "2"]


def test_a_contents_page_with_an_attachment_is_no_attachment():
    text = "某市国土空间总体规划（2021—2035年）\n文本\n目 录\n第一章 总则 1\n第二章 指标 3\n附表 5\n第一章 总则\n为统筹空间，编制本规划。\n第二章 指标\n指标见附表。\n附表1 重点项目表\n项目一，规模十公顷，位于东部片区。\n"
    found = law(text, "规划.pdf")
    assert [p.heading_path for p in found.passages[1:]] == [
        ("第一章 总则",),
        ("第二章 指标",),
        ("附表1 重点项目表",),
    ]


def test_rows_whose_lines_were_lost_are_no_headings():
    text = "# 报告\n\n指标表\n1 耕地 100 120\n2 林地 200 240\n3 草地 50 60\n\n以上。\n"
    assert len(law(text).passages) == 1


def test_a_workbook_is_titled_by_its_name():
    text = "# Sheet1\n县：甲县；耕地：10\n县：乙县；耕地：20"
    table = Table((9, len(text)), "", rows=2)
    found = law(text, "2023年耕地统计.xlsx", tables=(table,))
    assert found.document.title == "2023年耕地统计"
    assert found.passages[0].heading_path[0] == "Sheet1"


def test_only_an_attachment_is_the_text_itself():
    text = "附件\n\n某市田野管理办法\n\n第一条 甲。\n\n第二条 乙。\n"
    found = law(text, "田野办法.docx")
    assert found.document.title == "某市田野管理办法"
    assert [p.article_key for p in found.passages] == ["1", "2"]


LINES = [
    "第一条 甲。", "第二条 乙。", "第三条 丙。", "第一条 再来。", "附件", "附件1", "附件2：办法", "附录A", "附表1 表",
    "第一章 总则", "第一章 总则........1", "目录", "一、总体", "（一）目标", "1 范围", "1.1 甲", "4.2.1 应当符合。",
    "3 术语和定义", "3.1", "本办法所称甲，是指乙。", "自然资源部关于印发《甲办法》的通知", "2023年1月1日", "# 标题",
    "正文内容，较长的一段。" * 60, "短句。", "", "表1 甲表", "①甲；", "(1) 乙", "某某管理办法", "附：", "第三条之一 之一。",
]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(LINES), min_size=1, max_size=40),
    st.sampled_from(["a.docx", "b.xlsx", "田野办法(2020-01-01).md"]),
)
def test_any_order_of_parts_is_cut_without_loss_or_clash(lines, name):
    text = "\n".join(lines)
    try:
        found = law(text, name)
    except InputError as error:
        assert "没有可入库的文字" in error.message
        return
    ids = [p.id for p in found.passages]
    keys = [p.article_key for p in found.passages if p.article_key]
    assert len(set(ids)) == len(ids)
    assert len(set(keys)) == len(keys)
    covered: set[int] = set()
    for passage in found.passages:
        covered.update(range(*passage.span))
        piece = "".join(text[slice(*passage.span)].split())
        assert all("".join(line.split()) in piece for line in passage.text.split("\n"))
    first = min((p.span[0] for p in found.passages if p.kind == "article"), default=0)
    at = 0
    for line in lines:
        if at > first and line.startswith(("正文内容", "短句", "本办法")):
            assert at in covered
        at += len(line) + 1
