"""Indicators of the demo county against a second path: rows one by one, geodesic areas, plain sums."""

import csv
from itertools import pairwise
from math import hypot
from pathlib import Path

import pyogrio.raw
import pyproj
import pytest
import shapely

from tools.indicators.tool import compute_indicators

YEAR = "2025"
TO_DEGREES = pyproj.Transformer.from_crs(4547, 4490, always_xy=True)
ELLIPSOID = pyproj.Geod(a=6378137, rf=298.257222101)
REGIONAL = {"1002", "1003", "1201", "1202", "1203", "1204", "1205", "1206", "1311"}
STREETS = {"城市快速路", "城市主干路", "城市次干路", "城市支路"}


def rows(folder: Path, name: str, *fields: str):
    meta, _, wkb, columns = pyogrio.raw.read(folder / f"{name}.gpkg", columns=list(fields))
    order = [list(meta["fields"]).index(f) for f in fields]
    for number, shape in enumerate(wkb):
        yield shapely.from_wkb(shape), *(columns[k][number] for k in order)


def km2(geometry) -> float:
    polygons = [
        p for p in shapely.get_parts(geometry) if p.geom_type == "Polygon" and not p.is_empty
    ]
    total = 0.0
    for polygon in polygons:
        for sign, ring in ((1, polygon.exterior), *((-1, hole) for hole in polygon.interiors)):
            x, y = zip(*ring.coords, strict=True)
            total += sign * abs(ELLIPSOID.polygon_area_perimeter(*TO_DEGREES.transform(x, y))[0])
    return total / 1e6


@pytest.fixture(scope="module")
def figures(demo):
    with (demo / "statistics.csv").open(encoding="utf-8-sig") as file:
        return {
            r["指标项"]: float(r["数值"])
            for r in csv.DictReader(file)
            if r["年份"] == YEAR and r["数值"]
        }


@pytest.fixture(scope="module")
def expected(demo, figures):
    ((urban,),) = rows(demo, "ZXCQFW")
    by_code: dict[str, float] = {}
    parks = sport = 0.0
    for shape, code in rows(demo, "DLTB", "DLBM"):
        by_code[code] = by_code.get(code, 0.0) + km2(shape)
        if code.startswith(("1401", "0805")):
            inside = km2(shapely.intersection(shape, urban))
            parks += inside if code.startswith("1401") else 0
            sport += inside if code.startswith("0805") else 0

    def total(*starts: str) -> float:
        return sum(area for code, area in by_code.items() if code.startswith(starts))

    built = total("07", "08", "09", "10", "11", "12", "13", "14", "15", "16")
    town_village = built - sum(by_code.get(c, 0) for c in REGIONAL) - total("15")
    county = sum(km2(shape) for (shape,) in rows(demo, "XZQ"))
    metres = 0.0
    for line, kind in rows(demo, "DLZXX", "DLDJ"):
        if kind in STREETS:
            for part in shapely.get_parts(shapely.intersection(line, urban)):
                places = shapely.get_coordinates(part).tolist()
                metres += sum(hypot(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(places))
    f = figures
    density = metres / 1000 / km2(urban)
    water = f["农业用水量"] + f["工业用水量"] + f["生活用水量"] + f["生态环境用水量"]
    return {
        "cultivated_land_area": total("01"),
        "forest_land_area": total("03"),
        "wetland_area": total("05"),
        "forest_cover_rate": 100 * total("0301", "0302") / county,
        "built_land_area": built,
        "town_village_land_area": town_village,
        "industrial_land_share": 100 * total("1001") / town_village,
        "land_use_per_gdp": built * 1e6 / (f["地区生产总值"] * 1e4),
        "ecological_redline_area": sum(km2(s) for (s,) in rows(demo, "STBHHX")),
        "permanent_basic_farmland_area": sum(km2(s) for (s,) in rows(demo, "YJJBNT")),
        "heritage_protection_area": km2(shapely.union_all([s for (s,) in rows(demo, "LSWHBHX")])),
        "urban_road_density": density,
        "road_density": density,
        "park_area_per_person": parks * 1e6 / f["城区常住人口"],
        "sports_land_per_person": sport * 1e6 / f["城区常住人口"],
        "total_water_use": water / 1e4,
        "water_use_per_person": f["用水总量"] * 1e4 / f["常住人口数量"],
        "water_use_per_gdp": f["用水总量"] / f["地区生产总值"],
        "urbanisation_rate": 100 * f["城镇常住人口"] / f["常住人口数量"],
        "urban_land_per_person": f["城镇建设用地面积"] * 1e4 / f["城镇常住人口"],
        "urban_population_density": f["城区常住人口"] / f["城区面积"],
        "urban_building_density": 100 * f["城区建筑基底面积"] / f["城区建设用地面积"],
        "urban_housing_per_person": f["城镇住房建筑面积"] * 1e4 / f["城镇常住人口"],
        "hospital_beds_per_thousand": f["医疗卫生机构床位数"] * 1000 / f["常住人口数量"],
        "care_beds_per_thousand_elderly": f["养老床位数"] * 1000 / f["60岁及以上人口"],
        "shelter_area_per_person": f["应急避难场所面积"] * 1e4 / f["常住人口数量"],
        "idle_land_disposal_rate": 100 * f["已处置闲置土地面积"] / f["闲置土地总面积"],
        "stock_land_supply_share": 100 * f["存量土地供应面积"] / f["土地供应总面积"],
        "land_revenue_share": 100 * f["土地出让收入"] / f["政府预算收入"],
    }


def test_computed_indicators_agree_with_plain_sums(demo, expected):
    values = {v["id"]: v for v in compute_indicators(demo).data["values"]}
    computed = {name for name, v in values.items() if v["status"] == "computed"}
    assert len(computed) >= 25
    assert computed == set(expected)
    for name, wanted in expected.items():
        assert values[name]["value"] == pytest.approx(
            wanted, rel=1e-6, abs=0.6 * 10 ** -values[name]["digits"]
        ), name


def test_every_other_indicator_is_filled_in_or_named_as_missing(demo):
    for v in compute_indicators(demo).data["values"]:
        assert v["status"] != "refused", v
        assert (v["value"] is None) == (v["status"] == "missing")
        assert v["method"]
