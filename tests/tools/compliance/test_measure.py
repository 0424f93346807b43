import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity

from cspon.errors import InputError
from tools.compliance.measure import measure_land_use, measure_line
from tools.compliance.patches import patches
from tools.geometry.area import ellipsoidal_area_m2
from tools.land_use import UNCOVERED
from tools.layers import layer_by_role, load_catalogue

X, Y = 500_000.0, 3_300_000.0


def spec_of(county, role="land_use"):
    spec = layer_by_role(load_catalogue(county.folder), role)
    assert spec is not None
    return spec


def box(*corners: float) -> shapely.Polygon:
    return affinity.translate(shapely.box(*corners), X, Y)


def total(measure) -> float:
    return sum(code.area_m2 for code in measure.codes.values())


def test_inside_and_outside_of_a_line(fixed_county):
    line = measure_line(
        box(250, 250, 450, 850),
        spec_of(fixed_county, "permanent_basic_farmland"),
        fixed_county.folder,
    )
    assert line.inside.total_m2 == pytest.approx(50 * 600, rel=1e-6)
    assert line.outside.total_m2 == pytest.approx(150 * 600, rel=1e-6)
    assert len(line.inside.polygons) == len(line.outside.polygons) == 1


def test_overlapping_features_of_a_line_count_once(county):
    county.add(
        "ecological_redline", "STBHHX", "生态保护红线", [box(0, 0, 100, 100), box(50, 0, 150, 100)]
    )
    line = measure_line(box(0, 0, 200, 100), spec_of(county, "ecological_redline"), county.folder)
    assert line.inside.total_m2 == pytest.approx(15_000, rel=1e-6)
    assert len(line.inside.polygons) == 1


def test_slivers_are_contact_and_their_area_is_kept(fixed_county):
    spec = spec_of(fixed_county, "permanent_basic_farmland")
    line = measure_line(box(299.995, 0, 400, 100), spec, fixed_county.folder)
    assert len(line.inside.polygons) == 0
    assert line.inside.contact_m2 == pytest.approx(0.5, rel=1e-3)
    finer = measure_line(box(299.995, 0, 400, 100), spec, fixed_county.folder, sliver_m2=0.1)
    assert finer.inside.total_m2 == pytest.approx(0.5, rel=1e-3)


def test_land_use_and_crossings(fixed_county):
    project = box(250, 250, 450, 850)
    line = measure_line(project, spec_of(fixed_county, "ecological_redline"), fixed_county.folder)
    measure = measure_land_use(
        project, spec_of(fixed_county), fixed_county.folder, {"redline": line.inside}
    )
    areas = {code: round(m.area_m2) for code, m in measure.codes.items()}
    assert areas == {"0101": 30_000, "0103": 60_000, "0301": 30_000}
    assert {code: round(a) for code, a in measure.crossings["redline"].items()} == {
        "0101": 2_500,
        "0103": 5_000,
        "0301": 2_500,
    }
    assert sum(measure.patch_codes["redline", 0].values()) == pytest.approx(10_000, rel=1e-6)
    assert measure.uncovered is None


def test_the_part_that_no_parcel_covers_is_a_row(fixed_county):
    measure = measure_land_use(
        box(900, 0, 1100, 100), spec_of(fixed_county), fixed_county.folder, {}
    )
    assert measure.codes[UNCOVERED].area_m2 == pytest.approx(10_000, rel=1e-6)
    assert measure.codes["100101"].area_m2 == pytest.approx(10_000, rel=1e-6)


@pytest.mark.parametrize("parcel", [(5000, 0, 6000, 1000), (450, 0, 1000, 1000)])
def test_no_parcel_at_all_is_one_uncovered_row(county, parcel):
    county.land_use([box(*parcel)], ["0101"])
    conflict = patches(box(0, 0, 100, 100), 4547, 1.0)
    measure = measure_land_use(
        box(0, 0, 400, 100), spec_of(county), county.folder, {"line": conflict}
    )
    assert set(measure.codes) == {UNCOVERED}
    assert measure.codes[UNCOVERED].area_m2 == pytest.approx(40_000, rel=1e-6)
    assert measure.crossings["line"][UNCOVERED] == pytest.approx(10_000, rel=1e-6)


