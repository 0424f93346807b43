"""The tool `check_compliance`: a project against control lines, land use and the rules on both."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from cspon.errors import InputError
from cspon.schemas.base import Secrecy
from cspon.schemas.knowledge import Basis
from cspon.schemas.spatial import (
    CodeOverlap,
    CodeScheme,
    Compliance,
    LayerCatalogue,
    LayerOutput,
    LayerSpec,
    LineOverlap,
    Provenance,
    RuleOutcome,
    ToolResult,
    Verdict,
)
from tools.catalogue import tool
from tools.compliance import tables
from tools.compliance.measure import (
    SLIVER_M2,
    LandUseMeasure,
    LineMeasure,
    Patches,
    measure_land_use,
    measure_line,
)
from tools.geometry.area import AREA_DEFINITION, ellipsoidal_area_m2
from tools.geometry.crs import describe, reproject, require_metric
from tools.geometry.read import Boundary, read_boundary
from tools.land_use import SCHEME_TITLES, UNCOVERED, classification, is_in_class
from tools.layers import layer_by_role, load_catalogue, open_layer
from tools.rules.evaluate import caveats, evaluate, headlines, worst
from tools.rules.load import project_type as find_project_type
from tools.rules.load import unchecked
from tools.rules.model import (
    BOUNDARY,
    COUNTY,
    FARMLAND,
    LAND_USE,
    REDLINE,
    ROLE_TITLES,
    LineFigures,
    Site,
)

VERSION = "1"
LINES = (FARMLAND, REDLINE, BOUNDARY)


@dataclass(frozen=True)
class Overlay:
    """Everything measured of a project, before any rule."""

    project: BaseGeometry
    area_ha: float
    catalogue: LayerCatalogue
    lines: dict[str, LineMeasure]
    land_use: LandUseMeasure | None
    land_use_spec: LayerSpec | None
    outside_county: Patches | None
    """None without a county layer."""
    used: tuple[LayerSpec, ...]

    @property
    def conflicts(self) -> dict[str, Patches]:
        """Patches that a project should not have: on a line, or outside the boundary."""
        return {
            role: line.outside if role == BOUNDARY else line.inside
            for role, line in self.lines.items()
        }


@tool(
    "check_compliance",
    title="控制线合规性检查",
    version=VERSION,
    examples=(
        "拟建产业园项目选址是否可行？占用了哪些控制线，各多少公顷，需要办理什么手续？",
        "这个项目边界有没有压占永久基本农田和生态保护红线？",
        "该地块是否全部位于城镇开发边界内？",
        "项目用地占用多少耕地、多少林地，要报哪一级政府批准？",
        "对上传的红线做三区三线套合分析",
    ),
    needs=(LAND_USE, FARMLAND, REDLINE, BOUNDARY, COUNTY),
)
def check_compliance(
    boundary: Path,
    layers: Path,
    project_type: str = "unspecified",
    asked_on: date | None = None,
    sliver_m2: float = SLIVER_M2,
) -> ToolResult:
    """Check a construction project's boundary against control lines, land use and their rules.

    Measures permanent basic farmland, ecological redline, urban development boundary and land use
    within the boundary (ellipsoidal hectares), decides each rule, and lists procedure and grounds.
    A missing layer gives 数据缺失, never a pass.

    Args:
        boundary: Boundary file (GeoJSON, Shapefile, GeoPackage, DXF or 界址点 TXT).
        layers: Folder with `layers.yaml`.
        project_type: Kind of project: unspecified, industrial_park, urban_development,
            public_service, linear_infrastructure or national_key_project.
        asked_on: Date on which the rules must hold; today when not given.
        sliver_m2: Patches smaller than this (m²) count as contact, not as occupation.

    Raises:
        InputError: boundary, catalogue or a layer is wrong, or the project lies outside the county.
    """
    kind = find_project_type(project_type)
    day = asked_on or date.today()
    catalogue = load_catalogue(layers)
    source = read_boundary(boundary)
    project, notices = place(source, catalogue)
    overlay = measure(project, catalogue, layers, sliver_m2=sliver_m2, source=source.source)
    lines = _lines(overlay)
    codes = (
        () if overlay.land_use is None else tables.code_overlaps(overlay.land_use, overlay.area_ha)
    )
    site = _site(overlay, lines, codes, kind.id, day)
    outcomes = evaluate(site)
    data = Compliance(
        project=source.name,
        area_ha=overlay.area_ha,
        planar_area_m2=round(float(project.area), 4),
        epsg=catalogue.epsg,
        verdict=worst(outcomes),
        headline=_headline(site, outcomes),
        lines=lines,
        codes=codes,
        code_scheme=overlay.land_use_spec.code_scheme if overlay.land_use_spec else "none",
        crossings=_crossings(overlay, lines),
        rules=outcomes,
        unknowns=_unknowns(catalogue, outcomes, kind.id, kind.note),
        area_definition=AREA_DEFINITION,
        asked_on=day,
    )
    return ToolResult(
        tool="check_compliance",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.result_tables(data),
        layers=(_project_layer(source.name, overlay), _conflict_layer(overlay)),
        basis=_bases(outcomes),
        provenance=_provenance(source, overlay, layers, kind.id, day, sliver_m2),
        warnings=(*notices, *_warnings(overlay, sliver_m2), *caveats(site)),
        secrecy=max(
            (s.secrecy for s in overlay.used), key=lambda s: s.rank, default=Secrecy.PUBLIC
        ),
        synthetic=catalogue.synthetic or any(s.synthetic for s in overlay.used),
    )


def place(source: Boundary, catalogue: LayerCatalogue) -> tuple[BaseGeometry, tuple[str, ...]]:
    """Bring a boundary into the catalogue's coordinate system.

    Raises:
        InputError: the catalogue's coordinates are not metres.
    """
    require_metric(catalogue.epsg)
    if source.epsg == catalogue.epsg:
        return source.geometry, source.notices
    moved = reproject(source.geometry, source.epsg, catalogue.epsg)
    note = f"项目边界的坐标系为 {describe(source.epsg)}，已转换到图层的 {describe(catalogue.epsg)} 后套合。"
    return moved, (*source.notices, note)


def measure(
    project: BaseGeometry,
    catalogue: LayerCatalogue,
    layers: Path,
    *,
    sliver_m2: float = SLIVER_M2,
    source: Path | None = None,
) -> Overlay:
    """Measure a project against every layer that the check uses.

    Raises:
        InputError: a layer is wrong, or the project lies wholly outside the county.
    """
    used: list[LayerSpec] = []
    county = _spec(catalogue, COUNTY, used)
    outside = None
    if county is not None:
        outside = measure_line(project, county, layers, sliver_m2=sliver_m2).outside
        if outside.total_m2 >= ellipsoidal_area_m2(project, catalogue.epsg) - sliver_m2:
            raise _outside(project, catalogue, source)
    lines = {
        role: measure_line(project, spec, layers, sliver_m2=sliver_m2)
        for role in LINES
        if (spec := _spec(catalogue, role, used)) is not None
    }
    land_use_spec = _spec(catalogue, LAND_USE, used)
    conflicts = {
        role: line.outside if role == BOUNDARY else line.inside for role, line in lines.items()
    }
    return Overlay(
        project=project,
        area_ha=tables.hectares(ellipsoidal_area_m2(project, catalogue.epsg)),
        catalogue=catalogue,
        lines=lines,
        land_use=None
        if land_use_spec is None
        else measure_land_use(project, land_use_spec, layers, conflicts, sliver_m2=sliver_m2),
        land_use_spec=land_use_spec,
        outside_county=outside,
        used=tuple(used),
    )


def _spec(catalogue: LayerCatalogue, role: str, used: list[LayerSpec]) -> LayerSpec | None:
    spec = layer_by_role(catalogue, role)
    if spec is None:
        return None
    if spec.epsg != catalogue.epsg:
        raise InputError(
            f"图层“{spec.title}”的坐标系 EPSG:{spec.epsg} 与目录的 EPSG:{catalogue.epsg} 不同",
            file="layers.yaml",
            layer=spec.name,
            field="epsg",
            mend="把该图层转换到目录的坐标系",
        )
    used.append(spec)
    return spec


def _outside(project: BaseGeometry, catalogue: LayerCatalogue, source: Path | None) -> InputError:
    x, y = project.centroid.x, project.centroid.y
    return InputError(
        f"项目全部位于{catalogue.region_name}以外（中心约为东坐标 {x:.0f}、北坐标 {y:.0f}，"
        f"{describe(catalogue.epsg)}）",
        file=source,
        mend="核对坐标系、带号和坐标轴次序；或用 --layers 指定项目所在县的图层目录",
    )


def _lines(overlay: Overlay) -> tuple[LineOverlap, ...]:
    return tuple(
        tables.line_overlap(overlay.lines[role], overlay.area_ha, ROLE_TITLES[role])
        if role in overlay.lines
        else LineOverlap(role=role, name="", title=ROLE_TITLES[role], present=False)
        for role in LINES
    )


def _conflict_ha(lines: tuple[LineOverlap, ...]) -> dict[str, float]:
    return {
        line.role: (line.outside_ha if line.role == BOUNDARY else line.area_ha) or 0.0
        for line in lines
        if line.present
    }


def _site(
    overlay: Overlay,
    lines: tuple[LineOverlap, ...],
    codes: tuple[CodeOverlap, ...],
    kind: str,
    day: date,
) -> Site:
    """Give the rules the figures that users see."""
    scheme: CodeScheme = overlay.land_use_spec.code_scheme if overlay.land_use_spec else "none"
    usable = overlay.land_use is not None and scheme == "ydyh_2023"
    by_code = {code.code: code.area_ha for code in codes}
    outside = overlay.outside_county
    return Site(
        area_ha=overlay.area_ha,
        project_type=kind,
        asked_on=day,
        lines={
            line.role: LineFigures(
                inside_ha=line.area_ha or 0.0,
                outside_ha=line.outside_ha or 0.0,
                patches=line.patches,
            )
            for line in lines
            if line.present
        },
        codes=by_code if usable else None,
        cultivated_in_farmland_ha=sum(
            row["area_ha"]
            for row in _crossings(overlay, lines)
            if usable
            and row["line"] == FARMLAND
            and row["code"] in classification().codes
            and is_in_class(row["code"], "cultivated")
        ),
        uncovered_ha=by_code.get(UNCOVERED, 0.0),
        outside_county_ha=None if outside is None else tables.hectares(outside.total_m2),
        land_use_problem="缺少土地利用现状图层"
        if overlay.land_use is None
        else f"土地利用现状图层采用{SCHEME_TITLES[scheme]}编码，规则需要用地用海分类（2023）编码，"
        "两套编码数字相同而含义不同，不作换算",
    )


def _crossings(overlay: Overlay, lines: tuple[LineOverlap, ...]) -> tuple[dict[str, object], ...]:
    if overlay.land_use is None:
        return ()
    return tables.crossing_rows(overlay.land_use, _conflict_ha(lines))


def _headline(site: Site, outcomes: tuple[RuleOutcome, ...]) -> str:
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


def _unknowns(
    catalogue: LayerCatalogue, outcomes: tuple[RuleOutcome, ...], kind: str, note: str
) -> tuple[str, ...]:
    said = []
    if kind == "unspecified":
        said.append(f"项目类型未说明，{note}。")
    if catalogue.synthetic:
        said.append("图层为合成数据，仅供演示，结论不得用于实际项目。")
    unseen = [o.title for o in outcomes if not o.verified]
    if unseen:
        said.append(f"以下规则的部分依据或归类未见原文，须以原文核对：{'、'.join(unseen)}。")
    return (*said, *unchecked())


def _warnings(overlay: Overlay, sliver_m2: float) -> tuple[str, ...]:
    said = []
    for role, group in overlay.conflicts.items():
        if group.contact_m2 >= 0.01:
            said.append(
                f"与{tables.conflict_title(role)}有合计 {group.contact_m2:.2f} 平方米的细碎重叠，"
                f"单块不足 {sliver_m2:g} 平方米，按边界接触处理，未计入占用。"
            )
    if overlay.outside_county is not None and overlay.outside_county.total_m2 > 0:
        said.append(
            f"项目有 {tables.hectares(overlay.outside_county.total_m2):.4f} 公顷位于"
            f"{overlay.catalogue.region_name}以外，该部分没有数据。"
        )
    if overlay.land_use is not None and overlay.land_use.overlapping_m2 > 0:
        said.append(
            f"土地利用现状图斑之间有 {overlay.land_use.overlapping_m2:.2f} 平方米重叠，"
            "重叠处只计入其中一个图斑。"
        )
    repaired = [("土地利用现状", overlay.land_use.repaired if overlay.land_use else ())]
    repaired += [(ROLE_TITLES[role], line.repaired) for role, line in overlay.lines.items()]
    for title, fids in repaired:
        if fids:
            shown = "、".join(str(fid) for fid in fids[:5])
            said.append(
                f"{title}图层有 {len(fids)} 个图形自相交（{shown}{' 等' if len(fids) > 5 else ''}），"
                "已在计算中修复，请修正源数据。"
            )
    return tuple(said)


def _project_layer(name: str, overlay: Overlay) -> LayerOutput:
    feature = {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(overlay.project),
        "properties": {"name": name, "area_ha": overlay.area_ha},
    }
    return LayerOutput(
        name="project", title="项目范围", epsg=overlay.catalogue.epsg, features=(feature,)
    )


def _conflict_layer(overlay: Overlay) -> LayerOutput:
    layer = tables.conflict_layer(overlay.conflicts, overlay.land_use, overlay.catalogue.epsg)
    secrecy = max((s.secrecy for s in overlay.used), key=lambda s: s.rank, default=Secrecy.PUBLIC)
    return layer.model_copy(update={"secrecy": secrecy})


def _bases(outcomes: tuple[RuleOutcome, ...]) -> tuple[Basis, ...]:
    """List each clause once, in the order of the rules."""
    seen: Mapping[tuple[str, str | None, str | None], Basis] = {
        (b.title, b.article, b.quote): b for o in reversed(outcomes) for b in reversed(o.basis)
    }
    return tuple(reversed(seen.values()))


def _provenance(
    source: Boundary, overlay: Overlay, layers: Path, kind: str, day: date, sliver_m2: float
) -> Provenance:
    return Provenance(
        tool="check_compliance",
        version=VERSION,
        inputs={
            "boundary": f"sha256:{source.sha256.removeprefix('sha256:')}",
            **{s.name: f"{s.date} / {open_layer(s, layers).last_change}" for s in overlay.used},
        },
        parameters={
            "project_type": kind,
            "asked_on": day.isoformat(),
            "sliver_m2": sliver_m2,
            "layers": overlay.catalogue.title,
        },
        epsg=overlay.catalogue.epsg,
        layer_dates={s.name: s.date for s in overlay.used},
    )
