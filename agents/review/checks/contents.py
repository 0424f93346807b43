"""What a plan must hold: chapters, mandatory content, tables, maps, attachments; and its numbers in order."""

import re
from collections.abc import Iterator
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Block, Span

ARTICLE = re.compile(
    r"^\s*第\s*([0-9零〇一二两三四五六七八九十百千]+)\s*条(?!例)(?![^\n]{0,6}[规所]定)"
)
CHAPTER = re.compile(r"^\s*第\s*([0-9零〇一二两三四五六七八九十百]+)\s*章")
SECTION = re.compile(r"^\s*第\s*([0-9零〇一二两三四五六七八九十百]+)\s*节")
TABLE = re.compile(r"^\s*(附?表)\s*(\d+)(?:\s*[-—–－.．]\s*(\d+))?")
REFERENCE = re.compile(
    r"(?:见|详见|参见|按照?|依据|如)\s*(?P<kind>附?[表图])\s*(?P<first>\d+)(?:\s*[-—–－.．]\s*(?P<second>\d+))?"
    r"|(?:本规划|本文本|按照?本规划|见|详见)\s*第\s*(?P<article>[0-9零〇一二两三四五六七八九十百]+)\s*条"
)

MAPS = re.compile(r"附?图(?:件|纸|则)?")
ATTACHMENTS = re.compile(r"附件?")
NUMBERED = re.compile(r"^\s*(?:[（(]?[\d一二三四五六七八九十]{1,3}[）)]?\s*[.、．：:\s　])\s*")
CHAPTERS = 4
"""Headings of one level from which on they are taken for the chapters."""
FEW = 12
"""Headings below which a text is taken to have none."""
LINE = 40
"""Characters of the longest line of a list of maps or attachments."""
LISTED = re.compile(
    r"^\s*(?P<open>[（(]?)(?P<number>\d{1,3}|[一二三四五六七八九十]{1,3})(?P<close>[）)]|[.、．])"
)


