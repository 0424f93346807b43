"""What the text says of a named thing's area, against the plan database."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from agents.review.case import Case
from agents.review.check import Found
from agents.review.database.measure import database_area, hectares, measured
from agents.review.database.objects import ADMIN, Mention, Thing, mentions, rows
from agents.review.database.plan import TOWN, PlanDatabase, layer_kinds
from agents.review.database.together import together
from agents.review.document import Span
from agents.review.quantities.find import Value
from agents.review.quantities.statements import Quantity

HECTARE = Fraction(10_000)
SHARE = Fraction(1, 100)
_AREA_HEADER = re.compile(
    r"(?:.*/)?(?:项目|规划|拟|总|保护地?|红线)*(?:用地|占地|国土|土地|辖区|行政区域?)?总?(?:面积|规模)(?:[（(][^（）()]*[）)])?"
)
_TERRITORY = re.compile(r"国土(?!空间)|土地总|辖区|行政区|幅员")
_STRAIGHT = re.compile(
    r"(?:[（(][^（）()]*[）)])?(?:的|项目|工程|规划|拟|总|保护|划定|，|,)*(?:用地|占地|国土|土地|辖区|行政区域?|幅员|区域)?(?:总?(?:面积|规模)|(?<=[用占]地))"
    r"(?:约|为|是|共|计|达到?|：|:|\s)*"
)
_TOWN_AREA = re.compile(r"的?总?面积(?:约|为|是|共|计|达到?|：|:|\s)*")
_BEGINS = re.compile(r"(?:^|[，,；：:、）)])\s*$")
_IN_BRACKETS = re.compile(
    r"[（(](?:[^（）()，,、]{0,12}[，,、])?(?:(?:规划|拟|总)?(?:用地|占地)?(?:面积|规模)?|用地|占地)(?:约|为|：|:|\s)*"
)
_OF_SITE = re.compile(
    r"(?:项目|规划|拟|总|其)*(?:用地|占地)(?:总?(?:面积|规模))?(?:约|为|是|共|计|达到?|：|:|\s)*$"
)
_ASIDE = re.compile(
    r"(?:规划|拟|项目|计划|工程)*(?:(?:位于|坐落|地处|选址|布局|落户|总?投资|估算|建设|处理|日处理|规模|性质|类型|属|为|新建|改建|扩建|迁建|"
    r"在建|\d)[^、]{0,30})?"
)
"""A clause between a project's name and its area."""
_PART = re.compile(r"中心城区|镇区|城区|集镇|近期|片区|组团|单元")
_OTHER_AREAS = re.compile(r"占用|新增|耕地|建筑|涉及")
_NOT_ALL = re.compile(r"其中|新增|占用|涉及|一期|二期|近期|剩余|已建|现状|扩建|耕地|建筑|绿地|分别")


