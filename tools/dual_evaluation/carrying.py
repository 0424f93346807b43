"""Carrying scale by unit: water and land constraints of cultivated and of urban land, the smaller one."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cspon.schemas.base import Frozen
from cspon.schemas.spatial import Column, Table
from tools.dual_evaluation.csv_rows import number_of, read_csv
from tools.dual_evaluation.evaluate import DualEvaluation, Part
from tools.dual_evaluation.formulas import land_cover_table
from tools.dual_evaluation.grade_rasters import NODATA, read_grades
from tools.dual_evaluation.inputs import find, where_is
from tools.dual_evaluation.rasters import raster_writer, row_strips
from tools.dual_evaluation.steps import OUTSIDE
from tools.raster.patches import label_patches
from tools.raster.plan import Thresholds
from tools.raster.sources import Source

CULTIVATED, BUILT = ("水田", "旱地"), ("城镇",)


class CarryingRow(Frozen):
    """One unit and one use."""

    unit: str
    use: str
    """耕地 or 城镇建设用地."""
    water_ha: float | None
    """None: the water is not known."""
    land_ha: float | None
    scale_ha: float | None
    """The smaller of the two; None where either is not known."""
    limit: str
    present_ha: float | None
    load_percent: float | None
    """Present use as a share of the scale."""


@dataclass(frozen=True)
class Carrying:
    """Rows, and what is missing."""

    rows: tuple[CarryingRow, ...]
    missing: tuple[str, ...]

    def total(self, use: str) -> float | None:
        """Return the scale of a use over all units; None where one is not known."""
        scales = [row.scale_ha for row in self.rows if row.use == use]
        return (
            None if not scales or None in scales else float(sum(s for s in scales if s is not None))
        )


def arable_by_water(water_m3: float, quota_m3_ha: float, rainfed_ha: float) -> float:
    """Return hectares: irrigation water over the quota, and the rainfed land."""
    return water_m3 / quota_m3_ha + rainfed_ha


def urban_by_water(water_m3: float, quota_m3_head: float, land_m2_head: float) -> float:
    """Return hectares: people that the water supports, times the land per head."""
    return water_m3 / quota_m3_head * land_m2_head / 1e4


def suitable(part: Part) -> npt.NDArray[np.bool_]:
    """Return where an evaluation has a class above 不适宜, inside its range."""
    return np.asarray((part.result >= 2) & (part.result != OUTSIDE))


def cover_is(made: DualEvaluation, names: tuple[str, ...]) -> npt.NDArray[np.bool_] | None:
    """Return where the land cover is one of the classes; None where it is not known."""
    if not find(made.inputs, "land_cover"):
        return None
    table = land_cover_table()["classes"]
    wanted = [table[n]["code"] for n in names]
    return where_is(made.inputs, "land_cover", lambda codes: np.isin(codes, wanted))


def by_unit(made: DualEvaluation, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return hectares by unit, 0 for cells of no unit first."""
    counts = np.zeros(len(made.units) + 1, np.int64)
    for part in row_strips(len(where)):
        cells = made.unit_of[part][where[part] & made.inputs.inside[part]]
        counts += np.bincount(cells, minlength=len(counts))
    return np.asarray(counts * (made.inputs.grid.cell_m2 / 1e4))


def in_patches(
    made: DualEvaluation, where: npt.NDArray[np.bool_], at_least_m2: float
) -> npt.NDArray[np.bool_]:
    """Return the cells in patches of at least an area; labelled strip by strip on disk."""
    grid, work = made.inputs.grid, made.inputs.work
    mask, graded = work / "patches_of.tif", work / "patches_by_area.tif"
    with raster_writer(mask, grid, dtype="uint8", nodata=NODATA) as write:
        for part in row_strips(len(where)):
            write(part.start, (where[part] & made.inputs.inside[part]).astype(np.uint8))
    size = Thresholds(bounds=(at_least_m2,), scores=(0, 1), closed="left")
    label_patches(Source(file=mask), grid, {1}, graded, name="连片耕地", grades=size)
    return np.asarray(read_grades(graded) == 1)


