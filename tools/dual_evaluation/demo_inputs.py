"""Inputs of a 双评价 that the demo county does not hold, made up: stations, cover, cadmium, water.

Deterministic. Temperature is a plane less 0.6 ℃ for every 100 m, so a right interpolation meets it
everywhere; `truth.json` states that and where the cadmium lies above the control value.
"""

import csv
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tools.dual_evaluation.config import DualConfig
from tools.dual_evaluation.extent import central_place, open_inputs, unit_codes
from tools.dual_evaluation.formulas import land_cover_table
from tools.dual_evaluation.inputs import Inputs, find
from tools.dual_evaluation.rasters import write_raster
from tools.dual_evaluation.scheme import load_scheme

SEED = 20260102
LAPSE = 0.6
YEARS = (2023, 2024)
WEST_EAST, SOUTH_NORTH = -0.00002, -0.00003
"""℃ for every metre east and north."""
MONTH_MEAN = (5.0, 7.0, 11.5, 17.5, 22.5, 26.0, 29.0, 28.5, 24.0, 18.5, 12.5, 7.0)
MONTH_HUMIDITY = (74, 75, 76, 76, 75, 78, 77, 78, 77, 76, 76, 73)
COVER = {
    "水田": 0.45, "旱地": 0.35, "园地": 0.55, "森林": 0.86, "灌丛": 0.7, "草地": 0.55, "湿地": 0.4,
    "城镇": 0.12, "水域": 0.02, "荒漠": 0.05,
}  # fmt: skip
HOT_SPOT_M = 600.0


def make_demo_inputs(layers: Path, folder: Path) -> Path:
    """Write the inputs and the configurations beside them.

    Args:
        layers: The demo county.
        folder: Made when it is not there.

    Returns:
        The configuration of the 2020 scheme; `config-2019.yaml` stands beside it.

    Raises:
        InputError: the folder of the layers is no county.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scheme = load_scheme("2020")
    inputs = open_inputs(DualConfig(), scheme, layers, work=folder / ".work")
    for name in ("elevation", "land_cover", "soil_ph"):
        find(inputs, name)
    rng = np.random.default_rng(SEED)
    truth: dict[str, Any] = {"note": "合成数据的真值，用于检验"}
    _stations(inputs, folder, rng, truth)
    _cover(inputs, folder, rng)
    _cadmium(inputs, folder, truth)
    _units(inputs, folder)
    (folder / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1), "utf-8")
    place = central_place(inputs)
    assert place is not None, "the demo county has a development boundary"
    centre = list(place)
    for name, made in (
        ("config.yaml", _config(centre)),
        ("config-2019.yaml", _config_2019(centre)),
    ):
        text = yaml.safe_dump(made, allow_unicode=True, sort_keys=False)
        (folder / name).write_text(f"# 合成数据：仅供演示\n{text}", encoding="utf-8")
    for file in (folder / ".work").iterdir():
        file.unlink()
    (folder / ".work").rmdir()
    return folder / "config.yaml"


def warmth_at_sea_level(x: Any, y: Any, month: int, origin: tuple[float, float]) -> Any:
    """Return the true temperature, ℃, reduced to height 0; `origin` is the grid's south-west."""
    return MONTH_MEAN[month - 1] + WEST_EAST * (x - origin[0]) + SOUTH_NORTH * (y - origin[1])


