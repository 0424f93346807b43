"""The whole evaluation on 1 km² equals a plain numpy oracle that reads the scheme's text itself."""

import numpy as np
import pytest
import shapely

from cspon.errors import InputError
from tools.dual_evaluation.arrays import evaluate_arrays
from tools.dual_evaluation.config import DualConfig, parse_config
from tools.dual_evaluation.evaluate import evaluate
from tools.dual_evaluation.steps import variables_of

from .conftest import GRID, SIDE, add_raster, surfaces

ABSENT = {
    "coast_protection": "不临海", "coast_erosion": "不临海", "marine_hazard": "不临海",
    "rocky_desertification": "无", "wind_erosion_class": "无", "biodiversity": "无",
    "soil_loss": "未测", "soil_pollution": "无", "gale_days": "无",
}  # fmt: skip
CONFIG = {
    "absent": ABSENT,
    "inputs": {
        "irrigation": {"kind": "constant", "value": "有", "why": "灌区"},
        "water_shortage": {"kind": "constant", "value": "不短缺", "why": "水利局"},
    },
}


def run(county, work, **changes):
    config = parse_config({**CONFIG, **changes})
    return evaluate(config, county.folder, work=work)


def oracle_slope(height):
    """Horn, cell by cell; a missing neighbour takes the height of the centre."""
    rows, columns = height.shape
    result = np.empty(height.shape)
    for r in range(rows):
        for c in range(columns):
            z = {
                (j, i): height[r + j, c + i]
                if 0 <= r + j < rows and 0 <= c + i < columns and not np.isnan(height[r + j, c + i])
                else height[r, c]
                for j in (-1, 0, 1)
                for i in (-1, 0, 1)
            }
            x = z[-1, 1] + 2 * z[0, 1] + z[1, 1] - z[-1, -1] - 2 * z[0, -1] - z[1, -1]
            y = z[1, -1] + 2 * z[1, 0] + z[1, 1] - z[-1, -1] - 2 * z[-1, 0] - z[-1, 1]
            result[r, c] = np.degrees(np.arctan(np.sqrt(x * x + y * y) / 80))
    return result


def oracle_2020(made):
    """Ecology, agriculture and urban construction from the surfaces and the county's columns."""
    s = {k: np.float64(np.float32(v)) for k, v in surfaces().items()}
    slope = oracle_slope(s["dem"])
    column = np.arange(SIDE) // 10
    # CODES of the county: 0101 paddy ×3, 0103 dry, 0301 woods ×2, 0701 built ×2, 1001 built ×2.
    runoff = np.array([0.35, 0.35, 0.35, 0.30, 0.05, 0.05, 0.75, 0.75, 0.75, 0.75])[column]
    woods = np.isin(column, (4, 5))[None, :] & np.ones((SIDE, 1), bool)
    water = np.float64(np.float32(s["precipitation"] * (1 - runoff) - s["evapotranspiration"]))
    order = np.sort(water.ravel())[::-1]
    total = np.cumsum(np.clip(order, 0, None))
    half = order[np.argmax(total >= 0.5 * total[-1])]
    most = order[np.argmax(total >= 0.8 * total[-1])]
    conservation = np.where(water >= half, 3, np.where(water >= most, 2, 1))
    cover = s["vegetation_cover"]
    soil = np.where(
        (slope >= 25) & (cover >= np.float32(0.8)) & woods, 3,
        np.where((slope >= 15) & (cover >= np.float32(0.6)) & woods, 2, 1),
    )  # fmt: skip
    ecology = np.maximum(conservation, soil)
    farming = np.where((slope > 25) | (s["soil_silt"] >= 80), 1, 2)
    town = np.where(slope > 25, 1, 2)
    town[50:70, 20:40] = 1  # the hazard zone: 200–400 m east, 300–500 m north
    return {
        "ecology": ecology,
        "agriculture": np.where(ecology == 3, 9, farming),
        "urban": np.where(ecology == 3, 9, town),
    }


def test_the_scheme_of_2020_equals_the_oracle(steady_county, tmp_path):
    made = run(steady_county, tmp_path / "w")
    for name, expected in oracle_2020(made).items():
        assert not made.parts[name].feasible.missing
        different = int((made.parts[name].result != expected).sum())
        assert different == 0, f"{name}: {different} cells of {expected.size}"
        assert len(np.unique(expected)) >= 2


