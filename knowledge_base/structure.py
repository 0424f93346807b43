"""The structure of Chinese regulations: title, versions, 编章节 headings, 条 with their items.

Reads plain text; knows the conventions of statutes, not any particular one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from knowledge_base.numerals import NUMERAL, article_order, parse_numeral
from knowledge_base.validity import printed_effective_date

_ARTICLE = re.compile(
    rf"^[\s#*　]*第\s*(?P<number>{NUMERAL})\s*条(?:\s*之\s*(?P<branch>{NUMERAL}))?(?P<rest>.*)$"
)
_HEADING = re.compile(rf"^[\s#*　]*第\s*{NUMERAL}\s*(?P<kind>分编|编|章|节)(?P<rest>[\s　].*|)$")
_LEVELS = {"编": 0, "分编": 1, "章": 2, "节": 3}
_REFERENCE = ("第", "、", "和", "至", "及", "的", "规", "款", "，", "或", "所", "中", "以")
"""What follows an article number in a sentence that refers to it."""
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


@dataclass(frozen=True)
class Article:
    """One 条 with everything up to the next."""

    label: str
    key: str
    heading_path: tuple[str, ...]
    text: str
    span: tuple[int, int]


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


@dataclass(frozen=True)
class Regulation:
    """A text of articles."""

    front: Front
    articles: tuple[Article, ...]


@dataclass(frozen=True)
class _Line:
    text: str
    start: int
    end: int


def _lines(text: str) -> list[_Line]:
    lines, offset = [], 0
    for raw in text.split("\n"):
        lines.append(_Line(raw, offset, offset + len(raw)))
        offset += len(raw) + 1
    return lines


def read_articles(text: str) -> tuple[Article, ...]:
    """Cut a text into articles; empty when it has none at line starts.

    A line is an article's start when its number goes on from the one before and it does not read
    like a reference (第五条第二款规定…). Items （一） and later paragraphs stay with their article.
    """
    articles: list[Article] = []
    headings: dict[int, str] = {}
    open_at: tuple[str, str, tuple[str, ...], int, list[str]] | None = None
    end = 0

    def close() -> None:
        if open_at is not None:
            label, key, path, start, body = open_at
            content = "\n".join(line for line in body if line)
            articles.append(Article(label, key, path, content, (start, end)))

    for line in _lines(text):
        stripped = line.text.strip()
        if heading := _heading(stripped):
            close()
            open_at = None
            level, name = heading
            headings = {k: v for k, v in headings.items() if k < level} | {level: name}
            continue
        previous = open_at[1] if open_at else (articles[-1].key if articles else None)
        if started := _article_start(line.text, previous):
            close()
            label, key, rest = started
            path = tuple(headings[k] for k in sorted(headings))
            open_at = (label, key, path, line.start, [rest])
        elif open_at is not None:
            open_at[4].append("" if _is_mark(stripped) else stripped)
        end = line.end if stripped or open_at is None else end
    close()
    return tuple(articles)


def _is_mark(line: str) -> bool:
    return line.startswith("<!--") and line.endswith("-->")


def _heading(line: str) -> tuple[int, str] | None:
    match = _HEADING.match(line)
    if match is None or len(line) > MAX_HEADING or line.endswith(("。", "；", "，")):
        return None
    name = re.sub(r"[\s　]+", " ", line.lstrip("#* ").strip())
    return _LEVELS[match["kind"]], name


def _article_start(line: str, previous: str | None) -> tuple[str, str, str] | None:
    match = _ARTICLE.match(line)
    if match is None:
        return None
    rest = match["rest"].lstrip("*")
    try:
        number = parse_numeral(match["number"])
        branch = parse_numeral(match["branch"]) if match["branch"] else 0
    except ValueError:
        return None
    before = article_order(previous) if previous else None
    follows = before is None or (number, branch) in (
        (before[0] + 1, 0),
        (before[0], before[1] + 1),
    )
    later = before is None or (number, branch) > before
    if rest[:1] in _REFERENCE or not later:
        return None
    if rest and not rest[0].isspace() and not follows:
        return None
    label = re.sub(r"\s+", "", f"第{match['number']}条") + (
        f"之{match['branch']}" if match["branch"] else ""
    )
    key = f"{number}-{branch}" if branch else str(number)
    return label, key, rest.lstrip(" \t　：:").rstrip()


def read_regulation(text: str, name: str) -> Regulation | None:
    """Read a text as a regulation; None when it has no articles.

    Args:
        text: The whole text.
        name: File name without suffix; may end in the version's date, e.g. 土地管理法(2019-08-26).
    """
    articles = read_articles(text)
    if len(articles) < 2:
        return None
    head = text[: articles[0].span[0]]
    return Regulation(read_front(head, name, articles), articles)


def read_front(head: str, name: str, articles: Sequence[Article] = ()) -> Front:
    """Read title, versions, number and issuer from what stands before the articles."""
    lines = [
        line.strip() for line in head.splitlines() if line.strip() and not _is_mark(line.strip())
    ]
    lines = [line for line in lines if not _heading(line)][:MAX_HEADER_LINES]
    title, part = _title(lines, name)
    version = _file_date(name) or _last_date(lines)
    effective, note = _effective(lines, articles, version)
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
    lines: Sequence[str], articles: Sequence[Article], version: date | None
) -> tuple[date | None, str]:
    """Return the first day in force and a caveat; the later of printed and version's date."""
    printed = [d for line in lines if (d := printed_effective_date(line))]
    printed += [
        day
        for line in lines
        if re.search(r"日\s*(?:起)?\s*(?:施行|实施|生效)\s*$", line) and (m := _DATE.search(line))
        if (day := _as_date(m))
    ]
    tail = [a.text for a in articles[-4:]]
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
