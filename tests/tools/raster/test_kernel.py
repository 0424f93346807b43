"""Compiled kernels: kept on disk, shared by shape, equal to the numpy blocks at the edges of types."""

import json
import platform
import subprocess
import sys

import numpy as np
import pytest

from tools.raster import kernel as compiler
from tools.raster.blocks import evaluate
from tools.raster.kernel import compile_kernel
from tools.raster.kernel_source import write_kernel
from tools.raster.lower import lower
from tools.raster.plan import Classes, Factor, Mask, Matrix, Output, Plan, Thresholds, Weighted
from tools.raster.sources import Source, Terrain

pytest.importorskip("llvmlite")
pytestmark = pytest.mark.component


def plan_over(grid, *factors, compositions=(), outputs=None):
    names = outputs or [layer.name for layer in (*factors, *compositions)]
    return Plan(
        grid=grid, factors=factors, compositions=compositions,
        outputs=tuple(Output(layer=n, file=f"{k}.tif") for k, n in enumerate(names)),
    )  # fmt: skip


@pytest.fixture
def values():
    return np.random.default_rng(4).integers(0, 250, (40, 60)).astype("uint8")


def both(program, bands, cache):
    """Return outputs, counts and flags of the kernel and of the numpy blocks."""
    rows, width = bands[-1].shape
    results = []
    for engine in (compile_kernel(program, cache), None):
        outs = [np.empty((rows, width), program.layers[i].dtype) for i in program.outputs]
        counts = [np.zeros(len(program.layers[i].values), np.int64) for i in program.outputs]
        flags = np.zeros(max(1, len(program.checks)), np.uint8)
        if engine is None:
            evaluate(program, bands, outs, counts, flags)
        else:
            engine(rows, width, *bands, *outs, *counts, flags)
        results.append((outs, counts, flags))
    return results


def assert_same(program, bands, cache):
    ours, plain = both(program, bands, cache)
    for name, a, b in zip(("outputs", "counts"), ours, plain, strict=False):
        for x, y in zip(a, b, strict=True):
            assert (x == y).all(), name
    assert ours[2].tolist() == plain[2].tolist()
    return ours[2]


def graded(file, *bounds, **more):
    scores = tuple(range(1, len(bounds) + 2))
    return Factor(name="因子", source=Source(file=file), grades=Thresholds(bounds=bounds, scores=scores), **more)  # fmt: skip


def test_moved_thresholds_take_the_same_text(grid, write_tif, values):
    file = write_tif("a.tif", values, grid, 255)
    texts = [
        write_kernel(lower(plan_over(grid, graded(file, *bounds)))) for bounds in ((40, 80), (7, 9))
    ]
    assert texts[0].source == texts[1].source
    assert any((a != b).any() for a, b in zip(*(t.parameters for t in texts), strict=True))


def test_names_of_the_user_are_not_in_the_text(grid, write_tif, values):
    plan = plan_over(grid, graded(write_tif("secret_place.tif", values, grid, 255), 40))
    source = write_kernel(lower(plan)).source
    assert "secret" not in source and source.isascii()


def test_kept_code_is_loaded_and_damaged_code_made_again(
    grid, write_tif, values, tmp_path, monkeypatch
):
    program = lower(plan_over(grid, graded(write_tif("a.tif", values, grid, 255), 3, 5)))
    made = []
    make = compiler._compile
    monkeypatch.setattr(compiler, "_compile", lambda source: made.append(1) or make(source))
    monkeypatch.setattr(compiler, "_loaded", {})
    cache = tmp_path / "kernels"
    for _ in range(2):
        compiler._loaded.clear()
        assert_same(program, [values], cache)
    assert len(made) == 1
    (file,) = cache.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    compiler._loaded.clear()
    assert_same(program, [values], cache)
    assert len(made) == 2


def test_a_folder_that_others_may_write_to_is_not_used(grid, write_tif, values, tmp_path):
    program = lower(plan_over(grid, graded(write_tif("a.tif", values, grid, 255), 11, 12)))
    cache = tmp_path / "open"
    cache.mkdir()
    cache.chmod(0o777)
    assert_same(program, [values], cache)
    assert list(cache.iterdir()) == []


SECOND = """
import json, sys, time
from pathlib import Path
import tools.raster.kernel as compiler
from tools.raster.lower import lower
from tools.raster.plan import Plan
program = lower(Plan.model_validate_json(Path(sys.argv[1]).read_text()))
def refuse(source): raise AssertionError("compiled again")
compiler._compile = refuse
started = time.perf_counter()
compiler.compile_kernel(program, Path(sys.argv[2]))
print(json.dumps(time.perf_counter() - started))
"""


