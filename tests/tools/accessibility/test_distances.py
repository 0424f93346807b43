import itertools
import time

import networkx
import numpy as np
import pytest
import shapely

from tools.accessibility.attach import attach
from tools.accessibility.distances import nearest_facility, network_distances
from tools.accessibility.network import build_network
from tools.accessibility.osm import read_osm
from tools.accessibility.parameters import network_parameters

HELSINKI_EPSG = 3067


def points(*xy):
    return shapely.points(np.array(xy, dtype=float))


def test_distances_that_can_be_worked_out_in_the_head(make_network, grid):
    network = make_network(grid(3))
    origins = attach(network, points((10, 5), (100, 190)), 50)
    destinations = attach(network, points((200, 150), (30, -8)), 50)
    found = network_distances(network, origins, destinations)
    assert found.origin_leg.tolist() == [5, 0]
    assert found.destination_leg.tolist() == [0, 8]
    assert found.total == pytest.approx(np.array([[345, 33], [160, 268]]))
    assert found.on_network == pytest.approx(np.array([[340, 20], [160, 260]]))


def test_two_places_on_one_edge_and_one_place_on_a_node(make_network):
    network = make_network([[(0, 0), (1000, 0)]])
    places = attach(network, points((100, 0), (400, 0), (400, 3), (0, 0)), 50)
    found = network_distances(network, places, places).total
    assert found[0].tolist() == pytest.approx([0, 300, 303, 100])
    assert found[1, 2] == pytest.approx(3)


def test_oneway_holds_for_cars_and_not_for_walkers(make_network):
    square = [
        [(0, 0), (300, 0)],
        [(300, 0), (300, 300)],
        [(300, 300), (0, 300)],
        [(0, 300), (0, 0)],
    ]
    for mode, expected in (("drive", 1000), ("walk", 200)):
        network = make_network(square, mode=mode, oneway=["1", "1", "1", "-1"])
        places = attach(network, points((200, 0), (0, 0)), 50)
        there = network_distances(network, places, places).total[0, 1]
        # The fourth street runs against its line: from (0, 0) to (0, 300), so nobody comes back.
        assert there == (pytest.approx(expected) if mode == "walk" else np.inf)
    ring = make_network(square, mode="drive", oneway=["单向"] * 4)
    places = attach(ring, points((200, 0), (0, 0)), 50)
    found = network_distances(ring, places, places).total
    assert found[0, 1] == pytest.approx(1000)
    assert found[1, 0] == pytest.approx(200)


def test_seconds_use_the_speed_of_the_class_and_of_the_leg(make_network):
    network = make_network([[(0, 0), (1000, 0)]], "县道", mode="drive")
    places = attach(network, points((0, 0), (900, 10)), 50)
    found = network_distances(network, places, places, cost="seconds", access_m_s=2.0)
    assert found.total[0, 1] == pytest.approx(900 * 3.6 / 40 + 5)


def test_a_stated_speed_counts_by_its_share(make_network):
    network = make_network([[(0, 0), (1000, 0)]], "县道", mode="drive", speeds=["60"])
    assert network.seconds[0] == pytest.approx(1000 * 3.6 / 48)


def test_no_way_and_no_road(make_network):
    apart = make_network([[(0, 0), (1000, 0)], [(0, 500), (1000, 500)]])
    places = attach(apart, points((0, 0), (0, 500), (0, 5000)), 100)
    assert places.outside.tolist() == [2]
    found = network_distances(apart, places, places).total
    assert np.isinf(found[0, 1]) and np.isinf(found[2]).all() and np.isinf(found[:, 2]).all()


def test_the_nearest_facility_by_network_is_not_the_nearest_by_air(make_network):
    u_shape = make_network([[(0, 0), (500, 0), (500, 40), (0, 40)]])
    homes = attach(u_shape, points((0, 0)), 50)
    shops = attach(u_shape, points((0, 40), (0 + 300, 0)), 50)
    found = nearest_facility(u_shape, homes, shops, cost="metres", access_m_s=1.0)
    assert found.facility.tolist() == [1]
    assert found.total[0] == pytest.approx(300)


def test_a_park_is_entered_from_every_street_along_it(make_network, grid):
    network = make_network(grid(4))
    park = np.array([shapely.box(100, 100, 200, 200)], dtype=object)
    homes = attach(network, points((0, 150), (300, 150)), 50)
    entries = attach(network, park, 50)
    found = nearest_facility(network, homes, entries, cost="metres", access_m_s=1.0)
    assert found.total == pytest.approx([150, 150])


