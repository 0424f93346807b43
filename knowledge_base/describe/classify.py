"""The kind of a document, from its title, number and header."""

import re

from knowledge_base.describe.heads import STANDARD
from knowledge_base.describe.organs import Region

_RULES = r"(?:办法|规定|细则|规则)(?:[（(].*[）)])?$"
_NOTICE = re.compile(
    r"(?:通知|意见|决定|公告|通告|批复|复函|函|公报|纪要|要点|措施|若干规定)(?:[（(].*[）)])?$"
)
_CASE = re.compile(r"案例|判决书|裁定书|处罚决定书|复议决定书|典型案")
_PLAN = re.compile(
    r"(?:规划|纲要|详规|控规)(?:[（(].*[）)])?(?:[-—]?(?:文本|说明书|图集|成果|公示稿|草案|修改|局部调整))*(?:[（(].*[）)])?$"
)
_STANDARD = re.compile(r"标准|规范|规程|指南|导则|技术要求|技术规定|数据库结构")


def kind_of(
    title: str, header: str, number: str, region: Region | None, is_regulation: bool
) -> str:
    """Return the kind.

    Args:
        title: Title.
        header: The lines before the body.
        number: Document number; empty when it has none.
        region: Region of a local text.
        is_regulation: Whether the text is one of articles.
    """
    people = "人民代表大会" in header or "人大常委会" in header
    if re.search(r"最高人民(?:法院|检察院)", title) and _CASE.search(title) is None:
        return "司法解释"
    if _CASE.search(title):
        return "案例"
    if STANDARD.search(number):
        return "标准"
    if is_regulation:
        return _kind_of_rules(title, header, number, region, people)
    if _NOTICE.search(title):
        return "政策文件"
    if _STANDARD.search(title) and not _PLAN.search(title):
        return "标准"
    if _PLAN.search(title):
        return "规划成果"
    if re.search(_RULES, title) or re.search(r"方案(?:[（(].*[）)])?$", title) or "〔" in number:
        return "政策文件"
    return "其他"


def _kind_of_rules(
    title: str, header: str, number: str, region: Region | None, people: bool
) -> str:
    if re.search(r"(?:法|法典)$", title) and people and region is None:
        return "法律"
    if "〔" in number and not people:
        return "政策文件"
    if region:
        if people:
            return "地方性法规"
        if re.search(r"(?:办法|规定|细则|规则|决定)(?:[（(].*[）)])?$", title):
            return "地方政府规章" if "令" in number or "人民政府" in header else "政策文件"
    if re.search(r"条例(?:[（(].*[）)])?$", title) or (
        "国务院" in header and re.search(_RULES, title)
    ):
        return "行政法规" if region is None else "地方性法规"
    if re.search(_RULES, title):
        return "部门规章"
    if _NOTICE.search(title):
        return "政策文件"
    if _PLAN.search(title):
        return "规划成果"
    if _STANDARD.search(title):
        return "标准"
    return "政策文件" if re.search(r"方案|决定", title) else "其他"
