import math

import numpy as np
import pytest

from cspon.errors import InputError
from tests.tools.compliance.conftest import CELL_M, add_dem, elevation, hillside
from tests.tools.conftest import local
from tools.compliance.slope import measure_slope, slope_degrees
from tools.layers import layer_by_role, load_catalogue


def measured(county, project, thresholds=frozenset({25.0})):
    spec = layer_by_role(load_catalogue(county.folder), "dem")
    return measure_slope(project, spec, county.folder, set(thresholds))


def horn(z, row, column, cell):
    """The formula as Horn (1981) and GDAL write it, one cell at a time."""
    a, b, c, d, _, f, g, h, i = z[row - 1 : row + 2, column - 1 : column + 2].ravel()
    x = ((a + 2 * d + g) - (c + 2 * f + i)) / (8 * cell)
    y = ((g + 2 * h + i) - (a + 2 * b + c)) / (8 * cell)
    return math.degrees(math.atan(math.hypot(x, y)))


def test_slope_is_horns():
    z = np.random.default_rng(7).normal(100, 20, (9, 11))
    slope = slope_degrees(z, 30.0, 30.0)
    assert np.isnan(slope[0]).all() and np.isnan(slope[:, -1]).all()
    for row in range(1, 8):
        for column in range(1, 10):
            assert slope[row, column] == pytest.approx(horn(z, row, column, 30.0), abs=1e-12)


def test_a_cell_beside_an_unknown_one_has_no_slope():
    z = np.zeros((5, 5))
    z[2, 2] = np.nan
    assert np.isnan(slope_degrees(z, 1, 1)[1:4, 1:4]).all()


def test_steep_area_is_clipped_to_the_project(full_county):
    found = measured(full_county, local(105, 103, 405, 203))
    assert found.max_degrees == pytest.approx(30.0, abs=1e-3)
    assert found.over[25.0].total_m2 == pytest.approx(85 * 100, rel=1e-4)  # x < 190: 19 cells
    assert found.unknown_m2 == 0
    assert 0 < found.mean_degrees < 30
    assert found.cell_m == CELL_M


def test_level_ground(full_county):
    found = measured(full_county, local(500, 500, 600, 600))
    assert found.max_degrees == 0
    assert len(found.over[25.0].polygons) == 0


def test_a_project_within_one_cell(full_county):
    found = measured(full_county, local(102, 102, 104, 104))
    assert found.over[25.0].total_m2 == pytest.approx(4.0, rel=1e-3)


def test_land_without_elevation_is_said(own_county):
    heights = hillside()
    heights[:, 60:] = -9999.0  # x >= 500
    add_dem(own_county, heights)
    found = measured(own_county, local(400, 400, 600, 500))
    assert found.unknown_m2 == pytest.approx(110 * 100, rel=1e-6)  # the last known column has none
    assert measured(own_county, local(700, 400, 800, 500)) is None


def test_a_raster_that_does_not_reach(own_county):
    assert measured(own_county, local(90_000, 0, 90_100, 100)) is None


def test_a_raster_in_another_system_is_refused(own_county):
    elevation(own_county.folder, hillside(), epsg=4548)
    with pytest.raises(InputError, match="EPSG:4548，目录写的是 EPSG:4547"):
        measured(own_county, local(0, 0, 100, 100))


def test_a_missing_or_broken_raster(own_county):
    (own_county.folder / "DEM.tif").write_bytes(b"not a raster")
    with pytest.raises(InputError, match="高程栅格无法读取"):
        measured(own_county, local(0, 0, 100, 100))
    (own_county.folder / "DEM.tif").unlink()
    with pytest.raises(InputError, match="文件不存在"):
        measured(own_county, local(0, 0, 100, 100))
