import itertools
import math

import numpy as np
import pytest
import shapely
from shapely import Polygon, box

from cspon.errors import InputError
from tools.geometry.arcs import densify
from tools.geometry.read import read_boundary

SQUARE = [(512_000, 3_412_000), (512_100, 3_412_000), (512_100, 3_412_100), (512_000, 3_412_100)]
INNER = [(512_020, 3_412_020), (512_040, 3_412_020), (512_040, 3_412_040), (512_020, 3_412_040)]


def shifted(points, east):
    return [(x + east, y) for x, y, *_ in points]


def read(path, **options):
    return read_boundary(path, epsg=4547, **options)


@pytest.mark.parametrize("version", ["R12", "R2000", "R2010", "R2018"])
def test_closed_polylines_with_a_hole(write, version):
    def draw(space):
        kind = space.add_polyline2d if version == "R12" else space.add_lwpolyline
        kind(SQUARE, close=True, dxfattribs={"layer": "0"})
        kind([*INNER, INNER[0]], dxfattribs={"layer": "0"})  # closed by its last point

    path = write.dxf(draw, version=version)
    before = path.read_bytes()
    boundary = read(path)
    assert boundary.geometry.equals(Polygon(SQUARE, [INNER]))
    assert any("按孔洞扣除" in n for n in boundary.notices)
    assert boundary.epsg == 4547 and path.read_bytes() == before


def test_needs_a_zone(write):
    with pytest.raises(InputError, match="6 位"):
        read_boundary(write.dxf(lambda m: m.add_lwpolyline(SQUARE, close=True)))
    prefixed = write.dxf(lambda m: m.add_lwpolyline(shifted(SQUARE, 38e6), close=True))
    assert read_boundary(prefixed).geometry.equals(Polygon(SQUARE))


@pytest.mark.parametrize(
    ("version", "encoding"),
    [("R2000", None), ("R2000", "gbk"), ("R2000", "utf-8"), ("R2010", "gbk")],
)
def test_chinese_layers_whatever_the_header_says(write, version, encoding):
    def draw(space):
        space.add_lwpolyline(SQUARE, close=True, dxfattribs={"layer": "用地红线"})
        space.add_lwpolyline(shifted(SQUARE, 500), close=True, dxfattribs={"layer": "绿线"})

    path = write.dxf(draw, version=version, encoding=encoding)
    if encoding == "gbk":
        path.write_bytes(path.read_bytes().replace(b"ANSI_936", b"ANSI_1252"))
    with pytest.raises(InputError, match="用地红线、绿线") as caught:
        read(path)
    assert "layer" in caught.value.mend
    assert read(path, layer="用地红线").geometry.equals(Polygon(SQUARE))
    with pytest.raises(InputError, match="没有名为"):
        read(path, layer="没有")


def test_open_lines_and_texts_beside_the_boundary_do_not_matter(write):
    def draw(space):
        space.add_lwpolyline(SQUARE, close=True, dxfattribs={"layer": "红线"})
        space.add_line((0, 0), (100, 100), dxfattribs={"layer": "红线"})
        space.add_line((0, 0), (100, 100), dxfattribs={"layer": "地形"})
        space.add_text("甲", dxfattribs={"layer": "注记"})
        space.add_point((3, 3))

    boundary = read(write.dxf(draw))
    assert boundary.geometry.equals(Polygon(SQUARE))
    assert any("忽略" in n and "1 条" in n for n in boundary.notices)


def test_bulges_are_densified(write):
    # A stadium: two straight sides of 100 m and two half circles of radius 50 m.
    x, y = 512_000, 3_412_000
    points = [(x, y, 0), (x + 100, y, 1), (x + 100, y + 100, 0), (x, y + 100, 1)]
    boundary = read(write.dxf(lambda m: m.add_lwpolyline(points, format="xyb", close=True)))
    assert boundary.geometry.area == pytest.approx(10_000 + math.pi * 2_500, rel=2e-5)
    assert boundary.geometry.bounds == pytest.approx((x - 50, y, x + 150, y + 100), abs=0.001)


