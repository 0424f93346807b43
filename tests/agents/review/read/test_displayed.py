"""Numbers as Excel shows them."""

from datetime import datetime

import pytest

from agents.review.read.displayed import displayed


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        (8333.333, "General", "8333.333"),
        (8333, "General", "8333"),
        (1234567.125, "#,##0.00", "1,234,567.13"),
        (0.155, "0.0%", "15.5%"),
        (0.155, "0.00%;[Red]-0.00%", "15.50%"),
        (-46.0, '0.00_);[Red]"("0.00")"', "-46.00"),
        (12.5, '0.0"万亩"', "12.5万亩"),
        (12.5, "0.##", "12.5"),
        (12.0, "0.##", "12"),
        (125000, '0!.0,"万"', "125000"),
        (-0.001, "0.00", "0.00"),
        (0.1 + 0.2, "General", "0.3"),
        (31524.36, "@", "31524.36"),
        (True, "General", "是"),
        (None, "General", ""),
        (datetime(2035, 12, 31), "yyyy-mm-dd", "2035-12-31"),
        (" 耕地 ", "General", "耕地"),
    ],
)
def test_displayed(value, number_format, shown):
    assert displayed(value, number_format) == shown
