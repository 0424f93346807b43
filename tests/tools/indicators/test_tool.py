import pytest
import shapely
import shapely.affinity

from cspon.errors import InputError
from tools.catalogue import load_tools
from tools.indicators.tool import compute_indicators


def values_of(result):
    return {v["id"]: v for v in result.data["values"]}


# Column 0-3 cultivated (0.4 km²), 4-5 woods (0.2), 6-7 homes, 8-9 industry (0.2 each): built 0.4.
EXPECTED = {
    "cultivated_land_area": 0.4,
    "permanent_basic_farmland_area": 0.3,
    "ecological_redline_area": 0.2,
    "forest_land_area": 0.2,
    "forest_cover_rate": 20.0,
    "wetland_area": 0.0,
    "built_land_area": 0.4,
    "town_village_land_area": 0.4,
    "industrial_land_share": 50.0,
    "land_use_per_gdp": 100.0,  # 40 ha / 4000 万元
    "water_use_per_gdp": 50.0,  # 200 000 m³ / 4000 万元
    "total_water_use": 0.002,  # 20 万 m³
    "water_use_per_person": 200.0,
    "urbanisation_rate": 60.0,
    "urban_land_per_person": 100.0,  # 6 ha / 600
    "urban_housing_per_person": 40.0,  # 24 000 m² / 600
    "urban_population_density": 2000.0,
    "hospital_beds_per_thousand": 6.0,
    "care_beds_per_thousand_elderly": 40.0,
    "shelter_area_per_person": 2.0,
}
STATED = {"resident_population": 1000.0, "groundwater_level": 8.5, "rural_waste_treatment_rate": 98}


def test_a_county_that_fits_in_the_head(fixed_county, write_statistics):
    result = compute_indicators(fixed_county.folder, write_statistics())
    values = values_of(result)
    assert len(values) == 54
    for name, expected in EXPECTED.items():
        assert values[name]["status"] == "computed", values[name]
        assert values[name]["value"] == pytest.approx(expected, abs=1e-4), name
    for name, expected in STATED.items():
        assert (values[name]["status"], values[name]["value"]) == ("reported", expected)
    others = {n for n, v in values.items() if v["status"] == "missing"}
    assert others == set(values) - set(EXPECTED) - set(STATED)
    assert all(values[n]["value"] is None and values[n]["method"] for n in others)
    assert result.provenance.layer_dates["DLTB"] == "2025-12-31"
    assert result.provenance.inputs["statistics"].startswith("sha256:")
    assert result.synthetic


def test_what_is_missing_is_named(county, write_statistics):
    county.remove("ecological_redline")
    found = values_of(compute_indicators(county.folder, write_statistics(without="城镇常住人口")))
    assert "ecological_redline" in found["ecological_redline_area"]["method"]
    assert "2025 年的“城镇常住人口”" in found["urbanisation_rate"]["method"]
    assert found["urbanisation_rate"]["value"] is None


def test_without_a_table_layers_alone_are_used(fixed_county):
    result = compute_indicators(fixed_county.folder)
    assert values_of(result)["cultivated_land_area"]["value"] == pytest.approx(0.4)
    assert values_of(result)["urbanisation_rate"]["status"] == "missing"
    assert any("没有统计表" in w for w in result.warnings)


def test_layers_of_another_year_are_not_used(fixed_county, write_statistics):
    table = write_statistics(
        (2023, "耕地保有量", "县域", "公顷", 41), (2023, "地区生产总值", "县域", "亿元", 0.3)
    )
    found = values_of(compute_indicators(fixed_county.folder, table, year=2023))
    assert found["cultivated_land_area"]["status"] == "reported"
    assert found["cultivated_land_area"]["value"] == pytest.approx(0.41)
    assert "是 2025 年的" in found["cultivated_land_area"]["method"]
    assert found["forest_land_area"]["status"] == "missing"


def test_computed_and_reported_values_that_differ_are_told(fixed_county, write_statistics):
    table = write_statistics(
        (2025, "耕地保有量", "县域", "公顷", 50), (2025, "林地保有量", "县域", "亩", 300)
    )
    result = compute_indicators(fixed_county.folder, table)
    found = values_of(result)["cultivated_land_area"]
    assert (found["reported"], found["difference_percent"]) == (0.5, -20.0)
    assert any("耕地保有量" in w and "-20.00%" in w for w in result.warnings)
    assert not any("林地保有量" in w for w in result.warnings)


