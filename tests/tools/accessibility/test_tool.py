"""One street through the hand-made county: every share can be worked out in the head."""

import pytest
import shapely

from cspon.errors import InputError, RetryTool
from cspon.schemas.base import Secrecy
from tools.accessibility.outcome import Accessibility
from tools.accessibility.report import save_accessibility
from tools.accessibility.tool import accessibility
from tools.catalogue import load_tools

X, Y = 500_000.0, 3_300_000.0


def at(x, y):
    return shapely.Point(X + x, Y + y)


def street(*xy):
    return shapely.LineString([(X + x, Y + y) for x, y in xy])


def add_roads(county, lines, kinds=None, **more):
    kinds = kinds or ["村道"] * len(lines)
    fields = {"BSM": [str(k) for k in range(len(lines))], "DLDJ": kinds, **more.pop("fields", {})}
    more = {"geometry": "line", "code_field": "DLDJ", "code_scheme": "road_class", **more}
    county.add("roads", "DLZXX", "道路中心线", lines, fields=fields, **more)


def add_facilities(county, rows, **more):
    county.add(
        "facilities", "GGFWSS", "公共服务设施", [g for _, g in rows], geometry="point", name_field="MC",
        fields={"BSM": [str(k) for k in range(len(rows))], "SSLX": [kind for kind, _ in rows],
                "MC": [f"{kind}{k}" for k, (kind, _) in enumerate(rows)]},
        **more,
    )  # fmt: skip


ALL_FIVE = ("基层医疗卫生机构", "养老设施", "小学", "文化活动设施", "体育设施")


@pytest.fixture
def town(county):
    """Homes 50 m on both sides of a street of 1 km; every facility at its southern end."""
    add_roads(county, [street((700, 0), (700, 1000))])
    add_facilities(county, [*((kind, at(700, 0)) for kind in ALL_FIVE), ("消防站", at(700, 0))])
    return county


def measured(county, kind, **more):
    result = accessibility(county.folder, kind, **more)
    return result, Accessibility.model_validate(result.data)


def test_homes_within_five_minutes_on_foot(town):
    # 5 minutes are 416.67 m: 50 m to the street, so homes up to y = 366.67 of 800: 8 of 16 hectares.
    result, data = measured(town, "community_circle", limit_minutes=5)
    assert (data.status, data.value) == ("已计算", 50.0)
    assert {row.title: row.share_percent for row in data.groups} == dict.fromkeys(
        ("卫生", "养老", "教育", "文化", "体育"), 50.0
    )
    assert data.groups[0].demand == pytest.approx(16.0, abs=1e-3)
    assert data.groups[0].mean_minutes == pytest.approx((400 + 50) * 60 / 5000, abs=0.01)
    assert data.scope == "城镇开发边界"
    left = next(layer for layer in result.layers if layer.name == "uncovered")
    assert len(left.features) == 8
    assert result.synthetic and not data.verified
    assert any("自定" in warning for warning in result.warnings)


def test_all_five_are_asked_at_once(town):
    rows = [(kind, at(700, 0)) for kind in ALL_FIVE[:4]] + [(ALL_FIVE[4], at(700, 800))]
    add_facilities(town, rows)
    _, data = measured(town, "community_circle", limit_minutes=6)  # 450 m along the street
    assert [row.share_percent for row in data.groups] == [62.5] * 4 + [62.5]
    assert data.value == 25.0


def test_by_population_and_the_secrecy_of_its_layer(town):
    town.add(
        "population", "RKFB", "人口分布", [at(700, 100), at(700, 700), at(100, 100)],
        geometry="point", fields={"BSM": ["1", "2", "3"], "RKS": [30, 70, 1000]}, secrecy="内部",
    )  # fmt: skip
    result, data = measured(town, "community_circle", limit_minutes=5, weight="population")
    assert (data.value, data.demand_unit) == (30.0, "人")
    assert result.secrecy is Secrecy.INTERNAL
    assert all(layer.secrecy is Secrecy.INTERNAL for layer in result.layers)
    _, everywhere = measured(
        town, "community_circle", limit_minutes=5, weight="population", whole=True
    )
    assert everywhere.groups[0].demand == 1100
    assert everywhere.groups[0].without_way == 1000


def test_the_fire_service_counts_the_area_beside_the_streets_it_reaches(town):
    # Built land x 600–1000, y 0–800; served x 550–850: 20 of 32 hectares.
    _, data = measured(town, "fire")
    assert data.value == pytest.approx(62.5, abs=0.01)
    assert data.groups[0].demand == pytest.approx(32.0, abs=1e-3)


