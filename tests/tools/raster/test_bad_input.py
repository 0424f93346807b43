"""Inputs that do not fit: the error names factor and file, and no file is left."""

import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine

from cspon.errors import InputError
from tools.raster.grid import Grid
from tools.raster.plan import Classes, Factor, Output, Plan, Thresholds, Weighted
from tools.raster.run import run
from tools.raster.sources import Source, Terrain


@pytest.fixture
def refused(tmp_path, grid):
    """Run a one-factor plan that must be refused; return the message."""

    def run_refused(file, *, unit="mm", factor_unit="mm", grades=None, **source):
        factor = Factor(
            name="年降水", source=Source(file=file, unit=unit, **source), unit=factor_unit,
            grades=grades or Thresholds(bounds=(400, 800), scores=(1, 2, 3)),
        )  # fmt: skip
        plan = Plan(grid=grid, factors=(factor,), outputs=(Output(layer="年降水", file="o.tif"),))
        with pytest.raises(InputError) as caught:
            run(plan, tmp_path / "out", engine="numpy", strip_rows=16)
        assert "年降水" in str(caught.value) and str(file) in str(caught.value)
        out = tmp_path / "out"
        assert not out.exists() or not list(out.iterdir())
        return str(caught.value)

    return run_refused


def rain(value=500, dtype="int16"):
    return np.full((40, 60), value, dtype=dtype)


def test_another_cell_size_or_corner(grid, write_tif, refused):
    other = grid.model_copy(update={"cell": 25.0})
    assert "25 米" in refused(write_tif("a.tif", rain(), other))
    assert "resampling" in refused(
        write_tif("b.tif", rain(), grid.model_copy(update={"west": 500_015}))
    )
    assert "41 行" in refused(write_tif("c.tif", np.zeros((41, 60), "int16"), grid))


def test_another_coordinate_system(grid, write_tif, refused):
    assert "EPSG:4548" in refused(
        write_tif("a.tif", rain(), grid.model_copy(update={"crs": "EPSG:4548"}))
    )


def test_geographic_coordinates(grid, write_tif, refused):
    file = write_tif(
        "a.tif", rain(), grid, crs="EPSG:4490", transform=Affine(0.001, 0, 114, 0, -0.001, 30)
    )
    assert "地理坐标系" in refused(file)


def test_rotated_or_south_up(grid, write_tif, refused):
    turned = Affine(30, 2, 500_000, 2, -30, 3_400_000)
    assert "旋转" in refused(write_tif("a.tif", rain(), grid, transform=turned))
    assert "北方朝上" in refused(
        write_tif("b.tif", rain(), grid, transform=Affine(30, 0, 5e5, 0, 30, 3e6))
    )


def test_cells_that_are_not_square(grid, write_tif, refused):
    file = write_tif("a.tif", rain(), grid, transform=Affine(30, 0, 500_000, 0, -20, 3_400_000))
    assert "正方形" in refused(file)


def test_three_bands(grid, write_tif, refused):
    file = write_tif("rgb.tif", np.zeros((3, 40, 60), "uint8"), grid)
    assert "3 个波段" in refused(file)
    assert "第 5 波段" in refused(file, band=5)


def test_no_coordinate_system(grid, write_tif, refused):
    assert "没有坐标系" in refused(write_tif("a.tif", rain(), grid, crs=None))


def test_missing_or_foreign_file(tmp_path, refused):
    assert "不存在" in refused(tmp_path / "none.tif")
    (tmp_path / "t.tif").write_text("这不是栅格")
    assert "无法作为栅格打开" in refused(tmp_path / "t.tif")


def test_a_truncated_file(tmp_path, grid, write_tif, refused):
    rng = np.random.default_rng(1)
    file = write_tif("a.tif", rng.integers(0, 900, (40, 60)).astype("int16"), grid)
    file.write_bytes(file.read_bytes()[:-1500])
    assert refused(file)


def test_units_that_are_not_declared_or_do_not_convert(grid, write_tif, refused):
    file = write_tif("a.tif", rain(), grid)
    assert "没有声明单位" in refused(file, unit="")
    assert "不能换算" in refused(file, unit="℃")


def test_tenths_of_millimetres_declared_as_millimetres(grid, write_tif, refused):
    message = refused(write_tif("a.tif", rain(12_340), grid))
    assert "12340 mm" in message and "0.1" in message


def test_negative_rain(grid, write_tif, refused):
    values = rain()
    values[33, 7] = -5
    message = refused(write_tif("a.tif", values, grid))
    assert "第 34 行第 8 列" in message and "-5 mm" in message


