"""Attachments behind a text: 附件, 附表, 附录, 附图, 附：, and a second rule set that begins anew.

A list of attachments (附件：1. …) names them and begins none.
"""

import contextlib
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from knowledge_base.cut.headings import is_contents_line
from knowledge_base.cut.structure import Spans
from knowledge_base.numerals import NUMERAL, parse_numeral

_HEAD = re.compile(
    r"[ \t　#*]*(?P<word>附[ 　]?件|附[ 　]?表|附[ 　]?录|附[ 　]?图|附(?=[ \t　]*[:：]|[ \t　*]*$))"
    r"[ \t　]{0,4}(?P<number>[0-9一二三四五六七八九十]{1,3}(?:[-—.][0-9]{1,2})?(?![0-9年月、])|[A-Z](?![A-Za-z]))?"
    r"(?P<rest>[^\n]{0,60})$",
    re.MULTILINE,
)
_ONCE_MORE = re.compile(r"^[ \t　#*]*第[ 　]*[一1１][ 　]*条[ \t　:：]", re.MULTILINE)
_ARTICLE_LINE = re.compile(rf"^[ \t　#*]*第[ 　]*({NUMERAL})[ 　]*条(?=[ \t　:：\n])", re.MULTILINE)
_RULE_TITLE = re.compile(
    r"(?:条例|办法|规定|细则|规程|规则|规范|标准|指南|导则|方案|制度|章程|公约|协议|合同|准则)"
    r"(?:[（(][^（()）]{1,12}[)）])?$"
)
_NAMED = re.compile(
    r"(?:表|图|办法|清单|目录|名录|名单|说明|方案|样式|格式|规定|细则|标准|要求|指南|范本|文本|规程)$"
)
_LIST = re.compile(r"^[ \t　]*[:：]?[ \t　]*(?:1|一|１)[.．、]|^[:：].*[；;]$")
_SIGNED = re.compile(
    r"[0-9〇零一二三四五六七八九十]{4} ?年[^\n]{1,8}月[^\n]{1,8}日[\s　]*(?:[（(][^（()）\n]{2,20}[)）])?\s*$"
)
MAX_TITLE = 50
MAX_INDENT = 40
"""Characters (spaces, marks) before the word on its line."""
MENTION = 200
"""Characters after the mention of an attachment: signature and date, up to the attachment itself."""
SHORT = 24
"""Characters behind a heading that only announces an attachment which comes later."""


@dataclass(frozen=True)
class Attachment:
    """An attachment, from its heading to the next one's."""

    label: str
    """附件1, 附录A; 附件 when it has no number."""
    title: str
    start: int
    """Offset of the line that names it."""
    body: int
    """Offset behind that line."""
    end: int

    @property
    def name(self) -> str:
        """Label and title, as a heading path shows them."""
        return f"{self.label} {self.title}".strip()


def find_attachments(
    text: str, after: int = 0, skip: Spans = (), heads: Sequence[Attachment] | None = None
) -> tuple[Attachment, ...]:
    """Find the attachments of a text.

    Args:
        text: The whole text.
        after: Offset before which none is looked for (the first article's, in a regulation).
        skip: Spans of tables, in which nothing begins.
        heads: From `attachment_heads`, when it was asked before.
    """
    found = attachment_heads(text) if heads is None else heads
    heads = [head for head in found if head.start >= after and not _inside(head.start, skip)]
    if after and not heads:
        heads = [h for h in _begun_anew(text, after) if not _inside(h.start, skip)]
    ends = [*(head.start for head in heads[1:]), len(text)]
    heads = [replace(head, end=end) for head, end in zip(heads, ends, strict=False)]
    last = {head.label: number for number, head in enumerate(heads)}
    real = []
    for number, head in enumerate(heads):
        words = text[head.body : head.body + MENTION + 50].strip()
        signed = head.end - head.body < MENTION + 50 and _is_signature(words)
        repeated = last[head.label] > number and head.end - head.body < SHORT
        if not signed and not repeated and text[: head.start].strip():
            real.append(head)
    if after:
        articles = _article_lines(text) if real else []
        real = [head for head in real if not _is_amid(head, articles)]
    return tuple(_merged(text, real))