@pytest.mark.parametrize(
    ("row", "name", "words"),
    [
        ((2025, "闲置土地处置率", "县域", "%", 40), "idle_land_disposal_rate", ""),
        ((2025, "降雨就地消纳率", "县域", "%", 168), "rainfall_retention_rate", "大于上限"),
        (
            (2025, "新能源和可再生能源比例", "县域", "公顷", 10),
            "renewable_energy_share",
            "不能换算",
        ),
        ((2025, "森林蓄积量", "县域", "万板尺", 10), "forest_stock_volume", "不认识的计量单位"),
        ((2025, "城市内涝积水点数量", "城区", "个", -1), "waterlogging_points", "小于下限"),
    ],
)
def test_a_stated_value_is_checked(fixed_county, write_statistics, row, name, words):
    found = values_of(compute_indicators(fixed_county.folder, write_statistics(row), ids=(name,)))
    if not words:
        assert found[name]["status"] == "reported"
        return
    assert (found[name]["status"], found[name]["value"]) == ("refused", None)
    assert words in found[name]["method"]


def test_values_given_directly(fixed_county, write_statistics):
    given = {"消防救援5分钟可达覆盖率": "85 %", "built_land_area": "50 ha"}
    found = values_of(compute_indicators(fixed_county.folder, write_statistics(), filled=given))
    assert found["fire_service_coverage"]["value"] == 85
    assert (found["built_land_area"]["value"], found["built_land_area"]["status"]) == (
        0.5,
        "reported",
    )


BOXES = {"东镇": (600, 0, 1000, 1000), "西镇": (0, 0, 600, 1000)}


@pytest.fixture
def towns(county):
    """Two towns: the western one has the fields and woods, the eastern one what is built."""
    boxes = [shapely.box(*b) for b in BOXES.values()]
    places = [shapely.affinity.translate(b, 500_000.0, 3_300_000.0) for b in boxes]
    county.add(
        "admin_town", "XZQ_XZ", "乡镇", places, fields={"XZQMC": list(BOXES)}, name_field="XZQMC"
    )
    return county


def test_towns_sum_to_the_county(towns):
    found = {
        name: values_of(compute_indicators(towns.folder, scope=name)) for name in (*BOXES, "county")
    }
    for name in ("cultivated_land_area", "built_land_area", "ecological_redline_area"):
        whole = found["county"][name]["value"]
        parts = [found[town][name]["value"] for town in BOXES]
        assert sum(parts) == pytest.approx(whole, abs=1e-4)
    assert found["东镇"]["built_land_area"]["value"] == pytest.approx(0.4)
    assert found["西镇"]["forest_cover_rate"]["value"] == pytest.approx(100 / 3, abs=0.01)
    assert "water_use_per_person" not in found["东镇"]


def test_the_urban_area_is_made_from_the_boundary_and_said_so(towns):
    # The boundary is x >= 300, y < 800: 0.32 km² of it lie in the eastern town, 0.24 in the western.
    result = compute_indicators(towns.folder, scope="城区")
    found = values_of(result)
    assert found["built_land_area"]["value"] == pytest.approx(0.32, abs=1e-4)
    assert found["cultivated_land_area"]["value"] == 0
    assert any("软件自定义" in w for w in result.warnings)


def test_parks_and_streets_inside_a_given_urban_area(towns, write_statistics):
    towns.add(
        "urban_area", "CQFW", "城区范围", [shapely.box(500_600, 3_300_000, 501_000, 3_300_500)]
    )
    streets = [shapely.LineString([(500_500, 3_300_250), (501_000, 3_300_250)])]
    towns.add(
        "roads", "DLZXX", "道路", [*streets, *streets], geometry="line",
        fields={"DLDJ": ["城市支路", "国道"]}, code_field="DLDJ", code_scheme="road_class",
    )  # fmt: skip
    result = compute_indicators(towns.folder, write_statistics())
    found = values_of(result)
    assert found["urban_road_density"]["value"] == pytest.approx(2.0)  # 0.4 km / 0.2 km²
    assert found["urban_road_density"]["scope"] == "城区"
    assert found["park_area_per_person"]["value"] == 0
    assert not any("软件自定义" in w for w in result.warnings)


def test_unknown_names_are_refused(fixed_county, towns):
    with pytest.raises(InputError, match="没有"):
        compute_indicators(fixed_county.folder, ids=("nothing",))
    with pytest.raises(InputError, match="没有“某镇”这个范围"):
        compute_indicators(fixed_county.folder, scope="某镇")
    with pytest.raises(InputError, match="都不按"):
        compute_indicators(towns.folder, ids=("water_use_per_person",), scope="东镇")


def test_it_is_a_tool():
    assert {"compute_indicators", "assess_indicators"} <= set(load_tools())
