import math

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from cspon.errors import InputError
from tools.geometry.read import read_boundary

OUTER = [(38_512_345.678, 3_412_345.123), (38_512_745.5, 3_412_350.25), (38_512_740, 3_412_700)]
RINGS = [OUTER, [(38_512_600, 3_412_400), (38_512_650, 3_412_400), (38_512_650, 3_412_450.5)]]


def plain(rings):
    return [[(e - 38e6, n) for e, n in ring] for ring in rings]


def expected(rings=RINGS):
    outer, *holes = plain(rings)
    return Polygon(outer, holes)


def same(a, b, tolerance=1e-6):
    return shapely.equals_exact(a, b, tolerance, normalize=True)


def test_prefixed_coordinates_with_a_hole(write):
    boundary = read_boundary(write.txt(RINGS))
    assert boundary.epsg == 4547
    assert same(boundary.geometry, expected())
    assert boundary.notices == ()
    assert boundary.name == "一号地块"
    (parcel,) = boundary.parcels
    assert (parcel.number, parcel.use, parcel.declared_area_ha) == ("1", "工业用地", None)
    assert len(boundary.sha256) == 64


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_line_ends(write, encoding, newline):
    boundary = read_boundary(write.txt(RINGS, encoding=encoding, newline=newline))
    assert boundary.name == "一号地块"
    assert same(boundary.geometry, expected())


def test_full_width_marks_and_digits(write):
    path = write.txt(RINGS, encoding="utf-8")
    wide = path.read_text("utf-8").replace("[", "【").replace("]", "】").replace(",", "，")
    wide = wide.replace("J2，1，", "Ｊ２；１；").replace("=38", "＝３８").replace("@", "＠")
    path.write_text(wide, "utf-8")
    assert same(read_boundary(path).geometry, expected())


def test_without_prefix_uses_the_zone_of_the_header(write):
    boundary = read_boundary(write.txt(plain(RINGS)))
    assert boundary.epsg == 4547
    assert same(boundary.geometry, expected())


def test_without_prefix_and_zone_needs_epsg(write):
    path = write.txt(plain(RINGS), header={"带号": ""})
    with pytest.raises(InputError, match="6 位") as caught:
        read_boundary(path)
    assert "epsg" in caught.value.mend
    assert read_boundary(path, epsg=4548).epsg == 4548
    assert read_boundary(path, epsg=4527).epsg == 4548  # the prefixed code of the same zone


def test_six_degree_zone(write):
    rings = [[(e - 18e6, n) for e, n in ring] for ring in RINGS]  # 38… → 20…, 117°E
    boundary = read_boundary(write.txt(rings, header={"几度分带": "6", "带号": "20"}))
    assert boundary.epsg == 4548
    assert same(boundary.geometry, expected())


def test_swapped_columns(write):
    boundary = read_boundary(write.txt([[(n, e) for e, n in ring] for ring in RINGS]))
    assert same(boundary.geometry, expected())
    assert any("对调" in notice for notice in boundary.notices)


@pytest.mark.parametrize("zone", ["39", "37"])
def test_header_and_prefix_that_disagree(write, zone):
    path = write.txt(RINGS, header={"带号": zone})
    with pytest.raises(InputError, match="带号不一致") as caught:
        read_boundary(path)
    assert f"带号={zone}" in str(caught.value) and "38" in str(caught.value)
    assert "epsg=4526" in caught.value.mend
    boundary = read_boundary(path, epsg=4526)
    assert boundary.epsg == 4547
    assert any(zone in notice for notice in boundary.notices)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({"坐标系": "80国家大地坐标系"}, "80国家"),
        ({"坐标系": "1980西安坐标系"}, "1980西安"),
        ({"坐标系": "1954北京坐标系"}, "1954北京"),
        ({"坐标系": "独立坐标系"}, "独立坐标系"),
        ({"计量单位": "度"}, "计量单位"),
        ({"投影类型": "墨卡托"}, "墨卡托"),
        ({"几度分带": "1.5"}, "几度分带"),
        ({"带号": "50"}, "50"),
        ({"带号": "20"}, "矛盾"),
    ],
)
def test_headers_that_are_refused(write, header, words):
    with pytest.raises(InputError, match=words) as caught:
        read_boundary(write.txt(RINGS, header=header))
    assert caught.value.row is not None and caught.value.mend


def test_header_notices(write):
    boundary = read_boundary(write.txt(RINGS, header={"坐标系": "", "转换参数": "1.5,0,0,0,0,0,0"}))
    assert any("没有写坐标系" in n for n in boundary.notices)
    assert any("转换参数" in n for n in boundary.notices)
    zeros = {"转换参数": "0,0,0,0.0,0,0,0"}
    assert read_boundary(write.txt(RINGS, header=zeros)).notices == ()