def chapters(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find chapters that a plan of its type must have and has not.

    `chapters`: by plan type, each a name and the words of which one must stand in a heading.
    """
    said = "\n".join(_headings(case))
    for name, pattern in parameters["chapters"].get(case.facts.plan_type, {}).items():
        if not re.search(pattern, said):
            yield Found(None, f"缺少章节：{name}", suggestion=f"补充“{name}”一章")


def content(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find mandatory content that has no heading of its own, or of which the text says nothing.

    `content`: by plan type and chapter, each a name and the words of which one must stand in a heading
    without others below it, or, where the text has next to no headings, anywhere. Of a chapter that is
    missing (`chapter`: its words) the content is not told besides.
    """
    leaves = _leaves(case)
    said = "\n".join(leaves if len(leaves) >= FEW else [b.text for b in case.text.blocks])
    headings = "\n".join(_headings(case)) if len(leaves) >= FEW else said
    for group in parameters["content"].get(case.facts.plan_type, ()):
        if not re.search(group["chapter"], headings):
            continue
        for name, pattern in group["holds"].items():
            if not re.search(pattern, said):
                yield Found(None, f"缺少内容：{name}", suggestion=f"补充{name}的内容")


def _headings(case: Case) -> list[str]:
    """Return the headings of chapters: of the highest level of which there are some, and those above it."""
    found = [b for b in case.text.blocks if b.kind == "heading"]
    levels = [b.level or 9 for b in found]
    often = [level for level in sorted(set(levels)) if levels.count(level) >= CHAPTERS]
    named = [b.text for b, level in zip(found, levels, strict=True) if level <= (often or [9])[0]]
    return named + [
        b.text for b in case.text.blocks if b.kind != "heading" and CHAPTER.match(_full(b))
    ]


def _leaves(case: Case) -> list[str]:
    """Return the headings that have none below them."""
    found = [b for b in case.text.blocks if b.kind == "heading"]
    levels = [b.level or 9 for b in found]
    return [
        b.text
        for b, own, after in zip(found, levels, [*levels, 0][1:], strict=True)
        if after <= own
    ]


def tables(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find tables that a plan of its type must have and has not."""
    said = (
        "\n".join(table.caption for table in case.text.tables)
        + "\n"
        + "\n".join(b.text for b in case.text.blocks if TABLE.match(b.text) and len(b.text) < 60)
    )
    for name, pattern in parameters["tables"].get(case.facts.plan_type, {}).items():
        if not re.search(pattern, said):
            yield Found(None, f"缺少附表：{name}", suggestion=f"补充{name}")


def maps(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find maps that the text lists and the submission has not, and those that a plan of its type must have."""
    yield from _handed_in(case, parameters["maps"], case.facts.maps, MAPS, "图件")


def attachments(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find attachments that the text lists and the submission has not, and those that it must have."""
    wanted, given = parameters["attachments"], case.facts.attachments
    yield from _handed_in(case, wanted, given, ATTACHMENTS, "附件")


def _handed_in(
    case: Case, wanted: dict[str, Any], given: tuple[str, ...], pattern: re.Pattern[str], what: str
) -> Iterator[Found]:
    """Compare what is handed in with the list of the text and with what there must be."""
    listed = list(_listed(case, pattern))
    names = [_plain(name) for name in given]
    for name, span in listed if given else ():
        if not any(_plain(name) in other or other in _plain(name) for other in names if other):
            yield Found(span, f"{what}未提交：{name}", suggestion=f"补交{name}，或改正目录")
    told = [*names, *(_plain(name) for name, _ in listed)]
    if not told:
        return
    for name, words in wanted.get(case.facts.plan_type, {}).items():
        if not re.search(words, "\n".join(told)):
            yield Found(None, f"缺少{what}：{name}", suggestion=f"补充{name}")


def _listed(case: Case, pattern: re.Pattern[str]) -> Iterator[tuple[str, Span]]:
    """Yield the names of a list in the text: lines 附图3 …, 图3 …, 附件3 …, or those below its heading.

    A map's own caption in the text is no line of the list: it stands below another heading.
    """
    label = re.compile(rf"^\s*(?:{pattern.pattern})\s*[\d一二三四五六七八九十]+\s*[：:.、．]?\s*")
    below = re.compile(
        rf"(?:{pattern.pattern})(?:目录|清单|名称|一览)?|成果(?:清单|构成)|附图|附件"
    )
    named = f"(?:{pattern.pattern})"
    intro = re.compile(
        rf"{named}[^。]{{0,12}}如下|{named}(?:目录|清单|名称|一览)|包括下列{named}|^\s*{named}[：:]?\s*$"
    )
    open_ = False
    for block in case.text.blocks:
        if block.kind == "heading":
            open_ = bool(re.search(rf"(?:{pattern.pattern})", block.text))
            continue
        if block.kind != "paragraph":
            continue
        if intro.search(block.text) and len(block.text) <= LINE:
            open_ = True
            continue
        match = label.match(_full(block))
        shift = len(_full(block)) - len(block.text)
        numbered = NUMBERED.match(_full(block)) if open_ and match is None else None
        found = match or numbered
        if found is None or not (open_ or below.search(case.headings[block.number])):
            sure = (
                match is not None and match[0].lstrip().startswith("附") and len(block.text) <= LINE
            )
            open_ = open_ and len(block.text) <= LINE and found is not None
            if not sure or "。" in block.text:
                continue
        assert found is not None
        start = max(found.end() - shift, 0)
        name = block.text[start:].strip("；;。 　")
        if 1 < len(name) <= LINE:
            start = block.text.index(name)
            yield name, Span(block.number, start, start + len(name))


def _plain(name: str) -> str:
    """Return a name without number, brackets and blanks."""
    bare = re.sub(r"^(?:附?[图件表])?\s*[\d一二三四五六七八九十]*[：:.、．\s　-]*", "", name)
    return re.sub(r"[（(][^（）()]*[）)]|[\s　《》]", "", bare)


def _full(block: Block) -> str:
    return f"{block.label}{block.text}" if block.label else block.text
