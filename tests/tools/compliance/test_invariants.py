"""What holds of every compliance check, whatever the project and the layers."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry.base import BaseGeometry

from cspon.schemas.spatial import Compliance
from tests.tools.conftest import CODES, EPSG, LINES, County, X, Y, local, make_county, write_layer
from tools.compliance.check import check_compliance
from tools.compliance.survey import Survey, survey_project
from tools.geometry.area import ellipsoidal_area_m2
from tools.layers import load_catalogue
from tools.rules.evaluate import rules_in_use

DAY = date(2026, 11, 22)
RELATIVE, ABSOLUTE_M2 = 1e-9, 1e-3
"""Two ways of cutting round vertices differently: a nanometre along some kilometres of edges."""
EARTH_M = 6_371_000.0
MORE = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def projects(draw: st.DrawFn) -> BaseGeometry:
    """Rings with corners at any angle, some with a hole or in two parts, wholly in the county."""
    corners = draw(st.integers(3, 12))
    turns = np.sort(
        draw(st.lists(st.floats(0, 1), min_size=corners, max_size=corners, unique=True))
    )
    radius = draw(st.floats(40, 300))
    x, y = draw(st.floats(320, 680)), draw(st.floats(320, 680))
    points = [
        (X + x + radius * np.cos(2 * np.pi * t), Y + y + radius * np.sin(2 * np.pi * t))
        for t in turns
    ]
    shape = shapely.make_valid(shapely.Polygon(points), method="structure")
    if draw(st.booleans()):
        shape = shape.difference(shapely.Point(X + x, Y + y).buffer(radius / 5, quad_segs=2))
    if draw(st.booleans()):
        shape = shape.union(local(20, 20, 20 + radius / 4, 60))
    return shape if shape.area > 200 else shape.union(local(100, 100, 150, 150))


def survey(project: BaseGeometry, county: County, sliver_m2: float = 1.0) -> Survey:
    """Measure a project without rounding."""
    shapely.prepare(project)
    return survey_project(
        project, load_catalogue(county.folder), county.folder, rules_in_use(),
        project_type="industrial_park", asked_on=DAY, sliver_m2=sliver_m2,
    )  # fmt: skip


def bulge_m2(project: BaseGeometry) -> float:
    """Return by how much the areas of pieces and whole may differ.

    An edge is straight in longitude and latitude between its ends, so that a cut, which adds an end,
    moves it: between its chord and its arc lie at most L³ / 12 R at these latitudes.
    """
    lengths = [
        np.hypot(*np.diff(shapely.get_coordinates(ring), axis=0).T)
        for ring in shapely.get_rings(shapely.get_parts(project))
    ]
    return float((np.concatenate(lengths) ** 3).sum() / (12 * EARTH_M)) + 0.01


def by_line(found: Survey) -> dict[str, float]:
    return {role: line.inside.total_m2 for role, line in found.lines.items()}


def by_code(found: Survey) -> dict[str, float]:
    assert found.land_use is not None
    return {code: entry.area_m2 for code, entry in found.land_use.codes.items()}


def assert_same(left: dict[str, float], right: dict[str, float], within_m2: float = 0.0) -> None:
    whole = max([1.0, *left.values(), *right.values()])
    for key in {*left, *right}:
        difference = abs(left.get(key, 0.0) - right.get(key, 0.0))
        assert difference <= RELATIVE * whole + ABSOLUTE_M2 + within_m2, (
            key,
            left.get(key),
            right.get(key),
        )


@MORE
@given(project=projects())
def test_parts_sum_to_the_whole_by_line_and_by_code(fixed_county, project):
    found = survey(project, fixed_county)
    whole = ellipsoidal_area_m2(project, EPSG)
    near = bulge_m2(project)
    for role, line in found.lines.items():
        sides = line.inside.total_m2 + line.outside.total_m2
        contact = line.inside.contact_m2 + line.outside.contact_m2
        assert sides + contact == pytest.approx(whole, abs=near), role
    assert sum(by_code(found).values()) == pytest.approx(whole, abs=near)
    for name, conflict in found.conflicts.items():
        crossed = sum(found.land_use.crossings[name].values())
        assert crossed == pytest.approx(conflict.patches.total_m2, abs=near), name
        for patch, area in enumerate(conflict.patches.areas_m2.tolist()):
            inside = sum(found.land_use.patch_codes[name, patch].values())
            assert inside == pytest.approx(area, abs=near), (name, patch)


@MORE
@given(project=projects())
def test_what_users_see_sums_as_well(fixed_county, project, tmp_path):
    file = tmp_path / "project.gpkg"
    file.unlink(missing_ok=True)
    write_layer(file, "project", [project])
    data = Compliance.model_validate(check_compliance(file, fixed_county.folder, asked_on=DAY).data)
    assert round(sum(row.area_ha for row in data.codes), 4) == data.area_ha


@dataclass(frozen=True)
class Moved:
    """A county moved as a whole."""

    east: float
    north: float
    county: County


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Moved, ...]:
    """The county at other places of the zone: metres that a float holds exactly, and others."""

    def at(folder: Path, east: float, north: float) -> Moved:
        return Moved(east, north, rebuilt(folder, lambda s: affinity.translate(s, east, north)))

    places = ((4096.0, 0.0), (-20_000.125, 35_000.25), (12_345.678, -9_876.543))
    return tuple(at(tmp_path_factory.mktemp("moved"), *place) for place in places)


def rebuilt(
    folder: Path, change: Callable[[BaseGeometry], BaseGeometry], shuffle: int | None = None
) -> County:
    """Make the county again, every geometry changed, in another order where asked for."""
    county = County(folder)
    cells = [
        (change(local(100 * i, 100 * j, 100 * i + 100, 100 * j + 100)), CODES[i])
        for j in range(10)
        for i in range(10)
    ]
    if shuffle is not None:
        random.Random(shuffle).shuffle(cells)
    county.land_use([shape for shape, _ in cells], [code for _, code in cells])
    for role, (name, title, boxes) in LINES.items():
        county.add(role, name, title, [change(local(*box)) for box in boxes])
    return county


@MORE
@given(project=projects(), which=st.integers(0, 2))
def test_moving_project_and_layers_together_changes_nothing_planar(
    fixed_county, moved, project, which
):
    """Ellipsoidal areas depend on the place; planar ones do not."""
    there = moved[which]
    here_found = survey(project, fixed_county)
    other = affinity.translate(project, there.east, there.north)
    there_found = survey(other, there.county)

    def planar(found: Survey) -> dict[str, float]:
        return {
            role: float(shapely.area(line.inside.polygons).sum())
            for role, line in found.lines.items()
        }

    assert_same(planar(here_found), planar(there_found))
    assert set(here_found.conflicts) == set(there_found.conflicts)
    scale = ellipsoidal_area_m2(other, EPSG) / ellipsoidal_area_m2(project, EPSG)
    stretched = {code: area * scale for code, area in by_code(here_found).items()}
    assert_same(stretched, by_code(there_found), 2 * bulge_m2(project) + 1e-6 * project.area)


@MORE
@given(project=projects(), cut=st.floats(0.1, 0.9), turn=st.floats(0, 180))
def test_two_parts_of_a_project_have_the_area_of_the_whole(fixed_county, project, cut, turn):
    min_x, min_y, max_x, max_y = project.bounds
    x = min_x + cut * (max_x - min_x)
    knife = affinity.rotate(
        shapely.box(x, min_y - 2_000, x + 4_000, max_y + 2_000),
        turn,
        origin=(x, (min_y + max_y) / 2),
    )
    parts = [shapely.intersection(project, knife), shapely.difference(project, knife)]
    if any(part.area < 1 or part.geom_type not in ("Polygon", "MultiPolygon") for part in parts):
        return
    whole = survey(project, fixed_county, sliver_m2=0.0)
    halves = [survey(part, fixed_county, sliver_m2=0.0) for part in parts]
    for areas in (by_line, by_code):
        summed: dict[str, float] = {}
        for half in halves:
            for key, area in areas(half).items():
                summed[key] = summed.get(key, 0.0) + area
        assert_same(areas(whole), summed, bulge_m2(project) + sum(map(bulge_m2, parts)))


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory: pytest.TempPathFactory) -> tuple[County, ...]:
    return tuple(
        rebuilt(tmp_path_factory.mktemp("shuffled"), lambda s: s, shuffle=seed) for seed in (1, 2)
    )


@MORE
@given(project=projects(), which=st.integers(0, 1))
def test_the_order_of_features_is_irrelevant(fixed_county, shuffled, project, which):
    one, other = survey(project, fixed_county), survey(project, shuffled[which])
    assert_same(by_line(one), by_line(other))
    assert_same(by_code(one), by_code(other))
    assert set(one.conflicts) == set(other.conflicts)
    assert one.land_use.crossings.keys() == other.land_use.crossings.keys()
    for name in one.land_use.crossings:
        assert_same(one.land_use.crossings[name], other.land_use.crossings[name])


@MORE
@given(project=projects(), small=st.floats(0, 50), more=st.floats(0, 5_000))
def test_a_larger_tolerance_never_finds_more(fixed_county, project, small, more):
    fine, coarse = (survey(project, fixed_county, sliver) for sliver in (small, small + more))
    for role, line in fine.lines.items():
        for side in ("inside", "outside"):
            lesser, greater = getattr(coarse.lines[role], side), getattr(line, side)
            assert len(lesser.polygons) <= len(greater.polygons)
            assert lesser.total_m2 <= greater.total_m2 + ABSOLUTE_M2
            assert lesser.contact_m2 >= greater.contact_m2 - ABSOLUTE_M2
            kept = shapely.area(lesser.polygons).sum() + lesser.contact_m2
            assert kept == pytest.approx(shapely.area(greater.polygons).sum() + greater.contact_m2)
    found = {name for name, c in coarse.conflicts.items() if len(c.patches.polygons)}
    assert found <= {name for name, c in fine.conflicts.items() if len(c.patches.polygons)}
    assert sum(by_code(coarse).values()) == pytest.approx(sum(by_code(fine).values()), rel=1e-9)


def test_the_county_of_these_tests_is_the_usual_one(tmp_path, fixed_county):
    again = rebuilt(tmp_path, lambda s: s)
    assert [e["role"] for e in again.layers] == [e["role"] for e in make_county(tmp_path).layers]
