"""The tool `compare_plan_versions`: what changed between two versions of one layer of a plan."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import shapely

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from cspon.schemas.spatial import CodeScheme, LayerOutput, Provenance, ToolResult
from tools.catalogue import Sent, tool
from tools.compliance.patches import NOISE_M2
from tools.compliance.rounding import HA_DIGITS, hectares
from tools.geometry.area import M2_PER_HA
from tools.layers import open_layer
from tools.plan_versions import tables
from tools.plan_versions.overlay import NOTHING, Moved, Pieces, lay_over
from tools.plan_versions.rounding import fitted, rounded_matrix
from tools.plan_versions.version import Version, read_version
from tools.rules.model import PLANNED_USE

VERSION = "1"
SLIVER_M2 = 100.0
SLIVER_WIDTH_M = 1.0
_UNITS_PER_HA = 10**HA_DIGITS
_MISFIT = 1e-6
"""Share of the total up to which the overlay's rounding is spread over the cells."""
Kind = Literal["新增", "删除", "变更"]


class Transition(Frozen):
    """Land that had one code and has another, or has none; all cells sum to both versions."""

    before: str
    after: str
    kind: Literal["不变", "新增", "删除", "变更"]
    area_ha: float
    sliver_ha: float = 0.0
    """Of it, patches below the tolerance."""
    patches: int = 0
    """Patches that are no slivers."""


class Balance(Frozen):
    """One code in both versions: before = kept + lost, after = kept + gained."""

    code: str
    name: str
    before_ha: float
    kept_ha: float
    lost_ha: float
    gained_ha: float
    after_ha: float


class MovedFeature(Frozen):
    """A feature that has kept code and shape and lies elsewhere now."""

    code: str
    area_ha: float
    east_m: float
    north_m: float
    x: float
    y: float
    """Inner point of the present place."""


class FeatureCounts(Frozen):
    """Features by identifier, where both versions have one."""

    added: int
    removed: int
    recoded: int
    reshaped: int
    unchanged: int


class Comparison(Frozen):
    """`ToolResult.data` of the tool."""

    layer: str
    title: str
    epsg: int
    before_date: str
    after_date: str
    field: str
    before_ha: float
    after_ha: float
    unchanged_ha: float
    changed_ha: float
    added_ha: float
    removed_ha: float
    sliver_ha: float
    sliver_m2: float
    sliver_width_m: float
    transitions: tuple[Transition, ...]
    balance: tuple[Balance, ...]
    moved: tuple[MovedFeature, ...]
    features: FeatureCounts | None
    misfit_m2: float
    """Largest difference between a code's own area and the sum of its pieces, before adjustment."""


@tool(
    "compare_plan_versions",
    title="规划版本比对",
    version=VERSION,
    examples=(
        "比较两版规划的用地用海分区，哪些地方调整了用途，各多少公顷？",
        "新版城镇开发边界比上一版增加、减少了哪些地块？",
        "规划修改前后规划分区的面积转移矩阵。",
    ),
)
def compare_plan_versions(
    before: Annotated[Path, Sent("version")],
    after: Annotated[Path, Sent("version")],
    role: str = PLANNED_USE,
    field: str | None = None,
    sliver_m2: float = SLIVER_M2,
    sliver_width_m: float = SLIVER_WIDTH_M,
    scheme: CodeScheme | None = None,
) -> ToolResult:
    """Compare two versions of a polygon layer: areas by old and new code, patches, what moved.

    The matrix closes: its rows sum to the version before and its columns to the version after, in whole
    square metres. Slivers stay in the matrix and are reported apart.

    Args:
        before: Folder with `layers.yaml` of the earlier version, or one vector file.
        after: The same for the later version.
        role: Role or name of the layer in both catalogues.
        field: Field to compare by; the code field when not given; without one, inside against outside.
        sliver_m2: Changed patches smaller than this are slivers.
        sliver_width_m: So are patches whose mean width (2 · area / outline) is below this.
        scheme: Code scheme of single files.

    Raises:
        InputError: a version is wrong, or they have different coordinate systems or code schemes.
    """
    for name, value in (("sliver_m2", sliver_m2), ("sliver_width_m", sliver_width_m)):
        if not 0 <= value < 1e6:
            raise InputError(
                f"容差 {value:g} 不合理", field=name, mend="改为不小于 0 的数，例如 100"
            )
    old, new = read_version(before, role, field, scheme), read_version(after, role, field, scheme)
    _comparable(old, new)
    pieces, shifted = lay_over(old, new)
    exact, misfit = _matrix(pieces, old, new)
    cells = {
        cell: units / _UNITS_PER_HA
        for cell, units in rounded_matrix(
            {cell: area / M2_PER_HA * _UNITS_PER_HA for cell, area in exact.items()}
        ).items()
    }
    patches, slivers = _patches(pieces, old.spec.epsg, sliver_m2, sliver_width_m)
    data = _comparison(old, new, field, cells, patches, slivers, shifted, misfit).model_copy(
        update={"sliver_m2": sliver_m2, "sliver_width_m": sliver_width_m}
    )
    features = tuple(sorted(patches, key=lambda f: -f["properties"]["area_ha"]))
    for number, feature in enumerate(features, start=1):
        feature["properties"]["number"] = number
    secrecy = max((old.spec.secrecy, new.spec.secrecy), key=lambda level: level.rank)
    epsg = old.spec.epsg
    layers = (
        LayerOutput(
            name="changes", title="变化图斑", epsg=epsg, features=features, secrecy=secrecy
        ),
        LayerOutput(
            name="slivers", title="碎片", epsg=epsg, features=tuple(slivers), secrecy=secrecy
        ),
    )
    return ToolResult(
        tool="compare_plan_versions",
        version=VERSION,
        data=data.model_dump(mode="json"),
        tables=tables.comparison_tables(data, features, {**old.names, **new.names}),
        layers=layers,
        provenance=Provenance(
            tool="compare_plan_versions",
            version=VERSION,
            inputs={"before": _source(old, before), "after": _source(new, after)},
            parameters={
                "role": role,
                "field": data.field,
                "sliver_m2": sliver_m2,
                "sliver_width_m": sliver_width_m,
            },
            epsg=epsg,
            layer_dates={"before": old.spec.date, "after": new.spec.date},
        ),
        warnings=_warnings(old, new, misfit),
        secrecy=secrecy,
        synthetic=old.synthetic or new.synthetic,
    )


