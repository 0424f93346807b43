import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.demo_county.noise import Fractal, Warp, hash01, smoothstep


def test_hash_depends_on_every_key_and_lies_in_the_unit_interval():
    keys = np.arange(1000)
    one = hash01(1, 2, keys)
    assert ((one >= 0) & (one < 1)).all()
    assert np.array_equal(one, hash01(1, 2, keys))
    assert abs(one.mean() - 0.5) < 0.03
    for other in (hash01(2, 2, keys), hash01(1, 3, keys), hash01(1, 2, keys, 1)):
        assert not np.isclose(one, other).any()


@given(x=st.floats(4e5, 7e5), y=st.floats(3e6, 4e6))
def test_noise_at_a_place_does_not_depend_on_what_else_is_asked(x, y):
    noise = Fractal(5, 1, 800.0)
    alone = noise(np.array([x]), np.array([y]))[0]
    among = noise(np.array([x + 9e4, x, 4e5]), np.array([y, y, 3.2e6]))[1]
    assert alone == among
    assert -1 <= alone <= 1


def test_warp_moves_no_further_than_its_amplitudes():
    warp = Warp(3, 1, ((250.0, 6000.0), (25.0, 700.0)))
    x, y = np.meshgrid(np.linspace(0, 2e4, 60), np.linspace(0, 2e4, 60))
    u, v = warp(x, y)
    assert np.abs(u - x).max() <= 275
    assert np.abs(v - y).max() <= 275
    assert np.abs(u - x).max() > 50


def test_a_warp_that_could_fold_is_refused():
    with pytest.raises(AssertionError, match="folds"):
        Warp(1, 1, ((100.0, 500.0),))


def test_smoothstep_ends():
    assert smoothstep(1, 3, np.array([0.0, 1.0, 2.0, 3.0, 9.0])).tolist() == [0, 0, 0.5, 1, 1]
