"""Titles of maps against the text: the region that they name, their years and figures."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.document import Anchor, Block, Span
from agents.review.quantities.statements import Quantity, quantities_of

WHOLE = ("", "全域", "市域", "县域", "区域", "镇域", "乡域", "村域")
HEAD_BLOCKS = 40
"""How far into the text its own title is looked for."""
_LINE = re.compile(
    r"^\s*(?:[（(]?\d{1,3}[）)、.．]?\s*)?(?:附?图\s*[\d.\-—–]+\s*[：:、．]?\s*)?(?P<title>[^，。；：]{3,50}图(?:[（(][^（）()]{1,24}[）)])?)\s*$"
)
_QUOTED = re.compile(r"《(?P<title>[^《》]{3,50}图(?:[（(][^（）()]{1,24}[）)])?)》")
_TERM = re.compile(r"(?P<from>20\d\d)\s*年?\s*(?:[-—–~～]{1,2}|至|到)\s*(?P<to>20\d\d)")
_YEAR = re.compile(r"(?<!\d)(?P<year>(?:19|20)\d\d)(?=\s*年|[）)]|$)")
_PRESENT = re.compile(r"现状|基期|基数|基准")
_REGIONS = re.compile(r"[一-鿿]{2,8}?(?:省|自治区|自治州|市|自治县|县|区|镇|乡|街道|村)")
_OWN = re.compile(
    r"^\s*(?P<region>[一-鿿]{2,8}?[市县区镇乡村])(?=国土空间|[一-鿿]{0,4}总体规划|村庄规划)"
)
_ABOUT = r"(?=国土|总体|规划|现状|中心城|城[镇市区]|[市县镇乡村]域|[镇乡集]区|生态|永久|农|综合|历史|土地|用地|产业|公共|基础|空间|三|重|主体|行政)"
_NO_REGION = re.compile(
    r"^(?:全|本|各|城|该|乡|中心|重点|建制|小|特色|中心城|主城|新|工业|开发|保护|规划|行政|功能|自然保护|城市?)$|[分园新片]$"
)


@dataclass(frozen=True)
class _Title:
    text: str
    block: Block | None
    start: int
    """Where it begins in the block."""

    def span(self, start: int, end: int) -> Span | None:
        """Return the place of some of its characters; None where the title stands in no file."""
        if self.block is None:
            return None
        return Span(self.block.number, self.start + start, self.start + end)


def titles(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find titles of maps with another region, year or figure than the text."""
    region = _region(case)
    stated = [*case.quantities, *(e.quantity for e in case.entries if e.role == "value")]
    for title in _titles(case):
        yield from _other_region(title, region)
        yield from _years(case, title)
        yield from _figures(case, title, stated)


def _titles(case: Case) -> Iterator[_Title]:
    """Yield the titles in the text, then those of the list of maps that do not stand there."""
    seen: set[str] = set()
    for block in case.text.blocks:
        line = _LINE.match(block.text) if block.kind in ("paragraph", "cell") else None
        for match in [line] if line else _QUOTED.finditer(block.text):
            seen.add(_bare(match["title"]))
            yield _Title(match["title"], block, match.start("title"))
    for text in case.facts.maps:
        if _bare(text) in seen:
            continue
        held = next((b for b in case.text.blocks if text in b.text), None)
        yield _Title(text, held, held.text.find(text) if held else 0)


def _bare(title: str) -> str:
    return re.sub(r"\s|^(?:附?图)?[\d.\-—–、．：:]*", "", title)


def _region(case: Case) -> str:
    """Return the region of the plan, as given or as the text's own title says."""
    given = _REGIONS.findall(case.facts.region)
    if given:
        return str(given[-1])
    for block in case.text.blocks[:HEAD_BLOCKS]:
        if match := _OWN.match(block.text):
            return match["region"]
    return ""


def _other_region(title: _Title, region: str) -> Iterator[Found]:
    if len(region) < 3 or region in title.text:
        return
    match = re.match(rf"(?P<name>[一-鿿]{{2,5}}?){region[-1]}{_ABOUT}", title.text)
    if match is None or _NO_REGION.search(match["name"]):
        return
    name = title.text[: match.end()]
    yield Found(
        title.span(0, len(name)), f"图名“{title.text}”写的是{name}，本规划是{region}",
        suggestion=f"核对图件，图名改为{region}",
    )  # fmt: skip


def _years(case: Case, title: _Title) -> Iterator[Found]:
    years = case.years
    if term := _TERM.search(title.text):
        last = years.near if "近期" in title.text else years.target
        if last is not None and int(term["to"]) != last:
            yield _wrong_year(
                title,
                term.span("to"),
                term["to"],
                "规划期末" if last == years.target else "近期",
                last,
            )
        elif (
            years.base is not None
            and int(term["from"]) not in (years.base, years.base + 1)
            and _base_is_said(case)
        ):
            yield _wrong_year(title, term.span("from"), term["from"], "基期", years.base)
        return
    for match in _YEAR.finditer(title.text):
        if _PRESENT.search(title.text):
            name, wanted = "基期", years.base if _base_is_said(case) else None
        elif "近期" in title.text:
            name, wanted = "近期", years.near
        elif "远景" in title.text:
            name, wanted = "远景", years.outlook
        else:
            name, wanted = "目标年", years.target
        if wanted is not None and int(match["year"]) != wanted:
            yield _wrong_year(title, match.span("year"), match["year"], name, wanted)


def _wrong_year(title: _Title, where: tuple[int, int], year: str, name: str, wanted: int) -> Found:
    return Found(
        title.span(*where), f"图名“{title.text}”的年份为 {year} 年，文本的{name}为 {wanted} 年",
        suggestion="核对图件的年份后统一",
    )  # fmt: skip


def _base_is_said(case: Case) -> bool:
    """Say whether the base year is stated, and not only taken for the year before the first."""
    if case.facts.years.base is not None:
        return True
    return any(re.search(r"基期|基准年|现状年", b.text) for b in case.text.running())


def _figures(case: Case, title: _Title, stated: list[Quantity]) -> Iterator[Found]:
    own = Block(-1, title.text, "paragraph", Anchor())
    for quantity in quantities_of(own):
        value = quantity.value
        if not quantity.known or not value.measure or value.change:
            continue
        others = [
            q
            for q in stated
            if q.subject == quantity.subject
            and q.value.measure == value.measure
            and not q.value.change
            and q.scope in WHOLE
            and case.year_of(q) in (None, case.year_of(quantity) or case.years.target)
            and (title.block is None or q.span.block != title.block.number)
        ]
        if not others or any(_same(quantity, other) for other in others):
            continue
        first = others[0]
        yield Found(
            title.span(quantity.span.start, quantity.span.end),
            f"图名“{title.text}”的{quantity.subject}为 {value.words}，文本为 {first.value.words}",
            also=(first.span,), suggestion="核对后统一",
        )  # fmt: skip


def _same(one: Quantity, other: Quantity) -> bool:
    slack = max(one.value.step, other.value.step)
    return one.value.low <= other.value.high + slack and other.value.low <= one.value.high + slack
