"""Sentences about a whole result: its headline, what is not known, and what a reader must beware of."""

from cspon.schemas.spatial import LayerCatalogue, RuleOutcome, Verdict
from tools.compliance.survey import Survey
from tools.compliance.tables import conflict_title, hectares
from tools.geometry.area import M2_PER_HA
from tools.rules.evaluate import headlines, worst
from tools.rules.lines import role_title
from tools.rules.load import unchecked
from tools.rules.model import ProjectType, Site


def headline(site: Site, outcomes: tuple[RuleOutcome, ...]) -> str:
    """Say in one sentence whether the site is feasible and why."""
    verdict = worst(outcomes)
    clauses = "、".join(headlines(site, verdict))
    missing = [o.title for o in outcomes if o.verdict is Verdict.MISSING_DATA]
    if verdict is Verdict.FAIL:
        also = f"；另因数据缺失，{'、'.join(missing)}未能判定" if missing else ""
        return f"选址不可行（不符合）：{clauses}，应先调整选址避让{also}。"
    if verdict is Verdict.MISSING_DATA:
        return (
            f"不能判定选址是否可行（数据缺失）：{'、'.join(missing)}未能判定，补齐数据后重新检查。"
        )
    if verdict is Verdict.NEEDS_STUDY:
        return f"选址须论证后方可确定（需论证）：{clauses}。"
    return "选址可行（符合）：未发现控制线冲突，按程序办理用地手续。"


def unknowns(
    catalogue: LayerCatalogue, outcomes: tuple[RuleOutcome, ...], kind: ProjectType
) -> tuple[str, ...]:
    """Say what was not checked or is not known, what concerns this project first."""
    said = []
    if kind.id == "unspecified":
        said.append(f"项目类型未说明，{kind.note}。")
    if catalogue.synthetic:
        said.append("图层为合成数据，仅供演示，结论不得用于实际项目。")
    unseen = [o.title for o in outcomes if not o.verified]
    if unseen:
        said.append(f"以下规则的部分依据或归类未见原文，须以原文核对：{'、'.join(unseen)}。")
    return (*said, *unchecked())


def warnings(survey: Survey, sliver_m2: float) -> tuple[str, ...]:
    """Say what the data made us do: contact, parts without data, overlaps, repairs."""
    said = []
    for role, group in survey.conflicts.items():
        if group.contact_m2 >= 0.01:
            said.append(
                f"与{conflict_title(role)}有合计 {group.contact_m2:.2f} 平方米的细碎重叠，"
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
    said += _inconsistent(survey)
    repaired = [("土地利用现状", survey.land_use.repaired if survey.land_use else ())]
    repaired += [(role_title(role), line.repaired) for role, line in survey.lines.items()]
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
        (conflict_title(role), sum(measure.crossings.get(role, {}).values()), group.total_m2)
        for role, group in survey.conflicts.items()
    ]
    return [
        f"{title}内各地类面积合计与其面积相差 {abs(parts - whole):.1f} 平方米，"
        "土地利用现状图层可能有重叠或无效图形，请核对。"
        for title, parts, whole in pairs
        if abs(parts - whole) > max(1.0, 1e-4 * whole)
    ]
