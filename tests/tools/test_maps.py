import gc
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import numpy as np
import pytest
import shapely
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from shapely.geometry import mapping

from cspon.errors import InputError, SetupError
from tools import map_style
from tools.compliance.check import check_compliance
from tools.demo_county.geopackage import GeoPackage
from tools.map_content import FRAME_MM, choose_scale, generalise, read_sheet
from tools.map_labels import place_labels, text_width_mm, wrap
from tools.map_sheet import draw_sheet, grid_step
from tools.map_style import class_style, font_families, outline
from tools.maps import draw_compliance_map
from tools.rules.lines import line_roles

EAST, NORTH = 440_000.0, 3_310_000.0
ROLES = {
    "land_use": ("DLTB", "地类图斑"),
    "permanent_basic_farmland": ("YJJBNT", "永久基本农田"),
    "ecological_redline": ("STBHHX", "生态保护红线"),
    "urban_development_boundary": ("CZKFBJ", "城镇开发边界"),
    "admin_county": ("XZQ", "县级行政区"),
}


def square(x: float, y: float, side: float) -> shapely.Polygon:
    return shapely.box(EAST + x, NORTH + y, EAST + x + side, NORTH + y + side)


@pytest.fixture(scope="module")
def county(tmp_path_factory):
    """A county of 144 square parcels with three control lines that a project crosses."""
    folder = tmp_path_factory.mktemp("county")
    parcels = [square(200 * i - 1200, 200 * j - 1200, 200) for i in range(12) for j in range(12)]
    codes = [("0101", "0301", "1001", "1701")[k % 4] for k in range(len(parcels))]
    shapes = {
        "land_use": parcels,
        "permanent_basic_farmland": [square(-400, -400, 300), square(100, 150, 120)],
        "ecological_redline": [square(250, -350, 500)],
        "urban_development_boundary": [square(-900, -900, 1100)],
        "admin_county": [square(-1200, -1200, 2400)],
    }
    layers = []
    for role, (name, title) in ROLES.items():
        fields = {"BSM": "TEXT(18)"} | ({"DLBM": "TEXT(6)"} if role == "land_use" else {})
        with (
            GeoPackage(folder / f"{name}.gpkg", epsg=4547) as package,
            package.table(
                name, geometry="POLYGON", fields=fields, title=title, description="合成数据"
            ) as table,
        ):
            values = {"BSM": [str(k) for k in range(len(shapes[role]))]}
            if role == "land_use":
                values["DLBM"] = codes
            table.add(np.array(shapes[role], dtype=object), values)
        entry = {"role": role, "name": name, "title": title, "path": f"{name}.gpkg", "layer": name}
        entry |= {"epsg": 4547, "date": "2025-12-31", "synthetic": True, "source": "自制"}
        if role == "land_use":
            entry |= {"code_field": "DLBM", "code_scheme": "ydyh_2023"}
        layers.append(entry)
    catalogue = {"title": "试验县", "region_code": "990100", "region_name": "试验县"}
    catalogue |= {"epsg": 4547, "synthetic": True, "layers": layers}
    catalogue["absent"] = [
        {"role": role, "reason": "试验县没有"} for role in line_roles() if role not in ROLES
    ]
    (folder / "layers.yaml").write_text(yaml.safe_dump(catalogue, allow_unicode=True))
    return folder


@pytest.fixture(scope="module")
def boundary(county):
    import json

    hole = square(-50, -50, 40).exterior.coords[::-1]
    project = shapely.Polygon(shapely.box(*square(-350, -350, 700).bounds).exterior, [hole])
    feature = {
        "type": "Feature",
        "properties": {"name": "试验产业园"},
        "geometry": mapping(project),
    }
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4547"}}
    file = county / "project.geojson"
    file.write_text(
        json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}),
        encoding="utf-8",
    )
    return file


@pytest.fixture(scope="module")
def result(county, boundary):
    return check_compliance(boundary, county, "industrial_park", asked_on=date(2026, 11, 1))


def texts(sheet) -> list[str]:
    from matplotlib.text import Text

    return [t.get_text() for t in draw_sheet(sheet).findobj(Text) if t.get_text()]


