import csv
import json
from pathlib import Path

import numpy as np
import pytest
import shapely
import yaml

import tools
from cspon.schemas.spatial import LayerCatalogue
from tools.geometry.area import ellipsoidal_areas_m2

from .conftest import read

NETWORK_INDICATORS = {
    "消防救援5分钟可达覆盖率", "15分钟社区生活圈覆盖率", "公园绿地、广场步行5分钟覆盖率",
    "卫生、养老、教育、文化、体育等社区公共服务设施步行15分钟覆盖率",
}  # fmt: skip
"""Computed on the street network: no statistics are filled in for them."""
MUNICIPAL = (
    "生态保护红线面积", "用水总量", "永久基本农田保护面积", "耕地保有量", "建设用地总面积", "城乡建设用地面积",
    "林地保有量", "基本草原面积", "湿地面积", "大陆自然海岸线保有率", "自然和文化遗产", "地下水水位",
    "新能源和可再生能源比例", "本地指示性物种种类", "常住人口规模", "常住人口城镇化率", "人均城镇建设用地面积",
    "人均应急避难场所面积", "道路网密度", "轨道交通站点800米半径服务覆盖率", "都市圈1小时人口覆盖率",
    "每万元GDP水耗", "每万元GDP地耗", "公园绿地、广场步行5分钟覆盖率",
    "卫生、养老、教育、文化、体育等社区公共服务设施步行15分钟覆盖率", "城镇人均住房面积",
    "每千名老年人养老床位数", "每千人口医疗卫生机构床位数", "人均体育用地面积", "人均公园绿地面积",
    "绿色交通出行比例", "工作日平均通勤时间", "降雨就地消纳率", "城镇生活垃圾回收利用率", "农村生活垃圾处理率",
)  # fmt: skip
BASIC = (
    "人均年用水量", "地下水水位", "永久基本农田保护面积", "耕地保有量", "生态保护红线面积", "历史文化保护线面积",
    "人均应急避难场所面积", "消防救援5分钟可达覆盖率", "城区透水表面占比", "城市内涝积水点数量", "超高层建筑数量",
    "违法违规调整规划、用地用海等事件数量", "闲置土地处置率", "存量土地供应比例",
    "城乡工业用地占城乡建设用地的比例", "土地出让收入占政府预算收入比例", "城区道路网密度",
    "“统一平台”建设及应用的县级单元比例", "常住人口数量", "城区常住人口密度", "建设用地总面积", "城乡建设用地面积",
    "城区建筑密度", "森林覆盖率", "森林蓄积量", "每万元GDP地耗", "城市对外日均人流联系量", "工作日平均通勤时间",
    "15分钟社区生活圈覆盖率", "每千人口医疗卫生机构床位数", "每千名老年人养老床位数", "城镇人均住房面积",
    "人均公园绿地面积",
)  # fmt: skip


def codes(county, name, field, folder=""):
    geometries, rows = read(county / folder / f"{name}.gpkg", name, field)
    return geometries, np.array([row[0] for row in rows])


def table(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("folder", "name", "field"), [
    ("", "GHFQ", "GHFQDM"), ("", "YDYHGHFQ", "YDYHFLDM"),
    ("plan_2020", "GHFQ", "GHFQDM"), ("plan_2020", "YDYHGHFQ", "YDYHFLDM"),
])  # fmt: skip
def test_plan_partitions_cover_the_county_without_gap_or_overlap(county, folder, name, field):
    areas, _ = codes(county, name, field, folder)
    parts = shapely.get_parts(areas)
    assert shapely.is_valid(parts).all()
    assert shapely.coverage_is_valid(parts)
    whole = shapely.coverage_union_all(parts)
    county_area = codes(county, "XZQ", "XZQDM")[0][0]
    assert shapely.symmetric_difference(whole, county_area).area < 1.0


def test_zones_follow_the_three_lines(county):
    areas, zones = codes(county, "GHFQ", "GHFQDM")
    for name, wanted in {
        "STBHHX": ["生态保护区"], "CZKFBJ": ["城镇集中建设区", "城镇弹性发展区", "特别用途区"],
    }.items():  # fmt: skip
        line = shapely.union_all(read(county / f"{name}.gpkg", name)[0])
        zone = shapely.union_all(areas[np.isin(zones, wanted)])
        assert shapely.symmetric_difference(line, zone).area < line.area * 1e-5
    farmland = shapely.union_all(read(county / "YJJBNT.gpkg", "YJJBNT")[0])
    zone = shapely.union_all(areas[zones == "农田保护区"])
    assert shapely.difference(farmland, zone).area < 10


