"""The tool `assess_risks`: development-and-protection risks of a place, by kind and by town."""

from pathlib import Path
from typing import Annotated

import shapely

from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import LayerCatalogue, LayerOutput, Provenance, ToolResult
from tools.assessment.grades import load_grades
from tools.catalogue import Sent, tool
from tools.indicators.scopes import TOWN_ROLE, town_shapes
from tools.indicators.tool import default_year, definitions, find_statistics, provenance_inputs
from tools.layers import load_catalogue
from tools.library.kinds import entry
from tools.models.engine import quiet
from tools.risk_assessment import tables
from tools.risk_assessment.assess import KindRisk, assess_kinds, worst
from tools.risk_assessment.book import RiskBook, load_risks
from tools.risk_assessment.headline import headline

VERSION = "1"


class RiskAssessment(Frozen):
    """`ToolResult.data` of the tool."""

    headline: str
    place: str
    year: int
    kinds: tuple[KindRisk, ...]
    towns: dict[str, str]
    """Worst grade of each town over all kinds."""
    book: RiskBook


@tool(
    "assess_risks",
    title="国土空间开发保护风险评估",
    version=VERSION,
    examples=(
        "评估本县的开发保护风险，哪些风险最高，在哪些乡镇？",
        "粮食安全、生态安全、水安全和灾害风险各是什么等级，依据是什么",
        "哪些乡镇的地质灾害和洪涝风险高，怎么应对",
    ),
)
def assess_risks(
    layers: Path,
    statistics: Annotated[Path | None, Sent("table")] = None,
    year: int | None = None,
    filled: dict[str, str] | None = None,
    risks: Path | None = None,
    kinds: tuple[str, ...] = (),
) -> ToolResult:
    """Grade food, ecology, water, energy, disaster, climate and shrinkage risks with their evidence.

    A kind has the gravest grade of its evidence. Evidence without data has no grade and is named.
    Thresholds are a file; the one that ships is the project's own.

    Args:
        layers: Folder with `layers.yaml`.
        statistics: Yearly statistics (CSV); `statistics.csv` beside the layers when not given.
        year: Of the assessment; that of the land-use layer, else the last of the statistics.
        filled: Values given directly for the year, by indicator id, with unit.
        risks: The bureau's own kinds, evidence and thresholds (YAML).
        kinds: Ids or titles of the kinds to assess; all when empty.

    Raises:
        InputError: no such indicator or file, or one of them is wrong.
    """
    catalogue = load_catalogue(layers)
    table, book = find_statistics(layers, statistics), load_risks(risks).only(kinds)
    when = year if year is not None else default_year(catalogue, table)
    direct = {entry("indicator", name).id: value for name, value in (filled or {}).items()}
    found = assess_kinds(book, layers, catalogue, table, when, load_grades().trend, direct, quiet)
    local = dict.fromkeys(town for kind in found for town in kind.towns)
    towns = {t: worst([k.towns[t] for k in found if t in k.towns], book) for t in local}
    data = RiskAssessment(
        headline=headline(catalogue.region_name, when, found, towns, book),
        place=catalogue.region_name,
        year=when,
        kinds=found,
        towns=towns,
        book=book,
    )
    wanted = definitions(tuple(e.indicator for kind in book.kinds for e in kind.evidence))
    roles = {p.role for d in wanted for p in d.said.inputs.values() if p.role} | {TOWN_ROLE}
    used = sorted((s for s in catalogue.layers if s.role in roles), key=lambda s: s.name)
    secrecy = max((s.secrecy for s in used), key=lambda s: s.rank, default=Secrecy.PUBLIC)
    return ToolResult(
        tool="assess_risks",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.risk_tables(data.kinds, data.towns, book),
        layers=_town_layer(data, layers, catalogue, secrecy),
        provenance=Provenance(
            tool="assess_risks",
            version=VERSION,
            inputs=provenance_inputs(wanted, table),
            parameters={
                "year": when,
                "filled": direct,
                "risks": book.title,
                "kinds": [k.id for k in book.kinds],
            },
            epsg=catalogue.epsg,
            layer_dates={spec.name: spec.date for spec in used},
        ),
        warnings=_warnings(data),
        secrecy=secrecy,
        synthetic=catalogue.synthetic or any(s.synthetic for s in used),
    )


def _town_layer(
    data: RiskAssessment, layers: Path, catalogue: LayerCatalogue, secrecy: Secrecy
) -> tuple[LayerOutput, ...]:
    shapes = town_shapes(layers, catalogue)
    features = tuple(
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(shapes[town]),
            "properties": {
                "town": town,
                "grade": grade,
                **{k.id: k.towns.get(town, "") for k in data.kinds if k.towns},
            },
        }
        for town, grade in data.towns.items()
        if town in shapes
    )
    if not features:
        return ()
    return (
        LayerOutput(
            name="risk_by_town", title="乡镇风险等级", epsg=catalogue.epsg, features=features,
            secrecy=secrecy,
        ),
    )  # fmt: skip


def _warnings(data: RiskAssessment) -> tuple[str, ...]:
    found = [] if data.book.verified else [f"{data.book.title}：{data.book.to_confirm}。"]
    lacking = [
        f"{kind.title}—{m.now.title}"
        for kind in data.kinds
        for m in kind.measured
        if m.value is None
    ]
    if lacking:
        found.append(f"没有数据、未参与分级的证据：{'、'.join(lacking)}。")
    if not data.towns and any(e.towns for kind in data.book.kinds for e in kind.evidence):
        found.append("没有乡镇图层，未作乡镇分级。")
    return tuple(found)
