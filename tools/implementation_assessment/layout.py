"""Layout consistency: the plan's land use laid over the present one, pair by pair of classes.

The matrix closes: cells are rounded together, so rows, columns and total are sums of what is shown.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.geometry.area import M2_PER_HA
from tools.implementation_assessment.book import Book, Group
from tools.plan_versions.overlay import NOTHING, Pieces, lay_over
from tools.plan_versions.rounding import rounded_matrix
from tools.plan_versions.version import Version, read_version
from tools.rules.model import PLANNED_USE

LAND_USE = "land_use"
SLIVER_M2 = 200.0
_UNITS_PER_HA = 10_000
OTHER = "未归类"


class Cell(Frozen):
    """Land with one planned and one present class."""

    planned: str
    present: str
    judgement: str
    area_ha: float


class Place(Frozen):
    """Area of one judgement in one town, patches above the tolerance."""

    town: str
    judgement: str
    area_ha: float
    patches: int


class Layout(Frozen):
    """How present use stands to the plan; areas in hectares."""

    plan_date: str
    present_date: str
    total_ha: float
    cells: tuple[Cell, ...]
    judged_ha: dict[str, float]
    built_percent: float | None
    """Of the land planned for building, what is building land now."""
    patches: int
    sliver_m2: float
    sliver_ha: float
    """Of the judgements that are mapped, what lies in patches below the tolerance."""
    places: tuple[Place, ...] = ()


def compare_layout(
    plan: Path,
    layers: Path,
    book: Book,
    towns: dict[str, Any],
    sliver_m2: float = SLIVER_M2,
) -> tuple[Layout, tuple[dict[str, Any], ...], tuple[Version, Version]]:
    """Lay the plan over present land use.

    Args:
        plan: Folder of the catalogue that holds the planned land use.
        layers: Folder of the catalogue that holds the present one.
        book: Classes and judgements.
        towns: Polygon of each town by name, for the table of places; may be empty.
        sliver_m2: Patches below this are in the matrix and not among the features.

    Returns:
        The layout, GeoJSON features of the judgements that are mapped (largest first), both versions.

    Raises:
        InputError: a layer is missing or wrong, or the two do not go together.
    """
    planned, present = read_version(plan, PLANNED_USE, None), read_version(layers, LAND_USE, None)
    for key, word in (("epsg", "坐标系"), ("code_scheme", "编码体系")):
        one, other = getattr(planned.spec, key), getattr(present.spec, key)
        if one != other:
            raise InputError(
                f"规划用途与现状用地的{word}不同：{one} 与 {other}",
                layer=planned.spec.name,
                field=key,
                mend="先转换一致再评估",
            )
    pieces, _ = lay_over(planned, present)
    groups = {code: book.group(code) for code in {*pieces.before.tolist(), *pieces.after.tolist()}}
    judgements = np.array(
        [
            book.judge(groups[a], groups[b])
            for a, b in zip(pieces.before.tolist(), pieces.after.tolist(), strict=True)
        ],
        dtype=object,
    )
    cells = _cells(pieces, groups, book)
    judged: dict[str, float] = dict.fromkeys(book.meanings, 0.0)
    for cell in cells:
        judged[cell.judgement] = round(judged[cell.judgement] + cell.area_ha, 4)
    wanted = np.isin(judgements.astype(str), book.to_map)
    small = wanted & (pieces.areas_m2 < sliver_m2)
    shown = np.flatnonzero(wanted & ~small)
    local = _town_of(pieces.geometries[shown], towns)
    features = _features(pieces, shown, judgements, groups, local)
    layout = Layout(
        plan_date=planned.spec.date,
        present_date=present.spec.date,
        total_ha=round(sum(c.area_ha for c in cells), 4),
        cells=cells,
        judged_ha={word: ha for word, ha in judged.items() if ha > 0},
        built_percent=_built(cells, book),
        patches=len(shown),
        sliver_m2=sliver_m2,
        sliver_ha=round(float(pieces.areas_m2[small].sum()) / M2_PER_HA, 4),
        places=_places(pieces.areas_m2[shown], judgements[shown], local) if towns else (),
    )
    return layout, features, (planned, present)


def _title(code: str, group: Group | None) -> str:
    return code if code == NOTHING else OTHER if group is None else group.title


def _cells(pieces: Pieces, groups: dict[str, Group | None], book: Book) -> tuple[Cell, ...]:
    sums: dict[tuple[str, str], float] = defaultdict(float)
    words: dict[tuple[str, str], str] = {}
    for a, b, area in zip(
        pieces.before.tolist(), pieces.after.tolist(), pieces.areas_m2.tolist(), strict=True
    ):
        key = _title(a, groups[a]), _title(b, groups[b])
        sums[key] += area / M2_PER_HA * _UNITS_PER_HA
        words[key] = book.judge(groups[a], groups[b])
    order = {g.title: n for n, g in enumerate(book.groups)}
    whole = rounded_matrix(sums)
    return tuple(
        Cell(planned=a, present=b, judgement=words[a, b], area_ha=whole[a, b] / _UNITS_PER_HA)
        for a, b in sorted(whole, key=lambda k: (order.get(k[0], 99), order.get(k[1], 99)))
        if whole[a, b]
    )


def _built(cells: tuple[Cell, ...], book: Book) -> float | None:
    building = {g.title for g in book.groups if g.family == "building"}
    planned = sum(c.area_ha for c in cells if c.planned in building)
    built = sum(c.area_ha for c in cells if c.planned in building and c.present in building)
    return round(100 * built / planned, 2) if planned else None


def _town_of(geometries: npt.NDArray[Any], towns: dict[str, Any]) -> list[str]:
    """Name the town that a point on each patch lies in; empty where there is none."""
    if not towns or not len(geometries):
        return [""] * len(geometries)
    names = list(towns)
    tree = shapely.STRtree([towns[name] for name in names])
    patch, town = tree.query(shapely.point_on_surface(geometries), predicate="intersects")
    found = dict(zip(patch.tolist(), town.tolist(), strict=True))
    return [names[found[i]] if i in found else "" for i in range(len(geometries))]


def _features(
    pieces: Pieces,
    shown: npt.NDArray[np.intp],
    judgements: npt.NDArray[Any],
    groups: dict[str, Group | None],
    local: list[str],
) -> tuple[dict[str, Any], ...]:
    rows = [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(pieces.geometries[i]),
            "properties": {
                "judgement": judgements[i],
                "planned_code": str(pieces.before[i]),
                "planned": _title(str(pieces.before[i]), groups[str(pieces.before[i])]),
                "present_code": str(pieces.after[i]),
                "present": _title(str(pieces.after[i]), groups[str(pieces.after[i])]),
                "area_ha": round(float(pieces.areas_m2[i]) / M2_PER_HA, 4),
                "town": town,
            },
        }
        for i, town in zip(shown.tolist(), local, strict=True)
    ]
    return tuple(sorted(rows, key=lambda f: -f["properties"]["area_ha"]))


def _places(
    areas_m2: npt.NDArray[np.float64], judgements: npt.NDArray[Any], local: list[str]
) -> tuple[Place, ...]:
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for area, word, town in zip(areas_m2.tolist(), judgements.tolist(), local, strict=True):
        sums[town or "（乡镇外）", word].append(area)
    return tuple(
        Place(town=t, judgement=w, area_ha=round(sum(v) / M2_PER_HA, 4), patches=len(v))
        for (t, w), v in sorted(sums.items())
    )