@pytest.mark.parametrize("bulge", [-3, -1, -0.4142, -0.01, 0.02, 0.5, 1, 2.5])
def test_arcs_lie_on_their_circle(bulge):
    start, end = np.array([1e3, 2e3]), np.array([1_040.0, 2_030.0])
    points = densify(np.array([(*start, bulge), (*end, 0.0)]), closed=False)
    assert (points[0] == start).all() and (points[-1] == end).all()
    middle = points[len(points) // 2]
    # Sagitta |b|·c/2, to the right of the chord for a left turn.
    chord = end - start
    normal = np.array([chord[1], -chord[0]]) / np.hypot(*chord)
    if len(points) % 2:
        assert (middle - (start + end) / 2) @ normal == pytest.approx(bulge * 25, abs=1e-9)
    length = np.hypot(*np.diff(points, axis=0).T).sum()
    radius = 50 * (1 + bulge**2) / (4 * abs(bulge))
    assert length == pytest.approx(radius * 4 * abs(math.atan(bulge)), rel=1e-4)


def test_circle_and_mirrored_polyline(write):
    circle = read(write.dxf(lambda m: m.add_circle((512_000, 3_412_000), 100)))
    assert circle.geometry.area == pytest.approx(math.pi * 1e4, rel=5e-5)
    mirrored = [(-x, y) for x, y in SQUARE]
    path = write.dxf(
        lambda m: m.add_lwpolyline(mirrored, close=True, dxfattribs={"extrusion": (0, 0, -1)})
    )
    assert read(path).geometry.equals(Polygon(SQUARE))


def test_hatches_with_holes_and_arcs(write):
    def draw(space):
        hatch = space.add_hatch()
        hatch.paths.add_polyline_path(SQUARE, is_closed=True)
        edges = hatch.paths.add_edge_path()
        edges.add_arc((512_050, 3_412_050), 20, 0, 360)

    boundary = read(write.dxf(draw))
    assert boundary.geometry.area == pytest.approx(10_000 - math.pi * 400, rel=1e-4)


def test_a_hatch_over_its_outline_counts_once(write):
    def draw(space):
        space.add_hatch().paths.add_polyline_path(SQUARE, is_closed=True)
        space.add_lwpolyline(SQUARE, close=True)
        space.add_lwpolyline([*SQUARE[2:], *SQUARE[:2]], close=True)

    boundary = read(write.dxf(draw))
    assert boundary.geometry.equals(Polygon(SQUARE))
    assert any("重复" in n for n in boundary.notices)


def test_lines_and_arcs_that_form_a_ring(write):
    x, y = 512_000, 3_412_000

    def draw(space):
        space.add_line((x, y), (x + 100, y))
        space.add_lwpolyline([(x + 100, y + 100), (x + 100, y)])
        space.add_line((x, y + 100), (x + 100, y + 100))
        space.add_arc((x, y + 50), 50, 90, 270)

    boundary = read(write.dxf(draw))
    assert boundary.geometry.area == pytest.approx(10_000 + math.pi * 1_250, rel=2e-5)
    assert any("4 条线段" in n for n in boundary.notices)


def test_lines_that_do_not_close(write):
    def draw(space):
        for start, end in itertools.pairwise(SQUARE):
            space.add_line(start, end)

    with pytest.raises(InputError, match=r"没有连成.*512000\.000"):
        read(write.dxf(draw))


def test_a_small_gap_is_closed_and_told(write):
    points = [*SQUARE, (512_000, 3_412_000.03)]
    boundary = read(write.dxf(lambda m: m.add_lwpolyline(points)))
    assert boundary.geometry.area == pytest.approx(10_000, abs=2)
    assert any("已闭合" in n for n in boundary.notices)


def test_three_dimensional_polyline(write):
    points = [(x, y, 30) for x, y in SQUARE]
    boundary = read(write.dxf(lambda m: m.add_polyline3d(points, close=True)))
    assert boundary.geometry.equals(Polygon(SQUARE)) and not boundary.geometry.has_z
    assert any("高程" in n for n in boundary.notices)


@pytest.mark.parametrize(
    ("units", "factor", "told"), [(4, 1, 0), (4, 1000, 1), (0, 1, 0), (7, 1, 0)]
)
def test_units_of_the_header(write, units, factor, told):
    points = [(x * factor, y * factor) for x, y in SQUARE]
    boundary = read(write.dxf(lambda m: m.add_lwpolyline(points, close=True), units=units))
    assert boundary.geometry.equals(Polygon(SQUARE))
    assert len(boundary.notices) == told


def test_several_figures_of_one_layer(write):
    def draw(space):
        space.add_lwpolyline(SQUARE, close=True)
        space.add_lwpolyline(shifted(SQUARE, 300), close=True)

    boundary = read(write.dxf(draw))
    assert len(boundary.parcels) == 2 and boundary.geometry.area == 20_000


def test_nothing_to_read(write):
    with pytest.raises(InputError, match="没有闭合多段线"):
        read(write.dxf(lambda m: m.add_text("甲")))

    def draw(space):
        space.doc.blocks.new("B").add_lwpolyline(SQUARE, close=True)
        space.add_blockref("B", (0, 0))

    with pytest.raises(InputError, match="1 个图块"):
        read(write.dxf(draw))


@pytest.mark.parametrize(
    "content", [b"not a dxf", b"AC1032\0\0\0\0", b"  0\nSECTION\n  2\nHEADER\n"]
)
def test_not_a_dxf(write, content):
    with pytest.raises(InputError, match="DXF"):
        read(write.bytes("a.dxf", content))


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_truncated(write, share):
    path = write.dxf(lambda m: m.add_lwpolyline(SQUARE, close=True))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"DXF|没有闭合") as caught:
        read(path)
    assert "boundary.dxf" in str(caught.value)


def test_two_hundred_thousand_vertices(write):
    angle = np.linspace(0, 2 * math.pi, 200_001)[:-1]
    ring = np.column_stack([500_000 + 5_000 * np.cos(angle), 3_500_000 + 5_000 * np.sin(angle)])
    # The writer is quadratic in the vertices of one polyline, so they are written as text.
    path = write.dxf(lambda m: m.add_lwpolyline(SQUARE, close=True), version="R2000")
    head, tail = path.read_text("utf-8").split("AcDbPolyline\n")
    vertices = "".join(f" 10\n{x:.4f}\n 20\n{y:.4f}\n" for x, y in ring)
    rest = tail[tail.index("  0\n") :]
    path.write_text(f"{head}AcDbPolyline\n 90\n200000\n 70\n1\n{vertices}{rest}", "utf-8")
    assert shapely.get_num_coordinates(read(path).geometry) == 200_001


def test_a_box(write):
    boundary = read(write.dxf(lambda m: m.add_lwpolyline(SQUARE, close=True)))
    assert boundary.geometry.equals(box(512_000, 3_412_000, 512_100, 3_412_100))
