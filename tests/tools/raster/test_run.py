"""Engines against the whole-array oracle: random rasters, thresholds, strips and workers."""

import tempfile
from pathlib import Path
from threading import Event

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.bench.raster_oracle import carry_out
from tools.raster.grid import Grid
from tools.raster.lower import lower
from tools.raster.plan import (
    Category,
    Classes,
    Extreme,
    Factor,
    Mask,
    Matrix,
    Output,
    Plan,
    Product,
    Regrade,
    Thresholds,
    Weighted,
    Worst,
)
from tools.raster.run import choose_kernel, compute_rows, empty_counts, run, shares
from tools.raster.sources import Source, Terrain

FIVE = (5, 4, 3, 2, 1)


def save(folder: Path, name: str, values, grid: Grid, nodata) -> Path:
    file = folder / name
    with rasterio.open(
        file, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype=values.dtype,
        nodata=nodata, crs=grid.crs, transform=grid.affine, tiled=True, blockxsize=16, blockysize=16,
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    return file


def random_plan(folder: Path, seed: int, *, floating_dem: bool) -> Plan:
    """Every kind of factor and composition; sizes, holes, thresholds and weights are random."""
    rng = np.random.default_rng(seed)
    width, height = (int(v) for v in rng.integers(1, 70, 2))
    grid = Grid(crs="EPSG:4547", west=500_000, north=3_400_000, cell=30, width=width, height=height)
    shape = (height, width)

    def holes(values, nodata):
        values[rng.random(shape) < rng.choice([0, 0.02, 0.5])] = nodata
        if height > 20:
            values[5:12] = nodata  # a strip without data
        return values

    dem = holes(rng.normal(500, 60, shape).astype("float32" if floating_dem else "int16"), -999)
    dems = Source(file=save(folder, "dem.tif", dem, grid, -999), unit="m")
    byte = holes(rng.integers(0, 100, shape).astype("uint8"), 255)
    real = rng.normal(0, 1, shape).astype("float32").round(1)
    real = holes(real, [np.nan, np.inf, -9999][seed % 3])
    codes = holes(rng.integers(-3, 6, shape).astype("int16"), 0)
    many = holes(rng.integers(1, 40, shape).astype("uint16"), 65535)
    bounds = lambda low, high, n: tuple(  # noqa: E731
        sorted(
            float(b)
            for b in rng.choice(np.arange(low, high, (high - low) / 50), n, replace=False).round(2)
        )
    )
    factors = (
        Factor(name="坡度", source=Terrain(measure="slope", dem=dems),
               grades=Thresholds(bounds=bounds(1, 80, 4), scores=FIVE)),
        Factor(name="坡度严", source=Terrain(measure="slope", dem=dems, missing="nodata"),
               grades=Thresholds(bounds=bounds(1, 80, 4), scores=FIVE, closed="left")),
        Factor(name="高程", source=Terrain(measure="elevation", dem=dems),
               grades=Thresholds(bounds=bounds(400, 600, 2), scores=(5, 4, 3))),
        Factor(name="起伏", source=Terrain(measure="relief", dem=dems, window=5),
               grades=Thresholds(bounds=bounds(50, 300, 2), scores=(0, 1, 2))),
        Factor(name="百分", source=Source(file=save(folder, "byte.tif", byte, grid, 255), scale=0.1, offset=2),
               grades=Thresholds(bounds=bounds(2, 12, 2), scores=(1, 3, 5), closed="left"), valid=(2, 12)),
        Factor(name="实数", source=Source(file=save(folder, "real.tif", real, grid, -9999.0)),
               grades=Thresholds(bounds=bounds(-2, 2, 2), scores=(1, 3, 5)), valid=(-10, 10)),
        Factor(name="类别", source=Source(file=save(folder, "codes.tif", codes, grid, 0)),
               grades=Classes(scores={-3: 1, 1: 1, 2: 3, 3: 5, 4: 300}, unlisted=2)),
        Factor(name="多类", source=Source(file=save(folder, "many.tif", many, grid, 65535)),
               grades=Classes(scores={k: k % 5 for k in range(1, 38)}, unlisted="nodata")),
    )  # fmt: skip
    weights = rng.integers(1, 100, 4)
    pick = ("坡度", "高程", "百分", "实数")
    compositions = (
        Weighted(name="加权", weights={n: int(w) for n, w in zip(pick, weights, strict=True)}),
        Weighted(name="百分位", weights={n: int(w) for n, w in zip(pick, weights, strict=True)},
                 decimals=2, missing="skip"),
        Weighted(name="多因子", weights=dict.fromkeys(("坡度", "坡度严", "高程", "起伏", "百分", "类别"), 10000)),
        Extreme(name="最小", kind="minimum", of=("坡度", "百分", "类别")),
        Extreme(name="最大", kind="maximum", of=("坡度", "百分", "类别"), missing="skip"),
        Worst(name="最差", of=("百分", "实数"), order=(5, 1, 3)),
        Matrix(name="修正", rows="坡度", columns="起伏", row_scores=FIVE, column_scores=(0, 1, 2),
               table=tuple((s, max(1, s - 1), max(1, s - 2)) for s in FIVE)),
        Product(name="乘积", of=("百分", "实数", "坡度")),
        Regrade(name="再分级", layer="乘积", grades=Thresholds(bounds=(29.4, 60), scores=(1, 2, 3), closed="left")),
        Mask(name="掩膜", layer="加权", by="类别", exclude=(300,)),
        Mask(name="改值", layer="加权", by="多类", exclude=(0, 2), becomes=9),
    )  # fmt: skip
    names = [layer.name for layer in (*factors, *compositions)]
    outputs = tuple(Output(layer=name, file=f"{k}.tif") for k, name in enumerate(names))
    return Plan(grid=grid, factors=factors, compositions=compositions, outputs=outputs)


def computed(plan: Plan, strip: int, workers: int, *, kernels: Path | None = None):
    """Return the outputs and counts of a plan without writing files."""
    program = lower(plan)
    kernel, _, _ = choose_kernel(program, kernels, "numba" if kernels else "numpy")
    size = max(strip, 2)  # the halo of relief
    outs = [np.empty((plan.grid.height, plan.grid.width), np.int64) for _ in program.outputs]
    counts = empty_counts(program)
    for rows in shares(plan.grid.height, size, workers):
        for first, values in compute_rows(plan, program, kernel, rows, size, counts, Event()):
            for out, array in zip(outs, values, strict=True):
                out[first : first + len(array)] = array
    return program, outs, counts


def assert_equal(plan: Plan, program, outs, counts) -> None:
    expected = carry_out(plan)
    for output, index, out, tally in zip(plan.outputs, program.outputs, outs, counts, strict=True):
        layer = program.layers[index]
        out[out == layer.nodata] = -1
        assert (out == expected[output.layer]).all(), output.layer
        values, cells = np.unique(out[out >= 0], return_counts=True)
        found = {v: n for v, n in zip(layer.values, tally.tolist(), strict=True) if n}
        assert found == dict(zip(values.tolist(), cells.tolist(), strict=True)), output.layer


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(
    seed=st.integers(0, 10_000),
    strip=st.integers(1, 50),
    workers=st.integers(1, 3),
    real=st.booleans(),
)
@settings(max_examples=15)
def test_blocks_equal_the_oracle(seed, strip, workers, real):
    with tempfile.TemporaryDirectory() as name:
        plan = random_plan(Path(name), seed, floating_dem=real)
        assert_equal(plan, *computed(plan, strip, workers))


@pytest.mark.component
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(seed=st.integers(0, 10_000), strip=st.integers(1, 50), workers=st.integers(1, 3))
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fused_kernel_equals_the_oracle(kernels, seed, strip, workers):
    with tempfile.TemporaryDirectory() as name:
        plan = random_plan(Path(name), seed, floating_dem=seed % 5 == 0)
        assert_equal(plan, *computed(plan, strip, workers, kernels=kernels))


def test_written_files_equal_the_oracle(tmp_path, read_tif):
    plan = random_plan(tmp_path, 3, floating_dem=False)
    plan = plan.model_copy(update={"outputs": plan.outputs[-5:]})
    result = run(plan, tmp_path / "out", engine="numpy", strip_rows=16, workers=2)
    expected = carry_out(plan)
    for written in result.outputs:
        pixels = read_tif(written)
        assert (pixels == expected[written.layer]).all(), written.layer
        assert written.nodata_cells == (pixels < 0).sum()


def small_plan(grid, file, **output) -> Plan:
    factor = Factor(name="降水", source=Source(file=file, unit="mm"), unit="mm",
                    grades=Thresholds(bounds=(400, 800), scores=(1, 2, 3)))  # fmt: skip
    return Plan(
        grid=grid, factors=(factor,), outputs=(Output(layer="降水", file="rain.tif", **output),)
    )


def test_output_is_a_cog_with_colours_names_and_nodata(tmp_path, grid, write_tif):
    values = np.tile(np.arange(0, 1200, 20, dtype="int16"), (40, 1))
    plan = small_plan(
        grid, write_tif("r.tif", values, grid, -1),
        categories={1: Category(name="差", colour="#aa0000"), 3: Category(name="好", colour="#00aa00")},
    )  # fmt: skip
    result = run(plan, tmp_path / "out", engine="numpy")
    file = tmp_path / "out" / "rain.tif"
    with rasterio.open(file) as dataset:
        assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert dataset.compression.value == "ZSTD" and dataset.nodata == 255
        assert dataset.colormap(1)[1] == (0xAA, 0, 0, 255)
        assert dataset.tags()["CATEGORY_3"] == "好"
    assert "<Category>好</Category>" in file.with_name("rain.tif.aux.xml").read_text("utf-8")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["rain.tif", "rain.tif.aux.xml"]
    assert sum(c.area_m2 for c in result.of("降水").counts) == 60 * 40 * 900


def test_a_large_output_has_overviews(tmp_path, write_tif):
    grid = Grid(crs="EPSG:4547", west=500_000, north=3_400_000, cell=30, width=1200, height=700)
    values = np.full((700, 1200), 500, dtype="int16")
    plan = small_plan(grid, write_tif("r.tif", values, grid, -1))
    result = run(plan, tmp_path / "out", engine="numpy")
    with rasterio.open(result.outputs[0].file) as dataset:
        assert dataset.overviews(1) == [2, 4] or dataset.overviews(1) == [2]


def test_files_are_equal_byte_for_byte_from_one_and_several_workers(tmp_path, grid, write_tif):
    values = np.random.default_rng(1).integers(0, 1200, (40, 60)).astype("int16")
    plan = small_plan(grid, write_tif("r.tif", values, grid, -1))
    for workers in (1, 3):
        run(plan, tmp_path / str(workers), engine="numpy", workers=workers, strip_rows=7)
    assert (tmp_path / "1/rain.tif").read_bytes() == (tmp_path / "3/rain.tif").read_bytes()


def test_without_numba_a_notice_says_so(tmp_path, grid, write_tif, monkeypatch):
    monkeypatch.setattr("tools.raster.kernel.importlib.util.find_spec", lambda name: None)
    values = np.zeros((40, 60), dtype="int16")
    result = run(small_plan(grid, write_tif("r.tif", values, grid, -1)), tmp_path / "out")
    assert result.engine == "numpy" and "numba" in result.notices[0]


def test_progress_counts_rows(tmp_path, grid, write_tif):
    told = []
    values = np.zeros((40, 60), dtype="int16")
    run(small_plan(grid, write_tif("r.tif", values, grid, -1)), tmp_path / "out", engine="numpy",
        strip_rows=16, progress=lambda done, total: told.append((done, total)))  # fmt: skip
    assert told == [(16, 40), (32, 40), (40, 40)]