def test_the_way_of_a_fire_engine_and_the_way_to_it(make_network):
    street = make_network([[(0, 0), (1000, 0)]], mode="drive", oneway=["是"])
    station, home = attach(street, points((100, 0)), 50), attach(street, points((600, 0)), 50)
    out = nearest_facility(street, home, station, cost="metres", access_m_s=1.0, from_facility=True)
    back = nearest_facility(street, home, station, cost="metres", access_m_s=1.0)
    assert out.total[0] == pytest.approx(500)
    assert np.isinf(back.total[0]) and back.facility[0] == -1


def test_random_streets_agree_with_plain_dijkstra(make_network, oracle_graph):
    rng = np.random.default_rng(7)
    for mode in ("walk", "drive"):
        lines = rng.uniform(0, 1000, (25, 2, 2)).tolist()
        ways = rng.choice(["0", "1", "-1"], 25).tolist()
        network = make_network(lines, mode=mode, oneway=ways)
        places = attach(network, shapely.points(rng.uniform(0, 1000, (30, 2))), 500)
        _agree(network, places, oracle_graph(network, places))


@pytest.mark.component
def test_helsinki_agrees_with_plain_dijkstra_on_200_origins(helsinki, oracle_graph):
    parameters = network_parameters()
    roads, _ = read_osm(helsinki, HELSINKI_EPSG, parameters)
    box = shapely.total_bounds(roads.lines)
    rng = np.random.default_rng(20)
    for mode in ("walk", "drive"):
        network, _ = build_network(roads, mode, parameters)
        places = attach(network, shapely.points(rng.uniform(box[:2], box[2:], (200, 2))), 500)
        assert len(places.place) > 190
        ours, theirs = _agree(network, places, oracle_graph(network, places))
        print(f"{mode}: networkx takes {theirs / ours:.0f} times the CPU time")
        assert theirs > ours


@pytest.mark.component
@pytest.mark.parametrize("mode", ["walk", "drive"])
def test_helsinki_agrees_with_a_graph_of_its_raw_segments(helsinki, mode):
    """Nothing of ours makes this graph but the reader: the noding is checked with the search."""
    parameters = network_parameters().model_copy(update={"smallest_part_m": 0.0})
    roads, _ = read_osm(helsinki, HELSINKI_EPSG, parameters)
    graph = networkx.MultiDiGraph()
    profile = parameters.modes[mode]
    for line, kind, way in zip(roads.lines, roads.kinds, roads.oneway, strict=True):
        if kind in profile.closed:
            continue
        vertices = [tuple(xy) for xy in shapely.get_coordinates(line).tolist()]
        for a, b in itertools.pairwise(vertices):
            if way >= 0 or not profile.keeps_oneway:
                graph.add_edge(a, b, weight=float(np.hypot(a[0] - b[0], a[1] - b[1])))
            if way <= 0 or not profile.keeps_oneway:
                graph.add_edge(b, a, weight=float(np.hypot(a[0] - b[0], a[1] - b[1])))
    vertices = list(graph)
    chosen = np.random.default_rng(3).choice(len(vertices), 200, replace=False)
    picked = [vertices[k] for k in chosen]
    network, _ = build_network(roads, mode, parameters)
    places = attach(network, points(*picked), 1.0)
    assert len(places.outside) == 0
    ours = network_distances(network, places, places).total
    for i, origin in enumerate(picked):
        ways = networkx.single_source_dijkstra_path_length(graph, origin)
        theirs = np.array([ways.get(target, np.inf) for target in picked])
        way = np.isfinite(theirs)
        assert (way == np.isfinite(ours[i])).all()
        assert np.abs(ours[i][way] - theirs[way]).max() < 1e-6


def _agree(network, places, graph):
    """Compare all pairs within 1e-6 m; returns CPU seconds of both."""
    begin = time.process_time()
    found = network_distances(network, places, places).on_network
    ours = time.process_time() - begin
    begin = time.process_time()
    ways = [
        networkx.single_source_dijkstra_path_length(graph, ("stop", k))
        for k in range(len(places.place))
    ]
    theirs = time.process_time() - begin
    for i, j in itertools.product(range(len(ways)), repeat=2):
        expected = ways[i].get(("stop", j), np.inf)
        if np.isinf(expected):
            assert np.isinf(found[places.place[i], places.place[j]])
        else:
            assert abs(found[places.place[i], places.place[j]] - expected) < 1e-6
    return ours, theirs
