"""Lower a plan to a program: thresholds in stored types, look-up tables, sets of possible values."""

import math
from fractions import Fraction
from itertools import product
from typing import Literal

import numpy as np

from cspon.errors import InputError
from tools.raster.inputs import Look, look_at, stored_scale
from tools.raster.plan import (
    Classes,
    Composition,
    Extreme,
    Factor,
    Mask,
    Matrix,
    Plan,
    Product,
    Regrade,
    Thresholds,
    Weighted,
    Worst,
)
from tools.raster.program import (
    Array,
    Band,
    Check,
    Exclude,
    Grade,
    Layer,
    Limit,
    Lookup,
    Program,
    ReliefBand,
    Slope,
    Step,
    Table,
    Times,
    WeightedMean,
)
from tools.raster.sources import Source, Terrain
from tools.raster.units import plausible

MAX_TABLE = 1_000_000
MAX_VALUES = 200_000
"""Possible values of a layer that are followed one by one."""
MAX_VALUE = 30_000
TERRAIN_UNITS = {"slope": "degree", "elevation": "m", "relief": "m"}


def lower(plan: Plan) -> Program:
    """Look at every source and lower the plan.

    Raises:
        InputError: a source that does not fit; a matrix, order or table that a possible value misses.
    """
    return _Lowering(plan).program()