def carrying_scale(made: DualEvaluation, *, water_factor: float = 1.0) -> Carrying:
    """Compute the carrying scale.

    Args:
        made: The evaluation.
        water_factor: On the water that is to be had.

    Raises:
        InputError: the table of water lacks a column or holds no number.
    """
    value = {name: q.value for name, q in made.scheme.parameters.items()}
    water, missing = _water(made)
    farmland, built = cover_is(made, CULTIVATED), cover_is(made, BUILT)
    if farmland is None:
        missing.append("没有土地利用现状，未扣除连片耕地，不能比较现状")
    land: dict[str, npt.NDArray[np.float64] | None] = {"耕地": None, "城镇建设用地": None}
    for use, name in (("耕地", "agriculture"), ("城镇建设用地", "urban")):
        part = made.parts.get(name)
        if part is None or not part.grades:
            missing.append(
                f"没有{'农业生产' if name == 'agriculture' else '城镇建设'}适宜性评价结果，{use}没有土地约束"
            )
            continue
        where = suitable(part)
        if name == "urban" and farmland is not None:
            where &= ~in_patches(made, farmland, value["contiguous_farmland"] * 1e4)
        land[use] = by_unit(made, where)
    present = {
        use: None if where is None else by_unit(made, where)
        for use, where in (("耕地", farmland), ("城镇建设用地", built))
    }
    rows = []
    for k, unit in enumerate(made.units, start=1):
        if not (made.unit_of == k).any():
            continue
        for use in ("耕地", "城镇建设用地"):
            carried = None
            if unit in water:
                farm_m3, urban_m3, rainfed = water[unit]
                carried = (
                    arable_by_water(
                        farm_m3 * water_factor, value["arable_irrigation_quota"], rainfed
                    )
                    if use == "耕地"
                    else urban_by_water(
                        urban_m3 * water_factor,
                        value["urban_water_quota"],
                        value["urban_land_per_head"],
                    )
                )
            rows.append(_row(unit, use, carried, _at(land[use], k), _at(present[use], k)))
    return Carrying(tuple(rows), tuple(missing))


def _at(values: npt.NDArray[np.float64] | None, unit: int) -> float | None:
    return None if values is None else float(values[unit])


def _row(
    unit: str, use: str, water: float | None, land: float | None, present: float | None
) -> CarryingRow:
    scale = None if water is None or land is None else min(water, land)
    limit = "数据缺失"
    if water is not None and land is not None:
        limit = "水" if water < land else "土地"
    load = None if scale is None or present is None or scale <= 0 else 100 * present / scale

    def rounded(number: float | None, digits: int = 4) -> float | None:
        return None if number is None else round(number, digits)

    return CarryingRow(
        unit=unit, use=use, water_ha=rounded(water), land_ha=rounded(land), scale_ha=rounded(scale),
        limit=limit, present_ha=rounded(present), load_percent=rounded(load, 2),
    )  # fmt: skip


def _water(made: DualEvaluation) -> tuple[dict[str, tuple[float, float, float]], list[str]]:
    """Return irrigation water, urban water (m³) and rainfed land (ha) by unit."""
    entry = made.inputs.config.water
    if entry is None:
        return {}, ["没有可用水量（配置 water），不能计算水资源约束和承载规模"]
    file = made.inputs.path(entry.file, "water")
    columns = [entry.key, entry.agriculture_water, entry.urban_water]
    columns += [entry.rainfed_ha] if entry.rainfed_ha else []
    found = {}
    for row, values in enumerate(read_csv(file, columns), start=2):
        numbers = [number_of(values[c], file, c, row) for c in columns[1:]]
        found[values[entry.key].strip()] = (
            numbers[0],
            numbers[1],
            numbers[2] if entry.rainfed_ha else 0.0,
        )
    lacking = [unit for unit in made.units if unit not in found]
    return found, [f"可用水量表中没有：{'、'.join(lacking)}"] if lacking else []


def carrying_tables(carrying: Carrying) -> tuple[Table, ...]:
    """Return one table a use, the total last."""
    names = (("耕地", "carrying_farmland"), ("城镇建设用地", "carrying_urban"))
    return tuple(_table(carrying, use, name) for use, name in names)


def _table(carrying: Carrying, use: str, name: str) -> Table:
    of = [row for row in carrying.rows if row.use == use]
    rows: list[dict[str, Any]] = [row.model_dump(exclude={"use"}) for row in of]
    scale = carrying.total(use)
    total: dict[str, Any] = {"unit": "合计", "limit": "—"}
    for key in ("water_ha", "land_ha", "present_ha"):
        known = [getattr(row, key) for row in of]
        total[key] = None if None in known else round(sum(known), 4)
    total["scale_ha"] = None if scale is None else round(scale, 4)
    rows.append(total)
    note = "承载规模为各单元水、土约束较小值之和。"
    if use == "城镇建设用地":
        note += "土地约束为适宜区扣除连片耕地。"
    return Table(
        name=name,
        title=f"{use}承载规模",
        columns=(
            Column(key="unit", title="评价单元"),
            Column(key="water_ha", title="水约束", unit="公顷"),
            Column(key="land_ha", title="土地约束", unit="公顷"),
            Column(key="scale_ha", title="承载规模", unit="公顷"),
            Column(key="limit", title="短板"),
            Column(key="present_ha", title="现状", unit="公顷"),
            Column(key="load_percent", title="现状占比", unit="%"),
        ),
        rows=tuple(rows),
        note=note + "".join(f"{text}。" for text in carrying.missing),
    )