def test_a_park_is_a_parcel_entered_from_the_street(town):
    cells = [shapely.box(X + 600, Y + 100 * j, X + 700, Y + 100 * j + 100) for j in range(8)]
    town.land_use(cells, ["1401"] + ["0701"] * 7)
    _, data = measured(town, "park")
    # Entered up to y = 100: 366.67 m further, centres at 150, …, 450.
    assert data.value == pytest.approx(100 * 4 / 7, abs=0.01)


def test_commuting_from_a_table(town, tmp_path):
    table = tmp_path / "od.csv"
    rows = [(0, 500, 30), (0, 1000, 10), (0, 0, 20)]
    text = "起点X,起点Y,终点X,终点Y,人数\n" + "".join(
        f"{X + 700},{Y + a},{X + 700},{Y + b},{n}\n" for a, b, n in rows
    )
    for encoding in ("utf-8", "gbk"):
        table.write_bytes(text.encode(encoding))
        _, data = measured(town, "commuting", table=table, limit_minutes=2)
        # 20 km/h: 1.5 and 3 minutes.
        assert data.value == pytest.approx((30 * 1.5 + 10 * 3) / 60)
        assert data.within_limit_percent == pytest.approx(100 * 50 / 60, abs=0.01)
        assert (data.bands[0].title, data.bands[0].people) == ("15 分钟以内", 60)


def test_commuting_between_towns_by_code(town, tmp_path):
    halves = [
        shapely.box(X + 600, Y, X + 800, Y + 200),
        shapely.box(X + 600, Y + 800, X + 800, Y + 1000),
    ]
    town.add(
        "admin_town", "XZQ_XZ", "乡级行政区", halves, id_field="DM", fields={"DM": ["01", "02"]}
    )
    table = tmp_path / "od.csv"
    table.write_text("起点,终点,人数\n01,02,5\n01,01,5\n", encoding="utf-8-sig")
    result, data = measured(town, "commuting", table=table)
    assert data.value == pytest.approx(800 * 3.6 / 20 / 60 / 2)
    assert any("面内一点" in warning for warning in result.warnings)
    assert any("5 人（50.0%）起讫点相同" in warning for warning in result.warnings)
    table.write_text("起点,终点,人数\n01,09,5\n", encoding="utf-8")
    with pytest.raises(InputError, match="第 2 行") as caught:
        measured(town, "commuting", table=table)
    assert caught.value.field == "终点"


@pytest.mark.parametrize(
    ("text", "row", "field"),
    [
        ("甲,乙\n1,2\n", None, None),
        ("起点X,起点Y,终点X,终点Y,人数\n1,2,3,4,多\n", 2, "人数"),
        ("起点X,起点Y,终点X,终点Y,人数\n1,2,3,4,5\n1,2,,4,5\n", 3, "终点X"),
        ("起点X,起点Y,终点X,终点Y,人数\n1,2,3,4,-5\n", 2, "人数"),
    ],
)
def test_a_wrong_table_is_named_by_row_and_column(town, tmp_path, text, row, field):
    table = tmp_path / "od.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        measured(town, "commuting", table=table)
    assert (caught.value.row, caught.value.field) == (row, field)


def test_missing_data_never_give_a_figure(town):
    _, data = measured(town, "commuting")
    assert (data.status, data.value) == ("数据缺失", None)
    assert "起讫点表" in data.missing[0]
    add_facilities(town, [("小学", at(700, 0))])
    _, data = measured(town, "community_circle")
    assert (data.status, data.value) == ("数据缺失", None)
    assert {row.title: row.status for row in data.groups}["教育"] == "已计算"
    assert any("卫生" in text for text in data.missing)
    town.remove("roads")
    result, data = measured(town, "community_circle")
    assert data.status == "数据缺失"
    assert any("道路" in text for text in data.missing)
    assert result.layers == ()
    _, data = measured(town, "community_circle", weight="population")
    assert any("人口" in text for text in data.missing)


def test_a_facility_far_from_every_road_serves_nobody_and_is_named(town):
    rows = [(kind, at(700, 0)) for kind in ALL_FIVE] + [("医院", at(100, 100))]
    add_facilities(town, rows)
    result, data = measured(town, "community_circle", limit_minutes=5)
    assert data.value == 50.0
    assert any("医院5" in warning and "500 米" in warning for warning in result.warnings)