def test_map_is_an_a4_landscape_picture_and_nothing_else_stays(county, boundary, result, tmp_path):
    out = tmp_path / "图" / "map.png"
    assert draw_compliance_map(boundary, county, result, out) == out
    assert [p.name for p in out.parent.iterdir()] == ["map.png"]
    with Image.open(out) as image:
        assert image.width / image.height == pytest.approx(297 / 210, rel=1e-3)
        assert 150 <= image.width / (297 / 25.4) <= 200
        assert image.info["Title"] == "试验产业园控制线合规性检查图"
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert len(np.unique(pixels.astype(np.int32) @ (65536, 256, 1))) > 500
    assert ((pixels == (224, 0, 0)).all(axis=1)).sum() > 2000  # the project's outline


def test_figures_on_the_map_are_those_of_the_result(county, boundary, result):
    shown = texts(read_sheet(boundary, county, result))
    assert "检查结论：不符合" in shown
    assert f"{result.data['area_ha']:.4f}" in shown
    for line in result.data["lines"]:
        outside = line["role"] == "urban_development_boundary"
        assert f"{line['outside_ha'] if outside else line['area_ha']:.4f}" in shown
    conflicts = next(layer for layer in result.layers if layer.name == "conflicts")
    assert len(conflicts.features) == 4
    for feature in conflicts.features:
        assert any(f" {feature['properties']['area_ha']:.4f} 公顷" in text for text in shown)
    assert {"01 耕地", "03 林地", "10 工矿用地", "17 陆地水域"} <= set(shown)
    assert any("EPSG:4547" in text for text in shown)
    assert shown.count("合成数据") == 4


def test_figures_are_printed_even_when_they_differ_from_the_geometry(county, boundary, result):
    conflicts = next(layer for layer in result.layers if layer.name == "conflicts")
    changed = [dict(f, properties=f["properties"] | {"area_ha": 77.0}) for f in conflicts.features]
    layers = (conflicts.model_copy(update={"features": tuple(changed)}),)
    shown = texts(read_sheet(boundary, county, result.model_copy(update={"layers": layers})))
    assert sum("77.0000 公顷" in text for text in shown) == 4


def test_missing_line_is_marked_and_a_real_county_has_no_watermark(
    county, boundary, result, tmp_path
):
    for file in county.glob("*.gpkg"):
        if file.stem != "STBHHX":
            (tmp_path / file.name).symlink_to(file)
    catalogue = yaml.safe_load((county / "layers.yaml").read_text())
    catalogue["synthetic"] = False
    catalogue["layers"] = [
        dict(entry, synthetic=False)
        for entry in catalogue["layers"]
        if entry["role"] != "ecological_redline"
    ]
    (tmp_path / "layers.yaml").write_text(yaml.safe_dump(catalogue, allow_unicode=True))
    fresh = check_compliance(boundary, tmp_path, asked_on=date(2026, 11, 1))
    shown = texts(read_sheet(boundary, tmp_path, fresh))
    assert shown.count("缺图层") == 1
    assert "合成数据" not in shown


def test_maps_can_be_drawn_from_several_threads(county, boundary, result, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        outs = [tmp_path / f"{i}.png" for i in range(3)]
        list(pool.map(lambda out: draw_compliance_map(boundary, county, result, out), outs))
    assert len({out.read_bytes() for out in outs}) == 1


def test_figures_are_released(county, boundary, result, tmp_path):
    from matplotlib.figure import Figure

    draw_compliance_map(boundary, county, result, tmp_path / "map.png")
    gc.collect()
    assert not [f for f in gc.get_objects() if issubclass(type(f), Figure) and f.axes]


def test_no_chinese_font_says_which_package_to_install(
    county, boundary, result, tmp_path, monkeypatch
):
    font_families.cache_clear()
    monkeypatch.setattr(map_style, "FONTS", ("No Such Font",))
    with pytest.raises(SetupError, match="fonts-noto-cjk"):
        draw_compliance_map(boundary, county, result, tmp_path / "map.png")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    font_families.cache_clear()


def test_unreadable_boundary_leaves_no_file(county, result, tmp_path):
    with pytest.raises(InputError):
        draw_compliance_map(tmp_path / "none.geojson", county, result, tmp_path / "map.png")
    assert list(tmp_path.iterdir()) == []


@given(
    width=st.floats(1, 200_000),
    height=st.floats(1, 200_000),
)
def test_scale_is_round_and_the_project_fits(width, height):
    scale = choose_scale((0, 0, width, height))
    assert width / scale * 1000 <= FRAME_MM[0] * 0.6 * (1 + 1e-6)
    assert height / scale * 1000 <= FRAME_MM[1] * 0.6 * (1 + 1e-6)
    mantissa = scale / 10 ** math.floor(math.log10(scale) + 1e-9)
    assert min(abs(mantissa - m) for m in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8)) < 1e-9