def test_a_unit_or_scale_that_the_file_declares_otherwise(grid, write_tif, refused):
    file = write_tif("a.tif", rain(), grid)
    with rasterio.open(file, "r+") as dataset:
        dataset.units = ("0.1mm",)
    assert "0.1mm" in refused(file)
    other = write_tif("b.tif", rain(), grid)
    with rasterio.open(other, "r+") as dataset:
        dataset.scales = (0.1,)
    assert "scale=0.1" in refused(other)


def test_slope_in_percent_where_degrees_are_asked(grid, write_tif, refused):
    file = write_tif("slope.tif", rain(130, "float32"), grid)
    grades = Thresholds(bounds=(3, 8, 15, 25), scores=(5, 4, 3, 2, 1))
    message = refused(file, unit="degree", factor_unit="degree", grades=grades)
    assert "130 degree" in message and "百分比坡度" in message
    assert "百分比坡度不能当作度" in refused(
        file, unit="percent_slope", factor_unit="degree", grades=grades
    )


def test_class_codes_without_a_score(grid, write_tif, refused):
    values = rain(1)
    values[20, 5] = 77
    file = write_tif("a.tif", values, grid)
    assert "77" in refused(file, unit="", factor_unit="", grades=Classes(scores={1: 5, 2: 3}))
    floating = write_tif("f.tif", rain(1, "float32"), grid)
    assert "浮点" in refused(floating, unit="", factor_unit="", grades=Classes(scores={1: 5}))


def test_a_raster_that_does_not_cover_the_grid_needs_nodata_to_be_warped(grid, write_tif, refused):
    shifted = grid.model_copy(update={"west": 500_300.0})
    file = write_tif("a.tif", rain(), shifted)
    assert "没有覆盖评价范围" in refused(file, resampling="nearest")
    far = write_tif("b.tif", rain(), grid.model_copy(update={"west": 900_000.0}), -1)
    assert "不相交" in refused(far, resampling="nearest")


def test_warping_when_told(tmp_path, grid, write_tif):
    coarse = Grid(crs=grid.crs, west=grid.west, north=grid.north, cell=60, width=30, height=20)
    values = np.arange(600, dtype="int16").reshape(20, 30)
    file = write_tif("a.tif", values, coarse, -1)
    factor = Factor(name="降水", source=Source(file=file, unit="mm", resampling="nearest"), unit="mm",
                    grades=Thresholds(bounds=(300,), scores=(1, 2)))  # fmt: skip
    plan = Plan(grid=grid, factors=(factor,), outputs=(Output(layer="降水", file="o.tif"),))
    run(plan, tmp_path / "out", engine="numpy", strip_rows=13)
    with rasterio.open(tmp_path / "out/o.tif") as dataset:
        expected = np.where(values > 300, 2, 1).repeat(2, 0).repeat(2, 1)
        assert (dataset.read(1) == expected).all()


def test_a_file_of_nothing_but_nodata(tmp_path, grid, write_tif):
    file = write_tif("a.tif", rain(-1), grid, -1)
    factor = Factor(name="降水", source=Source(file=file, unit="mm"), unit="mm",
                    grades=Thresholds(bounds=(300,), scores=(1, 2)))  # fmt: skip
    plan = Plan(grid=grid, factors=(factor,), outputs=(Output(layer="降水", file="o.tif"),))
    result = run(plan, tmp_path / "out", engine="numpy")
    assert result.outputs[0].counts == () and result.outputs[0].nodata_cells == 2400


def test_plans_that_contradict_themselves():
    grid = Grid(crs="EPSG:4547", west=0, north=0, cell=1, width=1, height=1)
    factor = Factor(name="坡度", source=Terrain(measure="slope", dem=Source(file="d.tif", unit="m")),
                    grades=Thresholds(bounds=(3,), scores=(2, 1)))  # fmt: skip
    with pytest.raises(ValueError, match="尚未定义"):
        Plan(grid=grid, factors=(factor,), compositions=(Weighted(name="w", weights={"无": 1}),),
             outputs=(Output(layer="w", file="o.tif"),))  # fmt: skip
    with pytest.raises(ValueError, match="重名"):
        Plan(grid=grid, factors=(factor, factor), outputs=(Output(layer="坡度", file="o.tif"),))
    with pytest.raises(ValueError, match="分值"):
        Thresholds(bounds=(1, 2), scores=(1, 2))