class _Lowering:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.bands: list[Band | ReliefBand] = []
        self.layers: list[Layer] = []
        self.steps: list[Step] = []
        self.checks: list[Check] = []
        self.index: dict[str, int] = {}
        self.looks: dict[Source, Look] = {}
        self.notices: list[str] = []

    def program(self) -> Program:
        self._read_sources()
        for factor in self.plan.factors:
            self._factor(factor)
        for composition in self.plan.compositions:
            self._composition(composition)
        return Program(
            bands=tuple(self.bands),
            layers=tuple(self.layers),
            steps=tuple(self.steps),
            outputs=tuple(self.index[o.layer] for o in self.plan.outputs),
            checks=tuple(self.checks),
            notices=tuple(dict.fromkeys(self.notices)),
        )

    def _read_sources(self) -> None:
        """Make one band for each source; terrain wants int16 or float32, and a halo."""
        halos: dict[Source, int] = {}
        first: dict[Source, str] = {}
        for factor in self.plan.factors:
            source = _source_of(factor)
            first.setdefault(source, factor.name)
            if isinstance(factor.source, Terrain):
                terrain = factor.source
                halo = {"slope": 1, "elevation": 0, "relief": terrain.window // 2}[terrain.measure]
                halos[source] = max(halo, halos.get(source, 0))
        for source, name in first.items():
            look = self.looks[source] = look_at(source, self.plan.grid, name)
            if not look.overviews and self.plan.grid.width * self.plan.grid.height > 4_000_000:
                self.notices.append(f"{source.file.name} 没有金字塔：不影响计算，显示会慢")
            dtype, nodata = look.dtype, look.nodata
            if source in halos:
                if dtype == "int16":
                    nodata = -32768.0 if nodata is None else nodata
                else:
                    dtype = "float32"
            whole = dtype.startswith(("int", "uint"))
            self.bands.append(
                Band(source, name, dtype, int(nodata) if whole and nodata is not None else None,
                     halos.get(source, 0))
            )  # fmt: skip

    def _band_of(self, source: Source) -> int:
        return next(
            i for i, b in enumerate(self.bands) if isinstance(b, Band) and b.source == source
        )

    def _layer(self, name: str, values: set[int], what: str) -> int:
        if max(values) > MAX_VALUE or min(values) < 0:
            raise InputError(f"{what}“{name}”的值可达 {max(values)}，超出 0–{MAX_VALUE}")
        dtype: Literal["uint8", "int16"] = "uint8" if max(values) <= 254 else "int16"
        self.layers.append(Layer(name, dtype, tuple(sorted(values))))
        self.index[name] = len(self.layers) - 1
        return len(self.layers) - 1

    def _add(self, step: Step) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    # factors

    def _factor(self, factor: Factor) -> None:
        source = _source_of(factor)
        band = self._band_of(source)
        unit = factor.unit
        if isinstance(factor.source, Terrain):
            own = TERRAIN_UNITS[factor.source.measure]
            if unit not in ("", own):
                raise InputError(
                    f"因子“{factor.name}”为地形因子，分级单位应为 {own}，写的是“{unit}”",
                    field="unit",
                )
            unit = own
            if factor.source.measure == "slope":
                self._slope(factor, factor.source, band)
                return
            if factor.source.measure == "relief":
                band = self._relief(factor, factor.source, band)
        scale, offset = stored_scale(source, unit, factor.name)
        if isinstance(factor.source, Terrain) and factor.source.measure == "relief":
            offset = Fraction(0)
        if isinstance(factor.grades, Classes):
            self._classes(factor, factor.grades, band)
        else:
            self._thresholds(factor, factor.grades, band, unit, scale, offset)

    def _thresholds(
        self, factor: Factor, grades: Thresholds, band: int, unit: str, scale: Fraction, offset: Fraction
    ) -> None:  # fmt: skip
        dtype = self.bands[band].dtype
        stored = [(Fraction(str(bound)) - offset) / scale for bound in grades.bounds]
        bounds, scores = _typed_bounds(stored, list(grades.scores), grades.closed, dtype)
        limits = factor.valid or plausible(unit)
        valid = None
        if limits is not None:
            valid = _typed_range(
                [(Fraction(str(limit)) - offset) / scale for limit in limits], dtype
            )
        out = self._layer(factor.name, set(scores), "因子")
        step = self._add(
            Grade(band, None, out, bounds, _scores(scores, self.layers[out]), grades.closed, valid)
        )
        if valid is not None and limits is not None:
            self.checks.append(
                Check(
                    step,
                    factor.name,
                    _source_of(factor),
                    unit,
                    *limits,
                    float(scale),
                    float(offset),
                )
            )

    def _classes(self, factor: Factor, grades: Classes, band: int) -> None:
        source = _source_of(factor)
        if np.dtype(self.bands[band].dtype).kind == "f":
            raise InputError(
                f"因子“{factor.name}”按类别代码分级，栅格却是浮点数",
                file=source.file,
                mend="转换为整数类型；类别数据重采样用 nearest 或 mode",
            )
        lookup = _lookup(band, None, factor.name, grades)
        values = set(grades.scores.values())
        if isinstance(grades.unlisted, int):
            values.add(grades.unlisted)
        out = self._layer(factor.name, values, "因子")
        step = self._add(_finish(lookup, out, self.layers[out], grades))
        if grades.unlisted == "error":
            self.checks.append(Check(step, factor.name, source, "", None, None, 1.0, 0.0))

    def _slope(self, factor: Factor, terrain: Terrain, band: int) -> None:
        assert isinstance(factor.grades, Thresholds)
        metres, _ = stored_scale(terrain.dem, "m", factor.name)
        grades = factor.grades
        if grades.bounds[0] < 0 or grades.bounds[-1] >= 90:
            raise InputError(f"因子“{factor.name}”的坡度界值应在 0 到 90 度之间", field="bounds")
        run_length = 8.0 * self.plan.grid.cell / float(metres)
        squares = np.array(
            [(run_length * math.tan(math.radians(b))) ** 2 for b in grades.bounds], dtype=np.float32
        )
        out = self._layer(factor.name, set(grades.scores), "因子")
        scores = _scores(list(grades.scores), self.layers[out])
        self._add(Slope(band, out, squares, scores, grades.closed, terrain.missing))

    def _relief(self, factor: Factor, terrain: Terrain, band: int) -> int:
        if terrain.window % 2 == 0:
            raise InputError(
                f"因子“{factor.name}”的起伏度窗口应为奇数个像元", field="window", mend="如 9、15"
            )
        whole = self.bands[band].dtype == "int16"
        relief = ReliefBand(
            band, terrain.window, "int32" if whole else "float32", -1 if whole else None
        )
        if relief not in self.bands:
            self.bands.append(relief)
        return self.bands.index(relief)

    # compositions

    def _composition(self, step: Composition) -> None:
        of = tuple(self.index[name] for name in step.of)
        values = [set(self.layers[i].values) for i in of]
        what = "组合"
        match step:
            case Weighted():
                self._weighted(step, of, values)
            case Extreme():
                merged = _extreme_values(values, step.kind == "maximum", step.missing == "skip")
                out = self._layer(step.name, merged, what)
                self._add(Limit(of, out, step.kind == "maximum", step.missing == "skip"))
            case Worst():
                self._worst(step, of, values)
            case Matrix():
                self._matrix(step, of, values)
            case Product():
                products = {1}
                for some in values:
                    products = {a * b for a, b in product(products, some)}
                    if len(products) > MAX_VALUES or max(products) > MAX_VALUE:
                        raise InputError(
                            f"组合“{step.name}”的乘积可达 {max(products)}，超出 0–{MAX_VALUE}"
                        )
                out = self._layer(step.name, products, what)
                self._add(Times(of, out))
            case Regrade():
                self._regrade(step, of[0], values[0])
            case Mask():
                kept = set(values[0]) | ({step.becomes} if step.becomes is not None else set())
                out = self._layer(step.name, kept, what)
                excluded = np.zeros(max(*values[1], *step.exclude) + 1, dtype=np.uint8)
                excluded[list(step.exclude)] = 1
                self._add(Exclude(of[0], of[1], out, excluded, step.becomes))

    def _weighted(self, step: Weighted, of: tuple[int, ...], values: list[set[int]]) -> None:
        weights = np.array(list(step.weights.values()), dtype=np.int64)
        total, factor = int(weights.sum()), 10**step.decimals
        if step.missing == "skip":
            low, high = min(min(v) for v in values), max(max(v) for v in values)
            low, high = low * factor, high * factor
        else:
            low, high = (
                _half_up(factor * sum(int(w) * f(v) for w, v in zip(weights, values, strict=True)), total)
                for f in (min, max)
            )  # fmt: skip
        out = self._layer(step.name, set(range(low, high + 1)), "组合")
        self._add(WeightedMean(of, out, weights, factor, step.missing == "skip"))

    def _worst(self, step: Worst, of: tuple[int, ...], values: list[set[int]]) -> None:
        """Rank, take the largest rank, and take the score back: three steps that exist already."""
        missing = sorted(set().union(*values) - set(step.order))
        if missing:
            raise InputError(
                f"组合“{step.name}”的优劣次序没有列出分值 {missing}", field="order", mend="补全次序"
            )
        ranks = Classes(scores={score: rank for rank, score in enumerate(step.order)})
        back = Classes(scores=dict(enumerate(step.order)))
        ranked = []
        for number, layer in enumerate(of):
            name = f"{step.name}#{number}"
            self._regrade(
                Regrade(name=name, layer=self.layers[layer].name, grades=ranks),
                layer,
                values[number],
            )
            ranked.append(self.index[name])
        possible = [set(self.layers[i].values) for i in ranked]
        merged = _extreme_values(possible, True, step.missing == "skip")
        limit = self._layer(f"{step.name}#", merged, "组合")
        self._add(Limit(tuple(ranked), limit, True, step.missing == "skip"))
        self._regrade(Regrade(name=step.name, layer=f"{step.name}#", grades=back), limit, merged)

    def _matrix(self, step: Matrix, of: tuple[int, ...], values: list[set[int]]) -> None:
        indices = []
        for which, scores, possible in zip(
            ("行", "列"), (step.row_scores, step.column_scores), values, strict=True
        ):
            missing = sorted(possible - set(scores))
            if missing:
                raise InputError(
                    f"组合“{step.name}”的判别矩阵没有{which}分值 {missing}", mend="补全矩阵的行列"
                )
            index = np.zeros(max(possible) + 1, dtype=np.uint8)
            for position, score in enumerate(scores):
                if score < len(index):
                    index[score] = position
            indices.append(index)
        used = {
            step.table[i][j]
            for i, a in enumerate(step.row_scores)
            if a in values[0]
            for j, b in enumerate(step.column_scores)
            if b in values[1]
        }
        out = self._layer(step.name, used, "组合")
        table = np.array(step.table, dtype=np.int64)
        table[~np.isin(table, list(used))] = min(used)
        self._add(
            Table(of[0], of[1], out, indices[0], indices[1], table.astype(self.layers[out].dtype))
        )

    def _regrade(self, step: Regrade, layer: int, possible: set[int]) -> None:
        if isinstance(step.grades, Thresholds):
            dtype = self.layers[layer].dtype
            stored = [Fraction(str(bound)) for bound in step.grades.bounds]
            bounds, scores = _typed_bounds(
                stored, list(step.grades.scores), step.grades.closed, dtype
            )
            out = self._layer(step.name, set(scores), "组合")
            self._add(
                Grade(
                    None, layer, out, bounds, _scores(scores, self.layers[out]), step.grades.closed
                )
            )
            return
        missing = sorted(possible - set(step.grades.scores))
        if missing and step.grades.unlisted == "error":
            raise InputError(
                f"组合“{step.name}”没有给出分值 {missing[:10]} 的分级",
                mend="补全分级表，或写明 unlisted",
            )
        values = {step.grades.scores[v] for v in possible - set(missing)}
        if missing and isinstance(step.grades.unlisted, int):
            values.add(step.grades.unlisted)
        if not values:
            raise InputError(f"组合“{step.name}”的分级表没有一个会出现的分值")
        listed = {k: v for k, v in step.grades.scores.items() if k in possible}
        grades = Classes(
            scores=listed,
            unlisted="nodata" if step.grades.unlisted == "error" else step.grades.unlisted,
        )
        out = self._layer(step.name, values, "组合")
        self._add(_finish(_lookup(None, layer, step.name, grades), out, self.layers[out], grades))


def _source_of(factor: Factor) -> Source:
    return factor.source.dem if isinstance(factor.source, Terrain) else factor.source


def _scores(scores: list[int], layer: Layer) -> Array:
    return np.array(scores, dtype=layer.dtype)


def _half_up(weighted_sum: int, total: int) -> int:
    return (2 * weighted_sum + total) // (2 * total)


def _extreme_values(values: list[set[int]], largest: bool, skip: bool) -> set[int]:
    merged = set().union(*values)
    if skip:
        return merged
    if largest:
        floor = max(min(v) for v in values)
        return {v for v in merged if v >= floor}
    ceiling = min(max(v) for v in values)
    return {v for v in merged if v <= ceiling}


def _typed_bounds(
    bounds: list[Fraction], scores: list[int], closed: str, dtype: str
) -> tuple[Array, list[int]]:
    """Bring thresholds to a stored type; those that every or no value passes are left out."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return np.array([float(b) for b in bounds], dtype=kind), scores
    info = np.iinfo(kind)
    typed: list[int] = []
    kept = [scores[0]]
    for bound, score in zip(bounds, scores[1:], strict=True):
        value = math.floor(bound) if closed == "right" else math.ceil(bound)
        always = value < info.min if closed == "right" else value <= info.min
        never = value >= info.max if closed == "right" else value > info.max
        if always:
            kept = [score]
        elif not never:
            typed.append(value)
            kept.append(score)
    return np.array(typed, dtype=kind), kept


def _typed_range(limits: list[Fraction], dtype: str) -> Array | None:
    """Bring a plausible range to a stored type; None where the type itself cannot leave it."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return np.array([float(limit) for limit in limits], dtype=kind)
    info = np.iinfo(kind)
    low, high = max(math.ceil(limits[0]), info.min), min(math.floor(limits[1]), info.max)
    if (low, high) == (info.min, info.max):
        return None
    return np.array([low, high], dtype=kind)


def _lookup(band: int | None, layer: int | None, name: str, grades: Classes) -> Lookup:
    codes = np.array(sorted(grades.scores), dtype=np.int64)
    base, last = int(codes[0]), int(codes[-1])
    if last - base >= MAX_TABLE or max(abs(base), abs(last)) > 2**31 - 1:
        raise InputError(f"“{name}”的类别代码跨度过大（{base}–{last}）")
    table = np.full(last - base + 1, -1, dtype=np.int16)
    scores = np.array([grades.scores[int(code)] for code in codes], dtype=np.int64)
    table[codes - base] = scores
    return Lookup(band, layer, -1, base, table, None, codes, scores)


def _finish(lookup: Lookup, out: int, layer: Layer, grades: Classes) -> Lookup:
    unlisted: int | None = None
    if grades.unlisted == "nodata":
        unlisted = layer.nodata
    elif isinstance(grades.unlisted, int):
        unlisted = grades.unlisted
    return Lookup(
        lookup.band, lookup.layer, out, lookup.base, lookup.table, unlisted, lookup.codes,
        lookup.code_scores.astype(layer.dtype),
    )  # fmt: skip