def _comparable(old: Version, new: Version) -> None:
    if old.spec.epsg != new.spec.epsg:
        raise InputError(
            f"两版的坐标系不同：EPSG:{old.spec.epsg} 与 EPSG:{new.spec.epsg}",
            layer=new.spec.name,
            field="epsg",
            mend="先转换到同一坐标系再比对",
        )
    if old.spec.code_scheme != new.spec.code_scheme:
        raise InputError(
            f"两版的编码体系不同：{old.spec.code_scheme} 与 {new.spec.code_scheme}",
            layer=new.spec.name,
            field="code_scheme",
            mend="不同编码体系的同一编码含义不同，先转换编码再比对",
        )
    for version, word in ((old, "前"), (new, "后")):
        if not len(version.geometries):
            raise InputError(
                f"{word}一版的图层“{version.spec.title}”没有面要素",
                file=version.spec.path,
                layer=version.spec.name,
                mend="核对文件",
            )


def _matrix(
    pieces: Pieces, old: Version, new: Version
) -> tuple[dict[tuple[str, str], float], float]:
    """Sum areas by old and new code, adjusted to the versions' own areas, with the largest misfit."""
    cells: dict[tuple[str, str], float] = defaultdict(float)
    for a, b, area in zip(
        pieces.before.tolist(), pieces.after.tolist(), pieces.areas_m2.tolist(), strict=True
    ):
        cells[a, b] += area
    rows, columns = old.totals_m2(), new.totals_m2()
    misfit = 0.0
    for place, margin in ((0, rows), (1, columns)):
        for code, area in margin.items():
            found = sum(value for cell, value in cells.items() if cell[place] == code)
            misfit = max(misfit, abs(found - area))
    if misfit <= max(_MISFIT * sum(rows.values()), 10.0):
        cells = defaultdict(float, fitted(cells, rows, columns))
    return dict(cells), misfit


