"""Years, counts, slips of the pen and names that do not agree with the rest of the text."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Block, Span
from agents.review.quantities.statements import sentences
from agents.review.quantities.tables import PART, TOTAL, row_names
from agents.review.words import sounds_alike
from knowledge_base.numerals import parse_numeral

TERM = re.compile(r"(?P<from>20\d\d)\s*年?\s*(?:[-—–~～]{1,2}|至|到)\s*(?P<to>20\d\d)\s*年?")
OTHER_PLAN = re.compile(r"土地利用总体规划|城[市镇乡]总体规划|上一轮|原《|原规划|不再执行|废止")
LABELLED = {
    "base": re.compile(
        r"(?:规划)?(?:基期年?|基准年|现状基准年|现状年)(?:为|是|：|:|（)?\s*(?P<year>20\d\d)\s*年?"
        r"|以(?P<survey>20\d\d)年度?(?:国土|土地利用)?变更调查"
    ),
    "near": re.compile(
        r"近期(?:目标年|规划年|目标|规划)?(?:为|至|到|（|：|:)?\s*(?P<year>20\d\d)\s*年?(?!\s*[-—–~～])"
    ),
    "target": re.compile(
        r"(?<!近期)(?:规划目标年|(?<!近期)(?<!规划)目标年|规划期末|远期目标)(?:为|至|到|（|：|:)?\s*(?P<year>20\d\d)\s*年?"
    ),
    "outlook": re.compile(
        r"远景(?:展望|目标)?(?:年)?(?:为|至|到|（|：|:)?\s*(?P<year>20\d\d)\s*年?"
    ),
}
NAMES = {"base": "基期", "near": "近期", "target": "目标年", "outlook": "远景"}
COUNTED = re.compile(
    r"(?<![第\d十百.])(?P<number>[二两三四五六七八九十]|\d{1,2})\s*(?:个|大|类|项|条|处|座|种|方面)"
    r"(?P<noun>[一-鿿]{0,10}?)(?:[，,][^。；：，]{0,20})?(?:[：:]|，(?:即|分别为|分别是|包括|其中)|，其中)\s*(?P<list>[^。；\n]{4,400})"
)
NAMED_FIRST = re.compile(
    r"(?P<list>[一-鿿]{2,20}(?:、[一-鿿]{2,20})+)(?:等)?(?P<total>共)?(?P<number>[二两三四五六七八九十]|\d{1,2})(?:个|处|座|条|项|类|种|镇|乡)"
)
UNDER = re.compile(
    r"(?:辖|含|包括|涉及|共有|共)(?P<number>[二两三四五六七八九十]{1,2}|\d{1,2})\s*个(?P<list>(?P<kind>行政村|村民小组|乡镇|区县|县区|街道|社区|村|镇))(?![、和及级])"
)
SEEN = re.compile(r"见(?P<table>附?表\s*\d+(?:[-—–.]\d+)?)")
COUNT = re.compile(
    r"(?<![\d.第])(?P<number>\d{1,3})[处项个条座所](?!村|镇|乡|街|片|组|县|区|月|城|中心|行政|层|级|方面)"
)
COUNT_COLUMN = re.compile(r"数量|个数|处数|座数")
PLACE = r"[一-鿿]{2,4}(?:镇|乡|街道|村|河|水库|山|开发区|园区|[县市区](?![域政级内外民场]))(?![一-鿿]{0,1}[化级庄区])"
NAME = re.compile(r"[一-鿿]{3,24}")
ITEMS = re.compile(
    r"[（(][一二三四五六七八九十\d]{1,2}[）)]|[①②③④⑤⑥⑦⑧⑨⑩]|(?:^|、|，|,)?[一二三四五六七八九]是"
)


def years(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find years that are out of order, or not those that the submission or most of the text says."""
    found: dict[str, list[tuple[int, Span]]] = {name: [] for name in LABELLED}
    for block in case.text.running():
        for name, pattern in LABELLED.items():
            for match in pattern.finditer(block.text):
                key = "year" if match["year"] else "survey"
                if "较" not in block.text[max(0, match.start() - 3) : match.start()]:
                    span = Span(block.number, match.start(key), match.end(key))
                    found[name].append((int(match[key]), span))
    usual: dict[str, int] = {}
    for name, stated in found.items():
        counts = Counter(year for year, _ in stated)
        given = getattr(case.facts.years, name)
        if not counts:
            continue
        usual[name] = given or counts.most_common(1)[0][0]
        for year, span in stated:
            if year != usual[name] and (given or counts[year] < counts[usual[name]]):
                yield Found(
                    span,
                    f"{NAMES[name]}为 {year} 年，应为 {usual[name]} 年",
                    suggestion="核对后统一",
                )
    yield from _terms(case)
    order = [name for name in ("base", "near", "target", "outlook") if name in usual]
    for first, second in pairwise(order):
        if usual[first] >= usual[second]:
            span = found[first][0][1]
            yield Found(
                span,
                f"{NAMES[first]}（{usual[first]}年）不早于{NAMES[second]}（{usual[second]}年）",
                suggestion="核对年份",
            )