def _stations(
    inputs: Inputs, folder: Path, rng: np.random.Generator, truth: dict[str, Any]
) -> None:
    grid, heights = inputs.grid, inputs.read("elevation")
    west, south, east, north = grid.bounds
    places = []
    for i in range(4):
        for j in range(3):
            x = west + (i + 0.5 + rng.uniform(-0.3, 0.3)) * (east - west) / 4
            y = south + (j + 0.5 + rng.uniform(-0.3, 0.3)) * (north - south) / 3
            places.append((round(x, 1), round(y, 1)))
    months = range(1, 13)
    head = [
        "站点",
        "x",
        "y",
        "高程",
        "年降水量",
        "积温",
        *(f"T{m}" for m in months),
        *(f"H{m}" for m in months),
    ]
    rows, daily, wind = [], [], []
    for number, (x, y) in enumerate(places, start=1):
        cell = grid.cell_at(x, y)
        assert cell is not None
        name, height = f"示例站{number:02d}", round(float(heights[cell]), 1)
        warmth = [
            float(warmth_at_sea_level(x, y, m, (west, south))) - LAPSE * height / 100
            for m in months
        ]
        rain = list(_rain(rng, 1.0 + height / 1500))
        daily += [[name, day.isoformat(), f"{value:.1f}"] for day, value in rain]
        wind += [[name, day.isoformat(), f"{value:.1f}"] for day, value in _wind(number, rain)]
        days = _days_of_month(warmth)
        rows.append(
            [name, x, y, height, round(sum(v for _, v in rain) / len(YEARS), 1), round(days, 1),
             *(round(t, 4) for t in warmth), *(MONTH_HUMIDITY[m - 1] + number % 3 for m in months)]
        )  # fmt: skip
    _csv(folder / "stations.csv", head, rows)
    _csv(folder / "daily_rain.csv", ["站点", "日期", "降水量"], daily)
    _csv(folder / "daily_wind.csv", ["站点", "日期", "风速"], wind)
    truth["temperature"] = {
        "formula": "T = 月值 + a·(x − x0) + b·(y − y0) − 0.6·高程/100",
        "a": WEST_EAST, "b": SOUTH_NORTH, "x0": west, "y0": south, "months": MONTH_MEAN,
    }  # fmt: skip


def _days_of_month(warmth: Sequence[float]) -> float:
    """Return the sum of the daily means of the months that are above 0 ℃."""
    return sum(max(t, 0.0) * 365 / 12 for t in warmth)


def _rain(rng: np.random.Generator, factor: float) -> list[tuple[date, float]]:
    """Return daily rain: about 130 wet days a year, heavier in the warm half."""
    found = []
    day = date(YEARS[0], 1, 1)
    while day.year <= YEARS[-1]:
        warm = 5 <= day.month <= 9
        wet = rng.random() < (0.42 if warm else 0.30)
        amount = rng.gamma(0.75, 14.0 if warm else 7.0) * factor if wet else 0.0
        found.append((day, round(float(amount), 1)))
        day += timedelta(days=1)
    return found


def _wind(number: int, rain: Sequence[tuple[date, float]]) -> list[tuple[date, float]]:
    """Return daily mean wind at 10 m, 2–3 m/s with windy days in spring; a stream of its own."""
    rng = np.random.default_rng((SEED, number))
    return [
        (day, round(float(rng.weibull(2.0) * (3.4 if 3 <= day.month <= 5 else 2.6)), 1))
        for day, _ in rain
    ]


def _cover(inputs: Inputs, folder: Path, rng: np.random.Generator) -> None:
    """Vegetation cover by class with smooth noise, as whole per cents."""
    from scipy import ndimage

    land = inputs.read("land_cover")
    base = np.full(256, np.nan)
    for name, entry in land_cover_table()["classes"].items():
        base[entry["code"]] = COVER[name]
    noise = ndimage.gaussian_filter(rng.standard_normal(land.shape), 6.0)
    values = base[land] + 0.06 * noise / noise.std()
    percent = np.where(np.isfinite(values), np.clip(np.rint(values * 100), 0, 100), 255)
    write_raster(folder / "FVC.tif", percent.astype(np.uint8), inputs.grid, nodata=255)


def _cadmium(inputs: Inputs, folder: Path, truth: dict[str, Any]) -> None:
    """Cadmium of 0.15 mg/kg everywhere, and a cone of 5 mg/kg around one place in the south-west."""
    grid = inputs.grid
    west, south, east, north = grid.bounds
    x0, y0 = west + 0.3 * (east - west), south + 0.3 * (north - south)
    x = grid.west + grid.cell * (np.arange(grid.width) + 0.5)
    y = grid.north - grid.cell * (np.arange(grid.height) + 0.5)
    away = np.hypot(x[None, :] - x0, y[:, None] - y0)
    values = 0.15 + 4.85 * np.clip(1 - away / HOT_SPOT_M, 0, None)
    values = np.where(inputs.inside, values, -1).astype(np.float32)
    write_raster(folder / "CD.tif", values, grid, nodata=-1)
    truth["cadmium"] = {"x": x0, "y": y0, "radius_m": HOT_SPOT_M, "peak": 5.0, "else": 0.15}


