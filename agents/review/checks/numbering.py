"""Numbers of chapters, articles, lists and tables in order; what the text refers to is there."""

import re
from collections.abc import Iterator
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Block, Span
from knowledge_base.numerals import NUMERAL, parse_numeral
from knowledge_base.parse.table import caption_and_unit

ARTICLE = re.compile(
    r"^\s*第\s*([0-9零〇一二两三四五六七八九十百千]+)\s*条(?!例)(?![^\n]{0,6}[规所]定)"
)
TABLE = re.compile(r"^\s*(附?表)\s*(\d+)(?:\s*[-—–－.．]\s*(\d+))?")
REFERENCE = re.compile(
    r"(?:见|详见|参见|列于|列入|载于|按照?|依据|如)\s*(?P<kind>附?[表图])\s*(?P<first>\d+)(?:\s*[-—–－.．]\s*(?P<second>\d+))?"
    r"|(?:本规划|本文本|按照?本规划|见|详见)\s*第\s*(?P<article>[0-9零〇一二两三四五六七八九十百]+)\s*条"
)
LABEL = re.compile(
    rf"^\s*(?:第\s*(?P<numbered>{NUMERAL})\s*(?P<of>[章条节篇])(?!例)|(?P<han>[一二三四五六七八九十]{{1,3}})、|"
    rf"[（(](?P<bracketed>[一二三四五六七八九十]{{1,3}})[）)]|(?P<dotted>\d{{1,2}}(?:\.\d{{1,2}})*)(?=[\s　、．.]|$))"
)
"""Number that a heading begins with."""
THROUGHOUT = ("章", "条", "篇")
"""Numbers that go on through the whole text; others begin anew below each heading above them."""
LISTED = re.compile(
    r"^\s*(?P<open>[（(]?)(?P<number>\d{1,3}|[一二三四五六七八九十]{1,3})(?P<close>[）)]|[.、．])"
)


