"""Outcomes on a bureau's own lines, which a catalogue names and no clause is on."""

from collections.abc import Iterable

from cspon.schemas.spatial import LineOverlap, RuleOutcome, Verdict
from tools.catalogue_entries import CUSTOM

_OWN = "该线由本单位在图层目录中指定，没有对应的法规条文"


def own_line_outcomes(
    lines: Iterable[LineOverlap], outside_county_ha: float
) -> dict[str, tuple[RuleOutcome, str]]:
    """Return outcome and clause of the headline for each of a bureau's own lines, by role."""
    found = {}
    for line in lines:
        if line.role.startswith(CUSTOM) and line.present:
            verdict, message, clause = _judge(line)
            if verdict is Verdict.PASS and outside_county_ha > 0:
                verdict = Verdict.MISSING_DATA
                message += f"；但项目有 {outside_county_ha:.4f} 公顷没有数据，不能判为符合"
            outcome = RuleOutcome(
                rule_id=line.role,
                title=f"{line.title}（自定义）",
                verdict=verdict,
                message=f"{message}。{_OWN}。",
                line=line.role,
                area_ha=line.outside_ha if line.control == "within" else line.area_ha,
                verified=False,
            )
            found[line.role] = outcome, clause
    return found


def _judge(line: LineOverlap) -> tuple[Verdict, str, str]:
    """Return verdict, message and clause of the headline."""
    inside, outside = line.area_ha or 0.0, line.outside_ha or 0.0
    if line.control == "within":
        if outside == 0:
            return Verdict.PASS, f"全部位于{line.title}内", ""
        clause = f"有 {outside:.4f} 公顷位于{line.title}外"
    elif inside == 0 and line.patches == 0:
        return Verdict.PASS, f"不涉及{line.title}", ""
    else:
        clause = f"占用{line.title} {inside:.4f} 公顷"
    mu = (outside if line.control == "within" else inside) * 15.0
    if line.control == "inform":
        return Verdict.PASS, f"{clause}（{mu:.2f} 亩），只作提示", ""
    return Verdict.NEEDS_STUDY, f"{clause}（{mu:.2f} 亩），须按本单位要求论证", clause