def test_codes_are_those_of_their_schemes(county):
    root = yaml.safe_load((county / "layers.yaml").read_text("utf-8"))
    catalogue = LayerCatalogue.model_validate(root)
    schemes = yaml.safe_load(
        (Path(tools.__file__).parent / "data" / "zone_schemes.yaml").read_text("utf-8")
    )
    checked = 0
    for spec in catalogue.layers:
        if spec.code_scheme in schemes and spec.geometry != "raster":
            _, found = codes(county, spec.name, spec.code_field)
            assert set(found) <= set(schemes[spec.code_scheme]["codes"]), spec.name
            checked += 1
    assert checked == 8


@pytest.mark.parametrize("name", ["HLFXKZX", "LSWHBHX", "ZRBHD", "DZZHYFQ", "GYYDKZX"])
def test_areas_of_a_layer_do_not_overlap_and_carry_their_size(county, name):
    areas, rows = read(county / f"{name}.gpkg", name, "MJ", "BSM")
    assert shapely.is_valid(areas).all()
    overlap = shapely.area(areas).sum() - shapely.union_all(areas).area
    assert abs(overlap) < 1.0
    assert np.allclose([row[0] for row in rows], ellipsoidal_areas_m2(areas, 4547), atol=0.006)
    assert len({row[1] for row in rows}) == len(rows)
    assert all(len(row[1]) == 18 for row in rows)


def test_the_reserve_lies_in_the_redline_and_the_clean_project_meets_no_line(county):
    redline = shapely.union_all(read(county / "STBHHX.gpkg", "STBHHX")[0])
    reserve = shapely.union_all(read(county / "ZRBHD.gpkg", "ZRBHD")[0])
    assert redline.buffer(0.01).contains(reserve)
    features = json.loads((county / "projects" / "1_clean.geojson").read_text("utf-8"))["features"]
    clean = shapely.union_all([shapely.geometry.shape(f["geometry"]) for f in features])
    for name in ("ZXCQCSLVX", "ZXCQCSZX", "ZXCQCSLX", "ZXCQCSHX", "HLFXKZX", "LSWHBHX", "ZRBHD", "KCZYKZX", "GYYDKZX"):  # fmt: skip
        areas = read(county / f"{name}.gpkg", name)[0]
        assert shapely.area(shapely.intersection(areas, clean)).sum() < 0.05, name
    areas, uses = codes(county, "YDYHGHFQ", "YDYHFLDM")
    inside = shapely.area(shapely.intersection(areas, clean))
    assert set(uses[inside > 0.05]) == {"080403"}


def test_lines_keep_off_towns(county):
    boundary = shapely.union_all(read(county / "CZKFBJ.gpkg", "CZKFBJ")[0])
    lines, voltage = codes(county, "DLXL", "DYDJ")
    assert shapely.length(shapely.intersection(lines[voltage == "500千伏"], boundary)).sum() == 0
    pipes, _ = codes(county, "YQGD", "GDLX")
    assert shapely.length(shapely.intersection(pipes, boundary)).sum() == 0


def test_changes_since_2020_are_what_the_layers_show(county):
    spec = LayerCatalogue.model_validate(
        yaml.safe_load((county / "plan_2020" / "layers.yaml").read_text("utf-8"))
    )
    assert [layer.name for layer in spec.layers] == [
        "CZKFBJ",
        "STBHHX",
        "YJJBNT",
        "GHFQ",
        "YDYHGHFQ",
    ]
    assert {layer.date for layer in spec.layers} == {"2020-12-31"}
    rows = table(county / "plan_2020" / "transitions.csv")
    for name in ("CZKFBJ", "STBHHX", "YJJBNT"):
        old = shapely.union_all(read(county / "plan_2020" / f"{name}.gpkg", name)[0])
        new = shapely.union_all(read(county / f"{name}.gpkg", name)[0])
        for kind, area in {"新增": new.difference(old), "删除": old.difference(new)}.items():
            told = sum(
                float(r["面积_公顷"]) for r in rows if (r["图层"], r["变化"]) == (name, kind)
            )
            assert told == pytest.approx(area.area / 1e4, rel=2e-3, abs=0.02), (name, kind)
    kinds = {(r["图层"], r["变化"]) for r in table(county / "plan_2020" / "changes.csv")}
    assert {("CZKFBJ", "新增"), ("CZKFBJ", "删除"), ("CZKFBJ", "类型变化"), ("STBHHX", "新增"), ("STBHHX", "移动"), ("YJJBNT", "新增"), ("YJJBNT", "删除")} <= kinds  # fmt: skip