def _terms(case: Case) -> Iterator[Found]:
    """Find terms of the plan that differ from the one most places give, or from the given target year."""
    terms: list[tuple[tuple[int, int], Span]] = []
    for block in case.text.running():
        for start, sentence in sentences(block.text):
            if OTHER_PLAN.search(sentence):
                continue
            for match in TERM.finditer(sentence):
                before = sentence[max(0, match.start() - 10) : match.start()]
                titled = (
                    re.fullmatch(r"\s*[（(]?\s*", sentence[: match.start()]) and len(sentence) < 16
                )
                if titled or re.search(r"规划(?:期限|期|年限)|空间(?:总体)?规划[（(]$", before):
                    span = Span(block.number, start + match.start(), start + match.end())
                    terms.append(((int(match["from"]), int(match["to"])), span))
    if not terms:
        return
    term = Counter(t for t, _ in terms).most_common(1)[0][0]
    target = case.facts.years.target
    right = next((t for t, _ in terms if t[1] == target), term) if target else term
    for other, span in terms:
        if other != right:
            yield Found(
                span,
                f"规划期限为 {other[0]}—{other[1]} 年，应为 {right[0]}—{right[1]} 年",
                suggestion="核对后统一",
            )
        elif other[0] >= other[1]:
            yield Found(span, "规划期限的起止年颠倒", suggestion="核对起止年")


