import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from cspon.errors import InputError
from tools.raster.patches import label_patches
from tools.raster.plan import Thresholds
from tools.raster.sources import Source


@given(seed=st.integers(0, 999), strip=st.integers(1, 45), connectivity=st.sampled_from([4, 8]))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_labels_equal_those_of_the_whole_raster(
    tmp_path, grid, write_tif, seed, strip, connectivity
):
    values = np.random.default_rng(seed).integers(0, 3, (40, 60)).astype("uint8")
    file = write_tif("v.tif", values, grid, 255)
    patches = label_patches(
        Source(file=file),
        grid,
        {1, 2},
        tmp_path / "p.tif",
        connectivity=connectivity,
        strip_rows=strip,
    )
    with rasterio.open(patches.file) as dataset:
        found = dataset.read(1)
    expected, count = label(values > 0, structure=np.ones((3, 3)) if connectivity == 8 else None)
    assert patches.count == count
    assert patches.total_m2 == (values > 0).sum() * 900
    assert ((found > 0) == (expected > 0)).all()
    # Numbers follow the order in which a reader of rows meets the patches.
    met, where = np.unique(found, return_index=True)
    assert (np.diff(where[met > 0]) > 0).all() and found.max() == count
    pairs = np.unique(np.stack([found[found > 0], expected[found > 0]]), axis=1)
    assert pairs.shape[1] == count
    areas = np.bincount(expected.ravel())[1:] * 900.0
    assert patches.area_m2 == tuple(np.sort(areas)[::-1][:100])


def test_grades_by_area(tmp_path, grid, write_tif):
    values = np.zeros((40, 60), "uint8")
    values[0:2, 0:2] = 5  # 3,600 m²
    values[10:30, 10:30] = 5  # 360,000 m²
    grades = Thresholds(bounds=(3_600, 250_000), scores=(1, 2, 3), closed="left")
    patches = label_patches(
        Source(file=write_tif("v.tif", values, grid, 255)), grid, {5}, tmp_path / "p.tif",
        grades=grades, strip_rows=16,
    )  # fmt: skip
    with rasterio.open(patches.file) as dataset:
        found = dataset.read(1)
    assert found[0, 0] == 2 and found[20, 20] == 3 and found[5, 5] == 255


def test_a_patch_that_returns_to_a_strip_has_one_number_and_its_whole_area(
    tmp_path, grid, write_tif
):
    values = np.zeros((40, 60), "uint8")
    values[5, ::4] = 1  # teeth of a comb whose back lies strips below
    values[5:38, ::4] = 1
    values[38, :] = 1
    values[20, 2] = 1
    source = Source(file=write_tif("v.tif", values, grid, 255))
    patches = label_patches(source, grid, {1}, tmp_path / "p.tif", strip_rows=7, connectivity=4)
    with rasterio.open(patches.file) as dataset:
        found = dataset.read(1)
    assert patches.count == 2 and found[20, 2] == 2
    assert set(found[(values > 0) & (found != 2)]) == {1}
    assert patches.area_m2 == (((values > 0).sum() - 1) * 900.0, 900.0)


def test_no_patch_at_all(tmp_path, grid, write_tif):
    file = write_tif("v.tif", np.zeros((40, 60), "uint8"), grid, 255)
    patches = label_patches(Source(file=file), grid, {5}, tmp_path / "p.tif")
    assert patches.count == 0 and patches.area_m2 == ()


def test_floating_numbers_are_refused(tmp_path, grid, write_tif):
    file = write_tif("v.tif", np.zeros((40, 60), "float32"), grid)
    with pytest.raises(InputError, match="浮点"):
        label_patches(Source(file=file), grid, {5}, tmp_path / "p.tif")


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"cell": 25.0}, {}, "25 米"),
        ({"west": 500_015}, {}, "格网不同"),
        ({}, {"crs": "EPSG:4490", "transform": Affine(0.001, 0, 114, 0, -0.001, 30)}, "地理坐标系"),
    ],
)  # fmt: skip
def test_another_grid_is_refused(tmp_path, grid, write_tif, change, options, message):
    values = np.zeros((40, 60), "uint8")
    file = write_tif("v.tif", values, grid.model_copy(update=change), 255, **options)
    with pytest.raises(InputError, match=message) as caught:
        label_patches(Source(file=file), grid, {5}, tmp_path / "p.tif")
    assert str(file) in str(caught.value)
    assert list(tmp_path.iterdir()) == [file]


def test_three_bands_are_refused(tmp_path, grid, write_tif):
    file = write_tif("rgb.tif", np.zeros((3, 40, 60), "uint8"), grid)
    with pytest.raises(InputError, match="3 个波段"):
        label_patches(Source(file=file), grid, {5}, tmp_path / "p.tif")


def test_cells_without_data_divide_patches(tmp_path, grid, write_tif):
    values = np.full((40, 60), 7, "uint8")
    values[:, 30] = 255
    values[12, :] = 255  # divides across a strip as well
    source = Source(file=write_tif("v.tif", values, grid, 255))
    patches = label_patches(source, grid, {7, 255}, tmp_path / "p.tif", strip_rows=8)
    with rasterio.open(patches.file) as dataset:
        found = dataset.read(1)
    assert patches.count == 4
    assert ((found == 0) == (values == 255)).all()