def _units(inputs: Inputs, folder: Path) -> None:
    """Water and capacities by town, from the town's area."""
    names, units = unit_codes(inputs)
    rows = []
    for k, name in enumerate(names, start=1):
        area_ha = float((units == k).sum()) * inputs.grid.cell_m2 / 1e4
        water = round(area_ha * (1600 + 250 * (k % 5)))
        rows.append(
            [name, water, round(water * 0.5), round(water * 0.4), round(area_ha * 0.35, 1),
             round(water / (area_ha / 100) / 1e4, 3), "短缺" if name == "竹园乡" else "不短缺",
             3 + k % 3, 3 + (k + 1) % 3, ("低", "较低", "中等")[k % 3]]
        )  # fmt: skip
    head = ["单元", "用水总量", "农业可用水量", "城镇可用水量", "雨养耕地", "用水模数", "水资源短缺",
            "大气环境容量", "水环境容量", "气象灾害"]  # fmt: skip
    _csv(folder / "units.csv", head, rows)


def _csv(file: Path, head: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with file.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(head)
        writer.writerows(rows)


def _table(value: str, unit: str = "") -> dict[str, str]:
    return {"kind": "table", "file": "units.csv", "key": "单元", "value": value, "unit": unit}


def _config(centre: list[float]) -> dict[str, Any]:
    station = {"kind": "stations", "file": "stations.csv", "x": "x", "y": "y"}
    return {
        "title": "示例县双评价（演示）",
        "scheme": "2020",
        "centre": centre,
        "inputs": {
            "accumulated_temperature": {**station, "value": "积温", "height": "高程", "unit": "℃·d"},
            "rain_erosivity": {
                "kind": "daily_rain", "file": "daily_rain.csv", "stations": "stations.csv",
            },
            "vegetation_cover": {"kind": "raster", "file": "FVC.tif", "unit": "%"},
            "soil_cadmium": {"kind": "raster", "file": "CD.tif", "unit": "mg/kg"},
            "biodiversity": {
                "kind": "layer", "role": "nature_reserve", "field": "GKFQ",
                "classes": {"核心保护区": "极重要", "一般控制区": "重要"},
            },
            "water_shortage": _table("水资源短缺"),
            "irrigation": {"kind": "constant", "value": "有", "why": "演示县耕地均在灌区内"},
            "gale_days": {"kind": "constant", "value": 6, "unit": "d", "why": "示例气象站多年平均"},
        },
        "absent": {
            "coast_protection": "本县不临海",
            "coast_erosion": "本县不临海",
            "marine_hazard": "本县不临海",
            "rocky_desertification": "本县无碳酸盐岩出露",
            "wind_erosion_class": "本县不在风力侵蚀区",
        },
        "overrides": {"urban.geohazard.grades": {"高": 1}},
        "water": {"file": "units.csv"},
        "scenarios": [
            {"title": "降水减少一成", "variables": {"precipitation": 0.9}, "water": 0.9},
            {"title": "节水技术：定额降低两成",
             "parameters": {"arable_irrigation_quota": 0.8, "urban_water_quota": 0.8}},
            {"title": "节水节地：定额降低两成、人均用地降低一成",
             "parameters": {"arable_irrigation_quota": 0.8, "urban_water_quota": 0.8,
                            "urban_land_per_head": 0.9}},
        ],
    }  # fmt: skip


def _config_2019(centre: list[float]) -> dict[str, Any]:
    made = _config(centre)
    for name in ("water_shortage", "irrigation", "gale_days"):
        made["inputs"].pop(name)
    made["inputs"] |= {
        "water_modulus": _table("用水模数", "万m³/km²"),
        "air_capacity": _table("大气环境容量", "级"),
        "water_capacity": _table("水环境容量", "级"),
        "weather_hazard": _table("气象灾害"),
        "thermal_comfort": {"kind": "monthly_climate", "file": "stations.csv"},
        "wind_factor": {
            "kind": "daily_wind",
            "file": "daily_wind.csv",
            "stations": "stations.csv",
        },
    }
    made["absent"] = {
        "carbonate_share": "本县无碳酸盐岩出露",
        "dryness_index": "本县不在土地沙化区",
        "sand_wind_days": "本县不在土地沙化区",
        "coast_protection": "本县不临海",
        "coast_erosion": "本县不临海",
    }
    return {**made, "scheme": "2019", "overrides": {}}
