"""Inputs that do not fit, through the command: factor, file, place and mend are named, nothing is left."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import yaml
from affine import Affine

from cspon.cli.main import run as cspon

from .conftest import GRID, SIDE, add_raster, surfaces

pytestmark = pytest.mark.component
ABSENT = dict.fromkeys(
    ("coast_protection", "coast_erosion", "marine_hazard", "rocky_desertification", "soil_loss",
     "wind_erosion_class", "biodiversity", "gale_days", "soil_pollution"), "无",
)  # fmt: skip
OLDER = {"run.json": b"{}", "CZJSSYXPJJG.tif": b"older", "report.docx": b"older too"}
STATIONS = [
    "a,500100,3300100,4000", "b,500900,3300100,4100", "c,500100,3300900,4200",
    "d,500800,3300700,4300", "e,500400,3300500,4150",
]  # fmt: skip
SILT = {"kind": "raster", "file": "silt.tif", "unit": "%"}
WARM = {"kind": "stations", "file": "s.csv", "value": "T", "unit": "℃·d"}
UNITS = {"kind": "table", "file": "u.csv", "key": "单元", "value": "短缺"}
ZONES = {"kind": "vector", "file": "zones.gpkg", "field": "DJ"}


class Case:
    """A county whose command is run; its output folder holds an older result."""

    def __init__(self, county, capsys) -> None:
        self.county, self.capsys, self.folder = county, capsys, county.folder
        self.out = county.folder.parent / "out"
        self.out.mkdir()
        for name, content in OLDER.items():
            (self.out / name).write_bytes(content)

    def run(self, *, out: Path | None = None, grid=None, **inputs) -> tuple[int, str]:
        config = self.folder / "c.yaml"
        text = {"absent": ABSENT, "inputs": inputs, **({"grid": grid} if grid else {})}
        config.write_text(yaml.safe_dump(text, allow_unicode=True), "utf-8")
        code = cspon(
            ["dual-eval", str(config), "--layers", str(self.folder), "--out", str(out or self.out),
             "--part", "urban", "--part", "agriculture"]
        )  # fmt: skip
        told = self.capsys.readouterr()
        return code, told.out + told.err

    def refuse(self, *words: str, **given) -> str:
        code, told = self.run(**given)
        assert code == 2, told
        for word in (*words, "处理办法"):
            assert word in told, told
        assert "Traceback" not in told
        self.unchanged()
        return told

    def unchanged(self) -> None:
        assert {f.name: f.read_bytes() for f in self.out.iterdir()} == OLDER

    def tif(self, name: str, values, **more) -> Path:
        file = self.folder / name
        values = values if values.ndim == 3 else values[None]
        profile = {"crs": GRID.crs, "transform": GRID.affine, "nodata": -9999} | more
        with rasterio.open(
            file, "w", driver="GTiff", height=values.shape[1], width=values.shape[2],
            count=values.shape[0], dtype="float32", **profile,
        ) as target:  # fmt: skip
            target.write(values.astype(np.float32))
        return file

    def csv(self, name: str, head: str, rows: list[str]) -> None:
        (self.folder / name).write_text("\n".join([head, *rows]) + "\n", "utf-8")


@pytest.fixture
def case(dual_county, capsys) -> Case:
    return Case(dual_county, capsys)


def silt(value=30.0):
    return np.full((SIDE, SIDE), value)


def test_another_grid(case):
    case.tif("silt.tif", silt(), transform=Affine(25, 0, GRID.west, 0, -25, GRID.north))
    case.refuse(
        "土壤粉粒含量", "silt.tif", "25 米", "inputs.soil_silt 下写明 resampling", soil_silt=SILT
    )


def test_a_rotated_raster(case):
    case.tif("silt.tif", silt(), transform=Affine(10, 1, GRID.west, 1, -10, GRID.north))
    case.refuse("土壤粉粒含量", "silt.tif", "旋转", "gdalwarp", soil_silt=SILT)


def test_longitude_and_latitude_only_when_told(case):
    case.tif(
        "silt.tif", silt(), crs="EPSG:4490", transform=Affine(0.001, 0, 113.96, 0, -0.001, 29.86)
    )
    case.refuse("土壤粉粒含量", "silt.tif", "经纬度坐标系", "resampling", soil_silt=SILT)


def test_three_bands(case):
    case.tif("silt.tif", np.zeros((3, SIDE, SIDE)))
    case.refuse("土壤粉粒含量", "silt.tif", "3 个波段", "band", soil_silt=SILT)


def test_tenths_of_a_millimetre_taken_for_millimetres(case):
    add_raster(case.county, "precipitation", surfaces()["precipitation"] * 10)
    case.refuse(
        "多年平均降水量", "precipitation.tif", "超出合理范围 0 到 8000 mm", "第 100 行第 43 列", "0.1mm"
    )  # fmt: skip


def test_a_unit_that_the_file_states_otherwise(case):
    file = case.tif("rain.tif", surfaces()["precipitation"] * 10)
    with rasterio.open(file, "r+") as dataset:
        dataset.units = ("0.1mm",)
    given = {"kind": "raster", "file": "rain.tif", "unit": "mm"}
    case.refuse("多年平均降水量", "rain.tif", "声明单位为“0.1mm”", precipitation=given)
    code, told = case.run(precipitation={**given, "unit": "0.1mm"}, out=case.folder.parent / "new")
    assert code == 0, told


def test_negative_rain_names_the_cell(case):
    rain = surfaces()["precipitation"]
    rain[33, 7] = -5
    add_raster(case.county, "precipitation", rain)
    case.refuse("多年平均降水量", "precipitation.tif", "-5", "第 34 行第 8 列", "nodata")


def test_a_slope_in_percent(case):
    case.tif("slope.tif", np.where(np.arange(SIDE) < 50, 130.0, 5.0) + np.zeros((SIDE, 1)))
    given = {"kind": "raster", "file": "slope.tif", "unit": "度"}
    case.refuse("坡度", "slope.tif", "130", "百分比坡度", "由高程计算", slope=given)
    case.refuse("坡度", "“%”不能换算", "百分比坡度", slope={**given, "unit": "%"})


def test_gaps_and_a_missing_strip_are_told(case):
    values = silt()
    values[40:50] = np.nan
    values[3, 3] = np.nan
    add_raster(case.county, "soil_silt", values)
    code, told = case.run(out=case.folder.parent / "new")
    assert code == 0
    assert "土壤粉粒含量”在评价范围内有 1,001 个像元（10.01%）无数据（第 41–50 行全部无数据" in told


def test_nothing_but_gaps(case):
    add_raster(case.county, "soil_silt", silt(np.nan))
    case.refuse("土壤粉粒含量", "soil_silt.tif", "全部为无数据", "absent")


def test_a_raster_without_overviews_is_evaluated(case):
    case.tif("silt.tif", silt())
    with rasterio.open(case.folder / "silt.tif") as dataset:
        assert not dataset.overviews(1)
    assert case.run(out=case.folder.parent / "new", soil_silt=SILT)[0] == 0


def test_a_damaged_raster(case):
    rng = np.random.default_rng(2)
    file = case.tif("silt.tif", rng.uniform(20, 40, (SIDE, SIDE)))
    file.write_bytes(file.read_bytes()[:20_000])
    case.refuse("土壤粉粒含量", "silt.tif", "损坏", soil_silt=SILT)
    file.write_bytes(b"no raster")
    case.refuse("土壤粉粒含量", "silt.tif", "无法作为栅格打开", soil_silt=SILT)
    file.unlink()
    case.refuse("soil_silt", "silt.tif", "不存在", soil_silt=SILT)


def test_a_category_as_numbers_of_a_raster(case):
    case.tif("silt.tif", silt())
    case.refuse("灌溉条件", "silt.tif", "是类别", irrigation={**SILT, "unit": ""})


def test_too_many_cells_say_which_cell_fits(case):
    case.refuse("100,000,000 个像元", "上限 60,000,000", "{cell: 1}", grid={"cell": 0.1})


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        ("站点,x,y,温度", STATIONS, ("没有列“T”", "温度")),
        ("站点,x,y,T", [*STATIONS[:4], "e,500400,3300500,41500"], ("第 6 行", "“e”的值 41500", "unit")),
        ("站点,x,y,T", [*STATIONS, "f,500100,3300100,4000"], ("第 7 行", "“f”与第 2 行的“a”在同一位置")),
        ("站点,x,y,T", STATIONS[:3], ("站点有 3 个", "周边县")),
        ("站点,x,y,T", [*STATIONS, "f,500100,4300100,4000"], ("第 7 行", "离评价范围 999 千米", "epsg")),
        ("站点,x,y,T", [*STATIONS, "f,114.1,29.8,4000"], ("第 7 行", "经纬度为 4490")),
        ("站点,x,y,T", [*STATIONS, "f,500100,三百,4000"], ("第 7 行", "“三百”不是数")),
    ],
)  # fmt: skip
def test_stations(case, head, rows, words):
    case.csv("s.csv", head, rows)
    case.refuse("s.csv", *words, accumulated_temperature=WARM)


def test_stations_in_a_unit_that_does_not_convert(case):
    case.csv("s.csv", "站点,x,y,T", STATIONS)
    case.refuse("活动积温", "“mm”不能换算", accumulated_temperature={**WARM, "unit": "mm"})


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["西镇,短缺", "南镇,短缺"], ("第 3 行", "“南镇”不是评价单元", "水资源短缺", "东镇、西镇")),
        (["西镇,短缺", "东镇,短缺", "西镇,不短缺"], ("第 4 行", "“西镇”与第 2 行重复")),
        (["西镇,缺一点", "东镇,不短缺"], ("水资源短缺", "“缺一点”", "不短缺")),
    ],
)
def test_a_table_by_unit(case, rows, words):
    case.csv("u.csv", "单元,短缺", rows)
    case.refuse(*words, water_shortage=UNITS)


def test_a_unit_without_a_row_is_told(case):
    case.csv("u.csv", "单元,短缺", ["西镇,短缺"])
    code, told = case.run(out=case.folder.parent / "new", water_shortage=UNITS)
    assert code == 0 and "“水资源短缺”没有这些单元的值：东镇" in told


def write_zones(case, shape, value="高", epsg=4547):
    import pyogrio.raw

    pyogrio.raw.write(
        case.folder / "zones.gpkg", geometry=shapely.to_wkb(np.array([shape], object)),
        field_data=[np.array([value], object)], fields=["DJ"], layer="z", driver="GPKG",
        geometry_type="Polygon", crs=f"EPSG:{epsg}",
    )  # fmt: skip


def test_a_vector_with_a_class_that_is_not_listed(case, local_box):
    write_zones(case, local_box(0, 0, 300, 300), "很危险")
    case.refuse("地质灾害", "zones.gpkg", "“很危险”", "classes", geohazard=ZONES)


def test_a_vector_whose_coordinates_are_not_of_its_system(case):
    write_zones(case, shapely.box(114.0, 29.8, 114.01, 29.81))
    case.refuse("地质灾害", "zones.gpkg", "经纬度", "EPSG:4547", geohazard=ZONES)


def test_a_vector_elsewhere_is_told(case, local_box):
    write_zones(case, local_box(50_000, 0, 50_300, 300))
    code, told = case.run(out=case.folder.parent / "new", geohazard=ZONES)
    assert code == 0 and "zones.gpkg 的 1 个面都不在评价范围内" in told


def test_a_field_that_is_not_there(case, local_box):
    write_zones(case, local_box(0, 0, 300, 300))
    case.refuse("zones.gpkg", "没有字段“等级”", "DJ", geohazard={**ZONES, "field": "等级"})


def test_an_output_folder_that_is_a_file_or_may_not_be_written(case):
    file = case.folder.parent / "taken"
    file.write_text("x")
    case.refuse("无法写入输出目录", str(file), out=file)
    assert file.read_text() == "x"
    case.refuse("无法写入输出目录", out=Path("/proc/none"))


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
from cspon.cli.main import run
sys.exit(run(sys.argv[2:]))
"""


