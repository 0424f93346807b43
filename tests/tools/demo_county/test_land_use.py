import numpy as np
import pytest
import rasterio
import shapely

from tools.demo_county.zoning import NAMES
from tools.geometry.area import ellipsoidal_areas_m2

from .conftest import PARCELS, read


@pytest.fixture(scope="module")
def parcels(county):
    return read(
        county / "DLTB.gpkg", "DLTB", "BSM", "DLBM", "DLMC", "TBMJ", "XZQDM", "KCMJ", "TBDLMJ"
    )


def test_parcels_cover_the_county_without_gap_or_overlap(county, parcels):
    geometries, _ = parcels
    assert len(geometries) >= PARCELS
    assert shapely.is_valid(geometries).all()
    parts = shapely.get_parts(geometries)
    assert shapely.coverage_is_valid(parts)
    (whole,), _ = read(county / "XZQ.gpkg", "XZQ", "XZQDM")
    assert sum(len(part.interiors) for part in shapely.get_parts(whole)) == 0
    assert abs(shapely.area(geometries).sum() / whole.area - 1) < 1e-12


def test_towns_are_made_of_whole_parcels(county, parcels):
    geometries, rows = parcels
    towns, codes = read(county / "XZQ_XZ.gpkg", "XZQ_XZ", "XZQDM")
    assert len(towns) == 10
    assert shapely.coverage_is_valid(shapely.get_parts(towns))
    area = shapely.area(geometries)
    own = np.array([row[4] for row in rows])
    for town, (code,) in zip(towns, codes, strict=True):
        assert area[own == code].sum() == pytest.approx(town.area, rel=1e-12)


def test_coordinates_lie_on_the_millimetre(parcels):
    xy = shapely.get_coordinates(parcels[0])
    assert np.abs(np.round(xy, 3) - xy).max() < 1e-9


def test_there_are_holes_multi_parts_and_slivers(parcels):
    geometries, _ = parcels
    parts = shapely.get_parts(geometries)
    assert (shapely.get_num_interior_rings(parts) > 0).sum() > 5
    assert (shapely.get_num_geometries(geometries) > 1).sum() > 0
    thin = shapely.area(parts) / np.maximum(shapely.length(parts), 1) ** 2
    assert (thin < 0.002).sum() > 5


def test_attributes_are_those_of_the_geometry(parcels):
    geometries, rows = parcels
    ids, codes, names, area, _, banks, net = zip(*rows, strict=True)
    assert len(set(ids)) == len(ids)
    assert all(len(i) == 18 for i in ids)
    assert all(NAMES[code] == name for code, name in zip(codes, names, strict=True))
    assert np.abs(np.array(area) - ellipsoidal_areas_m2(geometries, 4547)).max() <= 0.0051
    assert np.abs(np.array(area) - np.array(banks) - np.array(net)).max() < 0.0101
    assert len(set(codes)) > 25


@pytest.mark.corpus
def test_codes_and_names_are_those_of_the_classification(shared):
    import json

    table = json.loads((shared / "domain" / "ydyh_2023.json").read_text("utf-8"))
    official = {row["code"]: row["name"] for row in table["rows"]}
    assert {code: official[code] for code in NAMES} == NAMES


def test_forest_stands_on_slopes_and_fields_on_the_plain(county, parcels):
    geometries, rows = parcels
    codes = np.array([row[1] for row in rows])
    with rasterio.open(county / "DEM.tif") as raster:
        points = shapely.get_coordinates(shapely.point_on_surface(geometries))
        heights, (cell, _, west, _, _, north) = raster.read(1), raster.transform[:6]
    row, column = (
        ((north - points[:, 1]) // cell).astype(int),
        ((points[:, 0] - west) // cell).astype(int),
    )
    height = heights[row, column]
    assert np.median(height[codes == "0301"]) > np.median(height[codes == "0101"]) + 50