# With the closing points there are 8 rows, 2 of them closing.
@pytest.mark.parametrize("count", [8, 7, 6])
def test_counts_with_and_without_closing_points(write, count):
    assert same(read_boundary(write.txt(RINGS, count=count)).geometry, expected())


@pytest.mark.parametrize("count", [6, 8])
def test_rings_that_are_not_closed(write, count):
    path = write.txt(RINGS, count=count, closed=False)
    assert same(read_boundary(path).geometry, expected())


@pytest.mark.parametrize("count", [0, 5, 9, 80])
def test_a_count_that_lies(write, count):
    with pytest.raises(InputError) as caught:
        read_boundary(write.txt(RINGS, count=count))
    message = str(caught.value)
    assert caught.value.row == 13
    assert f"界址点数 {count}" in message and "8 行" in message and "一号地块" in message


def test_several_plots_and_a_lying_second(write):
    path = write.txt([OUTER], encoding="utf-8")
    lines = path.read_text("utf-8").splitlines()
    second = [line.replace("3412", "3413") for line in lines[13:]]
    good = [*lines, "4,,2,二号地块,面,,仓储用地,1101,@", *second]
    path.write_text("\n".join(good), "utf-8")
    boundary = read_boundary(path)
    assert [p.name for p in boundary.parcels] == ["一号地块", "二号地块"]
    assert boundary.name == "boundary"
    assert len(boundary.geometry.geoms) == 2
    good[len(lines)] = good[len(lines)].replace("4,", "7,", 1)
    path.write_text("\n".join(good), "utf-8")
    with pytest.raises(InputError, match="二号地块") as caught:
        read_boundary(path)
    assert caught.value.row == len(lines) + 1


@pytest.mark.parametrize(
    "plot",
    [
        "{count},{area},1,一号地块,面,,工业用地,@",
        "{count},{area},1,一号地块,面,,工业用地,1001,,@",
        "{count},{area},1,一号地块,面,,工业用地,1001,新增,建设,国有,40,备注,@",
        "{count},{area},1,一号地块,面,,工业用地,1001,a,b,c,d,@,",
        "{count},{area},1,一号地块,,,工业用地,备注@",
    ],
)
def test_header_lines_of_other_widths(write, plot):
    boundary = read_boundary(write.txt(RINGS, plot=plot))
    assert boundary.parcels[0].use == "工业用地"


@pytest.mark.parametrize(
    ("area", "hectares"),
    [("7.0", 7.0), ("7.0公顷", 7.0), ("70000平方米", 7.0), ("105亩", 7.0), ("７．０", 7.0)],
)
def test_declared_area_units(write, area, hectares):
    boundary = read_boundary(write.txt([OUTER], area=area))
    assert boundary.parcels[0].declared_area_ha == pytest.approx(hectares)
    assert boundary.notices == ()


@pytest.mark.parametrize(
    ("area", "words"), [("8.0", "超过 1%"), ("70000", "平方米"), ("105", "亩")]
)
def test_declared_area_that_differs_is_told(write, area, words):
    (notice,) = read_boundary(write.txt([OUTER], area=area)).notices
    assert words in notice and "6.9" in notice


def test_declared_area_that_is_no_number(write):
    with pytest.raises(InputError, match="无法识别") as caught:
        read_boundary(write.txt([OUTER], area="约七公顷"))
    assert caught.value.row == 13 and caught.value.field == "地块面积"


def test_closing_point_with_the_same_number_twice(write):
    path = write.txt([OUTER], closed=False, count=4, encoding="utf-8")
    path.write_text(path.read_text("utf-8") + "J1,1,3412345.123,3412345.123\r\n", "utf-8")
    boundary = read_boundary(path)
    assert same(boundary.geometry, expected([OUTER]))
    assert any("误写" in notice for notice in boundary.notices)


def test_closing_point_elsewhere(write):
    path = write.txt([OUTER], closed=False, count=4, encoding="utf-8")
    path.write_text(path.read_text("utf-8") + "J1,1,3412346.123,38512345.678\r\n", "utf-8")
    with pytest.raises(InputError, match="闭合点 J1") as caught:
        read_boundary(path)
    assert caught.value.row == 17


def test_parts_and_rings_by_place(write):
    far = [(e + 1000, n) for e, n in OUTER]
    boundary = read_boundary(write.txt([OUTER, far]))
    assert len(boundary.geometry.geoms) == 2
    assert any("独立的部分" in notice for notice in boundary.notices)
    # Two outer rings that both carry the number 1, and a hole that does.
    path = write.txt([OUTER, far, RINGS[1]], encoding="utf-8")
    text = path.read_text("utf-8")
    path.write_text(text.replace(",2,", ",1,").replace(",3,", ",1,"), "utf-8")
    boundary = read_boundary(path)
    assert boundary.geometry.area == pytest.approx(
        2 * Polygon(OUTER).area - Polygon(RINGS[1]).area, rel=1e-9
    )
    assert any("按孔洞扣除" in notice for notice in boundary.notices)


