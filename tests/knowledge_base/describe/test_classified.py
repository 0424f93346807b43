import pytest

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from knowledge_base.cut.chunk import split
from knowledge_base.describe.classified import refuse_classified, suggested_secrecy
from knowledge_base.parse.source import SourceText

BODY = "某某文件\n{}\n\n第一条 甲。\n第二条 乙。\n"


@pytest.mark.parametrize(
    "mark",
    [
        "绝密★启用前",
        "机密★10年",
        "秘密★1年",
        "秘密 ★ 长期",
        "机 密",
        "机密　　特急",
        "密级：秘密",
        "密级: 机密★5年",
        "密 级 ： 绝密",
        "保密等级：机密",
        "【机密】",
        "（秘密）",
        "**机密**",
        "秘密10年",
        "文件编号 001　　机密★3年",
    ],
)
def test_marks_stop_the_ingest(mark):
    with pytest.raises(InputError, match="密级标志") as caught:
        refuse_classified(SourceText(text=BODY.format(mark)), "a.docx")
    assert "甲" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "保守国家秘密是公民的义务。",
        "国家秘密的密级分为绝密、机密、秘密三级。",
        "涉及国家秘密、机密的，依照规定。",
        "商业秘密",
        "秘密等级的确定",
        "第二章 国家秘密的范围和密级",
        "机密级、秘密级信息系统",
        "密级：公开",
        "密级：（绝密/机密/秘密）",
        "密级：机密、秘密或者公开",
        "个人隐私和商业秘密",
        "密级：",
    ],
)
def test_words_about_secrets_do_not(text):
    refuse_classified(SourceText(text=BODY.format(text)), "保守国家秘密法(2024-02-27).md")


@pytest.mark.parametrize(
    "name",
    [
        "（机密）实施方案.docx",
        "方案_秘密.pdf",
        "【绝密】图.pdf",
        "机密★5年 方案.docx",
        "a.zip!/秘密 规划.docx",
    ],
)
def test_a_mark_in_the_name_stops_it(name):
    with pytest.raises(InputError, match="文件名"):
        refuse_classified(SourceText(text="正文。"), name)


@pytest.mark.parametrize(
    "name",
    [
        "保守国家秘密法.md",
        "商业秘密保护规定.docx",
        "秘密花园规划.docx",
        "国家秘密定密管理规定(2014-03-09).md",
    ],
)
def test_a_name_that_speaks_of_secrets_does_not(name):
    refuse_classified(SourceText(text="正文。"), name)


def test_headers_of_later_pages_and_properties_count():
    pages = ["首页。\n" * 50, "机密★10年\n第二页。\n", "第三页。\n页脚\n"]
    starts, text = [], ""
    for page in pages:
        starts.append(len(text))
        text += page
    with pytest.raises(InputError, match="正文"):
        refuse_classified(SourceText(text=text, page_starts=tuple(starts)), "a.pdf")
    plain = text.replace("机密★10年", "内容")
    foot = plain.replace("页脚", "秘密")
    with pytest.raises(InputError, match="正文"):
        refuse_classified(SourceText(text=foot, page_starts=tuple(starts)), "a.pdf")
    refuse_classified(SourceText(text=plain, page_starts=tuple(starts)), "a.pdf")
    for properties in (
        {"keywords": "机密"},
        {"page_header": "第1页\n密级：秘密"},
        {"title": "方案 机密★1年"},
    ):
        with pytest.raises(InputError, match="属性"):
            refuse_classified(SourceText(text=plain, properties=properties), "a.docx")
    refuse_classified(SourceText(text=plain, properties={"title": "保守国家秘密工作"}), "a.docx")


@pytest.mark.parametrize(
    "mark",
    [
        "内部资料，注意保存",
        "内部资料 请勿外传",
        "（内部使用）",
        "仅供内部使用",
        "此件不公开",
        "本规划成果不得公开",
        "密级：内部",
        "工作秘密",
    ],
)
def test_what_calls_itself_internal_becomes_internal(mark):
    law = split(SourceText(text=BODY.format(mark)), "a.docx")
    assert law.document.secrecy is Secrecy.INTERNAL
    law = split(SourceText(text=BODY.format("") + "\n" + mark), "a.docx")
    assert law.document.secrecy is Secrecy.INTERNAL


def test_the_level_given_is_never_lowered():
    source = SourceText(text=BODY.format("内部资料"))
    assert split(source, "a.docx", secrecy=Secrecy.SENSITIVE).document.secrecy is Secrecy.SENSITIVE
    assert (
        split(
            SourceText(text="第一条 公开信息不得公开的除外。\n第二条 乙。"), "a.md"
        ).document.secrecy
        is Secrecy.PUBLIC
    )
    assert suggested_secrecy(SourceText(text="正文"), "方案（内部资料）.docx") is Secrecy.INTERNAL
    assert suggested_secrecy(SourceText(text="正文"), "内部控制规范.docx") is Secrecy.PUBLIC
