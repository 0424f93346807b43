"""Figures handed down: each direction, unit and omission."""

import pytest


def transmitted(draft, write):
    checks = ("upper_level", "upper_complete", "indicator_unit")
    return [(f.check, f.field) for f in write(draft).check().findings if f.check in checks]


@pytest.mark.parametrize(
    ("value", "unit", "sign", "expected"),
    [
        ("36.5", "%", "≥", []),
        ("36.6", "%", "≥", [("upper_level", "自然岸线保有率")]),
        ("36.5", "%", "", []),
        ("40", "%", "≤", [("upper_complete", "自然岸线保有率")]),
        ("36", "%", "=", [("upper_complete", "自然岸线保有率"), ("upper_level", "自然岸线保有率")]),
        ("36", "公里", "≥", [("indicator_unit", "自然岸线保有率")]),
    ],
)
def test_share_of_the_table(draft, write, value, unit, sign, expected):
    rows = draft.upper
    at = next(n for n, row in enumerate(rows) if row[0] == "自然岸线保有率")
    rows[at] = (rows[at][0], unit, value, sign)
    assert sorted(transmitted(draft, write)) == expected


@pytest.mark.parametrize(("value", "short"), [("2.1", False), ("2.09", True), ("2.2", False)])
def test_volume_in_another_unit(draft, write, value, short):
    rows = draft.upper
    at = next(n for n, row in enumerate(rows) if row[0] == "用水总量")
    rows[at] = (rows[at][0], "亿立方米", value, "≤")
    assert transmitted(draft, write) == [("upper_level", "用水总量")] * short