def _patches(
    pieces: Pieces, epsg: int, sliver_m2: float, width_m: float
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return changed patches and slivers as GeoJSON features."""
    from tools.geometry.area import ellipsoidal_areas_m2

    changed = np.flatnonzero(pieces.before != pieces.after)
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i in changed.tolist():
        groups[str(pieces.before[i]), str(pieces.after[i])].append(i)
    patches: list[dict[str, Any]] = []
    slivers: list[dict[str, Any]] = []
    for (a, b), members in groups.items():
        parts = shapely.get_parts(shapely.get_parts(shapely.union_all(pieces.geometries[members])))
        parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
        planar = shapely.area(parts)
        parts, planar = parts[planar >= NOISE_M2], planar[planar >= NOISE_M2]
        thin = (planar < sliver_m2) | (2 * planar / shapely.length(parts) < width_m)
        areas = ellipsoidal_areas_m2(parts, epsg)
        points = shapely.get_coordinates(shapely.point_on_surface(parts))
        for polygon, area, point, sliver in zip(parts, areas, points, thin, strict=True):
            (slivers if sliver else patches).append(
                {
                    "type": "Feature",
                    "geometry": shapely.geometry.mapping(polygon),
                    "properties": {
                        "number": 0,
                        "kind": kind_of(a, b),
                        "before": a,
                        "after": b,
                        "area_ha": hectares(float(area)),
                        "x": round(float(point[0]), 3),
                        "y": round(float(point[1]), 3),
                    },
                }
            )
    return patches, slivers


def kind_of(before: str, after: str) -> Literal["不变", "新增", "删除", "变更"]:
    """Name a transition."""
    if before == after:
        return "不变"
    return "新增" if before == NOTHING else "删除" if after == NOTHING else "变更"


def _comparison(
    old: Version,
    new: Version,
    field: str | None,
    cells: dict[tuple[str, str], float],
    patches: list[dict[str, Any]],
    slivers: list[dict[str, Any]],
    shifted: tuple[Moved, ...],
    misfit: float,
) -> Comparison:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    thin: dict[tuple[str, str], float] = defaultdict(float)
    for feature in patches:
        counts[feature["properties"]["before"], feature["properties"]["after"]] += 1
    for feature in slivers:
        thin[feature["properties"]["before"], feature["properties"]["after"]] += feature[
            "properties"
        ]["area_ha"]
    transitions = tuple(
        Transition(
            before=a,
            after=b,
            kind=kind_of(a, b),
            area_ha=area,
            sliver_ha=round(thin[a, b], HA_DIGITS),
            patches=counts[a, b],
        )
        for (a, b), area in sorted(cells.items(), key=lambda item: (-item[1], item[0]))
        if area > 0
    )

    def total(*kinds: str) -> float:
        return round(sum(t.area_ha for t in transitions if t.kind in kinds), HA_DIGITS)

    codes = sorted({c for cell in cells for c in cell if c != NOTHING})
    return Comparison(
        layer=new.spec.name,
        title=new.spec.title,
        epsg=new.spec.epsg,
        before_date=old.spec.date,
        after_date=new.spec.date,
        field=field or new.spec.code_field or "（不分类）",
        before_ha=total("不变", "变更", "删除"),
        after_ha=total("不变", "变更", "新增"),
        unchanged_ha=total("不变"),
        changed_ha=total("变更"),
        added_ha=total("新增"),
        removed_ha=total("删除"),
        sliver_ha=round(sum(thin.values()), HA_DIGITS),
        sliver_m2=0.0,
        sliver_width_m=0.0,
        transitions=transitions,
        balance=tuple(_balance(code, transitions, {**old.names, **new.names}) for code in codes),
        moved=tuple(_moved(moved, new) for moved in shifted),
        features=_feature_counts(old, new),
        misfit_m2=round(misfit, 3),
    )


def _balance(code: str, transitions: tuple[Transition, ...], names: dict[str, str]) -> Balance:
    kept = sum(t.area_ha for t in transitions if t.before == t.after == code)
    lost = sum(t.area_ha for t in transitions if t.before == code != t.after)
    gained = sum(t.area_ha for t in transitions if t.after == code != t.before)
    return Balance(
        code=code,
        name=names.get(code, ""),
        before_ha=round(kept + lost, HA_DIGITS),
        kept_ha=round(kept, HA_DIGITS),
        lost_ha=round(lost, HA_DIGITS),
        gained_ha=round(gained, HA_DIGITS),
        after_ha=round(kept + gained, HA_DIGITS),
    )


def _moved(moved: Moved, new: Version) -> MovedFeature:
    point = shapely.get_coordinates(shapely.point_on_surface(new.geometries[moved.after]))[0]
    return MovedFeature(
        code=moved.code,
        area_ha=hectares(float(new.areas_m2[moved.after])),
        east_m=moved.east_m,
        north_m=moved.north_m,
        x=round(float(point[0]), 3),
        y=round(float(point[1]), 3),
    )


def _feature_counts(old: Version, new: Version) -> FeatureCounts | None:
    """Match features by identifier; None where one version has none, or they are not unique."""
    if old.ids is None or new.ids is None:
        return None
    a = {str(value): i for i, value in enumerate(old.ids.tolist()) if value}
    b = {str(value): i for i, value in enumerate(new.ids.tolist()) if value}
    if len(a) < len(old.ids) or len(b) < len(new.ids):
        return None
    both = sorted(a.keys() & b.keys())
    first, second = [a[key] for key in both], [b[key] for key in both]
    recoded = old.codes[first] != new.codes[second]
    same = shapely.equals_exact(
        shapely.normalize(old.geometries[first]), shapely.normalize(new.geometries[second]), 1e-6
    )
    return FeatureCounts(
        added=len(b.keys() - a.keys()),
        removed=len(a.keys() - b.keys()),
        recoded=int(recoded.sum()),
        reshaped=int((~same & ~recoded).sum()),
        unchanged=int((same & ~recoded).sum()),
    )


def _source(version: Version, place: Path) -> str:
    folder = place if place.is_dir() else place.parent
    return (
        f"{version.spec.name} {version.spec.date} / {open_layer(version.spec, folder).last_change}"
    )


def _warnings(old: Version, new: Version, misfit: float) -> tuple[str, ...]:
    said = []
    for version, word in ((old, "前"), (new, "后")):
        said += [f"{word}一版{finding.sentence()}" for finding in version.findings]
        if version.overlapping_m2:
            said.append(
                f"{word}一版的要素相互重叠 {version.overlapping_m2 / M2_PER_HA:.4f} 公顷，"
                "重叠处只计一次（归排在前面的要素）。"
            )
    if misfit > 10.0:
        said.append(f"叠加后面积与原图层面积最大相差 {misfit:.1f} 平方米，请检查图层的拓扑。")
    return tuple(said)
