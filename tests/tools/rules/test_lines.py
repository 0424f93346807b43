import pytest

from cspon.schemas.spatial import LayerCatalogue, LayerSpec, LineOverlap, Verdict
from tools.rules.concerns import conflicting_zones, distance_rules, slope_rules
from tools.rules.lines import PARTITIONS, line_roles, role_title, zone_schemes
from tools.rules.load import load_rules
from tools.rules.model import Site
from tools.rules.own_lines import own_line_outcomes


def test_roles_stand_in_the_order_of_results_and_have_known_schemes():
    roles = list(line_roles().values())
    assert len(roles) >= 19
    assert [r.order for r in roles] == sorted(r.order for r in roles)
    coded = {s for r in roles for s in r.schemes} - {"none", "ydyh_2023"}
    assert coded == set(zone_schemes())
    assert all(r.geometry == "line" for r in roles if r.measure == "near")
    assert set(PARTITIONS) <= {r.role for r in roles if r.measure == "zoned"}


def test_titles():
    own = LayerSpec(
        role="custom_a", name="A", title="试点区", path="a.gpkg", epsg=4547, date="2025", source="t"
    )
    place = LayerCatalogue(title="县", region_code="1", region_name="县", epsg=4547, layers=(own,))
    assert role_title("ecological_redline") == "生态保护红线"
    assert role_title("land_use") == "土地利用现状"
    assert role_title("custom_a", place) == "试点区"
    assert role_title("custom_a") == "custom_a"


def test_distances_and_slopes_are_those_of_rules_that_apply():
    rules = load_rules()
    everywhere = Site(area_ha=1.0, project_type="industrial_park")
    assert set(distance_rules(rules, everywhere)) >= {"roads", "power_lines"}
    dry = Site(area_ha=1.0, project_type="industrial_park", absent={"roads": "无", "dem": "平原"})
    assert "roads" not in distance_rules(rules, dry)
    assert slope_rules(rules, dry) == []
    assert slope_rules(rules, everywhere)


def test_zones_that_do_not_fit_a_kind_of_project():
    site = Site(
        area_ha=3.0,
        project_type="industrial_park",
        zones={"planned_land_use": {"100101": 1.0, "0101": 1.0, "未覆盖": 1.0}},
        schemes={"planned_land_use": "ydyh_2023"},
    )
    found = conflicting_zones("planned_land_use", load_rules(), site)
    assert found == {"0101": Verdict.NEEDS_STUDY}  # a part conforms
    farmland = {"planned_land_use": {"0101": 3.0}}
    found = conflicting_zones(
        "planned_land_use", load_rules(), site.model_copy(update={"zones": farmland})
    )
    assert found == {"0101": Verdict.FAIL}
    assert conflicting_zones("planning_zones", load_rules(), site) == {}


@pytest.mark.parametrize("outside_county", [0.0, 2.0])
def test_an_own_line_that_is_clear_passes_only_where_there_is_data(outside_county):
    line = LineOverlap(
        role="custom_a", name="A", title="甲", present=True, area_ha=0.0, outside_ha=1.0
    )
    other = LineOverlap(role="ecological_redline", name="B", title="乙", present=True, area_ha=1.0)
    found = own_line_outcomes([line, other], outside_county)
    assert list(found) == ["custom_a"]
    expected = Verdict.MISSING_DATA if outside_county else Verdict.PASS
    assert found["custom_a"][0].verdict is expected
