"""The tool `select_sites`: candidate sites in an area, ranked, with reasons and what was excluded."""

from pathlib import Path
from typing import Any

import numpy as np
import shapely

from cspon.errors import InputError
from cspon.schemas.base import Frozen, Secrecy
from cspon.schemas.spatial import LayerOutput, Provenance, ToolResult
from tools.base_data.area import extraction_area
from tools.catalogue import tool
from tools.compliance.overlay import polygonal
from tools.compliance.rounding import HA_DIGITS, hectares, mu, share_out
from tools.geometry.area import ellipsoidal_area_m2, ellipsoidal_areas_m2
from tools.geometry.crs import require_metric
from tools.layers import layer_by_role, load_catalogue
from tools.rules.model import COUNTY
from tools.site_selection import tables
from tools.site_selection.feasible import Feasible, Places, divided, feasible_land
from tools.site_selection.request import SiteRequest
from tools.site_selection.scoring import Scores, score

VERSION = "1"
MOST_CANDIDATES = 2_000
STRONG, WEAK = 70.0, 30.0


class Merit(Frozen):
    """One criterion of one candidate."""

    name: str
    value: float
    unit: str
    score: float
    weight_percent: float


class Candidate(Frozen):
    """One candidate site."""

    rank: int
    score: float
    """0–100."""
    area_ha: float
    area_mu: float
    x: float
    y: float
    """An inner point."""
    merits: tuple[Merit, ...]
    reason: str
    """What speaks for and against it, one sentence."""
    best_rank: int
    worst_rank: int
    """With each weight raised and lowered by a fifth."""


class Sensitivity(Frozen):
    """What happens at the top when one weight is changed by a fifth."""

    name: str
    weight_percent: float
    first_lower: int
    first_higher: int
    """Present rank of the candidate that would come first."""


class Exclusion(Frozen):
    """Land that was excluded under one reason; all rows with the candidates sum to the study area."""

    reason: str
    area_ha: float
    share_percent: float


class Selection(Frozen):
    """`ToolResult.data` of the tool."""

    title: str
    study: str
    study_ha: float
    epsg: int
    found: int
    """Candidates in all; `candidates` holds the best."""
    candidates: tuple[Candidate, ...]
    exclusions: tuple[Exclusion, ...]
    sensitivity: tuple[Sensitivity, ...]
    notes: tuple[str, ...]


