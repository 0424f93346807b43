import pytest
import shapely

from tools.feature_table import columns_of, read_table
from tools.layers import layer_by_role, load_catalogue

X, Y = 500_000.0, 3_300_000.0


@pytest.fixture
def spec(fixed_county):
    found = layer_by_role(load_catalogue(fixed_county.folder), "land_use")
    assert found is not None
    return found


def test_columns_leave_out_key_and_geometry(fixed_county, spec):
    assert columns_of(spec, fixed_county.folder) == ("BSM", "DLBM", "DLMC")


def test_everything_or_what_is_near_a_window(fixed_county, spec):
    def count(window, **more):
        return sum(map(len, read_table(spec, fixed_county.folder, window, ("BSM",), **more)))

    assert count(None) == 100
    inside = shapely.box(X + 410, Y + 410, X + 490, Y + 490)
    assert (count(inside), count(inside, widen_m=50)) == (1, 9)
    assert count(None, chunk=7) == 100