@pytest.mark.parametrize(
    ("old", "new", "words", "row"),
    [
        ("J2,1,3412350.250", "J2,1,34l2350.250", "不是数字", 15),
        ("J2,1,3412350.250", "J2,1,nan", "不是数字", 15),
        ("J2,1,3412350.250", "J2,x,3412350.250", "圈号|不是数字", 15),
        ("J2,1,", "J2,0,", "圈号", 15),
        ("J2,1,3412350.250", "J2", "此行既不是", 15),
        ("面,,工业用地,1001,@", "面,,工业用地,1001", "此行既不是", 13),
        ("面,,", "线,,", "不是面", 13),
        ("4,,1,一号地块", "四,,1,一号地块", "界址点数", 13),
        ("[地块坐标]", "", r"\[地块坐标\]", 17),
        ("[属性描述]", "", r"\[属性描述\]", 2),
        ("4,,1,一号地块,面,,工业用地,1001,@", "", "地块首行", 14),
    ],
)
def test_broken_lines_are_named(write, old, new, words, row):
    path = write.txt([OUTER], encoding="utf-8")
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InputError, match=words) as caught:
        read_boundary(path)
    assert caught.value.row == row


@pytest.mark.parametrize("content", ["", "   \n\n", "不是坐标文件"])
def test_files_without_content(write, content):
    with pytest.raises(InputError):
        read_boundary(write.text("a.txt", content))


def test_two_points_are_no_plot(write):
    with pytest.raises(InputError, match="少于三个"):
        read_boundary(write.txt([OUTER[:2]]))


def test_no_plot_after_the_section(write):
    path = write.txt([OUTER], encoding="utf-8")
    head = path.read_text("utf-8").split("4,,1")[0]
    with pytest.raises(InputError, match="没有地块"):
        read_boundary(write.text("b.txt", head))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10**6),
    corners=st.integers(3, 40),
    holes=st.integers(0, 3),
    zone=st.sampled_from([*range(25, 46), *range(13, 24)]),
    prefixed=st.booleans(),
    swapped=st.booleans(),
    closed=st.booleans(),
    encoding=st.sampled_from(["utf-8", "gbk", "utf-8-sig", "utf-16"]),
    directions=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_round_trip(
    write, seed, corners, holes, zone, prefixed, swapped, closed, encoding, directions
):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * math.pi, corners))
    assume(np.diff(angle, append=angle[0] + 2 * math.pi).max() < math.pi)
    centre = np.array([rng.uniform(4.5e5, 5.5e5), rng.uniform(3.6e6, 4.2e6)])
    # Zone 45 reaches beyond China in the east and zone 13 in the west; stay inside.
    centre[0] = {45: 4.9e5, 23: 4.9e5}.get(zone, centre[0])
    outer = centre + 500 * np.column_stack([np.cos(angle), np.sin(angle)])
    inradius = 500 * math.cos(np.diff(angle, append=angle[0] + 2 * math.pi).max() / 2)
    assume(inradius > 60)
    rings = [np.round(outer, 3)]
    assume(len(np.unique(rings[0], axis=0)) == corners)  # the reader keeps one of two equal points
    for k in range(holes):
        middle = centre + np.array([(k - 1) * inradius / 2, 0])
        rings.append(
            np.round(middle + inradius / 8 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]), 3)
        )
    polygon = Polygon(rings[0], rings[1:])
    assume(polygon.is_valid)
    shift = np.array([zone * 1e6 if prefixed else 0, 0])
    drawn = [ring[::-1] if turn else ring for ring, turn in zip(rings, directions, strict=False)]
    drawn = [ring + shift for ring in drawn]
    if swapped:
        drawn = [ring[:, ::-1] for ring in drawn]
    width = "3" if zone >= 25 else "6"
    header = {"带号": str(zone), "几度分带": width}
    path = write.txt(drawn, header=header, closed=closed, encoding=encoding)
    boundary = read_boundary(path)
    meridian = 3 * zone if width == "3" else 6 * zone - 3
    assert boundary.epsg == 4534 + (meridian - 75) // 3
    assert same(boundary.geometry, polygon)
    assert boundary.geometry.area == pytest.approx(polygon.area, rel=1e-9)


def test_many_points_read_fast(write):
    angle = np.linspace(0, 2 * math.pi, 200_001)[:-1]
    ring = np.column_stack([38_500_000 + 5_000 * np.cos(angle), 3_500_000 + 5_000 * np.sin(angle)])
    boundary = read_boundary(write.txt([ring]))
    assert len(boundary.geometry.exterior.coords) == 200_001
    assert boundary.notices == ()


def test_a_box_reads_as_itself(write):
    corners = list(box(38_500_000, 3_500_000, 38_500_100, 3_500_100).exterior.coords)[:-1]
    assert read_boundary(write.txt([corners])).geometry.area == 10_000