def test_a_second_process_loads_the_kernel_within_a_second(grid, write_tif, values, tmp_path):
    dem = Source(file=write_tif("dem.tif", values.astype("int16"), grid, -1), unit="m")
    slope = Factor(name="坡度", source=Terrain(measure="slope", dem=dem),
                   grades=Thresholds(bounds=(3, 8), scores=(3, 2, 1)))  # fmt: skip
    mean = Weighted(name="均", weights={"坡度": 30, "因子": 70})
    file = write_tif("a.tif", values, grid, 255)
    plan = plan_over(grid, slope, graded(file, 40, 80), compositions=(mean,))
    compile_kernel(lower(plan), tmp_path / "kernels")
    (tmp_path / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-c", SECOND, tmp_path / "plan.json", tmp_path / "kernels"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) < 1


@pytest.mark.parametrize("valid", [(0, 249), (1, 255), (0, 100), (0.2, 0.8), (10, 240)])
def test_values_outside_a_range_are_found(grid, write_tif, values, tmp_path, valid):
    values[0, 0], values[3, 3] = 0, 255
    program = lower(plan_over(grid, graded(write_tif("a.tif", values, grid, 255), 40, valid=valid)))
    held = values[values != 255]
    bad = bool(((held < valid[0]) | (held > valid[1])).any())
    assert assert_same(program, [values], tmp_path / "kernels").tolist() == [bad]


def test_codes_and_thresholds_that_the_type_cannot_hold(grid, write_tif, values, tmp_path):
    source = Source(file=write_tif("a.tif", values, grid, 255))
    far = Factor(name="远", source=source, grades=Classes(scores={300: 1, 301: 2}, unlisted=4))
    none = Factor(name="无", source=source, grades=Classes(scores={300: 1}, unlisted="nodata"))
    flat = Factor(name="平", source=source, grades=Thresholds(bounds=(-5, 900), scores=(1, 2, 3)))
    mean = Weighted(name="均", weights={"远": 30, "平": 70}, decimals=2)
    program = lower(plan_over(grid, far, none, flat, compositions=(mean,)))
    assert_same(program, [values], tmp_path / "kernels")


@pytest.mark.parametrize("count", [5, 20, 90])
def test_short_and_long_tables(grid, write_tif, values, tmp_path, count):
    source = Source(file=write_tif("a.tif", values, grid, 255))
    codes = {k: k % 100 for k in range(count)}
    factors = [
        Factor(name=name, source=source, grades=Classes(scores=codes, unlisted=unlisted))
        for name, unlisted in (("一", 7), ("二", 299))
    ]
    rows = tuple(sorted({*codes.values(), 7}))
    columns = tuple(sorted({*codes.values(), 299}))
    table = tuple(tuple((r * 7 + c) % 251 for c in columns) for r in rows)
    matrix = count < 60 and Matrix(name="表", rows="一", columns="二", row_scores=rows, column_scores=columns, table=table)  # fmt: skip
    compositions = (matrix,) if matrix else ()
    program = lower(plan_over(grid, *factors, compositions=compositions))
    assert_same(program, [values], tmp_path / "kernels")


@pytest.mark.parametrize("weights", [(20, 30), (1, 254), (333, 10_000), (10_000, 9_999)])
@pytest.mark.parametrize("missing", ["any", "skip"])
def test_sums_of_every_width(grid, write_tif, values, tmp_path, weights, missing):
    source = Source(file=write_tif("a.tif", values, grid, 255))
    scores = (0, 1, 200) if weights[0] == 333 else (5, 3, 1)
    first = Factor(name="一", source=source, grades=Thresholds(bounds=(40, 80), scores=scores))
    other = Factor(name="二", source=source, grades=Classes(scores={k: k % 7 for k in range(200)}, unlisted="nodata"))  # fmt: skip
    means = tuple(
        Weighted(name=f"均{d}", weights=dict(zip("一二", weights, strict=True)), decimals=d, missing=missing)
        for d in (0, 2)
    )  # fmt: skip
    program = lower(plan_over(grid, first, other, compositions=means, outputs=["均0", "均2"]))
    assert_same(program, [values], tmp_path / "kernels")


@pytest.mark.parametrize("exclude", [(1,), (300,), (1, 3, 300)])
@pytest.mark.parametrize("becomes", [None, 9])
def test_masks_by_values_that_cannot_occur(grid, write_tif, values, tmp_path, exclude, becomes):
    values[values > 200] = 255
    factor = graded(write_tif("a.tif", values, grid, 255), 40, 80)
    other = graded(write_tif("b.tif", values.T.reshape(40, 60), grid, 7), 44).model_copy(
        update={"name": "二"}
    )
    mask = Mask(name="掩", layer="二", by="因子", exclude=exclude, becomes=becomes)
    program = lower(plan_over(grid, factor, other, compositions=(mask,)))
    assert_same(program, [values, values.T.reshape(40, 60)], tmp_path / "kernels")


@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names of x86 processors")
def test_older_processors_give_the_same(grid, write_tif, values, tmp_path, monkeypatch, processor):
    """Without AVX-512 the compiler splits the vectors."""
    from llvmlite import binding

    compiler._machine()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=processor, features="", opt=compiler.OPTIMISE, jit=True, reloc="pic", codemodel="jitdefault"
    )  # fmt: skip
    monkeypatch.setattr(compiler, "_machine", lambda: (machine, processor))
    heights = np.random.default_rng(9).normal(500, 40, (42, 62)).astype("int16")
    heights[5, 5:40] = heights[:, 0] = -1
    dem = Source(file=write_tif("dem.tif", heights[1:-1, 1:-1], grid, -1), unit="m")
    slope = Factor(name="坡度", source=Terrain(measure="slope", dem=dem),
                   grades=Thresholds(bounds=(30, 50, 60, 70), scores=(5, 4, 3, 2, 1)))  # fmt: skip
    other = graded(write_tif("a.tif", values, grid, 255), 40, 80, valid=(3, 240))
    means = tuple(
        Weighted(name=f"均{d}", weights={"坡度": 33, "因子": 68}, decimals=d, missing=missing)
        for d, missing in ((0, "any"), (2, "skip"))
    )
    program = lower(plan_over(grid, slope, other, compositions=means))
    assert_same(program, [heights, values], tmp_path / "kernels")