def test_a_gap_between_parcels_is_a_row_and_crosses_lines(county):
    county.land_use([box(0, 0, 100, 100), box(120, 0, 200, 100)], ["0101", "0301"])
    conflict = patches(box(90, 0, 130, 100), 4547, 1.0)
    measure = measure_land_use(
        box(0, 0, 200, 100), spec_of(county), county.folder, {"line": conflict}
    )
    assert measure.codes[UNCOVERED].area_m2 == pytest.approx(2_000, rel=1e-6)
    assert {c: round(a) for c, a in measure.crossings["line"].items()} == {
        "0101": 1_000,
        "0301": 1_000,
        UNCOVERED: 2_000,
    }


def test_overlapping_parcels_count_once(county):
    county.land_use(
        [box(0, 0, 100, 100), box(50, 0, 150, 100), box(60, 0, 200, 100)], ["0101", "0301", "0701"]
    )
    measure = measure_land_use(box(0, 0, 200, 100), spec_of(county), county.folder, {})
    assert total(measure) == pytest.approx(20_000, rel=1e-6)
    assert measure.overlapping_m2 == pytest.approx(14_000, rel=1e-6)
    assert UNCOVERED not in measure.codes


def test_overlaps_and_gaps_together_still_sum(county):
    county.land_use([box(0, 0, 100, 100), box(50, 0, 150, 100)], ["0101", "0301"])
    measure = measure_land_use(box(0, 0, 200, 100), spec_of(county), county.folder, {})
    assert total(measure) == pytest.approx(20_000, rel=1e-6)
    assert measure.codes[UNCOVERED].area_m2 == pytest.approx(5_000, rel=1e-6)
    assert measure.overlapping_m2 == pytest.approx(5_000, rel=1e-6)


def test_a_code_of_another_scheme_is_refused(county):
    county.land_use([box(0, 0, 1000, 1000)], ["0404"])
    with pytest.raises(InputError, match="不在用地用海分类"):
        measure_land_use(box(0, 0, 10, 10), spec_of(county), county.folder, {})


@given(
    st.floats(-200, 900, width=32),
    st.floats(-200, 900, width=32),
    st.floats(60, 500, width=32),
    st.floats(0, 90, width=32),
)
@settings(max_examples=40, deadline=None)
def test_codes_and_crossings_sum_to_the_whole(fixed_county, x, y, side, turn):
    project = affinity.rotate(box(x, y, x + side, y + side * 0.7), turn)
    if project.intersection(box(0, 0, 1000, 1000)).area < 1:
        return
    line = measure_line(
        project, spec_of(fixed_county, "urban_development_boundary"), fixed_county.folder
    )
    measure = measure_land_use(
        project, spec_of(fixed_county), fixed_county.folder, {"outside": line.outside}
    )
    whole = ellipsoidal_area_m2(project, 4547)
    assert total(measure) == pytest.approx(whole, rel=2e-5, abs=1.0)
    assert line.inside.total_m2 + line.outside.total_m2 == pytest.approx(whole, rel=2e-5, abs=2.0)
    assert sum(measure.crossings["outside"].values()) == pytest.approx(
        line.outside.total_m2, rel=2e-5, abs=1.0
    )
    planar = sum(shapely.area(g.polygons).sum() for g in (line.inside, line.outside))
    assert planar == pytest.approx(project.area, rel=1e-9, abs=2.0)


def test_rounding_errors_of_an_overlay_are_no_patches(fixed_county):
    """Where union and project round an edge differently, slivers without area are left."""
    for side in (447.0, 448.0):
        project = affinity.rotate(box(0, 0, side, side * 0.7), 24)
        line = measure_line(
            project, spec_of(fixed_county, "urban_development_boundary"), fixed_county.folder
        )
        assert (shapely.area(line.outside.polygons) > 1.0).all()
        measure = measure_land_use(
            project, spec_of(fixed_county), fixed_county.folder, {"outside": line.outside}
        )
        assert set(measure.crossings["outside"]) == {"0101", UNCOVERED}
