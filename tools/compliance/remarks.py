"""Sentences about a whole result: its headline, what is not known, and what a reader must beware of."""

from collections.abc import Iterable

from cspon.schemas.spatial import RuleOutcome, Verdict
from tools.compliance.rounding import hectares
from tools.compliance.survey import Survey
from tools.geometry.area import M2_PER_HA
from tools.rules.evaluate import headlines, not_taken_in, switched_off, worst
from tools.rules.lines import role_title
from tools.rules.load import unchecked
from tools.rules.model import ProjectType, Rule, Site

MOST_CLAUSES, MOST_TITLES = 4, 3
"""What one sentence can hold; the rest is counted."""


def headline(site: Site, outcomes: tuple[RuleOutcome, ...], own_clauses: Iterable[str] = ()) -> str:
    """Say in one sentence whether the site is feasible and why.

    Args:
        site: What the rules were told.
        outcomes: All of them.
        own_clauses: Clauses on the bureau's own lines that need study.
    """
    verdict = worst(outcomes)
    said = headlines(site, verdict)
    if verdict is Verdict.NEEDS_STUDY:
        said += own_clauses
    clauses = _listed(said, MOST_CLAUSES, "项")
    missing = _listed(
        [o.title for o in outcomes if o.verdict is Verdict.MISSING_DATA], MOST_TITLES, "条规则"
    )
    if verdict is Verdict.FAIL:
        also = f"；另因数据缺失，{missing}未能判定" if missing else ""
        return f"选址不可行（不符合）：{clauses}，应先调整选址避让{also}。"
    if verdict is Verdict.MISSING_DATA:
        return f"不能判定选址是否可行（数据缺失）：{missing}未能判定，补齐数据后重新检查。"
    if verdict is Verdict.NEEDS_STUDY:
        return f"选址须论证后方可确定（需论证）：{clauses}。"
    return "选址可行（符合）：未发现控制线冲突，按程序办理用地手续。"


def _listed(words: list[str], most: int, unit: str) -> str:
    """List words; where there are too many, the first of them and how many there are."""
    unique = list(dict.fromkeys(words))
    shown = "、".join(unique[:most])
    return shown if len(unique) <= most else f"{shown}等 {len(unique)} {unit}"


def unknowns(
    survey: Survey, outcomes: tuple[RuleOutcome, ...], rules: tuple[Rule, ...], kind: ProjectType
) -> tuple[str, ...]:
    """Say what was not checked or is not known, what concerns this project first."""
    said = []
    if kind.id == "unspecified":
        said.append(f"项目类型未说明，{kind.note}。")
    if survey.catalogue.synthetic:
        said.append("图层为合成数据，仅供演示，结论不得用于实际项目。")
    unseen = [o.title for o in outcomes if not o.verified and o.verdict is not Verdict.PASS]
    if unseen:
        said.append(f"以下规则的部分依据或归类未见原文，须以原文核对：{'、'.join(unseen)}。")
    for entry in survey.catalogue.absent:
        titles = [rule.title for rule in rules if rule.line == entry.role]
        title = role_title(entry.role)
        left = f"，未适用：{'、'.join(titles)}" if titles else ""
        said.append(f"{title}：{entry.reason.rstrip('。')}（数据提供方声明，未核实）{left}。")
    return (*said, *switched_off().values(), *not_taken_in(), *unchecked())


def warnings(survey: Survey, sliver_m2: float) -> tuple[str, ...]:
    """Say what the data made us do: contact, parts without data, overlaps, repairs."""
    said = []
    for conflict in survey.conflicts.values():
        group = conflict.patches
        if group.contact_m2 >= 0.01:
            said.append(
                f"与{conflict.title}有合计 {group.contact_m2:.2f} 平方米的细碎重叠，"
                f"单块不足 {sliver_m2:g} 平方米，按边界接触处理，未计入占用。"
            )
    if survey.outside_county is not None and survey.outside_county.total_m2 > 0:
        said.append(
            f"项目有 {hectares(survey.outside_county.total_m2):.4f} 公顷位于"
            f"{survey.catalogue.region_name}以外，该部分没有数据。"
        )
    if survey.land_use is not None and survey.land_use.overlapping_m2 > 0:
        said.append(
            f"土地利用现状图斑之间有 {survey.land_use.overlapping_m2:.2f} 平方米重叠，"
            "重叠处只计入其中一个图斑。"
        )
    for role, zones in survey.zones.items():
        if zones.overlapping_m2 > 0:
            said.append(
                f"{role_title(role)}图层的分区之间有 {zones.overlapping_m2:.2f} 平方米重叠，"
                "重叠处只计入其中一个分区。"
            )
    if survey.slope is not None and survey.slope.unknown_m2 >= 1.0:
        said.append(
            f"项目有 {hectares(survey.slope.unknown_m2):.4f} 公顷没有高程，该部分坡度未知。"
        )
    said += _inconsistent(survey)
    said += [finding.sentence() for finding in survey.findings]
    repaired = [("土地利用现状", survey.land_use.repaired if survey.land_use else ())]
    repaired += [
        (role_title(role, survey.catalogue), line.repaired) for role, line in survey.lines.items()
    ]
    for title, fids in repaired:
        if fids:
            shown = "、".join(str(fid) for fid in fids[:5])
            said.append(
                f"{title}图层有 {len(fids)} 个图形自相交（{shown}{' 等' if len(fids) > 5 else ''}），"
                "已在计算中修复，请修正源数据。"
            )
    return tuple(said)


def _inconsistent(survey: Survey) -> list[str]:
    """Say where figures that must agree do not; the geometry of a layer is to blame."""
    measure = survey.land_use
    if measure is None:
        return []
    pairs = [("项目", sum(m.area_m2 for m in measure.codes.values()), survey.area_ha * M2_PER_HA)]
    pairs += [
        (group.title, sum(measure.crossings.get(name, {}).values()), group.patches.total_m2)
        for name, group in survey.conflicts.items()
    ]
    return [
        f"{title}内各地类面积合计与其面积相差 {abs(parts - whole):.1f} 平方米，"
        "土地利用现状图层可能有重叠或无效图形，请核对。"
        for title, parts, whole in pairs
        if abs(parts - whole) > max(1.0, 1e-4 * whole)
    ]