@tool(
    "select_sites",
    title="项目智能选址",
    version=VERSION,
    examples=(
        "在开发边界内找 20 公顷左右的工业用地，离国道近、避开永久基本农田和生态红线。",
        "给新建中学推荐几块候选用地并排序说明理由。",
        "项目选址：坡度小于 15 度、面积不小于 10 公顷的地块有哪些？",
    ),
    needs=(COUNTY,),
)
def select_sites(
    layers: Path,
    request: SiteRequest,
    boundary: Path | None = None,
    unit: str | None = None,
    epsg: int | None = None,
) -> ToolResult:
    """Find and rank candidate sites.

    Constraints are applied one after another by exact overlay; what is excluded under each reason and
    the candidates sum to the study area. Areas are ellipsoidal. A constraint whose layer is missing is an
    error, never fulfilled.

    Args:
        layers: Folder with `layers.yaml`.
        request: Constraints and weighted criteria.
        boundary: Boundary file of the study area; else `unit`, else the county.
        unit: Administrative unit by name or code.
        epsg: Coordinate system of the boundary where the file does not say it.

    Raises:
        InputError: a layer is missing or wrong, or there are too many candidates.
    """
    catalogue = load_catalogue(layers)
    require_metric(catalogue.epsg)
    if boundary is None and unit is None and layer_by_role(catalogue, COUNTY) is None:
        raise InputError(
            "目录没有县级行政区图层，不知道研究范围",
            file=layers / "layers.yaml",
            field="role",
            mend="用 --boundary 给出研究范围，或补充县级行政区图层（admin_county）",
        )
    whole = unit or (None if boundary else catalogue.region_name)
    study, name, source = extraction_area(catalogue, layers, boundary, whole, epsg)
    assert study is not None
    places = Places(polygonal(study), catalogue, layers)
    feasible = feasible_land(request, places)
    sites, small = divided(feasible.land, request, catalogue.epsg)
    if len(sites) > MOST_CANDIDATES:
        raise InputError(
            f"候选地块有 {len(sites)} 处，多于 {MOST_CANDIDATES} 处",
            field="min_area_ha",
            mend="提高最小面积，或缩小研究范围",
        )
    scores = score(sites, request, places) if len(sites) else None
    candidates = _candidates(sites, scores, request, catalogue.epsg) if scores else []
    data = Selection(
        title=request.title,
        study=name,
        study_ha=hectares(ellipsoidal_area_m2(study, catalogue.epsg)),
        epsg=catalogue.epsg,
        found=len(sites),
        candidates=tuple(c for c, _ in candidates[: request.most]),
        exclusions=_exclusions(study, feasible, sites, small, request, catalogue.epsg),
        sensitivity=_sensitivity(scores, request) if scores else (),
        notes=tuple(dict.fromkeys(places.notes)),
    )
    secrecy = max((s.secrecy for s in places.used), key=lambda s: s.rank, default=Secrecy.PUBLIC)
    return ToolResult(
        tool="select_sites",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.selection_tables(data),
        layers=_layers(candidates[: request.most], feasible, small, study, catalogue.epsg, secrecy),
        provenance=Provenance(
            tool="select_sites",
            version=VERSION,
            inputs={"study": source, **{s.name: s.date for s in places.used}},
            parameters={"request": request.model_dump(mode="json"), "study": name},
            epsg=catalogue.epsg,
            layer_dates={s.name: s.date for s in places.used},
        ),
        warnings=(*(f.sentence() for f in places.findings), *_warnings(data)),
        secrecy=secrecy,
        synthetic=catalogue.synthetic or any(s.synthetic for s in places.used),
    )


def _candidates(
    sites: Any, scores: Scores, request: SiteRequest, epsg: int
) -> list[tuple[Candidate, Any]]:
    """Return candidates with their polygons, the best first."""
    areas = ellipsoidal_areas_m2(sites, epsg)
    points = shapely.get_coordinates(shapely.point_on_surface(sites))
    found = []
    for i in np.argsort(scores.ranks).tolist():
        merits = tuple(
            Merit(
                name=criterion.name,
                value=float(scores.values[i, k]),
                unit=tables.UNITS[criterion.measure],
                score=round(float(scores.scores[i, k]), 1),
                weight_percent=share,
            )
            for k, (criterion, share) in enumerate(
                zip(request.criteria, _shares(request), strict=True)
            )
        )
        area = hectares(float(areas[i]))
        candidate = Candidate(
            rank=int(scores.ranks[i]),
            score=round(float(scores.totals[i]), 1),
            area_ha=area,
            area_mu=mu(area),
            x=round(float(points[i, 0]), 3),
            y=round(float(points[i, 1]), 3),
            merits=merits,
            reason=_reason(merits),
            best_rank=int(scores.best_rank[i]),
            worst_rank=int(scores.worst_rank[i]),
        )
        found.append((candidate, sites[i]))
    return found


def _shares(request: SiteRequest) -> list[float]:
    total = sum(criterion.weight for criterion in request.criteria)
    return [round(100 * criterion.weight / total, 1) for criterion in request.criteria]


