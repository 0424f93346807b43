"""One sentence on the risks of a place: what an answer begins with."""

from collections.abc import Mapping, Sequence

from tools.risk_assessment.assess import KindRisk
from tools.risk_assessment.book import RiskBook
from tools.risk_assessment.tables import sentence, worst_towns


def headline(
    place: str, year: int, kinds: Sequence[KindRisk], towns: Mapping[str, str], book: RiskBook
) -> str:
    """Say the grade of one kind with its evidence, or of several kinds by grade; then the worst towns."""
    if len(kinds) == 1:
        return _one(place, year, kinds[0], book)
    parts = []
    for grade in (*(g.name for g in reversed(book.grades)), book.missing):
        titles = [kind.title for kind in kinds if kind.grade == grade]
        if titles:
            parts.append(f"{grade} {len(titles)} 类（{'、'.join(titles)}）")
    order = [g.name for g in book.grades]
    worst = max((order.index(g) for g in towns.values() if g in order), default=-1)
    named = [t for t, g in towns.items() if worst >= 0 and g == order[worst]]
    where = ""
    if named and worst >= order.index(book.respond_from):
        where = f"；等级最高的乡镇：{'、'.join(named)}（{order[worst]}）"
    return f"{place} {year} 年开发保护风险：{'，'.join(parts)}{where}。"


def _one(place: str, year: int, kind: KindRisk, book: RiskBook) -> str:
    known = [m for m in kind.measured if m.grade == kind.grade and m.value is not None]
    why = f"（{'；'.join(sentence(m) for m in known)}）" if known else ""
    name = kind.title if kind.title.endswith("风险") else f"{kind.title}风险"
    if not kind.towns:
        where = "只有全域数据，不能分乡镇"
    elif places := worst_towns(kind, book):
        where = f"等级最高的乡镇：{'、'.join(places)}"
    else:
        where = f"没有达到“{book.respond_from}”的乡镇"
    return f"{place} {year} 年{name}等级为“{kind.grade}”{why}；{where}。"
