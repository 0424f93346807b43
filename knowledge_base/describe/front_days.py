"""The days that a text gives of itself: version, publication, first and last day in force."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from knowledge_base.describe.dates import days, first_day, last_day, read_day
from knowledge_base.describe.organs import only_organs

PASSED = re.compile(r"通过|修订|修正|修改|公布|发布|批准|印发|颁布|令")
"""A line that tells who passed or published a law, and when."""
_FILE_DATE = re.compile(r"[(（]?(\d{4})[-.](\d{2})[-.](\d{2})[)）]?\s*$")
_IN_FORCE_LINE = re.compile(r"日\s*(?:起)?\s*(?:施行|实施|生效)\s*$")
_IN_FORCE = re.compile(r"自[^，。；]*?起(?:施行|实施|生效)")
_FROM_PUBLICATION = re.compile(r"自(?:公布|发布|印发|颁布)之日起(?:施行|实施|生效|执行)")
_ISSUED = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)\s*(?:发布|批准|印发|公布)"
)
_APPLIED = re.compile(r"(?P<day>\d{4}-\d{1,2}-\d{1,2}|\d{4}年\d{1,2}月\d{1,2}日)\s*(?:实施|施行)")
MAX_DATE_LINE = 24


@dataclass(frozen=True)
class FrontDays:
    """The days of a text, as printed."""

    version: date | None
    published: date | None
    effective: date | None
    until: date | None
    """First day on which it is no longer in force, as it says itself."""
    note: str
    """What is uncertain of them."""


def front_days(
    lines: Sequence[str],
    tail: Sequence[str],
    name: str,
    said: Mapping[str, str],
    *,
    kind: str,
    is_regulation: bool,
    is_draft: bool,
) -> FrontDays:
    """Read the days of a text.

    Args:
        lines: Lines of its header.
        tail: The last articles or paragraphs.
        name: File name without suffix; may end in the version's date.
        said: What labelled lines of the header say (施行日期：…).
        kind: Kind of document.
        is_regulation: Whether the text is one of articles.
        is_draft: Whether it is a draft for comment or approval: a notice of one is not in force.
    """
    if is_regulation:
        version = _file_date(name) or _last_date(lines)
        published = version
        effective, note = _effective(lines, tail, version)
    else:
        published = _published(lines, tail, said)
        version = _file_date(name) or (published if kind in ("政策文件", "标准") else None)
        effective, note = _in_force(lines, tail, published, kind)
    if day := read_day(said.get("effective", "")):
        effective, note = day, ""
    if is_draft and not is_regulation:
        effective, note = None, ""
    if is_draft:
        note = "；".join(n for n in ("征求意见稿或送审稿，尚不具有效力", note) if n)
    until = read_day(said.get("until", "")) or last_day(
        [*lines[:12], *tail], effective or published
    )
    if until and effective and until <= effective:
        until = None
    return FrontDays(version, published, effective, until, note)


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
        day for line in lines if PASSED.search(line) for day in days(_IN_FORCE.sub("", line[:400]))
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


def _published(lines: Sequence[str], tail: Sequence[str], said: Mapping[str, str]) -> date | None:
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
