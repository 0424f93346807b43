"""Projects that lie in a control line, and control lines that lie over each other."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import shapely

from agents.review.case import Case
from agents.review.check import Found
from agents.review.database.measure import (
    SLIVER_M2,
    SLIVER_WIDTH_M,
    Overlap,
    between,
    hectares,
    inside,
    outside,
)
from agents.review.database.objects import Thing, key_of, mentions, rows, things
from agents.review.database.plan import Layer, PlanDatabase, layer_kinds
from agents.review.document import Span
from agents.review.quantities.statements import sentences
from agents.review.quantities.tables import TOTAL
from cspon.schemas.knowledge import Basis
from cspon.schemas.review import Severity
from tools.rules.load import load_rules

BOUNDARY = "urban_development_boundary"
AVOIDED = ("permanent_basic_farmland", "ecological_redline")
LINES = (*AVOIDED, BOUNDARY)
MOST_PLACES = 5
MOST_NAMED = 8
LEAST_M = 10.0
"""Shorter stretches of a line count nothing."""
TOLERANCE = f"小于 {SLIVER_M2:g} 平方米或窄于 {SLIVER_WIDTH_M:g} 米的碎块不计"
_PROJECT_HEADER = re.compile(r"(?:项目|工程)(?:名称)?\s*$")
_TYPE_HEADER = re.compile(r"类型|类别|性质|分类")
_SHARED = re.compile(
    r"(?:重叠|交叉|重合)(?:的?(?:面积|部分|范围|区域))*(?:约|为|有|共|计|达到?|合计|\s)*\d[\d.,]*\s*(?:公顷|亩|万亩|平方[千公]?[米里])"
    r"|(?:存在|仍有|尚有)[^，。；、]{0,8}(?:重叠|交叉|重合)"
)
_WITHIN = re.compile(
    r"(?:生态保护红线|城[镇市]开发边界)(?:范围)?以?内(?:仍|尚|还)?(?:有|保留|包含|含|分布有?|划定)[^，。；、]{0,6}永久基本农田"
)
_SETTLED = re.compile(
    r"不|无|未|没有|避免|消除|化解|处置|调整|调出|原|历史|退出|整改|解决|如|若|涉及|发现|应|须|禁止|严禁"
)
_NAMES = {
    "permanent_basic_farmland": "永久基本农田", "ecological_redline": "生态保护红线|生态红线",
    BOUNDARY: "城[镇市]开发边界",
}  # fmt: skip


@dataclass(frozen=True)
class _Said:
    """What the text says of a project."""

    spans: tuple[Span, ...]
    """Where it names it, the list first."""
    words: str
    """Name and types, as text and database have them."""


def conflicts(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find projects on permanent basic farmland or in the redline, and urban ones outside the boundary."""
    database = case.database
    if database is None:
        return
    _remark_on_unknown(case, database)
    said = _said(case, database)
    for key, project in things(database).items():
        if project.role != "projects":
            continue
        told = said.get(key, _Said((), f"{project.name} {project.kind}"))
        met = list(_met(database, project, told.words, parameters))
        if not met:
            continue
        first, *others = told.spans or (None,)
        listed = "、".join(
            f"城镇开发边界外 {_measure(project, over)}" if role == BOUNDARY
            else f"{over.layer.kind.title}内 {_measure(project, over)}"
            for role, over in met
        )  # fmt: skip
        argued = re.search(parameters["argued"], told.words) is not None
        polygon = shapely.get_dimensions(project.geometry) == 2
        yield Found(
            first,
            f"{project.name}位于{listed}" + "，须论证难以避让并按规定报批" * argued,
            also=tuple(span for span in others if span is not None),
            evidence=f"图层 {project.layer.name} 与{'、'.join(o.layer.name for _, o in met)} 叠加；{TOLERANCE}",
            suggestion="比选避让；确实难以避让的补充论证和审批依据" if argued else "调整选址或用地范围",
            severity=Severity.GENERAL if argued or not polygon else None,
            basis=tuple(b for role, _ in met for b in _basis(role)),
            places=(
                project.place,
                *(over.layer.place(row) for _, over in met for row in over.rows[:MOST_PLACES]),
            ),
        )  # fmt: skip


def _said(case: Case, database: PlanDatabase) -> dict[str, _Said]:
    """Return what the text says of each project, by its key."""
    found: dict[str, tuple[list[Span], list[str]]] = {}
    keys = {id(thing): key for key, thing in things(database).items() if thing.role == "projects"}
    for row in rows(case, database):
        if id(row.thing) in keys and row.cell.blocks:
            spans, words = found.setdefault(keys[id(row.thing)], ([], []))
            spans.append(case.whole(case.text.blocks[row.cell.blocks[0]]))
            words += [cell.text for header, cell in row.cells() if _TYPE_HEADER.search(header)]
    for mention in mentions(case, database):
        if id(mention.thing) in keys:
            found.setdefault(keys[id(mention.thing)], ([], []))[0].append(mention.span)
    known = things(database)
    return {
        key: _Said(tuple(spans), " ".join([known[key].name, known[key].kind, *words]))
        for key, (spans, words) in found.items()
    }


