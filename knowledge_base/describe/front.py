"""What a text says of itself, by rules: title, number, issuer, level, kind, dates, succession.

Reads the header and the closing parts only. What is not printed there stays empty; nothing is
looked up elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from knowledge_base.describe.classify import kind_of
from knowledge_base.describe.front_days import PASSED, front_days
from knowledge_base.describe.heads import find_number, find_title, labelled, named_after
from knowledge_base.describe.organs import (
    LEVELS,
    Organ,
    Region,
    joint,
    only_organs,
    organ_of_number,
    organs_in,
    region_of,
)
from knowledge_base.describe.succession import superseded

_PASSAGE_LINE = re.compile(r"^[（(]?(?:根据)?\s*\d{4}\s*年")
_HEADING = re.compile(
    r"^[#*　 ]*第\s*[0-9零〇一二三四五六七八九十百]+\s*(?:分编|编|章|节)(?:[\s　].*|)$"
)
_DRAFT = re.compile(r"征求意见稿|送审稿|草案|报批稿|公示稿|征求意见版")
_DONE = re.compile(
    r"[（(【\[]?(?P<status>已废止|已失效|失效|废止|已被修改|尚未生效|现行有效)[）)】\]]?"
)
MAX_HEADER_LINES = 60


@dataclass(frozen=True)
class Front:
    """What stands before and behind the body of a text, and what it says."""

    title: str
    part: str | None
    """Name of the part where a file holds one part of a law (民法典 物权编)."""
    version: str | None
    published: date | None
    effective_from: date | None
    effective_to: date | None
    """First day on which it is no longer in force, as it says itself."""
    note: str
    number: str | None
    kind: str
    level: str
    region: str | None
    issuer: str | None
    recorded_status: str | None
    supersedes: tuple[str, ...]
    superseded_by: str | None
    preamble: str
    """Running text before the first article, without title, dates and marks."""


def read_front(
    head: str,
    name: str,
    tail: Sequence[str] = (),
    *,
    is_regulation: bool = True,
    properties: str = "",
    is_workbook: bool = False,
) -> Front:
    """Read what a text says of itself.

    Args:
        head: What stands before the first article; of other texts, their beginning.
        name: File name without suffix; may end in the version's date.
        tail: The last articles, or the last paragraphs before the attachments.
        is_regulation: Whether the text is one of articles.
        properties: Title in the file's properties, unverified.
        is_workbook: Whether the title is the file's name, for want of one in the text.
    """
    lines = [line.strip() for line in head.splitlines()]
    lines = [s for s in lines if s and not s.startswith("<!--") and not _HEADING.match(s)]
    header_lines = lines[:MAX_HEADER_LINES]
    said = labelled(header_lines)
    title, part = (
        (named_after(name), None) if is_workbook else find_title(header_lines, name, properties)
    )
    title = said.get("title") or title
    number = said.get("number") or find_number(header_lines, name, title)
    header = "\n".join(header_lines)
    organs = _organs(header_lines, title, number, said.get("issuer", ""), tail, is_regulation)
    region = _region(title, header, organs)
    kind = kind_of(title, header, number or "", region, is_regulation)
    found = front_days(
        header_lines,
        tail,
        name,
        said,
        kind=kind,
        is_regulation=is_regulation,
        is_draft=any(_DRAFT.search(text) for text in (title, name, header[:600])),
    )
    olds, by = superseded(header_lines, tail, title)
    return Front(
        title=title,
        part=part,
        version=found.version.isoformat() if found.version else None,
        published=found.published,
        effective_from=found.effective,
        effective_to=found.until,
        note=found.note,
        number=number,
        kind=kind,
        level=region.level if region else LEVELS[0],
        region=region.name if region else None,
        issuer=joint(organs),
        recorded_status=said.get("status") or _status(header_lines),
        supersedes=olds,
        superseded_by=by,
        preamble=_preamble(lines, title),
    )


def _preamble(lines: Sequence[str], title: str) -> str:
    return "\n".join(
        line
        for line in lines
        if (len(line) >= 30 or line.endswith("。"))
        and not _PASSAGE_LINE.match(line)
        and not line.startswith("#")
        and line != title
    )


def _organs(
    lines: Sequence[str],
    title: str,
    number: str | None,
    said: str,
    tail: Sequence[str],
    is_regulation: bool,
) -> list[Organ]:
    """Return the issuers: as labelled, as the title begins, as signed or printed, as numbered."""
    if said and (organs := organs_in(said)):
        return organs
    if "关于" in title and (organs := only_organs(title.split("关于", 1)[0])):
        return organs
    if is_regulation and (organs := _legislators(lines)):
        return organs
    closing = [line.strip() for text in tail for line in text.splitlines() if line.strip()][-30:]
    for at, line in enumerate(lines[:25]):
        if line.endswith("发布") and (organs := only_organs(line)):
            return [*(only_organs(lines[at - 1]) if at else []), *organs]
    signed: list[Organ] = []
    for line in reversed(closing):
        organs = only_organs(line)
        if organs:
            signed = [*organs, *signed]
        elif signed:
            break
    if signed:
        return signed
    for line in lines[:12]:
        if organs := only_organs(line.lstrip("# ")):
            return organs
    known = organ_of_number(number or "")
    if known:
        return [known]
    named = [organ for line in lines if len(line) <= 60 for organ in organs_in(line)]
    return named[:1]


def _legislators(lines: Sequence[str]) -> list[Organ]:
    """Return the organ that passed or published a law, by the lines of its header."""
    named = [
        organ
        for line in lines
        if PASSED.search(line) and len(line) <= 200
        for organ in organs_in(re.sub(r"第[^届]{1,6}届|《[^》]*》", "", line))
    ]
    local = [organ for organ in named if organ.region]
    if local:
        return [local[0]]
    for wanted in ("全国人民代表大会常务委员会", "全国人民代表大会", "国务院"):
        if any(organ.name == wanted for organ in named):
            return [organ for organ in named if organ.name == wanted][:1]
    return named[:1]


def _region(title: str, header: str, organs: Sequence[Organ]) -> Region | None:
    """Return the region of a text: its issuer's, or the one its title names and the text knows."""
    local = next((organ.region for organ in organs if organ.region), None)
    if any(organ.region is None for organ in organs) and local is None:
        return None
    named = region_of(title)
    if named and (local is None or LEVELS.index(named.level) >= LEVELS.index(local.level)):
        return named
    return local


def _status(lines: Sequence[str]) -> str | None:
    for line in lines[:12]:
        bare = line.strip("# 　")
        match = _DONE.fullmatch(bare) or re.search(
            r"[（(【\[](已废止|已失效|失效|废止)[）)】\]]$", bare
        )
        if match:
            return match[1] if match.re is not _DONE else match["status"]
    return None