DISK_FULL = """
import resource, sys
from pathlib import Path
from cspon.errors import SetupError
from tools.raster.plan import Plan
from tools.raster.run import run
plan = Plan.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
try:
    run(plan, Path(sys.argv[2]), engine="numpy")
except SetupError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.component
def test_a_disk_that_fills_half_way(tmp_path, write_tif):
    grid = Grid(crs="EPSG:4547", west=500_000, north=3_400_000, cell=30, width=1024, height=1024)
    values = np.random.default_rng(1).integers(0, 1200, (1024, 1024)).astype("int16")
    file = write_tif("a.tif", values, grid, -1)
    factor = Factor(name="降水", source=Source(file=file, unit="mm"), unit="mm",
                    grades=Thresholds(bounds=(300, 600, 900), scores=(1, 2, 3, 4)))  # fmt: skip
    plan = Plan(grid=grid, factors=(factor,), outputs=(Output(layer="降水", file="o.tif"),))
    (tmp_path / "plan.json").write_text(plan.model_dump_json(), "utf-8")
    done = subprocess.run(
        [sys.executable, "-B", "-c", DISK_FULL, str(tmp_path / "plan.json"), str(tmp_path / "out")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "磁盘剩余空间" in done.stdout and "o.tif" in done.stdout
    assert list((tmp_path / "out").iterdir()) == []


SPREAD_DISK_FULL = """
import resource, sys
from pathlib import Path
from cspon.errors import SetupError
from tools.raster.grid import Grid
from tools.raster.patches import label_patches
from tools.raster.sources import Source
from tools.raster.travel import travel_time
file, out = Path(sys.argv[1]), Path(sys.argv[2])
grid = Grid.from_raster(file)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
place = [(grid.west + 15, grid.north - 15)]
for work in (
    lambda: label_patches(Source(file=file), grid, {1}, out / "patches.tif"),
    lambda: travel_time(Source(file=file, unit="km/h"), grid, place, out / "travel.tif", tile=64),
):
    try:
        work()
    except SetupError as error:
        print(error)
"""


@pytest.mark.component
def test_a_disk_that_fills_under_patches_and_travel_time(tmp_path, write_tif):
    grid = Grid(crs="EPSG:4547", west=500_000, north=3_400_000, cell=30, width=512, height=512)
    values = np.random.default_rng(1).integers(0, 2, (512, 512)).astype("uint8")
    values[0, 0] = 1
    file = write_tif("a.tif", values, grid, 255)
    done = subprocess.run(
        [sys.executable, "-B", "-c", SPREAD_DISK_FULL, str(file), str(tmp_path / "out")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "patches.tif" in done.stdout and "travel.tif" in done.stdout
    assert done.stdout.count("磁盘剩余空间") == 2
    assert list((tmp_path / "out").iterdir()) == []


def test_a_strip_of_nothing_but_nodata(tmp_path, grid, write_tif, read_tif):
    values = rain()
    values[16:32] = -1
    file = write_tif("a.tif", values, grid, -1)
    factor = Factor(name="降水", source=Source(file=file, unit="mm"), unit="mm",
                    grades=Thresholds(bounds=(300,), scores=(1, 2)))  # fmt: skip
    plan = Plan(grid=grid, factors=(factor,), outputs=(Output(layer="降水", file="o.tif"),))
    written = run(plan, tmp_path / "out", engine="numpy", strip_rows=16).outputs[0]
    assert (read_tif(written) == np.where(values == -1, -1, 2)).all()
    assert written.nodata_cells == 16 * 60


def test_a_big_raster_without_overviews_is_computed_whole_and_told(tmp_path, grid, write_tif):
    big = grid.model_copy(update={"width": 2_048, "height": 1_954})
    values = np.zeros((1_954, 2_048), "uint8")
    values[7, 9] = 1  # a cell that a decimated reading would lose
    file = write_tif("a.tif", values, big, 255)
    factor = Factor(name="地类", source=Source(file=file), grades=Classes(scores={0: 1, 1: 2}))
    plan = Plan(grid=big, factors=(factor,), outputs=(Output(layer="地类", file="o.tif"),))
    result = run(plan, tmp_path / "out", engine="numpy")
    assert [n for n in result.notices if "金字塔" in n] == [
        "a.tif 没有金字塔：不影响计算，显示会慢；可用 gdaladdo 生成"
    ]
    assert {c.value: c.cells for c in result.outputs[0].counts} == {1: 1_954 * 2_048 - 1, 2: 1}
    with rasterio.open(file, "r+") as dataset:
        dataset.build_overviews([2, 4])
    again = run(plan, tmp_path / "again", engine="numpy")
    assert not [n for n in again.notices if "金字塔" in n]
