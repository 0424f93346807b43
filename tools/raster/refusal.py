"""The error for a cell that refuses a run: which factor, which file, which value, where."""

from collections.abc import Sequence

import numpy as np

from cspon.errors import InputError
from tools.raster.grid import Grid
from tools.raster.program import Array, Band, Check, Grade, Lookup, Program

_MENDS = {
    "degree": "数据可能是百分比坡度：改用度，或由高程重算坡度",
    "mm": "数据可能以 0.1 毫米存储：在 source 下写 scale: 0.1；无数据的填充值写为 nodata",
}


def refusal(
    program: Program, check: Check, bands: Sequence[Array], grid: Grid, first_row: int
) -> InputError:
    """Describe the bad cells of a strip."""
    step = program.steps[check.step]
    assert isinstance(step, Grade | Lookup) and step.band is not None
    band, values = program.bands[step.band], bands[step.band]
    if isinstance(band, Band) and band.halo:
        values = values[band.halo : -band.halo, band.halo : -band.halo]
    held = np.isfinite(values) if values.dtype.kind == "f" else values != band.nodata
    if isinstance(step, Lookup):
        bad = held & ~np.isin(values, step.codes)
        codes = ", ".join(str(code) for code in np.unique(values[bad])[:10])
        return InputError(
            f"因子“{check.factor}”的栅格有未分级的类别代码 {codes}（{_place(bad, grid, first_row)}）",
            file=check.source.file,
            field="scores",
            mend="在分级表中补上代码，或写明 unlisted（nodata 或一个分值）",
        )
    assert step.valid is not None
    low, high = step.valid
    bad = held & ((values < low) | (values > high))
    worst = [float(v) * check.scale + check.offset for v in (values[bad].min(), values[bad].max())]
    shown = f"{worst[0]:g}" if worst[0] == worst[1] else f"{worst[0]:g} 至 {worst[1]:g}"
    unit = f" {check.unit}" if check.unit else ""
    return InputError(
        f"因子“{check.factor}”的值 {shown}{unit} 超出合理范围 {check.low:g}–{check.high:g}{unit}"
        f"（{_place(bad, grid, first_row)}）：单位可能声明错了",
        file=check.source.file,
        field="unit",
        mend=_MENDS.get(
            check.unit, "核对数据源的单位、scale 与 nodata；确属正常时在因子下写明 valid"
        ),
    )


def _place(bad: Array, grid: Grid, first_row: int) -> str:
    row, column = (int(v) for v in np.argwhere(bad)[0])
    x = grid.west + (column + 0.5) * grid.cell
    y = grid.north - (first_row + row + 0.5) * grid.cell
    return f"例如第 {first_row + row + 1} 行第 {column + 1} 列，坐标 {x:.1f}，{y:.1f}"
