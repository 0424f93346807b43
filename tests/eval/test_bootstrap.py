import pytest

from eval.bootstrap import interval, paired


def test_the_interval_holds_the_mean_and_repeats():
    one = interval([0, 1] * 50)
    assert one["low"] < one["value"] == 0.5 < one["high"]
    assert one == interval([0, 1] * 50)
    assert interval([1, 1, 1]) == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_more_items_narrow_the_interval():
    few, many = interval([0, 1] * 10), interval([0, 1] * 1000)
    assert many["high"] - many["low"] < few["high"] - few["low"]


def test_pairing_sees_a_small_steady_gain():
    first = [i % 10 / 10 for i in range(200)]
    second = [min(v + 0.02, 1) for v in first]
    difference = paired(first, second)
    assert difference["low"] > 0
    assert difference["value"] == pytest.approx(0.02, abs=1e-3)
    assert difference["p"] < 0.01


def test_no_difference_is_not_significant():
    same = paired([0, 1, 1, 0], [0, 1, 1, 0])
    assert (same["value"], same["p"]) == (0.0, 1.0)
    assert paired([0, 1] * 20, [1, 0] * 20)["p"] > 0.5
