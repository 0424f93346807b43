import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from cspon.errors import InputError
from tests.tools.compliance.conftest import line, lines
from tests.tools.conftest import local
from tools.compliance import near
from tools.compliance.near import distances_m, look_around, measure_near, reach_m
from tools.layers import layer_by_role, load_catalogue
from tools.rules.load import load_rules
from tools.rules.model import Rule


def rule(by_class, otherwise_m=None, margin_m=None) -> Rule:
    """A rule of distances; everything else about it does not matter here."""
    given = load_rules()[0]
    parameters = {
        "line": "roads", "measure": "x", "by_class": by_class, "otherwise_m": otherwise_m,
        "exempt_types": {}, "margin_m": margin_m,
    }  # fmt: skip
    return given.model_copy(update={"id": "x", "parameters": parameters, "predicate": "near_line"})


def measured(county, project, wanted, role="roads"):
    spec = layer_by_role(load_catalogue(county.folder), role)
    around = look_around(project, spec, county.folder, [wanted])
    return measure_near(project, around, wanted)


def test_area_within_the_distance_of_a_class(full_county):
    found = measured(full_county, local(860, 100, 900, 200), rule({"国道": 20}))
    assert found.distance_m == pytest.approx(10.0)
    assert found.inside.total_m2 == pytest.approx(1_000, rel=1e-4)
    assert (found.classes, found.names) == (("国道",), ("G999",))


def test_a_class_without_a_distance_does_not_concern(full_county):
    found = measured(full_county, local(100, 640, 200, 660), rule({"国道": 20}))
    assert found.distance_m == pytest.approx(650.0)
    assert found.classes == ()
    assert found.inside.total_m2 == 0


def test_otherwise_takes_the_other_classes(full_county):
    found = measured(full_county, local(100, 640, 200, 660), rule({"国道": 20}, otherwise_m=5))
    assert found.classes == ("村道",)
    assert found.inside.total_m2 == pytest.approx(1_000, rel=1e-3)
    assert {k: round(v.total_m2) for k, v in found.by_class.items()} == {"村道": 1000}


def test_the_margin_is_what_lies_beyond_the_distance(full_county):
    found = measured(full_county, local(860, 100, 900, 200), rule({"国道": 20}, margin_m=15))
    assert found.inside.total_m2 == pytest.approx(1_000, rel=1e-4)
    assert found.margin.total_m2 == pytest.approx(1_500, rel=1e-4)
    beyond = measured(
        full_county, local(875, 100, 900, 200), rule({"国道": 20}, margin_m={"国道": 10})
    )
    assert beyond.inside.total_m2 == 0
    assert beyond.margin.total_m2 == pytest.approx(500, rel=1e-3)


def test_nothing_near_is_said_so(full_county):
    found = measured(full_county, local(0, 0, 100, 100), rule({"其他河流": 1000}), "rivers_line")
    assert found.distance_m is None
    assert found.searched_m == near.SEARCH_M


def test_the_window_is_as_wide_as_the_distance(full_county):
    far = rule({"其他河流": 6000})
    assert reach_m(far) == 6000
    found = measured(full_county, local(0, 0, 100, 100), far, "rivers_line")
    assert found.distance_m == pytest.approx(5000.0)
    assert found.inside.total_m2 == pytest.approx(10_000, rel=1e-4)


def test_a_class_that_the_scheme_does_not_have_is_refused(own_county):
    lines(own_county, "roads", "DLZXX", "road_class", [(line((0, 0), (0, 9)), "一级公路", "")])
    with pytest.raises(InputError, match="要素 1 的代码“一级公路”不在"):
        measured(own_county, local(0, 0, 100, 100), rule({"国道": 20}))


def test_polygons_in_a_line_layer_are_reported(own_county):
    lines(
        own_county, "roads", "DLZXX", "road_class",
        [(local(0, 0, 10, 10), "国道", ""), (line((0, 50), (100, 50)), "国道", "")],
    )  # fmt: skip
    spec = layer_by_role(load_catalogue(own_county.folder), "roads")
    around = look_around(local(0, 0, 100, 100), spec, own_county.folder, [rule({"国道": 20})])
    assert [f.kind for f in around.findings] == ["mixed_type"]


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 200), st.floats(1, 500), st.floats(0, 6.2))
def test_distances_of_many_vertices_are_those_of_all_pairs(sides, away, angle):
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    project = shapely.Polygon(np.c_[100 * np.cos(turn), 100 * np.sin(turn)])
    start = (100 + away) * np.array([np.cos(angle), np.sin(angle)])
    others = np.array([shapely.LineString([start, 3 * start]), shapely.Point(0, 0).buffer(1)])
    plain = shapely.distance(project, others)
    many, near._MANY_VERTICES = near._MANY_VERTICES, 0
    try:
        assert distances_m(project, others) == pytest.approx(plain, abs=1e-9)
    finally:
        near._MANY_VERTICES = many