def _article_lines(text: str) -> list[tuple[int, int]]:
    """Return (offset, number) of the lines that begin an article."""
    found = []
    for match in _ARTICLE_LINE.finditer(text):
        with contextlib.suppress(ValueError):
            found.append((match.start(), parse_numeral(match[1])))
    return found


def _is_amid(head: Attachment, articles: Sequence[tuple[int, int]]) -> bool:
    """Return whether the articles go on behind a heading as if it were not there."""
    at = bisect_right(articles, head.start, key=lambda article: article[0])
    return 0 < at < len(articles) and articles[at][1] == articles[at - 1][1] + 1


def attachment_heads(text: str) -> list[Attachment]:
    """Return the lines that may begin an attachment; each ends where the text ends."""
    heads = []
    at = text.find("附")
    while at >= 0:
        start = text.rfind("\n", 0, at) + 1
        match = _HEAD.match(text, start) if at - start <= MAX_INDENT else None
        at = text.find("附", at + 1)
        if match is None:
            continue
        rest = match["rest"].strip(" \t　*")
        if rest.endswith(("。", "；", "，", ",")) or "。" in rest or _LIST.match(match["rest"]):
            continue
        if is_contents_line(match[0]):
            continue
        title = rest.lstrip(":：.． 　")
        bare = not match["number"] and not rest.startswith((":", "："))
        if (
            title
            and match["rest"][:1] not in " \t　(（:：《*"
            and (bare or not _NAMED.search(title))
        ):
            continue  # 附件材料应当齐全: a sentence
        word = re.sub(r"\s", "", match["word"])
        label = ("附件" if word == "附" else word) + (match["number"] or "")
        heads.append(Attachment(label, title, match.start(), match.end(), len(text)))
    return heads


def _begun_anew(text: str, after: int) -> list[Attachment]:
    """Find a rule set behind the first without the word 附件: a title, then 第一条 again."""
    heads = []
    for match in _ONCE_MORE.finditer(text, after):
        above = text[max(0, match.start() - 400) : match.start()].split("\n")
        offset = match.start()
        for line in reversed(above[-12:]):
            offset -= len(line) + 1
            stripped = line.strip(" \t　#*《》")
            if len(stripped) <= MAX_TITLE and _RULE_TITLE.search(stripped):
                start = max(offset + 1, 0)
                body = start + len(line)
                heads.append(Attachment("附件", stripped, start, body, len(text)))
                break
    return heads


def _is_signature(words: str) -> bool:
    return len(words) < MENTION and _SIGNED.search(words) is not None


def _merged(text: str, heads: Sequence[Attachment]) -> list[Attachment]:
    """Join pieces under one label (a page header repeats it), and read titles from the next line."""
    merged: list[Attachment] = []
    for number, head in enumerate(heads):
        end = heads[number + 1].start if number + 1 < len(heads) else len(text)
        if merged and merged[-1].label == head.label and head.label != "附件":
            merged[-1] = replace(merged[-1], end=end)
        else:
            merged.append(replace(head, end=end))
    return [
        head if head.title else replace(head, title=_title_below(text, head)) for head in merged
    ]


def _title_below(text: str, head: Attachment) -> str:
    lines = [line.strip(" \t　#*") for line in text[head.body : head.body + 300].split("\n")]
    title = ""
    for line in [line for line in lines if line][:2]:
        if len(line) > MAX_TITLE or re.search(
            r"[。；;：:]|^第.{1,5}[条章]|^[0-9一二三四五六七八九十（(]", line
        ):
            bracketed = re.fullmatch(r"[（(][^（()）]{2,12}[)）]", line)
            if bracketed is None:
                break
            continue  # （规范性附录）
        title = line
        break
    return title


def _inside(offset: int, spans: Spans) -> bool:
    at = bisect_right(spans, offset, key=lambda span: span[0]) - 1
    return at >= 0 and offset < spans[at][1]
