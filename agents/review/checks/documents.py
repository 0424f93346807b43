"""Files that are not what they are handed in as: the explanatory volume for the text, another region's plan."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Read, Span

FRONT = 12
"""Blocks at the beginning among which the title stands."""
_EXPLANATION = re.compile(r"^(?:[^，。；]*规划)?(?:[（(][^）)]*[）)])?(?:规划)?说明书?$")
_TEXT = re.compile(r"^(?:[^，。；]*规划)?(?:[（(][^）)]*[）)])?(?:规划)?文本$")
_REGION = re.compile(
    r"(?P<region>[一-鿿]{2,16}(?:县|市|区|旗|镇|乡|村|街道))(?=国土空间|村庄|总体|详细|单元|规划)"
)
_LOWEST = re.compile(r"^.*[省市县区州盟旗镇乡](?=[一-鿿]{2,})")


class Title(NamedTuple):
    """The region that a title names, and where."""

    span: Span
    region: str


def roles(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find a text that is the explanatory volume by its title, and the other way round."""
    own = _titled(case.text, _EXPLANATION)
    if own is not None and _titled(case.text, _TEXT) is None:
        yield Found(
            own, "作为规划文本提交的文件是说明书", suggestion="核对两个文件是否交换，重新提交"
        )
    other = case.others.get("explanation")
    if other is None:
        return
    span = _titled(other, _TEXT)
    if span is not None and _titled(other, _EXPLANATION) is None:
        yield Found(
            span,
            "作为说明书提交的文件是规划文本",
            suggestion="核对两个文件是否交换，重新提交",
            read=other,
        )


def regions(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find a text, or another file, that is of another region than the rest of the submission."""
    title, wanted = _title(case.text), _lowest(case.facts.region)
    said = "".join(block.text for block in case.text.blocks)
    if wanted and wanted not in said:
        of = f"，标题是“{title.region}”" if title else ""
        yield Found(
            title.span if title else None, f"送审的是{case.facts.region}的规划，文本中没有出现“{wanted}”{of}",
            suggestion="核对是否提交了其他区域的文本",
        )  # fmt: skip
    elif (
        title is not None
        and wanted
        and wanted not in title.region
        and said.count(_lowest(title.region)) > said.count(wanted)
    ):
        yield Found(
            title.span, f"送审的是{case.facts.region}的规划，文本标题是“{title.region}”",
            suggestion="核对是否提交了其他区域的文本",
        )  # fmt: skip
    for role, read in case.others.items():
        other = _title(read)
        if title is None or other is None or _akin(title.region, other.region):
            continue
        yield Found(
            other.span, f"{parameters['names'].get(role, role)}是“{other.region}”的，文本是“{title.region}”的",
            suggestion="核对是否提交了其他区域的文件", read=read,
        )  # fmt: skip


def _titled(read: Read, pattern: re.Pattern[str]) -> Span | None:
    """Return where a title is like a pattern, among the first lines."""
    for block in read.blocks[:FRONT]:
        if pattern.match(re.sub(r"\s", "", block.text)):
            return Span(block.number, 0, len(block.text))
    return None


def _title(read: Read) -> Title | None:
    for block in read.blocks[:FRONT]:
        if "《" in block.text or len(block.text) > 40:
            continue
        if (match := _REGION.search(block.text)) is not None:
            return Title(Span(block.number, match.start(), match.end()), match["region"])
    return None


def _lowest(region: str) -> str:
    """Return the last name of a region: 洛丘县枫渡镇 is 枫渡镇."""
    return _LOWEST.sub("", region)


def _akin(one: str, other: str) -> bool:
    return _lowest(one) in other or _lowest(other) in one
