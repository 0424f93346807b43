import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from cspon.errors import InputError
from tests.tools.compliance.conftest import zoned
from tests.tools.conftest import local
from tools.compliance.rounding import hectares as hectares_of
from tools.compliance.survey import rounded_zones
from tools.compliance.zones import measure_zones
from tools.geometry.area import ellipsoidal_area_m2
from tools.land_use import UNCOVERED
from tools.layers import layer_by_role, load_catalogue


def measured(county, role, project, *, partition=False):
    spec = layer_by_role(load_catalogue(county.folder), role)
    return measure_zones(project, spec, county.folder, partition=partition)


def hectares(measure):
    return {code: round(area / 1e4, 4) for code, area in measure.areas_m2.items()}


def test_zones_of_a_line_are_measured_each_by_itself(full_county):
    measure = measured(full_county, "heritage_line", local(0, 0, 100, 50))
    assert hectares(measure) == {"文物保护单位保护范围": 0.25, "文物保护单位建设控制地带": 0.5}
    assert measure.findings == ()


def test_a_partition_sums_to_the_project(full_county):
    measure = measured(full_county, "planning_zones", local(200, 700, 400, 900), partition=True)
    assert hectares(measure) == {"农田保护区": 1.0, "工业发展区": 1.0, "生态保护区": 2.0}
    assert measure.names["工业发展区"] == "城镇集中建设区—工业发展区"


def test_what_no_zone_covers_is_a_row_and_a_shared_place_counts_once(own_county):
    zoned(
        own_county, "planning_zones", "GHFQ", "planning_zones",
        {"农田保护区": [(0, 0, 500, 1000)], "生态保护区": [(400, 0, 800, 1000)]},
    )  # fmt: skip
    measure = measured(own_county, "planning_zones", local(300, 0, 1000, 100), partition=True)
    assert hectares(measure) == {"农田保护区": 2.0, "生态保护区": 3.0, UNCOVERED: 2.0}
    assert measure.overlapping_m2 == pytest.approx(10_000, abs=0.01)


def test_the_old_scheme_of_reserves_is_another_scheme(own_county):
    zoned(
        own_county, "nature_reserve", "ZRBHD", "reserve_zones_2017",
        {"核心区": [(0, 0, 100, 100)], "缓冲区": [(100, 0, 200, 100)]},
    )  # fmt: skip
    measure = measured(own_county, "nature_reserve", local(50, 0, 150, 100))
    assert hectares(measure) == {"核心区": 0.5, "缓冲区": 0.5}


@pytest.mark.parametrize(
    ("scheme", "code", "message"),
    [
        ("reserve_zones_2026", "核心区", "要素 1 的代码“核心区”不在.*它属于“自然保护区功能分区"),
        ("reserve_zones_2026", "", "要素 1 没有代码"),
        ("flood_zones", "核心保护区", "编码体系是 flood_zones"),
        ("none", "核心保护区", "没有写编码体系"),
    ],
)
def test_a_wrong_code_or_scheme_is_refused(own_county, scheme, code, message):
    zoned(own_county, "nature_reserve", "ZRBHD", scheme, {code: [(0, 0, 100, 100)]})
    with pytest.raises(InputError, match=message) as error:
        measured(own_county, "nature_reserve", local(0, 0, 100, 100))
    assert error.value.layer == "ZRBHD"
    assert error.value.field in ("DM", "code_scheme")
    assert error.value.mend


def test_planned_land_use_with_a_third_survey_code_is_refused(own_county):
    zoned(own_county, "planned_land_use", "YDYHGHFQ", "ydyh_2023", {"1107": [(0, 0, 1000, 1000)]})
    with pytest.raises(InputError, match="1107 不在用地用海分类"):
        measured(own_county, "planned_land_use", local(0, 0, 100, 100), partition=True)


def test_patches_of_a_zone(full_county):
    measure = measured(full_county, "flood_risk_line", local(850, 50, 1000, 150))
    group = measure.patches("蓄滞洪区", 1.0)
    assert len(group.polygons) == 1
    assert shapely.equals(group.polygons[0], local(900, 100, 1000, 150))


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(*[st.integers(0, 9_990)] * 2),
    st.tuples(*[st.integers(10, 9_000)] * 2),
    st.floats(0, 3),
)
def test_zones_of_any_project_sum_to_it_as_users_see_them(full_county, corner, size, angle):
    x, y = corner[0] / 10, corner[1] / 10
    box = local(x, y, min(1000, x + size[0] / 10), min(1000, y + size[1] / 10))
    project = affinity.rotate(box, angle, use_radians=True).intersection(local(0, 0, 1000, 1000))
    total = hectares_of(ellipsoidal_area_m2(project, 4547))
    for role in ("planning_zones", "planned_land_use"):
        measure = measured(full_county, role, project, partition=True)
        assert round(sum(rounded_zones(measure, total).values()), 4) == total
        assert UNCOVERED not in measure.areas_m2
