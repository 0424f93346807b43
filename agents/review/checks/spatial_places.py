"""Where the text says that a named thing lies, against the plan database."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from agents.review.case import Case
from agents.review.check import Found
from agents.review.database.measure import share_by
from agents.review.database.objects import Thing, mentions, rows
from agents.review.database.plan import PlanDatabase
from agents.review.document import Span
from cspon.schemas.review import Place

_PLACE_HEADER = re.compile(r"所在|位置|地点|乡镇|区位|选址|属地|坐落")
_LIES = re.compile(
    r"(?:位于|坐落[于在]|地处|选址[于在为]?|落户[于在]?|落位[于在]?|布局[于在]|布置[于在]|安排[于在]|设[于在]|建[于在])"
    r"(?P<where>[^，。；,;（(]{2,30})"
)
_ASIDE = re.compile(
    r"(?:项目|工程|园区|一期|规划|拟|均|全部|主要|总体|整体)*|[^、]{0,12}?\d[^、]{0,20}"
)
"""A clause between a name and where it lies: 面积4公顷, 总投资0.3亿元."""
_BRACKETED = re.compile(r"^[（(](?P<where>[^（）()。；]{2,30})[）)]")
_AHEAD = re.compile(
    r"(?:^|[，。；：、])(?:规划|拟)?在(?P<where>[^，。；：、]{2,16}?)(?:境内|镇区)?(?:规划|拟|新建|建设|布局|布置|实施|推进|安排|选址)+$"
)
_BESIDE = re.compile(r"以[东南西北外]|周边|附近|邻近|毗邻|交界|沿线|之间|公里|千米|距|接壤|方向")
TRACE = 0.005
"""A smaller share is not told."""
ZONE_ROLES = ("urban_area", "urban_development_boundary")
LITTLE = 0.1
"""A thing of which less than this share lies in a town does not lie there."""


_ZONES = (
    ("中心城区", "urban_area", re.compile(r"中心城区(?!以?外)"), True),
    ("城镇开发边界", "urban_development_boundary", re.compile(r"城镇开发边界(?:范围)?以?内"), True),
    (
        "城镇开发边界",
        "urban_development_boundary",
        re.compile(r"城镇开发边界(?:范围)?以?外"),
        False,
    ),
)
"""Areas that are no towns: what they are called, their layer, how texts put something inside or outside."""


@dataclass(frozen=True)
class _Said:
    """Where the text says that a thing lies."""

    thing: Thing
    areas: tuple[str, ...]
    within: bool
    span: Span


def places(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find things that the text puts where the database does not have them."""
    database = case.database
    if database is None:
        return
    towns = {name: database.outline(name) for name in database.towns}
    zones = dict(_zones(database))
    told: dict[tuple[str, tuple[str, ...], bool], list[_Said]] = defaultdict(list)
    for said in _said(case, database, zones):
        if said.thing.role not in ("town", "county"):
            told[said.thing.name, said.areas, said.within].append(said)
    for group in told.values():
        thing, areas = group[0].thing, group[0].areas
        if areas[0] in zones:
            share = share_by(thing.geometry, zones).get(areas[0], 0.0)
            if thing.role in ZONE_ROLES or (
                share >= LITTLE if group[0].within else share <= 1 - LITTLE
            ):
                continue
            real = f"在其内的占 {share:.0%}"
            held: tuple[Place, ...] = ()
        else:
            shares = share_by(thing.geometry, towns)
            if sum(shares.values()) < 1 - LITTLE or sum(shares.get(a, 0) for a in areas) >= LITTLE:
                continue
            named = sorted((t for t in shares if shares[t] >= TRACE), key=lambda t: -shares[t])
            real = "位于" + "、".join(
                f"{t}（{shares[t]:.0%}）" if len(named) > 1 else t for t in named
            )
            held = tuple(_town_place(database, town) for town in named)
        yield Found(
            group[0].span,
            f"文本说{thing.name}在{'、'.join(areas)}{'' if group[0].within else '外'}，数据库中{real}",
            also=tuple(said.span for said in group[1:]),
            evidence=f"图层 {thing.layer.name} 的要素与{'、'.join(areas)}的范围叠加：{real}",
            suggestion="核对位置；文本或数据库择一改正", places=(thing.place, *held),
        )  # fmt: skip


def _zones(database: PlanDatabase) -> Iterator[tuple[str, BaseGeometry]]:
    for name, role, _, _ in _ZONES:
        if (layer := database.layer(role)) is not None:
            yield name, shapely.union_all(layer.geometries)


def _town_place(database: PlanDatabase, town: str) -> Place:
    layer, row = database.towns[town]
    return layer.place(row)


def _said(case: Case, database: PlanDatabase, zones: dict[str, BaseGeometry]) -> Iterator[_Said]:
    for mention in mentions(case, database):
        first = mention.sentence[0]
        lead = mention.block.text[first : mention.start]
        start = mention.end
        match = _lies(mention.behind) or _BRACKETED.match(mention.behind)
        if match is None:
            match, start = _AHEAD.search(lead), first
        if match is not None:
            for areas, within, at, end in _areas_in(match["where"], database, zones):
                begin = start + match.start("where")
                span = Span(mention.block.number, begin + at, begin + end)
                yield _Said(mention.thing, areas, within, span)
    for row in rows(case, database):
        for header, cell in row.cells():
            if _PLACE_HEADER.search(header) and cell.blocks:
                text = case.text.blocks[cell.blocks[0]].text
                for areas, within, at, end in _areas_in(text, database, zones):
                    yield _Said(row.thing, areas, within, Span(cell.blocks[0], at, end))


def _lies(behind: str) -> re.Match[str] | None:
    """Return where the words behind a name put it, as far as they are still about it."""
    match = _LIES.search(behind)
    if match is None:
        return None
    between = re.sub(r"[（(][^（）()]*[）)]", "", behind[: match.start()])
    return match if all(map(_ASIDE.fullmatch, re.split("[，,]", between))) else None


def _areas_in(
    words: str, database: PlanDatabase, zones: dict[str, BaseGeometry]
) -> Iterator[tuple[tuple[str, ...], bool, int, int]]:
    """Yield the areas that words name, whether inside of them, and where the first is named.

    Nothing where the place is beside them, or where part of the name is not in the database.
    """
    if _BESIDE.search(words):
        return
    for name, _, pattern, within in _ZONES:
        if name in zones and (match := pattern.search(words)):
            yield (name,), within, match.start(), match.end()
    named = re.findall(r"[一-鿿]{2,6}?(?:镇|乡|街道)(?![区企开])", words)
    towns = sorted((t for t in database.towns if t in words), key=words.find)
    if towns and len(named) <= len(towns):
        at = words.find(towns[0])
        yield tuple(towns), True, at, at + len(towns[0])
