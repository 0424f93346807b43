"""The hand-made county of 1 km² with rasters of 10 m, two towns and a hazard zone."""

import shutil
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from tools.dual_evaluation.rasters import write_raster
from tools.raster.grid import Grid

X, Y = 500_000.0, 3_300_000.0
SIDE = 100
GRID = Grid(crs="EPSG:4547", west=X, north=Y + 1000, cell=10.0, width=SIDE, height=SIDE)


def surfaces() -> dict[str, Any]:
    """Surfaces by role; row 0 is the north. Every value is a whole or a tenth."""
    row, column = np.mgrid[0:SIDE, 0:SIDE]
    rng = np.random.default_rng(7)
    height = (
        100 + 0.05 * row**2 + 8 * np.sin(column / 6) * (row > 50) + rng.integers(0, 3, (SIDE, SIDE))
    )
    return {
        "dem": np.round(height, 1),
        "precipitation": np.round(1000 + 3.0 * row + rng.integers(0, 40, (SIDE, SIDE))),
        "evapotranspiration": np.round(600 + 1.0 * column),
        "accumulated_temperature": np.full((SIDE, SIDE), 5000.0),
        "vegetation_cover": np.round(rng.uniform(0.3, 1.0, (SIDE, SIDE)), 2),
        "soil_sand": rng.integers(20, 60, (SIDE, SIDE)).astype(float),
        "soil_silt": np.where(column < 10, 85.0, 30.0),
    }


UNITS = {"dem": "m", "precipitation": "mm", "evapotranspiration": "mm", "vegetation_cover": "1"}


def add_raster(
    county: Any, role: str, values: Any, *, nodata: float = -9999.0, grid: Grid = GRID
) -> Path:
    """Write a raster layer into a county's catalogue; NaN becomes no data."""
    file = county.folder / f"{role}.tif"
    kept = np.where(np.isnan(values), nodata, values).astype(np.float32)
    write_raster(file, kept, grid, nodata=nodata)
    county.layers = [entry for entry in county.layers if entry["role"] != role]
    county.layers.append(
        {"role": role, "name": role.upper(), "title": role, "path": file.name, "geometry": "raster",
         "epsg": 4547, "date": "2025-12-31", "synthetic": True, "source": "tests"}
    )  # fmt: skip
    county.save()
    return file


def box(x0: float, y0: float, x1: float, y1: float) -> Any:
    """A box in metres from the county's south-west corner."""
    return shapely.box(X + x0, Y + y0, X + x1, Y + y1)


def fill(county: Any) -> Any:
    """Add everything that 2020 reads but what a configuration gives."""
    for role, values in surfaces().items():
        add_raster(county, role, values)
    county.add(
        "admin_town", "XZ", "乡镇", [box(0, 0, 500, 1000), box(500, 0, 1000, 1000)],
        fields={"BSM": ["1", "2"], "MC": ["西镇", "东镇"]}, name_field="MC",
    )  # fmt: skip
    county.add(
        "geohazard_zones", "DZZH", "地质灾害易发区", [box(200, 300, 400, 500)],
        fields={"BSM": ["1"], "YFCD": ["极高"]}, name_field="YFCD",
    )  # fmt: skip
    return county


@pytest.fixture
def dual_county(county) -> Any:
    """The county with rasters, towns and a hazard zone; a test may change it."""
    return fill(county)


@pytest.fixture(scope="session")
def steady_county(fixed_county, tmp_path_factory) -> Any:
    """The same, made once: for tests that only read."""
    folder = Path(shutil.copytree(fixed_county.folder, tmp_path_factory.mktemp("dual") / "county"))
    copy = type(fixed_county)(folder)
    copy.layers = deepcopy(fixed_county.layers)
    return fill(copy)


@pytest.fixture
def local_box() -> Callable[..., Any]:
    """A box in metres from the county's south-west corner."""
    return box
