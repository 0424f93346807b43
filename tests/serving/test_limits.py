import pytest

from serving.limits import Slots
from serving.problems import ApiError


def test_one_more_than_the_slots_is_told_to_come_back():
    slots = Slots(2)
    with slots.one(), slots.one():
        with pytest.raises(ApiError) as error, slots.one():
            raise AssertionError
        assert error.value.status == 429
        assert int(error.value.headers["retry-after"]) > 0
    assert slots.taken == 0


def test_a_slot_is_free_again_after_an_error():
    slots = Slots(1)
    with pytest.raises(ValueError), slots.one():
        raise ValueError
    with slots.one():
        assert slots.taken == 1