@pytest.mark.parametrize("most", [3_000, 30_000, 120_000])
def test_a_disk_that_fills(case, most, tmp_path):
    config = case.folder / "c.yaml"
    config.write_text(yaml.safe_dump({"absent": ABSENT}, allow_unicode=True), "utf-8")
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(most), "dual-eval", str(config), "--layers",
         str(case.folder), "--out", str(case.out)],
        capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(work), "PYTHONUTF8": "1", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "磁盘" in done.stderr
    case.unchanged()
    assert not list(work.iterdir())


def test_a_rerun_whose_inputs_changed_names_them(case):
    case.csv("s.csv", "站点,x,y,T", STATIONS)
    out = case.folder.parent / "new"
    assert case.run(out=out, accumulated_temperature=WARM)[0] == 0
    record = str(out / "run.json")
    before = {f.name: f.read_bytes() for f in out.iterdir()}
    case.csv("s.csv", "站点,x,y,T", [*STATIONS[:4], "e,500400,3300500,9000"])
    assert cspon(["dual-eval", "--from-record", record]) == 1
    told = case.capsys.readouterr().out
    assert "因子“≥0℃ 活动积温”（accumulated_temperature）的输入 s.csv 已改变" in told
    (case.folder / "s.csv").unlink()
    assert cspon(["dual-eval", "--from-record", record]) == 2
    assert "s.csv" in case.capsys.readouterr().err
    assert {f.name: f.read_bytes() for f in out.iterdir()} == before


@pytest.mark.parametrize("scheme", ["2020", "2019"])
def test_a_rerun_from_another_place_gives_equal_rasters(case, scheme, tmp_path, monkeypatch):
    case.csv("s.csv", "站点,x,y,T", STATIONS)
    case.csv("u.csv", "单元,短缺", ["西镇,短缺", "东镇,不短缺"])
    config = case.folder / "own.yaml"
    inputs = {"accumulated_temperature": WARM, "water_shortage": UNITS}
    text = {"scheme": scheme, "absent": ABSENT, "inputs": inputs}
    config.write_text(yaml.safe_dump(text, allow_unicode=True), "utf-8")
    out = tmp_path / "new"
    layers = ["--layers", str(case.folder)]
    assert cspon(["dual-eval", str(config), *layers, "--out", str(out)]) == 0
    moved = Path(shutil.move(case.folder, tmp_path / "elsewhere"))
    monkeypatch.chdir(tmp_path)
    case.capsys.readouterr()
    again = [
        "dual-eval",
        "--from-record",
        "new/run.json",
        "--layers",
        str(moved),
        "--base",
        str(moved),
    ]
    assert cspon(again) == 0
    assert "逐像元相同" in case.capsys.readouterr().out