@pytest.mark.parametrize(("about", "step"), [(320, 200), (500, 500), (999, 500), (1_000, 1_000)])
def test_grid_steps_are_round(about, step):
    assert grid_step(about) == step


def test_holes_stay_open():
    polygon = shapely.box(0, 0, 10, 10).difference(shapely.box(4, 4, 6, 6))
    path = outline(
        [polygon, shapely.MultiPolygon([shapely.box(20, 0, 21, 1)]), shapely.Point(0, 0)]
    )
    rings = path.to_polygons()
    signs = [math.copysign(1, shapely.LinearRing(r).is_ccw - 0.5) for r in rings]
    assert signs == [1, -1, 1]
    assert len(outline([]).vertices) == 0


def test_labels_do_not_overlap_each_other_and_stay_in_the_frame():
    rng = np.random.default_rng(7)
    patches = [shapely.box(x, y, x + 6, y + 3) for x, y in rng.uniform(60, 100, (10, 2))]
    frame, size = (200.0, 168.0), 8.0
    placed = place_labels(
        patches,
        ["占永农① 0.1234 公顷"] * 10,
        size=size,
        frame=frame,
        keep_clear=shapely.box(50, 50, 120, 120).boundary,
    )
    assert len(placed) == 10
    wide, tall = text_width_mm("占永农① 0.1234 公顷", size), size * 25.4 / 72
    boxes = [
        shapely.box(x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
        for x, y in (label.centre for label in placed)
    ]
    assert all(shapely.box(0, 0, *frame).contains(box) for box in boxes)
    assert not any(a.intersects(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_label_stands_inside_a_patch_that_is_large_enough():
    [label] = place_labels(
        [shapely.box(50, 50, 120, 100)],
        ["界外 1.0000 公顷"],
        size=8,
        frame=(200, 168),
        keep_clear=shapely.LineString([(0, 0), (1, 1)]),
    )
    assert label.anchor is None
    assert label.centre == pytest.approx((85, 75))


@given(
    st.text(alphabet="项目占用永久基本农田3.1415 公顷，。（CGCS2000）", min_size=1, max_size=200)
)
def test_wrapped_lines_hold_the_text(text):
    lines = wrap(text, 60, 8, most=1000)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert not any(line[0] in "，。）" for line in lines[1:] if line)


def test_wrapping_shortens_and_keeps_numbers_whole():
    lines = wrap("中央经线 114°E，面积 19.4761 公顷" * 5, 30, 8, most=3)
    assert len(lines) == 3
    assert lines[-1].endswith("…")
    assert not any(line.startswith(("4°", ".4", "761")) for line in lines)


def test_equal_digits_of_two_schemes_have_their_own_names():
    assert class_style("ydyh_2023", "07")[0] == "居住用地"
    assert class_style("sandiao_2020", "06")[0] == "工矿用地"
    assert class_style("ydyh_2023", "06")[0] == "农业设施建设用地"


def test_detail_that_paper_cannot_show_is_left_out():
    fine = shapely.Point(EAST, NORTH).buffer(500, quad_segs=20_000)
    coarse = generalise(fine, 10_000)
    assert shapely.get_num_coordinates(coarse) < 500
    assert coarse.hausdorff_distance(fine) <= 0.3 * (1 + 1e-9)
    small = shapely.Point(EAST, NORTH).buffer(500)
    assert generalise(small, 10_000) is small