def _remark_on_unknown(case: Case, database: PlanDatabase) -> None:
    """Note the projects of the list that the database does not hold."""
    if database.layer("projects") is None:
        return
    known, missing = things(database), []
    for table in case.text.tables:
        for column in range(len(table.grid[0]) if table.headers else 0):
            head = table.grid[table.headers - 1][column]
            if head is None or not _PROJECT_HEADER.search(head.text):
                continue
            cells = [line[column] for line in table.grid[table.headers :]]
            names = [cell.text.strip() for cell in cells if cell is not None]
            missing += [n for n in names if n and not TOTAL.match(n) and key_of(n) not in known]
    if missing:
        shown = "、".join(missing[:MOST_NAMED]) + "等" * (len(missing) > MOST_NAMED)
        why = f"{len(missing)} 个项目在数据库中没有同名要素，位置、面积和控制线未核对：{shown}"
        database.remarks["文本所列项目"] = why


def _met(
    database: PlanDatabase, project: Thing, words: str, parameters: dict[str, Any]
) -> Iterator[tuple[str, Overlap]]:
    """Yield the lines that a project should not be in, or outside of, with what it has there."""
    for role in AVOIDED:
        layer = database.layer(role)
        if layer is None or re.search(parameters["allowed"][role], words):
            continue
        over = inside(database, project.geometry, layer)
        if over.area_m2 > 0 or _length_m(project, over) > LEAST_M or _is_point(project, over):
            yield role, over
    layer = database.layer(BOUNDARY)
    urban = re.search(parameters["urban"], words) and not re.search(parameters["not_urban"], words)
    if layer is not None and urban and shapely.get_dimensions(project.geometry) == 2:
        over = outside(database, project.geometry, layer)
        if over.area_m2 > 0:
            yield BOUNDARY, over


def _measure(project: Thing, over: Overlap) -> str:
    if _is_point(project, over):
        return "（按示意点位）"
    if length := _length_m(project, over):
        return f"{length:.0f} 米（按中心线）"
    return f"{hectares(over.area_m2)}（{over.patches} 处）"


def _is_point(project: Thing, over: Overlap) -> bool:
    return bool(shapely.get_dimensions(project.geometry) == 0 and over.rows)


def _length_m(project: Thing, over: Overlap) -> float:
    """Return which length of a project that is drawn as a line lies in a control line."""
    if shapely.get_dimensions(project.geometry) != 1:
        return 0.0
    around = shapely.union_all(over.layer.geometries[list(over.rows)])
    return float(shapely.intersection(project.geometry, around).length)


def _basis(role: str) -> Iterator[Basis]:
    """Yield the clauses on which the compliance check judges a line, those for what is barred."""
    rule = next(rule for rule in load_rules() if rule.id == role)
    for clause in rule.basis:
        if not clause.when or {"barred", "partly_barred"} & set(clause.when):
            yield clause.plain()


def overlaps(case: Case, parameters: dict[str, Any]) -> Iterator[Found]:
    """Find control lines that lie over each other, in the database or by the words of the text."""
    yield from _said_overlaps(case)
    if case.database is None:
        return
    layers = [layer for role in LINES if (layer := case.database.layer(role)) is not None]
    for one, other in combinations(layers, 2):
        first, second = between(case.database, one, other)
        if first.area_m2 > 0:
            yield _overlap(one, other, first, second)


def _overlap(one: Layer, other: Layer, first: Overlap, second: Overlap) -> Found:
    return Found(
        None,
        f"{one.kind.title}与{other.kind.title}重叠 {hectares(first.area_m2)}（{first.patches} 处），"
        f"涉及要素各 {len(first.rows)} 个、{len(second.rows)} 个",
        evidence=f"图层 {one.name} 与 {other.name} 叠加，重叠处只计一次；{TOLERANCE}",
        suggestion="协调三条控制线后重新划定，同步修改文本和图件",
        places=tuple(over.layer.place(row) for over in (first, second) for row in over.rows[:MOST_PLACES]),
    )  # fmt: skip


def _said_overlaps(case: Case) -> Iterator[Found]:
    for block in case.text.running():
        for start, sentence in sentences(block.text):
            match = _SHARED.search(sentence) or _WITHIN.search(sentence)
            if match is None or _SETTLED.search(sentence):
                continue
            lines = [r for r, words in _NAMES.items() if re.search(words, sentence[: match.end()])]
            if len(lines) < 2:
                continue
            named = "与".join(layer_kinds()[role].title for role in lines)
            yield Found(
                Span(block.number, start + match.start(), start + match.end()),
                f"文本写明{named}重叠，三条控制线不应交叉重叠",
                suggestion="协调三条控制线后重新划定",
            )
