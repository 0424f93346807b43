import itertools

import numpy as np
import pytest
import shapely

from tools.demo_county.zoning import CULTIVATED

from .conftest import read

LINES = {"YJJBNT": "JBNTTBBH", "STBHHX": "STGN", "CZKFBJ": "FQLX"}


@pytest.fixture(scope="module")
def lines(county):
    return {name: read(county / f"{name}.gpkg", name, field) for name, field in LINES.items()}


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(LINES, 2)))
def test_no_line_overlaps_another(lines, one, other):
    a, b = lines[one][0], lines[other][0]
    left, right = shapely.STRtree(a).query(b, "intersects")
    assert shapely.area(shapely.intersection(a[right], b[left])).sum() == 0


def test_areas_of_one_line_do_not_overlap_and_are_valid(lines):
    for geometries, _ in lines.values():
        assert len(geometries) > 0
        assert shapely.is_valid(geometries).all()
        left, right = shapely.STRtree(geometries).query(geometries, "intersects")
        once = left < right
        overlap = shapely.intersection(geometries[left[once]], geometries[right[once]])
        assert shapely.area(overlap).sum() < 1e-6


def test_farmland_is_cultivated_parcels_and_four_fifths_of_them(county, lines):
    parcels, rows = read(county / "DLTB.gpkg", "DLTB", "DLBM")
    cultivated = parcels[np.isin([row[0] for row in rows], CULTIVATED)]
    farmland = shapely.area(lines["YJJBNT"][0]).sum()
    assert farmland > 0.8 * shapely.area(cultivated).sum()
    tree = shapely.STRtree(cultivated)
    patch, parcel = tree.query(lines["YJJBNT"][0], "intersects")
    inside = shapely.intersection(lines["YJJBNT"][0][patch], cultivated[parcel])
    assert shapely.area(inside).sum() == pytest.approx(farmland, rel=1e-9)


def test_redline_has_curves_and_several_parts(lines):
    parts = shapely.get_parts(lines["STBHHX"][0])
    assert len(parts) >= 4
    assert shapely.get_num_coordinates(parts).max() > 150


def test_boundary_has_its_three_zones(lines):
    kinds = {row[0] for row in lines["CZKFBJ"][1]}
    assert kinds == {"城镇集中建设区", "城镇弹性发展区", "特别用途区"}