def test_the_three_lines_of_2020_are_disjoint(county):
    lines = [
        shapely.union_all(read(county / "plan_2020" / f"{name}.gpkg", name)[0])
        for name in ("CZKFBJ", "STBHHX", "YJJBNT")
    ]
    for k, one in enumerate(lines):
        assert all(one.intersection(other).area < 0.1 for other in lines[k + 1 :])


def test_transitions_are_those_of_an_overlay(county):
    """An independent reading of the two plans: overlay, code pair by code pair."""
    rows = table(county / "plan_2020" / "transitions.csv")
    old, before = codes(county, "GHFQ", "GHFQDM", "plan_2020")
    new, after = codes(county, "GHFQ", "GHFQDM")
    one, other = shapely.STRtree(new).query(old, "intersects")
    area = shapely.area(shapely.intersection(old[one], new[other]))
    found: dict[tuple[str, str], float] = {}
    for a, b, size in zip(before[one], after[other], area, strict=True):
        found[a, b] = found.get((a, b), 0.0) + size / 1e4
    told = {(r["原代码"], r["现代码"]): float(r["面积_公顷"]) for r in rows if r["图层"] == "GHFQ"}
    for pair in {*told, *(p for p, size in found.items() if size > 0.01)}:
        assert found[pair] == pytest.approx(told[pair], rel=2e-3, abs=0.02), pair


def test_statistics_have_every_indicator_that_is_filled_in(county):
    rows = table(county / "statistics.csv")
    assert len(BASIC) == 33
    assert len(MUNICIPAL) == 35
    names = {row["指标项"] for row in rows}
    assert ({*BASIC, *MUNICIPAL} - NETWORK_INDICATORS) <= names
    assert {row["年份"] for row in rows} == {str(year) for year in range(2020, 2026)}
    assert len({(row["指标项"], row["范围"], row["年份"]) for row in rows}) == len(rows)
    assert all("合成数据" in row["来源"] and row["单位"] for row in rows)
    assert {row["指标项"] for row in rows if not row["数值"]} == {
        "大陆自然海岸线保有率", "轨道交通站点800米半径服务覆盖率",
    }  # fmt: skip
    assert all(row["说明"] for row in rows if not row["数值"])


def test_statistics_of_the_last_year_agree_with_the_layers(county):
    last = {r["指标项"]: float(r["数值"] or "nan") for r in table(county / "statistics.csv") if r["年份"] == "2025"}  # fmt: skip
    people = sum(row[0] for row in read(county / "RKFB.gpkg", "RKFB", "RKS")[1])
    assert last["常住人口数量"] == people
    parcels = read(county / "DLTB.gpkg", "DLTB", "DLBM", "TBMJ")[1]
    cultivated = sum(area for code, area in parcels if code[:2] == "01") / 1e4
    assert last["耕地面积"] == pytest.approx(cultivated, abs=0.006)
    farmland = sum(row[0] for row in read(county / "YJJBNT.gpkg", "YJJBNT", "MJ")[1]) / 1e4
    assert last["永久基本农田保护面积"] == pytest.approx(farmland, abs=0.006)
    assert last["地区生产总值"] == pytest.approx(
        sum(last[f"第{n}产业增加值"] for n in "一二三"), abs=0.011
    )


def test_public_services_have_every_kind_with_a_capacity(county):
    rows = read(county / "GGFWSS_QL.gpkg", "GGFWSS_QL", "SSLX", "SSDL", "GM", "GMDW")[1]
    kinds = {row[0] for row in rows}
    assert {"幼儿园", "小学", "初中", "医院", "基层医疗卫生机构", "养老设施", "公园", "消防站", "文化活动设施", "体育设施", "菜市场"} <= kinds  # fmt: skip
    assert all(row[1] and row[2] > 0 and row[3] for row in rows)
