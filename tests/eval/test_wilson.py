import pytest

from eval.wilson import interval


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)],
)
def test_published_values(right, n, low, high):
    found = interval([1.0] * right + [0.0] * (n - right))
    assert found == {"value": right / n, "low": low, "high": high}
