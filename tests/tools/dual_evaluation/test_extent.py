"""The grid: its size is checked before anything is allocated."""

import pytest

from cspon.errors import InputError
from tools.dual_evaluation.extent import MOST_CELLS, check_size
from tools.raster.grid import Grid


def grid(width, height, cell=10.0):
    return Grid(crs="EPSG:4547", west=0, north=0, cell=cell, width=width, height=height)


@pytest.mark.parametrize(
    ("width", "height", "cell"), [(20_000, 20_000, 10.0), (900_000, 900_000, 1.0)]
)
def test_the_cell_that_is_named_fits(width, height, cell):
    with pytest.raises(InputError, match=r"\{cell: (\d+)\}") as error:
        check_size(grid(width, height, cell))
    fits = int(str(error.value).split("cell: ")[1].split("}")[0])
    again = Grid.from_bounds(grid(width, height, cell).bounds, crs="EPSG:4547", cell=fits)
    assert again.width * again.height <= MOST_CELLS
    smaller = Grid.from_bounds(grid(width, height, cell).bounds, crs="EPSG:4547", cell=fits - 2)
    assert smaller.width * smaller.height > MOST_CELLS


def test_the_limit_itself_is_allowed():
    check_size(grid(MOST_CELLS // 1000, 1000))
