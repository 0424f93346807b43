from pathlib import Path

import numpy as np
import pytest
import rasterio

from tools.raster.grid import Grid


@pytest.fixture
def grid():
    return Grid(crs="EPSG:4547", west=500_000, north=3_400_000, cell=30, width=60, height=40)


@pytest.fixture
def write_tif(tmp_path):
    """Write an array as a tiled GeoTIFF on a grid; options override the profile."""

    def write(name: str, values, grid: Grid, nodata=None, **options) -> Path:
        values = np.asarray(values)
        bands = values if values.ndim == 3 else values[None]
        profile = {
            "driver": "GTiff", "width": bands.shape[2], "height": bands.shape[1], "count": bands.shape[0],
            "dtype": bands.dtype, "nodata": nodata, "crs": grid.crs, "transform": grid.affine,
            "tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "zstd",
        }  # fmt: skip
        file = tmp_path / name
        with rasterio.open(file, "w", **(profile | options)) as dataset:
            dataset.write(bands)
        return file

    return write


@pytest.fixture
def read_tif():
    def read(written):
        """Return a written raster as int64 with -1 for no data."""
        with rasterio.open(written.file) as dataset:
            values = dataset.read(1).astype(np.int64)
        values[values == written.nodata] = -1
        return values

    return read


@pytest.fixture(scope="session")
def kernels(tmp_path_factory):
    """Kernels that are compiled once for all tests."""
    pytest.importorskip("numba")
    return tmp_path_factory.mktemp("kernels")
