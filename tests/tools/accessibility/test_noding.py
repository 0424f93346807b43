import networkx
import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from tools.accessibility.noding import node_lines


def noded(lines, levels=None, snap=0.5):
    array = np.array([shapely.LineString(line) for line in lines], dtype=object)
    return node_lines(array, np.array(levels or [0] * len(lines)), snap)


CROSS = [[(0, 0), (100, 0)], [(50, -50), (50, 50)]]


def test_lines_that_cross_at_grade_meet():
    pieces = noded(CROSS)
    assert len(pieces.lines) == 4
    assert len(pieces.nodes) == 5
    assert sorted(pieces.source.tolist()) == [0, 0, 1, 1]


def test_a_bridge_passes_over():
    pieces = noded(CROSS, levels=[0, 1])
    assert len(pieces.lines) == 2
    assert len(pieces.nodes) == 4


def test_a_bridge_joins_the_road_at_its_ends_and_at_vertices_only():
    ramp = [(0, 0), (60, 0)]
    bridge = [(60, 0), (100, 0)]
    through = [(100, -50), (100, 0), (100, 50)]
    below = [(80, -50), (80, 50)]
    pieces = noded([ramp, bridge, through, below], levels=[0, 1, 0, 0])
    assert sorted(pieces.source.tolist()) == [0, 1, 2, 2, 3]
    bridge_at = pieces.source.tolist().index(1)
    assert pieces.start[bridge_at] == pieces.end[0]
    assert pieces.end[bridge_at] in pieces.start[pieces.source == 2]


@pytest.mark.parametrize(("gap", "pieces"), [(0.4, 3), (0.6, 2)])
def test_a_gap_within_the_tolerance_is_closed(gap, pieces):
    found = noded([[(0, 0), (100, 0)], [(50, gap), (50, 50)]])
    assert len(found.lines) == pieces
    assert len(found.nodes) == 4


def test_a_line_that_crosses_itself_meets_itself():
    loop = noded([[(0, 0), (100, 0), (100, 50), (50, 50), (50, -50)]])
    assert len(loop.lines) == 3
    assert shapely.length(loop.lines).sum() == pytest.approx(300)


def test_lines_on_top_of_each_other_share_nodes():
    pieces = noded([[(0, 0), (100, 0)], [(30, 0), (150, 0)]])
    assert len(pieces.nodes) == 4


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=4, unique=True),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_nothing_is_lost_and_pieces_touch_only_at_nodes(lines):
    pieces = noded([[(10.0 * x, 10.0 * y) for x, y in line] for line in lines], snap=1e-6)
    whole = shapely.union_all([shapely.LineString(line) for line in lines])
    whole = shapely.transform(whole, lambda xy: xy * 10.0)
    assert shapely.union_all(pieces.lines, grid_size=1e-4).length == pytest.approx(
        whole.length, rel=1e-6
    )
    ends = np.concatenate([shapely.get_point(pieces.lines, 0), shapely.get_point(pieces.lines, -1)])
    numbers = np.concatenate([pieces.start, pieces.end])
    for point, number in zip(ends, numbers, strict=True):
        assert point.distance(shapely.Point(pieces.nodes[number])) < 1e-5
    left, right = shapely.STRtree(pieces.lines).query(pieces.lines, predicate="intersects")
    shared = shapely.intersection(pieces.lines[left], pieces.lines[right])
    met = shapely.points(shapely.get_coordinates(shared[shapely.get_dimensions(shared) == 0]))
    nodes = shapely.multipoints(pieces.nodes)
    assert (shapely.distance(met, nodes) < 1e-5).all()


def parts_of(pieces):
    graph = networkx.Graph(zip(pieces.start.tolist(), pieces.end.tolist(), strict=True))
    return networkx.number_connected_components(graph)


@given(st.integers(0, 10_000))
def test_a_tolerance_never_loses_a_meeting(seed):
    ends = np.random.default_rng(seed).uniform(0, 12, (8, 2, 2))
    lines = [line for line in ends.tolist() if np.hypot(*np.subtract(*line)) > 3]
    if lines:
        assert parts_of(noded(lines, snap=0.5)) <= parts_of(noded(lines, snap=1e-6))


def test_lines_with_their_own_topology_meet_at_vertices_only():
    over = [(0, 0), (50, 0), (100, 0)]
    across = [(50, -50), (50, 50)]
    joined = [(50, 0), (50.0, 0.3), (80, 40)]
    loop = [(0, 90), (10, 90), (10, 99), (10, 90), (30, 90)]
    array = np.array([shapely.LineString(x) for x in (over, across, joined, loop)], dtype=object)
    pieces = node_lines(array, np.array([0, 0, 1, 0]), 0.5, at_vertices=True)
    assert np.bincount(pieces.source).tolist()[:3] == [2, 1, 1]
    assert (pieces.source == 3).sum() >= 3
    starts = pieces.start[pieces.source == 2]
    assert starts[0] in pieces.end[pieces.source == 0]
