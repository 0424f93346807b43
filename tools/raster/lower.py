"""Lower a plan to a program: bands of its sources, steps of its factors; compositions follow."""

import math
from fractions import Fraction

import numpy as np

from cspon.errors import InputError
from tools.raster.compositions import lower_composition
from tools.raster.inputs import Look, look_at, stored_scale
from tools.raster.layers import Layers
from tools.raster.plan import Classes, Factor, Plan, Thresholds
from tools.raster.program import Band, Check, Grade, Program, ReliefBand, Slope
from tools.raster.sources import Source, Terrain
from tools.raster.stored import class_table, typed_bounds, typed_range, typed_scores, with_layer
from tools.raster.units import plausible

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
        self.known = Layers()
        self.checks: list[Check] = []
        self.looks: dict[Source, Look] = {}
        self.notices: list[str] = []

    def program(self) -> Program:
        self._read_sources()
        for factor in self.plan.factors:
            self._factor(factor)
        for composition in self.plan.compositions:
            lower_composition(self.known, composition)
        return Program(
            bands=tuple(self.bands),
            layers=tuple(self.known.layers),
            steps=tuple(self.known.steps),
            outputs=tuple(self.known.index[o.layer] for o in self.plan.outputs),
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
                self.notices.append(
                    f"{source.file.name} 没有金字塔：不影响计算，显示会慢；可用 gdaladdo 生成"
                )
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
        bounds, scores = typed_bounds(stored, list(grades.scores), grades.closed, dtype)
        limits = factor.valid or plausible(unit)
        valid = None
        if limits is not None:
            valid = typed_range(
                [(Fraction(str(limit)) - offset) / scale for limit in limits], dtype
            )
        out = self.known.layer(factor.name, set(scores), "因子")
        step = self.known.add(
            Grade(
                band,
                None,
                out,
                bounds,
                typed_scores(scores, self.known.layers[out]),
                grades.closed,
                valid,
            )
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
        lookup = class_table(band, None, factor.name, grades)
        values = set(grades.scores.values())
        if isinstance(grades.unlisted, int):
            values.add(grades.unlisted)
        out = self.known.layer(factor.name, values, "因子")
        step = self.known.add(with_layer(lookup, out, self.known.layers[out], grades))
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
        out = self.known.layer(factor.name, set(grades.scores), "因子")
        scores = typed_scores(list(grades.scores), self.known.layers[out])
        self.known.add(Slope(band, out, squares, scores, grades.closed, terrain.missing))

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


def _source_of(factor: Factor) -> Source:
    return factor.source.dem if isinstance(factor.source, Terrain) else factor.source