@pytest.mark.parametrize("scheme", ["2020", "2019"])
def test_the_engine_gives_what_the_steps_give_on_arrays(dual_county, tmp_path, scheme):
    made = run(dual_county, tmp_path / "w", scheme=scheme)
    checked = 0
    for name, part in made.parts.items():
        evaluation = part.feasible.evaluation
        names = {v for step in evaluation.steps for v in variables_of(step)}
        again = evaluate_arrays(
            evaluation, {v: made.inputs.read(v) for v in names},
            {v: made.inputs.found[v].codes for v in names}, cell_m=10.0, inside=made.inputs.inside,
            others={n: p.result for n, p in made.parts.items()},
        )  # fmt: skip
        for step, grades in again.items():
            assert (grades == part.grades[step]).all(), f"{name}.{step}"
            checked += 1
    assert checked >= 12


def test_a_factor_without_input_is_named_and_not_guessed(dual_county, tmp_path):
    dual_county.remove("soil_silt")
    made = run(dual_county, tmp_path / "w")
    part = made.parts["agriculture"]
    assert "土壤质地（粉砂含量）" in part.feasible.missing
    assert "texture" not in part.grades
    assert not part.feasible.complete
    assert made.parts["urban"].feasible.complete


def test_a_mandatory_factor_refuses_the_evaluation(dual_county, tmp_path):
    dual_county.remove("precipitation")
    dual_county.remove("vegetation_cover")
    made = run(dual_county, tmp_path / "w")
    assert not made.parts["ecology"].grades
    assert "不能评价" in made.parts["ecology"].feasible.refused
    # Without ecology nothing is taken out of the range, and the result says so.
    assert "未扣除生态保护极重要区" in str(made.parts["urban"].feasible.missing)
    assert made.parts["urban"].grades


def test_nodata_is_carried(dual_county, tmp_path):
    rain = surfaces()["precipitation"]
    rain[10:20, 60:70] = np.nan
    add_raster(dual_county, "precipitation", rain)
    made = run(dual_county, tmp_path / "w")
    hole = np.zeros((SIDE, SIDE), bool)
    hole[10:20, 60:70] = True
    assert (made.parts["ecology"].result[hole] == 0).all()
    assert (made.parts["urban"].result[hole] == 0).all()
    assert (made.parts["urban"].result[~hole] > 0).all()


def test_outside_the_county_there_is_nothing(dual_county, tmp_path, local_box):
    county = shapely.difference(local_box(0, 0, 1000, 1000), local_box(700, 700, 1000, 1000))
    dual_county.add("admin_county", "XZQ", "行政区", [county])
    made = run(dual_county, tmp_path / "w")
    assert (made.parts["urban"].result[:30, 70:] == 0).all()
    assert int((made.parts["urban"].result > 0).sum()) == SIDE * SIDE - 900


def test_areas_by_class_and_town_sum_to_the_county(dual_county, tmp_path):
    from tools.dual_evaluation.tables import area_table

    made = run(dual_county, tmp_path / "w")
    for part in made.parts.values():
        rows = area_table(made, part).rows
        assert rows[-1]["total"] == 100.0
        assert [r["unit"] for r in rows] == ["东镇", "西镇", "合计"]
        for key in rows[-1]:
            if key not in ("unit", "share"):
                assert sum(r[key] for r in rows[:-1]) == pytest.approx(rows[-1][key])


def test_a_coarser_grid_needs_a_declared_resampling(dual_county, tmp_path):
    with pytest.raises(InputError, match="resampling"):
        run(dual_county, tmp_path / "w", grid={"cell": 20})


def test_declared_resampling_brings_rasters_to_one_grid(dual_county, tmp_path):
    rasters = ("precipitation", "evapotranspiration", "accumulated_temperature", "soil_silt",
               "vegetation_cover", "soil_sand")  # fmt: skip
    inputs = {n: {"kind": "layer", "role": n, "resampling": "average"} for n in rasters}
    made = run(
        dual_county, tmp_path / "w", grid={"cell": 20}, inputs={**CONFIG["inputs"], **inputs}
    )
    assert made.parts["urban"].result.shape == (50, 50)
    assert (made.parts["urban"].result > 0).all()


def test_negative_rain_is_refused_with_its_file(dual_county, tmp_path):
    add_raster(dual_county, "precipitation", surfaces()["precipitation"] - 2000)
    with pytest.raises(InputError, match=r"多年平均降水量.*超出合理范围") as error:
        run(dual_county, tmp_path / "w")
    assert "0.1 mm" in str(error.value)


def test_tenths_of_a_millimetre_are_recognised_by_range_and_converted_when_declared(
    dual_county, tmp_path
):
    add_raster(dual_county, "precipitation", surfaces()["precipitation"] * 10)
    with pytest.raises(InputError, match="超出合理范围"):
        run(dual_county, tmp_path / "w")
    unit = {"kind": "layer", "role": "precipitation", "unit": "0.1mm"}
    made = run(dual_county, tmp_path / "w2", inputs={**CONFIG["inputs"], "precipitation": unit})
    assert made.inputs.read("precipitation").max() < 2000


