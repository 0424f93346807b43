"""Carrying scale, checks and scenarios on the hand-made county: figures worked out by hand."""

import numpy as np
import pytest

from tools.dual_evaluation.carrying import arable_by_water, carrying_scale, urban_by_water
from tools.dual_evaluation.checks import findings
from tools.dual_evaluation.scenarios import scenario_table

from .test_evaluate import CONFIG, run

WATER = "单元,农业可用水量,城镇可用水量,雨养耕地\n西镇,52500,10000,2\n东镇,0,1000000,0\n"


def test_water_constraints_by_hand():
    # 52,500 m³ at 5,250 m³/ha irrigate 10 ha, and 2 ha are rainfed.
    assert arable_by_water(52_500, 5_250, 2) == 12
    # 10,000 m³ at 100 m³ a head carry 100 people, at 100 m² each: 1 ha.
    assert urban_by_water(10_000, 100, 100) == 1


def test_the_smaller_constraint_counts(dual_county, tmp_path):
    (dual_county.folder / "water.csv").write_text(WATER, "utf-8")
    made = run(dual_county, tmp_path / "w", water={"file": "water.csv"})
    rows = {(r.unit, r.use): r for r in carrying_scale(made).rows}
    west = rows["西镇", "耕地"]
    assert west.water_ha == 12 and west.limit == "水" and west.scale_ha == 12
    assert west.present_ha == pytest.approx(40)  # 400 m of paddy and dry land × 1000 m
    assert west.load_percent == pytest.approx(100 * 40 / 12, abs=0.01)
    east = rows["东镇", "城镇建设用地"]
    land = int(((made.parts["urban"].result == 2) & (made.unit_of == 1)).sum()) * 0.01
    assert made.units[0] == "东镇"
    assert east.land_ha == pytest.approx(land) and east.limit == "土地"
    assert carrying_scale(made).total("耕地") == pytest.approx(12)


def test_contiguous_farmland_is_not_built_on(dual_county, tmp_path):
    (dual_county.folder / "water.csv").write_text(WATER, "utf-8")
    made = run(dual_county, tmp_path / "w", water={"file": "water.csv"})
    rows = {(r.unit, r.use): r for r in carrying_scale(made).rows}
    fit = made.parts["urban"].result == 2
    rest = int((fit[:, 40:50]).sum()) * 0.01  # 40 ha of farmland hang together: above 20 ha
    assert rows["西镇", "城镇建设用地"].land_ha == pytest.approx(rest)


def test_without_water_nothing_is_guessed(dual_county, tmp_path):
    carrying = carrying_scale(run(dual_county, tmp_path / "w"))
    assert all(r.water_ha is None and r.scale_ha is None for r in carrying.rows)
    assert all(r.limit == "数据缺失" for r in carrying.rows)
    assert carrying.total("耕地") is None
    assert "没有可用水量" in carrying.missing[0]


def test_overlays_by_hand(dual_county, tmp_path):
    made = run(dual_county, tmp_path / "w")
    rows = {f.what: f for f in findings(made)}
    core = made.parts["ecology"].result == 3
    line = np.zeros_like(core)
    line[:20] = True  # the redline is the northern 200 m
    assert rows["极重要区已划入生态保护红线"].area_ha == pytest.approx((core & line).sum() * 0.01)
    assert rows["极重要区未划入生态保护红线"].area_ha == pytest.approx((core & ~line).sum() * 0.01)
    inside = (
        rows["生态保护红线内的一般区"].area_ha + rows["生态保护红线内的极重要区、重要区"].area_ha
    )
    assert inside == pytest.approx(20.0)
    farm = np.zeros_like(core)
    farm[:, :40] = True
    unfit = farm & (made.parts["agriculture"].result == 1)
    assert rows["现状耕地位于农业生产不适宜区"].area_ha == pytest.approx(unfit.sum() * 0.01)
    assert rows["现状耕地位于农业生产不适宜区"].share_percent == pytest.approx(
        unfit.sum() / 40, abs=0.01
    )


