"""Layout consistency: the plan's land use laid over the present one, pair by pair of classes.

The matrix closes: cells are rounded together, so rows, columns and total are sums of what is shown.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

from cspon.errors import InputError
from cspon.schemas.base import Frozen
from tools.geometry.area import M2_PER_HA
from tools.implementation_assessment.blocks import MOST_IN_BLOCK, Listed, blocks, scan
from tools.implementation_assessment.book import Book
from tools.implementation_assessment.cut import cut_block
from tools.implementation_assessment.tally import OUTSIDE, PER_HA, PER_M2, Tally, title_of
from tools.plan_versions.rounding import rounded_matrix
from tools.rules.model import LAND_USE, PLANNED_USE

SLIVER_M2 = 200.0


class Cell(Frozen):
    """Land with one planned and one present class."""

    planned: str
    present: str
    judgement: str
    area_ha: float
    patches: int = 0
    """Of a judgement that is mapped, not below the tolerance."""
    patches_ha: float = 0.0
    """Their area."""


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
    """Of the judgements that are mapped, not below the tolerance."""
    listed: int
    """Of these, the largest, which are features of the result."""
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
    *,
    most: int = MOST_IN_BLOCK,
) -> tuple[Layout, tuple[dict[str, Any], ...], tuple[Listed, Listed]]:
    """Lay the plan over present land use, block by block: the memory does not grow with the county.

    Args:
        plan: Folder of the catalogue that holds the planned land use.
        layers: Folder of the catalogue that holds the present one.
        book: Classes and judgements.
        towns: Polygon of each town by name, for the table of places; may be empty.
        sliver_m2: Patches below this are in the matrix and not among the features.
        most: Features in a block; it changes no figure.

    Returns:
        The layout, GeoJSON features of the judgements that are mapped (largest first), both layers.

    Raises:
        InputError: a layer is missing or wrong, or the two do not go together.
    """
    planned, present = scan(plan, PLANNED_USE), scan(layers, LAND_USE)
    for key, word in (("epsg", "坐标系"), ("code_scheme", "编码体系")):
        one, other = getattr(planned.spec, key), getattr(present.spec, key)
        if one != other:
            raise InputError(
                f"规划用途与现状用地的{word}不同：{one} 与 {other}",
                layer=planned.spec.name,
                field=key,
                mend="先转换一致再评估",
            )
    tally = Tally(book, towns, sliver_m2)
    for a, b in blocks(planned, present, most):
        tally.add(cut_block(a, b, present.spec.epsg))
    cells = _cells(tally)
    judged: dict[str, float] = dict.fromkeys(book.meanings, 0.0)
    for cell in cells:
        judged[cell.judgement] = round(judged[cell.judgement] + cell.area_ha, 4)
    features = tally.features()
    layout = Layout(
        plan_date=planned.spec.date,
        present_date=present.spec.date,
        total_ha=round(sum(c.area_ha for c in cells), 4),
        cells=cells,
        judged_ha={word: ha for word, ha in judged.items() if ha > 0},
        built_percent=_built(cells, book),
        patches=tally.patches,
        listed=len(features),
        sliver_m2=sliver_m2,
        sliver_ha=round(tally.slivers / PER_HA, 4),
        places=tuple(
            Place(town=t or OUTSIDE, judgement=w, area_ha=round(area / PER_HA, 4), patches=n)
            for (t, w), (area, n) in sorted(tally.places.items(), key=lambda kv: (kv[0][0] or OUTSIDE, kv[0][1]))
        )
        if towns
        else (),
    )  # fmt: skip
    return layout, features, (planned, present)


def _cells(tally: Tally) -> tuple[Cell, ...]:
    book = tally.book
    sums: dict[tuple[str, str], int] = defaultdict(int)
    words: dict[tuple[str, str], str] = {}
    for (a, b), area in tally.sums.items():
        key = title_of(a, tally.groups[a]), title_of(b, tally.groups[b])
        sums[key] += area
        words[key] = book.judge(tally.groups[a], tally.groups[b])
    order = {g.title: n for n, g in enumerate(book.groups)}
    whole = rounded_matrix({key: area / PER_M2 for key, area in sums.items()})
    return tuple(
        Cell(
            planned=a, present=b, judgement=words[a, b], area_ha=whole[a, b] / M2_PER_HA,
            patches=tally.pairs.get((a, b), (0, 0))[1],
            patches_ha=round(tally.pairs.get((a, b), (0, 0))[0] / PER_HA, 4),
        )
        for a, b in sorted(whole, key=lambda k: (order.get(k[0], 99), order.get(k[1], 99), k))
        if whole[a, b]
    )  # fmt: skip


def _built(cells: tuple[Cell, ...], book: Book) -> float | None:
    building = {g.title for g in book.groups if g.family == "building"}
    planned = sum(c.area_ha for c in cells if c.planned in building)
    built = sum(c.area_ha for c in cells if c.planned in building and c.present in building)
    return round(100 * built / planned, 2) if planned else None
