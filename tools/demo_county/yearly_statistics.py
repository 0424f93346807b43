"""Yearly statistics 2020-2025 as one long table: what layers give is taken from them, the rest is made up.

The figures of the last year agree with the layers; earlier years follow a rate of change with a
little noise. Parts (sectors, uses of water) are drawn first and summed, so that tables add up.
"""

import csv
import io
from collections.abc import Iterator

import numpy as np
import shapely
from numpy.typing import NDArray

from tools.demo_county.noise import hash01
from tools.demo_county.products import Setting, VectorLayer, document
from tools.demo_county.yearly_items import ITEMS, LAYER, SURVEY, Item
from tools.geometry.area import ellipsoidal_areas_m2

YEARS = tuple(range(2020, 2026))
HEAD = ("年份", "指标项", "类别", "范围", "单位", "数值", "来源", "说明")
Series = NDArray[np.float64]


def _sum(layer: VectorLayer, field: str, chosen: NDArray[np.bool_] | None = None) -> float:
    values = np.array(layer.columns[field], float)
    return float(values.sum() if chosen is None else values[chosen].sum())


def layer_figures(
    parcels: VectorLayer, people: VectorLayer, facilities: VectorLayer,
    lines: dict[str, VectorLayer], roads: VectorLayer, hazards: VectorLayer, urban_area: VectorLayer,
    *, epsg: int,
) -> dict[str, float]:  # fmt: skip
    """Figures of the last year by the names that `ITEMS` use: ha, persons, beds, km, counts."""
    code = np.array(parcels.columns["DLBM"])
    kind = np.array([k or "" for k in parcels.columns["CZCSXM"]])
    two = code.astype("<U2")

    def ha(chosen: NDArray[np.bool_]) -> float:
        return _sum(parcels, "TBMJ", chosen) / 10_000

    built = np.isin(two, ["07", "08", "09", "10", "11", "12", "13", "14", "16"])
    linear = np.isin(code, ["1201", "1202"])
    town, city = np.isin(kind, ["201", "202"]) & built & ~linear, (kind == "201") & built & ~linear
    village = ((kind == "203") | np.isin(code, ["0703", "0704"])) & built
    urban = np.array(people.columns["RKLX"]) == "城镇"
    centre = np.array(people.columns["XZQMC"]) == _seat_name(parcels)
    sort = np.array(facilities.columns["SSLX"])
    road_kind = np.array(roads.columns["DLDJ"])
    streets = np.isin(road_kind, ["城市主干路", "城市支路"])
    (area,) = urban_area.geometries
    street_m = float(shapely.length(shapely.intersection(roads.geometries[streets], area)).sum())

    def urban_ha(start: str) -> float:
        found = parcels.geometries[np.char.startswith(code, start)]
        found = found[shapely.intersects(area, found)]
        return float(ellipsoidal_areas_m2(shapely.intersection(found, area), epsg).sum()) / 10_000

    return {
        "county": ha(np.ones(len(code), bool)), "cultivated": ha(two == "01"), "orchard": ha(two == "02"),
        "forest": ha(two == "03"), "stocked": ha(np.isin(code, ["0301", "0302"])), "grass": ha(two == "04"),
        "wetland": ha(two == "05"), "water": ha(two == "17"), "built": ha(built),
        "town_and_village": ha(town | village | (built & ~linear)), "town": ha(town), "city": ha(city),
        "village": ha(village), "industry": ha(two == "10"), "homes": ha(np.isin(code, ["0701", "0703"])),
        "town_homes": ha(code == "0701"), "parks": urban_ha("1401"), "sport": urban_ha("0805"),
        "urban_km2": _sum(urban_area, "MJ") / 1e6,
        "shelters": _sum(facilities, "GM", sort == "应急避难场所") / 10_000,
        "farmland": _sum(lines["farmland"], "MJ") / 10_000, "farmland_2020": _sum(lines["farmland_2020"], "MJ") / 10_000,
        "redline": _sum(lines["redline"], "MJ") / 10_000, "redline_2020": _sum(lines["redline_2020"], "MJ") / 10_000,
        "heritage": _sum(lines["heritage"], "MJ") / 10_000, "sites": float(len(set(lines["heritage"].columns["MC"]))),
        "people": _sum(people, "RKS"), "urban_people": _sum(people, "RKS", urban),
        "city_people": _sum(people, "RKS", urban & centre), "old": _sum(people, "RK60"), "pupils": _sum(people, "RK6_14"),
        "beds": _sum(facilities, "GM", np.isin(sort, ["医院", "基层医疗卫生机构"])),
        "care_beds": _sum(facilities, "GM", sort == "养老设施"), "streets_km": street_m / 1000,
        "flooding": float((np.array(hazards.columns["ZHLX"]) == "内涝积水点").sum()),
    }  # fmt: skip


def _seat_name(parcels: VectorLayer) -> str:
    """Name of the town that comes first by its code."""
    codes: list[str] = list(parcels.columns["XZQDM"])
    return str(parcels.columns["XZQMC"][codes.index(min(codes))])


def series(setting: Setting, figures: dict[str, float]) -> Iterator[tuple[Item, Series]]:
    """Six yearly values an item; items may name earlier ones and take their sum or quotient."""
    made: dict[str, Series] = {}
    back = np.arange(len(YEARS))[::-1]
    for number, item in enumerate(ITEMS):
        if item.of is not None:
            values = item.of(made)
        else:
            last = figures[item.layer] * item.factor if item.layer else item.value
            noise = (
                hash01(setting.seed, 300, np.full(len(YEARS), number), back) - 0.5
            ) * item.noise
            values = last / (1 + item.yearly) ** back * (1 + noise * (back > 0))
            if item.earlier:
                values = np.interp(back, [0, 5], [last, figures[item.earlier] * item.factor])
        made[item.name] = np.round(values, item.decimals)
        yield item, made[item.name]


@document("statistics.csv")
def statistics_csv(
    setting: Setting, land_use_layer: VectorLayer, population_layer: VectorLayer,
    facilities_layer: VectorLayer, farmland_layer: VectorLayer, farmland_2020_layer: VectorLayer,
    redline_layer: VectorLayer, redline_2020_layer: VectorLayer, heritage_line_layer: VectorLayer,
    roads_layer: VectorLayer, hazard_points_layer: VectorLayer,
    urban_area_layer: VectorLayer,
) -> bytes:  # fmt: skip
    """UTF-8 with a mark that spreadsheet programs know; one row an item and year."""
    lines = {
        "farmland": farmland_layer, "farmland_2020": farmland_2020_layer, "redline": redline_layer,
        "redline_2020": redline_2020_layer, "heritage": heritage_line_layer,
    }  # fmt: skip
    figures = layer_figures(
        land_use_layer, population_layer, facilities_layer, lines, roads_layer, hazard_points_layer,
        urban_area_layer, epsg=setting.epsg,
    )  # fmt: skip
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEAD)
    for item, values in series(setting, figures):
        source = LAYER if item.layer else SURVEY
        for year, value in zip(YEARS, values.tolist(), strict=True):
            figure = "" if np.isnan(value) else f"{value:.{item.decimals}f}"
            writer.writerow([year, item.name, item.group, item.scope, item.unit, figure, source, item.note])  # fmt: skip
    return text.getvalue().encode("utf-8-sig")