def test_problems_that_the_guide_names_are_looked_for(dual_county, tmp_path, local_box):
    # Villages lie 0–100 m east; the hazard 极高 covers 50–250 m east, 300–500 m north: 50 × 200 m of them.
    codes = ["0703", "0201", "0101", "0103", "0301", "0301", "0701", "0701", "100101", "100101"]
    strips = [local_box(100 * k, 0, 100 * (k + 1), 1000) for k in range(10)]
    dual_county.land_use(strips, codes)
    dual_county.add(
        "geohazard_zones", "DZZH", "地质灾害易发区", [local_box(50, 300, 250, 500)],
        fields={"BSM": ["1"], "YFCD": ["极高"]}, name_field="YFCD",
    )  # fmt: skip
    made = run(dual_county, tmp_path / "w")
    rows = {f.what: f for f in findings(made)}
    village = rows["农村居民点位于地质灾害高风险区"]
    assert village.kind == "问题" and village.area_ha == pytest.approx(1.0)
    assert village.share_percent == pytest.approx(10.0)
    core = made.parts["ecology"].result == 3
    assert rows["现状园地位于生态保护极重要区"].area_ha == pytest.approx(
        core[:, 10:20].sum() * 0.01
    )
    basic = rows["永久基本农田位于生态保护极重要区"]
    assert basic.of == "永久基本农田" and 0 <= basic.share_percent <= 100


@pytest.mark.parametrize("scheme", ["2020", "2019"])
def test_open_water_is_neither_ploughed_nor_built_on(dual_county, tmp_path, local_box, scheme):
    codes = ["1701", "1704", "0101", "0103", "0301", "0301", "0701", "0701", "100101", "100101"]
    strips = [local_box(100 * k, 0, 100 * (k + 1), 1000) for k in range(10)]
    dual_county.land_use(strips, codes)
    made = run(dual_county, tmp_path / "w", scheme=scheme)
    for name in ("agriculture", "urban"):
        assert set(np.unique(made.parts[name].result[:, :20])) <= {1, 9}, name
        assert (made.parts[name].grades["open_water"][:, :20] == 1).all()
        assert (made.parts[name].grades["open_water"][:, 20:] > 1).all()


def test_villages_without_a_hazard_layer_are_missing_and_not_zero(dual_county, tmp_path):
    dual_county.remove("geohazard_zones")
    rows = {f.what: f for f in findings(run(dual_county, tmp_path / "w"))}
    assert rows["农村居民点位于地质灾害高风险区"].area_ha is None


def test_a_missing_line_is_missing_and_not_zero(dual_county, tmp_path):
    dual_county.remove("ecological_redline")
    rows = {f.what: f for f in findings(run(dual_county, tmp_path / "w"))}
    assert rows["极重要区未划入生态保护红线"].area_ha is None
    assert rows["极重要区未划入生态保护红线"].note == "数据缺失"


def test_scenarios_change_what_they_name(dual_county, tmp_path):
    (dual_county.folder / "water.csv").write_text(WATER, "utf-8")
    made = run(
        dual_county, tmp_path / "w", water={"file": "water.csv"},
        inputs={**CONFIG["inputs"], "irrigation": {"kind": "constant", "value": "无", "why": "雨养"}},
        scenarios=[
            {"title": "大旱", "variables": {"precipitation": 0.1}, "water": 0.5},
            {"title": "节水", "parameters": {"arable_irrigation_quota": 0.5}},
            {"title": "节地", "parameters": {"urban_land_per_head": 0.8}},
        ],
    )  # fmt: skip
    table = scenario_table(made)
    present, dry, thrifty, dense = table.rows
    assert present["耕地"] == pytest.approx(12)
    assert dry["agriculture"] == 0  # below 200 mm without irrigation
    assert dry["耕地"] == 0
    west = (made.parts["agriculture"].result == 2) & (made.unit_of == 2)
    assert thrifty["耕地"] == pytest.approx(min(22, west.sum() * 0.01))
    assert thrifty["urban"] == present["urban"]
    assert "农田综合灌溉定额×0.5" in table.note
    # 10,000 m³ carry 100 people in the west, 1 ha at 100 m² a head and 0.8 ha at 80; in the east land binds.
    assert present["城镇建设用地"] - dense["城镇建设用地"] == pytest.approx(0.2)
    assert dense["耕地"] == present["耕地"] and "人均城镇建设用地×0.8" in table.note
    assert scenario_table(run(dual_county, tmp_path / "x")) is None
