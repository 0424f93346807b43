"""Areas that a text states of an indicator of the whole plan or of a town, as far as that is certain.

Only a figure that follows the indicator's name with nothing but words like 面积不低于 between counts;
areas that are taken from it (占用, 新增), of other places or of other years are left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.review.case import Case
from agents.review.database.plan import TOWN, PlanDatabase
from agents.review.document import Span
from agents.review.quantities.find import Value
from agents.review.quantities.statements import Quantity
from agents.review.quantities.subjects import named_in
from agents.review.quantities.tables import Entry

WHOLE = ("", "全域", "市域", "县域", "区域", "镇域", "乡域", "村域")
_WORDS = (
    r"(?:到|至)?(?:19|20)\d\d年末?|规划期?末?内?|全[市县区镇乡村域]|[市县镇乡村]域|[我本该][市县镇乡村]|辖区|规划范围|划定|划入|落实|下达|上级|国家|省级?|市级|"
    r"严格|切实|优先|足额|全面|依法|带位置|保护|严守|守住|守牢|坚守|确保|保障|保持|维持|科学|统筹|完成|实现|明确|确定|现有|现状|其中|总|共|合计|共计|的|内|到|至|将|把"
)
_BETWEEN = re.compile(
    rf"(?:{_WORDS}|保护|管控|目标|任务|指标|面积|规模|数量|范围|围合|不得?(?:低于|少于|小于|突破|超过|大于)|不减少|至少|控制线?|稳定|红线|底线|"
    r"划|达到?|约|为|是|有|在|以|[，：:≥≤（()）\s])*"
)
_TASK = re.compile(r"任务|下达|上级|分解")
_PART = re.compile(r"中心城区|镇区|城区|集镇|近期|流域|片区|组团|单元")
_ALL = re.compile(r"全[市县区镇乡村域]|[市县镇乡村]域")
_LABEL = re.compile(
    r"^\s*(?:第[一二三四五六七八九十百\d]+条|[（(]?[一二三四五六七八九十\d]{1,3}[）).．、]|[一二三四五六七八九]是)?\s*"
)


@dataclass(frozen=True)
class Claim:
    """An area that the text states."""

    span: Span
    value: Value
    subject: str
    town: str
    """A town of the database; empty: the whole."""
    year: int | None
    role: str
    """`text` or `table`."""
    is_task: bool = False
    """What is handed down from above, which may be less than what was drawn."""

    @property
    def told(self) -> str:
        """The figure as written, with the unit of its table."""
        words, unit = self.value.words, self.value.unit
        return words if unit in words else f"{words}{unit}"


def claims(case: Case, database: PlanDatabase) -> Iterator[Claim]:
    """Yield what the text and its tables state of areas, in order."""
    for quantity in case.quantities:
        if not _is_area(quantity) or not _is_dated(case, quantity):
            continue
        clause = _clause(case, quantity)
        town = None if clause is None else _told_town(case, database, quantity, clause)
        if clause is not None and town is not None:
            yield _claim(case, quantity, town, "text", bool(_TASK.search(clause)))
    for entry in case.entries:
        if _is_area(entry.quantity) and entry.role == "value":
            town = _town(case, database, entry.quantity.scope, _above(case, entry))
            if town is not None and _is_dated(case, entry.quantity):
                yield _claim(case, entry.quantity, town, "table", bool(_TASK.search(entry.label)))


def _claim(case: Case, quantity: Quantity, town: str, role: str, is_task: bool) -> Claim:
    year = case.year_of(quantity)
    return Claim(quantity.span, quantity.value, quantity.subject, town, year, role, is_task)


def _is_dated(case: Case, quantity: Quantity) -> bool:
    """Say whether it is known of which year a figure is; without a word it is of the plan's end."""
    return quantity.when in ("", "target") or case.year_of(quantity) is not None


def _is_area(quantity: Quantity) -> bool:
    value = quantity.value
    return quantity.known and value.measure == "平方米" and not value.change and value.low > 0


def _clause(case: Case, quantity: Quantity) -> str | None:
    """Return what stands before the name of a figure's subject in its clause, with the words between.

    None where the figure does not stand right behind the name, or is only a part of it.
    """
    lead = _sentence(case, quantity)
    named = [n for n in named_in(lead) if n.name == quantity.subject]
    if not named or not _BETWEEN.fullmatch(lead[named[-1].end :]):
        return None
    text = case.text.blocks[quantity.span.block].text
    if re.match(r"\s*以外|\s*的?重叠", text[quantity.span.end :]):
        return None
    clause = re.split(r"[，、：]", lead[: named[-1].start])[-1]
    return _LABEL.sub("", clause) + lead[named[-1].end :]


def _sentence(case: Case, quantity: Quantity) -> str:
    """Return the sentence of a figure as far as the figure."""
    text = case.text.blocks[quantity.span.block].text
    start = max(text.rfind(mark, 0, quantity.span.start) for mark in "。；！？\n") + 1
    return text[start : quantity.span.start]


def _told_town(case: Case, database: PlanDatabase, quantity: Quantity, clause: str) -> str | None:
    """Return the town of a figure of the text, empty for the whole plan, None where that is open."""
    block = case.text.blocks[quantity.span.block]
    lead = _LABEL.sub("", _sentence(case, quantity))
    own = [t for t in database.towns if t in clause]
    bare = clause
    for name in (*own, *_regions(case, database)):
        bare = bare.replace(name, "") if name else bare
    if not _BETWEEN.fullmatch(bare) or len(own) > 1:
        return None
    if own:
        several = re.search(rf"(?:镇|乡|街道)[、和与及]\s*{re.escape(own[0])}", lead)
        return None if several else own[0]
    towns = [t for t in database.towns if t in lead]
    if len(towns) == 1 and lead.startswith(towns[0]):
        return towns[0]
    before = block.text[: quantity.span.start]
    if (towns or any(t in before for t in database.towns)) and not _ALL.search(clause):
        return None
    return _town(case, database, quantity.scope, case.headings[block.number])


def _regions(case: Case, database: PlanDatabase) -> list[str]:
    """Return how the text may call the whole area of the plan."""
    county = database.layer("county")
    names = [n for n in (county.names if county else ()) if n and not TOWN.search(n)]
    return [case.facts.region, *names]


def _above(case: Case, entry: Entry) -> str:
    block = case.text.blocks[entry.quantity.span.block]
    return f"{case.headings[block.number]} {case.text.tables[entry.table].caption}"


def _town(case: Case, database: PlanDatabase, scope: str, above: str) -> str | None:
    """Return the town of a figure, empty for the whole plan, None where it is of some other place."""
    region = case.facts.region
    own = next((t for t in database.towns if region.endswith(t)), "")
    own = own if len(database.towns) > 1 else ""
    if scope in database.towns:
        return scope  # of a table: the name of its row
    if scope not in WHOLE:
        return own if region and region.endswith(scope) else None
    towns = [t for t in database.towns if t in above and t != own]
    if len(towns) > 1 or _PART.search(above):
        return None
    return towns[0] if towns and not scope else own