def _reason(merits: tuple[Merit, ...]) -> str:
    """Say what speaks for and against a candidate, the weightiest first."""

    def words(chosen: list[Merit]) -> str:
        ordered = sorted(chosen, key=lambda merit: -merit.weight_percent)
        return "、".join(f"{m.name} {m.value:g}{m.unit}（{m.score:.0f} 分）" for m in ordered)

    good = words([merit for merit in merits if merit.score >= STRONG])
    bad = words([merit for merit in merits if merit.score <= WEAK])
    parts = [f"有利：{good}"] if good else []
    parts += [f"不利：{bad}"] if bad else []
    return "；".join(parts) or "各项指标居中"


def _exclusions(
    study: Any, feasible: Feasible, sites: Any, small: Any, request: SiteRequest, epsg: int
) -> tuple[Exclusion, ...]:
    shapes = {
        **feasible.excluded,
        f"可用但不足 {request.min_area_ha:g} 公顷": small,
        f"候选地块（{len(sites)} 处）": shapely.union_all(sites)
        if len(sites)
        else shapely.Polygon(),
    }
    measured = ellipsoidal_areas_m2(np.array(list(shapes.values()), dtype=object), epsg)
    areas = {reason: float(a) for reason, a in zip(shapes, measured, strict=True)}
    total = hectares(ellipsoidal_area_m2(study, epsg))
    return tuple(
        Exclusion(
            reason=reason,
            area_ha=area,
            share_percent=round(100 * area / total, 2) if total else 0.0,
        )
        for reason, area in share_out(areas, total).items()
    )


def _sensitivity(scores: Scores, request: SiteRequest) -> tuple[Sensitivity, ...]:
    return tuple(
        Sensitivity(
            name=criterion.name,
            weight_percent=share,
            first_lower=int(scores.ranks[scores.first[criterion.name][0]]),
            first_higher=int(scores.ranks[scores.first[criterion.name][1]]),
        )
        for criterion, share in zip(request.criteria, _shares(request), strict=True)
    )


def _layers(
    candidates: list[tuple[Candidate, Any]],
    feasible: Feasible,
    small: Any,
    study: Any,
    epsg: int,
    secrecy: Secrecy,
) -> tuple[LayerOutput, ...]:
    sites = tuple(
        _feature(
            polygon,
            candidate.model_dump(exclude={"merits"})
            | {f"{m.name}_得分": m.score for m in candidate.merits},
        )
        for candidate, polygon in candidates
    )
    gone = {**feasible.excluded, "可用但面积不足": small}
    areas = ellipsoidal_areas_m2(np.array(list(gone.values()), dtype=object), epsg)
    excluded = tuple(
        _feature(shape, {"reason": reason, "area_ha": round(float(area) / 10_000, HA_DIGITS)})
        for (reason, shape), area in zip(gone.items(), areas, strict=True)
        if not shape.is_empty
    )
    outline = (_feature(study, {"name": "研究范围"}),)
    return (
        LayerOutput(
            name="candidates", title="候选地块", epsg=epsg, features=sites, secrecy=secrecy
        ),
        LayerOutput(
            name="excluded", title="排除的土地", epsg=epsg, features=excluded, secrecy=secrecy
        ),
        LayerOutput(name="study", title="研究范围", epsg=epsg, features=outline),
    )


def _feature(polygon: Any, properties: dict[str, Any]) -> dict[str, Any]:
    geometry = shapely.geometry.mapping(polygon)
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def _warnings(data: Selection) -> tuple[str, ...]:
    said = list(data.notes)
    if not data.candidates:
        reasons = [e for e in data.exclusions if not e.reason.startswith("候选地块")]
        largest = max(reasons, key=lambda e: e.area_ha)
        said.append(
            f"没有符合全部约束的地块；排除最多的是“{largest.reason}”（{largest.area_ha:.4f} 公顷），可放宽约束再试。"
        )
    if data.found > len(data.candidates):
        said.append(f"共有 {data.found} 处候选地块，只列前 {len(data.candidates)} 处。")
    said.append("候选地块是初选结果，确定前须用 cspon check 做合规性检查，并现场踏勘。")
    return tuple(said)
