"""What stands before the articles or the first paragraphs of a text, and what it says of itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from knowledge_base.validity import printed_effective_date

_DATE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*日")
_FILE_DATE = re.compile(r"[(（]?(\d{4})[-.](\d{2})[-.](\d{2})[)）]?\s*$")
_PASSED = re.compile(r"通过|修订|修正|修改|公布|发布|批准|印发|颁布|令")
_NUMBER = re.compile(
    r"[\u4e00-\u9fff]{1,12}[〔\[［（(]\d{4}[〕\]］）)]\s*\d{1,5}\s*号|(?:GB|TD|CJJ|HJ|DB\d*|CH|NY|SL|LY)(?:/[TZ])?\s?\d[\d.]*-\d{4}"
)
_FROM_PUBLICATION = re.compile(r"自(?:公布|发布|印发|颁布)之日起(?:施行|实施|生效|执行)")
_REGION = re.compile(r"^(?P<name>[\u4e00-\u9fff]{2,7}?(?:省|市|自治区|自治州))")
MAX_HEADING = 50
MAX_HEADER_LINES = 60
_HEADING = re.compile(
    r"^[#*　 ]*第\s*[0-9零〇一二三四五六七八九十百]+\s*(?:分编|编|章|节)(?:[\s　].*|)$"
)


@dataclass(frozen=True)
class Front:
    """What stands before the articles, and what it says."""

    title: str
    part: str | None
    """Name of the part where a file holds one part of a law (民法典 物权编)."""
    version: str | None
    effective_from: date | None
    note: str
    number: str | None
    kind: str
    level: str
    region: str | None
    issuer: str | None
    preamble: str
    """Running text before the first article, without title, dates and marks."""


def read_front(head: str, name: str, tail: Sequence[str] = ()) -> Front:
    """Read title, versions, number and issuer from what stands before the articles."""
    lines = [
        line.strip()
        for line in head.splitlines()
        if line.strip() and not line.strip().startswith("<!--")
    ]
    lines = [line for line in lines if not _HEADING.match(line)][:MAX_HEADER_LINES]
    title, part = _title(lines, name)
    version = _file_date(name) or _last_date(lines)
    effective, note = _effective(lines, tail, version)
    number = next((m[0] for line in lines[:20] if (m := _NUMBER.search(line))), None)
    header = "\n".join(lines)
    region = _region(title, header)
    if "征求意见稿" in header or "征求意见稿" in name or "送审稿" in header:
        note = "；".join(n for n in ("征求意见稿或送审稿，尚不具有效力", note) if n)
    preamble = "\n".join(
        line
        for line in lines
        if len(line) >= 30 and not _DATE.search(line) and not line.startswith("#") and line != title
    )
    return Front(
        title=title,
        part=part,
        version=version.isoformat() if version else None,
        effective_from=effective,
        note=note,
        number=re.sub(r"\s+", "", number) if number else None,
        kind=_kind(title, header, region),
        level="地方" if region else "国家",
        region=region,
        issuer=_issuer(header, region),
        preamble=preamble,
    )


def _title(lines: Sequence[str], name: str) -> tuple[str, str | None]:
    marked = [line.lstrip("# ").strip() for line in lines if re.match(r"#\s", line)]
    plain_name = _FILE_DATE.sub("", name).strip()
    if marked:
        return _clean_title(marked[0]), (marked[1] if len(marked) > 1 else None)
    stem = re.sub(r"\s+", "", plain_name)
    for line in lines[:5]:
        compact = re.sub(r"\s+", "", line)
        if len(compact) <= MAX_HEADING and (stem in compact or compact.endswith(stem)):
            return _clean_title(compact), None
    if (
        lines
        and len(lines[0]) <= MAX_HEADING
        and re.search(
            r"(?:法|条例|办法|规定|细则|规程|规范|标准|指南|通知|意见|规划|方案|解释|决定)(?:[（(].*[）)])?$",
            lines[0],
        )
    ):
        return _clean_title(lines[0]), None
    return _clean_title(plain_name or name), None


def _clean_title(title: str) -> str:
    return re.sub(r"[\s　]+", "", title).strip("《》*")


def _as_date(match: re.Match[str]) -> date | None:
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        return None


def _file_date(name: str) -> date | None:
    match = _FILE_DATE.search(name)
    return _as_date(match) if match else None


def _last_date(lines: Sequence[str]) -> date | None:
    days = [
        day
        for line in lines
        if _PASSED.search(line)
        for match in _DATE.finditer(re.sub(r"自[^，。；]*?起(?:施行|实施|生效)", "", line))
        if (day := _as_date(match))
    ]
    return max(days, default=None)


def _effective(
    lines: Sequence[str], tail: Sequence[str], version: date | None
) -> tuple[date | None, str]:
    """Return the first day in force and a caveat; the later of printed and version's date."""
    printed = [d for line in lines if (d := printed_effective_date(line))]
    printed += [
        day
        for line in lines
        if re.search(r"日\s*(?:起)?\s*(?:施行|实施|生效)\s*$", line) and (m := _DATE.search(line))
        if (day := _as_date(m))
    ]
    own = [t for t in tail if re.match(r"^[^《》]{0,12}自", t)]
    printed += [d for text in own or tail if (d := printed_effective_date(text))]
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


def _region(title: str, header: str) -> str | None:
    match = _REGION.match(title)
    if match is None:
        return None
    name = match["name"]
    authority = re.compile(rf"{re.escape(name)}[^，。\n]{{0,8}}(?:人民代表大会|人民政府)")
    return name if authority.search(header) else None


def _kind(title: str, header: str, region: str | None) -> str:
    if "最高人民法院" in title or "最高人民检察院" in title:
        return "司法解释"
    if re.search(r"(?:法|法典)$", title) and "人民代表大会" in header:
        return "法律"
    if region:
        return "地方性法规" if "人民代表大会" in header else "地方政府规章"
    if re.search(r"条例(?:[（(].*[）)])?$", title) or (
        "国务院" in header and re.search(r"(?:办法|规定|细则)(?:[（(].*[）)])?$", title)
    ):
        return "行政法规"
    if re.search(r"(?:办法|规定|细则)(?:[（(].*[）)])?$", title):
        return "部门规章"
    if re.search(r"GB|TD/T|CJJ|HJ|标准|规范|规程|指南", title):
        return "标准"
    if re.search(r"规划|纲要", title):
        return "规划成果"
    if re.search(r"通知|意见|方案|决定", title):
        return "政策文件"
    return "其他"


def _issuer(header: str, region: str | None) -> str | None:
    if region:
        match = re.search(rf"{re.escape(region)}[^，。\n]{{0,12}}(?:常务委员会|人民政府)", header)
        return re.sub(r"第[^届]+届", "", match[0]) if match else None
    for name in (
        "全国人民代表大会常务委员会",
        "全国人民代表大会",
        "国务院",
        "最高人民法院",
        "自然资源部",
        "住房和城乡建设部",
        "生态环境部",
    ):
        if name in header:
            return name
    return None