def counts(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find lists that have more or fewer members than they are said to have."""
    for block in case.text.running():
        for match in COUNTED.finditer(block.text):
            held = _members(match["list"])
            if held and held != parse_numeral(match["number"].replace("两", "二")):
                yield _miscounted(block, match, held)
        for match in NAMED_FIRST.finditer(block.text):
            held = len(match["list"].split("、"))
            told = parse_numeral(match["number"].replace("两", "二"))
            if match["total"] and "和" not in match["list"] and held != told:
                yield _miscounted(block, match, held)


def listed(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find numbers of places or projects that are not those which the tables list: 辖8个村, 共7处（见表5）."""
    rows = {t.number: _rows(case, t.number) for t in case.text.tables}
    for block in case.text.running():
        for match in UNDER.finditer(block.text):
            kind = match["kind"]
            held = {len(names) for table in rows.values() if len(names := _ending(table, kind)) > 2}
            told = parse_numeral(match["number"].replace("两", "二"))
            if len(held) == 1 and told not in held:
                yield _miscounted(block, match, held.pop())
        for start, sentence in sentences(block.text):
            seen, said = SEEN.findall(sentence), list(COUNT.finditer(sentence))
            if len(seen) != 1 or len(said) != 1:
                continue
            number, match = re.sub(r"\s", "", seen[0]), said[0]
            table = next((t for t in case.text.tables if _numbered(t.caption, number)), None)
            if table is None or COUNT_COLUMN.search(" ".join(c.text for c in table.cells)):
                continue
            rows_named, told = rows[table.number], int(match["number"])
            held_rows = sum(not PART.match(name) for name in rows_named)
            if held_rows > 2 and told not in (held_rows, len(rows_named)):
                yield Found(
                    Span(block.number, start + match.start("number"), start + match.end("number")),
                    f"数目是 {match['number']}，{table.caption}列出 {held_rows} 行", suggestion="核对数目与表",
                )  # fmt: skip


def _rows(case: Case, table: int) -> list[str]:
    """Return what the rows of a table are called, without totals."""
    return [name for name in row_names(case.text.tables[table]) if not TOTAL.match(name)]


def _ending(names: list[str], kind: str) -> set[str]:
    ends = {
        "行政村": ("村", "社区"),
        "村": ("村", "社区"),
        "乡镇": ("镇", "乡", "街道"),
        "区县": ("区", "县", "市"),
        "县区": ("区", "县", "市"),
        "村民小组": ("组",),
    }.get(kind, (kind,))
    found = {name for name in names if name.endswith(ends)}
    return found if len(found) == len(names) else set()


def _numbered(caption: str, number: str) -> bool:
    return bool(re.match(rf"{re.escape(number)}(?![\d.\-—–])", re.sub(r"\s", "", caption)))


def _members(text: str) -> int:
    """Return how many members a list has; 0 where that cannot be told. Numbered members count as such: 5个镇、3个乡."""
    items = ITEMS.findall(text)
    if len(items) >= 2:
        return len(items)
    listed = re.split(r"[，,]", text)[0] if "、" in re.split(r"[，,]", text)[0] else text
    if re.search(r"等", listed) or "、" not in listed or re.search(r"[“”]", listed):
        return 0
    numbered = re.findall(r"(?:^|、|和)(\d{1,3})个", listed)
    if numbered:
        return sum(map(int, numbered)) if len(numbered) == listed.count("、") + 1 else 0
    return len(re.split(r"、|(?<=[一-鿿\d])(?:和|以及|及)(?=[一-鿿])", listed.strip("。；，")))


def _miscounted(block: Block, match: re.Match[str], held: int) -> Found:
    return Found(
        Span(block.number, match.start("number"), match.end("number")),
        f"数目是 {match['number']}，列出 {held} 个", evidence=match["list"][:120], suggestion="核对数目与所列内容",
    )  # fmt: skip


def slips(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find words that are written with a wrong character, by a list of common ones."""
    words: dict[str, str] = parameters["words"]
    pattern = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))
    for block in case.text.blocks:
        for match in pattern.finditer(block.text):
            right = words[match[0]]
            yield Found(
                Span(block.number, match.start(), match.end()), f"“{match[0]}”应为“{right}”",
                replacement=right, suggestion=f"改为“{right}”",
            )  # fmt: skip


def names(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find names that differ by one character of the same sound from one that the text knows.

    Known are names in table cells and of the region, and names of places that the text uses far more often.
    """
    cells = {cell.text.strip() for table in case.text.tables for cell in table.cells}
    listed = {cell for cell in cells if NAME.fullmatch(cell)} | {case.facts.region} - {""}
    pattern, generic = re.compile(PLACE), re.compile(parameters["generic"])
    places: dict[str, list[Span]] = {}
    for block in case.text.blocks:
        for start, sentence in sentences(block.text):
            for match in pattern.finditer(sentence):
                name = re.sub(parameters["leading"], "", match[0])
                if len(name) > 2 and not generic.search(name):
                    end = start + match.end()
                    places.setdefault(name, []).append(Span(block.number, end - len(name), end))
    often = {name: len(spans) for name, spans in places.items()}
    for block in case.text.blocks:
        for known in listed:
            yield from _near_miss(block, known, cells)
    for name, spans in places.items():
        for other, many in often.items():
            if (
                often[name] <= 2
                and many >= 5 * often[name]
                and _misspelt(name, other)
                and _one_place(case, name, other)
            ):
                for span in spans if other not in listed else ():
                    yield _other_name(span, name, other)


def _near_miss(block: Block, known: str, cells: set[str]) -> Iterator[Found]:
    """Yield the places of a paragraph where a name is written with one character of its sound."""
    half = len(known) // 2
    for part, offset in ((known[:half], 0), (known[half:], half)):
        at = block.text.find(part)
        while at >= 0:
            start = at - offset
            written = block.text[max(start, 0) : start + len(known)]
            if start >= 0 and written not in cells and _misspelt(written, known):
                yield _other_name(Span(block.number, start, start + len(known)), written, known)
            at = block.text.find(part, at + 1)


def _other_name(span: Span, name: str, other: str) -> Found:
    return Found(
        span,
        f"“{name}”与别处的“{other}”不一致",
        suggestion=f"核对是否为“{other}”",
        replacement=other,
    )


def _misspelt(name: str, other: str) -> bool:
    """Say whether two names differ by one character that is not the kind of place."""
    if len(other) != len(name) or name == other:
        return False
    apart = [(a, b) for a, b in zip(name, other, strict=True) if a != b]
    return len(apart) == 1 and name[-1] == other[-1] and sounds_alike(*apart[0])


def _one_place(case: Case, name: str, other: str) -> bool:
    """Say whether two names are of one place: places that are both listed in a table are two."""
    for table in case.text.tables:
        cells = {cell.text.strip() for cell in table.cells}
        if name in cells and other in cells:
            return False
    return True