def numbering(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find chapters, articles, list items and tables whose numbers leave one out or come twice."""
    yield from _heading_numbers(case)
    yield from _table_numbers(case)
    yield from _list_numbers(case)


def _heading_numbers(case: Case) -> Iterator[Found]:
    last: dict[str, int] = {}
    for block in case.text.blocks:
        if block.kind not in ("paragraph", "heading") or _in_contents(case, block):
            continue
        match = LABEL.match(_full(block))
        if match is None or not (block.kind == "heading" or match["of"]):
            continue
        form, number, restarts = _form(match, block)
        if number is None:
            continue
        before = last.get(form, 0)
        if before and number != before + 1:
            yield Found(
                _label_span(block, match[0]),
                f"编号{'重复' if number == before else '不连续'}：{before} 之后是{match[0].strip()}",
                suggestion="重新编号",
            )
        last[form] = before + 1 if number == before else number
        for other in [o for o in last if o != form and restarts(o)]:
            del last[other]


def _form(match: re.Match[str], block: Block) -> tuple[str, int | None, Any]:
    """Return the form of a number, the number, and which other forms begin anew below it."""
    level = block.level or 9
    if match["dotted"]:
        *above, own = match["dotted"].split(".")
        prefix = ".".join(above)
        form = f"{len(above)} {prefix}"
        return (
            form,
            int(own),
            lambda other: other[0].isdigit() and int(other.split()[0]) > len(above),
        )
    name = match["of"] or ("、" if match["han"] else "（")
    form = name if name in THROUGHOUT else f"{name}{level}"
    number = _number(match["numbered"] or match["han"] or match["bracketed"])
    return (
        form,
        number,
        lambda other: (
            other[0] not in THROUGHOUT and not other[0].isdigit() and int(other[1:]) > level
        ),
    )


def _list_numbers(case: Case) -> Iterator[Found]:
    """Find numbers of a list that come twice or leave one out, in paragraphs that follow each other."""
    last: tuple[str, int, Block] | None = None
    for block in case.text.blocks:
        if block.kind != "paragraph" or (match := LISTED.match(block.text)) is None:
            last = None
            continue
        form = match["open"] + ("一" if not match["number"].isdigit() else "1") + match["close"]
        number = _number(match["number"])
        if number is None or re.match(r"\d", block.text[match.end() :]):
            last = None
            continue
        again = last is not None and last[0] == form and number == last[1]
        if last is not None and last[0] == form and (again or number not in (1, last[1] + 1)):
            yield Found(
                Span(block.number, match.start(), match.end()),
                f"序号{'重复' if again else '不连续'}：{last[1]} 之后是 {match[0].strip()}",
                also=(Span(last[2].number, 0, len(last[2].text)),), suggestion="重新编号",
            )  # fmt: skip
        last = (form, number + again, block)  # the one after it goes on from what it should be


def _table_numbers(case: Case) -> Iterator[Found]:
    seen: dict[tuple[str, int, int | None], Block] = {}
    previous: tuple[str, int, int | None] | None = None
    for block in case.text.blocks:
        if block.kind not in ("paragraph", "heading") or not caption_and_unit(block.text)[0]:
            continue
        match = TABLE.match(block.text)
        if match is None or "续" in block.text[:3]:
            continue
        key = (match[1], int(match[2]), int(match[3]) if match[3] else None)
        span = Span(block.number, match.start(), match.end())
        if key in seen:
            yield Found(
                span,
                f"表号重复：{match[0].strip()}",
                suggestion="重新编号",
                also=(Span(seen[key].number, 0, len(seen[key].text)),),
            )
        elif previous is not None and previous[0] == key[0]:
            follows = (
                key[1] == previous[1] + 1 if key[2] is None or previous[2] is None
                else (key[1] == previous[1] and key[2] == previous[2] + 1) or (key[1] > previous[1] and key[2] == 1)
            )  # fmt: skip
            if not follows:
                yield Found(
                    span,
                    f"表号不连续：{_table(previous)}之后是{match[0].strip()}",
                    suggestion="重新编号",
                )
        previous = key
        if key in seen:  # the one after it goes on from what it should be
            previous = (
                (key[0], key[1], key[2] + 1) if key[2] is not None else (key[0], key[1] + 1, None)
            )
        seen[key] = block


def references(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find references to tables, figures and articles that there are not."""
    tables: set[tuple[str, int, int | None]] = set()
    figures: set[tuple[str, int, int | None]] = set()
    articles: set[int] = set()
    for block in case.text.blocks:
        for pattern, into in (
            (TABLE, tables),
            (re.compile(r"^\s*(附?图)\s*(\d+)(?:\s*[-—–－.．]\s*(\d+))?"), figures),
        ):
            if (match := pattern.match(_full(block))) is not None:
                into.add((match[1], int(match[2]), int(match[3]) if match[3] else None))
        if (article := ARTICLE.match(_full(block))) is not None and (number := _number(article[1])):
            articles.add(number)
    for name in case.facts.maps:
        if (match := re.match(r"^\s*(附?图)\s*(\d+)(?:\s*[-—–－.．]\s*(\d+))?", name)) is not None:
            figures.add((match[1], int(match[2]), int(match[3]) if match[3] else None))
    for block in case.text.running():
        for match in REFERENCE.finditer(block.text):
            if match["article"]:
                before = block.text[: match.start() + 2]
                number = _number(match["article"])
                if articles and number not in articles and not before.rstrip().endswith("》"):
                    yield Found(
                        Span(block.number, match.start(), match.end()),
                        f"所引第{match['article']}条在文本中没有",
                        suggestion="核对条号",
                    )
                continue
            key = (
                match["kind"],
                int(match["first"]),
                int(match["second"]) if match["second"] else None,
            )
            held = tables if "表" in match["kind"] else figures
            if held and key not in held:
                yield Found(
                    Span(block.number, match.start("kind"), match.end()),
                    f"所引{match[0][match.start('kind') - match.start():]}在文本中没有", suggestion="核对编号，或补充",
                )  # fmt: skip


def _full(block: Block) -> str:
    return f"{block.label}{block.text}" if block.label else block.text


def _in_contents(case: Case, block: Block) -> bool:
    return (
        "目录" in case.headings[block.number]
        or "目 录" in case.headings[block.number]
        or bool(re.search(r"(?:\t|\.{3,}|…{2,})\s*\d+\s*$", block.text[-60:]))
    )


def _label_span(block: Block, label: str) -> Span:
    start = block.text.find(label.strip()) if not block.label else 0
    return Span(
        block.number,
        max(start, 0),
        max(start, 0) + (len(label.strip()) if not block.label else len(block.text)),
    )


def _number(text: str) -> int | None:
    try:
        return parse_numeral(text)
    except ValueError:
        return None


def _table(key: tuple[str, int, int | None]) -> str:
    return f"{key[0]}{key[1]}" + (f"-{key[2]}" if key[2] is not None else "")