def test_all_nodata_is_refused(dual_county, tmp_path):
    add_raster(dual_county, "soil_silt", np.full((SIDE, SIDE), np.nan))
    with pytest.raises(InputError, match="全部为无数据"):
        run(dual_county, tmp_path / "w")


def test_three_bands_are_refused_until_one_is_named(dual_county, tmp_path):
    import rasterio

    file = dual_county.folder / "rgb.tif"
    with rasterio.open(
        file, "w", driver="GTiff", width=SIDE, height=SIDE, count=3, dtype="float32",
        crs="EPSG:4547", transform=GRID.affine,
    ) as target:  # fmt: skip
        target.write(np.full((3, SIDE, SIDE), 30, np.float32))
    silt = {"kind": "raster", "file": "rgb.tif", "unit": "%"}
    with pytest.raises(InputError, match="3 个波段"):
        run(dual_county, tmp_path / "w", inputs={**CONFIG["inputs"], "soil_silt": silt})
    made = run(
        dual_county, tmp_path / "w2", inputs={**CONFIG["inputs"], "soil_silt": {**silt, "band": 2}}
    )
    assert made.inputs.read("soil_silt").max() == 30


def test_degrees_are_reprojected_only_when_told_to(dual_county, tmp_path):
    import rasterio
    from affine import Affine

    file = dual_county.folder / "degrees.tif"
    with rasterio.open(
        file, "w", driver="GTiff", width=40, height=40, count=1, dtype="float32",
        crs="EPSG:4490", transform=Affine(0.005, 0, 113.9, 0, -0.005, 29.9),
    ) as target:  # fmt: skip
        target.write(np.full((1, 40, 40), 30, np.float32))
    silt = {"kind": "raster", "file": "degrees.tif", "unit": "%"}
    with pytest.raises(InputError, match="经纬度"):
        run(dual_county, tmp_path / "w", inputs={**CONFIG["inputs"], "soil_silt": silt})
    told = {**silt, "resampling": "bilinear"}
    made = run(dual_county, tmp_path / "w2", inputs={**CONFIG["inputs"], "soil_silt": told})
    assert made.inputs.read("soil_silt").min() == pytest.approx(30)


def test_a_file_outside_the_layers_is_refused_without_a_configuration_file(dual_county, tmp_path):
    (tmp_path / "x.tif").write_bytes(b"II*\0")
    for name in (str(tmp_path / "x.tif"), "../x.tif"):
        with pytest.raises(InputError, match="图层目录之内"):
            run(dual_county, tmp_path / "w",
                inputs={"elevation": {"kind": "raster", "file": name}})  # fmt: skip


def test_an_unknown_hazard_class_is_refused(dual_county, tmp_path, local_box):
    dual_county.add(
        "geohazard_zones", "DZZH", "地质灾害易发区", [local_box(0, 0, 100, 100)],
        fields={"BSM": ["1"], "YFCD": ["特高"]}, name_field="YFCD",
    )  # fmt: skip
    with pytest.raises(InputError, match="特高"):
        run(dual_county, tmp_path / "w")


def test_a_table_by_unit_reaches_its_cells(dual_county, tmp_path):
    (dual_county.folder / "units.csv").write_text("单元,短缺\n西镇,短缺\n东镇,不短缺\n", "utf-8")
    table = {"kind": "table", "file": "units.csv", "key": "单元", "value": "短缺"}
    made = run(dual_county, tmp_path / "w", inputs={**CONFIG["inputs"], "water_shortage": table})
    result = made.parts["urban"].result
    assert set(np.unique(result[:, :50])) <= {1, 9}
    (dual_county.folder / "units.csv").write_text("单元,短缺\n南镇,短缺\n", "utf-8")
    with pytest.raises(InputError, match="南镇"):
        run(dual_county, tmp_path / "w2", inputs={**CONFIG["inputs"], "water_shortage": table})


def test_defaults_by_role_need_no_configuration(dual_county, tmp_path):
    made = evaluate(DualConfig(), dual_county.folder, work=tmp_path / "w")
    assert made.parts["urban"].grades
    assert not made.parts["urban"].feasible.complete


def test_distance_to_a_fault_is_that_of_the_line(dual_county, tmp_path):
    line = shapely.LineString([(500_000, 3_300_500), (500_400, 3_300_500), (500_400, 3_301_000)])
    dual_county.add("fault_lines", "DLDC", "断裂", [line], geometry="line")
    made = run(dual_county, tmp_path / "w", scheme="2019")
    distance = made.inputs.read("fault_distance")
    assert distance[99, 0] == pytest.approx(
        495, abs=0.05
    )  # centre of the south-western cell, 5 m up
    assert distance[0, 99] == pytest.approx(595, abs=0.05)
    assert distance[49, 10] == pytest.approx(5, abs=0.05)
