"""The clock of the limits: it never goes back, and never stands still."""

from hypothesis import given
from hypothesis import strategies as st

from serving.budget.steady import Steady


class Hands:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


def test_it_follows_a_clock_that_runs():
    wall, ticks = Hands(1000.0), Hands(5.0)
    steady = Steady(wall, ticks)
    assert steady() == 1000.0
    wall.now, ticks.now = 1060.0, 65.0
    assert steady() == 1060.0


def test_a_clock_that_was_ahead_for_a_while_does_not_stop_time():
    wall, ticks = Hands(1000.0), Hands(0.0)
    steady = Steady(wall, ticks)
    wall.now += 86_400
    assert steady() == 87_400.0
    wall.now, ticks.now = 1001.0, 1.0
    assert steady() == 87_401.0
    ticks.now = 121.0
    assert steady() == 87_521.0


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(0, 100)), max_size=30))
def test_it_never_goes_back(steps):
    wall, ticks = Hands(1e9), Hands(0.0)
    steady, told = Steady(wall, ticks), [0.0]
    for jump, passed in steps:
        wall.now += jump
        ticks.now += passed
        told.append(steady())
    assert told == sorted(told)
