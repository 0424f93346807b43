"""What a text says of itself, by rules: title, number, issuer, level, kind, dates, succession.

Reads the header and the closing parts only. What is not printed there stays empty; nothing is
looked up elsewhere.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from knowledge_base.describe.classify import kind_of
from knowledge_base.describe.dates import days, first_day, last_day, read_day
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

_FILE_DATE = re.compile(r"[(（]?(\d{4})[-.](\d{2})[-.](\d{2})[)）]?\s*$")
_PASSED = re.compile(r"通过|修订|修正|修改|公布|发布|批准|印发|颁布|令")
_IN_FORCE_LINE = re.compile(r"日\s*(?:起)?\s*(?:施行|实施|生效)\s*$")
_IN_FORCE = re.compile(r"自[^，。；]*?起(?:施行|实施|生效)")
_FROM_PUBLICATION = re.compile(r"自(?:公布|发布|印发|颁布)之日起(?:施行|实施|生效|执行)")
_PASSAGE_LINE = re.compile(r"^[（(]?(?:根据)?\s*\d{4}\s*年")
_HEADING = re.compile(
    r"^[#*　 ]*第\s*[0-9零〇一二三四五六七八九十百]+\s*(?:分编|编|章|节)(?:[\s　].*|)$"
)
_ISSUED = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)\s*(?:发布|批准|印发|公布)"
)
_APPLIED = re.compile(r"(?P<day>\d{4}-\d{1,2}-\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)\s*(?:实施|施行)")
_DRAFT = re.compile(r"征求意见稿|送审稿|草案|报批稿|公示稿|征求意见版")
_DONE = re.compile(
    r"[（(【\[]?(?P<status>已废止|已失效|失效|废止|已被修改|尚未生效|现行有效)[）)】\]]?"
)
MAX_HEADER_LINES = 60
MAX_DATE_LINE = 24


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
    draft = next((m[0] for text in (title, name, header[:600]) if (m := _DRAFT.search(text))), "")
    if is_regulation:
        version = _file_date(name) or _last_date(header_lines)
        published = version
        effective, note = _effective(header_lines, tail, version)
    else:
        published = _published(header_lines, tail, said)
        version = _file_date(name) or (published if kind in ("政策文件", "标准") else None)
        effective, note = _in_force(header_lines, tail, published, kind)
    if day := read_day(said.get("effective", "")):
        effective, note = day, ""
    if draft and not is_regulation:
        effective = None
        note = ""
    if draft:
        note = "；".join(n for n in ("征求意见稿或送审稿，尚不具有效力", note) if n)
    until = last_day([*header_lines[:12], *tail], effective or published)
    until = read_day(said.get("until", "")) or until
    if until and effective and until <= effective:
        until = None
    olds, by = superseded(header_lines, tail, title)
    return Front(
        title=title,
        part=part,
        version=version.isoformat() if version else None,
        published=published,
        effective_from=effective,
        effective_to=until,
        note=note,
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


def _as_date(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _file_date(name: str) -> date | None:
    match = _FILE_DATE.search(name)
    return _as_date(match) if match else None


def _last_date(lines: Sequence[str]) -> date | None:
    found = [
        day for line in lines if _PASSED.search(line) for day in days(_IN_FORCE.sub("", line[:400]))
    ]
    return max(found, default=None)


def _effective(
    lines: Sequence[str], tail: Sequence[str], version: date | None
) -> tuple[date | None, str]:
    """Return a regulation's first day in force and a caveat; the later of printed and version's."""
    printed = [day for line in lines if (day := first_day([line], None))]
    printed += [day for line in lines if _IN_FORCE_LINE.search(line) and (day := read_day(line))]
    own = [text for text in tail if re.match(r"^[^《》]{0,12}自", text)]
    printed += [day for text in own or tail if (day := first_day([text], None))]
    day = max(printed, default=None)
    if version is None:
        return day, ""
    if day is not None and day >= version:
        return day, ""
    amended = any(re.search(r"修正|修订|修改", line) for line in lines)
    if day is None and not amended and any(_FROM_PUBLICATION.search(t) for t in [*lines, *tail]):
        return version, ""
    if day is None and not amended:
        return version, f"施行日期未见于文本，以公布日期{version}为下限"
    return version, f"修正文本公布于{version}，施行日期以修正决定为准"


def _published(lines: Sequence[str], tail: Sequence[str], said: dict[str, str]) -> date | None:
    if day := read_day(said.get("published", "")):
        return day
    for line in lines[:40]:
        if (match := _ISSUED.search(line)) and len(line) <= 160:
            return read_day(match["day"])
    closing = [line.strip() for text in tail for line in text.splitlines() if line.strip()]
    for line in (*reversed(closing[-30:]), *lines[:12]):
        bare = line.strip("（）() 　")
        if len(bare) <= MAX_DATE_LINE and (day := read_day(bare)) and _is_date_line(bare):
            return day
    return None


def _is_date_line(line: str) -> bool:
    rest = re.sub(r"[\d０-９〇○零一二三四五六七八九十年月日\-/.\s　]+", "", line)
    return rest in ("", "印发", "发布", "公布") or bool(only_organs(rest))


def _in_force(
    lines: Sequence[str], tail: Sequence[str], published: date | None, kind: str
) -> tuple[date | None, str]:
    """Return the first day of a notice, standard or plan, and a caveat."""
    for line in lines[:40]:
        if len(line) <= 160 and (match := _APPLIED.search(line)):
            return read_day(match["day"]), ""
    if day := first_day(list(reversed(tail)), published):
        return day, ""
    if kind == "政策文件" and published:
        return published, f"施行日期未见于文本，以印发日期{published}为下限"
    return None, ""


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
        if _PASSED.search(line) and len(line) <= 200
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