def areas(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find areas of named things that are not those of their features."""
    if case.database is None:
        return
    stated: dict[tuple[str, Fraction], list[tuple[Thing, Span, Value]]] = defaultdict(list)
    for thing, span, value in _stated_areas(case, case.database):
        stated[thing.name, value.low].append((thing, span, value))
    wrong: dict[str, list[Found]] = defaultdict(list)
    compared: Counter[str] = Counter()
    for group in stated.values():
        thing, span, value = group[0]
        area = measured(thing.layer, list(thing.rows))
        if not area.ellipsoidal:
            continue
        compared[thing.role] += 1
        held = Fraction(area.best)
        slack = max(min(HECTARE, held * SHARE), value.step / 2) * (2 if value.about else 1)
        if value.bound != "=" or area.agrees(value.low, value.high, slack):
            continue
        found = Found(
            span,
            f"{thing.name}的面积文本为 {_told(value)}，数据库为 {database_area(area.best, value)}，"
            f"相差 {hectares(float(abs(held - value.low)))}",
            also=tuple(other for _, other, _ in group[1:]),
            evidence=f"{area.told}；容差为 1 公顷（不足 100 公顷的为 1%）与书写精度中较大者",
            suggestion="核对文本与数据库的面积", places=(thing.place,),
        )  # fmt: skip
        wrong[thing.role].append(found)
    for role, founds in wrong.items():
        yield from together(founds, compared[role], f"{layer_kinds()[role].title}的面积")


def _stated_areas(case: Case, database: PlanDatabase) -> Iterator[tuple[Thing, Span, Value]]:
    yield from _in_text(case, database)
    yield from _in_tables(case, database)


def _in_text(case: Case, database: PlanDatabase) -> Iterator[tuple[Thing, Span, Value]]:
    by_block: dict[int, list[Quantity]] = defaultdict(list)
    for quantity in case.quantities:
        if quantity.value.measure == "平方米" and not quantity.value.change:
            by_block[quantity.span.block].append(quantity)
    found = list(mentions(case, database))
    for number, mention in enumerate(found):
        if mention.thing.role == "county" and not TOWN.search(mention.thing.name):
            continue  # an indicator of the whole plan
        if mention.thing.role == "urban_development_boundary":
            continue  # an indicator of its town
        above = f"{case.headings[mention.block.number]} {mention.block.text[: mention.start]}"
        if mention.thing.role == "planning_zones" and _is_part(above, database):
            continue
        after = found[number + 1] if number + 1 < len(found) else None
        for quantity in by_block[mention.block.number]:
            if _is_of(mention, quantity, after):
                yield mention.thing, quantity.span, quantity.value
                break


def _in_tables(case: Case, database: PlanDatabase) -> Iterator[tuple[Thing, Span, Value]]:
    cells = {(e.table, e.row, e.column): e for e in case.entries if e.role == "value"}
    for row in rows(case, database):
        caption = row.table.caption
        above = f"{case.headings[row.cell.blocks[0]]} {caption}"
        zone = row.thing.role == "planning_zones"
        if _OTHER_AREAS.search(caption) or (zone and _is_part(above, database)):
            continue
        for header, cell in row.cells():
            entry = cells.get((row.table.number, row.row, cell.column))
            if entry is None or entry.quantity.value.measure != "平方米":
                continue
            if not _AREA_HEADER.fullmatch(header) or _NOT_ALL.search(header):
                continue
            if row.thing.role not in ADMIN or _TERRITORY.search(header + caption):
                yield row.thing, entry.quantity.span, entry.quantity.value
                break


def _is_part(above: str, database: PlanDatabase) -> bool:
    """Say whether the words before name a part of the plan's area, of which zones have areas of their own."""
    return bool(_PART.search(above)) or any(town in above for town in database.towns)


def _is_of(mention: Mention, quantity: Quantity, after: Mention | None) -> bool:
    """Say whether a sentence states a figure as the area of the thing that it has named."""
    start = quantity.span.start
    if not mention.end <= start < mention.sentence[1]:
        return False
    nearer = after is not None and after.block is mention.block and after.start < start
    if nearer and after and (after.thing.role not in ADMIN or mention.thing.role in ADMIN):
        return False
    between = mention.block.text[mention.end : start]
    if mention.thing.role == "urban_area" and "地" in between:
        return False  # its land for building is another matter
    if _STRAIGHT.fullmatch(between):
        lead = mention.block.text[mention.sentence[0] : mention.start]
        begins = _BEGINS.search(lead) and _TOWN_AREA.fullmatch(between)
        return mention.thing.role not in ADMIN or bool(_TERRITORY.search(between) or begins)
    if mention.thing.role == "projects" and _IN_BRACKETS.fullmatch(between):
        return not _NOT_ALL.search(between)
    site = _OF_SITE.search(between) if mention.thing.role == "projects" else None
    if site is None or _NOT_ALL.search(between):
        return False
    aside = re.sub(r"[（(][^（）()]*[）)]", "", between[: site.start()])
    return all(map(_ASIDE.fullmatch, re.split("[，,]", aside)))


def _told(value: Value) -> str:
    return value.words if value.unit in value.words else f"{value.words}{value.unit}"
