import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from tools.compliance.overlay import Cutter, overlay_chunks, overlay_layer
from tools.geometry.area import ellipsoidal_areas_m2
from tools.layers import layer_by_role, load_catalogue

X, Y = 500_000.0, 3_300_000.0


def spec_of(county, role="land_use"):
    spec = layer_by_role(load_catalogue(county.folder), role)
    assert spec is not None
    return spec


def box(*corners: float) -> shapely.Polygon:
    return affinity.translate(shapely.box(*corners), X, Y)


def circle(vertices: int, radius: float = 400.0, wobble: float = 0.02) -> shapely.Polygon:
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    r = radius * (1 + wobble * np.sin(50 * angle))
    return shapely.Polygon(np.c_[X + 500 + r * np.cos(angle), Y + 500 + r * np.sin(angle)])


def test_whole_and_cut_parcels(fixed_county):
    rows = overlay_layer(box(50, 50, 250, 250), spec_of(fixed_county), fixed_county.folder)
    assert sorted(rows.planar_m2.tolist()) == pytest.approx(
        [2500] * 4 + [5000] * 4 + [10_000], rel=1e-12
    )
    assert set(rows.codes.tolist()) == {"0101"}
    assert rows.ellipsoidal_m2 == pytest.approx(
        ellipsoidal_areas_m2(rows.geometries, 4547), rel=1e-12
    )


def test_a_project_that_only_touches_has_no_rows(fixed_county):
    assert (
        len(overlay_layer(box(1000, 0, 1100, 100), spec_of(fixed_county), fixed_county.folder)) == 0
    )
    assert (
        len(overlay_layer(box(5000, 0, 5100, 100), spec_of(fixed_county), fixed_county.folder)) == 0
    )


def test_holes_and_parts(fixed_county):
    project = shapely.union_all(
        [box(10, 10, 90, 90).difference(box(40, 40, 60, 60)), box(510, 510, 590, 590)]
    )
    rows = overlay_layer(project, spec_of(fixed_county), fixed_county.folder)
    assert sorted(rows.planar_m2.tolist()) == pytest.approx([6000.0, 6400.0])


def test_chunks_change_nothing(fixed_county):
    project = circle(200)
    whole = overlay_layer(project, spec_of(fixed_county), fixed_county.folder)
    parts = list(overlay_chunks(project, spec_of(fixed_county), fixed_county.folder, chunk=9))
    assert sum(len(p) for p in parts) == len(whole)
    assert sum(float(p.planar_m2.sum()) for p in parts) == pytest.approx(
        whole.planar_m2.sum(), rel=1e-14
    )


def test_a_boundary_of_many_vertices_is_cut_as_by_the_whole(fixed_county):
    project = circle(20_000)
    rows = overlay_layer(project, spec_of(fixed_county), fixed_county.folder)
    by_fid = dict(zip(rows.fids.tolist(), rows.planar_m2.tolist(), strict=True))
    for j in range(10):
        for i in range(10):
            expected = (
                box(100 * i, 100 * j, 100 * i + 100, 100 * j + 100).intersection(project).area
            )
            assert by_fid.get(10 * j + i + 1, 0.0) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_two_hundred_thousand_vertices_take_seconds_not_minutes(fixed_county):
    import time

    project = circle(200_000, wobble=0.001)
    started = time.process_time()
    rows = overlay_layer(project, spec_of(fixed_county), fixed_county.folder)
    assert time.process_time() - started < 15
    assert rows.planar_m2.sum() == pytest.approx(project.area, rel=1e-9)


def test_an_invalid_parcel_is_repaired_and_named(county):
    bow = shapely.Polygon([(X, Y), (X + 100, Y + 100), (X + 100, Y), (X, Y + 100)])
    county.land_use([bow, box(100, 0, 200, 100)], ["0101", "0103"])
    rows = overlay_layer(box(-10, 20, 150, 80), spec_of(county), county.folder)
    assert rows.planar_m2.sum() == pytest.approx(50 * 60 + 2 * 0.5 * (100 * 50 - 40 * 20), rel=0.5)
    assert rows.repaired in ((), (1,))


def test_a_mixed_intersection_keeps_its_polygons():
    corner = shapely.Polygon([(0, 0), (4, 0), (4, 1), (2, 1), (2, 2), (4, 2), (4, 3), (0, 3)])
    cutter = Cutter(shapely.union_all([shapely.box(1, 0, 2, 3), shapely.box(4, 0, 6, 3)]))
    pieces, repaired = cutter.cut(np.array([corner], dtype=object))
    assert pieces[0].geom_type in ("Polygon", "MultiPolygon")
    assert pieces[0].area == pytest.approx(3.0)
    assert len(repaired) == 0


@st.composite
def projects(draw):
    """Polygons with up to 12 corners, often with a hole, anywhere over and beyond the county."""
    corners = draw(st.integers(3, 12))
    angles = np.sort([draw(st.floats(0, 6.25)) for _ in range(corners)])
    radii = [draw(st.floats(20, 600)) for _ in range(corners)]
    x, y = draw(st.floats(0, 1000)), draw(st.floats(0, 1000))
    shape = shapely.Polygon(
        [(X + x + r * np.cos(a), Y + y + r * np.sin(a)) for a, r in zip(angles, radii, strict=True)]
    )
    shape = shapely.make_valid(shape)
    if draw(st.booleans()):
        shape = shape.difference(shapely.Point(X + x, Y + y).buffer(15, quad_segs=3))
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return shapely.union_all(parts) if parts else shapely.Polygon()


@given(projects())
@settings(max_examples=60, deadline=None)
def test_pieces_of_a_coverage_sum_to_the_project(fixed_county, project):
    inside = project.intersection(box(0, 0, 1000, 1000))
    rows = overlay_layer(project, spec_of(fixed_county), fixed_county.folder)
    assert rows.planar_m2.sum() == pytest.approx(inside.area, rel=1e-9, abs=1e-6)
    assert (rows.planar_m2 > 0).all()