def test_disconnected_streets_are_told(town):
    lines = [street((700, 0), (700, 1000)), street((300, 0), (300, 300)), street((20, 0), (60, 0))]
    add_roads(town, lines)
    result, _ = measured(town, "community_circle")
    told = next(w for w in result.warnings if "不连通" in w)
    assert "要素 2，村道" in told
    assert "1 个、共 40 米未用（如要素 3）" in told


def test_what_is_wrong_with_roads_is_named(town):
    add_roads(town, [street((700, 0), (700, 0)), street((700, 0), (700, 1000))])
    result, _ = measured(town, "community_circle")
    assert any("长度为零" in w and "要素 1" in w for w in result.warnings)

    add_roads(town, [street((700, 0), (700, 1000)), at(1, 1)])
    with pytest.raises(InputError, match="要素 2 是 Point") as caught:
        measured(town, "community_circle")
    assert caught.value.layer == "DLZXX"

    add_roads(town, [street((700, 0), (700, 0))])
    with pytest.raises(InputError, match="没有可用的线"):
        measured(town, "community_circle")

    add_roads(town, [street((700, 0), (700, 1000))], ["高速公路"])
    with pytest.raises(InputError, match="没有步行可走的道路"):
        measured(town, "community_circle")

    speeds = {"SJSD": ["30", "快"], "DXX": ["单向", "?"]}
    lines = [street((700, 0), (700, 500)), street((700, 500), (700, 1000))]
    add_roads(town, lines, ["村道", "小路"], code_scheme="none", fields=speeds)
    result, _ = measured(town, "fire")
    assert any("速度" in w and "要素 2" in w and "快" in w for w in result.warnings)
    assert any("单向" in w and "要素 2" in w for w in result.warnings)
    assert any("小路 1 条" in w for w in result.warnings)


def test_degrees_and_lines_among_the_facilities_are_refused(town):
    town.entry("roads")["epsg"] = 4490
    town.save()
    with pytest.raises(InputError, match="道路中心线") as caught:
        measured(town, "community_circle")
    assert caught.value.field == "epsg"
    town.entry("roads")["epsg"] = 4547
    add_facilities(town, [("医院", street((0, 0), (1, 1)))])
    with pytest.raises(InputError, match="要素 1") as caught:
        measured(town, "community_circle")
    assert caught.value.layer == "GGFWSS"


def test_people_that_are_no_number(town):
    town.add(
        "population", "RKFB", "人口分布", [at(700, 100)], geometry="point",
        fields={"BSM": ["1"], "RKS": ["多"]},
    )  # fmt: skip
    with pytest.raises(InputError, match="要素 1") as caught:
        measured(town, "park", weight="population")
    assert caught.value.field == "RKS"


def test_a_scope_of_the_users_own(town, write_boundary):
    scope = write_boundary(shapely.box(X + 600, Y, X + 700, Y + 400))
    _, data = measured(town, "community_circle", limit_minutes=5, scope=scope)
    assert data.value == 100.0
    assert data.groups[0].demand == pytest.approx(4.0, abs=1e-3)


def test_arguments_that_do_not_fit(town):
    tool = load_tools()["accessibility"]
    with pytest.raises(RetryTool, match="mode"):
        tool.run(layers=town.folder, mode="fly")
    with pytest.raises(InputError, match="community_circle"):
        tool.run(layers=town.folder, kind="飞行")
    with pytest.raises(InputError, match="时间上限"):
        tool.run(layers=town.folder, limit_minutes=0)


def test_a_bow_tie_of_a_park_still_counts(town):
    tie = shapely.Polygon([(X + 600, Y), (X + 700, Y + 100), (X + 700, Y), (X + 600, Y + 100)])
    home = shapely.box(X + 600, Y + 100, X + 700, Y + 200)
    town.land_use([tie, home], ["1401", "0701"])
    _, data = measured(town, "park")
    assert data.value == 100.0


@pytest.mark.component
def test_the_report_is_saved_with_map_and_layers(town, tmp_path):
    result, data = measured(town, "community_circle", limit_minutes=5)
    files, notices = save_accessibility(result, tmp_path / "out", layers=town.folder)
    assert {"json", "gpkg", "md", "docx"} <= set(files)
    assert data.headline in files["md"].read_text(encoding="utf-8")
    assert "map" in files or notices
